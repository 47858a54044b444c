//! Ion's text form: the filter `toIon`, and the function `fromIon`.

use super::Parameters::None as Nothing;
use super::{Filter, Invocation, ion_read};
use crate::error::Fail;
use crate::limits::Budget;
use crate::print;
use crate::value::{Kind, Value};

pub(super) const FILTERS: &[Filter] = &[Filter {
    name: "toIon",
    parameters: Nothing,
    run: to_ion,
}];

/// Words that are values of their own, so that a name of these letters is quoted.
const KEYWORDS: [&str; 4] = ["null", "true", "false", "nan"];

fn to_ion(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let mut text = String::new();
    write(&call.input, &mut text);
    call.budget.charge_bytes(text.len())?;
    Ok(Value::text(text))
}

fn write(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(_) | Kind::Int(_) => print::json(value, out),
        Kind::Float(number) => out.push_str(&float(*number)),
        Kind::Text(text) => quoted(text, '"', out),
        // Ion has moments, but the original writes this.
        Kind::DateTime(moment) => {
            out.push_str("ZonedDateTime::");
            quoted(&print::datetime(moment), '"', out);
        }
        Kind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Kind::Map(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                match is_plain_name(key) {
                    true => out.push_str(key),
                    false => quoted(key, '\'', out),
                }
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}

/// A double: always with an exponent, as without one Ion takes it for a decimal.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+inf" } else { "-inf" }.to_owned();
    }
    let text = print::float(number);
    match text.strip_suffix(".0") {
        Some(whole) => format!("{whole}e0"),
        None if text.contains('E') => text,
        None => format!("{text}e0"),
    }
}

fn is_plain_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$';
    let bytes = name.as_bytes();
    // `$10` is the number of a name in a table.
    let numbered = bytes.len() > 1 && bytes[0] == b'$' && bytes[1..].iter().all(u8::is_ascii_digit);
    bytes.first().is_some_and(|first| letter(*first))
        && bytes
            .iter()
            .all(|byte| letter(*byte) || byte.is_ascii_digit())
        && !numbered
        && !KEYWORDS.contains(&name)
}

fn quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            control if control.is_control() => {
                out.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            same if same == quote => {
                out.push('\\');
                out.push(quote);
            }
            other => out.push(other),
        }
    }
    out.push(quote);
}

/// `fromIon`: the first value of a text, or all of them.
pub(super) fn from_ion(ion: &Value, all_rows: bool, budget: &mut Budget) -> Result<Value, Fail> {
    match &ion.kind {
        Kind::Null => Ok(Value::null()),
        Kind::Text(text) => {
            budget.charge_bytes(text.len())?;
            let most = if all_rows { usize::MAX } else { 1 };
            let mut values = ion_read::values(text, most)
                .map_err(|error| Fail::value(format!("the text is not valid Ion: {error}")))?;
            budget.charge_items(values.len())?;
            if all_rows {
                return Ok(Value::list(values));
            }
            Ok(values.pop().unwrap_or_else(Value::null))
        }
        kind => Err(Fail::kind(format!(
            "`fromIon` takes text, not {}",
            kind.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written() {
        let check = |json: serde_json::Value, expected: &str| {
            let mut out = String::new();
            write(&Value::from_json(&json), &mut out);
            assert_eq!(out, expected);
            let read = ion_read::values(&out, 1).unwrap().pop().unwrap();
            assert_eq!(read, Value::from_json(&json), "{out} is read back");
        };
        check(json!(null), "null");
        check(json!(true), "true");
        check(json!(-12), "-12");
        check(json!(1.0), "1e0");
        check(json!(1.123), "1.123e0");
        check(json!(1e10), "1.0E10");
        check(json!("a \"b\"\n'c' ü\u{1}"), "\"a \\\"b\\\"\\n'c' ü\\x01\"");
        check(json!(["string", 1, {}, []]), "[\"string\",1,{},[]]");
        check(
            json!({"a": 1, "b c": 2, "null": 3, "$1": 4, "$x_1": 5, "": 6, "it's": 7}),
            "{a:1,'b c':2,'null':3,'$1':4,$x_1:5,'':6,'it\\'s':7}",
        );
    }
}
