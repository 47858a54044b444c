//! What stands in the working directory before the program runs.

use taffrail_core::launch::TaskIdentity;
use taffrail_core::name::RelPath;
use taffrail_core::record::Failure;

use crate::execution::Execution;
use crate::files::{self, EXECUTION_CONTEXT, FilesError};
use crate::prepare::Prepared;
use crate::scope::Scope;
use crate::workdir::Workdir;

/// Puts namespace files, input files, the plan's files and stored files in place, in this order.
pub(super) fn put_files(
    execution: &Execution,
    scope: &Scope,
    prepared: &Prepared,
    workdir: &Workdir,
    identity: &TaskIdentity,
) -> Result<Vec<String>, Failure> {
    let services = scope.services();
    let working = workdir.working();
    let mut warnings = Vec::new();
    if let Some(wanted) = &prepared.settings.namespace_files {
        warnings = files::write_namespace_files(working, services, wanted)?;
    }
    files::write_inputs(working, services, &prepared.settings.input_files)?;
    for file in &prepared.plan.files {
        let mode = if file.executable { 0o700 } else { 0o600 };
        working
            .write(&file.path, &file.contents, mode)
            .map_err(FilesError::from)?;
    }
    let carried = execution.folder.carried();
    files::bring(workdir, &prepared.plan.carry, &execution.storage, &carried)?;
    for (uri, path) in &prepared.fetches {
        files::fetch(working, services, uri, path)?;
    }
    if prepared.settings.execution_context == Some(true) {
        let path = RelPath::new(EXECUTION_CONTEXT).map_err(FilesError::from)?;
        let context = execution_context(execution, scope, identity);
        working
            .write(&path, context.to_string().as_bytes(), 0o600)
            .map_err(FilesError::from)?;
    }
    if prepared.wants_output_dir {
        workdir.create_output_dir().map_err(FilesError::from)?;
    }
    Ok(warnings)
}

/// What `executionContext` shows: never the host's environment.
fn execution_context(
    execution: &Execution,
    scope: &Scope,
    identity: &TaskIdentity,
) -> serde_json::Value {
    use taffrail_expr::Environment;
    let mut context = serde_json::Map::new();
    for name in [
        "inputs",
        "outputs",
        "labels",
        "vars",
        "trigger",
        "flow",
        "execution",
        "task",
        "taskrun",
    ] {
        if let Some(value) = scope.variable(name) {
            context.insert(name.to_owned(), value.to_json());
        }
    }
    debug_assert_eq!(execution.id, identity.execution);
    serde_json::Value::Object(context)
}
