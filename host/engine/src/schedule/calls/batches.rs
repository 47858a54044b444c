//! ForEachItem: an execution of a flow for each batch of a file's lines.

use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use taffrail_core::native::ForEachItemKeys;
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State};
use taffrail_core::yaml::Node;
use taffrail_expr::{Environment, Value as ExprValue};

use super::super::{Background, end};
use super::{Caller, Done, Wanted, inside, transmitted};
use crate::cancel::CancelLevel;
use crate::natives::split::Cut;
use crate::natives::{Call, failed, read};
use crate::perform::Ready;
use crate::render::Renderer;

/// How many executions of one ForEachItem run at once. What works at once is limited by the slots of tasks as well.
const AT_ONCE: usize = 16;

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
        let text = call.text(&keys.items)?;
        let parts = cut.parts(&text, batch.separator.as_deref().unwrap_or("\n"));
        let uris = parts
            .iter()
            .enumerate()
            .map(|(index, part)| call.keep(&format!("batch-{:06}.txt", index + 1), part.as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        drop((text, parts));
        if !wanted.wait {
            return self.begin_items(&wanted, &uris);
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
        let merged: String = sum
            .outputs
            .iter()
            .map(|outputs| format!("{outputs}\n"))
            .collect();
        let merged = call.keep("outputs.jsonl", merged.as_bytes())?;
        self.publish("split", json!({ "splits": uris }));
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
        let ready = match self.ready_for(wanted, index, uri) {
            Ok(ready) => ready,
            Err(failure) => return Some(Err(failure)),
        };
        let performed = inside(ready, &self.identity, self.context.reporter).await;
        Some(Ok(performed.record))
    }

    fn ready_for(&self, wanted: &Wanted, index: usize, uri: &str) -> Result<Ready, Failure> {
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
            let value = Renderer::new(&scope).node(&entry.value).map_err(|error| {
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
        self.ready(wanted, inputs, place)
    }

    /// Begins all batches and waits for none.
    fn begin_items(
        &self,
        wanted: &Wanted,
        uris: &[String],
    ) -> Result<(Done, Option<Background<'a>>), Failure> {
        let ready = uris
            .iter()
            .enumerate()
            .map(|(index, uri)| self.ready_for(wanted, index, uri))
            .collect::<Result<Vec<_>, _>>()?;
        let (shown, identity) = (self.context.reporter, self.identity.clone());
        let count = ready.len();
        let background: Background<'a> = Box::pin(async move {
            futures_util::stream::iter(ready)
                .for_each_concurrent(AT_ONCE, |ready| {
                    let identity = &identity;
                    async move {
                        inside(ready, identity, shown).await;
                    }
                })
                .await;
        });
        self.publish("split", json!({ "splits": uris }));
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
    outputs: Vec<Value>,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            state: State::Success,
            failure: None,
            states: Map::new(),
            outputs: Vec::new(),
        }
    }
}

impl Sum {
    fn add(&mut self, ended: Option<Result<ExecutionRecord, Failure>>, transmit: bool) {
        let (name, state, failure) = match ended {
            None => ("KILLED", State::Killed, Some(end::cancelled())),
            Some(Err(failure)) => ("FAILED", State::Failed, Some(failure)),
            Some(Ok(record)) => {
                let (state, failure) = transmitted(&record, transmit);
                self.outputs.push(Value::Object(record.outputs));
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
