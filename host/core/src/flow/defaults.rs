//! Fills absent keys of a task from `pluginDefaults`, node by node, so that every value keeps the place where it was written.

use std::sync::Arc;

use super::types::PluginDefault;
use crate::diagnostic::{Code, Diagnostic};
use crate::suggest::did_you_mean;
use crate::yaml::{Entry, Node, NodeKind, Scalar, ScalarStyle, Span, push_key};

/// The key by which a task or a runner asks for defaults by their name.
const REFERENCE: &str = "pluginDefaultsRef";

/// The defaults of the flow and of the host.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults<'a> {
    /// Those that the flow names, in its order.
    pub(super) flow: &'a [PluginDefault],
    /// Those of the host's configuration; their places are not in the flow.
    pub(super) host: &'a [PluginDefault],
}

impl<'a> Defaults<'a> {
    /// What fills absent keys: the flow's own word comes before the host's.
    fn filling(self) -> impl Iterator<Item = (&'a PluginDefault, bool)> {
        let own = self.flow.iter().map(|default| (default, false));
        own.chain(self.host.iter().map(|default| (default, true)))
            .filter(|(default, _)| !default.forced)
    }

    /// What wins over the task itself: whoever stands further out has the last word.
    fn forced(self) -> impl DoubleEndedIterator<Item = (&'a PluginDefault, bool)> {
        let host = self.host.iter().map(|default| (default, true));
        host.chain(self.flow.iter().map(|default| (default, false)))
            .filter(|(default, _)| default.forced)
    }

    /// The version that holds for a task: what is forced, what it says itself, what fills it. It may be called by several names.
    pub(super) fn version(self, task: &Node, names: &[&str]) -> Option<Chosen> {
        let of = |(default, host): (&PluginDefault, bool)| {
            let value = default
                .values
                .get("version")
                .filter(|value| !value.is_null())?;
            applies(default, names, reference(task)).then(|| {
                if host {
                    let place = task.get("type").map_or(task.span, |value| value.span);
                    (moved(value, place), Origin::Host)
                } else {
                    (value.clone(), Origin::Flow)
                }
            })
        };
        let own = || {
            let value = task.get("version").filter(|value| !value.is_null())?;
            Some((value.clone(), Origin::Task))
        };
        let (value, origin) = self
            .forced()
            .find_map(of)
            .or_else(own)
            .or_else(|| self.filling().find_map(of))?;
        Some(Chosen { value, origin })
    }
}

/// The version that holds for a task, and who said so.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) value: Node,
    pub(super) origin: Origin,
}

/// Who said which version a task gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Task,
    Flow,
    Host,
}

/// The name of the defaults that a task or a runner asks for.
fn reference(node: &Node) -> Option<&str> {
    node.get(REFERENCE).and_then(Node::text)
}

/// Who asks for defaults by name gets these, and of the others what is forced.
fn applies(default: &PluginDefault, names: &[&str], wanted: Option<&str>) -> bool {
    let chosen = match &default.reference {
        Some(own) => wanted == Some(own),
        None => wanted.is_none() || default.forced,
    };
    chosen && is_for(default, names)
}

fn is_for(default: &PluginDefault, names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| name.starts_with(&*default.type_prefix.value))
}

/// Says that the defaults that a task or a runner asks for by name are not there, or are for something else.
pub(super) fn check_reference(
    node: &Node,
    names: &[&str],
    defaults: Defaults<'_>,
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    let Some(value) = node.get(REFERENCE) else {
        return;
    };
    let Some(wanted) = value.text() else { return };
    let all = || defaults.flow.iter().chain(defaults.host);
    let known: Vec<&PluginDefault> = all()
        .filter(|default| default.reference.as_deref() == Some(wanted))
        .collect();
    if known.iter().any(|default| is_for(default, names)) {
        return;
    }
    let message = match known.first() {
        Some(other) => format!(
            "the defaults `{wanted}` are for `{}`, not for `{}`",
            other.type_prefix.value,
            names.first().unwrap_or(&"")
        ),
        None => format!("no entry of `pluginDefaults` has the `ref` `{wanted}`"),
    };
    let mut at = path.to_owned();
    push_key(&mut at, REFERENCE);
    let diagnostic = Diagnostic::error(Code::WrongValue, value.span, message).path(at);
    let others = all().filter(|default| is_for(default, names));
    let near = did_you_mean(
        wanted,
        others.filter_map(|default| default.reference.as_deref()),
    );
    found.push(match near {
        Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), value.span, near),
        None => diagnostic,
    });
}

/// What the host says has no place in the flow, so it gets that of the task it falls on.
fn moved(node: &Node, place: Span) -> Node {
    Node {
        span: place,
        kind: match &node.kind {
            NodeKind::Scalar(scalar) => NodeKind::Scalar(Scalar {
                style: ScalarStyle::Plain,
                ..scalar.clone()
            }),
            NodeKind::List(items) => {
                NodeKind::List(items.iter().map(|item| moved(item, place)).collect())
            }
            NodeKind::Map(entries) => NodeKind::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: Arc::clone(&entry.key),
                        key_span: place,
                        value: moved(&entry.value, place),
                    })
                    .collect(),
            ),
        },
    }
}

/// The task with the defaults that its type matches merged in, and the keys that were left out because the type has none such.
///
/// Values fill only absent keys, deeply; forced ones win. Earlier entries win over later ones.
pub(super) fn merge(
    task: &Node,
    names: &[&str],
    defaults: Defaults<'_>,
    has_key: &dyn Fn(&str) -> bool,
) -> (Option<Node>, Vec<(String, Span)>) {
    let place = task.get("type").map_or(task.span, |value| value.span);
    let mut merged: Option<Node> = None;
    let mut ignored = Vec::new();
    // The last one first: what is forced later is overwritten by what stands earlier.
    let forced = defaults.forced().rev().map(|entry| (entry, true));
    let filling = defaults.filling().map(|entry| (entry, false));
    for ((default, host), forced) in forced.chain(filling) {
        if !applies(default, names, reference(task)) {
            continue;
        }
        let node = merged.get_or_insert_with(|| task.clone());
        if host {
            let values = moved(&default.values, place);
            // A key that the type does not have is no mistake of the flow's author.
            apply(node, &values, forced, has_key, &mut Vec::new());
        } else {
            apply(node, &default.values, forced, has_key, &mut ignored);
        }
    }
    (merged, ignored)
}

/// Merges the defaults of the task runner's own type into a task's `taskRunner`.
pub(super) fn merge_runner(
    task: Option<Node>,
    written: &Node,
    defaults: Defaults<'_>,
    runner_has_key: &dyn Fn(&str, &str) -> bool,
) -> Option<Node> {
    let from = task.as_ref().unwrap_or(written);
    let Some(runner) = from.get("taskRunner") else {
        return task;
    };
    let Some(name) = runner.get("type").and_then(Node::text) else {
        return task;
    };
    let (merged, _) = merge(runner, &[name], defaults, &|key| runner_has_key(name, key));
    if merged.is_none() && runner.get(REFERENCE).is_none() {
        return task;
    }
    let merged = merged.unwrap_or_else(|| runner.clone());
    let mut node = task.unwrap_or_else(|| written.clone());
    if let NodeKind::Map(entries) = &mut node.kind
        && let Some(entry) = entries.iter_mut().find(|entry| &*entry.key == "taskRunner")
    {
        entry.value = without_reference(merged);
    }
    Some(node)
}

/// What was asked for is there, or was found missing, and no runner knows the key.
fn without_reference(mut runner: Node) -> Node {
    if let NodeKind::Map(entries) = &mut runner.kind {
        entries.retain(|entry| &*entry.key != REFERENCE);
    }
    runner
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
                    reference: None,
                    forced: *forced,
                    values: node(values),
                })
                .collect();
            let task = node(task);
            let defaults = Defaults {
                flow: &defaults,
                host: &[],
            };
            let (merged, _) = merge(&task, &["a.b.Script"], defaults, &|key| key != "unknown");
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

    fn default(prefix: &str, forced: bool, values: &str) -> PluginDefault {
        PluginDefault {
            type_prefix: Spanned {
                value: prefix.into(),
                span: Span::default(),
            },
            reference: None,
            forced,
            values: node(values),
        }
    }

    #[test]
    fn the_version_comes_from_whoever_has_the_word() {
        let check = |task: &str, flow: &[(bool, &str)], host: &[(bool, &str)], expected: &str| {
            let list = |entries: &[(bool, &str)]| -> Vec<PluginDefault> {
                entries
                    .iter()
                    .map(|(forced, version)| {
                        default("a.b", *forced, &format!("{{version: {version}}}"))
                    })
                    .collect()
            };
            let (flow, host) = (list(flow), list(host));
            let defaults = Defaults {
                flow: &flow,
                host: &host,
            };
            let task = node(task);
            let found = defaults.version(&task, &["old.Name", "a.b.Script"]);
            let found = found.map_or("none".to_owned(), |chosen| {
                format!(
                    "{} {:?}",
                    chosen.value.text().unwrap_or_default(),
                    chosen.origin
                )
            });
            assert_eq!(found, expected);
        };
        check("{id: x}", &[], &[], "none");
        check("{id: x, version: '1'}", &[], &[], "1 Task");
        check("{id: x, version: }", &[(false, "'2'")], &[], "2 Flow");
        check(
            "{id: x}",
            &[(false, "'2'"), (false, "'3'")],
            &[(false, "'4'")],
            "2 Flow",
        );
        check("{id: x}", &[], &[(false, "'4'")], "4 Host");
        check(
            "{id: x, version: '1'}",
            &[(false, "'2'")],
            &[(false, "'4'")],
            "1 Task",
        );
        check(
            "{id: x, version: '1'}",
            &[(true, "'2'"), (true, "'3'")],
            &[],
            "2 Flow",
        );
        check(
            "{id: x, version: '1'}",
            &[(true, "'2'")],
            &[(true, "'4'")],
            "4 Host",
        );
    }

    #[test]
    fn a_runner_gets_the_defaults_of_its_own_type() {
        let defaults = [
            default("run.Docker", false, "{version: '1', pull: NEVER, other: 1}"),
            default("run", true, "{memory: 1}"),
        ];
        let defaults = Defaults {
            flow: &defaults,
            host: &[],
        };
        let has_key = |_: &str, key: &str| key != "other";
        let written = node("{id: x, taskRunner: {type: run.Docker, pull: ALWAYS}}");
        let merged = merge_runner(None, &written, defaults, &has_key).expect("merged");
        assert_eq!(
            merged.to_json(),
            node("{id: x, taskRunner: {type: run.Docker, pull: ALWAYS, memory: 1, version: '1'}}")
                .to_json()
        );
        let other = node("{id: x, taskRunner: {type: Process}}");
        assert_eq!(merge_runner(None, &other, defaults, &has_key), None);
    }

    #[test]
    fn who_asks_for_defaults_by_name_gets_these_and_what_is_forced() {
        let named = |name: &str, forced: bool, values: &str| PluginDefault {
            reference: (!name.is_empty()).then(|| name.into()),
            ..default("a.b", forced, values)
        };
        let check = |task: &str, defaults: &[PluginDefault], expected: &str| {
            let defaults = Defaults {
                flow: defaults,
                host: &[],
            };
            let task = node(task);
            let (merged, _) = merge(&task, &["a.b.Script"], defaults, &|_| true);
            assert_eq!(merged.unwrap_or(task).to_json(), node(expected).to_json());
        };
        let all = [
            named("", false, "{k: typed, l: typed}"),
            named("one", false, "{k: one}"),
            named("two", true, "{k: two}"),
            named("", true, "{f: forced}"),
        ];
        check("{id: x}", &all, "{id: x, f: forced, k: typed, l: typed}");
        check(
            "{id: x, pluginDefaultsRef: one}",
            &all,
            "{id: x, pluginDefaultsRef: one, f: forced, k: one}",
        );
        check(
            "{id: x, pluginDefaultsRef: two, k: own}",
            &all,
            "{id: x, pluginDefaultsRef: two, k: two, f: forced}",
        );
        check(
            "{id: x, pluginDefaultsRef: none}",
            &all,
            "{id: x, pluginDefaultsRef: none, f: forced}",
        );
        let runner = [named("one", false, "{cpus: 4}")];
        let defaults = Defaults {
            flow: &runner,
            host: &[],
        };
        let task = node("{id: x, taskRunner: {type: a.b.Runner, pluginDefaultsRef: one}}");
        let merged = merge_runner(None, &task, defaults, &|_, _| true).expect("merged");
        assert_eq!(
            merged.to_json(),
            node("{id: x, taskRunner: {type: a.b.Runner, cpus: 4}}").to_json()
        );
    }
}
