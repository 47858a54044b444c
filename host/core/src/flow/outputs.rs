//! The outputs that a task may have, as far as its type says so.

use serde_json::Value;

use crate::descriptor::TaskTypeDescriptor;
use crate::yaml::Node;

/// What every script task has.
const SCRIPT: [&str; 4] = ["vars", "outputFiles", "exitCode", "taskRunner"];

/// What one has that keeps what it prints.
const CAPTURED: [&str; 2] = ["stdout", "stderr"];

/// The outputs of a script task: those of every one, what its plugin adds, and what it prints where its keys say so.
pub(super) fn script_outputs(task_type: &TaskTypeDescriptor, task: &Node) -> Vec<String> {
    let captured = task
        .get("captureOutput")
        .is_some_and(|node| node.scalar().is_some_and(|scalar| &*scalar.text != "false"));
    let own = task_type
        .outputs_schema
        .as_ref()
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys().cloned());
    SCRIPT
        .iter()
        .map(|name| (*name).to_owned())
        .chain(own)
        .chain(
            CAPTURED
                .iter()
                .filter(|_| captured)
                .map(|name| (*name).to_owned()),
        )
        .collect()
}
