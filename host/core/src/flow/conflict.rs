//! Why no plugin version can be chosen for a task, in words: what is installed or locked, what was wanted, and the way out.

use std::sync::Arc;

use semver::Version;

use super::defaults::{Chosen, Origin};
use super::refusal::type_path;
use super::types::Spanned;
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::Conflict;
use crate::version::VersionPin;
use crate::yaml::{Span, push_key};

/// Says at its place why a task's wish cannot be granted. `chosen` is the version that holds for the task.
pub(super) fn conflicting(
    conflict: &Conflict,
    type_name: &Spanned<Arc<str>>,
    path: &str,
    chosen: Option<&Chosen>,
) -> Diagnostic {
    let span = chosen.map_or(type_name.span, |chosen| chosen.value.span);
    let diagnostic = match conflict {
        Conflict::UnknownType { .. } => Diagnostic::error(
            Code::UnknownTaskType,
            type_name.span,
            format!("no installed plugin provides `{}`", type_name.value),
        ),
        Conflict::Unsatisfied {
            plugin, installed, ..
        } => unsatisfied(span, plugin.as_str(), installed, chosen),
        Conflict::Ambiguous { offers, .. } => Diagnostic::error(
            Code::UnsatisfiedVersion,
            type_name.span,
            format!(
                "`{}` is offered alike by {}",
                type_name.value,
                offers.join(" and ")
            ),
        )
        .help("remove one of the plugins"),
        Conflict::NotLocked {
            plugin,
            locked,
            otherwise,
            ..
        } => {
            let diagnostic = Diagnostic::error(
                Code::NotLocked,
                span,
                format!("no locked version of plugin `{plugin}` may be used here"),
            )
            .label(match locked.as_slice() {
                [] => "it is not in `taffrail.lock`".to_owned(),
                versions => format!("locked: {}", listed(versions)),
            });
            match otherwise {
                Some(version) => diagnostic.help(format!(
                    "`taffrail lock` would lock {version}; commit what it writes"
                )),
                None => diagnostic.note("no installed version may be used either"),
            }
        }
        Conflict::LockedAbsent {
            plugin,
            locked,
            source,
            installed,
            ..
        } => {
            let what = source
                .clone()
                .unwrap_or_else(|| format!("the file of {plugin} {locked}"));
            Diagnostic::error(
                Code::NotLocked,
                span,
                format!("plugin `{plugin}` is locked to {locked}, which is not installed"),
            )
            .label(format!("installed: {}", listed(installed)))
            .help(format!(
                "install it with `taffrail plugin add`, from {what}, or choose anew with `taffrail lock --update`"
            ))
        }
        Conflict::Changed {
            plugin,
            version,
            locked,
            installed,
            ..
        } => Diagnostic::error(
            Code::ChangedPlugin,
            span,
            format!("plugin `{plugin} {version}` is not the one that was locked"),
        )
        .label(format!(
            "locked: sha256:{}, installed: sha256:{}",
            short(locked),
            short(installed)
        ))
        .note("a released version never changes: somebody put another component in its place"),
    };
    let diagnostic = match chosen.map(|chosen| chosen.origin) {
        _ if span == type_name.span && chosen.is_none() => diagnostic.path(type_path(path)),
        Some(Origin::Flow) => diagnostic.path("pluginDefaults"),
        Some(Origin::Host) => diagnostic
            .path(type_path(path))
            .note("the host's configuration gives tasks of this type that version"),
        Some(Origin::Task) | None => {
            let mut version_path = path.to_owned();
            push_key(&mut version_path, "version");
            diagnostic.path(version_path)
        }
    };
    match conflict {
        Conflict::Ambiguous { .. } => diagnostic.path(type_path(path)),
        _ => diagnostic,
    }
}

/// Refuses a version that is not installed.
fn unsatisfied(
    span: Span,
    plugin: &str,
    installed: &[Version],
    chosen: Option<&Chosen>,
) -> Diagnostic {
    let Some(chosen) = chosen else {
        return Diagnostic::error(
            Code::UnsatisfiedVersion,
            span,
            format!("of plugin `{plugin}` only pre-releases are installed"),
        )
        .label(format!("installed: {}", listed(installed)))
        .help("name one exactly with `version`");
    };
    let written = chosen.value.scalar().map_or("", |scalar| &scalar.text);
    let wanted = VersionPin::parse(written).map_or_else(|_| written.to_owned(), |pin| pin.wanted());
    let diagnostic = Diagnostic::error(
        Code::UnsatisfiedVersion,
        span,
        format!("plugin `{plugin}` is pinned to `{written}`, which no installed version satisfies"),
    )
    .label(format!(
        "wanted: {wanted}; installed: {}",
        listed(installed)
    ));
    let major = written.split('.').next().and_then(|text| text.parse().ok());
    let releases = || {
        installed
            .iter()
            .rev()
            .filter(|version| version.pre.is_empty())
    };
    // The nearest is of the same major version, as the author counted on that one.
    let nearest = releases()
        .find(|version| Some(version.major) == major)
        .or_else(|| releases().next());
    match (nearest, chosen.origin) {
        (Some(near), Origin::Task) => diagnostic.help(format!(
            "write `version: \"{}.{}\"`, or remove the line for the newest",
            near.major, near.minor
        )),
        (Some(near), Origin::Flow) => diagnostic.help(format!(
            "write `version: \"{}.{}\"`",
            near.major, near.minor
        )),
        _ => diagnostic,
    }
}

fn listed(versions: &[Version]) -> String {
    if versions.is_empty() {
        return "none".to_owned();
    }
    versions
        .iter()
        .map(|version| format!("`{version}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// As much of a digest as people compare.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
