//! The flow as a whole: its own keys, and the lists of tasks that hang from it.

use std::sync::Arc;

use super::task::Task;
use crate::input::InputDeclaration;
use crate::retry::Retry;
use crate::yaml::{Node, Span};

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A flow as its author wrote it; expressions are not rendered.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The flow's id.
    pub id: Spanned<Arc<str>>,
    /// The namespace, parts joined by dots.
    pub namespace: Spanned<Arc<str>>,
    /// The revision that a server once gave it.
    pub revision: Option<u64>,
    /// Markdown.
    pub description: Option<Arc<str>>,
    /// Labels in the order of the source, from either of the two spellings; values may hold expressions.
    pub labels: Vec<Label>,
    /// The declared inputs, in the order of the source.
    pub inputs: Vec<InputDeclaration>,
    /// The map of variables. Not rendered on access: an expression inside needs `render`.
    pub variables: Option<Node>,
    /// The tasks, in order; never empty.
    pub tasks: Vec<Task>,
    /// Tasks for when one of `tasks` failed.
    pub errors: Vec<Task>,
    /// Tasks that run last whatever happened, inside the execution.
    pub finally: Vec<Task>,
    /// Tasks that run when the execution has ended.
    pub after_execution: Vec<Task>,
    /// What the flow hands out.
    pub outputs: Vec<FlowOutput>,
    /// Values that fill absent keys of tasks. They are already merged into [`Task::node`].
    pub plugin_defaults: Vec<PluginDefault>,
    /// Whether the flow refuses to be started.
    pub disabled: bool,
    /// When tasks without a retry of their own, or the whole flow, are tried again after a failure.
    pub retry: Option<Retry>,
    /// How many of its executions may run at once.
    pub concurrency: Option<Concurrency>,
    /// What is promised of an execution.
    pub promises: Vec<Promise>,
}

/// How many executions of a flow may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// The most; at least 1.
    pub limit: u32,
    /// What happens to one that is one too many.
    pub behavior: Excess,
}

/// What happens to an execution that is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It waits.
    Queue,
    /// It is cancelled.
    Cancel,
    /// It fails.
    Fail,
}

/// One entry of `sla` that means something here.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// Its id.
    pub id: Arc<str>,
    /// What is promised.
    pub kind: PromiseKind,
    /// What happens when it is broken.
    pub behavior: Broken,
    /// Labels that the execution gets then.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// Where it is written what is promised.
    pub span: Span,
}

/// What is promised of an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum PromiseKind {
    /// It takes no longer.
    MaxDuration(std::time::Duration),
    /// This holds at its end.
    Assertion(Node),
}

/// What happens when a promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The execution fails.
    Fail,
    /// The execution is cancelled.
    Cancel,
    /// It is told.
    Tell,
}

impl Flow {
    /// Every task of the tree that is not left out, parents before their children.
    pub fn enabled_tasks(&self) -> impl Iterator<Item = &Task> {
        [
            &self.tasks,
            &self.errors,
            &self.finally,
            &self.after_execution,
        ]
        .into_iter()
        .flatten()
        .flat_map(Task::with_enabled_descendants)
    }

    /// Every task of the tree, parents before their children, in the order of the source.
    pub fn all_tasks(&self) -> impl Iterator<Item = &Task> {
        [
            &self.tasks,
            &self.errors,
            &self.finally,
            &self.after_execution,
        ]
        .into_iter()
        .flatten()
        .flat_map(Task::with_descendants)
    }
}

/// One label.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Its key.
    pub key: Arc<str>,
    /// Its value, a scalar that may hold expressions.
    pub value: Node,
}

/// One declared output of a flow.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowOutput {
    /// Its id.
    pub id: Spanned<Arc<str>>,
    /// The type that the value is read as; text where absent.
    pub kind: Option<Arc<str>>,
    /// The value, rendered when the execution ends.
    pub value: Node,
}

/// One entry of `pluginDefaults`.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginDefault {
    /// A task type, or the beginning of some.
    pub type_prefix: Spanned<Arc<str>>,
    /// The name under which it is asked for; where it has one, it is for those only that ask.
    pub reference: Option<Arc<str>>,
    /// Whether the values win over what a task says itself.
    pub forced: bool,
    /// The map of values.
    pub values: Node,
}
