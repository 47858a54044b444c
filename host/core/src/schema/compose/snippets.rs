//! Whole tasks and flows to fill in.

use serde_json::{Value, json};

use super::choice::Choice;

/// One snippet for each task type that is offered. They sort behind the keys, which are few.
pub(super) fn tasks(choices: &[Choice]) -> Vec<Value> {
    choices
        .iter()
        .filter(|choice| !choice.hidden)
        .map(|choice| {
            let short = short_name(&choice.name);
            let mut body =
                json!({ "id": format!("${{1:{}}}", choice_id(short)), "type": choice.name });
            for (number, (key, schema)) in choice.required.iter().enumerate() {
                body[key] = blank(number + 2, schema);
            }
            json!({
                "label": format!("task: {short}"),
                "sortText": format!("~{short}"),
                "description": choice.title,
                "body": body,
            })
        })
        .collect()
}

/// A flow with one task, for an empty file.
pub(super) fn flow() -> Value {
    json!({
        "label": "flow",
        "description": "A flow with one task",
        "body": {
            "id": "${1:hello}",
            "namespace": "${2:company.team}",
            "tasks": [{
                "id": "${3:greet}",
                "type": "io.kestra.plugin.scripts.shell.Commands",
                "taskRunner": { "type": "io.kestra.plugin.core.runner.Process" },
                "commands": ["${4:echo Hello}"],
            }],
        },
    })
}

/// The last two parts of a name: `python.Script`.
fn short_name(name: &str) -> &str {
    let before = name.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    &name[before..]
}

/// `python.Script` makes the task `python`.
fn choice_id(short: &str) -> &str {
    short.split_once('.').map_or(short, |(first, _)| first)
}

/// A place to fill in, with the schema's own example in it.
fn blank(number: usize, schema: &Value) -> Value {
    let example = schema.get("examples").and_then(|examples| examples.get(0));
    let list = schema.get("type").is_some_and(|name| name == "array");
    let stop = |text: &str| {
        // What would end the blank or begin another.
        let text = text
            .replace('\\', r"\\")
            .replace('$', r"\$")
            .replace('}', r"\}");
        if text.is_empty() {
            format!("${{{number}}}")
        } else {
            format!("${{{number}:{text}}}")
        }
    };
    if list {
        let first = example.and_then(|example| example.get(0));
        return json!([stop(first.and_then(Value::as_str).unwrap_or_default())]);
    }
    let text = example.and_then(Value::as_str).unwrap_or_default();
    if schema.get("type").is_some_and(|name| name == "string") && text.contains('\n') {
        // A block of text: the four blanks put it below its key, wherever the task stands.
        let lines: Vec<&str> = text.trim_end().lines().collect();
        return json!(format!("|\n    {}", stop(&lines.join("\n    "))));
    }
    json!(stop(text))
}
