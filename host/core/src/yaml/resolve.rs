//! What a scalar means under the YAML 1.2 core schema. `yes`, `on` and `NO` are text here, and `010` is ten.

use super::{ScalarStyle, ScalarValue};

/// What a scalar of this style and without a tag means.
pub(super) fn resolve(text: &str, style: ScalarStyle) -> ScalarValue {
    if style == ScalarStyle::Plain {
        resolve_plain(text)
    } else {
        ScalarValue::Text
    }
}

/// What a scalar under a standard tag means; nothing where the text does not fit the tag.
pub(super) fn resolve_tagged(text: &str, tag: &str) -> Option<ScalarValue> {
    let plain = resolve_plain(text);
    match (tag, plain) {
        ("str", _) => Some(ScalarValue::Text),
        ("null", ScalarValue::Null)
        | ("bool", ScalarValue::Bool(_))
        | ("int", ScalarValue::Int(_))
        | ("float", ScalarValue::Float(_)) => Some(plain),
        #[expect(
            clippy::cast_precision_loss,
            reason = "the author asked for a floating point number"
        )]
        ("float", ScalarValue::Int(whole)) => Some(ScalarValue::Float(whole as f64)),
        _ => None,
    }
}

fn resolve_plain(text: &str) -> ScalarValue {
    let Some(&first) = text.as_bytes().first() else {
        return ScalarValue::Null;
    };
    match first {
        b'~' if text.len() == 1 => ScalarValue::Null,
        b'n' | b'N' if matches!(text, "null" | "Null" | "NULL") => ScalarValue::Null,
        b't' | b'T' if matches!(text, "true" | "True" | "TRUE") => ScalarValue::Bool(true),
        b'f' | b'F' if matches!(text, "false" | "False" | "FALSE") => ScalarValue::Bool(false),
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or(ScalarValue::Text),
        _ => ScalarValue::Text,
    }
}

fn number(text: &str) -> Option<ScalarValue> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    match unsigned {
        ".inf" | ".Inf" | ".INF" if negative => return Some(ScalarValue::Float(f64::NEG_INFINITY)),
        ".inf" | ".Inf" | ".INF" => return Some(ScalarValue::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => {
            return Some(ScalarValue::Float(f64::NAN));
        }
        _ => {}
    }
    let bytes = unsigned.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let whole = digits(0);
    if whole == bytes.len() && whole > 0 {
        return match text.parse() {
            Ok(value) => Some(ScalarValue::Int(value)),
            // A number beyond 64 bits is still a number.
            Err(_) => text.parse().ok().map(ScalarValue::Float),
        };
    }
    let mut at = whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if whole + fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        let exponent = digits(at.min(bytes.len()));
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    if at != bytes.len() {
        return None;
    }
    text.parse().ok().map(ScalarValue::Float)
}

fn radix(digits: &str, radix: u32) -> Option<ScalarValue> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(match i64::from_str_radix(digits, radix) {
        Ok(value) => ScalarValue::Int(value),
        Err(_) => {
            let value = digits.chars().fold(0.0, |value, digit| {
                value * f64::from(radix) + f64::from(digit.to_digit(radix).unwrap_or(0))
            });
            ScalarValue::Float(value)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ScalarValue::{Bool, Float, Int, Null, Text};

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("Null", Null),
            ("NULL", Null),
            ("nULL", Text),
            ("true", Bool(true)),
            ("True", Bool(true)),
            ("TRUE", Bool(true)),
            ("tRue", Text),
            ("false", Bool(false)),
            ("FALSE", Bool(false)),
            ("yes", Text),
            ("on", Text),
            ("NO", Text),
            ("n", Text),
            ("0", Int(0)),
            ("010", Int(10)),
            ("-7", Int(-7)),
            ("+7", Int(7)),
            ("0o17", Int(15)),
            ("0x1F", Int(31)),
            ("0o8", Text),
            ("0x", Text),
            ("0b1", Text),
            ("1_000", Text),
            ("9223372036854775807", Int(i64::MAX)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("9223372036854775808", Float(9_223_372_036_854_775_808.0)),
            ("0xFFFFFFFFFFFFFFFF", Float(18_446_744_073_709_551_615.0)),
            ("1.10", Float(1.1)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            ("-.5", Float(-0.5)),
            ("1e3", Float(1000.0)),
            ("1.5E-2", Float(0.015)),
            (".", Text),
            ("-", Text),
            ("+", Text),
            ("-.", Text),
            ("1e", Text),
            ("1e+", Text),
            ("e3", Text),
            ("1.2.3", Text),
            ("2024-01-01", Text),
            ("12:30", Text),
            ("1 2", Text),
            (".inf", Float(f64::INFINITY)),
            ("-.INF", Float(f64::NEG_INFINITY)),
            ("+.Inf", Float(f64::INFINITY)),
            ("inf", Text),
            ("nan", Text),
            ("-.nan", Text),
            ("é", Text),
            ("0é", Text),
        ] {
            assert_eq!(resolve(text, ScalarStyle::Plain), expected, "{text:?}");
            assert_eq!(resolve(text, ScalarStyle::SingleQuoted), Text, "{text:?}");
        }
        assert!(matches!(
            resolve(".NaN", ScalarStyle::Plain),
            Float(value) if value.is_nan()
        ));
    }

    #[test]
    fn tags_win_over_the_schema() {
        for (text, tag, expected) in [
            ("12", "str", Some(Text)),
            ("", "str", Some(Text)),
            ("12", "int", Some(Int(12))),
            ("12", "float", Some(Float(12.0))),
            ("x", "int", None),
            ("1.5", "int", None),
            ("true", "bool", Some(Bool(true))),
            ("yes", "bool", None),
            ("", "null", Some(Null)),
            ("a", "null", None),
            ("a", "binary", None),
        ] {
            assert_eq!(resolve_tagged(text, tag), expected, "{text:?} as !!{tag}");
        }
    }
}
