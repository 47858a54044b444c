//! What only editors need: headings and Markdown for hover, and messages that say what is allowed.

use serde_json::{Map, Value, json};

use super::super::dynamic::is_expression;

/// What a language server would escape in a plain description.
const MARKDOWN: &str = "\\`*_{}[]#+!";

/// More values than this are not listed in a message.
const LISTED: usize = 12;

/// Polishes the properties of an object, and all that is below them.
pub(super) fn object(schema: &mut Map<String, Value>) {
    for keyword in ["properties", "definitions"] {
        if let Some(Value::Object(properties)) = schema.get_mut(keyword) {
            for (name, property) in properties.iter_mut() {
                if let Some(reason) = property.get("x-refused").and_then(Value::as_str) {
                    *property = refused(reason);
                }
                if let Value::Object(property) = property {
                    self::property(name, property);
                }
            }
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(Value::Object(child)) = schema.get_mut(keyword) {
            value(child, false);
        }
    }
}

/// A key that is named only to refuse it: no value is good, and the reason is the message.
fn refused(reason: &str) -> Value {
    json!({
        "description": reason,
        "doNotSuggest": true,
        "type": ["null"],
        "errorMessage": format!("Not taken: {reason}."),
        "not": { "type": "null" },
    })
}

/// Polishes one property.
pub(super) fn property(name: &str, schema: &mut Map<String, Value>) {
    if schema.contains_key("$ref") {
        return;
    }
    // Without a title the heading would be that of the whole task.
    let title = schema.shift_remove("title").unwrap_or_else(|| {
        if schema.contains_key("properties") {
            json!(format!("{name} (map)"))
        } else {
            json!(name)
        }
    });
    let default = default_line(schema);
    // Editors tell the branches of a union apart by their titles; the text is that of the union.
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        for branch in branches.iter_mut().filter(|branch| !is_expression(branch)) {
            if let Value::Object(branch) = branch {
                branch.insert("title".to_owned(), title.clone());
            }
        }
    }
    schema.insert("title".to_owned(), title);
    markdown(schema, default);
    value(schema, false);
}

/// Polishes a value; `or_expression` where an expression may stand in its place.
fn value(schema: &mut Map<String, Value>, or_expression: bool) {
    let closed = schema.contains_key("properties");
    if !closed && !schema.contains_key("errorMessage") {
        let or = if or_expression {
            ", or an expression"
        } else {
            ""
        };
        if let Some(names) = listed(schema) {
            schema.insert(
                "errorMessage".to_owned(),
                json!(format!("Allowed: {names}{or}.")),
            );
        } else if schema.get("type") == Some(&json!("object")) {
            schema.insert(
                "errorMessage".to_owned(),
                json!(format!("Write a map here{or}.")),
            );
        } else if or_expression
            && let Some(Value::String(message)) = schema.get_mut("patternErrorMessage")
            && let Some(sentence) = message.strip_suffix('.')
        {
            *message = format!("{sentence}{or}.");
        }
    }
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        let or_expression = branches.iter().any(is_expression);
        for branch in branches {
            if !is_expression(branch)
                && let Value::Object(branch) = branch
            {
                value(branch, or_expression);
            }
        }
    }
    object(schema);
}

fn listed(schema: &Map<String, Value>) -> Option<String> {
    let names: Vec<&str> = schema
        .get("enum")?
        .as_array()?
        .iter()
        .map(Value::as_str)
        .collect::<Option<_>>()?;
    (names.len() <= LISTED).then(|| names.join(", "))
}

/// The hover text, where it says more than the plain description, or says it better.
fn markdown(schema: &mut Map<String, Value>, default: Option<String>) {
    mark_old(schema);
    let Some(description) = schema.get("description").and_then(Value::as_str) else {
        return;
    };
    let written = schema.get("markdownDescription").and_then(Value::as_str);
    let mut text = written.unwrap_or(description).to_owned();
    if let Some(line) = default
        && !text.contains("Default:")
    {
        let stop = if text.ends_with('.') { "" } else { "." };
        text = format!("{text}{stop}\n\n{line}");
    }
    if text != description || text.contains(|letter| MARKDOWN.contains(letter)) {
        schema.insert("markdownDescription".to_owned(), json!(text));
    }
}

/// Editors draw nothing for a deprecated key, so its description says it.
fn mark_old(schema: &mut Map<String, Value>) {
    if schema.get("deprecated") == Some(&Value::Bool(true))
        && let Some(Value::String(description)) = schema.get_mut("description")
        && !description.to_lowercase().contains("deprecated")
    {
        *description = format!("Deprecated. {description}");
    }
}

fn default_line(schema: &Map<String, Value>) -> Option<String> {
    let default = schema.get("default")?;
    let described = schema.get("description").and_then(Value::as_str);
    (!described.is_some_and(|text| text.contains("Default:")))
        .then(|| format!("Default: `{}`", shown(default)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
