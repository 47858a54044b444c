//! Says once what many types have in common: their keys' schemas, and what they ask for.
//!
//! The object of a type stays closed, so it still names the keys, in one pattern; what stands behind a key is told by the definition
//! that it shares.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::share::unique;
use super::union::one_of;

/// A definition is made where it saves at least this many bytes.
const WORTH_SPLITTING: usize = 500;

/// So many keys that are told elsewhere are shorter as one pattern.
const WORTH_A_PATTERN: usize = 3;

/// Moves the properties that the same definitions refer to, the same way, into definitions of their own.
pub(super) fn split(document: &mut Value) {
    let Some(Value::Object(definitions)) = document.get_mut("definitions") else {
        return;
    };
    let mut users: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (name, definition) in definitions.iter() {
        if definition.get("additionalProperties") == Some(&Value::Bool(false)) {
            for property in references(definition) {
                users.entry(property).or_default().push(name);
            }
        }
    }
    let mut groups: BTreeMap<Vec<&str>, Vec<(&str, &str)>> = BTreeMap::new();
    for (property, users) in users {
        groups.entry(users).or_default().push(property);
    }
    groups.retain(|users, properties| saves(users, properties) >= WORTH_SPLITTING);
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let groups: Vec<_> = groups
        .into_iter()
        .map(|(users, properties)| {
            let (keys, targets) = properties.into_iter().unzip();
            (owned(users), owned(keys), owned(targets))
        })
        .collect();
    let mut taken: BTreeSet<String> = definitions.keys().cloned().collect();
    let mut made = Vec::new();
    for (users, keys, targets) in groups {
        let name = unique("common", &mut taken);
        let reference = json!({ "$ref": format!("#/definitions/{name}") });
        let shared: Map<String, Value> = keys
            .iter()
            .zip(&targets)
            .map(|(key, target)| (key.clone(), json!({ "$ref": target })))
            .collect();
        for user in &users {
            if let Some(Value::Object(definition)) = definitions.get_mut(user) {
                refer(definition, &keys, &reference);
            }
        }
        let body = json!({ "type": "object", "properties": shared });
        made.push(name.clone());
        definitions.insert(name, body);
    }
    definitions.values_mut().for_each(name_in_one_pattern);
    take_in(&made, document);
}

/// Puts what only one of the definitions made here refers to in the place of the reference.
fn take_in(made: &[String], document: &mut Value) {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    count_references(document, &mut uses);
    let Some(Value::Object(definitions)) = document.get_mut("definitions") else {
        return;
    };
    for name in made {
        let Some(mut body) = definitions.get_mut(name).map(Value::take) else {
            continue;
        };
        let properties = body
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(|properties| properties.values_mut());
        for schema in properties {
            let target = schema.get("$ref").and_then(Value::as_str);
            if let Some(target) = target.and_then(|target| target.strip_prefix("#/definitions/"))
                && uses.get(target) == Some(&1)
                && let Some(told) = definitions.shift_remove(target)
            {
                *schema = told;
            }
        }
        definitions[name] = body;
    }
    definitions.sort_keys();
}

fn count_references(value: &Value, uses: &mut BTreeMap<String, usize>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get("$ref")
                && let Some(name) = target.strip_prefix("#/definitions/")
            {
                *uses.entry(name.to_owned()).or_default() += 1;
            }
            map.values().for_each(|child| count_references(child, uses));
        }
        Value::Array(items) => items.iter().for_each(|child| count_references(child, uses)),
        _ => {}
    }
}

/// Lets a closed object name the keys of which it says nothing else in one pattern: a quarter of a large document would be such names.
fn name_in_one_pattern(definition: &mut Value) {
    let Value::Object(definition) = definition else {
        return;
    };
    if definition.get("additionalProperties") != Some(&Value::Bool(false))
        || definition.contains_key("patternProperties")
    {
        return;
    }
    let Some(Value::Object(properties)) = definition.get_mut("properties") else {
        return;
    };
    let told_elsewhere = |schema: &Value| *schema == Value::Bool(true);
    let names: Vec<&str> = properties
        .iter()
        .filter(|(_, schema)| told_elsewhere(schema))
        .map(|(key, _)| key.as_str())
        .collect();
    if names.len() < WORTH_A_PATTERN {
        return;
    }
    let pattern = one_of(&names);
    properties.retain(|_, schema| !told_elsewhere(schema));
    definition.insert("patternProperties".to_owned(), json!({ pattern: true }));
}

/// The properties of a definition that are references and nothing else.
fn references(definition: &Value) -> impl Iterator<Item = (&str, &str)> {
    definition
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, schema)| {
            let target = schema.get("$ref")?.as_str()?;
            Some((key.as_str(), target))
        })
}

/// Bytes saved by a definition for these properties.
fn saves(users: &[&str], properties: &[(&str, &str)]) -> usize {
    let each: usize = properties.iter().map(|(_, target)| target.len() + 7).sum();
    let reference = 40;
    each.saturating_sub(reference) * users.len().saturating_sub(1)
}

fn refer(definition: &mut Map<String, Value>, keys: &[String], to: &Value) {
    if let Some(Value::Object(own)) = definition.get_mut("properties") {
        for key in keys {
            if let Some(schema) = own.get_mut(key) {
                *schema = Value::Bool(true);
            }
        }
    }
    match definition.get_mut("allOf") {
        Some(Value::Array(rules)) => rules.insert(0, to.clone()),
        _ => {
            definition.insert("allOf".to_owned(), json!([to]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_refer_to_is_said_once_and_the_objects_stay_closed() {
        let long = "a-definition-with-a-long-name-".repeat(10);
        let target = format!("#/definitions/{long}");
        let closed = |own: &str| {
            json!({
                "type": "object",
                "properties": {
                    "a": { "$ref": target },
                    "b": { "$ref": target },
                    "c": { "$ref": "#/definitions/once" },
                    "d": { "$ref": target },
                    own: { "type": "string" },
                },
                "additionalProperties": false,
            })
        };
        let mut document = json!({ "definitions": { "one": closed("x"), "two": closed("y"), "once": { "type": "null" }, long.as_str(): {} } });
        split(&mut document);
        let definitions = &document["definitions"];
        assert_eq!(
            definitions["common"],
            json!({ "type": "object", "properties": { "a": { "$ref": target }, "b": { "$ref": target }, "c": { "type": "null" }, "d": { "$ref": target } } })
        );
        assert_eq!(definitions.get("once"), None);
        for (name, own) in [("one", "x"), ("two", "y")] {
            let definition = &definitions[name];
            assert_eq!(
                definition["allOf"],
                json!([{ "$ref": "#/definitions/common" }])
            );
            assert_eq!(
                definition["properties"],
                json!({ own: { "type": "string" } })
            );
            assert_eq!(
                definition["patternProperties"],
                json!({ "^(a|b|c|d)$": true })
            );
            assert_eq!(definition["additionalProperties"], json!(false));
        }
    }

    #[test]
    fn little_stays_where_it_is() {
        let closed = json!({
            "properties": { "a": { "$ref": "#/definitions/d" } },
            "additionalProperties": false,
        });
        let mut document = json!({ "definitions": { "one": closed, "two": closed, "d": {} } });
        let before = document.clone();
        split(&mut document);
        assert_eq!(document, before);
    }
}
