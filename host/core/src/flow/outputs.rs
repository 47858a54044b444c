//! The outputs that a task may have, as far as its type says so.

use serde_json::Value;

use crate::descriptor::TaskTypeDescriptor;

/// What every script task has.
const SCRIPT: [&str; 4] = ["vars", "outputFiles", "exitCode", "taskRunner"];

/// The outputs of a script task: those of every one, and what its plugin adds.
pub(super) fn script_outputs(task_type: &TaskTypeDescriptor) -> Vec<String> {
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
        .collect()
}
