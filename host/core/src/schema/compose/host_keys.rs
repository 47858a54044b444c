//! The keys that mean the same in every task, each as one definition: most of every type is these, and what is said once is worked on once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::dynamic;
use super::super::task::HostKeys;
use super::polish;

/// Begins the names of these definitions; no type of a task and no name that a plugin defines begins so.
pub(super) const PREFIX: &str = "key.";

/// Writes the definitions.
pub(super) fn write(definitions: &mut BTreeMap<String, Value>) {
    let keys: Map<String, Value> = same_everywhere(&HostKeys::whole())
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    let mut object = dynamic::referring(Map::from_iter([(
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

/// The host's keys with references to the definitions.
pub(super) fn referring() -> HostKeys {
    let refer = |keys: &Map<String, Value>| {
        let written = keys.iter().map(|(name, schema)| {
            let schema = if HostKeys::is_same_everywhere(name) {
                reference(name)
            } else {
                schema.clone()
            };
            (name.clone(), schema)
        });
        Cow::Owned(written.collect())
    };
    let whole = HostKeys::whole();
    HostKeys {
        common: refer(&whole.common),
        script: refer(&whole.script),
    }
}

/// Puts references in the place of a native type's own keys that are the host's after all.
pub(super) fn refer_own(shape: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = shape.get_mut("properties") else {
        return;
    };
    for (name, schema) in same_everywhere(&HostKeys::whole()) {
        if let Some(property) = properties.get_mut(name)
            && property == schema
        {
            *property = reference(name);
        }
    }
}

fn same_everywhere(keys: &HostKeys) -> impl Iterator<Item = (&String, &Value)> {
    keys.common
        .iter()
        .chain(keys.script.iter())
        .filter(|(name, _)| HostKeys::is_same_everywhere(name))
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{PREFIX}{name}") })
}
