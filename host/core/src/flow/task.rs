//! One task as it was written: its identity, the keys that every task has, and what kind of thing its type is.

use std::sync::Arc;

use super::types::Spanned;
use crate::descriptor::{Descriptor, TaskTypeDescriptor};
use crate::native::{CoreKind, FlowableKind, NativeKind, NativeType};
use crate::output::LogLevel;
use crate::retry::Retry;
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
    /// Whether its log goes to a file of its own.
    pub log_to_file: bool,
    /// When it is tried again after a failure.
    pub retry: Option<Retry>,
    /// Whether its output files are known as `files`, too, as those of script tasks from before there were plugins.
    pub old_outputs: bool,
    /// Whether an earlier run of the same inputs stands for this one, and how long.
    pub cache: Option<TaskCache>,
}

/// How long an earlier run of a task counts.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskCache {
    /// For ever where absent.
    pub ttl: Option<std::time::Duration>,
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
    /// For each child the places of those that it needs; only a Dag's `tasks` have any.
    pub needs: Vec<Vec<usize>>,
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

    /// Whether a key holds tasks, or what is read as if it did, so that it is no value of the task's own.
    pub fn holds_tasks(&self, key: &str) -> bool {
        let TaskKind::Flowable { kind, .. } = &self.kind else {
            return false;
        };
        kind.holds_tasks(key)
            || (*kind == FlowableKind::Switch && key == "cases")
            || (*kind == FlowableKind::Pause && matches!(key, "onPause" | "onResume"))
    }

    /// Whether the host renders the value of a key when a native task starts. What all tasks have is read before or not at all, and
    /// some values are rendered later, once for each thing that they are about.
    pub fn is_rendered_at_start(&self, key: &str) -> bool {
        const OF_ALL_TASKS: [&str; 17] = [
            "id",
            "type",
            "version",
            "description",
            "disabled",
            "runIf",
            "timeout",
            "allowFailure",
            "allowWarning",
            "retry",
            "logLevel",
            "logToFile",
            "taskCache",
            "workerGroup",
            "pluginDefaultsRef",
            "assets",
            "tasks",
        ];
        let later = match &self.kind {
            TaskKind::Flowable { kind, .. } => {
                (*kind == FlowableKind::LoopUntil && key == "condition")
                    || (*kind == FlowableKind::ForEachItem && key == "inputs")
                    // What the called flow hands out, in the old form: its expressions are about that flow.
                    || (*kind == FlowableKind::Subflow && key == "outputs")
            }
            TaskKind::Core(CoreKind::FilterItems) => key == "filterCondition",
            TaskKind::Core(CoreKind::DeduplicateItems) => key == "expr",
            TaskKind::Core(_) | TaskKind::Script(_) => false,
        };
        !later && !self.holds_tasks(key) && !OF_ALL_TASKS.contains(&key)
    }

    /// This task and all below it that are not left out, parents first.
    pub fn with_enabled_descendants(&self) -> Box<dyn Iterator<Item = &Task> + '_> {
        if self.common.disabled {
            return Box::new(std::iter::empty());
        }
        let below = match &self.kind {
            TaskKind::Flowable { branches, .. } => branches.as_slice(),
            TaskKind::Script(_) | TaskKind::Core(_) => &[],
        };
        let below = below.iter().flat_map(|branch| &branch.tasks);
        Box::new(std::iter::once(self).chain(below.flat_map(Task::with_enabled_descendants)))
    }

    /// The native type, where the host itself runs it.
    pub fn native(&self) -> Option<&'static NativeType> {
        match &self.kind {
            TaskKind::Script(_) => None,
            TaskKind::Flowable { kind, .. } => Some(NativeKind::Flowable(*kind).native_type()),
            TaskKind::Core(kind) => Some(NativeKind::Core(*kind).native_type()),
        }
    }

    /// The children under a key, where it is a flowable that has it.
    pub fn branch(&self, name: &str) -> &[Task] {
        match &self.kind {
            TaskKind::Flowable { branches, .. } => branches
                .iter()
                .find(|branch| &*branch.name == name)
                .map_or(&[], |branch| branch.tasks.as_slice()),
            TaskKind::Script(_) | TaskKind::Core(_) => &[],
        }
    }

    /// The plugin and type, where it is a script task.
    pub fn script_type(&self) -> Option<&ScriptType> {
        match &self.kind {
            TaskKind::Script(script_type) => Some(script_type),
            TaskKind::Flowable { .. } | TaskKind::Core(_) => None,
        }
    }
}
