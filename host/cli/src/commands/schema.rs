//! `taffrail schema`: the JSON Schema of flows, task types and runners for the plugins of this host.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use taffrail_core::descriptor::Descriptor;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::{native, schema};
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
    if let Some(folder) = &args.write {
        write_all(global, folder, &host)?;
    }
    if args.vscode {
        let folder = args.write.as_deref().unwrap_or(Path::new("schemas"));
        terminal::answer(&vscode(folder))?;
    } else if let Some(name) = &args.type_name {
        terminal::answer(&schema::print(&document(&host, name)?))?;
    } else if args.write.is_none() {
        terminal::answer(&schema::print(&flow_document(&host)))?;
    }
    Ok(Exit::Ok)
}

/// The schema of flows for the plugins of this host.
pub fn flow_document(host: &Host) -> Value {
    schema::compose(&descriptors(host), &registry::fragments())
}

/// The schema of one task type or runner.
fn document(host: &Host, name: &str) -> Result<Value, Failed> {
    let known = type_names(host);
    let found = known
        .iter()
        .any(|(known, _)| known == name)
        .then(|| schema::excerpt(&flow_document(host), name))
        .flatten();
    found.ok_or_else(|| {
        let failed = Failed::new(
            Exit::NotFound,
            format!("there is no task type or task runner `{name}`"),
        );
        match did_you_mean(name, known.keys().map(|known| known.as_str())) {
            Some(near) => failed.hint(format!("did you mean `{near}`?")),
            None => failed,
        }
    })
}

fn write_all(global: &Global, folder: &Path, host: &Host) -> Result<(), Failed> {
    let flow = flow_document(host);
    write(folder, "flow.json", &flow)?;
    let mut written = 1;
    for (name, group) in type_names(host) {
        if let Some(document) = schema::excerpt(&flow, &name) {
            write(folder, &format!("{group}/{name}.json"), &document)?;
            written += 1;
        }
    }
    if !global.quiet {
        complain(&format!("wrote {written} schemas to {}", folder.display()));
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

fn descriptors(host: &Host) -> Vec<Arc<Descriptor>> {
    let plugins = host.plugins.plugins().iter();
    plugins.map(|plugin| plugin.descriptor.clone()).collect()
}

/// Each task type and each runner by its name, with the folder that its schema is written to.
fn type_names(host: &Host) -> BTreeMap<String, &'static str> {
    let plugins = descriptors(host);
    let of_plugins = plugins
        .iter()
        .flat_map(|plugin| &plugin.task_types)
        .map(|task_type| task_type.name.to_string());
    let of_host = native::all().iter().map(|native| native.name.to_owned());
    let tasks = of_plugins.chain(of_host).map(|name| (name, "tasks"));
    let runners = registry::fragments().into_iter();
    tasks
        .chain(runners.map(|runner| (runner.name, "runners")))
        .collect()
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
