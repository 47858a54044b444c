//! One task run in the tree, or a list of tasks in it that has no run of its own.

use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::flow::Task;
use taffrail_core::record::{Attempt, Failure, State};
use tokio::time::Instant;

use super::kinds::Flowable;
use super::place::Place;
use crate::cancel::Cancel;
use crate::ledger::KeptRun;
use crate::workdir::Workdir;

/// What a node stands for.
#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    /// The flow: its tasks, those for a failure, those for the end.
    Root([&'a [Task]; 3]),
    /// A task run.
    Task(&'a Task),
    /// The tasks of one round of a loop.
    List,
}

/// Which of its lists a flowable works on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Main,
    Errors,
    Finally,
}

/// What the children of a node came to so far.
#[derive(Default)]
pub(super) struct Sum {
    pub worst: Option<State>,
    /// The task that failed first, and why.
    pub failed: Option<(Arc<str>, String)>,
}

impl Sum {
    pub(super) fn add(&mut self, state: State, failed: Option<(Arc<str>, String)>) {
        let rank = |state: State| match state {
            State::Skipped | State::Success => 0,
            State::Warning => 1,
            State::Failed => 2,
            State::Killed => 3,
        };
        let worse = self.worst.is_none_or(|worst| rank(state) > rank(worst));
        if worse {
            self.worst = Some(state);
        }
        if self.failed.is_none() && !state.goes_on() {
            self.failed = failed;
        }
    }

    pub(super) fn state(&self) -> State {
        match self.worst {
            None | Some(State::Skipped) => State::Success,
            Some(state) => state,
        }
    }
}

pub(super) struct Node<'a> {
    pub what: What<'a>,
    pub parent: Option<usize>,
    /// How the parent knows it.
    pub key: usize,
    pub place: Place,
    /// The task run's id; of a list, that of the task run it is a part of.
    pub run: Arc<str>,
    /// Where it stands in the tree; the same in every host that goes on with the execution.
    pub path: Arc<str>,
    /// What an earlier host kept of it, until it is launched.
    pub kept: Option<Arc<KeptRun>>,
    /// The state that it wants the whole execution to end in.
    pub exit: Option<State>,
    pub started: jiff::Timestamp,
    pub clock: Instant,
    /// Of the attempt that runs, from 1, with its own start.
    pub attempt: u32,
    pub attempt_started: jiff::Timestamp,
    pub attempt_clock: Instant,
    pub attempts: Vec<Attempt>,
    /// What decides on the children, for a flowable that runs.
    pub inner: Option<Box<dyn Flowable<'a> + 'a>>,
    pub phase: Phase,
    /// How many children run.
    pub active: usize,
    pub sum: Sum,
    /// What came out of the main phase, as the flowable itself sees it.
    pub state: State,
    pub failure: Option<Failure>,
    pub outputs: Map<String, Value>,
    pub warnings: Vec<String>,
    /// The cancellation of a leaf that runs.
    pub cancel: Option<Cancel>,
    /// The working directory that the tasks in it share.
    pub shared: Option<Arc<Workdir>>,
    /// Whether nothing of it may start any more.
    pub stopped: bool,
    /// Whether it failed, or something inside did, for what is written in the flow: another attempt would end like it.
    pub hopeless: bool,
    /// Whether a timer or an answer will wake it.
    pub sleeps: bool,
    /// Whether it stands among those that may have something to start.
    pub open: bool,
    /// Changes with each use of the place in the arena, and with each attempt, so that late timers miss.
    pub generation: u64,
}

impl<'a> Node<'a> {
    pub(super) fn new(
        what: What<'a>,
        parent: Option<usize>,
        key: usize,
        place: Place,
        (run, path): (Arc<str>, Arc<str>),
        shared: Option<Arc<Workdir>>,
        generation: u64,
    ) -> Self {
        let (started, clock) = (jiff::Timestamp::now(), Instant::now());
        Self {
            what,
            parent,
            key,
            place,
            run,
            path,
            kept: None,
            exit: None,
            started,
            clock,
            attempt: 1,
            attempt_started: started,
            attempt_clock: clock,
            attempts: Vec::new(),
            inner: None,
            phase: Phase::Main,
            active: 0,
            sum: Sum::default(),
            state: State::Success,
            failure: None,
            outputs: Map::new(),
            warnings: Vec::new(),
            cancel: None,
            shared,
            stopped: false,
            hopeless: false,
            sleeps: false,
            open: false,
            generation,
        }
    }

    /// The beginning of the paths of what is inside it. Each attempt has its own, as it begins anew.
    pub(super) fn inside(&self) -> String {
        match self.attempt {
            1 => format!("{}/", self.path),
            attempt => format!("{}#{attempt}/", self.path),
        }
    }

    /// Goes on where an earlier host stopped.
    pub(super) fn go_on(&mut self, kept: &Arc<KeptRun>) {
        self.attempt = kept.attempt;
        self.attempts.clone_from(&kept.attempts);
        if let Ok(started) = kept.started.parse() {
            self.started = started;
        }
        self.kept = Some(Arc::clone(kept));
    }

    pub(super) fn task(&self) -> Option<&'a Task> {
        match self.what {
            What::Task(task) => Some(task),
            What::Root(_) | What::List => None,
        }
    }

    /// The tasks of a phase after the main one.
    pub(super) fn branch(&self, phase: Phase) -> &'a [Task] {
        match (self.what, phase) {
            (What::Task(task), Phase::Errors) => task.branch("errors"),
            (What::Task(task), Phase::Finally) => task.branch("finally"),
            (What::Root([_, errors, _]), Phase::Errors) => errors,
            (What::Root([_, _, finally]), Phase::Finally) => finally,
            _ => &[],
        }
    }
}
