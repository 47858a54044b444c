//! Finds what a schema says about one place of an instance: through references, and through unions to the typed branch.

use serde_json::{Map, Value};

use super::dynamic::is_expression;

/// How many references are followed, so that a circle ends.
const MAX_HOPS: usize = 32;

/// One step into an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a map.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// The schemas that speak of the place; several where a union has several typed branches.
pub(super) fn schemas_at<'schema>(root: &'schema Value, steps: &[Step]) -> Vec<&'schema Value> {
    let mut current = typed_branches(root, root);
    for step in steps {
        let mut next = Vec::new();
        for schema in current {
            let child = match step {
                Step::Key(key) => schema
                    .get("properties")
                    .and_then(|properties| properties.get(key))
                    .or_else(|| schema.get("additionalProperties")),
                Step::Index(_) => schema.get("items"),
            };
            if let Some(child) = child {
                next.extend(typed_branches(root, child));
            }
        }
        current = next;
    }
    current
}

/// The schema itself, or the branches of its union that are not the expression one; references are followed.
pub(super) fn typed_branches<'schema>(
    root: &'schema Value,
    schema: &'schema Value,
) -> Vec<&'schema Value> {
    let mut found = Vec::new();
    collect(root, schema, 0, &mut found);
    found
}

fn collect<'schema>(
    root: &'schema Value,
    schema: &'schema Value,
    hops: usize,
    found: &mut Vec<&'schema Value>,
) {
    if hops > MAX_HOPS || is_expression(schema) {
        return;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        if let Some(target) = target
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
        {
            collect(root, target, hops + 1, found);
        }
        return;
    }
    let union = ["anyOf", "oneOf"]
        .into_iter()
        .find_map(|keyword| schema.get(keyword).and_then(Value::as_array));
    match union {
        Some(branches) if schema.get("properties").is_none() => {
            for branch in branches {
                collect(root, branch, hops + 1, found);
            }
        }
        _ => found.push(schema),
    }
}

/// The names of the properties at a place, those first that editors offer; old forms are left out.
pub(super) fn offered_keys<'schema>(schemas: &[&'schema Value]) -> Vec<&'schema str> {
    let mut names: Vec<&str> = Vec::new();
    for schema in schemas {
        for (name, property) in properties(schema) {
            if property.get("doNotSuggest").is_none() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// All properties at a place, old forms included.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|map: &Map<String, Value>| map.iter())
        .map(|(name, property)| (name.as_str(), property))
}

/// The description of a property at a place.
pub(super) fn description<'schema>(
    schemas: &[&'schema Value],
    property: &str,
) -> Option<&'schema str> {
    schemas.iter().find_map(|schema| {
        schema
            .get("properties")?
            .get(property)?
            .get("description")?
            .as_str()
    })
}
