//! A schema as text. Editors load it at every start, so it has no blanks that nobody reads; what fits into a line stands in one, so that a
//! difference between two versions shows the definition it is in.

use std::fmt::Write as _;

use serde_json::Value;

/// The longest line that a list or map may make, its indentation included.
const WIDTH: usize = 4_000;

/// The document as JSON with one blank of indentation and a line feed at the end.
pub fn print(document: &Value) -> String {
    let mut text = String::new();
    value(document, 0, 0, &mut text);
    text.push('\n');
    text
}

fn value(value: &Value, indent: usize, used: usize, text: &mut String) {
    let one_line = value.to_string();
    let structured = matches!(value, Value::Object(_) | Value::Array(_));
    if !structured || used + one_line.len() <= WIDTH {
        text.push_str(&one_line);
        return;
    }
    let inner = indent + 1;
    let (open, close) = match value {
        Value::Object(_) => ('{', '}'),
        _ => ('[', ']'),
    };
    text.push(open);
    let mut first = true;
    let mut begin = |text: &mut String| {
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', inner));
    };
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                begin(text);
                let key = Value::from(key.as_str()).to_string();
                let _ = write!(text, "{key}:");
                // One more for the comma.
                self::value(child, inner, inner + key.len() + 2, text);
            }
        }
        Value::Array(items) => {
            for child in items {
                begin(text);
                self::value(child, inner, inner + 1, text);
            }
        }
        _ => {}
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', indent));
    text.push(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stands_in_a_line() {
        let long = "x".repeat(WIDTH);
        let document = json!({ "a": { "b": [1, "two"], "c": {} }, "long": [long, { "d": null }] });
        let expected = format!(
            "{{\n \"a\":{{\"b\":[1,\"two\"],\"c\":{{}}}},\n \"long\":[\n  \"{long}\",\n  {{\"d\":null}}\n ]\n}}\n"
        );
        assert_eq!(print(&document), expected);
        let read: Value = serde_json::from_str(&print(&document)).expect("JSON");
        assert_eq!(read, document);
    }
}
