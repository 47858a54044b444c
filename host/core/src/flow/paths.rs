//! Checks the paths and patterns of files that a task writes literally: all of them lie in its working directory.

use crate::collect::Patterns;
use crate::diagnostic::{Code, Diagnostic};
use crate::flow::expressions::may_hold_expression;
use crate::name::RelPath;
use crate::yaml::{Node, Span, push_index, push_key};

/// Keys that map the names of files to what is in them.
const NAMED: [&[&str]; 3] = [&["inputFiles"], &["inputs"], &["filesMap"]];
/// Keys that list patterns of files.
const PATTERNS: [&[&str]; 6] = [
    &["outputFiles"],
    &["outputs"],
    &["files"],
    &["namespaceFiles", "include"],
    &["namespaceFiles", "exclude"],
    &["cache", "patterns"],
];

/// What of that the keys of a type mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// `inputFiles`, `outputFiles` and their like.
    Own,
    /// `inputs` and `outputs`.
    Local,
    /// `files` and `filesMap`, whose paths may begin with `/`.
    Namespace,
}

impl Files {
    fn has(self, key: &str) -> bool {
        match key {
            "inputs" | "outputs" => self == Files::Local,
            "files" | "filesMap" => self == Files::Namespace,
            _ => self == Files::Own,
        }
    }
}

/// Says which paths lead out of the directory, and which patterns are none. What is known only when the task starts is said then.
pub(super) fn check(files: Files, keys: &Node, path: &str, found: &mut Vec<Diagnostic>) {
    for way in NAMED.iter().filter(|way| files.has(way[0])) {
        let Some((node, path)) = below(keys, way, path) else {
            continue;
        };
        for entry in node.entries() {
            let mut path = path.clone();
            push_key(&mut path, &entry.key);
            name(files, &entry.key, entry.key_span, path, found);
        }
    }
    for way in PATTERNS.iter().filter(|way| files.has(way[0])) {
        let Some((node, path)) = below(keys, way, path) else {
            continue;
        };
        pattern(files, node, &path, found);
        for (index, item) in node.items().iter().enumerate() {
            let mut path = path.clone();
            push_index(&mut path, index);
            pattern(files, item, &path, found);
        }
    }
}

fn below<'tree>(keys: &'tree Node, way: &[&str], path: &str) -> Option<(&'tree Node, String)> {
    let mut path = path.to_owned();
    let mut node = keys;
    for key in way {
        node = node.get(key)?;
        push_key(&mut path, key);
    }
    Some((node, path))
}

fn name(files: Files, written: &str, span: Span, path: String, found: &mut Vec<Diagnostic>) {
    if may_hold_expression(written) {
        return;
    }
    let name = match files {
        Files::Namespace => written.trim_start_matches('/'),
        _ => written.strip_prefix("./").unwrap_or(written),
    };
    if let Err(error) = RelPath::new(name) {
        tell(
            format!("a file cannot be called so: {error}"),
            span,
            path,
            found,
        );
    }
}

fn pattern(files: Files, node: &Node, path: &str, found: &mut Vec<Diagnostic>) {
    let Some(written) = node.text().filter(|text| !may_hold_expression(text)) else {
        return;
    };
    // A list as a text is read when the task starts.
    if written.trim_start().starts_with('[')
        && node
            .text()
            .is_some_and(|text| serde_json::from_str::<Vec<String>>(text).is_ok())
    {
        return;
    }
    let relative = match files {
        Files::Namespace => written.trim_start_matches('/'),
        _ => written,
    };
    if let Err(error) = Patterns::new(&[relative]) {
        tell(error.to_string(), node.span, path.to_owned(), found);
    }
}

/// Once for each place: a default is that of several tasks.
fn tell(message: String, span: Span, path: String, found: &mut Vec<Diagnostic>) {
    let told = |known: &Diagnostic| known.span == Some(span) && known.message == message;
    if !found.iter().any(told) {
        found.push(Diagnostic::error(Code::WrongValue, span, message).path(path));
    }
}
