//! A schema as text. Editors load it at every start, so it has no blanks that nobody reads; what fits into a line stands in one, so that a
//! difference between two versions shows the definition it is in.

use serde_json::Value;

/// The longest line that a list or map may make, its indentation included.
const WIDTH: usize = 4_000;

/// The document as JSON with one blank of indentation and a line feed at the end.
pub fn print(document: &Value) -> String {
    let mut text = Vec::new();
    value(document, 0, 0, &mut text);
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is text")
}

fn value(value: &Value, indent: usize, used: usize, text: &mut Vec<u8>) {
    let structured = matches!(value, Value::Object(_) | Value::Array(_));
    if !structured || after(value, WIDTH.saturating_sub(used)).is_some() {
        serde_json::to_writer(text, value).expect("memory takes all that is written");
        return;
    }
    let inner = indent + 1;
    let (open, close) = match value {
        Value::Object(_) => (b'{', b'}'),
        _ => (b'[', b']'),
    };
    text.push(open);
    let mut first = true;
    let mut begin = |text: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            text.push(b',');
        }
        text.push(b'\n');
        text.extend(std::iter::repeat_n(b' ', inner));
    };
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                begin(text);
                let key = Value::from(key.as_str()).to_string();
                text.extend(key.bytes());
                text.push(b':');
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
    text.push(b'\n');
    text.extend(std::iter::repeat_n(b' ', indent));
    text.push(close);
}

/// What is left of so many bytes behind a value in one line; nothing where it takes more. It looks no further than they reach, as it is
/// asked for every part of what does not fit.
fn after(value: &Value, bytes: usize) -> Option<usize> {
    let separated = |count: usize| count.saturating_sub(1);
    match value {
        Value::Object(map) => {
            let inside = bytes.checked_sub(2 + separated(map.len()))?;
            map.iter().try_fold(inside, |left, (key, child)| {
                after(child, left.checked_sub(quoted(key) + 1)?)
            })
        }
        Value::Array(items) => {
            let inside = bytes.checked_sub(2 + separated(items.len()))?;
            items
                .iter()
                .try_fold(inside, |left, child| after(child, left))
        }
        Value::String(words) => bytes.checked_sub(quoted(words)),
        other => bytes.checked_sub(other.to_string().len()),
    }
}

/// Bytes of a text in quotes.
fn quoted(words: &str) -> usize {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if words.bytes().all(plain) {
        words.len() + 2
    } else {
        Value::from(words).to_string().len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bytes_of_a_line_are_counted_as_they_are_written() {
        let check = |value: Value| {
            let written = value.to_string().len();
            assert_eq!(after(&value, written), Some(0), "{value}");
            assert_eq!(after(&value, written - 1), None, "{value}");
        };
        check(json!(null));
        check(json!(-1.5));
        check(json!("a \"quoted\" \\ text\n\u{1}é"));
        check(json!([]));
        check(json!({}));
        check(json!({ "a\tb": [true, { "c": "d" }, []], "e": 12 }));
    }

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
