//! `taffrail schema`: the JSON Schema of flows, task types and runners for the plugins of this host.

use std::path::Path;

use serde_json::Value;
use taffrail_core::schema;
use taffrail_core::suggest::did_you_mean;
use taffrail_engine::ports::Planner;
use taffrail_runner::registry;

use crate::args::{Global, SchemaArgs};
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When the type is unknown or a file cannot be written.
pub fn schema(global: &Global, args: &SchemaArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let documents = documents(&host);
    match (&args.type_name, &args.write) {
        (Some(name), _) => {
            let found = documents.types.iter().find(|(known, _)| known == name);
            let Some((_, document)) = found else {
                let names = documents.types.iter().map(|(known, _)| known.as_str());
                let failed = Failed::new(
                    Exit::NotFound,
                    format!("there is no task type or task runner `{name}`"),
                );
                return Err(match did_you_mean(name, names) {
                    Some(near) => failed.hint(format!("did you mean `{near}`?")),
                    None => failed,
                });
            };
            terminal::answer(&text(document))?;
        }
        (None, Some(folder)) => {
            write(folder, "flow.json", &documents.flow)?;
            for (name, document) in &documents.types {
                let group = if documents.runners.contains(name) {
                    "runners"
                } else {
                    "tasks"
                };
                write(folder, &format!("{group}/{name}.json"), document)?;
            }
            if !global.quiet {
                complain(&format!(
                    "wrote {} schemas to {}",
                    documents.types.len() + 1,
                    folder.display()
                ));
            }
        }
        (None, None) => terminal::answer(&text(&documents.flow))?,
    }
    Ok(Exit::Ok)
}

struct Documents {
    flow: Value,
    /// Each task type in its newest version, and each runner, by name.
    types: Vec<(String, Value)>,
    runners: Vec<String>,
}

fn documents(host: &Host) -> Documents {
    let plugins: Vec<_> = host
        .plugins
        .plugins()
        .iter()
        .map(|plugin| plugin.descriptor.clone())
        .collect();
    let fragments = registry::fragments();
    let mut types: Vec<(String, Value)> = Vec::new();
    // Plugins are sorted by version: the newest comes last and stands.
    for task_type in plugins.iter().flat_map(|plugin| &plugin.task_types) {
        let document = titled(
            schema::task_schema(task_type).into(),
            task_type.name.as_str(),
            &task_type.title,
        );
        types.retain(|(known, _)| known != task_type.name.as_str());
        types.push((task_type.name.to_string(), document));
    }
    for native in taffrail_core::native::all() {
        if types.iter().any(|(known, _)| known == native.name) {
            continue;
        }
        let document = titled(
            schema::native_schema(native).into(),
            native.name,
            native.title,
        );
        types.push((native.name.to_owned(), document));
    }
    for fragment in &fragments {
        let document = titled(
            schema::runner_schema(fragment).into(),
            &fragment.name,
            &fragment.title,
        );
        types.push((fragment.name.clone(), document));
    }
    types.sort_by(|left, right| left.0.cmp(&right.0));
    Documents {
        flow: schema::compose(&plugins, &fragments),
        types,
        runners: fragments
            .into_iter()
            .map(|fragment| fragment.name)
            .collect(),
    }
}

/// A schema as a document of its own.
fn titled(schema: Value, name: &str, title: &str) -> Value {
    let mut document = serde_json::Map::new();
    document.insert(
        "$schema".to_owned(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    document.insert("$id".to_owned(), format!("taffrail:{name}").into());
    document.insert("title".to_owned(), title.into());
    if let Value::Object(schema) = schema {
        for (key, value) in schema {
            document.entry(key).or_insert(value);
        }
    }
    Value::Object(document)
}

fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

fn write(folder: &Path, name: &str, document: &Value) -> Result<(), Failed> {
    let path = folder.join(name);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, text(document)));
    written.map_err(|error| {
        Failed::new(
            Exit::Internal,
            format!("cannot write `{}`: {error}", path.display()),
        )
    })
}
