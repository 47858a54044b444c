//! The directory that the tasks of a WorkingDirectory share: made with its files before them, looked through and removed after.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;
use taffrail_core::collect::Patterns;
use taffrail_core::flow::Task;
use taffrail_core::native::WorkingDirectoryKeys;
use taffrail_core::record::{Failure, FailureKind};

use super::kinds::invalid;
use super::{Scheduler, shared_cache};
use crate::execution::Execution;
use crate::files;
use crate::leaving::Used;
use crate::prepare::task_root;
use crate::scope::{Scope, chain};
use crate::workdir::Workdir;

fn host(message: String) -> Failure {
    Failure {
        kind: FailureKind::Host,
        message,
    }
}

fn read(keys: &Value) -> Result<WorkingDirectoryKeys, Failure> {
    serde_json::from_value(keys.clone())
        .map_err(|error| invalid(format!("its keys cannot be read: {error}")))
}

/// Makes the directory: first what the cache has, then the files of the namespace, then its own input files. One that an earlier host
/// has `filled` and that tasks have worked in stays as it is. Gives what the author should know.
///
/// # Errors
/// What cannot be made or written.
pub(super) fn open(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
    run: &str,
    keys: &Value,
    filled: bool,
) -> Result<(Workdir, Vec<String>), Failure> {
    let keys = read(keys)?;
    let mut workdir = Workdir::create(&task_root(&execution.directory, run))
        .map_err(|error| host(chain(&error)))?;
    if filled {
        return Ok((workdir, Vec::new()));
    }
    if execution.resumed() {
        workdir = workdir.renew().map_err(|error| host(chain(&error)))?;
    }
    let services = scope.services();
    let mut warnings = Vec::new();
    let filled = (|| {
        if let Some(cache) = &keys.cache {
            let place = shared_cache::place(execution, task, scope.each());
            shared_cache::bring(place, cache, workdir.working()).map_err(host)?;
        }
        if let Some(wanted) = &keys.namespace_files {
            warnings.extend(files::write_namespace_files(
                workdir.working(),
                services,
                wanted,
            )?);
        }
        let inputs: IndexMap<String, Option<String>> = keys
            .input_files
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| {
                let content = match value {
                    Value::Null => None,
                    Value::String(text) => Some(text),
                    other => Some(other.to_string()),
                };
                (name, content)
            })
            .collect();
        files::write_inputs(workdir.working(), services, &inputs)?;
        Ok::<(), Failure>(())
    })();
    if let Err(failure) = filled {
        let removed = workdir.remove();
        tracing::debug!(?removed, "the shared working directory goes again");
        return Err(failure);
    }
    Ok((workdir, warnings))
}

impl<'a> Scheduler<'a, '_> {
    /// Keeps the output files of a shared directory and what the cache wants. Gives it back where it is to go.
    pub(super) fn close_shared(
        &mut self,
        id: usize,
        task: &'a Task,
        directory: Arc<Workdir>,
    ) -> Option<Used> {
        let execution = self.context.execution;
        let keys = super::leaf::keys(execution, task, &self.scope(id))
            .map_err(|diagnostics| self.told(id, diagnostics))
            .and_then(|keys| read(&keys));
        let kept = keys.and_then(|keys| {
            let node = self.node(id);
            if let Some(patterns) = keys.output_files.as_ref().map(texts) {
                let patterns =
                    Patterns::new(&patterns).map_err(|error| invalid(error.to_string()))?;
                let folder = execution.folder.task_run(&task.id.value, &node.run);
                let collected =
                    files::collect(&directory, &patterns, &[], &execution.storage, &folder)
                        .map_err(|error| host(chain(&error)))?;
                execution
                    .storage
                    .settle()
                    .map_err(|error| host(chain(&error)))?;
                let uris = serde_json::to_value(&collected.files).unwrap_or_default();
                node.outputs.insert("outputFiles".to_owned(), uris);
                node.warnings.extend(collected.warnings);
            }
            if let Some(cache) = &keys.cache
                && node.state.goes_on()
            {
                let place = shared_cache::place(execution, task, node.place.values());
                // A cache that cannot be written is no failure of what it was for.
                if let Err(message) =
                    shared_cache::keep(place, cache, directory.working(), &execution.id)
                {
                    let message = format!("`cache`: nothing is kept: {message}");
                    node.warnings.push(message);
                }
            }
            Ok(())
        });
        let node = self.node(id);
        if let Err(failure) = kept {
            node.failure.get_or_insert(failure);
            if node.state.goes_on() {
                node.state = taffrail_core::record::State::Failed;
            }
        }
        node.shared = None;
        if execution.keep {
            let path = directory.places().working_dir.display();
            tracing::info!("kept the working directory `{path}`");
            return None;
        }
        Some(Used::Shared(directory))
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect(),
        _ => Vec::new(),
    }
}
