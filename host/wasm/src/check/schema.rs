//! Checks the JSON Schemas inside a descriptor: closed, self-contained, finite. It validates no value against them.

use std::collections::HashSet;
use std::ptr;

use serde_json::{Map, Value};

use crate::text::{harmless, listed};

/// How deep a schema may lie inside a schema.
const DEEPEST: usize = 64;

/// Keywords whose value is a schema, or a list of schemas, or neither.
const SCHEMAS: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "propertyNames",
    "then",
];
/// Keywords whose value maps names to schemas.
const NAMED_SCHEMAS: &[&str] = &[
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];
/// Keywords whose schemas judge the very value that the schema around them judges.
const IN_PLACE: &[&str] = &["allOf", "anyOf", "else", "if", "not", "oneOf", "then"];

/// Checks that it is a schema of draft 7 at all, patterns included.
///
/// # Errors
/// What is wrong and where, in words that follow on the schema's name.
pub(super) fn sound(schema: &Map<String, Value>) -> Result<(), String> {
    let schema = Value::Object(schema.clone());
    let wrong = |reason: String, place: &str| {
        format!(
            "is no schema of draft 7: {} at `{}`",
            harmless(&reason),
            harmless(place)
        )
    };
    jsonschema::draft7::meta::validate(&schema)
        .map_err(|error| wrong(error.to_string(), error.instance_path().as_str()))?;
    jsonschema::draft7::new(&schema)
        .map_err(|error| wrong(error.to_string(), error.instance_path().as_str()))?;
    Ok(())
}

/// Checks the schema of a task type's own properties.
///
/// # Errors
/// The first rule that it breaks, in words that follow on the schema's name.
pub(super) fn properties(
    schema: &Map<String, Value>,
    host_properties: &[String],
) -> Result<(), String> {
    if schema.get("type") != Some(&Value::from("object")) {
        return Err("must say `type: object`".to_owned());
    }
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err("must be closed: `additionalProperties: false`".to_owned());
    }
    if schema.contains_key("patternProperties") {
        return Err(
            "names properties by pattern; each property must stand under `properties`".to_owned(),
        );
    }
    let empty = Map::new();
    let own = match schema.get("properties") {
        None => &empty,
        Some(Value::Object(own)) => own,
        Some(_) => return Err("has `properties` that are no object".to_owned()),
    };
    let taken: Vec<&str> = own
        .keys()
        .map(String::as_str)
        .filter(|name| host_properties.iter().any(|host| host == name))
        .collect();
    if !taken.is_empty() {
        return Err(format!(
            "claims {}, which every script task already has",
            listed(taken.into_iter())
        ));
    }
    references(schema)
}

/// Checks that a schema is self-contained and ends.
///
/// # Errors
/// As for [`properties`].
pub(super) fn references(schema: &Map<String, Value>) -> Result<(), String> {
    let root = Value::Object(schema.clone());
    walk(&root, &root, 0)?;
    let mut finished = HashSet::new();
    every_schema(&root, &mut |schema| {
        ends(schema, &root, &mut Vec::new(), &mut finished)
    })
}

/// Visits every schema inside a schema, itself included.
fn every_schema<'a>(
    schema: &'a Value,
    visit: &mut impl FnMut(&'a Value) -> Result<(), String>,
) -> Result<(), String> {
    visit(schema)?;
    children(schema).try_for_each(|child| every_schema(child, visit))
}

/// The schemas directly inside a schema.
fn children(schema: &Value) -> impl Iterator<Item = &Value> {
    let keywords = schema.as_object();
    let direct = SCHEMAS
        .iter()
        .filter_map(move |keyword| keywords?.get(*keyword))
        .flat_map(listed_or_single);
    let named = NAMED_SCHEMAS
        .iter()
        .filter_map(move |keyword| keywords?.get(*keyword)?.as_object())
        .flat_map(|named| named.values());
    direct.chain(named)
}

fn listed_or_single(value: &Value) -> &[Value] {
    match value {
        Value::Array(several) => several,
        single => std::slice::from_ref(single),
    }
}

fn walk(schema: &Value, root: &Value, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("is nested deeper than {DEEPEST} levels"));
    }
    if let Some(keywords) = schema.as_object() {
        if keywords.contains_key("$id") {
            return Err("has an `$id`; the host gives it its place".to_owned());
        }
        if keywords.contains_key("$ref") {
            target(schema, root)?;
        }
    }
    children(schema).try_for_each(|child| walk(child, root, depth + 1))
}

/// What a schema's `$ref` points to.
fn target<'a>(schema: &Value, root: &'a Value) -> Result<Option<&'a Value>, String> {
    let Some(reference) = schema.get("$ref") else {
        return Ok(None);
    };
    let Some(text) = reference.as_str() else {
        return Err("has a `$ref` that is no text".to_owned());
    };
    let found = text
        .strip_prefix('#')
        .filter(|pointer| !pointer.contains('%'))
        .ok_or_else(|| {
            format!(
                "refers to `{}`; a `$ref` must point inside the schema, for example `#/definitions/name`",
                harmless(text)
            )
        })
        .and_then(|pointer| {
            root.pointer(pointer).ok_or_else(|| {
                format!("refers to `{}`, which is not in it", harmless(text))
            })
        })?;
    Ok(Some(found))
}

/// Checks that judging one value comes to an end: no schema may lead back to itself without going into the value.
fn ends<'a>(
    schema: &'a Value,
    root: &'a Value,
    path: &mut Vec<*const Value>,
    finished: &mut HashSet<*const Value>,
) -> Result<(), String> {
    let address = ptr::from_ref(schema);
    if finished.contains(&address) {
        return Ok(());
    }
    if path.contains(&address) {
        return Err("refers to itself in a circle".to_owned());
    }
    if path.len() > 4 * DEEPEST {
        return Err(format!(
            "follows more than {} references in a row",
            4 * DEEPEST
        ));
    }
    path.push(address);
    if let Some(next) = target(schema, root)? {
        ends(next, root, path, finished)?;
    }
    for keyword in IN_PLACE {
        if let Some(inner) = schema.get(*keyword) {
            for next in listed_or_single(inner) {
                ends(next, root, path, finished)?;
            }
        }
    }
    path.pop();
    finished.insert(address);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: Value, expected: Result<(), &str>) {
        let found = properties(schema.as_object().unwrap(), &["env".to_owned()]);
        match (&found, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            _ => panic!("{schema}: {found:?}"),
        }
    }

    fn closed(properties: Value) -> Value {
        json!({
            "type": "object", "additionalProperties": false, "properties": properties,
            "definitions": {
                "tree": { "type": "array", "items": { "$ref": "#/definitions/tree" } },
                "circle": { "allOf": [{ "$ref": "#/definitions/other" }] },
                "other": { "$ref": "#/definitions/circle" }
            }
        })
    }

    fn without_circle(properties: Value) -> Value {
        let mut schema = closed(properties);
        schema["definitions"]["other"] = json!({});
        schema
    }

    #[test]
    fn closed_and_self_contained() {
        check(
            without_circle(json!({ "text": { "type": "string" } })),
            Ok(()),
        );
        check(
            without_circle(json!({ "tree": { "$ref": "#/definitions/tree" } })),
            Ok(()),
        );
        check(
            without_circle(json!({ "$id": { "type": "string" }, "$ref": {} })),
            Ok(()),
        );
        check(
            without_circle(
                json!({ "a": { "enum": [{ "$ref": "http://x" }], "default": { "$id": 1 } } }),
            ),
            Ok(()),
        );
        check(json!({ "type": "object" }), Err("closed"));
        check(
            json!({ "type": ["object"], "additionalProperties": false }),
            Err("type: object"),
        );
        check(
            json!({ "type": "object", "additionalProperties": {} }),
            Err("closed"),
        );
        check(
            json!({ "type": "object", "additionalProperties": false, "properties": [] }),
            Err("no object"),
        );
        check(
            json!({ "type": "object", "additionalProperties": false, "patternProperties": {} }),
            Err("by pattern"),
        );
        check(without_circle(json!({ "env": {} })), Err("claims `env`"));
        for reference in [
            "http://example.org/x",
            "file:///etc/passwd",
            "other.json#/a",
            "#%2F",
        ] {
            check(
                without_circle(json!({ "a": { "$ref": reference } })),
                Err("must point inside"),
            );
        }
        check(
            without_circle(json!({ "a": { "$ref": "#/nowhere" } })),
            Err("is not in it"),
        );
        check(
            without_circle(json!({ "a": { "$ref": 1 } })),
            Err("no text"),
        );
        check(
            without_circle(json!({ "a": { "items": { "$id": "b" } } })),
            Err("`$id`"),
        );
    }

    #[test]
    fn what_is_no_schema_is_named() {
        let judge = |schema: Value| sound(schema.as_object().expect("an object"));
        assert_eq!(judge(json!({ "type": "string" })), Ok(()));
        for (schema, part) in [
            (json!({ "type": "no such type" }), "at `/type`"),
            (json!({ "required": "a" }), "at `/required`"),
            (json!({ "pattern": "(\u{1b}" }), "is no schema of draft 7"),
        ] {
            let error = judge(schema).unwrap_err();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
    }

    #[test]
    fn circles_and_depth() {
        check(closed(json!({})), Err("in a circle"));
        check(
            without_circle(json!({ "a": { "$ref": "#/properties/a" } })),
            Err("in a circle"),
        );
        let deep = (0..70).fold(json!({}), |inner, _| json!({ "items": inner }));
        check(without_circle(json!({ "a": deep })), Err("deeper than 64"));
    }
}
