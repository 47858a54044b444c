//! One task as it was written: its identity, the keys that every task has, and what kind of thing its type is.

use std::sync::Arc;

use super::types::Spanned;
use crate::descriptor::{Descriptor, TaskTypeDescriptor};
use crate::output::LogLevel;
use crate::version::VersionPin;
use crate::yaml::Node;

/// A task as its author wrote it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The id, unique in the flow.
    pub id: Spanned<Arc<str>>,
    /// What stands after `type:`, which may be an older name of the type.
    pub type_name: Spanned<Arc<str>>,
    /// The plugin version that the author asked for.
    pub version: Option<Spanned<VersionPin>>,
    /// The keys that every task has.
    pub common: CommonKeys,
    /// What the type is.
    pub kind: TaskKind,
    /// The whole task, common keys included, plugin defaults merged in; every node has the place where it was written.
    pub node: Node,
}

/// The keys that every task has. Nodes are unrendered.
#[derive(Debug, Clone, Default)]
pub struct CommonKeys {
    /// Markdown.
    pub description: Option<Arc<str>>,
    /// Whether the task is left out as if it were not there.
    pub disabled: bool,
    /// Rendered before the task starts; a falsy answer skips it.
    pub run_if: Option<Node>,
    /// Whether a failure ends as a warning and the flow goes on.
    pub allow_failure: bool,
    /// Whether a warning ends as a success.
    pub allow_warning: bool,
    /// ISO 8601 duration, rendered before the task starts.
    pub timeout: Option<Node>,
    /// The lowest level of log lines that is kept; trace where absent.
    pub log_level: Option<LogLevel>,
}

/// What a task's type is, and who runs it.
#[derive(Debug, Clone)]
pub enum TaskKind {
    /// A plugin plans it and a task runner runs it.
    Script(ScriptType),
    /// It holds other tasks and decides which of them run.
    Flowable {
        /// Which one.
        kind: FlowableKind,
        /// Its lists of tasks, in the order of the source.
        branches: Vec<Branch>,
    },
    /// The host runs it without any plugin.
    Core(CoreKind),
}

/// The plugin and the type of a script task, its version pin resolved.
#[derive(Debug, Clone)]
pub struct ScriptType {
    /// The plugin, in the version that the pin chose.
    pub plugin: Arc<Descriptor>,
    pub(crate) index: usize,
}

impl ScriptType {
    /// The type's own description.
    pub fn task_type(&self) -> &TaskTypeDescriptor {
        &self.plugin.task_types[self.index]
    }
}

/// A named list of child tasks: `tasks`, `errors`, `then`, or one case of a switch.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The key, for a case with its name: `cases.shell`.
    pub name: Arc<str>,
    /// The children, in order.
    pub tasks: Vec<Task>,
}

/// The tasks that hold other tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the type of the same name")]
pub enum FlowableKind {
    AllowFailure,
    Dag,
    EachParallel,
    EachSequential,
    ForEach,
    ForEachItem,
    If,
    LoopUntil,
    Parallel,
    Pause,
    Sequential,
    Subflow,
    Switch,
    Template,
    WorkingDirectory,
}

/// The tasks that the host itself knows. None of them runs in this version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CoreKind {
    /// The type's current name, for example `io.kestra.plugin.core.log.Log`.
    pub name: Arc<str>,
}

impl Task {
    /// This task and all below it, parents first.
    pub fn with_descendants(&self) -> Box<dyn Iterator<Item = &Task> + '_> {
        let below = match &self.kind {
            TaskKind::Flowable { branches, .. } => branches.as_slice(),
            TaskKind::Script(_) | TaskKind::Core(_) => &[],
        };
        Box::new(
            std::iter::once(self).chain(
                below
                    .iter()
                    .flat_map(|branch| &branch.tasks)
                    .flat_map(Task::with_descendants),
            ),
        )
    }

    /// The plugin and type, where it is a script task.
    pub fn script_type(&self) -> Option<&ScriptType> {
        match &self.kind {
            TaskKind::Script(script_type) => Some(script_type),
            TaskKind::Flowable { .. } | TaskKind::Core(_) => None,
        }
    }
}
