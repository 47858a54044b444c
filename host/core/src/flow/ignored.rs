//! Says which defaults have no effect, as what they are for does not have their keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::defaults::Defaults;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::RunnerFragment;
use crate::yaml::{Node, Span};

/// Says once of a default that what it is for does not have the key.
pub(super) fn ignored_default(
    told: &mut Vec<Span>,
    key: &str,
    span: Span,
    name: &str,
    found: &mut Vec<Diagnostic>,
) {
    if !told.contains(&span) {
        told.push(span);
        let message = format!("`{key}` is not a key of `{name}`");
        found.push(
            Diagnostic::warning(Code::UnknownProperty, span, message)
                .label("this default has no effect on what has that type"),
        );
    }
}

/// Says of the flow's defaults for a task runner that no task names it: a default does not choose the runner.
pub(super) fn unreached_runners<'a>(
    defaults: Defaults<'_>,
    named: &BTreeSet<Arc<str>>,
    runners: impl Iterator<Item = &'a RunnerFragment>,
    found: &mut Vec<Diagnostic>,
) {
    let runners: Vec<&RunnerFragment> = runners.collect();
    for default in defaults.flow {
        let wanted = &default.type_prefix;
        let is_runner = runners.iter().any(|runner| runner.is_called(&wanted.value));
        if is_runner && !named.iter().any(|name| name.starts_with(&*wanted.value)) {
            found.push(
                Diagnostic::warning(
                    Code::WrongValue,
                    wanted.span,
                    "these defaults reach no task: none has this `taskRunner`",
                )
                .label("a default does not choose the runner")
                .help(format!(
                    "write `taskRunner: {{type: {}}}` in the tasks, or in the defaults of their types",
                    wanted.value
                ))
                .path("pluginDefaults"),
            );
        }
    }
}

/// The keys of defaults of the task runner's own type that it does not have. A default of the beginning of types may be meant for tasks.
pub(super) fn ignored_by_runner<'a>(
    task: &'a Node,
    defaults: Defaults<'a>,
    runner_has_key: &dyn Fn(&str, &str) -> bool,
) -> Option<(&'a str, Vec<(&'a str, Span)>)> {
    let name = task.get("taskRunner")?.get("type")?.text()?;
    let own = defaults
        .flow
        .iter()
        .filter(|default| *default.type_prefix.value == *name);
    let keys = own.flat_map(|default| default.values.entries());
    let ignored = keys
        .filter(|entry| !matches!(&*entry.key, "id" | "type") && !runner_has_key(name, &entry.key))
        .map(|entry| (&*entry.key, entry.key_span));
    Some((name, ignored.collect()))
}
