//! `taffrail lock`: writes down which plugins the flows run with, to the byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use taffrail_core::diagnostic::{Code, Diagnostic, Severity, render_text};
use taffrail_core::lock::{LOCK_FILE, Lock, Locked};
use taffrail_core::resolve::Locking;
use taffrail_core::text::printable;
use taffrail_engine::ports::{Planner, PluginInfo};

use crate::args::{Format, Global, LockArgs};
use crate::commands::validate::flow_files;
use crate::document;
use crate::exit::{Exit, Failed};
use crate::load::{Host, exit_of, is_about_plugins, read_source};
use crate::locking::{folder_of, nearest, read};
use crate::report::complain;
use crate::terminal;

/// One lock file: what it said, what it says now, and whether all of its flows were looked at.
struct Work {
    before: Option<Lock>,
    after: Lock,
    whole: bool,
}

/// Runs the command.
///
/// # Errors
/// When a path or a lock cannot be read, or the lock cannot be written.
pub fn lock(global: &Global, args: &LockArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let mut works: BTreeMap<PathBuf, Work> = BTreeMap::new();
    let mut errors = Vec::new();
    for path in &args.paths {
        let mut files = Vec::new();
        flow_files(path, &mut files)?;
        for file in &files {
            let target = target(path, file);
            if !works.contains_key(&target) {
                works.insert(target.clone(), open(global, &target, args)?);
            }
            let Some(work) = works.get_mut(&target) else {
                continue;
            };
            work.whole |= covers(path, &target);
            look_at(global, &host, file, args.update, work, &mut errors)?;
        }
    }
    if works.is_empty() {
        return Err(Failed::new(
            Exit::NotFound,
            "there is no `.yaml` or `.yml` file in what was named",
        ));
    }
    if !errors.is_empty() {
        return Ok(exit_of(&errors));
    }
    let mut drift = false;
    let mut reports = Vec::new();
    for (path, mut work) in works {
        if !work.whole {
            // Flows that were not looked at may need what was locked before.
            for locked in work.before.iter().flat_map(Lock::entries) {
                if work.after.get(&locked.id, &locked.version).is_none() {
                    work.after.insert(locked.clone());
                }
            }
        }
        let changed = work.before.as_ref() != Some(&work.after);
        drift |= changed;
        if changed && !args.check {
            write(&path, &work.after.to_string())?;
        }
        reports.push(report(&path, &work, changed));
    }
    answer(global, args, &reports)?;
    Ok(if drift && args.check {
        Exit::Plugin
    } else {
        Exit::Ok
    })
}

/// Where the lock of a flow is: the one that holds for it already, or a new one in the folder that was named.
fn target(named: &Path, file: &Path) -> PathBuf {
    nearest(&folder_of(file)).unwrap_or_else(|| {
        let folder = if named.is_dir() {
            std::path::absolute(named).unwrap_or_else(|_| named.to_owned())
        } else {
            folder_of(file)
        };
        folder.join(LOCK_FILE)
    })
}

/// Whether every flow that a lock may hold for lies in what was named.
fn covers(named: &Path, target: &Path) -> bool {
    let named = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
    named.is_dir()
        && target
            .parent()
            .is_some_and(|folder| folder.starts_with(&named))
}

fn open(global: &Global, target: &Path, args: &LockArgs) -> Result<Work, Failed> {
    let before = if target.is_file() {
        Some(Lock::clone(&*read(global, target)?))
    } else {
        None
    };
    if before.is_none() && args.check {
        return Err(
            Failed::new(Exit::Plugin, format!("there is no `{}`", target.display()))
                .hint("write it with `taffrail lock`"),
        );
    }
    Ok(Work {
        before,
        after: Lock::default(),
        whole: false,
    })
}

fn look_at(
    global: &Global,
    host: &Host,
    file: &Path,
    update: bool,
    work: &mut Work,
    errors: &mut Vec<Diagnostic>,
) -> Result<(), Failed> {
    let source = read_source(file)?;
    let before = work.before.as_ref();
    let checked = document::check(
        &source,
        &host.checker,
        Locking {
            lock: before.filter(|_| !update),
            strict: false,
        },
    );
    // Other mistakes are `validate`'s business, as long as every task's plugin is known.
    let flow_is_known = checked.flow.is_some();
    let wrong: Vec<Diagnostic> = checked
        .diagnostics
        .into_iter()
        .filter(|diagnostic| {
            diagnostic.severity == Severity::Error
                && (!flow_is_known || is_about_plugins(diagnostic.code))
        })
        .collect();
    if !wrong.is_empty() {
        complain(render_text(&wrong, &source, terminal::style(global)).trim_end());
    }
    errors.extend(wrong);
    for task in checked.flow.iter().flat_map(|flow| flow.all_tasks()) {
        let Some(script) = task.script_type() else {
            continue;
        };
        let descriptor = &script.plugin;
        let info = host.plugins.plugins().iter().find(|info| {
            info.descriptor.id == descriptor.id && info.descriptor.version == descriptor.version
        });
        let Some(info) = info else { continue };
        let known = before.and_then(|lock| lock.get(&descriptor.id, &descriptor.version));
        if let Some(known) = known
            && known.digest != info.digest
            && descriptor.version.pre.is_empty()
        {
            errors.push(changed(global, &source, task.type_name.span, info, known));
            continue;
        }
        work.after.insert(Locked {
            id: descriptor.id.clone(),
            version: descriptor.version.clone(),
            digest: info.digest.clone(),
            api: info.api.clone(),
            source: known
                .filter(|known| known.digest == info.digest)
                .and_then(|known| known.source.clone())
                .or_else(|| host.public_source(info)),
        });
    }
    Ok(())
}

/// Also when choosing anew, a release that is not what it was is not locked in silence.
fn changed(
    global: &Global,
    source: &taffrail_core::diagnostic::Source,
    span: taffrail_core::yaml::Span,
    info: &PluginInfo,
    known: &Locked,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::ChangedPlugin,
        span,
        format!(
            "plugin `{} {}` is not the one that was locked",
            known.id, known.version
        ),
    )
    .label(format!(
        "locked: sha256:{}, installed: sha256:{}",
        &known.digest[..12],
        info.digest.get(..12).unwrap_or_default()
    ))
    .help(format!(
        "if you trust the new one, delete its block from `{LOCK_FILE}` and lock again"
    ));
    complain(
        render_text(
            std::slice::from_ref(&diagnostic),
            source,
            terminal::style(global),
        )
        .trim_end(),
    );
    diagnostic
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    let failed = |reason: String| {
        Failed::new(
            Exit::Internal,
            format!("cannot write `{}`: {reason}", path.display()),
        )
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    // In one step: nobody meets half a lock.
    let mut file = tempfile::Builder::new()
        .prefix(".taffrail.lock-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| failed(error.to_string()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .map_err(|error| failed(error.to_string()))?;
    file.persist(path)
        .map_err(|error| failed(error.error.to_string()))?;
    Ok(())
}

struct Report {
    path: PathBuf,
    changed: bool,
    plugins: Vec<Value>,
    /// One line for every plugin, with what became of it.
    lines: Vec<String>,
}

fn report(path: &Path, work: &Work, changed: bool) -> Report {
    let empty = Lock::default();
    let before = work.before.as_ref().unwrap_or(&empty);
    let mut plugins = Vec::new();
    let mut lines = Vec::new();
    for locked in work.after.entries() {
        let change = match before.get(&locked.id, &locked.version) {
            Some(old) if old == locked => "kept",
            Some(_) => "changed",
            None => "added",
        };
        lines.push(format!("{change:<7}  {} {}", locked.id, locked.version));
        plugins.push(json!({
            "id": locked.id,
            "version": locked.version,
            "digest": format!("sha256:{}", locked.digest),
            "api": locked.api,
            "source": locked.source,
            "change": change,
        }));
    }
    for old in before.entries() {
        if work.after.get(&old.id, &old.version).is_none() {
            lines.push(format!("removed  {} {}", old.id, old.version));
            plugins.push(json!({ "id": old.id, "version": old.version, "change": "removed" }));
        }
    }
    Report {
        path: path.to_owned(),
        changed,
        plugins,
        lines,
    }
}

fn answer(global: &Global, args: &LockArgs, reports: &[Report]) -> Result<(), Failed> {
    match args.format {
        Format::Json => {
            let locks: Vec<Value> = reports
                .iter()
                .map(|report| {
                    json!({ "path": report.path, "changed": report.changed, "plugins": report.plugins })
                })
                .collect();
            terminal::answer(&format!("{:#}\n", json!({ "v": 1, "locks": locks })))
        }
        Format::Text => {
            let text: String = reports
                .iter()
                .flat_map(|report| &report.lines)
                .map(|line| format!("{line}\n"))
                .collect();
            terminal::answer(&printable(&text))?;
            for report in reports.iter().filter(|_| !global.quiet) {
                let done = match (report.changed, args.check) {
                    (false, _) => "is up to date",
                    (true, false) => "was written",
                    (true, true) => "is out of date; write it with `taffrail lock`",
                };
                complain(&format!("{} {done}", report.path.display()));
            }
            Ok(())
        }
    }
}
