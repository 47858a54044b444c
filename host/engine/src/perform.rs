//! Executions of a flow, from the line before the first to the end of the last: those that are one too many, and those that are made
//! anew after a failure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use taffrail_core::flow::{Concurrency, Excess};
use taffrail_core::input::{Given, InputError};
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State};
use taffrail_core::retry::Retry;
use tokio::time::Instant;

use crate::aside::{begins_by_asking, elsewhere, labels_ask};
use crate::cancel::{Cancel, CancelLevel};
use crate::event::{Event, Reporter, Shared};
use crate::execution::{Execution, Origin, Surroundings};
use crate::flow::{Ended, run_flow, set_labels, set_variables};
use crate::flows::{Loaded, Opened};
use crate::inputs::{kept_inputs, restore_inputs, set_inputs};
use crate::leaving::Leaving;
use crate::ledger::{Entry, Kept, NoLedger};
use crate::ports::BoxFuture;
use crate::references::References;
use crate::scope::{Scope, Services};
use crate::storage::Folder;

/// How often it is looked whether a place is free.
const LOOK: Duration = Duration::from_millis(50);

/// An execution that may begin: its inputs are known and its place is there.
pub struct Ready {
    execution: Execution,
    loaded: Arc<Loaded>,
    scope: Scope,
    opened: Opened,
    /// Its inputs as they are kept.
    inputs: Map<String, Value>,
}

/// Why an execution cannot begin.
#[derive(Debug)]
pub enum NotReady {
    /// What was given does not fit what the flow declares.
    Inputs(Vec<InputError>),
    /// There is no place for it.
    Place(String),
    /// It was cancelled before.
    Cancelled,
}

/// What came of a flow: its last execution, and what its expressions saw at the end.
pub struct Performed {
    /// What is kept of it.
    pub record: ExecutionRecord,
    /// Its variables and outputs.
    pub scope: Scope,
}

/// A fresh id of an execution.
pub fn fresh_id() -> String {
    ulid::Ulid::generate().to_string().to_lowercase()
}

impl Execution {
    /// An execution of a flow in the same surroundings.
    pub(crate) fn of(&self, loaded: &Loaded, cancel: Cancel, origin: Origin) -> Self {
        let id = fresh_id();
        let flow = &loaded.flow;
        let surroundings = Surroundings {
            folder: Folder::execution(&flow.namespace.value, &flow.id.value, &id),
            id,
            source: loaded.source.clone(),
            // Nobody began it before, and nobody keeps it yet.
            ledger: Arc::new(NoLedger),
            kept: None,
            references: References::default(),
            leaving: Leaving::default(),
            origin,
            ..Surroundings::clone(self)
        };
        Self::new(surroundings, cancel)
    }
}

impl Execution {
    /// Goes on with an execution of a flow that an earlier host began.
    pub fn go_on(&mut self, loaded: &Loaded, id: String, kept: Arc<Kept>) {
        let flow = &loaded.flow;
        let own = self.surroundings_mut();
        own.folder = Folder::execution(&flow.namespace.value, &flow.id.value, &id);
        own.id = id;
        own.origin = kept.origin.clone();
        own.kept = Some(kept);
    }
}

impl Ready {
    /// Takes the inputs of an execution and makes its place. The execution's directory need not be right before.
    ///
    /// # Errors
    /// See [`NotReady`]; nothing is left then but files of inputs.
    pub fn new(
        execution: Execution,
        loaded: Arc<Loaded>,
        services: Arc<Services>,
        given: &[(String, Given)],
    ) -> Result<Self, NotReady> {
        Asked::new(execution, loaded, services, given)?.open()
    }

    /// The same for a flow that another one calls for: where web servers are asked for its inputs, nobody else waits.
    pub(crate) async fn called(
        execution: Execution,
        loaded: Arc<Loaded>,
        services: Arc<Services>,
        given: Vec<(String, Given)>,
    ) -> Result<Self, NotReady> {
        if !begins_by_asking(&loaded.flow) {
            return Self::new(execution, loaded, services, &given);
        }
        let cancel = execution.cancel.clone();
        tokio::select! {
            biased;
            _ = cancel.beyond(CancelLevel::None) => Err(NotReady::Cancelled),
            asked = elsewhere(move || Asked::new(execution, loaded, services, &given)) => {
                asked?.open()
            }
        }
    }

    /// The execution.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// Sets one more variable for its expressions.
    pub fn set(&mut self, name: &str, value: taffrail_expr::Value) {
        self.scope.set(name, value);
    }
}

/// An execution whose inputs are known, and that has no place yet.
struct Asked {
    execution: Execution,
    loaded: Arc<Loaded>,
    scope: Scope,
    /// Its inputs as they are kept.
    inputs: Map<String, Value>,
}

impl Asked {
    fn new(
        mut execution: Execution,
        loaded: Arc<Loaded>,
        services: Arc<Services>,
        given: &[(String, Given)],
    ) -> Result<Self, NotReady> {
        let mut scope = Scope::new(services);
        set_variables(&mut scope, &loaded.flow);
        // No server is asked twice for a label: those that do are known when the execution begins.
        if labels_ask(&loaded.flow) {
            scope.set(
                "labels",
                taffrail_expr::Value::map(taffrail_expr::Map::new()),
            );
        } else if let Err(diagnostic) = set_labels(&mut scope, &loaded.flow, loaded.source.text()) {
            tracing::debug!("labels wait for inputs: {}", diagnostic.message);
        }
        let secrets = &scope.services().secrets;
        let references = match &execution.kept {
            Some(kept) => References::with(&kept.nonce, secrets),
            None => References::fresh(secrets),
        };
        execution.surroundings_mut().references = references;
        let inputs = match execution.kept.clone() {
            Some(kept) => {
                restore_inputs(&mut scope, &loaded.flow, &kept.inputs, given, &execution)?;
                kept.inputs.clone()
            }
            None => {
                set_inputs(&mut scope, &loaded.flow, given, Some(&execution))
                    .map_err(NotReady::Inputs)?;
                kept_inputs(&scope, &loaded.flow, &execution)
            }
        };
        Ok(Self {
            execution,
            loaded,
            scope,
            inputs,
        })
    }

    fn open(self) -> Result<Ready, NotReady> {
        let Self {
            mut execution,
            loaded,
            scope,
            inputs,
        } = self;
        let opened = execution
            .flows
            .open(&loaded.flow, &execution, &inputs)
            .map_err(NotReady::Place)?;
        let own = execution.surroundings_mut();
        own.directory.clone_from(&opened.directory);
        own.ledger = Arc::clone(&opened.ledger);
        Ok(Ready {
            execution,
            loaded,
            scope,
            opened,
            inputs,
        })
    }
}

/// Runs an execution, and those that its flow wants after a failure. `shown` is told of all; each has its own log and record.
pub async fn perform(ready: Ready, shown: Shared<'_>) -> Performed {
    let Ready {
        mut execution,
        loaded,
        scope,
        mut opened,
        inputs,
    } = ready;
    let began = Instant::now();
    loop {
        let ended = one(&execution, &loaded, scope.clone(), &mut opened, shown).await;
        let wait = ended
            .again
            .as_ref()
            .and_then(|retry| retry.next(execution.origin.attempt, began.elapsed(), random()));
        let performed = Performed {
            record: ended.record,
            scope: ended.scope,
        };
        let Some(after) = wait else { return performed };
        shown.tell(&Event::Anew {
            record: &performed.record,
            after,
        });
        tokio::select! {
            biased;
            _ = execution.cancel.beyond(CancelLevel::None) => return performed,
            () = tokio::time::sleep(after) => {}
        }
        let origin = Origin {
            first: Some(first_of(&execution)),
            attempt: execution.origin.attempt + 1,
            ..execution.origin.clone()
        };
        let mut next = execution.of(&loaded, execution.cancel.clone(), origin);
        next.surroundings_mut().references = execution.references.clone();
        match next.flows.open(&loaded.flow, &next, &inputs) {
            Ok(fresh) => opened = fresh,
            Err(message) => {
                tracing::error!("there is no place for another execution: {message}");
                return performed;
            }
        }
        let own = next.surroundings_mut();
        own.directory.clone_from(&opened.directory);
        own.ledger = Arc::clone(&opened.ledger);
        execution = next;
    }
}

fn first_of(execution: &Execution) -> String {
    let first = execution.origin.first.as_ref();
    first.unwrap_or(&execution.id).clone()
}

/// Anything from 0 to 1.
pub(crate) fn random() -> f64 {
    (ulid::Ulid::generate().random() & 0xffff_ffff) as f64 / f64::from(u32::MAX)
}

/// One execution, in the place of its flow where these are limited.
async fn one(
    execution: &Execution,
    loaded: &Loaded,
    scope: Scope,
    opened: &mut Opened,
    shown: Shared<'_>,
) -> Ended {
    let mut reporter = Both {
        journal: opened.journal.as_mut(),
        shown,
    };
    let mut place = None;
    if let Some(limit) = loaded.flow.concurrency {
        match enter(execution, loaded, limit, shown).await {
            Ok(taken) => place = Some(taken),
            Err((state, failure)) => {
                let record = turned_away(execution, loaded, state, failure, &mut reporter);
                return Ended {
                    record,
                    scope,
                    again: None,
                };
            }
        }
    }
    let ended = run_flow(execution, &loaded.flow, scope, &mut reporter).await;
    drop(place);
    ended
}

/// Takes one of the places of a flow, or says how an execution ends that gets none.
async fn enter(
    execution: &Execution,
    loaded: &Loaded,
    limit: Concurrency,
    shown: Shared<'_>,
) -> Result<Box<dyn Send>, (State, Failure)> {
    let host = |message| {
        let kind = FailureKind::Host;
        (State::Failed, Failure { kind, message })
    };
    let flow = &loaded.flow;
    let mut line = execution
        .flows
        .line_up(flow, limit, &execution.id)
        .map_err(host)?;
    let mut told = false;
    loop {
        if let Some(place) = line.try_enter().map_err(host)? {
            return Ok(place);
        }
        let message = format!(
            "{} executions of `{}` run already, as many as its `concurrency` allows",
            limit.limit, flow.id.value
        );
        match limit.behavior {
            Excess::Fail => {
                let kind = FailureKind::Exit;
                return Err((State::Failed, Failure { kind, message }));
            }
            Excess::Cancel => {
                let kind = FailureKind::Cancelled;
                return Err((State::Killed, Failure { kind, message }));
            }
            Excess::Queue if !told => {
                told = true;
                shown.tell(&Event::Queued {
                    execution: &execution.id,
                    flow: &flow.id.value,
                    limit: limit.limit,
                });
            }
            Excess::Queue => {}
        }
        tokio::select! {
            biased;
            _ = execution.cancel.beyond(CancelLevel::None) => {
                let failure = Failure { kind: FailureKind::Cancelled, message: "cancelled while it waited".to_owned() };
                return Err((State::Killed, failure));
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The record of an execution of which nothing ran.
fn turned_away(
    execution: &Execution,
    loaded: &Loaded,
    state: State,
    failure: Failure,
    reporter: &mut dyn Reporter,
) -> ExecutionRecord {
    let flow = &loaded.flow;
    reporter.event(&Event::ExecutionStarted {
        execution: &execution.id,
        namespace: &flow.namespace.value,
        flow: &flow.id.value,
        tasks: flow.tasks.len(),
    });
    let record = ExecutionRecord {
        state,
        failure: Some(failure),
        ..execution.record(flow, jiff::Timestamp::now())
    };
    let kept = Box::new(record.clone());
    execution.ledger.enter(Entry::ExecutionEnded(kept));
    reporter.event(&Event::ExecutionEnded { record: &record });
    record
}

impl Execution {
    /// The record of an execution that has just begun, as if all were well.
    pub(crate) fn record(
        &self,
        flow: &taffrail_core::flow::Flow,
        started: jiff::Timestamp,
    ) -> ExecutionRecord {
        ExecutionRecord {
            v: 1,
            id: self.id.clone(),
            namespace: flow.namespace.value.to_string(),
            flow: flow.id.value.to_string(),
            state: State::Success,
            started: started.to_string(),
            duration_ms: 0,
            outputs: Map::new(),
            tasks: Vec::new(),
            directory: self.directory.to_str().map(str::to_owned),
            failure: None,
            attempt: self.origin.attempt,
            original_id: self.origin.first.clone(),
        }
    }
}

/// The execution's own journal, and whoever looks on.
struct Both<'a> {
    journal: &'a mut dyn Reporter,
    shown: Shared<'a>,
}

impl Reporter for Both<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.journal.event(event);
        self.shown.tell(event);
    }

    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        self.shown.room()
    }
}

/// The retry that makes a new execution after a failure, where the flow has one.
pub(crate) fn of_flow(flow: &taffrail_core::flow::Flow) -> Option<&Retry> {
    flow.retry.as_ref().filter(|retry| retry.new_execution)
}
