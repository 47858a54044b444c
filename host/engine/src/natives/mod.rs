//! The tasks that the host does itself: one table from their kinds to what they do. Each gets its rendered keys and gives its outputs;
//! deadlines, cancel, attempts and records are not theirs.

mod files;
mod form;
mod git;
pub(crate) mod http;
mod kv;
mod lines;
mod machine;
mod namespace;
mod small;
pub(crate) mod split;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use taffrail_core::diagnostic::Diagnostic;
use taffrail_core::flow::{Task, TaskKind};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::native::{Availability, CoreKind};
use taffrail_core::output::{LogLevel, Metric};
use taffrail_core::record::{Failure, FailureKind, State, TaskRecord};

use crate::cancel::CancelLevel;
use crate::drive::TaskOutput;
use crate::event::{Event, Reporter};
use crate::execution::Execution;
use crate::scope::Scope;
use crate::task::TaskEnd;

/// What a native task works with.
pub(crate) struct Call<'a> {
    pub execution: &'a Execution,
    pub task: &'a Task,
    pub scope: &'a Scope,
    pub identity: &'a TaskIdentity,
    pub reporter: &'a mut dyn Reporter,
}

impl Call<'_> {
    /// Enters that something begins that must not happen twice, and fails where an earlier host has begun it already.
    pub(crate) async fn once(&self) -> Result<(), Failure> {
        let execution = self.execution;
        if execution.has_begun() {
            return Err(Failure {
                kind: FailureKind::Interrupted,
                message: "its taffrail ended while it was at this, so that nobody knows whether it was done".to_owned(),
            });
        }
        let on_disk = execution.launching(self.identity).await;
        on_disk.map_err(|message| Failure {
            kind: FailureKind::Host,
            message,
        })
    }

    /// Logs a message, unless the task keeps graver ones only. Secrets are masked.
    pub(crate) fn log(&mut self, level: LogLevel, message: &str) {
        if level < self.task.common.log_level.unwrap_or(LogLevel::Trace) {
            return;
        }
        let message = self.execution.masker.mask_text(message);
        self.reporter.event(&Event::Output {
            identity: self.identity,
            output: TaskOutput::Log {
                level,
                message: &message,
            },
        });
    }
}

/// What a native task did.
#[derive(Debug)]
pub(crate) struct Done {
    pub outputs: Map<String, Value>,
    pub metrics: Vec<Metric>,
    pub warnings: Vec<String>,
    pub state: State,
    /// The state that the whole execution is to end in, now.
    pub exit: Option<State>,
}

impl Default for Done {
    fn default() -> Self {
        Self {
            outputs: Map::new(),
            metrics: Vec::new(),
            warnings: Vec::new(),
            state: State::Success,
            exit: None,
        }
    }
}

impl Done {
    /// Did nothing but give outputs.
    pub(crate) fn with<const N: usize>(outputs: [(&str, Value); N]) -> Self {
        Self {
            outputs: outputs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Self::default()
        }
    }
}

/// The failure of a native task that its author asked for, or that what it works on makes it.
pub(crate) fn failed(message: impl Into<String>) -> Failure {
    Failure {
        kind: FailureKind::Exit,
        message: message.into(),
    }
}

/// Reads the rendered keys of a task.
pub(crate) fn read<T: DeserializeOwned>(keys: Value) -> Result<T, Failure> {
    serde_json::from_value(keys).map_err(|error| Failure {
        kind: FailureKind::Invalid,
        message: format!("its keys cannot be read: {error}"),
    })
}

/// Runs a native task to its record.
pub(crate) async fn run(mut call: Call<'_>) -> TaskEnd {
    let started = jiff::Timestamp::now().to_string();
    let record = TaskRecord::new(call.identity.clone(), &call.task.type_name.value, started);
    let prepared = crate::schedule::ask_for_keys(call.execution, call.task, call.scope).await;
    let (timeout, keys) = match prepared {
        Ok(prepared) => prepared,
        Err(diagnostics) => return invalid(record, diagnostics),
    };
    let known = match call.task.kind {
        TaskKind::Core(kind) => kind.outputs(),
        _ => &[],
    };
    if matches!(call.task.kind, TaskKind::Core(CoreKind::Clone)) {
        // It starts programs, which must be ended and not left.
        let done = match read(keys) {
            Ok(keys) => Box::pin(git::clone(&mut call, keys, timeout)).await,
            Err(failure) => Err(failure),
        };
        return settled(record, done, known);
    }
    let cancel = call.execution.cancel.clone();
    let done = tokio::select! {
        biased;
        _ = cancel.beyond(CancelLevel::None) => Err(Failure {
            kind: FailureKind::Cancelled,
            message: "cancelled".to_owned(),
        }),
        limit = over(timeout) => Err(Failure {
            kind: FailureKind::Timeout,
            message: format!("timed out after {limit:?}"),
        }),
        done = work(&mut call, keys) => done,
    };
    settled(record, done, known)
}

/// The end of a task that did something, or could not. No output but those that are known is handed out, as what reads others is refused.
fn settled(mut record: TaskRecord, done: Result<Done, Failure>, known: &[&str]) -> TaskEnd {
    let mut exit = None;
    match done {
        Ok(done) => {
            let mut names = done.outputs.keys();
            debug_assert!(
                names.all(|name| known.contains(&name.as_str())),
                "{known:?}"
            );
            record.outputs = done.outputs;
            record.metrics = done.metrics;
            record.warnings = done.warnings;
            record.state = done.state;
            exit = done.exit;
        }
        Err(failure) => {
            record.state = taffrail_core::record::settle(Some(failure.kind), false, false);
            record.failure = Some(failure);
        }
    }
    TaskEnd {
        exit,
        ..TaskEnd::of(record)
    }
}

pub(crate) fn invalid(mut record: TaskRecord, diagnostics: Vec<Diagnostic>) -> TaskEnd {
    let message = diagnostics
        .first()
        .map_or_else(String::new, |diagnostic| diagnostic.message.clone());
    record.state = State::Failed;
    record.failure = Some(Failure {
        kind: FailureKind::Invalid,
        message,
    });
    TaskEnd {
        diagnostics,
        ..TaskEnd::of(record)
    }
}

pub(crate) async fn over(timeout: Option<Duration>) -> Duration {
    match timeout {
        Some(timeout) => {
            tokio::time::sleep(timeout).await;
            timeout
        }
        None => std::future::pending().await,
    }
}

async fn work(call: &mut Call<'_>, keys: Value) -> Result<Done, Failure> {
    let idle = call
        .task
        .native()
        .is_some_and(|native| native.availability != Availability::Runs);
    let TaskKind::Core(kind) = &call.task.kind else {
        return Err(failed("it cannot run by itself"));
    };
    if idle {
        call.log(LogLevel::Info, "this task does nothing here");
        let counts = kind.outputs().iter();
        return Ok(Done {
            outputs: counts.map(|name| ((*name).to_owned(), 0.into())).collect(),
            ..Done::default()
        });
    }
    match kind {
        CoreKind::Assert => small::assert(call, read(keys)?),
        CoreKind::Concat => files::concat(call, read(keys)?),
        CoreKind::DeduplicateItems => files::deduplicate(call, read(keys)?),
        CoreKind::Echo => small::echo(call, read(keys)?),
        CoreKind::Exit => small::exit(read(keys)?),
        CoreKind::Fail => small::fail(read(keys)?),
        CoreKind::FileRead => Box::pin(machine::read(call, read(keys)?)).await,
        CoreKind::FileWrite => Box::pin(machine::write(call, read(keys)?)).await,
        CoreKind::FilterItems => files::filter(call, read(keys)?),
        CoreKind::KvDelete => kv::delete(call, read(keys)?),
        CoreKind::KvGet => kv::get(call, read(keys)?),
        CoreKind::KvGetKeys => kv::get_keys(call, read(keys)?),
        CoreKind::KvSet => kv::set(call, read(keys)?),
        CoreKind::Labels => small::labels(call, read(keys)?),
        CoreKind::LocalFiles => files::local_files(call, read(keys)?),
        CoreKind::Log => small::log(call, read(keys)?),
        CoreKind::NamespaceDelete => namespace::delete(call, read(keys)?),
        CoreKind::NamespaceDownload => namespace::download(call, read(keys)?),
        CoreKind::NamespaceUpload => namespace::upload(call, read(keys)?),
        CoreKind::OutputValues => small::output_values(read(keys)?),
        CoreKind::Publish => small::publish(read(keys)?),
        CoreKind::PurgeExecutionFiles => files::purge(call),
        CoreKind::Return => small::give(call, read(keys)?),
        CoreKind::Reverse => files::reverse(call, read(keys)?),
        CoreKind::SetVariables => small::set_variables(call, read(keys)?),
        CoreKind::Size => files::size(call, read(keys)?),
        CoreKind::Sleep => small::sleep(read(keys)?).await,
        CoreKind::Split => files::split(call, read(keys)?),
        CoreKind::StorageDelete => files::delete(call, read(keys)?),
        CoreKind::UnsetVariables => small::unset_variables(call, read(keys)?),
        CoreKind::Write => files::write(call, read(keys)?),
        CoreKind::Download => Box::pin(http::download(call, read(keys)?)).await,
        CoreKind::Request => Box::pin(http::request(call, read(keys)?)).await,
        CoreKind::Clone | CoreKind::PurgeExecutions | CoreKind::PurgeLogs => {
            Err(failed("it does not run here"))
        }
    }
}
