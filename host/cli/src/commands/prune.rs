//! `taffrail prune`: removes what runs left on a container engine, `delete: false` and `wait: false` among them; and old executions.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use taffrail_engine::ports::RunnerError;
use taffrail_engine::prepare::task_root;
use taffrail_engine::workdir::Places;
use taffrail_runner::docker::{Engines, Leftover, LeftoverKind};
use taffrail_runner::process::{end_processes_of, has_left};
use taffrail_store::ExecutionRow;
use tokio::runtime::Runtime;

use crate::args::{Format, Global, PruneArgs};
use crate::executions::store_failed;
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::report::complain;
use crate::{owner, runners, runtime, terminal};

/// What is done with something that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Removed,
    WouldBeRemoved,
    /// A taffrail that runs now needs it.
    InUse,
    /// It runs, and nobody said that it may be ended.
    Runs,
    TooYoung,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::Removed => "removed",
            Fate::WouldBeRemoved => "would be removed",
            Fate::InUse => "kept, its flow runs",
            Fate::Runs => "kept, it runs",
            Fate::TooYoung => "kept, too young",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When no engine answers, or something could not be removed.
pub fn prune(global: &Global, args: &PruneArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let older_than = args
        .older_than
        .as_deref()
        .map(taffrail_core::duration::parse)
        .transpose()
        .map_err(|error| Failed::new(Exit::Usage, format!("`--older-than`: {error}")))?;
    if args.executions {
        return old_executions(global, args, &folders.state, older_than.unwrap_or_default());
    }
    let engines = runners::engines(&folders.state);
    let runtime = runtime::start()?;
    let host = args.host.as_deref();
    let left = leftovers(&runtime, &engines, host)?;
    let mut told = Vec::new();
    let mut errors = 0;
    for leftover in left {
        let mut fate = fate(&leftover, &folders.state, older_than, args);
        if fate == Fate::WouldBeRemoved && !args.dry_run {
            match runtime.block_on(engines.remove_leftover(host, &leftover)) {
                Ok(()) => fate = Fate::Removed,
                Err(error) => {
                    errors += 1;
                    complain(&format!("error: {error}"));
                    continue;
                }
            }
        }
        told.push((leftover, fate));
    }
    terminal::answer(&answer(&told, args.format))?;
    let removed = told
        .iter()
        .filter(|(_, fate)| *fate == Fate::Removed)
        .count();
    if !global.quiet {
        let kept = told.len() - removed;
        complain(&match (args.dry_run, told.is_empty()) {
            (_, true) => "nothing was left behind".to_owned(),
            (true, false) => format!(
                "nothing was removed, as this is a dry run; {} found",
                told.len()
            ),
            (false, false) => format!("removed {removed}, kept {kept}"),
        });
        let runs = told.iter().filter(|(_, fate)| *fate == Fate::Runs);
        let runs: Vec<&str> = runs.map(|(left, _)| left.execution.as_str()).collect();
        if !runs.is_empty() {
            complain(&match open_one(&folders.state, &runs)? {
                Some(open) => format!(
                    "help: what runs is followed to its end by `taffrail resume {open}`, and ended by `--running`"
                ),
                None => "help: what runs is ended by `--running`".to_owned(),
            });
        }
    }
    Ok(if errors == 0 {
        Exit::Ok
    } else {
        Exit::Internal
    })
}

/// The first of these executions that has not ended, and so can be gone on with. One with `wait: false` ends before its containers do.
fn open_one<'a>(state: &Path, executions: &[&'a str]) -> Result<Option<&'a str>, Failed> {
    let Some(reader) = taffrail_store::Reader::open(state).map_err(store_failed)? else {
        return Ok(None);
    };
    for id in executions {
        let row = reader.execution(id).map_err(store_failed)?;
        if row.is_some_and(|row| row.state.is_none()) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Removes executions that ended long enough ago.
fn old_executions(
    global: &Global,
    args: &PruneArgs,
    state: &Path,
    older_than: Duration,
) -> Result<Exit, Failed> {
    let reader = taffrail_store::Reader::open(state).map_err(store_failed)?;
    let rows = match &reader {
        Some(reader) => reader.newest(usize::MAX).map_err(store_failed)?,
        None => Vec::new(),
    };
    let old = |row: &ExecutionRow| {
        let ended = row.ended.as_deref().and_then(|at| at.parse().ok());
        ended.is_some_and(|ended: jiff::Timestamp| {
            let age = jiff::Timestamp::now().duration_since(ended);
            age.unsigned_abs() >= older_than && !age.is_negative()
        })
    };
    // One that another called for goes with that one.
    let chosen: Vec<&ExecutionRow> = rows
        .iter()
        .rev()
        .filter(|row| row.caller.is_none() && old(row))
        .collect();
    let word = if args.dry_run {
        Fate::WouldBeRemoved.word()
    } else {
        Fate::Removed.word()
    };
    let mut text = String::new();
    let mut items = Vec::new();
    for row in &chosen {
        if let (Some(reader), false) = (&reader, args.dry_run) {
            super::rm::remove(reader, state, row)?;
        }
        text.push_str(&format!("execution  {}  {word}\n", row.id));
        items.push(json!({
            "kind": "execution", "name": row.id, "execution": row.id, "fate": word, "removed": !args.dry_run,
        }));
    }
    terminal::answer(&match args.format {
        Format::Json => format!("{:#}\n", serde_json::Value::Array(items)),
        Format::Text => text,
    })?;
    if !global.quiet {
        complain(&match (chosen.len(), args.dry_run) {
            (0, _) => "no execution is so old".to_owned(),
            (count, true) => format!("nothing was removed, as this is a dry run; {count} found"),
            (count, false) => format!("removed {count}"),
        });
    }
    Ok(Exit::Ok)
}

/// Ends what runs of an execution that nobody runs any more, and of those that it called for: processes, and containers, which are
/// removed. Where it has no containers, no engine is asked.
///
/// # Errors
/// When a process does not end, or an engine cannot be reached or does not remove them.
pub fn end_what_runs(state: &Path, execution: &str) -> Result<(), Failed> {
    let reader = crate::executions::reader(state)?;
    for called in reader.called_by(execution).map_err(store_failed)? {
        end_what_runs(state, &called.id)?;
    }
    let runs = reader.task_runs(execution).map_err(store_failed)?;
    let open = |run: &&taffrail_store::TaskRow| run.record.is_none() && run.launching;
    if !runs.iter().any(|run| open(&run)) {
        return Ok(());
    }
    let runtime = runtime::start()?;
    runtime
        .block_on(end_processes_of(execution))
        .map_err(|error| failed(&error))?;
    let directory = crate::executions::directory(state, execution);
    let in_containers = |run: &taffrail_store::TaskRow| match run.runner.as_deref() {
        Some(runner) => runner != "process",
        // It died before it had entered by which runner.
        None => !has_left(&Places::below(&task_root(&directory, &run.run)).private_dir),
    };
    if !runs.iter().filter(open).any(in_containers) {
        return Ok(());
    }
    let engines = runners::engines(state);
    let left = leftovers(&runtime, &engines, None)?;
    for leftover in left
        .iter()
        .filter(|leftover| leftover.execution == execution)
    {
        runtime
            .block_on(engines.remove_leftover(None, leftover))
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// What is left on an engine, in the order in which it can be removed: a volume can only go after the container that uses it.
fn leftovers(
    runtime: &Runtime,
    engines: &Engines,
    host: Option<&str>,
) -> Result<Vec<Leftover>, Failed> {
    let mut left = runtime
        .block_on(engines.leftovers(host))
        .map_err(|error| failed(&error))?;
    left.sort_by_key(|leftover| leftover.kind);
    Ok(left)
}

fn failed(error: &RunnerError) -> Failed {
    let exit = match error {
        RunnerError::Unreachable(_) => Exit::Unreachable,
        _ => Exit::Internal,
    };
    Failed::new(exit, error.to_string())
}

fn fate(leftover: &Leftover, state: &Path, older_than: Option<Duration>, args: &PruneArgs) -> Fate {
    // The labels are ours, but what names a path is looked at all the same.
    let is_name = leftover
        .execution
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric());
    if is_name && owner::is_owned(&state.join("executions").join(&leftover.execution)) {
        return Fate::InUse;
    }
    if leftover.running && !args.running {
        return Fate::Runs;
    }
    if older_than.is_some_and(|limit| age(leftover) < limit) {
        return Fate::TooYoung;
    }
    Fate::WouldBeRemoved
}

/// How old it is; nothing is known of one without a date, which counts as old.
fn age(leftover: &Leftover) -> Duration {
    let created =
        UNIX_EPOCH + Duration::from_secs(u64::try_from(leftover.created).unwrap_or_default());
    SystemTime::now()
        .duration_since(created)
        .unwrap_or_default()
}

fn answer(told: &[(Leftover, Fate)], format: Format) -> String {
    let kind = |leftover: &Leftover| match leftover.kind {
        LeftoverKind::Container => "container",
        LeftoverKind::Volume => "volume",
    };
    match format {
        Format::Json => {
            let items: Vec<_> = told
                .iter()
                .map(|(leftover, fate)| {
                    json!({
                        "kind": kind(leftover),
                        "name": leftover.name,
                        "execution": leftover.execution,
                        "taskRun": leftover.task_run,
                        "running": leftover.running,
                        "ageSeconds": age(leftover).as_secs(),
                        "fate": fate.word(),
                        "removed": *fate == Fate::Removed,
                    })
                })
                .collect();
            format!("{:#}\n", serde_json::Value::Array(items))
        }
        Format::Text => told
            .iter()
            .map(|(leftover, fate)| {
                format!(
                    "{:<9}  {}  {}\n",
                    kind(leftover),
                    leftover.name,
                    fate.word()
                )
            })
            .collect(),
    }
}
