//! `taffrail show`: one execution and its task runs.

use serde_json::{Value, json};
use taffrail_core::text::printable;
use taffrail_store::TaskRow;

use crate::args::{Format, Global, ShowArgs};
use crate::executions::{self, Status, store_failed};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::{owner, terminal};

/// Runs the command.
///
/// # Errors
/// When there is no such execution, or the store cannot be read.
pub fn show(global: &Global, args: &ShowArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let reader = executions::reader(&folders.state)?;
    let row = executions::select(&reader, &args.execution)?;
    let tasks = reader.task_runs(&row.id).map_err(store_failed)?;
    let called = reader.called_by(&row.id).map_err(store_failed)?;
    let status = Status::of(&folders.state, &row);
    let text = match args.format {
        Format::Json => {
            let mut shown = super::ps::summary(&folders.state, status, &row);
            shown["file"] = json!(row.file);
            shown["inputs"] = json!(row.inputs);
            shown["outputs"] = json!(row.record.as_ref().map(|record| &record.outputs));
            shown["failure"] = json!(
                row.record
                    .as_ref()
                    .and_then(|record| record.failure.clone())
            );
            let tasks: Vec<Value> = tasks.iter().map(|task| described(task, status)).collect();
            let called: Vec<&str> = called.iter().map(|row| row.id.as_str()).collect();
            format!(
                "{:#}\n",
                json!({ "v": 1, "execution": shown, "tasks": tasks, "calls": called })
            )
        }
        Format::Text => {
            let directory = executions::directory(&folders.state, &row.id);
            let mut text = format!(
                "{}.{} {}: {}\n",
                row.namespace,
                row.flow,
                row.id,
                status.word().to_lowercase()
            );
            let mut say =
                |name: &str, value: &str| text.push_str(&format!("  {name:<9} {value}\n"));
            say("file", &row.file);
            say("started", &second(&row.started));
            if let Some(record) = &row.record {
                say("took", &duration(record.duration_ms));
            }
            if let Some(original) = &row.original {
                say("after", original);
            }
            if let Some(call) = &row.caller {
                say("called by", &format!("{} {}", call.execution, call.run));
            }
            for row in &called {
                let word = Status::of(&folders.state, row).word().to_lowercase();
                say("calls", &format!("{} {}: {word}", row.flow, row.id));
            }
            match (status, owner::of(&directory)) {
                (Status::Running, Some(process)) => say("process", &process.pid.to_string()),
                (Status::Interrupted, _) => {
                    say("next", &format!("taffrail resume {}", row.id));
                }
                _ => {}
            }
            let failure = row
                .record
                .as_ref()
                .and_then(|record| record.failure.as_ref());
            if let Some(failure) = failure {
                say("failure", &failure.message);
            }
            for task in &tasks {
                text.push_str(&line(task, &tasks, status));
            }
            printable(&text).into_owned()
        }
    };
    terminal::answer(&text)?;
    Ok(Exit::Ok)
}

/// What a task run is at.
fn word(task: &TaskRow, status: Status) -> &'static str {
    match (&task.record, status) {
        (Some(record), _) => record.state.as_str(),
        (None, Status::Running) if task.launching => "RUNNING",
        (None, Status::Running) => "STARTED",
        (None, _) => "INTERRUPTED",
    }
}

fn line(task: &TaskRow, all: &[TaskRow], status: Status) -> String {
    let mut depth = 0;
    let mut above = task.parent.as_deref();
    while let Some(parent) = above {
        depth += 1;
        above = all
            .iter()
            .find(|other| other.run == parent)
            .and_then(|other| other.parent.as_deref());
    }
    let value = task.value.as_deref().map_or_else(String::new, |value| {
        format!("[{}]", taffrail_core::text::clip(value, 32))
    });
    let name = format!("{}{}{value}", "  ".repeat(depth + 1), task.task);
    let mut line = format!("{name:<32} {:<11}", word(task, status));
    if let Some(record) = &task.record {
        line.push_str(&format!(" {:>8}", duration(record.duration_ms)));
    }
    if task.attempt > 1 {
        line.push_str(&format!("  attempt {}", task.attempt));
    }
    if let Some(failure) = task
        .record
        .as_ref()
        .and_then(|record| record.failure.as_ref())
    {
        line.push_str(&format!("  {}", failure.message));
    }
    format!("{}\n", line.trim_end())
}

fn described(task: &TaskRow, status: Status) -> Value {
    json!({
        "taskRun": task.run,
        "task": task.task,
        "type": task.task_type,
        "value": task.value,
        "parent": task.parent,
        "state": word(task, status),
        "started": task.started,
        "attempt": task.attempt,
        "runner": task.runner,
        "record": task.record,
    })
}

/// A duration for people.
pub fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        _ => {
            let seconds = milliseconds / 1000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            match hours {
                0 => format!("{minutes} m {} s", seconds % 60),
                _ => format!("{hours} h {minutes} m"),
            }
        }
    }
}

/// A point in time without what is below a second.
pub fn second(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => time
            .round(jiff::Unit::Second)
            .map_or_else(|_| time.to_string(), |time| time.to_string()),
        Err(_) => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_are_short() {
        let check = |milliseconds, expected: &str| assert_eq!(duration(milliseconds), expected);
        check(7, "7 ms");
        check(1234, "1.2 s");
        check(59_999, "60.0 s");
        check(61_000, "1 m 1 s");
        check(2 * 3_600_000 + 5 * 60_000, "2 h 5 m");
        assert_eq!(second("2026-01-31T12:00:00.4Z"), "2026-01-31T12:00:00Z");
        assert_eq!(second("whenever"), "whenever");
    }
}
