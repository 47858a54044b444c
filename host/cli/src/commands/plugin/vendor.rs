//! `taffrail plugin vendor`: puts the components that flows use into a folder of the project, for places without a network.

use std::collections::BTreeSet;

use taffrail_core::resolve::Locking;
use taffrail_engine::ports::{Planner, PluginKey, PluginSource};
use taffrail_wasm::{Installed, Origin, Store};

use super::add::failed;
use crate::args::{Global, PluginVendorArgs};
use crate::commands::validate::flow_files;
use crate::document;
use crate::exit::{Exit, Failed};
use crate::load::{Host, checked_flow_locked, read_source};
use crate::locking::Locks;
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When a flow's plugins cannot be chosen, or the folder cannot be written.
pub fn vendor(global: &Global, args: &PluginVendorArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let mut locks = Locks::new(global, false);
    let mut files = Vec::new();
    for path in &args.paths {
        flow_files(path, &mut files)?;
    }
    let mut wanted: BTreeSet<PluginKey> = BTreeSet::new();
    for file in &files {
        let source = read_source(file)?;
        let lock = locks.of(file)?;
        let locking: Locking<'_> = locks.locking(lock.as_ref());
        let checked = document::check(&source, &host.checker, locking);
        let flow = match checked.flow {
            Some(flow)
                if checked
                    .diagnostics
                    .iter()
                    .all(|found| !crate::load::is_about_plugins(found.code)) =>
            {
                flow
            }
            // Says what is wrong, as every other command does.
            _ => checked_flow_locked(global, &host, &file.to_string_lossy(), false)?.1,
        };
        wanted.extend(flow.all_tasks().filter_map(|task| {
            let descriptor = &task.script_type()?.plugin;
            Some(PluginKey {
                id: descriptor.id.clone(),
                version: descriptor.version.clone(),
            })
        }));
    }
    let here = Store::new(&host.folders.plugins);
    let there = Store::new(&args.to);
    let mut text = String::new();
    for key in &wanted {
        let Some(info) =
            host.plugins.plugins().iter().find(|info| {
                info.descriptor.id == key.id && info.descriptor.version == key.version
            })
        else {
            continue;
        };
        let bytes = host
            .plugins
            .component(key)
            .map_err(|reason| Failed::new(Exit::Plugin, format!("plugin `{key}`: {reason}")))?;
        let origin = here.origin(key).unwrap_or_else(|| Origin {
            source: match &info.source {
                PluginSource::Bundled => format!("taffrail {}", env!("CARGO_PKG_VERSION")),
                PluginSource::File(path) => path.display().to_string(),
            },
            digest: info.digest.clone(),
            ..Origin::default()
        });
        let done = there
            .install(key, &bytes, &origin)
            .map_err(|error| failed(&error))?;
        let word = match done {
            Installed::New => "added",
            Installed::Same => "kept",
            Installed::Replaced => "replaced",
        };
        text.push_str(&format!("{word} {key}\n"));
    }
    terminal::answer(&text)?;
    if !global.quiet {
        complain(&format!(
            "use them with `--plugin-dir {}`, or install them with `taffrail plugin add {}`",
            args.to.display(),
            args.to.display()
        ));
    }
    Ok(Exit::Ok)
}
