//! `taffrail plugin update`: looks for newer versions where plugins came from, and installs them beside the old ones.

use std::collections::BTreeMap;

use semver::Version;
use taffrail_core::name::PluginId;
use taffrail_core::text::printable;
use taffrail_engine::ports::{Planner, PluginInfo, PluginSource};
use taffrail_registry::Reference;
use taffrail_wasm::Store;

use super::add::{answer, install};
use super::preview::preview;
use super::show::{find, key};
use super::source::{Source, Trust, client, failed};
use crate::args::{Format, Global, PluginUpdateArgs};
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When a plugin that was named is not there, or where it came from cannot be asked.
pub fn update(global: &Global, args: &PluginUpdateArgs) -> Result<Exit, Failed> {
    // A component that is no plugin of a registry can be previewed, too.
    let (sources, names): (Vec<String>, Vec<String>) = args
        .plugins
        .iter()
        .cloned()
        .partition(|text| text.contains('/') || text.ends_with(".wasm"));
    if let (Some(source), true) = (sources.first(), args.preview.is_empty()) {
        return Err(Failed::new(
            Exit::Usage,
            format!("`{source}` is no plugin that is installed"),
        )
        .hint(
            "install it with `taffrail plugin add`, or see what it would change with `--preview`",
        ));
    }
    let host = Host::open_to_list(global)?;
    let trust = Trust::new(&host.config, &args.trust)?;
    let mut newer = Vec::new();
    for (plugin, reference) in newest_of(&host, args, &names, &sources)? {
        let tags = client().tags(&reference).map_err(failed)?;
        let newest = tags
            .iter()
            .filter_map(|tag| Version::parse(tag).ok())
            .filter(|version| version.pre.is_empty())
            .max();
        if let Some(newest) = newest.filter(|newest| *newest > plugin.descriptor.version) {
            let reference = reference
                .at_tag(&newest.to_string())
                .map_err(|error| Failed::new(Exit::Plugin, error.to_string()))?;
            newer.push((plugin, newest, reference));
        }
    }
    if !args.preview.is_empty() {
        let mut candidates: Vec<Source> = newer
            .into_iter()
            .map(|(_, _, reference)| Source::Registry(reference))
            .collect();
        for text in &sources {
            candidates.extend(Source::parse(text)?);
        }
        return preview(global, args, &candidates);
    }
    if args.dry_run {
        let text: String = newer
            .iter()
            .map(|(plugin, newest, reference)| {
                format!("{} -> {newest}  {reference}\n", key(plugin))
            })
            .collect();
        terminal::answer(&printable(&text))?;
    } else {
        let mut added = Vec::new();
        for (_, _, reference) in &newer {
            let component = Source::Registry(reference.clone()).fetch(global, None)?;
            added.push(install(global, &component, &trust)?);
        }
        answer(args.format, &added)?;
    }
    if newer.is_empty() && !global.quiet && args.format == Format::Text {
        complain("everything is up to date");
    }
    Ok(Exit::Ok)
}

/// Where to look for newer versions; nowhere where components to preview were named and nothing else.
fn newest_of<'a>(
    host: &'a Host,
    args: &PluginUpdateArgs,
    names: &[String],
    sources: &[String],
) -> Result<Vec<(&'a PluginInfo, Reference)>, Failed> {
    if names.is_empty() && !(args.preview.is_empty() || sources.is_empty()) {
        return Ok(Vec::new());
    }
    repositories(host, names)
}

/// The newest installed version of each plugin that came from a registry, and where that is.
fn repositories<'a>(
    host: &'a Host,
    wanted: &[String],
) -> Result<Vec<(&'a PluginInfo, Reference)>, Failed> {
    let store = Store::new(&host.folders.plugins);
    let reference = |plugin: &PluginInfo| {
        let origin = store.origin(&key(plugin))?;
        Reference::parse(&origin.source).ok()
    };
    if !wanted.is_empty() {
        let mut found = Vec::new();
        for name in wanted {
            let plugin = find(host, name)?;
            let Some(reference) = reference(plugin) else {
                return Err(Failed::new(
                    Exit::NotFound,
                    format!(
                        "`{}` did not come from a registry, so nobody knows of newer versions",
                        key(plugin)
                    ),
                )
                .hint("add a newer version with `taffrail plugin add`"));
            };
            found.push((plugin, reference));
        }
        return Ok(found);
    }
    let mut newest: BTreeMap<&PluginId, (&PluginInfo, Reference)> = BTreeMap::new();
    // They are sorted by version: the last one stands.
    for plugin in host.plugins.plugins() {
        if matches!(plugin.source, PluginSource::File(_))
            && let Some(reference) = reference(plugin)
        {
            newest.insert(&plugin.descriptor.id, (plugin, reference));
        }
    }
    Ok(newest.into_values().collect())
}
