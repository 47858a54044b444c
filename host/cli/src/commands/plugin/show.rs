//! `taffrail plugin list` and `info`: what plugins there are, and all there is to know of one.

use std::path::Path;

use serde_json::{Value, json};
use taffrail_core::descriptor::Descriptor;
use taffrail_core::schema::host_property_names;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::text::printable;
use taffrail_core::version::VersionPin;
use taffrail_engine::ports::{Planner, PluginInfo, PluginKey, PluginSource};
use taffrail_wasm::inspect;

use crate::args::Format;
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::terminal;

/// Lists the plugins of this host.
///
/// # Errors
/// When the answer cannot be printed.
pub fn list(host: &Host, format: Format) -> Result<Exit, Failed> {
    let plugins = host.plugins.plugins();
    let text = match format {
        Format::Json => {
            let broken: Vec<Value> = host
                .plugins
                .problems()
                .iter()
                .map(|problem| json!({ "path": problem.path, "reason": problem.reason }))
                .collect();
            let plugins: Vec<Value> = plugins.iter().map(summary).collect();
            format!(
                "{:#}\n",
                json!({ "v": 1, "plugins": plugins, "broken": broken })
            )
        }
        Format::Text => {
            let rows: Vec<[String; 4]> = plugins
                .iter()
                .map(|plugin| {
                    let descriptor = &plugin.descriptor;
                    [
                        descriptor.id.to_string(),
                        descriptor.version.to_string(),
                        source(plugin),
                        descriptor.title.clone(),
                    ]
                })
                .collect();
            let mut text = table(&rows);
            for problem in host.plugins.problems() {
                text.push_str(&format!(
                    "broken: {}: {}\n",
                    problem.path.display(),
                    problem.reason
                ));
            }
            printable(&text).into_owned()
        }
    };
    terminal::answer(&text)?;
    Ok(Exit::Ok)
}

fn summary(plugin: &PluginInfo) -> Value {
    let descriptor = &plugin.descriptor;
    json!({
        "id": descriptor.id,
        "version": descriptor.version,
        "title": descriptor.title,
        "api": plugin.api,
        "sha256": plugin.digest,
        "size": plugin.size,
        "source": source(plugin),
        "taskTypes": descriptor.task_types.iter().map(|task_type| &task_type.name).collect::<Vec<_>>(),
    })
}

fn source(plugin: &PluginInfo) -> String {
    match &plugin.source {
        PluginSource::Bundled => "bundled".to_owned(),
        PluginSource::File(path) => path.display().to_string(),
    }
}

fn table(rows: &[[String; 4]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let (id, version, source) = (width(0), width(1), width(2));
    rows.iter()
        .map(|row| {
            format!(
                "{:<id$}  {:<version$}  {:<source$}  {}\n",
                row[0], row[1], row[2], row[3]
            )
        })
        .collect()
}

/// Shows one plugin, or a component in a file.
///
/// # Errors
/// When the plugin is not there, or its file is not one.
pub fn info(host: &Host, wanted: &str, format: Format) -> Result<Exit, Failed> {
    let path = Path::new(wanted);
    let is_file = path
        .extension()
        .is_some_and(|extension| extension == "wasm")
        || path.is_file();
    let (descriptor, mut facts) = if is_file {
        from_file(host, path)?
    } else {
        let plugin = find(host, wanted)?;
        let bytes = host
            .plugins
            .component(&key(plugin))
            .map_err(|reason| Failed::new(Exit::Plugin, format!("plugin `{wanted}`: {reason}")))?;
        let (_, mut facts) = look_into(host, &bytes, wanted)?;
        facts["source"] = source(plugin).into();
        (Descriptor::clone(&plugin.descriptor), facts)
    };
    let text = match format {
        Format::Json => {
            facts["v"] = 1.into();
            facts["descriptor"] = serde_json::to_value(&descriptor).map_err(|error| {
                Failed::new(
                    Exit::Internal,
                    format!("the descriptor is not JSON: {error}"),
                )
            })?;
            format!("{facts:#}\n")
        }
        Format::Text => printable(&describe(&descriptor, &facts)).into_owned(),
    };
    terminal::answer(&text)?;
    Ok(Exit::Ok)
}

/// The name of a plugin version.
pub fn key(plugin: &PluginInfo) -> PluginKey {
    PluginKey {
        id: plugin.descriptor.id.clone(),
        version: plugin.descriptor.version.clone(),
    }
}

/// The newest plugin version that `python` or `python@1.2` names.
///
/// # Errors
/// When there is none; names the nearest.
pub fn find<'a>(host: &'a Host, wanted: &str) -> Result<&'a PluginInfo, Failed> {
    let (id, pin) = match wanted.split_once('@') {
        Some((id, pin)) => {
            let pin = VersionPin::parse(pin).map_err(|error| {
                Failed::new(Exit::Usage, error.to_string())
                    .hint(format!("write {}", VersionPin::ALLOWED))
            })?;
            (id, Some(pin))
        }
        None => (wanted, None),
    };
    let of_id: Vec<&PluginInfo> = host
        .plugins
        .plugins()
        .iter()
        .filter(|plugin| plugin.descriptor.id.as_str() == id)
        .collect();
    let matching = of_id.iter().filter(|plugin| {
        pin.as_ref()
            .is_none_or(|pin| pin.matches(&plugin.descriptor.version))
    });
    if let Some(plugin) =
        matching.max_by(|left, right| left.descriptor.version.cmp(&right.descriptor.version))
    {
        return Ok(plugin);
    }
    if of_id.is_empty() {
        let names: Vec<&str> = host
            .plugins
            .plugins()
            .iter()
            .map(|plugin| plugin.descriptor.id.as_str())
            .collect();
        let failed = Failed::new(Exit::NotFound, format!("there is no plugin `{id}`"));
        return Err(match did_you_mean(id, names.iter().copied()) {
            Some(near) => failed.hint(format!("did you mean `{near}`?")),
            None => failed.hint("`taffrail plugin list` shows what there is"),
        });
    }
    let versions: Vec<String> = of_id
        .iter()
        .map(|plugin| format!("`{}`", plugin.descriptor.version))
        .collect();
    Err(Failed::new(
        Exit::NotFound,
        format!(
            "no version of `{id}` fits `{wanted}`; there are {}",
            versions.join(", ")
        ),
    ))
}

fn from_file(host: &Host, path: &Path) -> Result<(Descriptor, Value), Failed> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Invalid
        };
        Failed::new(exit, format!("cannot read `{name}`: {error}"))
    })?;
    let (descriptor, mut facts) = look_into(host, &bytes, &name)?;
    facts["source"] = name.into();
    Ok((descriptor, facts))
}

fn look_into(host: &Host, bytes: &[u8], name: &str) -> Result<(Descriptor, Value), Failed> {
    let inspection =
        inspect(host.plugins.sandbox(), bytes, &host_property_names()).map_err(|error| {
            Failed::new(
                Exit::Plugin,
                format!("`{name}` is not a plugin for this host: {error}"),
            )
        })?;
    let facts = json!({
        "api": inspection.api,
        "sha256": inspection.digest,
        "size": inspection.size,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "reaches": inspection.reach,
    });
    Ok((Descriptor::clone(&inspection.descriptor), facts))
}

fn describe(descriptor: &Descriptor, facts: &Value) -> String {
    let fact = |name: &str| match &facts[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut text = format!(
        "{} {}  {}\n",
        descriptor.id, descriptor.version, descriptor.title
    );
    let rows = [
        ("source", fact("source")),
        ("api", fact("api")),
        ("sha256", fact("sha256")),
        ("size", format!("{} bytes", fact("size"))),
        (
            "licence",
            descriptor
                .licence
                .clone()
                .unwrap_or_else(|| "not stated".to_owned()),
        ),
        ("reaches", fact("reaches")),
    ];
    for (name, value) in rows {
        text.push_str(&format!("  {name:<8} {value}\n"));
    }
    for task_type in &descriptor.task_types {
        text.push_str(&format!("\n{}\n  {}\n", task_type.name, task_type.title));
        if let Some(image) = &task_type.default_container_image {
            text.push_str(&format!("  default image {image}\n"));
        }
        let required: Vec<&str> = task_type
            .properties_schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = task_type
            .properties_schema
            .get("properties")
            .and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let mark = if required.contains(&name.as_str()) {
                ", required"
            } else {
                ""
            };
            let about = schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            text.push_str(&format!(
                "  {name}{mark}: {}\n",
                about.lines().next().unwrap_or_default()
            ));
        }
    }
    text
}
