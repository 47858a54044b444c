//! How values become text: Java's way with floating numbers, ISO 8601 for dates, JSON for
//! containers. Knows nothing of evaluation.

use std::fmt::Write;

use crate::value::{Kind, Value};

/// Prints a value the way `{{ }}` does.
pub(crate) fn value(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::Null => {}
        Kind::Text(text) => out.push_str(text),
        Kind::DateTime(moment) => out.push_str(&datetime(moment)),
        _ => json(value, out),
    }
}

/// Prints a value as compact JSON.
pub(crate) fn json(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Kind::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Kind::Float(number) => out.push_str(&float(*number)),
        Kind::Text(text) => quoted(text, out),
        Kind::DateTime(moment) => quoted(&datetime(moment), out),
        Kind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json_element(item, out);
            }
            out.push(']');
        }
        Kind::Map(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quoted(key, out);
                out.push(':');
                json_element(item, out);
            }
            out.push('}');
        }
    }
}

/// How a JSON text is laid out.
pub(crate) struct Layout {
    /// Blanks for each level, each item on a line of its own; one line where there are none.
    pub(crate) indent: Option<usize>,
    /// What stands behind an item, and what behind a key.
    pub(crate) item: String,
    pub(crate) key: String,
    /// Whether the keys are in their own order rather than in that of the map.
    pub(crate) sort: bool,
    /// Whether everything beyond ASCII is escaped.
    pub(crate) ascii: bool,
}

/// Prints a value as JSON in a layout, at a depth of its document.
pub(crate) fn json_as(value: &Value, layout: &Layout, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        if let Some(indent) = layout.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    let text = |text: &str, out: &mut String| {
        let start = out.len();
        quoted(text, out);
        if layout.ascii && !out[start..].is_ascii() {
            let escaped = ascii(&out[start..]);
            out.replace_range(start.., &escaped);
        }
    };
    match &value.kind {
        Kind::List(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(&layout.item);
                }
                line(depth + 1, out);
                json_as(item, layout, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Kind::Map(entries) if !entries.is_empty() => {
            let mut entries: Vec<_> = entries.iter().collect();
            if layout.sort {
                entries.sort_by(|left, right| left.0.cmp(right.0));
            }
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(&layout.item);
                }
                line(depth + 1, out);
                text(key, out);
                out.push_str(&layout.key);
                json_as(item, layout, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Kind::Text(content) => text(content, out),
        _ => json_element(value, out),
    }
}

/// Writes what is beyond ASCII as `\uXXXX`, in two halves where it needs them.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// Inside a document a number that JSON cannot hold is quoted, so that it stays JSON.
fn json_element(value: &Value, out: &mut String) {
    match value.kind {
        Kind::Float(number) if !number.is_finite() => quoted(&float(number), out),
        _ => json(value, out),
    }
}

/// Writes a JSON string.
pub(crate) fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if (control as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04X}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Prints a double as Java does: always with a fraction, scientific from 10⁷ up and below 10⁻³.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-3..1e7).contains(&magnitude) {
        let scientific = format!("{number:E}");
        let (digits, exponent) = scientific.split_once('E').unwrap_or((&scientific, "0"));
        let fraction = if digits.contains('.') { "" } else { ".0" };
        return format!("{digits}{fraction}E{exponent}");
    }
    let plain = format!("{number}");
    if plain.contains('.') {
        plain
    } else {
        format!("{plain}.0")
    }
}

/// Prints a moment as Java prints an instant or an offset date-time: seconds always, the fraction
/// in groups of three digits, `Z` for UTC.
pub(crate) fn datetime(moment: &jiff::Zoned) -> String {
    let nanosecond = moment.subsec_nanosecond();
    let fraction = if nanosecond == 0 {
        String::new()
    } else if nanosecond % 1_000_000 == 0 {
        format!(".{:03}", nanosecond / 1_000_000)
    } else if nanosecond % 1_000 == 0 {
        format!(".{:06}", nanosecond / 1_000)
    } else {
        format!(".{nanosecond:09}")
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{}",
        moment.year(),
        moment.month(),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        offset(moment.offset().seconds(), true)
    )
}

/// Writes an offset in seconds as `+02:00`, with seconds where there are any.
pub(crate) fn offset(seconds: i32, z_for_utc: bool) -> String {
    if seconds == 0 && z_for_utc {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let mut text = format!("{sign}{:02}:{:02}", total / 3600, total / 60 % 60);
    if !total.is_multiple_of(60) {
        let _ = write!(text, ":{:02}", total % 60);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_java_prints_them() {
        let check = |number: f64, expected: &str| assert_eq!(float(number), expected);
        check(1.0, "1.0");
        check(-0.0, "-0.0");
        check(3.5, "3.5");
        check(1e7, "1.0E7");
        check(123456789.0, "1.23456789E8");
        check(9999999.0, "9999999.0");
        check(0.001, "0.001");
        check(0.0001, "1.0E-4");
        check(1.0 / 3.0, "0.3333333333333333");
        check(f64::INFINITY, "Infinity");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn containers_print_as_json() {
        let document = serde_json::json!({"a": [1, 2.0, null, "q\"\n\u{1}é"], "b": {}});
        assert_eq!(
            Value::from_json(&document).render_text(),
            "{\"a\":[1,2.0,null,\"q\\\"\\n\\u0001é\"],\"b\":{}}"
        );
    }

    #[test]
    fn dates_print_in_iso() {
        let check = |text: &str, expected: &str| {
            let moment: jiff::Zoned = text.parse().unwrap();
            assert_eq!(datetime(&moment), expected);
        };
        check("2024-05-06T07:08:09Z[UTC]", "2024-05-06T07:08:09Z");
        check("2024-05-06T07:08:09.5Z[UTC]", "2024-05-06T07:08:09.500Z");
        check(
            "2024-05-06T07:08:09.000001+02:00[+02:00]",
            "2024-05-06T07:08:09.000001+02:00",
        );
    }
}
