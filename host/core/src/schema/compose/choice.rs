//! What a flow may write after `type:`, and the shape of what stands beside it in each version that is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;
use serde_json::{Map, Value, json};

use super::super::dynamic::referring;
use super::super::runners::RunnerFragment;
use super::super::task::{HostKeys, native_schema_with, task_schema_with};
use super::{host_keys, input_shape, input_types, runner_rank, runner_shape};
use crate::descriptor::{Descriptor, TaskTypeDescriptor};
use crate::native::{self, NativeKind, NativeType};

/// One type of a union.
pub(super) struct Choice {
    /// What a flow writes.
    pub(super) name: String,
    /// Other names that mean exactly the same; accepted, not offered.
    pub(super) aliases: Vec<String>,
    /// One short line for completion lists.
    pub(super) title: String,
    /// Whether it is accepted and not offered.
    pub(super) hidden: bool,
    /// The properties that a new one must have, for snippets.
    pub(super) required: Vec<(String, Value)>,
    /// The shape in each version, the lowest first; one without a version where nobody can pin it.
    pub(super) shapes: Vec<(Option<Version>, Map<String, Value>)>,
}

impl Choice {
    /// Its name and the others that mean the same.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name)
            .chain(&self.aliases)
            .map(String::as_str)
    }
}

type Offers<'a> = Vec<(&'a Version, &'a TaskTypeDescriptor)>;

/// The task types of all versions of all plugins, sorted by name.
pub(super) fn of_tasks(plugins: &[Arc<Descriptor>]) -> Vec<Choice> {
    let keys = host_keys::referring();
    let mut written: BTreeMap<&str, Offers<'_>> = BTreeMap::new();
    for plugin in plugins {
        for task_type in &plugin.task_types {
            let names = std::iter::once(&task_type.name).chain(&task_type.aliases);
            for name in names {
                written
                    .entry(name.as_str())
                    .or_default()
                    .push((&plugin.version, task_type));
            }
        }
    }
    for offers in written.values_mut() {
        offers.sort_by_key(|(version, _)| *version);
    }
    let mut choices: Vec<Choice> = Vec::new();
    let mut aliases: Vec<(&str, &str)> = Vec::new();
    for (name, offers) in &written {
        let Some((_, newest)) = newest(offers) else {
            continue;
        };
        let current = newest.name.as_str();
        let same = written
            .get(current)
            .is_some_and(|other| same_offers(offers, other));
        if current != *name && same {
            aliases.push((name, current));
        } else {
            choices.push(task(&keys, name, offers, newest, current != *name));
        }
    }
    let natives: Vec<Choice> = native::all()
        .iter()
        .filter(|native| !written.contains_key(native.name))
        .map(|native| of_native(&keys, native, |name| written.contains_key(name)))
        .collect();
    choices.extend(natives);
    choices.sort_by(|left, right| left.name.cmp(&right.name));
    for (alias, current) in aliases {
        if let Some(choice) = choices.iter_mut().find(|choice| choice.name == current) {
            choice.aliases.push(alias.to_owned());
        }
    }
    choices
}

/// A type of the host's own. A plugin's type of the same name is the one that a flow gets.
fn of_native(keys: &HostKeys, native: &NativeType, is_taken: impl Fn(&str) -> bool) -> Choice {
    let mut shape = native_schema_with(keys, native);
    host_keys::refer_own(&mut shape);
    let mut shape = referring(shape);
    shape.values_mut().for_each(place_children);
    let old = matches!(native.kind, NativeKind::Legacy(_));
    if old {
        shape.insert("deprecated".to_owned(), Value::Bool(true));
    }
    let required = required(&shape)
        .filter(|(key, _)| !["id", "type"].contains(key))
        .map(|(key, schema)| (key.to_owned(), schema))
        .collect();
    let mut aliases = native.old_names();
    aliases.retain(|name| !is_taken(name));
    aliases.sort();
    Choice {
        name: native.name.to_owned(),
        aliases,
        title: native.title.to_owned(),
        hidden: old,
        required,
        shapes: vec![(None, shape)],
    }
}

/// Puts the union over tasks, or over inputs, where a flowable task has its children.
fn place_children(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("x-tasks") {
                map.insert("items".to_owned(), json!({ "$ref": "#/definitions/task" }));
            }
            if map.contains_key("x-inputs") {
                map.insert("items".to_owned(), json!({ "$ref": "#/definitions/input" }));
            }
            if map.contains_key("x-task") {
                *schema = json!({ "$ref": "#/definitions/task" });
                return;
            }
            map.values_mut().for_each(place_children);
        }
        Value::Array(items) => items.iter_mut().for_each(place_children),
        _ => {}
    }
}

/// The newest release; a pre-release counts where there is nothing else.
fn newest<'a>(offers: &Offers<'a>) -> Option<(&'a Version, &'a TaskTypeDescriptor)> {
    offers
        .iter()
        .max_by_key(|(version, _)| (version.pre.is_empty(), *version))
        .copied()
}

fn same_offers(left: &Offers<'_>, right: &Offers<'_>) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| std::ptr::eq(left.1, right.1))
}

/// The properties that a schema asks for.
fn required(schema: &Map<String, Value>) -> impl Iterator<Item = (&str, Value)> {
    let properties = schema.get("properties");
    let names = schema.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(move |key| {
            let schema = properties.and_then(|properties| properties.get(key));
            (key, schema.cloned().unwrap_or_default())
        })
}

fn task(
    keys: &HostKeys,
    name: &str,
    offers: &Offers<'_>,
    newest: &TaskTypeDescriptor,
    old: bool,
) -> Choice {
    let required = required(&newest.properties_schema)
        .map(|(key, schema)| (key.to_owned(), schema))
        .collect();
    let shapes = offers
        .iter()
        .map(|(version, task_type)| {
            let mut shape = referring(task_schema_with(keys, task_type));
            if let Some(Value::Object(properties)) = shape.get_mut("properties") {
                for key in ["taskRunner", "docker"] {
                    if let Some(place) = properties.get_mut(key) {
                        *place = json!({ "$ref": format!("#/definitions/{key}") });
                    }
                }
            }
            if task_type.deprecated.is_some() {
                shape.insert("deprecated".to_owned(), Value::Bool(true));
            }
            (Some((*version).clone()), shape)
        })
        .collect();
    Choice {
        name: name.to_owned(),
        aliases: Vec::new(),
        title: newest.title.clone(),
        hidden: old || newest.deprecated.is_some(),
        required,
        shapes,
    }
}

/// The task runners, those first that every flow knows.
pub(super) fn of_runners(runners: &[RunnerFragment]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = runners
        .iter()
        .map(|runner| {
            let mut aliases = runner.aliases.clone();
            aliases.sort();
            Choice {
                name: runner.name.clone(),
                aliases,
                title: runner.title.clone(),
                hidden: false,
                required: Vec::new(),
                shapes: vec![(Some(RunnerFragment::VERSION), runner_shape(runner))],
            }
        })
        .collect();
    choices.sort_by(|left, right| runner_rank(&left.name).cmp(&runner_rank(&right.name)));
    choices
}

/// The types of inputs.
pub(super) fn of_inputs() -> Vec<Choice> {
    input_types()
        .iter()
        .map(|(name, title)| Choice {
            name: (*name).to_owned(),
            aliases: Vec::new(),
            title: (*title).to_owned(),
            hidden: false,
            required: Vec::new(),
            shapes: vec![(None, input_shape(name))],
        })
        .collect()
}
