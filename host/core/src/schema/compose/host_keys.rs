//! The keys that mean the same in every task, each as one definition: most of every type is these, and what is said once is worked on once.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::dynamic::dynamic;
use super::super::task::same_keys;
use super::polish;

/// Begins the names of these definitions; no type of a task and no name that a plugin defines begins so.
pub(super) const PREFIX: &str = "key.";

/// Writes the definitions.
pub(super) fn write(definitions: &mut BTreeMap<String, Value>) {
    let keys: Map<String, Value> = same_keys()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    let mut object = dynamic(&Map::from_iter([(
        "properties".to_owned(),
        Value::Object(keys),
    )]));
    polish::object(&mut object);
    if let Some(Value::Object(keys)) = object.shift_remove("properties") {
        definitions.extend(
            keys.into_iter()
                .map(|(name, schema)| (format!("{PREFIX}{name}"), schema)),
        );
    }
}

/// Puts references to the definitions in the place of such keys. A key of a plugin or of a native type that only has the same name stays.
pub(super) fn refer(shape: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = shape.get_mut("properties") else {
        return;
    };
    for (name, schema) in same_keys() {
        if let Some(property) = properties.get_mut(name)
            && property == schema
        {
            *property = json!({ "$ref": format!("#/definitions/{PREFIX}{name}") });
        }
    }
}
