//! Turns `runner` and `docker` into `taskRunner` and `containerImage`, as a change of text that means the same.

use crate::diagnostic::{Code, Diagnostic, Help};
use crate::script::{DOCKER, PROCESS};
use crate::yaml::{Entry, Node, Span};

/// Adds the change to the words on the old keys, where it can be made in text.
pub(super) fn modernise(task: &Node, source: &str, found: &mut [Diagnostic]) {
    if task.get("taskRunner").is_some() || task.get("containerImage").is_some() {
        return;
    }
    let runner = task.entry("runner");
    let docker = task.entry("docker").filter(|entry| !entry.value.is_null());
    let name = runner.and_then(|entry| entry.value.text());
    let (holder, help) = match (runner, name, docker) {
        (Some(runner), Some("PROCESS"), None) => (runner, alone(runner, source, PROCESS)),
        (Some(runner), Some("DOCKER"), None) => (runner, alone(runner, source, DOCKER)),
        (None, _, Some(docker)) => (docker, block(docker, None, source)),
        (Some(runner), Some("DOCKER"), Some(docker)) => {
            (docker, block(docker, Some(runner), source))
        }
        _ => return,
    };
    let Some(help) = help else { return };
    let place = found.iter_mut().rev().find(|diagnostic| {
        diagnostic.code == Code::Deprecated && diagnostic.span == Some(holder.key_span)
    });
    if let Some(diagnostic) = place {
        diagnostic.help = Some(help);
    }
}

/// `runner: PROCESS` by itself.
fn alone(runner: &Entry, source: &str, type_name: &str) -> Option<Help> {
    let indent = column(source, runner.key_span.start)?;
    let span = Span {
        start: runner.key_span.start,
        end: runner.value.span.end,
    };
    Some(Help {
        message: "write `taskRunner`".to_owned(),
        replacement: Some((
            span,
            format!("taskRunner:\n{}type: {type_name}", " ".repeat(indent + 2)),
        )),
        also: Vec::new(),
        certain: true,
    })
}

/// A `docker` block, with `runner: DOCKER` or without: its keys become the runner's, but for the image.
fn block(docker: &Entry, runner: Option<&Entry>, source: &str) -> Option<Help> {
    let indent = column(source, docker.key_span.start)?;
    let entries = docker.value.entries();
    let first = entries.first()?;
    let inner = column(source, first.key_span.start)?;
    if entries
        .iter()
        .any(|entry| column(source, entry.key_span.start) != Some(inner))
    {
        return None;
    }
    let mut also = Vec::new();
    if let Some(runner) = runner {
        also.push((whole_line(runner, source)?, String::new()));
    }
    let mut key = "taskRunner".to_owned();
    let type_line = format!("type: {DOCKER}");
    let image = entries.iter().find(|entry| &*entry.key == "image");
    if let Some(image) = image {
        let written = source.get(image.value.span.start as usize..image.value.span.end as usize)?;
        if written.contains('\n') || image.value.scalar().is_none() {
            return None;
        }
        key = format!(
            "containerImage: {written}\n{}taskRunner",
            " ".repeat(indent)
        );
    }
    match image {
        Some(image) if std::ptr::eq(image, first) => {
            let span = Span {
                start: image.key_span.start,
                end: image.value.span.end,
            };
            also.push((span, type_line));
        }
        _ => {
            let at = Span {
                start: first.key_span.start,
                end: first.key_span.start,
            };
            also.push((at, format!("{type_line}\n{}", " ".repeat(inner))));
            if let Some(image) = image {
                also.push((whole_line(image, source)?, String::new()));
            }
        }
    }
    Some(Help {
        message: "write `taskRunner` and `containerImage`".to_owned(),
        replacement: Some((docker.key_span, key)),
        also,
        certain: true,
    })
}

/// The line of an entry that has it for itself, its end included.
fn whole_line(entry: &Entry, source: &str) -> Option<Span> {
    let start = entry.key_span.start as usize;
    let line = source.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = entry.value.span.end as usize;
    let rest = source.get(end..)?;
    let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
    let alone = source.get(line..start)?.chars().all(|letter| letter == ' ')
        && !source.get(start..end)?.contains('\n')
        && rest[..length].trim().is_empty();
    alone.then(|| Span {
        start: u32::try_from(line).unwrap_or(u32::MAX),
        end: u32::try_from(end + length).unwrap_or(u32::MAX),
    })
}

/// The column of a key of a block map; nothing where anything but blanks and a dash stands before it.
fn column(source: &str, at: u32) -> Option<usize> {
    let line = source.get(..at as usize)?.rsplit('\n').next()?;
    line.chars()
        .all(|letter| matches!(letter, ' ' | '-'))
        .then_some(line.len())
}
