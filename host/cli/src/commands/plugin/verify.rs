//! `taffrail plugin verify`: compares what is installed with what was installed, and with its signature.

use serde_json::{Value, json};
use taffrail_core::text::printable;
use taffrail_engine::ports::{Planner, PluginInfo, PluginSource};
use taffrail_registry::Digest;
use taffrail_wasm::Store;

use super::compile::compile;
use super::show::{find, key};
use super::source::{Component, Trust};
use crate::args::{Format, Global, PluginVerifyArgs};
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When a plugin that was named is not there. What does not pass is told, and the exit code is 6.
pub fn verify(global: &Global, args: &PluginVerifyArgs) -> Result<Exit, Failed> {
    let host = Host::open_to_list(global)?;
    let trust = Trust::new(&host.config, &args.trust)?;
    let chosen: Vec<&PluginInfo> = if args.plugins.is_empty() {
        host.plugins.plugins().iter().collect()
    } else {
        args.plugins
            .iter()
            .map(|wanted| find(&host, wanted))
            .collect::<Result<_, _>>()?
    };
    let mut rows: Vec<(String, String, Result<String, String>)> = Vec::new();
    for plugin in chosen {
        let outcome = check(global, &host, plugin, &trust);
        rows.push((key(plugin).to_string(), plugin.digest.clone(), outcome));
    }
    if args.plugins.is_empty() {
        for problem in host.plugins.problems() {
            let name = problem.path.display().to_string();
            rows.push((name, String::new(), Err(problem.reason.clone())));
        }
    }
    let bad = rows.iter().any(|(_, _, outcome)| outcome.is_err());
    let text = match args.format {
        Format::Json => {
            let plugins: Vec<Value> = rows
                .iter()
                .map(|(name, digest, outcome)| {
                    json!({
                        "plugin": name,
                        "sha256": digest,
                        "good": outcome.is_ok(),
                        "note": match outcome { Ok(text) | Err(text) => text },
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "v": 1, "plugins": plugins }))
        }
        Format::Text => rows
            .iter()
            .map(|(name, _, outcome)| match outcome {
                Ok(note) => format!("ok    {name}  {note}\n"),
                Err(reason) => format!("FAIL  {name}: {reason}\n"),
            })
            .collect(),
    };
    terminal::answer(&printable(&text))?;
    Ok(if bad { Exit::Plugin } else { Exit::Ok })
}

/// Everything that can be said against a plugin, or what speaks for it.
fn check(
    global: &Global,
    host: &Host,
    plugin: &PluginInfo,
    trust: &Trust,
) -> Result<String, String> {
    let key = key(plugin);
    let bytes = host.plugins.component(&key)?;
    let digest = Digest::of(&bytes);
    if digest.hex() != plugin.digest {
        return Err(format!(
            "its content is {digest}, and not sha256:{}",
            plugin.digest
        ));
    }
    let origin = match &plugin.source {
        PluginSource::Bundled => None,
        PluginSource::File(_) => Store::new(&host.folders.plugins).origin(&key),
    };
    if let Some(origin) = &origin
        && origin.digest != digest.hex()
    {
        return Err(format!(
            "its content is {digest}, and sha256:{} was installed",
            origin.digest
        ));
    }
    let source = match (&plugin.source, &origin) {
        (PluginSource::Bundled, _) => "part of this program".to_owned(),
        (_, Some(origin)) => format!("as installed from {}", origin.source),
        (PluginSource::File(_), None) => "put there by hand".to_owned(),
    };
    let component = Component {
        source: key.to_string(),
        digest,
        signature: origin.as_ref().and_then(|origin| origin.signature.clone()),
        public: false,
        bytes: bytes.into_owned(),
    };
    let signed = match &plugin.source {
        // Whoever signs this program vouches for them.
        PluginSource::Bundled => None,
        PluginSource::File(_) => component.verified(trust).map_err(|failed| failed.message)?,
    };
    let found =
        compile(global, &component.bytes, &component.source).map_err(|failed| failed.message)?;
    if *found.descriptor != *plugin.descriptor {
        return Err("it describes itself in another way than before".to_owned());
    }
    Ok(match signed {
        Some(key) => format!("{source}, signed by {key}"),
        None => source,
    })
}
