//! Every descriptor keeps to the contract, its schemas accept their own examples, and they accept what the golden cases plan.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use taffrail_plugin_build::project::Project;

struct TaskType {
    plugin: String,
    name: String,
    document: Value,
}

impl TaskType {
    fn schema(&self) -> &Value {
        &self.document["propertiesSchema"]
    }

    fn refusal(&self, properties: &Value) -> Option<String> {
        refusal(self.schema(), properties)
    }
}

fn project() -> Project {
    Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn task_types() -> Vec<TaskType> {
    let mut all = Vec::new();
    for plugin in project().plugins {
        let descriptor: Value = serde_json::from_str(&plugin.descriptor).unwrap();
        for document in descriptor["taskTypes"].as_array().unwrap() {
            let name = document["name"].as_str().unwrap().to_owned();
            all.push(TaskType {
                plugin: plugin.id.clone(),
                name,
                document: document.clone(),
            });
        }
    }
    all
}

/// Why a schema refuses a value; none where it accepts it.
fn refusal(schema: &Value, value: &Value) -> Option<String> {
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(schema)
        .unwrap();
    let complaints: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    (!complaints.is_empty()).then(|| complaints.join("\n"))
}

#[test]
fn descriptors_keep_to_the_contract() {
    let project = project();
    let contract =
        fs::read_to_string(project.root.join("wit/v0.1/descriptor.schema.json")).unwrap();
    let contract: Value = serde_json::from_str(&contract).unwrap();
    for plugin in project.plugins {
        let descriptor: Value = serde_json::from_str(&plugin.descriptor).unwrap();
        assert_eq!(refusal(&contract, &descriptor), None, "{}", plugin.id);
    }
}

#[test]
fn schemas_are_closed_and_explain_every_property() {
    for task_type in task_types() {
        let (name, schema) = (&task_type.name, task_type.schema());
        assert!(jsonschema::draft7::meta::is_valid(schema), "{name}");
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
        assert!(
            !schema.to_string().contains("\"$ref\"") && !schema.to_string().contains("\"$id\""),
            "{name}"
        );
        for (property, own) in schema["properties"].as_object().unwrap() {
            for key in ["title", "description", "examples"] {
                assert!(
                    own.get(key).is_some(),
                    "{name}: `{property}` has no `{key}`"
                );
            }
            let required = schema["required"]
                .as_array()
                .unwrap()
                .contains(&Value::from(property.as_str()));
            let description = own["description"].as_str().unwrap();
            let says = if required { "Required" } else { "Default: " };
            assert!(
                description.contains(says),
                "{name}: `{property}` does not say `{says}`"
            );
            for value in own["examples"]
                .as_array()
                .unwrap()
                .iter()
                .chain(own.get("default"))
            {
                assert_eq!(
                    refusal(own, value),
                    None,
                    "{name}: `{property}` refuses its own {value}"
                );
            }
        }
    }
}

#[test]
fn images_have_a_tag() {
    for task_type in task_types() {
        let image = task_type.document["defaultContainerImage"]
            .as_str()
            .unwrap();
        assert!(
            image.rsplit('/').next().unwrap().contains(':'),
            "{}: `{image}`",
            task_type.name
        );
    }
}

#[test]
fn examples_fit_their_own_schema() {
    for task_type in task_types() {
        let examples = task_type.document["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{}", task_type.name);
        for example in examples {
            let task: Value = serde_yaml::from_str(example["code"].as_str().unwrap()).unwrap();
            assert_eq!(
                task["type"].as_str(),
                Some(task_type.name.as_str()),
                "{example}"
            );
            assert!(task["id"].is_string(), "{example}");
            // What all script tasks share is the host's to check.
            let mut own = task.as_object().unwrap().clone();
            own.retain(|key, _| task_type.schema()["properties"].get(key).is_some());
            assert_eq!(task_type.refusal(&Value::Object(own)), None, "{example}");
        }
    }
}

#[test]
fn what_the_cases_plan_the_schemas_accept() {
    let root = project().root;
    for task_type in task_types() {
        let folder = root.join("plugins").join(&task_type.plugin).join("cases");
        let mut planned = 0;
        for path in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<PathBuf>>()
        {
            let case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            if case["taskType"] == task_type.name.as_str() && case.get("plan").is_some() {
                assert_eq!(
                    task_type.refusal(&case["properties"]),
                    None,
                    "{}",
                    path.display()
                );
                planned += 1;
            }
        }
        assert!(planned > 0, "no case plans a `{}`", task_type.name);
    }
}
