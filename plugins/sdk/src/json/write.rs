//! The writer: one canonical form, so that equal values are equal bytes.

use super::Value;

pub(super) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out.push('\n');
    out
}

fn write(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number),
        Value::Text(text) => write_text(out, text),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                open_line(out, index, level + 1);
                write(out, item, level + 1);
            }
            close(out, ']', items.is_empty(), level);
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, entry)) in entries.iter().enumerate() {
                open_line(out, index, level + 1);
                write_text(out, key);
                out.push_str(": ");
                write(out, entry, level + 1);
            }
            close(out, '}', entries.is_empty(), level);
        }
    }
}

fn open_line(out: &mut String, index: usize, level: usize) {
    out.push_str(if index == 0 { "\n" } else { ",\n" });
    indent(out, level);
}

fn close(out: &mut String, bracket: char, empty: bool, level: usize) {
    if !empty {
        out.push('\n');
        indent(out, level);
    }
    out.push(bracket);
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn write_text(out: &mut String, text: &str) {
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
            '\0'..='\u{1f}' => {
                out.push_str("\\u00");
                for shift in [4, 0] {
                    let digit = (character as u32 >> shift) & 0xf;
                    out.push(char::from_digit(digit, 16).unwrap_or('0'));
                }
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_reads_back_as_itself() {
        let text = "{\n  \"a\": [\n    1,\n    -2.50e1,\n    null\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"é\\\"\\\\\": \"\\u0001\\n😀\u{7f}\"\n}\n";
        let value = Value::parse(text).unwrap();
        assert_eq!(pretty(&value), text);
        assert_eq!(Value::parse(&pretty(&value)).unwrap(), value);
    }
}
