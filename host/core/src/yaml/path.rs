//! How the place of a value inside the tree is written: `tasks[0].taskRunner.memory`.

use std::sync::Arc;

/// One step from a collection to what it holds.
#[derive(Debug, Clone)]
pub(super) enum Segment {
    Key(Arc<str>),
    Index(usize),
}

pub(super) fn path_text(segments: &[Segment]) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Key(key) => push_key(&mut path, key),
            Segment::Index(index) => push_index(&mut path, *index),
        }
    }
    path
}

/// Adds `.key`, or `["key"]` where a dot would mislead.
pub fn push_key(path: &mut String, key: &str) {
    let simple = key
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-');
    if simple && !key.is_empty() {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        let short: String = key.chars().take(60).collect();
        path.push_str("[\"");
        path.extend(short.escape_debug());
        path.push_str(if short.len() < key.len() {
            "…\"]"
        } else {
            "\"]"
        });
    }
}

/// Adds `[index]`.
pub fn push_index(path: &mut String, index: usize) {
    path.push('[');
    path.push_str(&index.to_string());
    path.push(']');
}
