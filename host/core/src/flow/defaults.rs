//! Fills absent keys of a task from `pluginDefaults`, node by node, so that every value keeps the place where it was written.

use super::types::PluginDefault;
use crate::yaml::{Entry, Node, NodeKind, Span};

/// The task with the defaults that its type matches merged in, and the keys that were left out because the type has none such.
///
/// Values fill only absent keys, deeply; forced ones win. Earlier entries win over later ones.
pub(super) fn merge(
    task: &Node,
    type_name: &str,
    defaults: &[PluginDefault],
    has_key: &dyn Fn(&str) -> bool,
) -> (Option<Node>, Vec<(String, Span)>) {
    let matching = || {
        defaults
            .iter()
            .filter(|default| type_name.starts_with(&*default.type_prefix.value))
    };
    let mut merged: Option<Node> = None;
    let mut ignored = Vec::new();
    // The last one first: what is forced later is overwritten by what stands earlier.
    let forced: Vec<&PluginDefault> = matching().filter(|default| default.forced).collect();
    for default in forced.into_iter().rev() {
        let node = merged.get_or_insert_with(|| task.clone());
        apply(node, &default.values, true, has_key, &mut ignored);
    }
    for default in matching().filter(|default| !default.forced) {
        let node = merged.get_or_insert_with(|| task.clone());
        apply(node, &default.values, false, has_key, &mut ignored);
    }
    (merged, ignored)
}

fn apply(
    task: &mut Node,
    values: &Node,
    forced: bool,
    has_key: &dyn Fn(&str) -> bool,
    ignored: &mut Vec<(String, Span)>,
) {
    for entry in values.entries() {
        if matches!(&*entry.key, "id" | "type") {
            continue;
        }
        if has_key(&entry.key) {
            fill(task, entry, forced);
        } else {
            ignored.push((entry.key.to_string(), entry.key_span));
        }
    }
}

fn fill(target: &mut Node, entry: &Entry, forced: bool) {
    let NodeKind::Map(entries) = &mut target.kind else {
        return;
    };
    match entries.iter_mut().find(|own| own.key == entry.key) {
        None => entries.push(entry.clone()),
        Some(own) => match (&own.value.kind, &entry.value.kind) {
            // A task runner of another type has other keys; they must not mix.
            (NodeKind::Map(_), NodeKind::Map(_)) if same_type(&own.value, &entry.value) => {
                for inner in entry.value.entries() {
                    fill(&mut own.value, inner, forced);
                }
            }
            _ if forced => own.value = entry.value.clone(),
            _ => {}
        },
    }
}

fn same_type(left: &Node, right: &Node) -> bool {
    match (left.get("type"), right.get("type")) {
        (Some(left), Some(right)) => left.text() == right.text(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Spanned;
    use crate::yaml::{Limits, parse};

    fn node(text: &str) -> Node {
        parse(text, &Limits::default()).root.expect("YAML")
    }

    #[test]
    fn defaults_fill_and_forced_ones_win() {
        let check = |task: &str, defaults: &[(&str, bool, &str)], expected: &str| {
            let defaults: Vec<PluginDefault> = defaults
                .iter()
                .map(|(prefix, forced, values)| PluginDefault {
                    type_prefix: Spanned {
                        value: (*prefix).into(),
                        span: Span::default(),
                    },
                    forced: *forced,
                    values: node(values),
                })
                .collect();
            let task = node(task);
            let (merged, _) = merge(&task, "a.b.Script", &defaults, &|key| key != "unknown");
            assert_eq!(merged.unwrap_or(task).to_json(), node(expected).to_json());
        };
        check("{id: x}", &[("a.b", false, "{k: 1}")], "{id: x, k: 1}");
        check(
            "{id: x, k: 2}",
            &[("a.b", false, "{k: 1}")],
            "{id: x, k: 2}",
        );
        check(
            "{id: x, k: 2}",
            &[("a.b.Script", true, "{k: 1}")],
            "{id: x, k: 1}",
        );
        check("{id: x}", &[("a.c", false, "{k: 1}")], "{id: x}");
        check(
            "{id: x}",
            &[("a", false, "{k: 1}"), ("a.b", false, "{k: 2, l: 3}")],
            "{id: x, k: 1, l: 3}",
        );
        check(
            "{id: x}",
            &[("a", true, "{k: 1}"), ("a.b", true, "{k: 2}")],
            "{id: x, k: 1}",
        );
        check(
            "{id: x, env: {A: 1}}",
            &[("a", false, "{env: {A: 2, B: 3}}")],
            "{id: x, env: {A: 1, B: 3}}",
        );
        check(
            "{id: x}",
            &[("a", false, "{id: y, type: z, unknown: 1}")],
            "{id: x}",
        );
        check(
            "{r: {type: P}}",
            &[("a", false, "{r: {type: D, pull: 1}}")],
            "{r: {type: P}}",
        );
        check(
            "{r: {type: P}}",
            &[("a", true, "{r: {type: D, pull: 1}}")],
            "{r: {type: D, pull: 1}}",
        );
    }
}
