//! Where in loops and other tasks a task run stands, and what its expressions see of that.

use std::sync::Arc;

use taffrail_core::flow::Task;
use taffrail_expr::{Map, Value};

use super::kinds::Item;
use crate::scope::Scope;

/// Where a task run stands.
#[derive(Debug, Clone)]
pub struct Place {
    /// The value of the innermost loop around it.
    item: Option<Item>,
    /// Whether the task stands right in that loop, and not in another task inside.
    own: bool,
    /// The values of all loops around it, the outermost first.
    path: Arc<[Arc<str>]>,
    /// The task runs around it that stand right in a loop, the innermost first.
    parents: Arc<[Value]>,
    /// The task run that it is a part of.
    parent_run: Option<Arc<str>>,
    /// What failed, for the tasks that run after a failure.
    error: Option<Value>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            item: None,
            own: false,
            path: Arc::new([]),
            parents: Arc::new([]),
            parent_run: None,
            error: None,
        }
    }
}

impl Place {
    /// The place of the children of a task run that stands here.
    pub(super) fn inside(&self, task: &Task, run: &str) -> Self {
        let parents = match (&self.item, self.own) {
            (Some(item), true) => {
                let taskrun = [
                    ("id", Value::text(run)),
                    ("value", Value::text(Arc::clone(&item.value))),
                    ("iteration", iteration(item)),
                ];
                let entry = map([
                    ("taskrun", map(taskrun)),
                    ("task", map([("id", Value::text(&*task.id.value))])),
                ]);
                [entry]
                    .into_iter()
                    .chain(self.parents.iter().cloned())
                    .collect()
            }
            _ => Arc::clone(&self.parents),
        };
        Self {
            own: false,
            parents,
            parent_run: Some(run.into()),
            ..self.clone()
        }
    }

    /// The place of the tasks that run for a value of a loop.
    pub(super) fn at(&self, item: Item) -> Self {
        Self {
            path: self
                .path
                .iter()
                .cloned()
                .chain([Arc::clone(&item.value)])
                .collect(),
            item: Some(item),
            own: true,
            ..self.clone()
        }
    }

    /// The same place after a failure.
    pub(super) fn after_failure(&self, task: &str, message: &str) -> Self {
        Self {
            error: Some(map([
                ("taskId", Value::text(task)),
                ("message", Value::text(message)),
                ("stackTrace", Value::text("")),
            ])),
            ..self.clone()
        }
    }

    /// The value of the innermost loop.
    pub(super) fn value(&self) -> Option<&str> {
        self.item.as_ref().map(|item| &*item.value)
    }

    pub(super) fn parent_run(&self) -> Option<&str> {
        self.parent_run.as_deref()
    }

    /// The way to the outputs of a task that stands here.
    pub(super) fn way(&self, task: &Task) -> Vec<Arc<str>> {
        std::iter::once(Arc::clone(&task.id.value))
            .chain(self.path.iter().cloned())
            .collect()
    }

    /// The values of the loops around it, the outermost first.
    pub(super) fn values(&self) -> &[Arc<str>] {
        &self.path
    }

    /// Adds what is known of the place to what is known of a task run.
    pub(crate) fn apply(&self, scope: &mut Scope, taskrun: &mut Map) {
        if let Some(item) = &self.item {
            taskrun.insert("value".into(), Value::text(Arc::clone(&item.value)));
            taskrun.insert("iteration".into(), iteration(item));
        }
        if let Some(parent) = &self.parent_run {
            taskrun.insert("parentId".into(), Value::text(Arc::clone(parent)));
        }
        if let Some(first) = self.parents.first() {
            scope.set("parent", first.clone());
            scope.set("parents", Value::list(self.parents.to_vec()));
        }
        if let Some(error) = &self.error {
            scope.set("error", error.clone());
        }
        scope.set_each(Arc::clone(&self.path));
    }
}

fn iteration(item: &Item) -> Value {
    Value::int(i64::try_from(item.iteration).unwrap_or(i64::MAX))
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::map(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}
