//! `taffrail ps`: the executions of the state folder.

use serde_json::{Value, json};
use taffrail_store::ExecutionRow;

use crate::args::{Format, Global, PsArgs};
use crate::executions::{Status, store_failed};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::report::complain;
use crate::{executions, owner, terminal};

/// How many are listed where not all are asked for.
const NEWEST: usize = 20;

/// Runs the command.
///
/// # Errors
/// When the store cannot be read.
pub fn ps(global: &Global, args: &PsArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let mut rows = match taffrail_store::Reader::open(&folders.state).map_err(store_failed)? {
        None => Vec::new(),
        Some(reader) if args.open => {
            let mut rows = reader.unfinished().map_err(store_failed)?;
            rows.reverse();
            rows
        }
        Some(reader) => {
            let limit = if args.all { usize::MAX } else { NEWEST };
            reader.newest(limit).map_err(store_failed)?
        }
    };
    let more = !args.all && !args.open && rows.len() == NEWEST;
    rows.reverse();
    let listed: Vec<(Status, ExecutionRow)> = rows
        .into_iter()
        .map(|row| (Status::of(&folders.state, &row), row))
        .collect();
    let text = match args.format {
        Format::Json => {
            let all: Vec<Value> = listed
                .iter()
                .map(|(status, row)| summary(&folders.state, *status, row))
                .collect();
            format!("{:#}\n", json!({ "v": 1, "executions": all }))
        }
        Format::Text => listed.iter().map(line).collect(),
    };
    terminal::answer(&text)?;
    if !global.quiet && args.format == Format::Text {
        if listed.is_empty() {
            complain("no executions");
        } else if more {
            complain(&format!(
                "the newest {NEWEST}; `--all` lists the others, too"
            ));
        }
    }
    Ok(Exit::Ok)
}

fn line((status, row): &(Status, ExecutionRow)) -> String {
    let duration = match &row.record {
        Some(record) => super::show::duration(record.duration_ms),
        None => "-".to_owned(),
    };
    let called = match &row.caller {
        Some(call) => format!("  called by {}", call.execution),
        None => String::new(),
    };
    format!(
        "{}  {:<11}  {}  {:>8}  {}.{}{called}\n",
        row.id,
        status.word(),
        super::show::second(&row.started),
        duration,
        row.namespace,
        row.flow
    )
}

/// What is told of an execution in a list.
pub fn summary(state: &std::path::Path, status: Status, row: &ExecutionRow) -> Value {
    let owner = match status {
        Status::Running => owner::of(&executions::directory(state, &row.id)),
        _ => None,
    };
    json!({
        "id": row.id,
        "namespace": row.namespace,
        "flow": row.flow,
        "state": status.word(),
        "started": row.started,
        "ended": row.ended,
        "durationMs": row.record.as_ref().map(|record| record.duration_ms),
        "attempt": row.attempt,
        "originalId": row.original,
        "calledBy": row.caller.as_ref().map(|call| json!({ "execution": call.execution, "taskRun": call.run })),
        "process": owner.map(|process| process.pid),
        "directory": executions::directory(state, &row.id),
    })
}
