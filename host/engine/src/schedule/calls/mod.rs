//! Task runs that are executions of other flows: one of them, or one for each batch of a file's lines.

mod batches;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use taffrail_core::flow::{FlowableKind, Task};
use taffrail_core::input::{Given, InputType};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::name::RelPath;
use taffrail_core::native::{LabelsValue, SubflowKeys};
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State, TaskRecord};
use taffrail_core::yaml::Node;
use taffrail_expr::{Environment, Value as ExprValue};

use super::{Background, Context, ask_for_keys, end};
use crate::aside::ask_for;
use crate::cancel::CancelLevel;
use crate::event::{Event, Reporter, Shared};
use crate::execution::{Call, Execution, Origin};
use crate::flows::Loaded;
use crate::natives::{invalid, over, read};
use crate::perform::{NotReady, Performed, Ready, perform};
use crate::ports::BoxFuture;
use crate::scope::{Scope, Services, chain};
use crate::task::TaskEnd;

/// Which flow is called, and how.
struct Wanted {
    namespace: String,
    flow: String,
    labels: Map<String, Value>,
    wait: bool,
    transmit: bool,
}

/// Runs the flow, or the flows, that a task calls for.
pub(super) async fn run<'a>(
    context: Context<'a>,
    execution: Execution,
    task: &'a Task,
    kind: FlowableKind,
    scope: Scope,
    identity: TaskIdentity,
) -> (TaskEnd, Option<Background<'a>>) {
    let started = jiff::Timestamp::now().to_string();
    let record = TaskRecord::new(identity.clone(), &task.type_name.value, started);
    let prepared = ask_for_keys(&execution, task, &scope).await;
    let (timeout, keys) = match prepared {
        Ok(prepared) => prepared,
        Err(diagnostics) => return (invalid(record, diagnostics), None),
    };
    let caller = Caller {
        context,
        execution,
        task,
        scope,
        identity,
    };
    let cancel = caller.execution.cancel.clone();
    let mut late = None;
    let mut work = std::pin::pin!(async {
        match kind {
            FlowableKind::Subflow => caller.subflow(keys).await,
            _ => caller.items(keys).await,
        }
    });
    // Whoever is late is cancelled, and then awaited like everybody else.
    let done = loop {
        tokio::select! {
            biased;
            limit = over(timeout), if late.is_none() => {
                late = Some(limit);
                cancel.raise(CancelLevel::Ask);
            }
            done = &mut work => break done,
        }
    };
    let (done, background) = done;
    (ended(record, done, late), background)
}

fn ended(mut record: TaskRecord, done: Done, late: Option<Duration>) -> TaskEnd {
    record.outputs = done.outputs;
    record.state = done.state;
    record.failure = match late {
        Some(limit) => Some(Failure {
            kind: FailureKind::Timeout,
            message: format!("timed out after {limit:?}"),
        }),
        None => done.failure,
    };
    if let Some(failure) = &record.failure {
        record.state = taffrail_core::record::settle(Some(failure.kind), false, false);
    }
    TaskEnd::of(record)
}

/// What came of the executions.
struct Done {
    state: State,
    failure: Option<Failure>,
    outputs: Map<String, Value>,
}

impl From<Failure> for Done {
    fn from(failure: Failure) -> Self {
        Self {
            state: State::Failed,
            failure: Some(failure),
            outputs: Map::new(),
        }
    }
}

/// The task run that calls.
#[derive(Clone)]
struct Caller<'a> {
    context: Context<'a>,
    execution: Execution,
    task: &'a Task,
    scope: Scope,
    identity: TaskIdentity,
}

impl<'a> Caller<'a> {
    async fn subflow(&self, keys: Value) -> (Done, Option<Background<'a>>) {
        let (wanted, inputs, outputs) = match self.subflow_keys(keys) {
            Ok(read) => read,
            Err(failure) => return (failure.into(), None),
        };
        let ready = match self.ready(&wanted, inputs, 0).await {
            Ok(ready) => ready,
            Err(failure) => return (failure.into(), None),
        };
        if !wanted.wait {
            let outputs = Map::from_iter([("executionId".to_owned(), json!(ready.execution().id))]);
            let done = Done {
                state: State::Success,
                failure: None,
                outputs,
            };
            let (shown, identity) = (self.context.reporter, self.identity.clone());
            let background: Background<'a> = Box::pin(async move {
                inside(ready, &identity, shown).await;
            });
            return (done, Some(background));
        }
        let Performed { record, scope } =
            inside(ready, &self.identity, self.context.reporter).await;
        let mut handed = record.outputs.clone();
        for (name, node) in outputs {
            match ask_for(&scope, &node).await {
                Ok(value) => {
                    handed.insert(name, value);
                }
                Err(_) if !record.state.goes_on() => {}
                Err(error) => {
                    let diagnostic = error.diagnostic(self.execution.source.text(), &node);
                    let failure = Failure {
                        kind: FailureKind::Invalid,
                        message: diagnostic.message.clone(),
                    };
                    self.context
                        .show(Some(&self.identity.task_run), vec![diagnostic]);
                    return (failure.into(), None);
                }
            }
        }
        let (state, failure) = transmitted(&record, wanted.transmit);
        let outputs = Map::from_iter([
            ("executionId".to_owned(), json!(record.id)),
            ("state".to_owned(), json!(record.state)),
            ("outputs".to_owned(), Value::Object(handed)),
        ]);
        let done = Done {
            state,
            failure,
            outputs,
        };
        (done, None)
    }

    #[expect(clippy::type_complexity, reason = "three parts of one reading")]
    fn subflow_keys(
        &self,
        keys: Value,
    ) -> Result<(Wanted, Map<String, Value>, Vec<(String, Node)>), Failure> {
        let keys: SubflowKeys = read(keys)?;
        let wanted = Wanted {
            labels: self.labels(keys.labels, keys.inherit_labels)?,
            namespace: keys.namespace,
            flow: keys.flow_id,
            wait: keys.wait.unwrap_or(true),
            transmit: keys.transmit_failed.unwrap_or(true),
        };
        let outputs = self.task.node.get("outputs").map(Node::entries);
        let outputs = outputs
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.to_string(), entry.value.clone()))
            .collect();
        Ok((wanted, keys.inputs.unwrap_or_default(), outputs))
    }

    fn labels(
        &self,
        own: Option<Value>,
        inherit: Option<bool>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut labels = Map::new();
        if inherit == Some(true)
            && let Some(Value::Object(above)) =
                self.scope.variable("labels").map(|labels| labels.to_json())
        {
            labels = above;
        }
        if let Some(own) = own.filter(|own| !own.is_null()) {
            let own: LabelsValue = read(own)?;
            labels.extend(own.into_pairs());
        }
        Ok(labels)
    }

    /// Finds the flow and makes an execution of it ready.
    async fn ready(
        &self,
        wanted: &Wanted,
        inputs: Map<String, Value>,
        place: u32,
    ) -> Result<Ready, Failure> {
        let invalid = |message: String| Failure {
            kind: FailureKind::Invalid,
            message,
        };
        let own = &self.context.flow;
        let own = (own.namespace.value.to_string(), own.id.value.to_string());
        let called = (wanted.namespace.clone(), wanted.flow.clone());
        let mut callers = self.execution.origin.callers.clone();
        callers.push(own);
        if callers.contains(&called) {
            let way: Vec<&str> = callers.iter().map(|(_, id)| id.as_str()).collect();
            return Err(invalid(format!(
                "the flow `{}` would call itself: {} → {}",
                called.1,
                way.join(" → "),
                called.1
            )));
        }
        let loaded = self
            .execution
            .flows
            .find(&wanted.namespace, &wanted.flow)
            .map_err(invalid)?;
        let call = Call {
            execution: self.identity.execution.clone(),
            run: self.identity.task_run.clone(),
            attempt: self.identity.attempt,
            place,
        };
        let host = |message: String| Failure {
            kind: FailureKind::Host,
            message,
        };
        // One that an earlier host began for this call is gone on with.
        let known = match &self.execution.earlier {
            Some(_) => self.execution.flows.called(&call).map_err(host)?,
            None => None,
        };
        let origin = Origin {
            callers,
            labels: wanted.labels.clone(),
            call: Some(call),
            ..Origin::default()
        };
        let mut execution = self
            .execution
            .of(&loaded, self.execution.cancel.clone(), origin);
        if let Some((id, kept)) = known {
            execution.go_on(&loaded, id, kept);
        }
        let services = self.scope.services();
        let given = inputs
            .into_iter()
            .map(|(name, value)| {
                let value = self.handed_over(&execution, &loaded, &name, value)?;
                Ok((name, Given::Json(value)))
            })
            .collect::<Result<Vec<_>, String>>()
            .map_err(invalid)?;
        let services = Arc::new(Services {
            namespace: wanted.namespace.clone(),
            namespace_files: loaded.namespace_files.clone(),
            ..Services::clone(services)
        });
        let mut ready = Ready::called(execution, loaded, services, given)
            .await
            .map_err(|error| match error {
                NotReady::Inputs(errors) => {
                    let messages: Vec<&str> =
                        errors.iter().map(|error| error.message.as_str()).collect();
                    invalid(format!("flow `{}`: {}", wanted.flow, messages.join("; ")))
                }
                NotReady::Place(message) => host(message),
                NotReady::Cancelled => end::cancelled(),
            })?;
        let trigger = json!({
            "executionId": self.execution.id,
            "namespace": self.context.flow.namespace.value,
            "flowId": self.context.flow.id.value,
            "flowRevision": self.context.flow.revision.unwrap_or(1),
        });
        ready.set("trigger", ExprValue::from_json(&trigger));
        Ok(ready)
    }

    /// The value of an input. A file of this flow's namespace is copied where the other one could not read it.
    fn handed_over(
        &self,
        execution: &Execution,
        loaded: &Loaded,
        name: &str,
        value: Value,
    ) -> Result<Value, String> {
        let is_file = loaded
            .flow
            .inputs
            .iter()
            .any(|input| *input.id.value == *name && matches!(input.kind, InputType::File));
        let services = self.scope.services();
        let foreign = services.namespace != *loaded.flow.namespace.value;
        let Some(address) = value.as_str().filter(|_| is_file && foreign) else {
            return Ok(value);
        };
        let mut file = services.open_address(address)?;
        let last = address.rsplit('/').next().unwrap_or("file");
        let path = RelPath::new(last).map_err(|error| error.to_string())?;
        execution
            .storage
            .put(&execution.folder.input(name), &path, &mut file)
            .map(Value::from)
            .map_err(|error| chain(&error))
    }
}

/// What an execution's end means for the task that called for it.
fn transmitted(record: &ExecutionRecord, transmit: bool) -> (State, Option<Failure>) {
    if !transmit {
        return (State::Success, None);
    }
    if record.state.goes_on() {
        return (record.state, None);
    }
    let cause = record.cause();
    let why = match cause {
        Some((Some(task), failure)) => {
            format!(": task `{}`: {}", task.identity.task, failure.message)
        }
        Some((None, failure)) => format!(": {}", failure.message),
        None => String::new(),
    };
    let failure = Failure {
        kind: cause.map_or(FailureKind::Host, |(_, failure)| failure.kind),
        message: format!(
            "the execution {} of `{}` ended as {}{why}",
            record.id,
            record.flow,
            record.state.as_str()
        ),
    };
    (record.state, Some(failure))
}

/// Runs an execution whose events are told as those of one inside this one.
async fn inside(ready: Ready, identity: &TaskIdentity, above: Shared<'_>) -> Performed {
    let execution = ready.execution().id.clone();
    let mut reporter = Inside {
        identity,
        execution,
        above,
    };
    let shared = Mutex::new(&mut reporter as &mut dyn Reporter);
    // Boxed, as an execution may hold executions without end as far as the compiler knows.
    let performed: std::pin::Pin<Box<dyn Future<Output = Performed> + '_>> =
        Box::pin(perform(ready, Shared::new(&shared)));
    performed.await
}

/// Tells what happens in an execution to those who look at the one around it.
struct Inside<'a> {
    identity: &'a TaskIdentity,
    execution: String,
    above: Shared<'a>,
}

impl Reporter for Inside<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::ExecutionStarted { execution, .. } = event {
            // One that is made anew has another id.
            (*execution).clone_into(&mut self.execution);
        }
        self.above.tell(&Event::Inside {
            identity: self.identity,
            execution: &self.execution,
            event,
        });
    }

    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        self.above.room()
    }
}
