//! The examples of a descriptor: YAML that parses, whose tasks of this plugin follow its own schema.

use serde_json::{Map, Value};
use taffrail_core::descriptor::{Descriptor, TaskTypeDescriptor};
use taffrail_core::yaml::{Limits, parse};

use super::schema::violations;

/// Checks every example of every task type.
pub(super) fn check(descriptor: &Descriptor) -> Result<String, String> {
    let mut count = 0;
    for task_type in &descriptor.task_types {
        for example in &task_type.examples {
            count += 1;
            one(descriptor, task_type, &example.code, example.full).map_err(|reason| {
                format!(
                    "`{}`, example `{}`: {reason}",
                    task_type.name, example.title
                )
            })?;
        }
    }
    Ok(format!("{count} examples"))
}

fn one(
    descriptor: &Descriptor,
    task_type: &TaskTypeDescriptor,
    code: &str,
    full: bool,
) -> Result<(), String> {
    let parsed = parse(code, &Limits::default());
    if let Some(diagnostic) = parsed.diagnostics.first() {
        return Err(diagnostic.message.clone());
    }
    let document = parsed.root.ok_or("it is empty")?.to_json();
    let mut found = Vec::new();
    collect(&document, descriptor, &mut found);
    if found.is_empty() {
        return Err("it holds no task of this plugin".to_owned());
    }
    let at_top = document.get("type").is_some();
    if full == at_top {
        return Err(if full {
            "it says that it is a whole flow, but it is one task".to_owned()
        } else {
            "it is a whole flow; say `full: true`".to_owned()
        });
    }
    if !found.iter().any(|(used, _)| used.name == task_type.name) {
        return Err("it shows another task type".to_owned());
    }
    found.into_iter().try_for_each(|(used, task)| {
        violations(&literal(&used.properties_schema), &own(used, task))
    })
}

/// Every task of this plugin, wherever it stands.
fn collect<'a>(
    value: &'a Value,
    descriptor: &'a Descriptor,
    found: &mut Vec<(&'a TaskTypeDescriptor, &'a Map<String, Value>)>,
) {
    match value {
        Value::Object(entries) => {
            let name = entries.get("type").and_then(Value::as_str);
            if let Some(task_type) = name.and_then(|name| descriptor.task_type(name)) {
                found.push((task_type, entries));
            }
            for value in entries.values() {
                collect(value, descriptor, found);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect(item, descriptor, found)),
        _ => {}
    }
}

/// The language's own properties of a task. One that is an expression is only known when the flow runs, so it is left out.
fn own(task_type: &TaskTypeDescriptor, task: &Map<String, Value>) -> Value {
    let named = task_type
        .properties_schema
        .get("properties")
        .and_then(Value::as_object);
    let own = task.iter().filter(|(name, value)| {
        named.is_some_and(|named| named.contains_key(*name)) && !is_expression(value)
    });
    Value::Object(
        own.map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// The schema without the demand for properties that may have been left out.
fn literal(schema: &Map<String, Value>) -> Value {
    let mut schema = schema.clone();
    schema.remove("required");
    Value::Object(schema)
}

fn is_expression(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.contains("{{") || text.contains("{%"))
}
