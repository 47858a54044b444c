//! YAML as the filter `yaml` writes it: few quotes, lists set in by one blank.

use super::Parameters::None as Nothing;
use super::{Filter, Invocation};
use crate::error::Fail;
use crate::print;
use crate::value::{Kind, Value};

pub(super) const FILTERS: &[Filter] = &[Filter {
    name: "yaml",
    parameters: Nothing,
    run: yaml,
}];

/// Plain words that readers of YAML take for something else than text, in small letters.
const RESERVED: [&str; 10] = [
    "false", "n", "no", "null", "off", "on", "true", "y", "yes", "~",
];

fn yaml(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::text("null"));
    }
    let mut text = String::new();
    match &call.input.kind {
        Kind::List(items) if !items.is_empty() => list(items, 0, &mut text),
        Kind::Map(entries) if !entries.is_empty() => map(entries, 0, &mut text),
        _ => {
            scalar(&call.input, 0, &mut text);
            // What is kept of the end of a block is its own.
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
    }
    call.budget.charge_bytes(text.len())?;
    Ok(Value::text(text))
}

fn blanks(count: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', count));
}

fn list(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        blanks(indent + 1, out);
        out.push('-');
        match &item.kind {
            Kind::Map(entries) if !entries.is_empty() => {
                // The first key stands behind the dash.
                let start = out.len();
                map(entries, indent + 3, out);
                out.replace_range(start..start + indent + 3, " ");
            }
            Kind::List(inner) if !inner.is_empty() => {
                let start = out.len();
                list(inner, indent + 2, out);
                out.replace_range(start..start + indent + 3, " ");
            }
            _ => {
                out.push(' ');
                scalar(item, indent + 1, out);
                end(out);
            }
        }
    }
}

fn map(entries: &crate::value::Map, indent: usize, out: &mut String) {
    for (key, value) in entries {
        blanks(indent, out);
        match name_needs_quotes(key) || !is_plain(key) {
            true => print::quoted(key, out),
            false => out.push_str(key),
        }
        out.push(':');
        match &value.kind {
            Kind::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                map(inner, indent + 2, out);
            }
            Kind::List(items) if !items.is_empty() => {
                out.push('\n');
                list(items, indent, out);
            }
            _ => {
                out.push(' ');
                scalar(value, indent, out);
                end(out);
            }
        }
    }
}

fn end(out: &mut String) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// What stands in one place; `indent` is that of what it belongs to.
fn scalar(value: &Value, indent: usize, out: &mut String) {
    match &value.kind {
        Kind::Text(text) => written(text, indent, out),
        Kind::Float(number) if number.is_nan() => out.push_str(".nan"),
        Kind::Float(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { ".inf" } else { "-.inf" });
        }
        Kind::DateTime(moment) => out.push_str(&print::datetime(moment)),
        _ => print::json(value, out),
    }
}

fn written(text: &str, indent: usize, out: &mut String) {
    if is_reserved(text) || has_sign(text) {
        print::quoted(text, out);
    } else if text.contains('\n') {
        match fits_block(text) {
            true => block(text, indent, out),
            false => print::quoted(text, out),
        }
    } else if is_plain(text) {
        out.push_str(text);
    } else if text.chars().any(char::is_control) {
        print::quoted(text, out);
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

/// Lines below a `|`, which says how the text ends and, where its first line is set in, by how much all are.
fn block(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let body = text.strip_suffix('\n');
    match body {
        None => out.push('-'),
        Some(body) if body.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            blanks(indent + 2, out);
            out.push_str(line);
        }
    }
    out.push('\n');
}

/// Whether lines can be written as they are: a blank at the end of one would be lost to whoever looks at it.
fn fits_block(text: &str) -> bool {
    let lines = text.split('\n').all(|line| !line.ends_with([' ', '\t']));
    lines
        && !text
            .chars()
            .any(|character| character.is_control() && character != '\n')
}

fn is_reserved(text: &str) -> bool {
    let small = text.to_lowercase();
    // `nO` is a text like any other.
    let cased = text == small || text == text.to_uppercase() || is_title(text);
    text.is_empty() || (cased && RESERVED.contains(&&*small))
}

fn is_title(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
}

fn name_needs_quotes(name: &str) -> bool {
    let first = name.bytes().next();
    is_reserved(name)
        || name.contains(['\n', '\r', '\t'])
        || first.is_some_and(|first| first.is_ascii_digit() || b"-+.".contains(&first))
}

/// Whether a text has what would end it, or begin something else, inside a list or map in one line.
fn has_sign(text: &str) -> bool {
    text.contains(['[', ']', '{', '}', ','])
        || [" #", "\t#", ": ", ":\t"]
            .iter()
            .any(|sign| text.contains(sign))
}

/// Whether a text of one line is read as itself without quotes, be it as text or as a number.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let second = text.chars().nth(1);
    let indicator = match first {
        None => true,
        Some('-' | '?' | ':') => second.is_none_or(|second| second == ' '),
        Some(first) => "#&*!|>'\"%@`,[]{}".contains(first),
    };
    let changed = indicator
        || text.starts_with(' ')
        || text.ends_with([' ', ':'])
        || ["---", "..."].iter().any(|mark| text.starts_with(mark))
        || has_sign(text)
        || text.chars().any(char::is_control);
    !changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn as_yaml(json: &serde_json::Value) -> String {
        let value = Value::from_json(json);
        let mut out = String::new();
        match &value.kind {
            Kind::List(items) if !items.is_empty() => list(items, 0, &mut out),
            Kind::Map(entries) if !entries.is_empty() => map(entries, 0, &mut out),
            _ => {
                scalar(&value, 0, &mut out);
                end(&mut out);
            }
        }
        out
    }

    #[test]
    fn values_are_written() {
        let check = |json: serde_json::Value, expected: &str| {
            assert_eq!(as_yaml(&json), expected);
        };
        check(json!("string"), "string\n");
        check(json!(1.123), "1.123\n");
        check(json!(["string", 1, 1.123]), " - string\n - 1\n - 1.123\n");
        check(
            json!({"a": [1, {"b": 2, "c": {"d": [], "e": {}}}, [3, 4]], "f": null}),
            "a:\n - 1\n - b: 2\n   c:\n     d: []\n     e: {}\n - - 3\n   - 4\nf: null\n",
        );
        check(
            json!({"1": "1", "no": "yes", "x y": "-"}),
            "\"1\": 1\n\"no\": \"yes\"\nx y: '-'\n",
        );
        check(
            json!({"a": "b\nc\n", "d": "e\nf"}),
            "a: |\n  b\n  c\nd: |-\n  e\n  f\n",
        );
        check(json!(["b\n\nc\n\n"]), " - |+\n   b\n\n   c\n\n");
        check(
            json!(["a: b", "a #b", "#b", " x", "it's", "@it's"]),
            " - \"a: b\"\n - \"a #b\"\n - '#b'\n - ' x'\n - it's\n - '@it''s'\n",
        );
    }
}
