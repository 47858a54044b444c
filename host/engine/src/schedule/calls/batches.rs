//! ForEachItem: an execution of a flow for each batch of a file's lines.

use std::io::{BufReader, Seek, Write};

use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use taffrail_core::native::ForEachItemKeys;
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State};
use taffrail_core::yaml::Node;
use taffrail_expr::{Environment, Value as ExprValue};
use tempfile::SpooledTempFile;

use super::super::{Background, end};
use super::{Caller, Done, Wanted, inside, transmitted};
use crate::aside::ask_for;
use crate::cancel::CancelLevel;
use crate::natives::split::Cut;
use crate::natives::{Call, failed, read};
use crate::perform::Ready;

/// How many executions of one ForEachItem run at once. What works at once is limited by the slots of tasks as well.
const AT_ONCE: usize = 16;
/// As much of what they hand out is held in memory, in bytes.
const HELD: usize = 1024 * 1024;

impl<'a> Caller<'a> {
    /// Runs all batches.
    pub(super) async fn items(&self, keys: Value) -> (Done, Option<Background<'a>>) {
        match self.all_items(keys).await {
            Ok((done, background)) => (done, background),
            Err(failure) => (failure.into(), None),
        }
    }

    async fn all_items(&self, keys: Value) -> Result<(Done, Option<Background<'a>>), Failure> {
        let keys: ForEachItemKeys = read(keys)?;
        let wanted = Wanted {
            labels: self.labels(keys.labels, keys.inherit_labels)?,
            namespace: keys.namespace,
            flow: keys.flow_id,
            wait: keys.wait.unwrap_or(true),
            transmit: keys.transmit_failed.unwrap_or(true),
        };
        let batch = keys.batch.unwrap_or_default();
        let mut reporter = self.context.reporter;
        let call = Call {
            execution: &self.execution,
            task: self.task,
            scope: &self.scope,
            identity: &self.identity,
            reporter: &mut reporter,
        };
        let nothing = batch.rows.is_none()
            && batch.bytes.is_none()
            && batch.partitions.is_none()
            && batch.regex_pattern.is_none();
        let cut = Cut::new(
            batch.rows.or(nothing.then_some(1)),
            batch.bytes.as_ref(),
            batch.partitions,
            batch.regex_pattern.as_deref(),
        )
        .map_err(failed)?;
        let mut source = BufReader::new(call.open(&keys.items)?);
        let separator = batch.separator.as_deref().unwrap_or("\n");
        let mut uris = Vec::new();
        cut.split(&mut source, separator, &mut |place, part| {
            uris.push(call.keep(&format!("batch-{:06}.txt", place + 1), part)?);
            Ok(())
        })?;
        drop(source);
        let list: String = uris.iter().map(|uri| format!("{uri}\n")).collect();
        let splits = call.keep("splits.txt", list.as_bytes())?;
        self.publish("split", json!({ "splits": splits }));
        if !wanted.wait {
            return self.begin_items(wanted, uris).await;
        }
        let mut sum = Sum::default();
        // They are made ready one after the other as places become free, so that only those that run are in memory.
        let mut running = futures_util::stream::iter(uris.iter().enumerate())
            .map(|(index, uri)| self.item(&wanted, index, uri))
            .buffered(AT_ONCE);
        while let Some(ended) = running.next().await {
            sum.add(ended, wanted.transmit);
        }
        drop(running);
        let merged = call.keep("outputs.jsonl", sum.outputs()?)?;
        self.publish("merge", json!({ "subflowOutputs": merged }));
        let outputs = json!({
            "numberOfBatches": uris.len(), "iterations": sum.states, "subflowOutputs": merged,
        });
        let done = Done {
            state: sum.state,
            failure: sum.failure,
            outputs: outputs.as_object().cloned().unwrap_or_default(),
        };
        Ok((done, None))
    }

    /// One batch to its end; nothing once the task is cancelled.
    async fn item(
        &self,
        wanted: &Wanted,
        index: usize,
        uri: &str,
    ) -> Option<Result<ExecutionRecord, Failure>> {
        if self.execution.cancel.level() != CancelLevel::None {
            return None;
        }
        let ready = match self.ready_for(wanted, index, uri).await {
            Ok(ready) => ready,
            Err(failure) => return Some(Err(failure)),
        };
        let performed = inside(ready, &self.identity, self.context.reporter).await;
        Some(Ok(performed.record))
    }

    async fn ready_for(&self, wanted: &Wanted, index: usize, uri: &str) -> Result<Ready, Failure> {
        let mut scope = self.scope.clone();
        let mut taskrun = match self.scope.variable("taskrun").map(|value| value.to_json()) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        taskrun.insert("items".to_owned(), json!(uri));
        taskrun.insert("iteration".to_owned(), json!(index));
        scope.set("taskrun", ExprValue::from_json(&Value::Object(taskrun)));
        let mut inputs = Map::new();
        let nodes = self.task.node.get("inputs").map(Node::entries);
        for entry in nodes.unwrap_or_default() {
            let value = ask_for(&scope, &entry.value).await.map_err(|error| {
                let diagnostic = error.diagnostic(self.execution.source.text(), &entry.value);
                let message = diagnostic.message.clone();
                self.context
                    .show(Some(&self.identity.task_run), vec![diagnostic]);
                Failure {
                    kind: FailureKind::Invalid,
                    message,
                }
            })?;
            inputs.insert(entry.key.to_string(), value);
        }
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        self.ready(wanted, inputs, place).await
    }

    /// Begins all batches and waits for none. That the first can begin is seen here; the others are made ready as places become free.
    async fn begin_items(
        &self,
        wanted: Wanted,
        uris: Vec<String>,
    ) -> Result<(Done, Option<Background<'a>>), Failure> {
        let count = uris.len();
        let first = match uris.first() {
            Some(uri) => Some(self.ready_for(&wanted, 0, uri).await?),
            None => None,
        };
        let caller = self.clone();
        let background: Background<'a> = Box::pin(async move {
            let (caller, wanted) = (&caller, &wanted);
            let first = async {
                if let Some(ready) = first {
                    inside(ready, &caller.identity, caller.context.reporter).await;
                }
            };
            let others = futures_util::stream::iter(uris.iter().enumerate().skip(1))
                .for_each_concurrent(AT_ONCE, |(index, uri)| async move {
                    if let Some(Err(failure)) = caller.item(wanted, index, uri).await {
                        tracing::error!("batch {}: {}", index + 1, failure.message);
                    }
                });
            futures_util::future::join(first, others).await;
        });
        let done = Done {
            state: State::Success,
            failure: None,
            outputs: Map::from_iter([("numberOfBatches".to_owned(), json!(count))]),
        };
        Ok((done, Some(background)))
    }

    /// Hands outputs out under the name that the original gives a part of the task.
    fn publish(&self, part: &str, outputs: Value) {
        let name = format!("{}_{part}", self.task.id.value);
        let live = self.context.scope.live();
        live.insert("outputs", &[name.into()], ExprValue::from_json(&outputs));
    }
}

/// What the batches came to so far.
struct Sum {
    state: State,
    failure: Option<Failure>,
    states: Map<String, Value>,
    /// What each handed out, a document a line; much of it lies in a file.
    outputs: SpooledTempFile,
    /// Why that could not be kept.
    broken: Option<std::io::Error>,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            state: State::Success,
            failure: None,
            states: Map::new(),
            outputs: SpooledTempFile::new(HELD),
            broken: None,
        }
    }
}

impl Sum {
    /// What the batches handed out, from the beginning.
    fn outputs(&mut self) -> Result<&mut SpooledTempFile, Failure> {
        if let Some(error) = self.broken.take() {
            return Err(failed(error.to_string()));
        }
        self.outputs
            .rewind()
            .map_err(|error| failed(error.to_string()))?;
        Ok(&mut self.outputs)
    }

    fn add(&mut self, ended: Option<Result<ExecutionRecord, Failure>>, transmit: bool) {
        let (name, state, failure) = match ended {
            None => ("KILLED", State::Killed, Some(end::cancelled())),
            Some(Err(failure)) => ("FAILED", State::Failed, Some(failure)),
            Some(Ok(record)) => {
                let (state, failure) = transmitted(&record, transmit);
                let line = format!("{}\n", Value::Object(record.outputs));
                if let Err(error) = self.outputs.write_all(line.as_bytes()) {
                    self.broken.get_or_insert(error);
                }
                (record.state.as_str(), state, failure)
            }
        };
        let count = self.states.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.states.insert(name.to_owned(), json!(count + 1));
        let rank = |state: State| match state {
            State::Skipped | State::Success => 0,
            State::Warning => 1,
            State::Failed => 2,
            State::Killed => 3,
        };
        if rank(state) > rank(self.state) {
            self.state = state;
        }
        if self.failure.is_none() {
            self.failure = failure;
        }
    }
}
