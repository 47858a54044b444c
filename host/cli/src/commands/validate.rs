//! `taffrail validate`: checks flows without network, engine or sandbox.

use std::path::{Path, PathBuf};

use serde_json::Value;
use taffrail_core::diagnostic::{Diagnostic, Severity, Source, render_text, summary, to_json};
use taffrail_core::validate::check_locked;

use crate::args::{Format, Global, ValidateArgs};
use crate::exit::{Exit, Failed};
use crate::load::{Host, exit_of, read_source};
use crate::locking::Locks;
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When a path cannot be read.
pub fn validate(global: &Global, args: &ValidateArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let mut files = Vec::new();
    for path in &args.paths {
        flow_files(path, &mut files)?;
    }
    if files.is_empty() {
        return Err(Failed::new(
            Exit::NotFound,
            "there is no `.yaml` or `.yml` file in what was named",
        ));
    }
    let mut locks = Locks::new(global, args.locking.locked);
    let mut all = Vec::new();
    let mut found = Vec::new();
    let mut bad = 0;
    for path in &files {
        let source = read_source(path)?;
        let lock = locks.of(path)?;
        let locking = locks.locking(lock.as_ref());
        let diagnostics = check_locked(source.text(), &host.checker, locking).diagnostics;
        bad += usize::from(
            diagnostics
                .iter()
                .any(|diagnostic| diagnostic.severity == Severity::Error),
        );
        match args.format {
            Format::Text => print(global, &source, &diagnostics),
            Format::Json => {
                if let Value::Array(items) = to_json(&diagnostics, &source) {
                    found.extend(items);
                }
            }
        }
        all.extend(diagnostics);
    }
    match args.format {
        Format::Json => {
            let report = serde_json::json!({ "v": 1, "files": files.len(), "invalid": bad, "diagnostics": found });
            terminal::answer(&format!("{report:#}\n"))?;
        }
        Format::Text if !global.quiet => {
            let noun = if files.len() == 1 { "file" } else { "files" };
            let verdict = if bad == 0 {
                "all valid".to_owned()
            } else {
                format!("{bad} invalid")
            };
            complain(&format!("{} {noun} checked, {verdict}", files.len()));
        }
        Format::Text => {}
    }
    Ok(exit_of(&all))
}

fn print(global: &Global, source: &Source, diagnostics: &[Diagnostic]) {
    let shown: Vec<Diagnostic> = diagnostics
        .iter()
        .filter(|diagnostic| !global.quiet || diagnostic.severity == Severity::Error)
        .cloned()
        .collect();
    if shown.is_empty() {
        return;
    }
    complain(&render_text(&shown, source, terminal::style(global)));
    if shown.len() > 1 {
        complain(&format!("{}\n", summary(&shown, source.name())));
    }
}

/// The flow files that a path stands for: itself, or every YAML file below a folder, in order. Hidden folders are left out.
///
/// # Errors
/// When a folder cannot be read.
pub fn flow_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failed> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let unreadable = |error: std::io::Error| {
        Failed::new(
            Exit::Invalid,
            format!("cannot look into `{}`: {error}", path.display()),
        )
    };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = entry
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        // A link to a folder above would go round for ever.
        let folder = entry.is_dir() && !entry.is_symlink();
        if !hidden && folder {
            flow_files(&entry, files)?;
        } else if yaml && entry.is_file() {
            files.push(entry);
        }
    }
    Ok(())
}
