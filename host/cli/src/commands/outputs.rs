//! `taffrail outputs`: what an execution and its tasks gave.

use serde_json::{Map, Value, json};
use taffrail_core::suggest::did_you_mean;
use taffrail_core::text::printable;

use crate::args::{Format, Global, OutputsArgs};
use crate::executions::{self, store_failed};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When there is no such execution or task, or the store cannot be read.
pub fn outputs(global: &Global, args: &OutputsArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let reader = executions::reader(&folders.state)?;
    let row = executions::select(&reader, &args.execution)?;
    let runs = reader.task_runs(&row.id).map_err(store_failed)?;
    if let Some(task) = &args.task
        && !runs.iter().any(|run| run.task == *task)
    {
        let near = did_you_mean(task, runs.iter().map(|run| run.task.as_str()));
        let failed = Failed::new(
            Exit::NotFound,
            format!("no task `{task}` ran in the execution `{}`", row.id),
        );
        return Err(match near {
            Some(near) => failed.hint(format!("did you mean `{near}`?")),
            None => failed,
        });
    }
    let tasks: Vec<Value> = runs
        .iter()
        .filter(|run| args.task.as_ref().is_none_or(|task| run.task == *task))
        .filter_map(|run| {
            let record = run.record.as_ref()?;
            (!record.outputs.is_empty()).then(|| {
                json!({ "task": run.task, "taskRun": run.run, "value": run.value, "outputs": record.outputs })
            })
        })
        .collect();
    let of_flow = row.record.as_ref().map(|record| record.outputs.clone());
    let of_flow = of_flow.filter(|_| args.task.is_none()).unwrap_or_default();
    let text = match args.format {
        Format::Json => format!(
            "{:#}\n",
            json!({ "v": 1, "execution": row.id, "outputs": of_flow, "tasks": tasks })
        ),
        Format::Text => {
            let mut text = String::new();
            lines("", &of_flow, &mut text);
            for task in &tasks {
                let name = match task["value"].as_str() {
                    Some(value) => format!(
                        "outputs.{}[{value}].",
                        task["task"].as_str().unwrap_or_default()
                    ),
                    None => format!("outputs.{}.", task["task"].as_str().unwrap_or_default()),
                };
                if let Some(outputs) = task["outputs"].as_object() {
                    lines(&name, outputs, &mut text);
                }
            }
            printable(&text).into_owned()
        }
    };
    terminal::answer(&text)?;
    Ok(Exit::Ok)
}

/// A line for each value that holds no others by name.
fn lines(before: &str, values: &Map<String, Value>, text: &mut String) {
    for (name, value) in values {
        match value {
            Value::Object(inside) if !inside.is_empty() => {
                lines(&format!("{before}{name}."), inside, text);
            }
            Value::Object(_) => {}
            other => text.push_str(&format!("{before}{name} = {other}\n")),
        }
    }
}
