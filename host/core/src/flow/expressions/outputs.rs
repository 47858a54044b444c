//! Checks what is read of the outputs of a task: their names, and the values of loops that lie above them.

use std::cmp::Ordering;
use std::sync::Arc;

use taffrail_expr::{ReadPath, Segment};

use super::super::loops::Loop;
use super::{Context, Outputs};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::suggest::{did_you_mean, is_obvious};

/// More values than these are not listed.
const LISTED: usize = 8;

impl Context<'_> {
    /// An output that the task never has, or that lies elsewhere.
    pub(super) fn output(&self, read: &ReadPath, task: &str) -> Option<Diagnostic> {
        let outputs = self.names.outputs.get(task)?;
        let mut path = read.segments.get(2..)?;
        let mut loops = &outputs.loops[..];
        while let [first, ..] = loops {
            let taken = match path.first()? {
                Segment::Name(name) => {
                    if let Some(told) = self.value(read, task, outputs, (first, name), path.get(1))
                    {
                        return Some(told);
                    }
                    1
                }
                Segment::Dynamic => 1,
                Segment::Each => match self.each(read, task, outputs) {
                    Some(told) => return Some(told),
                    None => self.around().len(),
                },
            };
            loops = loops.get(taken..).unwrap_or_default();
            path = &path[1..];
        }
        match path.first()? {
            Segment::Name(name) => self.name(read, task, outputs, name),
            Segment::Each if outputs.loops.is_empty() => self.each(read, task, outputs),
            Segment::Each | Segment::Dynamic => None,
        }
    }

    /// The loops that the reader stands in.
    fn around(&self) -> &[Arc<Loop>] {
        self.reader.map_or(&[], |reader| reader.loops)
    }

    /// `currentEachOutput` where it goes down too far.
    fn each(&self, read: &ReadPath, task: &str, outputs: &Outputs) -> Option<Diagnostic> {
        let around = self.around().len();
        if around <= outputs.loops.len() {
            return self.later_in_round(read, task);
        }
        let message = match outputs.loops.len() {
            0 => format!("task `{task}` stands in no loop"),
            _ => format!("task `{task}` stands in fewer loops than this one"),
        };
        let told = Diagnostic::error(Code::UnknownOutput, self.place(read, task), message)
            .label("`currentEachOutput` goes down by the value of each loop around the reader");
        Some(told.help(format!("write `{}`", self.written(read, task, outputs, ""))))
    }

    /// What this round has not come to yet.
    fn later_in_round(&self, read: &ReadPath, task: &str) -> Option<Diagnostic> {
        let there = self.names.tasks.get(task)?;
        let order = self.reader?.position.order_in_round(there)?;
        (order == Ordering::Greater).then(|| {
            let told = self.unknown(read, task, format!("task `{task}` runs after this one"));
            told.label("for this value its outputs do not exist yet")
        })
    }

    /// A value that the loop does not have: as a rule one was forgotten.
    fn value(
        &self,
        read: &ReadPath,
        task: &str,
        outputs: &Outputs,
        (repeated, name): (&Loop, &str),
        next: Option<&Segment>,
    ) -> Option<Diagnostic> {
        let is_output = |name: &str| outputs.names.iter().any(|output| output == name);
        let forgotten = || {
            let told = Diagnostic::error(
                Code::UnknownOutput,
                self.place(read, name),
                format!(
                    "`{name}` of `{task}` lies below a value of {}",
                    repeated.name()
                ),
            );
            told.label("the task runs once for each value")
                .help(format!(
                    "write `{}`",
                    self.written(read, task, outputs, name)
                ))
        };
        let Some(values) = &repeated.values else {
            // A value may have the name of an output, which then follows.
            let follows = matches!(next, Some(Segment::Name(next)) if is_output(next));
            return (is_output(name) && !follows).then(|| Diagnostic {
                severity: Severity::Warning,
                ..forgotten()
            });
        };
        if has(repeated, name) {
            return None;
        }
        if is_output(name) {
            return Some(forgotten());
        }
        let names = || values.iter().map(|value| &**value);
        let told = Diagnostic::error(
            Code::UnknownOutput,
            self.place(read, name),
            format!("{} has no value `{name}`", repeated.name()),
        );
        let told = match values.len() {
            0 => told.label("it has none"),
            1..=LISTED => told.label(format!("its values are {}", listed(names()))),
            many => told.label(format!("it is none of its {many} values")),
        };
        Some(match did_you_mean(name, names()) {
            Some(near) => self.suggest(told, read, name, near),
            None => told,
        })
    }

    /// How an output is written where this expression stands.
    fn written(&self, read: &ReadPath, task: &str, outputs: &Outputs, name: &str) -> String {
        let plain = |text: &str| text.chars().all(|one| one.is_alphanumeric() || one == '_');
        let task = match plain(task) {
            true => format!("outputs.{task}"),
            false => format!("outputs['{task}']"),
        };
        let around = self.around();
        let shared = |depth: usize| {
            around
                .get(depth)
                .is_some_and(|own| std::ptr::eq(&**own, &*outputs.loops[depth]))
        };
        let keys: String = outputs
            .loops
            .iter()
            .enumerate()
            .map(|(depth, repeated)| match repeated.values.as_deref() {
                _ if shared(depth) && !matches!(read.segments.get(2 + depth), Some(Segment::Name(name)) if has(repeated, name)) => match around.len() - 1 - depth {
                    0 => "[taskrun.value]".to_owned(),
                    1 => "[parent.taskrun.value]".to_owned(),
                    up => format!("[parents[{}].taskrun.value]", up - 1),
                },
                Some([first, ..]) => match read.segments.get(2 + depth) {
                    Some(Segment::Name(name)) if has(repeated, name) => format!("['{name}']"),
                    _ => format!("['{first}']"),
                },
                _ => "['…']".to_owned(),
            })
            .collect();
        match name {
            "" => format!("{task}{keys}"),
            name => format!("{task}{keys}.{name}"),
        }
    }

    /// A name that no output of the task has.
    fn name(
        &self,
        read: &ReadPath,
        task: &str,
        outputs: &Outputs,
        name: &str,
    ) -> Option<Diagnostic> {
        let known = &outputs.names;
        if known.iter().any(|output| output == name) {
            return None;
        }
        let diagnostic = Diagnostic::error(
            Code::UnknownOutput,
            self.place(read, name),
            format!("task `{task}` has no output `{name}`"),
        )
        .label(match known.as_slice() {
            [] => "tasks of its type hand out nothing".to_owned(),
            _ => format!(
                "its outputs are {}",
                listed(known.iter().map(String::as_str))
            ),
        });
        let is_script = known.iter().any(|output| output == "vars");
        let names = || known.iter().map(String::as_str);
        Some(match did_you_mean(name, names()) {
            Some(near) => {
                let fixed = self.suggest(diagnostic, read, name, near);
                if is_obvious(name, near, names()) {
                    fixed.certain()
                } else {
                    fixed
                }
            }
            None if !is_script => diagnostic,
            None if matches!(name, "stdout" | "stderr") => diagnostic.help(format!(
                "with `captureOutput: true`, the task `{task}` keeps what it prints"
            )),
            None => diagnostic.help(format!(
                "what a program prints by the output protocol is read as `{}`",
                self.written(read, task, outputs, &format!("vars.{name}"))
            )),
        })
    }
}

fn has(repeated: &Loop, name: &str) -> bool {
    let mut values = repeated.values.iter().flatten();
    values.any(|value| **value == *name)
}

fn listed<'name>(names: impl Iterator<Item = &'name str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
