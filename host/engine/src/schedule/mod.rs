//! One scheduler over a tree of task runs. The flowables say what may start now; limits, cancel, timeouts, retries, outputs and
//! records are here, once.
//!
//! Nodes that may have something to start stand on a stack, the newest on top: a loop over thousands of values begins a new round
//! only when the rounds that run have nothing left to start, so that memory is bound by what runs and not by what there is.

mod calls;
mod end;
mod kinds;
mod leaf;
mod looks;
mod node;
mod place;
mod record;
mod restore;
mod shared_cache;
mod shared_dir;
mod start;
mod view;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value};
use taffrail_core::diagnostic::Diagnostic;
use taffrail_core::flow::{Flow, Task};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{Failure, FailureKind, State, TaskRecord};
use taffrail_core::retry::Retry;
use tokio::sync::OwnedSemaphorePermit;

use crate::cancel::{Cancel, CancelLevel};
use crate::event::Shared;
use crate::execution::Execution;
use crate::scope::Scope;
use crate::task::TaskEnd;
use kinds::{Next, Sequence};
pub(crate) use leaf::ask_for_keys;
use node::{Node, What};
pub use place::Place;

/// What all task runs of a flow see alike.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub execution: &'a Execution,
    pub flow: &'a Flow,
    /// The flow's variables.
    pub scope: &'a Scope,
    pub reporter: Shared<'a>,
}

/// The task runs of an execution so far.
#[derive(Default)]
pub(crate) struct Tally {
    /// How many were started.
    pub started: usize,
    /// Those that have ended, in this order.
    pub records: Vec<TaskRecord>,
}

/// How the tasks of a flow ended.
pub(crate) struct Outcome<'a> {
    pub state: State,
    /// Why, where no task run says it.
    pub failure: Option<Failure>,
    /// Whether a task failed for what is written in the flow.
    pub hopeless: bool,
    /// The retry of the task that failed, where it wants a new execution.
    pub again: Option<&'a Retry>,
}

enum Happening<'a> {
    /// A leaf has ended.
    Ended(Box<TaskEnd>, Option<Background<'a>>),
    /// Its flowable goes on, or somebody has answered it.
    Awake(Option<Option<Map<String, Value>>>),
    /// Its next attempt begins.
    Again,
    /// Its time is over.
    Late(Duration),
    /// What a web server was asked for is there.
    Looked(looks::Looked<'a>),
}

/// What goes on after the task run that began it has ended.
type Background<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

type Pending<'a> = Pin<Box<dyn Future<Output = (usize, u64, Happening<'a>)> + 'a>>;

/// The root of the tree.
const ROOT: usize = 0;

/// Runs lists of tasks, the flow's own, those for a failure and those for the end, to their end.
pub(crate) async fn run<'a>(
    context: Context<'a>,
    lists: [&'a [Task]; 3],
    longest: Option<(Duration, State)>,
    tally: &mut Tally,
) -> Outcome<'a> {
    let mut scheduler = Scheduler {
        context,
        tally,
        nodes: Vec::new(),
        free: Vec::new(),
        generation: 0,
        open: Vec::new(),
        waiting: Vec::new(),
        pending: FuturesUnordered::new(),
        slot: None,
        hungry: false,
        seen: CancelLevel::None,
        exit: None,
        again: None,
        background: FuturesUnordered::new(),
        detached: Vec::new(),
        over: None,
    };
    scheduler.insert(
        What::Root(lists),
        None,
        0,
        Place::default(),
        ("".into(), "".into()),
        None,
    );
    scheduler.node(ROOT).inner = Some(Box::new(Sequence::new(lists[0])));
    scheduler.open(ROOT);
    if let Some((longest, _)) = longest {
        scheduler.later(ROOT, longest, Happening::Late(longest));
    }
    scheduler.drive().await;
    let mut outcome = scheduler.over.take().unwrap_or(Outcome {
        state: State::Failed,
        failure: None,
        hopeless: false,
        again: None,
    });
    // A promise that was broken says itself what that means.
    if let (Some((_, state)), Some(failure)) = (longest, &outcome.failure)
        && failure.kind == FailureKind::Timeout
    {
        outcome.state = state;
    }
    outcome
}

struct Scheduler<'a, 't> {
    context: Context<'a>,
    tally: &'t mut Tally,
    nodes: Vec<Option<Node<'a>>>,
    free: Vec<usize>,
    generation: u64,
    /// Flowables that may have something to start; the last one is asked first.
    open: Vec<usize>,
    /// Leaves that wait for a slot; the last one starts first.
    waiting: Vec<usize>,
    pending: FuturesUnordered<Pending<'a>>,
    /// A slot that nobody uses yet.
    slot: Option<OwnedSemaphorePermit>,
    /// Whether a slot is wanted and none was free.
    hungry: bool,
    seen: CancelLevel,
    /// The state that a task wants the execution to end in.
    exit: Option<State>,
    /// The retry of a task that failed and wants a new execution.
    again: Option<&'a Retry>,
    /// Executions that tasks called for and do not wait for, and what cancels them.
    background: FuturesUnordered<Background<'a>>,
    detached: Vec<Cancel>,
    over: Option<Outcome<'a>>,
}

impl<'a> Scheduler<'a, '_> {
    async fn drive(&mut self) {
        let execution = self.context.execution;
        loop {
            self.start_what_may();
            if self.over.is_some() && self.background.is_empty() {
                return;
            }
            let slots = Arc::clone(&execution.slots);
            tokio::select! {
                biased;
                level = execution.cancel.beyond(self.seen) => {
                    self.seen = level;
                    if self.over.is_none() {
                        self.stop(ROOT, level);
                    }
                    for cancel in &self.detached {
                        cancel.raise(level);
                    }
                }
                Some(()) = self.background.next() => {}
                Some((id, generation, happening)) = self.pending.next() => self.take(id, generation, happening),
                Ok(slot) = slots.acquire_owned(), if self.hungry => self.slot = Some(slot),
                else => {
                    // Every node is open, runs or sleeps until the root is over; that one does not is our bug.
                    tracing::error!("the scheduler has nothing to wait for");
                    self.over = Some(Outcome {
                        state: State::Failed,
                        failure: Some(Failure {
                            kind: FailureKind::Host,
                            message: "the scheduler has nothing to wait for".to_owned(),
                        }),
                        hopeless: false,
                        again: None,
                    });
                    return;
                }
            }
        }
    }

    pub(super) fn node(&mut self, id: usize) -> &mut Node<'a> {
        self.nodes[id].as_mut().expect("the node lives")
    }

    pub(super) fn insert(
        &mut self,
        what: What<'a>,
        parent: Option<usize>,
        key: usize,
        place: Place,
        names: (Arc<str>, Arc<str>),
        shared: Option<Arc<crate::workdir::Workdir>>,
    ) -> usize {
        self.generation += 1;
        let node = Node::new(what, parent, key, place, names, shared, self.generation);
        match self.free.pop() {
            Some(id) => {
                self.nodes[id] = Some(node);
                id
            }
            None => {
                self.nodes.push(Some(node));
                self.nodes.len() - 1
            }
        }
    }

    pub(super) fn open(&mut self, id: usize) {
        let node = self.node(id);
        if !std::mem::replace(&mut node.open, true) {
            self.open.push(id);
        }
    }

    pub(super) fn later(&mut self, id: usize, after: Duration, what: Happening<'a>) {
        let generation = self.node(id).generation;
        self.pending.push(Box::pin(async move {
            tokio::time::sleep(after).await;
            (id, generation, what)
        }));
    }

    pub(super) fn take(&mut self, id: usize, generation: u64, happening: Happening<'a>) {
        let current = self.nodes.get_mut(id).and_then(Option::as_mut);
        let Some(node) = current.filter(|node| node.generation == generation) else {
            return;
        };
        match happening {
            Happening::Ended(end, background) => {
                if let Some(background) = background {
                    self.detached.extend(node.cancel.take());
                    self.background.push(background);
                }
                self.leaf_ended(id, *end);
            }
            Happening::Awake(answer) => {
                node.sleeps = false;
                if let (Some(answer), Some(inner)) = (answer, &mut node.inner) {
                    inner.answered(answer);
                }
                self.open(id);
            }
            Happening::Again => {
                node.sleeps = false;
                self.begin(id);
            }
            Happening::Looked(then) => {
                node.sleeps = false;
                then(self);
            }
            Happening::Late(limit) => {
                if !node.stopped {
                    node.failure = Some(Failure {
                        kind: FailureKind::Timeout,
                        message: format!("timed out after {limit:?}"),
                    });
                    self.stop(id, CancelLevel::Ask);
                }
            }
        }
    }

    /// Starts all that may start now.
    pub(super) fn start_what_may(&mut self) {
        self.hungry = false;
        loop {
            if let Some(&id) = self.waiting.last() {
                if !self.has_slot() {
                    self.hungry = true;
                    return;
                }
                self.waiting.pop();
                self.launch(id);
            } else if let Some(&id) = self.open.last() {
                self.ask(id);
            } else {
                // Somebody else may need it.
                self.slot = None;
                return;
            }
        }
    }

    pub(super) fn has_slot(&mut self) -> bool {
        if self.slot.is_none() {
            self.slot = Arc::clone(&self.context.execution.slots)
                .try_acquire_owned()
                .ok();
        }
        self.slot.is_some()
    }

    /// Asks the flowable on top of the stack what may happen.
    pub(super) fn ask(&mut self, id: usize) {
        let node = self.node(id);
        let may = !node.stopped && !node.sleeps;
        let next = match node.inner.take() {
            Some(mut inner) if may => {
                let next = inner.next(&view::NodeView::new(self, id));
                self.node(id).inner = Some(inner);
                next
            }
            inner => {
                node.inner = inner;
                Ok(Next::Wait)
            }
        };
        match next {
            Ok(Next::Task(key, task)) => self.start(id, key, task),
            Ok(Next::List(key, tasks, item)) => {
                // A round of no value is known by its number.
                if item.is_none()
                    && let Some(task) = self.node(id).task()
                {
                    self.show_outputs(id, task);
                }
                let node = self.node(id);
                let (run, shared) = (Arc::clone(&node.run), node.shared.clone());
                let path: Arc<str> = format!("{}{key}", node.inside()).into();
                let place = match (node.task(), &item) {
                    (Some(task), _) => node.place.inside(task, &run),
                    (None, _) => node.place.clone(),
                };
                let place = match item {
                    Some(item) => place.at(item),
                    None => place,
                };
                node.active += 1;
                let child = self.insert(What::List, Some(id), key, place, (run, path), shared);
                self.node(child).inner = Some(Box::new(Sequence::new(tasks)));
                self.open(child);
            }
            Ok(Next::Later(after)) => {
                self.node(id).sleeps = true;
                self.later(id, after, Happening::Awake(None));
            }
            Ok(Next::Ask) => {
                let (generation, task) = (self.node(id).generation, self.node(id).task());
                self.node(id).sleeps = true;
                let context = self.context;
                let scope = self.scope(id);
                self.pending.push(Box::pin(async move {
                    let answer = match task {
                        Some(task) => leaf::question(context, task, &scope).await,
                        None => None,
                    };
                    (id, generation, Happening::Awake(Some(answer)))
                }));
            }
            Ok(Next::Look) => {
                if let Some(task) = self.node(id).task() {
                    self.show_outputs(id, task);
                    self.look(id, task, leaf::condition, |scheduler, id, found| {
                        scheduler.looked(id, found);
                    });
                }
            }
            Ok(Next::Exit(state)) => self.exit(state),
            Ok(Next::Wait) => self.close(id),
            Err(failure) => {
                let node = self.node(id);
                node.failure.get_or_insert(failure);
                self.stop(id, CancelLevel::Ask);
            }
        }
    }

    /// Lets expressions see what a flowable would hand out now.
    pub(super) fn show_outputs(&mut self, id: usize, task: &Task) {
        let node = self.node(id);
        let outputs = node.inner.as_ref().map(|inner| inner.outputs());
        let way = node.place.way(task);
        if let Some(outputs) = outputs.filter(|outputs| !outputs.is_empty()) {
            let outputs = taffrail_expr::Value::from_json(&Value::Object(outputs));
            self.context.scope.live().insert("outputs", &way, outputs);
        }
    }

    /// The condition of a flowable is known.
    fn looked(&mut self, id: usize, found: Result<Value, Box<Diagnostic>>) {
        match found {
            Ok(value) => {
                if let Some(inner) = &mut self.node(id).inner {
                    inner.looked(&value);
                }
                self.open(id);
            }
            Err(diagnostic) => {
                let failure = self.told(id, vec![*diagnostic]);
                self.node(id).failure.get_or_insert(failure);
                self.stop(id, CancelLevel::Ask);
            }
        }
    }

    /// The flowable on top of the stack has nothing to start. Where nothing of it runs either, its phase is over.
    pub(super) fn close(&mut self, id: usize) {
        self.open.pop();
        let node = self.node(id);
        node.open = false;
        if node.active == 0 && !node.sleeps {
            self.phase_over(id);
        }
    }

    pub(super) fn identity(&self, id: usize, task: &Task) -> TaskIdentity {
        let flow = self.context.flow;
        let (run, attempt) = self.nodes[id]
            .as_ref()
            .map_or(("", 1), |node| (&*node.run, node.attempt));
        TaskIdentity {
            namespace: flow.namespace.value.to_string(),
            flow: flow.id.value.to_string(),
            execution: self.context.execution.id.clone(),
            task: task.id.value.to_string(),
            task_run: run.to_owned(),
            attempt,
        }
    }

    /// What the expressions of a task run see.
    pub(super) fn scope(&self, id: usize) -> Scope {
        let mut scope = self.context.scope.clone();
        if let Some(node) = &self.nodes[id]
            && let Some(task) = node.task()
        {
            crate::flow::set_task(
                &mut scope,
                task,
                &node.run,
                node.attempt,
                node.started,
                &node.place,
            );
        }
        scope
    }

    /// Shows diagnostics of a task run; gives the failure that they are.
    pub(super) fn told(&mut self, id: usize, diagnostics: Vec<Diagnostic>) -> Failure {
        let message = diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity == taffrail_core::diagnostic::Severity::Error)
            .or(diagnostics.first())
            .map_or_else(String::new, |diagnostic| diagnostic.message.clone());
        let run = Arc::clone(&self.node(id).run);
        self.context.show(Some(&run), diagnostics);
        kinds::invalid(message)
    }
}
