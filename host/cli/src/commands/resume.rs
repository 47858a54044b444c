//! `taffrail resume`: goes on with an execution whose taffrail died. `taffrail retry`: makes a new one of what an ended one gave.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use taffrail_core::diagnostic::Source;
use taffrail_core::flow::{Flow, Task};
use taffrail_core::suggest::did_you_mean;
use taffrail_engine::execution::Origin;
use taffrail_engine::ledger::{Kept, KeptRun};
use taffrail_store::ExecutionRow;

use super::run::{Beginning, begin, has_ended};
use crate::args::{Global, ResumeArgs, RetryArgs, RunArgs};
use crate::executions::{self, Status, store_failed};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::kept_source;
use crate::load::{Host, checked_source};
use crate::owner;
use crate::started::Started;
use crate::underway::Underway;

/// Runs `resume`.
///
/// # Errors
/// When there is no such execution, it has ended, another process runs it, or what it needs is not given again.
pub fn resume(global: &Global, args: &ResumeArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let reader = executions::reader(&folders.state)?;
    let row = executions::select(&reader, &args.execution)?;
    match Status::of(&folders.state, &row) {
        Status::Ended(_) => return Err(has_ended(&row.id)),
        Status::Running => return Err(runs(&folders.state, &row)),
        Status::Interrupted => {}
    }
    if let Some(call) = &row.caller {
        let above = reader.execution(&call.execution).map_err(store_failed)?;
        if above.is_some_and(|above| above.state.is_none()) {
            return Err(Failed::new(
                Exit::Usage,
                format!(
                    "the execution `{}` is a part of `{}`",
                    row.id, call.execution
                ),
            )
            .hint(format!(
                "`taffrail resume {}` goes on with both",
                call.execution
            )));
        }
    }
    drop(reader);
    let run = Started::read(&row.given).into_run(args.given.clone(), args.output);
    let host = Host::open(global)?;
    let checked = checked(global, &host, &run, &row)?;
    begin(
        global,
        &run,
        host,
        checked,
        Beginning::Resumed(row.id),
        Underway::default(),
    )
}

/// Runs `retry`.
///
/// # Errors
/// When there is no such execution or task, it runs, or what it needs is not given again.
pub fn retry(global: &Global, args: &RetryArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let reader = executions::reader(&folders.state)?;
    let row = executions::select(&reader, &args.execution)?;
    if Status::of(&folders.state, &row) == Status::Running {
        return Err(runs(&folders.state, &row));
    }
    let kept = reader.kept(&row).map_err(store_failed)?;
    drop(reader);
    let run = Started::read(&row.given).into_run(args.given.clone(), args.output);
    let host = Host::open(global)?;
    let (source, flow) = checked(global, &host, &run, &row)?;
    if let Some(from) = &args.from
        && !flow.tasks.iter().any(|task| contains(task, from))
    {
        let ids = flow.all_tasks().map(|task| &*task.id.value);
        let near = did_you_mean(from, ids);
        let failed = Failed::new(
            Exit::NotFound,
            format!("the flow `{}` has no task `{from}` to begin from", row.flow),
        );
        return Err(match near {
            Some(near) => failed.hint(format!("did you mean `{near}`?")),
            None => failed,
        });
    }
    let kept = taken_over(kept, &flow, args.from.as_deref());
    begin(
        global,
        &run,
        host,
        (source, flow),
        Beginning::Retried(Box::new(kept)),
        Underway::default(),
    )
}

fn runs(state: &Path, row: &ExecutionRow) -> Failed {
    let by = match owner::of(&executions::directory(state, &row.id)) {
        Some(process) => format!(" by the process {}, since {}", process.pid, process.since),
        None => String::new(),
    };
    Failed::new(
        Exit::Usage,
        format!("the execution `{}` is run{by}", row.id),
    )
    .hint(format!(
        "`taffrail logs {id} -f` follows it, `taffrail kill {id}` ends it",
        id = row.id
    ))
}

/// The flow as it was when the execution began, checked with the plugins of today.
fn checked(
    global: &Global,
    host: &Host,
    run: &RunArgs,
    row: &ExecutionRow,
) -> Result<(Source, Flow), Failed> {
    let source = kept_source::source(&row.source, &row.file, Path::new(&run.flow.flow))?;
    checked_source(global, host, source, &run.flow.flow, run.locking.locked)
}

fn contains(task: &Task, id: &str) -> bool {
    task.with_descendants().any(|task| *task.id.value == *id)
}

/// What a new execution takes over: the task runs that ended well, and with `from` of them those that stand before that task. What runs
/// after a failure or at the end runs for this execution as well.
fn taken_over(kept: Kept, flow: &Flow, from: Option<&str>) -> Kept {
    let mut before = Vec::new();
    'all: for task in flow.tasks.iter().flat_map(Task::with_descendants) {
        if from.is_some_and(|from| *task.id.value == *from) {
            break 'all;
        }
        // What holds the task begins anew.
        if !from.is_some_and(|from| contains(task, from)) {
            before.push(&*task.id.value);
        }
    }
    let ended_well = |run: &KeptRun| {
        run.ended.as_ref().is_some_and(|end| {
            let record = &end.left.record;
            record.state.goes_on() && before.contains(&record.identity.task.as_str())
        })
    };
    let mut runs: BTreeMap<String, Arc<KeptRun>> = BTreeMap::new();
    for (path, run) in &kept.runs {
        if !ended_well(run) {
            continue;
        }
        runs.insert(path.clone(), Arc::clone(run));
        // Of what ended well as a whole, all is taken over, whatever became of it.
        for inside in kept.ended_inside(path) {
            let found = kept.runs.iter().find(|(_, other)| other.run == inside.run);
            if let Some((path, inside)) = found {
                runs.insert(path.clone(), Arc::clone(inside));
            }
        }
    }
    Kept {
        started: jiff::Timestamp::now().to_string(),
        origin: Origin {
            labels: kept.origin.labels.clone(),
            ..Origin::default()
        },
        runs,
        ..kept
    }
}

/// A task run of another execution as one of this one, with its end and nothing else.
fn moved(run: &KeptRun, execution: &str) -> KeptRun {
    let mut run = KeptRun {
        launching: false,
        launched: false,
        attempted: None,
        ..run.clone()
    };
    if let Some(end) = &mut run.ended {
        execution.clone_into(&mut end.left.record.identity.execution);
    }
    run
}

/// What is taken over, for the execution of this id.
pub fn moved_to(kept: Kept, execution: &str) -> Kept {
    let runs = kept.runs.into_iter();
    Kept {
        runs: runs
            .map(|(path, run)| (path, Arc::new(moved(&run, execution))))
            .collect(),
        ..kept
    }
}
