//! Reads `concurrency` and `sla`: what is promised of the executions of a flow.

use std::sync::Arc;

use super::types::{Broken, Concurrency, Excess, Promise, PromiseKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::suggest::did_you_mean;
use crate::yaml::{Node, push_index, push_key};

/// The kinds of promises that are known.
const KINDS: [&str; 2] = ["MAX_DURATION", "EXECUTION_ASSERTION"];
/// What may happen when one is broken.
const BEHAVIOURS: [&str; 3] = ["FAIL", "CANCEL", "NONE"];

/// The limit of executions at once, checked by the schema of the flow.
pub(super) fn concurrency(root: &Node) -> Option<Concurrency> {
    let node = root.get("concurrency")?;
    let limit = node.get("limit")?.scalar()?.text.parse().ok()?;
    let behavior = node.get("behavior").and_then(Node::text);
    Some(Concurrency {
        limit,
        behavior: match behavior {
            Some("CANCEL") => Excess::Cancel,
            Some("FAIL") => Excess::Fail,
            _ => Excess::Queue,
        },
    })
}

/// The promises, and what is wrong with them.
pub(super) fn read(root: &Node, found: &mut Vec<Diagnostic>) -> Vec<Promise> {
    let items = root.get("sla").map(Node::items).unwrap_or_default();
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let mut path = "sla".to_owned();
            push_index(&mut path, index);
            promise(item, &path, found)
        })
        .collect()
}

fn promise(item: &Node, path: &str, found: &mut Vec<Diagnostic>) -> Option<Promise> {
    let mut say = |node: &Node, key: &str, message: String| {
        let mut path = path.to_owned();
        push_key(&mut path, key);
        found.push(Diagnostic::error(Code::WrongValue, node.span, message).path(path));
    };
    let text = |key: &str| item.get(key).filter(|node| !node.is_null());
    let Some(kind) = text("type") else {
        say(item, "type", "this promise needs the key `type`".to_owned());
        return None;
    };
    let name = kind.scalar().map_or("", |scalar| &scalar.text);
    let kind = match name {
        "MAX_DURATION" => {
            let Some(node) = text("duration") else {
                say(
                    item,
                    "duration",
                    "this promise needs the key `duration`".to_owned(),
                );
                return None;
            };
            let Some(written) = node.scalar().map(|scalar| &scalar.text) else {
                let message = format!("`duration` must be text, not {}", node.kind_name());
                say(node, "duration", message);
                return None;
            };
            match crate::duration::parse(written) {
                Ok(duration) => PromiseKind::MaxDuration(duration),
                Err(error) => {
                    say(node, "duration", error.to_string());
                    return None;
                }
            }
        }
        "EXECUTION_ASSERTION" => match text("assert") {
            Some(node) => PromiseKind::Assertion(node.clone()),
            None => {
                say(
                    item,
                    "assert",
                    "this promise needs the key `assert`".to_owned(),
                );
                return None;
            }
        },
        _ => {
            let near = did_you_mean(name, KINDS)
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let message = format!("`type` cannot be {}{near}", said(kind, &KINDS));
            say(kind, "type", message);
            return None;
        }
    };
    let behavior = match text("behavior") {
        None => Broken::Tell,
        Some(node) => match node.scalar().map_or("", |scalar| &scalar.text) {
            "FAIL" => Broken::Fail,
            "CANCEL" => Broken::Cancel,
            "NONE" => Broken::Tell,
            _ => {
                let message = format!("`behavior` cannot be {}", said(node, &BEHAVIOURS));
                say(node, "behavior", message);
                return None;
            }
        },
    };
    Some(Promise {
        id: text("id")
            .and_then(Node::scalar)
            .map_or_else(|| name.into(), |scalar| scalar.text.clone()),
        span: text("duration")
            .or(text("assert"))
            .map_or(item.span, |node| node.span),
        labels: labels(item.get("labels")),
        kind,
        behavior,
    })
}

/// A wrong value, and what it may be.
fn said(node: &Node, allowed: &[&str]) -> String {
    let written = match node.scalar() {
        Some(scalar) => format!("`{}`", scalar.text),
        None => node.kind_name().to_owned(),
    };
    let allowed: Vec<String> = allowed.iter().map(|name| format!("`{name}`")).collect();
    format!("{written}: it is one of {}", allowed.join(", "))
}

/// Labels as a map, or as a list of `key` and `value`.
fn labels(node: Option<&Node>) -> Vec<(Arc<str>, Arc<str>)> {
    let text = |node: &Node| Some(Arc::clone(&node.scalar()?.text));
    let Some(node) = node else { return Vec::new() };
    let entries = node.entries().iter();
    let of_map = entries.filter_map(|entry| Some((Arc::clone(&entry.key), text(&entry.value)?)));
    let items = node.items().iter();
    let of_list =
        items.filter_map(|item| Some((text(item.get("key")?)?, text(item.get("value")?)?)));
    of_map.chain(of_list).collect()
}
