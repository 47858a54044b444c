//! Reads the tasks inside of a task: which keys hold some, and what comes before what.

use std::sync::Arc;

use super::super::dag;
use super::super::expressions::{Position, Step};
use super::super::loops::Loop;
use super::super::task::{Branch, Task};
use super::TaskReader;
use crate::diagnostic::Diagnostic;
use crate::native::FlowableKind;
use crate::yaml::{Node, push_index, push_key};

impl<'tree> TaskReader<'tree> {
    pub(super) fn children(
        &mut self,
        node: &'tree Node,
        path: &str,
        position: &Position,
        (kind, around): (FlowableKind, Loop),
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Branch> {
        let outside = Arc::clone(&self.loops);
        let inside: Arc<[Arc<Loop>]> = outside.iter().cloned().chain([Arc::new(around)]).collect();
        let mut branches = Vec::new();
        self.lists += 1;
        let own = self.lists;
        for entry in node.entries() {
            let mut entry_path = path.to_owned();
            push_key(&mut entry_path, &entry.key);
            // What runs after a failure, and at the end, comes after the others; the others exclude each other or stand alone.
            let number = match &*entry.key {
                "errors" => 1,
                "finally" => 2,
                _ => 0,
            };
            let above = position.below(Step {
                list: own,
                index: number,
                in_order: !kind.has_items() && kind != FlowableKind::LoopUntil,
                in_rounds: false,
            });
            if kind.holds_tasks(&entry.key) {
                let looping = kind.has_items() && &*entry.key == "tasks";
                if looping {
                    self.loops = Arc::clone(&inside);
                }
                let branch =
                    self.branch(&entry.value, &entry_path, &above, kind, &entry.key, found);
                self.loops = Arc::clone(&outside);
                branches.push(branch);
            } else if kind == FlowableKind::Switch && &*entry.key == "cases" {
                for case in entry.value.entries() {
                    let mut case_path = entry_path.clone();
                    push_key(&mut case_path, &case.key);
                    let name = format!("cases.{}", case.key);
                    branches.push(self.branch(&case.value, &case_path, &above, kind, &name, found));
                }
            } else if kind == FlowableKind::Pause
                && &*entry.key == "onPause"
                && !entry.value.is_null()
            {
                self.lists += 1;
                let position = above.below(Step::new(self.lists, 0, true));
                branches.push(Branch {
                    name: Arc::clone(&entry.key),
                    tasks: self
                        .task(&entry.value, &entry_path, &position, found)
                        .into_iter()
                        .collect(),
                    needs: Vec::new(),
                });
            } else if kind == FlowableKind::Pause && &*entry.key == "onResume" {
                crate::input::read_inputs(&entry.value, self.checker, found);
            }
        }
        branches
    }

    fn branch(
        &mut self,
        list: &'tree Node,
        path: &str,
        above: &Position,
        kind: FlowableKind,
        name: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Branch {
        self.lists += 1;
        let id = self.lists;
        let repeats = kind.has_items() || kind == FlowableKind::LoopUntil;
        let step = |index| {
            Step::new(id, index, kind.keeps_order(name)).in_rounds(repeats && name == "tasks")
        };
        let tasks: Vec<Task> = list
            .items()
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let mut path = path.to_owned();
                push_index(&mut path, index);
                let position = above.below(step(index));
                match item.get("task") {
                    Some(wrapped) if kind.wraps_tasks() && name == "tasks" => {
                        push_key(&mut path, "task");
                        self.task(wrapped, &path, &position, found)
                    }
                    // That the task is missing, the keys of the type have said.
                    None if kind.wraps_tasks() && name == "tasks" => None,
                    _ => self.task(item, &path, &position, found),
                }
            })
            .collect();
        let needs = if kind.wraps_tasks() && name == "tasks" {
            dag::needs(list, path, &tasks, found)
        } else {
            Vec::new()
        };
        Branch {
            name: name.into(),
            tasks,
            needs,
        }
    }
}
