//! One given value as a value of a declared type.

use std::path::PathBuf;

use jiff::civil;
use serde_json::Value;

use super::declaration::{InputType, ItemType};
use super::formats::{is_email, is_file_address, is_uri, moment, time, validator, yaml};
use crate::duration;

/// What an input is worth.
#[derive(Debug, Clone, PartialEq)]
pub enum InputValue {
    /// A value as expressions see it.
    Json(Value),
    /// A file of this host that is still to be stored.
    File(PathBuf),
    /// A text that must not be shown.
    Secret(String),
}

/// Reads a value as one of the declared type. A text is parsed where the type asks for it; a value that has the type already, as the
/// defaults of a flow may, is kept. `choices` are the rendered texts of a selection whose declaration has an expression.
///
/// # Errors
/// One sentence without the input's name: `expected INT, not `abc``.
pub fn convert(
    kind: &InputType,
    given: &Value,
    choices: Option<&[String]>,
) -> Result<InputValue, String> {
    let value = match kind {
        InputType::String { validator } => {
            let text = text(kind, given)?;
            validated(validator.as_deref(), &text)?;
            Value::String(text)
        }
        InputType::Secret { validator } => {
            let text = text(kind, given).map_err(|_| "expected text".to_owned())?;
            // The message must not show the value.
            validated(validator.as_deref(), &text)
                .map_err(|_| "the value does not match the validator".to_owned())?;
            return Ok(InputValue::Secret(text));
        }
        InputType::Select {
            values,
            allow_custom_value,
            ..
        } => {
            let text = text(kind, given)?;
            if !allow_custom_value {
                chosen(&text, values.as_deref(), choices)?;
            }
            Value::String(text)
        }
        InputType::MultiSelect {
            values,
            allow_custom_value,
            item_type,
            ..
        } => {
            let items = list(kind, given)?;
            let items = items
                .iter()
                .map(|value| item(*item_type, value))
                .collect::<Result<Vec<_>, _>>()?;
            if !allow_custom_value {
                for item in &items {
                    chosen(&plain(item), values.as_deref(), choices)?;
                }
            }
            Value::Array(items)
        }
        InputType::Array { item_type } => Value::Array(
            list(kind, given)?
                .iter()
                .enumerate()
                .map(|(index, value)| {
                    item(*item_type, value).map_err(|error| format!("item {}: {error}", index + 1))
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
        InputType::Int { min, max } => {
            let number = whole(given).ok_or_else(|| expected(kind, given))?;
            bounds(number, *min, *max, |bound| bound.to_string())?;
            Value::from(number)
        }
        InputType::Float { min, max } => {
            let number = number(given).ok_or_else(|| expected(kind, given))?;
            bounds(number, *min, *max, |bound| bound.to_string())?;
            Value::from(number)
        }
        InputType::Boolean => boolean(given).ok_or_else(|| expected(kind, given))?,
        InputType::DateTime { after, before } => {
            let text = text(kind, given)?;
            let moment = moment(&text).ok_or_else(|| expected(kind, given))?;
            bounds(moment, *after, *before, |bound| bound.to_string())?;
            Value::String(text)
        }
        InputType::Date { after, before } => {
            let text = text(kind, given)?;
            let day: civil::Date = text.parse().map_err(|_| expected(kind, given))?;
            bounds(day, *after, *before, |bound| bound.to_string())?;
            Value::String(day.to_string())
        }
        InputType::Time { after, before } => {
            let text = text(kind, given)?;
            let time = time(&text).ok_or_else(|| expected(kind, given))?;
            bounds(time, *after, *before, |bound| bound.to_string())?;
            Value::String(time.to_string())
        }
        InputType::Duration { min, max } => {
            let text = text(kind, given)?;
            let length = duration::parse(&text).map_err(|error| error.to_string())?;
            bounds(length, *min, *max, |bound| {
                format!("{} s", bound.as_secs_f64())
            })?;
            Value::String(text)
        }
        InputType::File => {
            let text = text(kind, given)?;
            if !is_file_address(&text) {
                return Err(expected(kind, given));
            }
            Value::String(text)
        }
        InputType::Json => match given {
            Value::String(text) => serde_json::from_str(text)
                .map_err(|error| format!("{}: {error}", expected(kind, given)))?,
            other => other.clone(),
        },
        InputType::Yaml => match given {
            Value::String(text) => {
                yaml(text).map_err(|error| format!("{}: {error}", expected(kind, given)))?
            }
            other => other.clone(),
        },
        InputType::Uri => {
            let text = text(kind, given)?;
            if !is_uri(&text) {
                return Err(expected(kind, given));
            }
            Value::String(text)
        }
        InputType::Email => {
            let text = text(kind, given)?;
            if !text.is_empty() && !is_email(&text) {
                return Err(expected(kind, given));
            }
            Value::String(text)
        }
    };
    Ok(InputValue::Json(value))
}

/// Reads the value of a flow's output as one of its declared type. Nothing stays nothing, and a type that is not known says nothing.
///
/// # Errors
/// One sentence without the output's name, as [`convert`].
pub fn convert_output(type_name: &str, value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let item_type = ItemType::String;
    let as_input = |kind: &InputType| match convert(kind, value, None)? {
        InputValue::Json(value) => Ok(value),
        InputValue::File(_) | InputValue::Secret(_) => Err(expected(kind, value)),
    };
    match type_name {
        "SELECT" | "ENUM" | "SECRET" => Ok(Value::String(plain(value))),
        "ARRAY" | "MULTISELECT" => list(&InputType::Array { item_type }, value).map(Value::Array),
        "YAML" => as_input(&InputType::Yaml),
        "FILE" => as_input(&InputType::File),
        other => ItemType::parse(other).map_or(Ok(value.clone()), |known| item(known, value)),
    }
}

fn item(item_type: ItemType, value: &Value) -> Result<Value, String> {
    let kind = match item_type {
        ItemType::String => return Ok(Value::String(plain(value))),
        ItemType::Int => InputType::Int {
            min: None,
            max: None,
        },
        ItemType::Float => InputType::Float {
            min: None,
            max: None,
        },
        ItemType::Boolean => InputType::Boolean,
        ItemType::DateTime => InputType::DateTime {
            after: None,
            before: None,
        },
        ItemType::Date => InputType::Date {
            after: None,
            before: None,
        },
        ItemType::Time => InputType::Time {
            after: None,
            before: None,
        },
        ItemType::Duration => InputType::Duration {
            min: None,
            max: None,
        },
        ItemType::Json => InputType::Json,
        ItemType::Uri => InputType::Uri,
        ItemType::Email => InputType::Email,
    };
    match convert(&kind, value, None)? {
        InputValue::Json(value) => Ok(value),
        InputValue::File(_) | InputValue::Secret(_) => Err(expected(&kind, value)),
    }
}

fn text(kind: &InputType, given: &Value) -> Result<String, String> {
    match given {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(given.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(expected(kind, given)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn list(kind: &InputType, given: &Value) -> Result<Vec<Value>, String> {
    match given {
        Value::Array(items) => Ok(items.clone()),
        Value::String(text) => serde_json::from_str(text).map_err(|_| {
            format!(
                "{}; write a JSON list, for example `[\"a\",\"b\"]`",
                expected(kind, given)
            )
        }),
        _ => Err(expected(kind, given)),
    }
}

fn whole(given: &Value) -> Option<i64> {
    match given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn number(given: &Value) -> Option<f64> {
    let number: f64 = match given {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    number.is_finite().then_some(number)
}

/// Only `true` is true, as in the original; what is neither `true` nor `false` is refused where the original takes it for false.
fn boolean(given: &Value) -> Option<Value> {
    match given {
        Value::Bool(_) => Some(given.clone()),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        _ => None,
    }
}

fn validated(pattern: Option<&str>, text: &str) -> Result<(), String> {
    let Some(pattern) = pattern else {
        return Ok(());
    };
    let regex = validator(pattern).map_err(|reason| {
        format!("the validator `{pattern}` is no regular expression: {reason}")
    })?;
    if regex.is_match(text) {
        Ok(())
    } else {
        Err(format!("{} does not match `{pattern}`", short(text)))
    }
}

fn chosen(
    text: &str,
    values: Option<&[std::sync::Arc<str>]>,
    choices: Option<&[String]>,
) -> Result<(), String> {
    let names: Vec<&str> = match (values, choices) {
        (_, Some(choices)) => choices.iter().map(String::as_str).collect(),
        (Some(values), None) => values.iter().map(AsRef::as_ref).collect(),
        (None, None) => return Ok(()),
    };
    if names.contains(&text) {
        return Ok(());
    }
    let listed = names
        .iter()
        .take(20)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    Err(format!("{} is not one of {listed}", short(text)))
}

fn bounds<T: PartialOrd>(
    value: T,
    least: Option<T>,
    most: Option<T>,
    show: impl Fn(&T) -> String,
) -> Result<(), String> {
    match (least, most) {
        (Some(least), _) if value < least => {
            Err(format!("{} is less than {}", show(&value), show(&least)))
        }
        (_, Some(most)) if value > most => {
            Err(format!("{} is more than {}", show(&value), show(&most)))
        }
        _ => Ok(()),
    }
}

fn expected(kind: &InputType, given: &Value) -> String {
    let hint = match kind {
        InputType::DateTime { .. } => " (for example `2026-01-31T08:00:00Z`)",
        InputType::Date { .. } => " (for example `2026-01-31`)",
        InputType::Time { .. } => " (for example `08:00:00`)",
        InputType::Boolean => " (`true` or `false`)",
        InputType::File => " (an address that begins with `kestra:///`, `nsfile://` or `file:///`)",
        InputType::Uri => " (for example `https://example.org/data.csv`)",
        _ => "",
    };
    format!(
        "expected {}{hint}, not {}",
        kind.name(),
        short(&plain(given))
    )
}

fn short(text: &str) -> String {
    if text.is_empty() {
        return "empty text".to_owned();
    }
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{}`", shown.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_every_type() {
        let check = |kind: InputType, given: Value, expected: Result<Value, &str>| match (
            convert(&kind, &given, None),
            expected,
        ) {
            (Ok(InputValue::Json(found)), Ok(expected)) => {
                assert_eq!(found, expected, "{kind:?} {given}");
            }
            (Err(message), Err(part)) => {
                assert!(message.contains(part), "{kind:?} {given}: {message}");
            }
            (found, expected) => panic!("{kind:?} {given}: {found:?}, not {expected:?}"),
        };
        let string = |pattern: Option<&str>| InputType::String {
            validator: pattern.map(Into::into),
        };
        check(string(None), json!("x"), Ok(json!("x")));
        check(string(None), json!(5), Ok(json!("5")));
        check(
            string(None),
            json!(["x"]),
            Err("expected STRING, not `[\"x\"]`"),
        );
        check(string(Some("[a-z]+")), json!("abc"), Ok(json!("abc")));
        check(
            string(Some("[a-z]+")),
            json!("abc1"),
            Err("`abc1` does not match `[a-z]+`"),
        );
        check(string(Some("a|b")), json!("ab"), Err("does not match"));
        check(
            string(Some("(")),
            json!("x"),
            Err("is no regular expression"),
        );
        let int = InputType::Int {
            min: Some(1),
            max: Some(10),
        };
        check(int.clone(), json!("5"), Ok(json!(5)));
        check(int.clone(), json!(5), Ok(json!(5)));
        check(int.clone(), json!("5.5"), Err("expected INT, not `5.5`"));
        check(int.clone(), json!("0"), Err("0 is less than 1"));
        check(int, json!("11"), Err("11 is more than 10"));
        let float = InputType::Float {
            min: None,
            max: Some(1.0),
        };
        check(float.clone(), json!("0.25"), Ok(json!(0.25)));
        check(float.clone(), json!("inf"), Err("expected FLOAT"));
        check(float, json!("1.5"), Err("1.5 is more than 1"));
        check(InputType::Boolean, json!("TRUE"), Ok(json!(true)));
        check(InputType::Boolean, json!("yes"), Err("`true` or `false`"));
        let list = |item_type| InputType::Array { item_type };
        check(list(ItemType::Int), json!("[1, \"2\"]"), Ok(json!([1, 2])));
        check(
            list(ItemType::Int),
            json!("[\"x\"]"),
            Err("item 1: expected INT"),
        );
        check(
            list(ItemType::String),
            json!([1, "b"]),
            Ok(json!(["1", "b"])),
        );
        check(
            list(ItemType::String),
            json!("a,b"),
            Err("write a JSON list"),
        );
        let select = |allow_custom_value| InputType::Select {
            values: Some(vec!["a".into(), "b".into()]),
            expression: None,
            allow_custom_value,
        };
        check(select(false), json!("a"), Ok(json!("a")));
        check(select(false), json!("c"), Err("`c` is not one of `a`, `b`"));
        check(select(true), json!("c"), Ok(json!("c")));
        let several = InputType::MultiSelect {
            values: Some(vec!["a".into(), "b".into()]),
            expression: None,
            allow_custom_value: false,
            item_type: ItemType::String,
        };
        check(
            several.clone(),
            json!("[\"a\",\"b\"]"),
            Ok(json!(["a", "b"])),
        );
        check(several, json!("[\"a\",\"x\"]"), Err("`x` is not one of"));
        let moment_of = moment;
        let moment = InputType::DateTime {
            after: moment_of("2026-01-01T00:00:00Z"),
            before: None,
        };
        check(
            moment.clone(),
            json!("2026-01-31T08:00:00Z"),
            Ok(json!("2026-01-31T08:00:00Z")),
        );
        check(
            moment.clone(),
            json!("2025-01-31T08:00:00Z"),
            Err("is less than"),
        );
        check(moment, json!("31.1.2026"), Err("expected DATETIME"));
        let day = InputType::Date {
            after: None,
            before: None,
        };
        check(day.clone(), json!("2026-01-31"), Ok(json!("2026-01-31")));
        check(day, json!("2026-02-31"), Err("expected DATE"));
        let time_of_day = InputType::Time {
            after: None,
            before: None,
        };
        check(
            time_of_day.clone(),
            json!("08:30:00"),
            Ok(json!("08:30:00")),
        );
        check(time_of_day, json!("25:00"), Err("expected TIME"));
        let length = InputType::Duration {
            min: None,
            max: Some(std::time::Duration::from_secs(60)),
        };
        check(length.clone(), json!("PT30S"), Ok(json!("PT30S")));
        check(
            length.clone(),
            json!("PT2M"),
            Err("120 s is more than 60 s"),
        );
        check(length, json!("2m"), Err("not a duration"));
        check(
            InputType::Json,
            json!("{\"a\": [1]}"),
            Ok(json!({"a": [1]})),
        );
        check(InputType::Json, json!({"a": 1}), Ok(json!({"a": 1})));
        check(InputType::Json, json!("{"), Err("expected JSON"));
        check(
            InputType::Yaml,
            json!("a: [1, x]"),
            Ok(json!({"a": [1, "x"]})),
        );
        check(InputType::Yaml, json!("a: [1"), Err("expected YAML"));
        check(
            InputType::Uri,
            json!("https://x.y/z"),
            Ok(json!("https://x.y/z")),
        );
        check(InputType::Uri, json!("no address"), Err("expected URI"));
        check(InputType::Email, json!(""), Ok(json!("")));
        check(InputType::Email, json!("a@b.org"), Ok(json!("a@b.org")));
        check(InputType::Email, json!("a@b"), Err("expected EMAIL"));
        check(
            InputType::File,
            json!("kestra:///a/b"),
            Ok(json!("kestra:///a/b")),
        );
        check(
            InputType::File,
            json!("https://x.y/z"),
            Err("expected FILE (an address that begins with"),
        );
    }

    #[test]
    fn a_secret_never_shows_itself() {
        let kind = InputType::Secret {
            validator: Some("[0-9]+".into()),
        };
        let message = convert(&kind, &json!("hunter2"), None).expect_err("no match");
        assert!(!message.contains("hunter2"), "{message}");
        assert_eq!(
            convert(&kind, &json!("42"), None),
            Ok(InputValue::Secret("42".to_owned()))
        );
    }
}
