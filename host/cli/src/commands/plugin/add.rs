//! `taffrail plugin add`: fetches components, makes sure that this host can run them, and installs them.

use serde_json::{Value, json};
use taffrail_core::text::printable;
use taffrail_engine::ports::PluginKey;
use taffrail_registry::Digest;
use taffrail_wasm::{Inspection, Installed, Origin, Store, StoreError};

use super::compile::compile;
use super::source::{Component, Source, Trust};
use crate::args::{Format, Global, PluginAddArgs};
use crate::config::Config;
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When a component cannot be had, or this host cannot run it.
pub fn add(global: &Global, args: &PluginAddArgs) -> Result<Exit, Failed> {
    let digest = match &args.digest {
        Some(text) => {
            Some(Digest::parse(text).map_err(|error| Failed::new(Exit::Usage, error.to_string()))?)
        }
        None => None,
    };
    let mut sources = Vec::new();
    for text in &args.sources {
        sources.extend(Source::parse(text)?);
    }
    if digest.is_some() && sources.len() != 1 {
        return Err(Failed::new(
            Exit::Usage,
            format!(
                "`--digest` is for one component, and there are {}",
                sources.len()
            ),
        ));
    }
    let trust = Trust::new(&Config::load(global)?, &args.trust)?;
    let mut added = Vec::new();
    for source in &sources {
        let mut component = source.fetch(global, digest.as_ref())?;
        if let Some(path) = &args.signature {
            component.signature = Some(std::fs::read_to_string(path).map_err(|error| {
                Failed::new(
                    Exit::NotFound,
                    format!("cannot read `{}`: {error}", path.display()),
                )
            })?);
        }
        added.push(install(global, &component, &trust)?);
    }
    answer(args.format, &added)?;
    Ok(Exit::Ok)
}

/// What became of one component.
pub struct Added {
    pub inspection: Inspection,
    pub source: String,
    pub signed_by: Option<String>,
    pub done: Installed,
}

impl Added {
    fn word(&self) -> &'static str {
        match self.done {
            Installed::New => "added",
            Installed::Same => "kept",
            Installed::Replaced => "replaced",
        }
    }
}

/// Makes sure that this host can run a component, and installs it.
///
/// # Errors
/// When the host cannot run it, its name is taken, or the disk says no.
pub fn install(global: &Global, component: &Component, trust: &Trust) -> Result<Added, Failed> {
    let signed_by = component.verified(trust)?;
    let inspection = compile(global, &component.bytes, &component.source)?;
    // Looked at anew each time: what was added a moment ago counts.
    let host = Host::open_to_list(global)?;
    let descriptor = &inspection.descriptor;
    let key = PluginKey {
        id: descriptor.id.clone(),
        version: descriptor.version.clone(),
    };
    let store = Store::new(&host.folders.plugins);
    // A pre-release may take the place of another build of itself in the store, and of nothing else.
    let replaces = !key.version.pre.is_empty() && store.file(&key).is_file();
    if !replaces && let Some(objection) = host.plugins.objection(descriptor, &inspection.digest) {
        return Err(Failed::new(
            Exit::Plugin,
            format!("`{}` cannot be installed: {objection}", component.source),
        ));
    }
    let origin = Origin {
        source: component.source.clone(),
        digest: inspection.digest.clone(),
        public: component.public,
        signature: component.signature.clone(),
        signed_by: signed_by.clone(),
    };
    let done = store
        .install(&key, &component.bytes, &origin)
        .map_err(|error| failed(&error))?;
    Ok(Added {
        inspection,
        source: component.source.clone(),
        signed_by,
        done,
    })
}

/// The exit code of what the store says.
pub fn failed(error: &StoreError) -> Failed {
    match error {
        StoreError::Changed { .. } => Failed::new(Exit::Plugin, error.to_string()),
        StoreError::Disk { source, .. } => {
            Failed::new(Exit::Internal, format!("{error}: {source}"))
        }
    }
}

/// Prints what was installed.
///
/// # Errors
/// When it cannot be printed.
pub fn answer(format: Format, added: &[Added]) -> Result<(), Failed> {
    let text = match format {
        Format::Json => {
            let plugins: Vec<Value> = added
                .iter()
                .map(|added| {
                    let found = &added.inspection;
                    json!({
                        "id": found.descriptor.id,
                        "version": found.descriptor.version,
                        "sha256": found.digest,
                        "api": found.api,
                        "size": found.size,
                        "reaches": found.reach,
                        "reproducible": found.reproducible,
                        "describeMilliseconds": found.describe_time.as_secs_f64() * 1e3,
                        "source": added.source,
                        "signedBy": added.signed_by,
                        "change": added.word(),
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "v": 1, "plugins": plugins }))
        }
        Format::Text => added
            .iter()
            .map(|added| {
                let found = &added.inspection;
                let signed = added
                    .signed_by
                    .as_ref()
                    .map_or(String::new(), |key| format!(", signed by {key}"));
                format!(
                    "{} {} {}  reaches {}{signed}\n",
                    added.word(),
                    found.descriptor.id,
                    found.descriptor.version,
                    found.reach
                )
            })
            .collect(),
    };
    terminal::answer(&printable(&text))
}
