//! Gives rendered text the type that its place asks for: `"{{ inputs.flag }}"` becomes a boolean where a boolean is wanted, and one
//! expression that renders to JSON becomes the list or map that it stands for.

use serde_json::Value;

use crate::yaml::{Node, NodeKind, ScalarValue};

/// How deep a schema's references and unions are followed.
const MAX_DEPTH: usize = 32;

/// Coerces a rendered value in place, guided by a schema whose `$ref`s point into `root`.
///
/// A text stays one wherever text is allowed. Elsewhere it is read as JSON, and taken if it then is of a type that is allowed; if not
/// it stays, and the check that follows says what is wrong. Where text is allowed, a plain scalar such as `1.10` becomes what its
/// author wrote, not what YAML made of it; `node` gives the author's text and may be absent.
pub fn coerce(value: &mut Value, schema: &Value, root: &Value, node: Option<&Node>) {
    at(value, schema, root, node, 0);
}

fn at(value: &mut Value, schema: &Value, root: &Value, node: Option<&Node>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let allowed = Types::of(schema, root, 0);
    match value {
        Value::String(text) if !allowed.contains("string") => {
            if let Some(read) = read(text, &allowed) {
                *value = read;
            }
        }
        Value::Number(_) | Value::Bool(_) if allowed.contains("string") && allowed.is_known() => {
            let written = node
                .and_then(Node::scalar)
                .filter(|scalar| scalar.value != ScalarValue::Null);
            *value = match written {
                Some(scalar) => Value::String(scalar.text.to_string()),
                None => Value::String(value.to_string()),
            };
        }
        _ => {}
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                let below = node.and_then(|node| node.get(key));
                property_schemas(schema, root, key, 0, &mut |found| {
                    at(inner, found, root, below, depth + 1)
                });
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                let below = node.and_then(|node| match &node.kind {
                    NodeKind::List(items) => items.get(index),
                    _ => None,
                });
                item_schemas(schema, root, 0, &mut |found| {
                    at(inner, found, root, below, depth + 1)
                });
            }
        }
        _ => {}
    }
}

/// Reads a text as JSON where that gives a type that is allowed.
fn read(text: &str, allowed: &Types) -> Option<Value> {
    if !allowed.is_known() {
        return None;
    }
    let trimmed = text.trim();
    let value: Value = serde_json::from_str(trimmed).ok()?;
    let fits = match &value {
        Value::Null => allowed.contains("null"),
        Value::Bool(_) => allowed.contains("boolean"),
        Value::Number(number) => {
            allowed.contains("number")
                || (allowed.contains("integer") && (number.is_i64() || number.is_u64()))
        }
        Value::String(_) => false,
        Value::Array(_) => allowed.contains("array"),
        Value::Object(_) => allowed.contains("object"),
    };
    fits.then_some(value)
}

/// The JSON types that a schema allows; nothing known means that anything goes.
struct Types(Vec<String>);

impl Types {
    fn of(schema: &Value, root: &Value, depth: usize) -> Self {
        let mut types = Vec::new();
        collect_types(schema, root, depth, &mut types);
        Self(types)
    }

    fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the type is allowed, or nothing is known.
    fn contains(&self, wanted: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|name| name == wanted)
    }
}

fn collect_types(schema: &Value, root: &Value, depth: usize, types: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        return;
    }
    let schema = resolve(schema, root);
    match schema.get("type") {
        Some(Value::String(name)) => types.push(name.clone()),
        Some(Value::Array(names)) => {
            types.extend(names.iter().filter_map(Value::as_str).map(str::to_owned))
        }
        _ => {}
    }
    for variant in enum_values(schema) {
        types.push(kind(variant).to_owned());
    }
    for union in ["anyOf", "oneOf"] {
        for branch in schema
            .get(union)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            collect_types(branch, root, depth + 1, types);
        }
    }
}

fn enum_values(schema: &Value) -> impl Iterator<Item = &Value> {
    schema
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .chain(schema.get("const"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let Some(pointer) = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
        else {
            return schema;
        };
        match root.pointer(pointer) {
            Some(target) => schema = target,
            None => return schema,
        }
    }
    schema
}

fn property_schemas(
    schema: &Value,
    root: &Value,
    key: &str,
    depth: usize,
    found: &mut dyn FnMut(&Value),
) {
    branches(schema, root, depth, &mut |schema| match schema
        .get("properties")
        .and_then(|properties| properties.get(key))
    {
        Some(property) => found(property),
        None => {
            if let Some(rest @ Value::Object(_)) = schema.get("additionalProperties") {
                found(rest);
            }
        }
    });
}

fn item_schemas(schema: &Value, root: &Value, depth: usize, found: &mut dyn FnMut(&Value)) {
    branches(schema, root, depth, &mut |schema| {
        if let Some(items @ Value::Object(_)) = schema.get("items") {
            found(items);
        }
    });
}

/// The schema itself and all that it is made of.
fn branches(schema: &Value, root: &Value, depth: usize, found: &mut dyn FnMut(&Value)) {
    if depth > MAX_DEPTH {
        return;
    }
    let schema = resolve(schema, root);
    found(schema);
    for union in ["anyOf", "oneOf", "allOf"] {
        for branch in schema
            .get(union)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            branches(branch, root, depth + 1, found);
        }
    }
    if let Some(then) = schema.get("then") {
        branches(then, root, depth + 1, found);
    }
}

/// Whether a rendered condition holds: nothing, `false`, `0` and `-0` do not, all else does.
pub fn holds(value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Null => "",
        Value::Bool(value) => return *value,
        Value::Number(number) => return number.as_f64() != Some(0.0),
        _ => return true,
    };
    !matches!(text.trim(), "" | "false" | "0" | "-0")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_becomes_what_its_place_asks_for() {
        let root = json!({
            "definitions": { "flag": { "type": "boolean" } },
            "properties": {
                "flag": { "$ref": "#/definitions/flag" },
                "count": { "type": "integer" },
                "ratio": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
                "text": { "type": "string" },
                "either": { "type": ["string", "number"] },
                "list": { "type": "array", "items": { "type": "string" } },
                "map": { "type": "object", "additionalProperties": { "type": "integer" } },
                "choice": { "enum": ["A", "B"] },
                "free": {}
            }
        });
        let cases = [
            ("flag", json!("true"), json!(true)),
            ("flag", json!(" false "), json!(false)),
            ("flag", json!("yes"), json!("yes")),
            ("count", json!("5"), json!(5)),
            ("count", json!("5.5"), json!("5.5")),
            ("ratio", json!("0.5"), json!(0.5)),
            ("ratio", json!("null"), json!(null)),
            ("text", json!("5"), json!("5")),
            ("text", json!(5), json!("5")),
            ("text", json!("[1]"), json!("[1]")),
            ("either", json!("5"), json!("5")),
            ("list", json!("[\"a\", 1, true]"), json!(["a", "1", "true"])),
            ("list", json!(["a", 2]), json!(["a", "2"])),
            ("list", json!("no list"), json!("no list")),
            ("map", json!("{\"a\": 1}"), json!({ "a": 1 })),
            ("map", json!({ "a": "1" }), json!({ "a": 1 })),
            ("choice", json!("A"), json!("A")),
            ("free", json!("5"), json!("5")),
            ("free", json!(5), json!(5)),
        ];
        for (key, given, expected) in cases {
            let mut value = json!({ key: given });
            coerce(&mut value, &root, &root, None);
            assert_eq!(value, json!({ key: expected }), "{key}: {given}");
        }
    }
}
