//! The descriptor and its schemas against the published ones, and properties made up from a schema.

use crate::check;
use crate::plugin::Plugin;
use serde_json::{Map, Value};
use taffrail_core::descriptor::Descriptor;

/// The published shape of a descriptor: the same for both versions of the API, which a test holds.
const DESCRIPTOR: &str = include_str!("../../../../wit/v1.0/descriptor.schema.json");

/// Validates what `describe` returns against `wit/v1.0/descriptor.schema.json`.
pub(super) fn descriptor(plugin: &Plugin) -> Result<String, String> {
    let text = plugin.describe().map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let schema: Value = serde_json::from_str(DESCRIPTOR).map_err(|error| error.to_string())?;
    violations(&schema, &document)?;
    Ok(format!("{} bytes", text.len()))
}

/// Checks that every schema in the descriptor is one of draft 7.
pub(super) fn properties(descriptor: &Descriptor) -> Result<String, String> {
    check::schemas(descriptor)?;
    Ok(format!("{} task types", descriptor.task_types.len()))
}

/// Everything in a value that breaks a schema.
pub(super) fn violations(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::draft7::new(schema).map_err(|error| error.to_string())?;
    let complaints: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{error} at `{}`", error.instance_path()))
        .collect();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("; "))
    }
}

/// Properties that a schema most likely allows: every property that it names, with a small value of the wanted type.
pub(super) fn sample(schema: &Map<String, Value>) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), sample_value(schema, 0)))
        .collect()
}

fn sample_value(schema: &Value, depth: usize) -> Value {
    let first = |key: &str| schema.get(key).and_then(Value::as_array)?.first().cloned();
    if let Some(value) = first("enum").or_else(|| first("examples")) {
        return value;
    }
    for known in ["const", "default"] {
        if let Some(value) = schema.get(known) {
            return value.clone();
        }
    }
    if depth < 8
        && let Some(branch) = first("oneOf").or_else(|| first("anyOf"))
    {
        return sample_value(&branch, depth + 1);
    }
    let wanted = match schema.get("type") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str),
        Some(single) => single.as_str(),
        None => None,
    };
    match wanted {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        Some("null") => Value::Null,
        Some("array") if depth < 8 => {
            let item = schema
                .get("items")
                .map(|items| sample_value(items, depth + 1));
            Value::Array(item.into_iter().collect())
        }
        Some("object") if depth < 8 => {
            Value::Object(schema.as_object().map(sample).unwrap_or_default())
        }
        _ => "text".into(),
    }
}
