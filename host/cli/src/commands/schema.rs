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
    if let Some(folder) = &args.write {
        write_all(global, folder, &documents)?;
    }
    if args.vscode {
        let folder = args.write.as_deref().unwrap_or(Path::new("schemas"));
        terminal::answer(&vscode(folder))?;
    } else if let Some(name) = &args.type_name {
        terminal::answer(&schema::print(document(&documents, name)?))?;
    } else if args.write.is_none() {
        terminal::answer(&schema::print(&documents.flow))?;
    }
    Ok(Exit::Ok)
}

/// The schema of flows for the plugins of this host.
pub fn flow_document(host: &Host) -> Value {
    documents(host).flow
}

fn document<'a>(documents: &'a Documents, name: &str) -> Result<&'a Value, Failed> {
    if let Some((_, document)) = documents.types.iter().find(|(known, _)| known == name) {
        return Ok(document);
    }
    let names = documents.types.iter().map(|(known, _)| known.as_str());
    let failed = Failed::new(
        Exit::NotFound,
        format!("there is no task type or task runner `{name}`"),
    );
    Err(match did_you_mean(name, names) {
        Some(near) => failed.hint(format!("did you mean `{near}`?")),
        None => failed,
    })
}

fn write_all(global: &Global, folder: &Path, documents: &Documents) -> Result<(), Failed> {
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
    Ok(())
}

/// Settings for `.vscode/settings.json`, with the schema in this folder of the workspace.
fn vscode(folder: &Path) -> String {
    let path = folder.join("flow.json").display().to_string();
    let path = if folder.is_absolute() || path.starts_with('.') {
        path
    } else {
        format!("./{path}")
    };
    let settings = serde_json::json!({
        "yaml.schemas": { path: ["*.flow.yaml", "*.flow.yml", "flows/**/*.yaml", "flows/**/*.yml"] },
    });
    format!("{settings:#}\n")
}

struct Documents {
    flow: Value,
    /// Each task type and each runner, by name.
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
    let flow = schema::compose(&plugins, &fragments);
    let runners: Vec<String> = fragments
        .into_iter()
        .map(|fragment| fragment.name)
        .collect();
    let mut names: Vec<String> = plugins
        .iter()
        .flat_map(|plugin| &plugin.task_types)
        .map(|task_type| task_type.name.to_string())
        .chain(
            taffrail_core::native::all()
                .iter()
                .map(|native| native.name.to_owned()),
        )
        .chain(runners.iter().cloned())
        .collect();
    names.sort();
    names.dedup();
    let types = names
        .into_iter()
        .filter_map(|name| {
            let document = schema::excerpt(&flow, &name)?;
            Some((name, document))
        })
        .collect();
    Documents {
        flow,
        types,
        runners,
    }
}

fn write(folder: &Path, name: &str, document: &Value) -> Result<(), Failed> {
    let path = folder.join(name);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, schema::print(document)));
    written.map_err(|error| {
        Failed::new(
            Exit::Internal,
            format!("cannot write `{}`: {error}", path.display()),
        )
    })
}
