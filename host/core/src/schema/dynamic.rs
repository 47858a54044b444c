//! Adds expressions to a strict schema: wherever a value is not mere text, a text with `{{ }}` may stand in its place.

use serde_json::{Map, Value, json};

/// Marks a schema whose value is used before anything is rendered, so that no expression may stand there.
pub(super) const STATIC: &str = "x-static";

/// Refers to the schema of a text with an expression, in a document that has it.
const EXPRESSION: &str = "#/definitions/expression";

/// The schema of a text with an expression. What stands between the braces is not in the patterns: "anything" is all of Unicode, for which
/// the pattern engine fills 400 KB.
pub(super) fn expression() -> Value {
    json!({
        "title": "expression",
        "description": "Text with a `{{ }}` expression",
        "type": "string",
        "allOf": [{ "pattern": r"\{\{|\{%" }, { "pattern": r"\}\}|%\}" }],
    })
}

/// Whether this is the schema that [`expression`] gives, or a reference to it.
pub(super) fn is_expression(schema: &Value) -> bool {
    schema.get("title").and_then(Value::as_str) == Some("expression")
        || schema.get("$ref").and_then(Value::as_str) == Some(EXPRESSION)
}

/// The same schema with expressions allowed where values are rendered.
///
/// Typed scalars, lists and free maps become `anyOf [typed, expression]`; objects with named keys are structure, and only what is in
/// them may be an expression.
pub fn dynamic(strict: &Map<String, Value>) -> Map<String, Value> {
    with_expressions(strict.clone(), &expression())
}

/// The same for a document that has the schema of a text with an expression among its definitions.
pub(super) fn referring(strict: Map<String, Value>) -> Map<String, Value> {
    with_expressions(strict, &json!({ "$ref": EXPRESSION }))
}

fn with_expressions(mut strict: Map<String, Value>, expression: &Value) -> Map<String, Value> {
    if strict.get(STATIC) != Some(&Value::Bool(true)) {
        children(&mut strict, expression);
    }
    strict
}

fn children(map: &mut Map<String, Value>, expression: &Value) {
    for keyword in ["properties", "definitions"] {
        if let Some(Value::Object(entries)) = map.get_mut(keyword) {
            for child in entries.values_mut() {
                value(child, expression);
            }
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(child) = map.get_mut(keyword) {
            value(child, expression);
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(branches)) = map.get_mut(keyword) {
            for branch in branches {
                if let Value::Object(branch) = branch {
                    children(branch, expression);
                }
            }
        }
    }
    for keyword in ["then", "else"] {
        if let Some(Value::Object(child)) = map.get_mut(keyword) {
            children(child, expression);
        }
    }
}

fn value(schema: &mut Value, expression: &Value) {
    let Value::Object(map) = schema else { return };
    if map.get(STATIC) == Some(&Value::Bool(true)) {
        return;
    }
    children(map, expression);
    if takes_expressions(map) {
        return;
    }
    // What describes the key stays beside the `anyOf`, where editors look for it; the rest is the typed branch.
    const BESIDE: [&str; 7] = [
        "title",
        "description",
        "markdownDescription",
        "default",
        "examples",
        "deprecated",
        "doNotSuggest",
    ];
    let mut outer = Map::new();
    let mut typed = std::mem::take(map);
    for keyword in BESIDE {
        if let Some(found) = typed.shift_remove(keyword) {
            outer.insert(keyword.to_owned(), found);
        }
    }
    let mut branches = match typed.shift_remove("anyOf") {
        Some(Value::Array(branches)) if typed.is_empty() => branches,
        Some(other) => {
            typed.insert("anyOf".to_owned(), other);
            vec![Value::Object(typed)]
        }
        None => vec![Value::Object(typed)],
    };
    branches.push(expression.clone());
    outer.insert("anyOf".to_owned(), Value::Array(branches));
    *map = outer;
}

/// Whether nothing needs to be added: plain text takes an expression as it is, and structure is never one.
fn takes_expressions(map: &Map<String, Value>) -> bool {
    let text_without_rule = |map: &Map<String, Value>| {
        ["enum", "const", "pattern", "format", "maxLength"]
            .iter()
            .all(|rule| !map.contains_key(*rule))
    };
    if map.contains_key("$ref") {
        // The definition itself gets the expression.
        return true;
    }
    if let Some(Value::Array(branches)) = map.get("anyOf") {
        return branches.iter().any(|branch| match branch {
            Value::Object(branch) => allows_text(branch) && text_without_rule(branch),
            _ => false,
        });
    }
    if map.contains_key("properties") || map.contains_key("oneOf") || map.contains_key("allOf") {
        return true;
    }
    if !map.contains_key("type") && !map.contains_key("enum") && !map.contains_key("const") {
        return true;
    }
    allows_text(map) && text_without_rule(map)
}

fn allows_text(map: &Map<String, Value>) -> bool {
    match map.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_values_take_expressions_and_structure_does_not() {
        let check = |strict: Value, wrapped: bool| {
            let schema = json!({ "properties": { "key": strict.clone() } });
            let Value::Object(schema) = schema else {
                unreachable!("an object")
            };
            let found = dynamic(&schema);
            let branches = found["properties"]["key"].get("anyOf");
            assert_eq!(
                branches
                    .and_then(Value::as_array)
                    .is_some_and(|branches| branches.last().is_some_and(is_expression)),
                wrapped,
                "{strict}"
            );
        };
        check(json!({"type": "boolean"}), true);
        check(json!({"type": "integer", "minimum": 1}), true);
        check(json!({"type": "string", "enum": ["A"]}), true);
        check(json!({"type": "string", "pattern": "^P"}), true);
        check(json!({"type": "array", "items": {"type": "string"}}), true);
        check(json!({"type": "object", "additionalProperties": {}}), true);
        check(
            json!({"anyOf": [{"type": "boolean"}, {"type": "integer"}]}),
            true,
        );
        check(json!({"type": "string"}), false);
        check(json!({"type": "string", "minLength": 1}), false);
        check(json!({"type": ["number", "string"]}), false);
        check(
            json!({"anyOf": [{"type": "number"}, {"type": "string"}]}),
            false,
        );
        check(json!({"type": "object", "properties": {"a": {}}}), false);
        check(json!({"type": "boolean", "x-static": true}), false);
        check(json!({}), false);
    }

    #[test]
    fn what_describes_the_key_stays_beside_the_branches() {
        let schema = json!({ "properties": { "key": {"type": "boolean", "description": "d", "default": true} } });
        let Value::Object(schema) = schema else {
            unreachable!("an object")
        };
        assert_eq!(
            dynamic(&schema)["properties"]["key"],
            json!({"description": "d", "default": true, "anyOf": [{"type": "boolean"}, expression()]})
        );
    }
}
