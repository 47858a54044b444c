//! `taffrail plugin remove`: takes installed plugin versions away.

use taffrail_core::version::VersionPin;
use taffrail_engine::ports::{Planner, PluginInfo, PluginSource};
use taffrail_wasm::Store;

use super::add::failed;
use super::show::{find, key};
use crate::args::{Global, PluginRemoveArgs};
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When one of them is not installed, or is part of this program.
pub fn remove(global: &Global, args: &PluginRemoveArgs) -> Result<Exit, Failed> {
    let host = Host::open_to_list(global)?;
    let store = Store::new(&host.folders.plugins);
    let mut doomed: Vec<&PluginInfo> = Vec::new();
    for wanted in &args.plugins {
        doomed.extend(installed(&host, wanted)?);
    }
    let mut text = String::new();
    for plugin in doomed {
        let key = key(plugin);
        if store.remove(&key).map_err(|error| failed(&error))? {
            text.push_str(&format!("removed {key}\n"));
        }
    }
    terminal::answer(&text)?;
    Ok(Exit::Ok)
}

/// The installed versions that `python@1.2` names; a plugin without a version must have only one.
fn installed<'a>(host: &'a Host, wanted: &str) -> Result<Vec<&'a PluginInfo>, Failed> {
    // Says what is wrong with the name, the version, or both.
    find(host, wanted)?;
    let (id, pin) = match wanted.split_once('@') {
        Some((id, pin)) => (id, VersionPin::parse(pin).ok()),
        None => (wanted, None),
    };
    let found: Vec<&PluginInfo> = host
        .plugins
        .plugins()
        .iter()
        .filter(|plugin| {
            let descriptor = &plugin.descriptor;
            descriptor.id.as_str() == id
                && matches!(plugin.source, PluginSource::File(_))
                && pin
                    .as_ref()
                    .is_none_or(|pin| pin.matches(&descriptor.version))
        })
        .collect();
    match (found.as_slice(), pin) {
        ([], _) => Err(Failed::new(
            Exit::Policy,
            format!("`{wanted}` is part of this program and cannot be removed"),
        )),
        ([_, _, ..], None) => {
            let versions: Vec<String> = found
                .iter()
                .map(|plugin| format!("`{id}@{}`", plugin.descriptor.version))
                .collect();
            Err(Failed::new(
                Exit::Usage,
                format!("there are several: {}", versions.join(", ")),
            )
            .hint("name the version"))
        }
        _ => Ok(found),
    }
}
