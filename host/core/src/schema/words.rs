//! Types, values and lists of names as messages write them.

use jsonschema::JsonType;
use jsonschema::error::TypeKind;
use serde_json::Value;

pub(super) fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn type_names(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(name) => vec![type_name(*name)],
        TypeKind::Multiple(names) => {
            let mut names: Vec<&'static str> = names.iter().map(type_name).collect();
            // The set goes from the narrowest to the widest; authors think of text first.
            names.reverse();
            names
        }
    }
}

pub(super) fn type_name(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Null => "nothing",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "text",
        JsonType::Array => "a list",
        JsonType::Object => "a map",
    }
}

pub(super) fn schema_types(schema: &Value) -> Vec<&'static str> {
    let name = |value: &Value| match value.as_str() {
        Some("boolean") => Some("`true` or `false`"),
        Some("integer") => Some("a whole number"),
        Some("number") => Some("a number"),
        Some("string") => Some("text"),
        Some("array") => Some("a list"),
        Some("object") => Some("a map"),
        _ => None,
    };
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().filter_map(name).collect(),
        Some(single) => name(single).into_iter().collect(),
        None => Vec::new(),
    }
}

pub(super) fn one_of(names: &[&str]) -> String {
    let names: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| *name != "nothing" || names.len() == 1)
        .collect();
    match names.as_slice() {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [head @ .., last] => {
            let text = format!("{} or {last}", head.join(", "));
            text.replace("`true` or `false`", "a boolean")
        }
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "a whole number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A value as messages show it, short.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.is_empty() => return "empty text".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{}`", short.replace('\n', " "))
}
