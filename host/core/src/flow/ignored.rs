//! Says which defaults have no effect, as what they are for does not have their keys.

use super::defaults::Defaults;
use crate::diagnostic::{Code, Diagnostic};
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
