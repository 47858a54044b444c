//! Finds nodes by JSON pointer, the address that schema validation speaks in, and writes such an address for people.

use super::path::{push_index, push_key};
use super::{Entry, Node, NodeKind, Span};

/// One step down.
enum Step<'tree> {
    Entry(&'tree Entry),
    Item(usize, &'tree Node),
}

impl<'tree> Step<'tree> {
    fn node(&self) -> &'tree Node {
        match self {
            Step::Entry(entry) => &entry.value,
            Step::Item(_, node) => node,
        }
    }
}

impl Node {
    /// The node at a JSON pointer such as `/tasks/0/commands`; the empty pointer is the node itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Node> {
        let mut node = self;
        for token in tokens(pointer)? {
            node = node.step(&unescape(token))?.node();
        }
        Some(node)
    }

    /// The place of the last key of a JSON pointer; of a list item, which has no key, and of the empty pointer the node's own.
    pub fn key_span(&self, pointer: &str) -> Option<Span> {
        let mut node = self;
        let mut span = self.span;
        for token in tokens(pointer)? {
            let step = node.step(&unescape(token))?;
            node = step.node();
            span = match step {
                Step::Entry(entry) => entry.key_span,
                Step::Item(_, item) => item.span,
            };
        }
        Some(span)
    }

    /// A JSON pointer as authors write it: `tasks[0].taskRunner.memory`. What the pointer names need not exist.
    pub fn property_path(&self, pointer: &str) -> String {
        let mut path = String::new();
        let mut node = Some(self);
        for token in tokens(pointer).into_iter().flatten() {
            let key = unescape(token);
            let step = node.and_then(|node| node.step(&key));
            match (&step, key.parse::<usize>()) {
                (Some(Step::Item(index, _)), _) => push_index(&mut path, *index),
                (None, Ok(index)) if node.is_none_or(|node| !node.is_map()) => {
                    push_index(&mut path, index)
                }
                _ => push_key(&mut path, &key),
            }
            node = step.map(|step| step.node());
        }
        path
    }

    fn is_map(&self) -> bool {
        matches!(self.kind, NodeKind::Map(_))
    }

    fn step(&self, key: &str) -> Option<Step<'_>> {
        match &self.kind {
            NodeKind::Map(_) => self.entry(key).map(Step::Entry),
            NodeKind::List(items) => {
                let index = key.parse().ok()?;
                Some(Step::Item(index, items.get(index)?))
            }
            NodeKind::Scalar(_) => None,
        }
    }
}

/// The parts of a pointer; nothing where it is none.
fn tokens(pointer: &str) -> Option<std::iter::Skip<std::str::Split<'_, char>>> {
    (pointer.is_empty() || pointer.starts_with('/')).then(|| pointer.split('/').skip(1))
}

fn unescape(token: &str) -> std::borrow::Cow<'_, str> {
    if token.contains('~') {
        token.replace("~1", "/").replace("~0", "~").into()
    } else {
        token.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    const FLOW: &str =
        "tasks:\n  - id: a\n    inputFiles:\n      data.csv: x\n      a/b~c: y\n      \"0\": z\n";

    #[test]
    fn nodes_keys_and_paths() {
        let root = parse(FLOW, &Limits::default()).root.unwrap();
        for (pointer, key, text, path) in [
            ("/tasks", Some("tasks"), None, "tasks"),
            ("/tasks/0", Some("id: a"), None, "tasks[0]"),
            ("/tasks/0/id", Some("id"), Some("a"), "tasks[0].id"),
            (
                "/tasks/0/inputFiles/data.csv",
                Some("data.csv"),
                Some("x"),
                "tasks[0].inputFiles[\"data.csv\"]",
            ),
            (
                "/tasks/0/inputFiles/a~1b~0c",
                Some("a/b~c"),
                Some("y"),
                "tasks[0].inputFiles[\"a/b~c\"]",
            ),
            (
                "/tasks/0/inputFiles/0",
                Some("\"0\""),
                Some("z"),
                "tasks[0].inputFiles.0",
            ),
            ("/tasks/1", None, None, "tasks[1]"),
            ("/tasks/x", None, None, "tasks.x"),
            ("/tasks/9/commands/2", None, None, "tasks[9].commands[2]"),
            ("/tasks/0/id/x", None, None, "tasks[0].id.x"),
            ("", Some("tasks"), None, ""),
            ("tasks", None, None, ""),
        ] {
            let found = root
                .key_span(pointer)
                .map(|span| &FLOW[span.start as usize..]);
            assert_eq!(found.is_some(), key.is_some(), "{pointer}");
            assert!(
                found
                    .unwrap_or_default()
                    .starts_with(key.unwrap_or_default()),
                "{pointer}: {found:?}"
            );
            assert_eq!(
                root.pointer(pointer).and_then(Node::text),
                text,
                "{pointer}"
            );
            assert_eq!(root.property_path(pointer), path, "{pointer}");
        }
    }
}
