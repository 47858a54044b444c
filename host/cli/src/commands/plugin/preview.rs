//! `taffrail plugin update --preview`: plans every flow with the plugins of today and with those of tomorrow, and shows what would change.
//!
//! Plugins are pure functions, so nothing is run and nothing is installed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use taffrail_core::resolve::Locking;
use taffrail_core::text::printable;

use super::source::Source;
use crate::args::{Format, GivenArgs, Global, PluginUpdateArgs, RunnerChoice};
use crate::commands::plan::{Asked, descriptions};
use crate::commands::validate::flow_files;
use crate::document;
use crate::exit::{Exit, Failed};
use crate::given::Given;
use crate::load::{Host, read_source};
use crate::locking::Locks;
use crate::report::complain;
use crate::terminal;

/// What is compared of a task's plan: the key in its description, and the word for it.
const PARTS: [(&str, &str); 6] = [
    ("plugin", "plugin"),
    ("argv", "argv"),
    ("env", "env"),
    ("files", "files"),
    ("image", "image"),
    ("outputFiles", "keep"),
];

/// Shows what `newer` components would change in the flows below the given paths. Today is what the lock says, tomorrow what would be
/// chosen without it.
///
/// # Errors
/// When a flow cannot be read, or cannot be planned even today.
pub fn preview(global: &Global, args: &PluginUpdateArgs, newer: &[Source]) -> Result<Exit, Failed> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failed::new(Exit::Internal, format!("no temporary folder: {error}")))?;
    let mut candidates: Vec<PathBuf> = Vec::new();
    for source in newer {
        let component = source.fetch(global, None)?;
        // Compiled as carefully as if it were to be installed.
        super::compile::compile(global, &component.bytes, &component.source)?;
        let path = folder
            .path()
            .join(format!("{}.wasm", component.digest.hex()));
        std::fs::write(&path, &component.bytes).map_err(|error| {
            Failed::new(
                Exit::Internal,
                format!("cannot write `{}`: {error}", path.display()),
            )
        })?;
        candidates.push(path);
    }
    let today = Host::open(global)?;
    let tomorrow = Host::open_with(global, candidates)?;
    let mut locks = Locks::new(global, false);
    let mut files = Vec::new();
    for path in &args.preview {
        flow_files(path, &mut files)?;
    }
    let (mut changes, mut tasks, mut left_out) = (Vec::new(), 0, 0);
    for file in &files {
        let source = read_source(file)?;
        let lock = locks.of(file)?;
        let plans = |host: &Host, locking: Locking<'_>| -> Result<Option<Vec<Value>>, Failed> {
            let checked = document::check(&source, &host.checker, locking);
            if !checked.is_good() {
                return Ok(None);
            }
            let Some(flow) = checked.flow else {
                return Ok(None);
            };
            let given = Given::read(&GivenArgs::default(), Some(file))?;
            let asked = Asked {
                given: &given,
                task: None,
                runner: args.runner.or(Some(RunnerChoice::Process)),
                policy: host.config.policy(&[]),
            };
            match descriptions(global, host, &source, &flow, asked) {
                Ok((plans, _)) => Ok(Some(plans)),
                // Inputs that only a run has.
                Err(failed) if failed.exit == Exit::Invalid => Ok(None),
                Err(failed) => Err(failed),
            }
        };
        let before = plans(&today, locks.locking(lock.as_ref()))?;
        let after = plans(&tomorrow, Locking::default())?;
        let (Some(before), Some(after)) = (before, after) else {
            left_out += 1;
            complain(&format!(
                "{}: left out, as it cannot be planned by itself; `taffrail validate` and `taffrail plan` say why",
                file.display()
            ));
            continue;
        };
        tasks += before.len();
        let name = file.display().to_string();
        for plan in &before {
            let same = |other: &&Value| other["task"] == plan["task"];
            if let Some(other) = after.iter().find(same) {
                changes.extend(compared(&name, plan, other));
            }
        }
    }
    let answer = match args.format {
        Format::Json => format!(
            "{:#}\n",
            json!({ "v": 1, "flows": files.len(), "leftOut": left_out, "tasks": tasks, "changes": changes })
        ),
        Format::Text => changes.iter().map(text).collect::<Vec<_>>().join("\n"),
    };
    terminal::answer(&printable(&answer))?;
    if !global.quiet && args.format == Format::Text {
        let noun = if tasks == 1 { "task" } else { "tasks" };
        complain(&format!(
            "{tasks} {noun} planned twice, {} would change",
            changes.len()
        ));
    }
    Ok(Exit::Ok)
}

/// What differs between two plans of one task; nothing where only the plugin's version does and that is all.
pub fn compared(file: &str, before: &Value, after: &Value) -> Option<Value> {
    let changed: Vec<&str> = PARTS
        .iter()
        .filter(|(key, _)| before[*key] != after[*key])
        .map(|(key, _)| *key)
        .collect();
    if changed.iter().all(|key| *key == "plugin") {
        return None;
    }
    let part = |plan: &Value| {
        changed
            .iter()
            .chain(&["plugin"])
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|key| ((*key).to_owned(), plan[*key].clone()))
            .collect::<serde_json::Map<_, _>>()
    };
    Some(json!({
        "file": file,
        "task": before["task"],
        "changed": changed,
        "before": part(before),
        "after": part(after),
    }))
}

/// A change as people read it.
pub fn text(change: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = format!(
        "{}: task `{}`, {} -> {}\n",
        word(&change["file"]),
        word(&change["task"]),
        word(&change["before"]["plugin"]),
        word(&change["after"]["plugin"])
    );
    for (key, name) in PARTS.iter().filter(|(key, _)| *key != "plugin") {
        let (before, after) = (&change["before"][*key], &change["after"][*key]);
        if before == after {
            continue;
        }
        let (before, after) = (lines(before), lines(after));
        text.push_str(&format!("  {name}\n"));
        let gone = before.iter().filter(|line| !after.contains(line));
        let come = after.iter().filter(|line| !before.contains(line));
        for line in gone
            .map(|line| ('-', line))
            .chain(come.map(|line| ('+', line)))
        {
            text.push_str(&format!("    {} {}\n", line.0, line.1));
        }
    }
    text
}

/// A part of a plan, one thing a line.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(lines).collect(),
        Value::Object(entries) if entries.contains_key("path") => {
            let path = entries["path"].as_str().unwrap_or_default();
            let contents = entries
                .get("contents")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let contents = contents.lines().map(|line| format!("{path}: {line}"));
            contents.collect()
        }
        Value::Object(entries) => entries
            .iter()
            .map(|(name, value)| format!("{name}={}", lines(value).join(" ")))
            .collect(),
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}
