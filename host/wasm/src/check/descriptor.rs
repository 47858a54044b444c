//! Reads a descriptor and refuses what would break other plugins, the editor's schema or a message.

use std::collections::BTreeSet;

use taffrail_core::descriptor::{Descriptor, TaskTypeDescriptor};

use super::schema;
use crate::text::{bytes, harmless};

/// Largest descriptor, in bytes.
const LARGEST: usize = 1 << 20;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 120;
/// Most task types of one plugin.
const MOST_TASK_TYPES: usize = 64;

/// Reads and judges a descriptor. `host_properties` are the names that every script task already has.
///
/// # Errors
/// The first rule that it breaks, in words that follow on "its descriptor".
pub(crate) fn descriptor(text: &str, host_properties: &[String]) -> Result<Descriptor, String> {
    if text.len() > LARGEST {
        return Err(format!(
            "has {}, and at most {} are allowed",
            bytes(text.len() as u64),
            bytes(LARGEST as u64)
        ));
    }
    let descriptor: Descriptor = serde_json::from_str(text)
        .map_err(|error| format!("cannot be read: {}", harmless(&error.to_string())))?;
    if descriptor.descriptor_version != 1 {
        return Err(format!(
            "has `descriptorVersion` {}, and this taffrail reads 1",
            descriptor.descriptor_version
        ));
    }
    if !descriptor.version.build.is_empty() {
        return Err(format!(
            "has version `{}`: build metadata (`+...`) is not allowed, since two versions that differ only there cannot be told apart by a flow",
            harmless(&descriptor.version.to_string())
        ));
    }
    title(&descriptor.title, "title")?;
    match descriptor.task_types.len() {
        0 => return Err("names no task type".to_owned()),
        count if count > MOST_TASK_TYPES => {
            return Err(format!(
                "names {count} task types, and at most {MOST_TASK_TYPES} are allowed"
            ));
        }
        _ => {}
    }
    let mut names = BTreeSet::new();
    for task_type in &descriptor.task_types {
        for name in std::iter::once(&task_type.name).chain(&task_type.aliases) {
            if !names.insert(name) {
                return Err(format!("names the task type `{name}` twice"));
            }
        }
        check_task_type(task_type, host_properties)
            .map_err(|reason| format!("is wrong at task type `{}`: {reason}", task_type.name))?;
    }
    Ok(descriptor)
}

/// Checks that the schemas are schemas, which takes longer than all else: of use once for each component.
///
/// # Errors
/// The first one that is none, in words that follow on "its descriptor".
pub(crate) fn schemas(descriptor: &Descriptor) -> Result<(), String> {
    for task_type in &descriptor.task_types {
        let wrong = |key: &str, reason: String| {
            format!(
                "is wrong at task type `{}`: `{key}` {reason}",
                task_type.name
            )
        };
        schema::sound(&task_type.properties_schema)
            .map_err(|reason| wrong("propertiesSchema", reason))?;
        if let Some(outputs) = &task_type.outputs_schema {
            schema::sound(outputs).map_err(|reason| wrong("outputsSchema", reason))?;
        }
    }
    Ok(())
}

fn check_task_type(
    task_type: &TaskTypeDescriptor,
    host_properties: &[String],
) -> Result<(), String> {
    title(&task_type.title, "title")?;
    let unreadable = |key: &str, error: serde_json::Error| {
        format!("`{key}` cannot be read: {}", harmless(&error.to_string()))
    };
    task_type
        .properties_schema
        .read()
        .map_err(|error| unreadable("propertiesSchema", error))?;
    schema::properties(&task_type.properties_schema, host_properties)
        .map_err(|reason| format!("`propertiesSchema` {reason}"))?;
    if let Some(outputs) = &task_type.outputs_schema {
        outputs
            .read()
            .map_err(|error| unreadable("outputsSchema", error))?;
        schema::references(outputs).map_err(|reason| format!("`outputsSchema` {reason}"))?;
    }
    if let Some(image) = &task_type.default_container_image {
        super::plan::image(image).map_err(|reason| format!("`defaultContainerImage` {reason}"))?;
    }
    if let Some(interpreter) = &task_type.default_interpreter {
        if interpreter.first().is_none_or(String::is_empty) {
            return Err("`defaultInterpreter` names no program".to_owned());
        }
        if interpreter.iter().any(|argument| argument.contains('\0')) {
            return Err("`defaultInterpreter` holds a NUL character".to_owned());
        }
    }
    if task_type
        .fail_fast
        .as_deref()
        .is_some_and(|line| line.contains('\0'))
    {
        return Err("`failFast` holds a NUL character".to_owned());
    }
    Ok(())
}

fn title(title: &str, key: &str) -> Result<(), String> {
    match title.chars().count() {
        0 => Err(format!("`{key}` is empty")),
        length if length > LONGEST_TITLE => Err(format!(
            "`{key}` has {length} characters, and at most {LONGEST_TITLE} are allowed"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({
            "descriptorVersion": 1, "id": "echo", "version": "1.2.3", "title": "Echo",
            "unknownKey": { "of": "a newer plugin" },
            "taskTypes": [{
                "name": "test.Echo", "title": "Echo", "aliases": ["test.OldEcho"],
                "propertiesSchema": {
                    "type": "object", "additionalProperties": false,
                    "properties": { "text": { "type": "string" } }
                }
            }]
        })
    }

    fn check(change: impl FnOnce(&mut Value), reason: &str) {
        let mut document = good();
        change(&mut document);
        let error = descriptor(&document.to_string(), &["env".to_owned()])
            .expect_err(&format!("{reason}: {document}"));
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains('\x1b'), "{error}");
    }

    #[test]
    fn a_good_one_passes() {
        let read = descriptor(&good().to_string(), &["env".to_owned()]).unwrap();
        assert_eq!(read.version, semver::Version::new(1, 2, 3));
    }

    #[test]
    fn each_rule() {
        let first = |document: &mut Value, key: &str, value: Value| {
            document["taskTypes"][0][key] = value;
        };
        check(|it| it["descriptorVersion"] = json!(2), "reads 1");
        check(|it| it["id"] = json!("Echo\x1b[31m"), "is not a plugin id");
        check(|it| it["version"] = json!("1.2"), "cannot be read");
        check(|it| it["version"] = json!("1.2.3+b1"), "build metadata");
        check(|it| it["title"] = json!(""), "`title` is empty");
        check(|it| it["title"] = json!("x".repeat(121)), "at most 120");
        check(|it| it["taskTypes"] = json!([]), "names no task type");
        check(|it| first(it, "name", json!("Echo")), "is not a task type");
        check(|it| first(it, "aliases", json!(["test.Echo"])), "twice");
        check(
            |it| first(it, "propertiesSchema", json!([])),
            "cannot be read",
        );
        check(
            |it| first(it, "defaultContainerImage", json!("a b")),
            "`defaultContainerImage`",
        );
        check(
            |it| first(it, "defaultInterpreter", json!([])),
            "names no program",
        );
        check(
            |it| first(it, "defaultInterpreter", json!(["sh", "\0"])),
            "NUL",
        );
        check(|it| first(it, "failFast", json!("set\0-e")), "NUL");
        check(
            |it| it["taskTypes"][0]["propertiesSchema"]["properties"]["env"] = json!({}),
            "`env`",
        );
        let many: Vec<Value> = vec![good()["taskTypes"][0].clone(); 65];
        check(|it| it["taskTypes"] = json!(many), "65 task types");
        let with_schema = |schema: &str| {
            let mut document = good();
            first(&mut document, "propertiesSchema", json!("HERE"));
            document.to_string().replace("\"HERE\"", schema)
        };
        let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
        for (text, reason) in [
            ("", "cannot be read"),
            ("[]", "cannot be read"),
            (
                &with_schema(&format!("{{\"a\":{open}")),
                "cannot be read: expected value",
            ),
            (
                &with_schema(&format!("{{\"a\":{open}{close}}}")),
                "`propertiesSchema` cannot be read: recursion limit",
            ),
            (
                &with_schema("{\"a\": 1e999}"),
                "`propertiesSchema` cannot be read: number out of range",
            ),
            (&" ".repeat(LARGEST + 1), "at most 1 MiB"),
        ] {
            let error = descriptor(text, &[]).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
