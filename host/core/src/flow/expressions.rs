//! Checks the expressions of a flow without running them: do they parse, and does what they name exist.
//!
//! Only what is certain is reported: a name that may be there when the flow runs is not.

mod declared;
mod outputs;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use taffrail_expr::{ReadPath, Reads, Segment, Template};

use super::loops::Loop;
use super::nodes::for_each_text;
use crate::diagnostic::{Code, Diagnostic, Help, Severity};
use crate::suggest::{did_you_mean, is_obvious};
use crate::yaml::{Node, Span, push_index, push_key, scalar_span_to_source};

/// The variables that expressions may begin with, old ones included.
const ROOTS: [&str; 26] = [
    "inputs",
    "outputs",
    "vars",
    "labels",
    "flow",
    "execution",
    "task",
    "taskrun",
    "parent",
    "parents",
    "tasks",
    "trigger",
    "envs",
    "globals",
    "kestra",
    "namespace",
    "error",
    "workingDir",
    "outputDir",
    "outputFiles",
    "inputFiles",
    "temp",
    "outputDirs",
    "schedule",
    "files",
    "printContext",
];

/// Where in the flow a task stands: its place in each list from the flow's own down to the one that holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Position(Arc<[Step]>);

/// A place in one list of tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Which list; none has the number of another.
    pub(super) list: u32,
    /// Where in it.
    pub(super) index: u32,
    /// Whether the list's tasks run one after the other, once.
    pub(super) in_order: bool,
    /// Whether they do so in each of several rounds.
    pub(super) in_rounds: bool,
}

impl Step {
    pub(super) fn new(list: u32, index: usize, in_order: bool) -> Self {
        Self {
            list,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            in_order,
            in_rounds: false,
        }
    }

    pub(super) fn in_rounds(self, in_rounds: bool) -> Self {
        Self { in_rounds, ..self }
    }
}

impl Position {
    /// The place of something in a list of the task that stands here.
    pub(super) fn below(&self, step: Step) -> Self {
        Self(self.0.iter().copied().chain([step]).collect())
    }

    /// Whether what stands there runs before (less) or after (greater) what stands here; nothing where that is not certain.
    fn order_of(&self, there: &Position) -> Option<Ordering> {
        let (here, there) = self.parting(there)?;
        here.in_order.then(|| there.index.cmp(&here.index))
    }

    /// The same within one round, where both stand in one.
    fn order_in_round(&self, there: &Position) -> Option<Ordering> {
        let (here, there) = self.parting(there)?;
        (here.in_order || here.in_rounds).then(|| there.index.cmp(&here.index))
    }

    /// The last list that holds both, and where in it they stand.
    fn parting<'a>(&'a self, there: &'a Position) -> Option<(&'a Step, &'a Step)> {
        self.0
            .iter()
            .zip(there.0.iter())
            .find(|(here, there)| (here.list, here.index) != (there.list, there.index))
            .filter(|(here, there)| here.list == there.list)
    }
}

/// What the expressions of a flow may name.
pub(super) struct Names {
    /// Every task of the tree.
    pub(super) tasks: HashMap<Arc<str>, Position>,
    /// The ids of tasks in the order of the source, for lists in messages.
    pub(super) order: Vec<(Arc<str>, Position)>,
    /// The outputs that tasks may have, where that is known.
    pub(super) outputs: HashMap<Arc<str>, Outputs>,
    /// The declared inputs; nothing where the declarations have mistakes.
    pub(super) inputs: Option<Vec<Arc<str>>>,
    /// The declared variables; nothing where they may be set otherwise.
    pub(super) variables: Option<Vec<Arc<str>>>,
}

/// What a task hands out.
pub(super) struct Outputs {
    /// Their names; none has another.
    pub(super) names: Vec<String>,
    /// The loops that the task stands in, the outermost first: its outputs lie below a value of each.
    pub(super) loops: Arc<[Arc<Loop>]>,
}

/// Who reads.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The task's id.
    pub(super) id: &'a str,
    /// Where it stands.
    pub(super) position: &'a Position,
    /// Whether a value of a loop is in scope.
    pub(super) in_loop: bool,
    /// The loops that it stands in, the outermost first.
    pub(super) loops: &'a Arc<[Arc<Loop>]>,
    /// Whether it runs one thing at one time, so that it can never read its own outputs.
    pub(super) is_leaf: bool,
    /// Whether the fields of an item are in scope, which may be called anything.
    pub(super) of_items: bool,
}

/// Checks every text below a node. `reader` is the task that the node belongs to.
pub(super) fn check_texts(
    source: &str,
    node: &Node,
    path: &str,
    names: &Names,
    reader: Option<Reader<'_>>,
    found: &mut Vec<Diagnostic>,
) {
    for_each_text(node, &mut |text, scalar| {
        if may_hold_expression(text) {
            let before = found.len();
            check_text(source, text, scalar, names, reader, found);
            if found.len() > before {
                let mut exact = path.to_owned();
                extend_path(&mut exact, node, scalar);
                for diagnostic in &mut found[before..] {
                    diagnostic.path.clone_from(&exact);
                }
            }
        }
    });
}

/// Adds the way from a node to one below it; says whether there is one.
fn extend_path(path: &mut String, from: &Node, to: &Node) -> bool {
    if std::ptr::eq(from, to) {
        return true;
    }
    let length = path.len();
    for entry in from.entries() {
        push_key(path, &entry.key);
        if extend_path(path, &entry.value, to) {
            return true;
        }
        path.truncate(length);
    }
    for (index, item) in from.items().iter().enumerate() {
        push_index(path, index);
        if extend_path(path, item, to) {
            return true;
        }
        path.truncate(length);
    }
    false
}

/// Whether the text has a tag of the expression language.
pub(super) fn may_hold_expression(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn check_text(
    source: &str,
    text: &str,
    node: &Node,
    names: &Names,
    reader: Option<Reader<'_>>,
    found: &mut Vec<Diagnostic>,
) {
    let context = |reads| Context {
        source,
        text,
        node,
        names,
        reader,
        reads,
    };
    match Template::parse(text) {
        Ok(template) => {
            let reads = template.reads();
            let context = context(reads);
            if reader.is_some_and(|reader| reader.of_items) {
                return;
            }
            for read in &reads.paths {
                if let Some(diagnostic) = context.check(read) {
                    found.push(diagnostic);
                }
            }
        }
        Err(errors) => {
            let reads = &Template::reads_beside_mistakes(text);
            let context = context(reads);
            let of_the_flow = reads
                .paths
                .iter()
                .filter(|read| match read.segments.first() {
                    Some(Segment::Name(root)) => {
                        ["outputs", "tasks", "inputs", "vars"].contains(&root.as_str())
                    }
                    _ => false,
                });
            found.extend(of_the_flow.filter_map(|read| context.check(read)));
            for error in errors {
                // Unknown names are told from bad syntax by the parser's own words.
                let unknown = error.message.starts_with("there is no ")
                    || error.message.contains("is not available");
                let code = if unknown {
                    Code::UnknownFunction
                } else {
                    Code::ExpressionSyntax
                };
                let span = scalar_span_to_source(source, node, error.span);
                let mut diagnostic = Diagnostic::error(code, span, error.message);
                if let Some(help) = error.help {
                    diagnostic = diagnostic.help(help);
                }
                found.push(diagnostic);
            }
        }
    }
}

struct Context<'a> {
    source: &'a str,
    text: &'a str,
    node: &'a Node,
    names: &'a Names,
    reader: Option<Reader<'a>>,
    reads: &'a Reads,
}

impl Context<'_> {
    fn check(&self, read: &ReadPath) -> Option<Diagnostic> {
        let Some(Segment::Name(root)) = read.segments.first() else {
            return None;
        };
        let second = match read.segments.get(1) {
            Some(Segment::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        if read.optional {
            return self.never_there(read, root, second?);
        }
        match (root.as_str(), second) {
            ("outputs" | "tasks", Some(task)) => self.task(read, task),
            ("taskrun", Some(name @ ("value" | "iteration"))) => self.loop_value(read, name),
            ("inputs", Some(_)) => self.input(read),
            ("vars", Some(variable)) => self.variable(read, variable),
            (root, _) if ROOTS.contains(&root) => None,
            (root, _) => {
                let diagnostic = self
                    .unknown(read, root, format!("there is no variable `{root}`"))
                    .label(
                        "expressions begin with `inputs`, `outputs`, `vars`, `labels`, `flow`, `execution`, `task` or `taskrun`",
                    );
                Some(match did_you_mean(root, ROOTS) {
                    Some(near) => self.suggest(diagnostic, read, root, near),
                    // Without a slip of the pen to explain it, a host that adds names of its own is as likely.
                    None => Diagnostic {
                        severity: Severity::Warning,
                        ..diagnostic
                    },
                })
            }
        }
    }

    /// What is read with a value to take instead, and by a slip of the pen is never there.
    fn never_there(&self, read: &ReadPath, root: &str, second: &str) -> Option<Diagnostic> {
        let told = match root {
            "outputs" => match self.names.tasks.contains_key(second) {
                false => self.task(read, second),
                true => self.output(read, second),
            },
            "inputs" => self.input(read),
            "vars" => self.variable(read, second),
            _ => None,
        }?;
        // Without a slip to explain it, its absence may be what is meant.
        let slip = told.help.clone().filter(|help| help.certain)?;
        Some(Diagnostic {
            severity: Severity::Warning,
            help: Some(Help {
                certain: false,
                ..slip
            }),
            ..told.note("what is to be taken in its absence is taken always")
        })
    }

    fn task(&self, read: &ReadPath, task: &str) -> Option<Diagnostic> {
        let Some(position) = self.names.tasks.get(task) else {
            let mut diagnostic = self.unknown(read, task, format!("no task named `{task}`"));
            let before: Vec<&str> = self
                .names
                .order
                .iter()
                .filter(|(id, position)| self.comes_before(id, position))
                .map(|(id, _)| &**id)
                .collect();
            diagnostic = diagnostic.label(match before.as_slice() {
                [] => "no task runs before this one".to_owned(),
                few if few.len() <= 8 => format!(
                    "tasks that ran before this one: {}",
                    few.iter()
                        .map(|id| format!("`{id}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                many => format!("none of the {} tasks before this one", many.len()),
            });
            if let Some((_, instead)) = self
                .reads
                .dashes
                .iter()
                .find(|(range, _)| range.start <= read.span.end && read.span.start <= range.end)
            {
                return Some(
                    diagnostic.help(format!("a name with a dash needs brackets: `{instead}`")),
                );
            }
            let near = did_you_mean(task, self.names.order.iter().map(|(id, _)| &**id));
            let ids = self.names.order.iter().map(|(id, _)| &**id);
            return Some(match near {
                Some(near) if is_obvious(task, near, ids) => {
                    self.suggest(diagnostic, read, task, near).certain()
                }
                Some(near) => self.suggest(diagnostic, read, task, near),
                None => diagnostic,
            });
        };
        if read.segments.first() == Some(&Segment::Name("tasks".to_owned())) {
            return None;
        }
        let Some(reader) = self.reader else {
            return self.output(read, task);
        };
        if reader.id == task && reader.is_leaf {
            return Some(
                self.unknown(
                    read,
                    task,
                    format!("task `{task}` cannot read its own outputs"),
                )
                .label("they exist when it has ended"),
            );
        }
        match reader.position.order_of(position) {
            Some(Ordering::Greater) => Some(
                self.unknown(read, task, format!("task `{task}` runs after this one"))
                    .label("its outputs do not exist yet"),
            ),
            _ => self.output(read, task),
        }
    }

    fn comes_before(&self, id: &str, position: &Position) -> bool {
        match self.reader {
            None => true,
            Some(reader) => {
                id != reader.id && reader.position.order_in_round(position) == Some(Ordering::Less)
            }
        }
    }

    /// `taskrun.value` is there in a loop only.
    fn loop_value(&self, read: &ReadPath, name: &str) -> Option<Diagnostic> {
        let reader = self.reader?;
        (!reader.in_loop).then(|| {
            self.unknown(read, name, format!("there is no `taskrun.{name}` here"))
                .label("only a task inside a ForEach has one")
        })
    }

    fn unknown(&self, read: &ReadPath, name: &str, message: String) -> Diagnostic {
        Diagnostic::error(Code::UnknownReference, self.place(read, name), message)
    }

    fn suggest(
        &self,
        diagnostic: Diagnostic,
        read: &ReadPath,
        name: &str,
        near: &str,
    ) -> Diagnostic {
        let span = self.place(read, name);
        let message = format!("did you mean `{near}`?");
        // Only where the place is that of the name alone.
        if (span.end - span.start) as usize == name.len() {
            diagnostic.fix(message, span, near)
        } else {
            diagnostic.help(message)
        }
    }

    /// The place of a name within the path that reads it.
    fn place(&self, read: &ReadPath, name: &str) -> Span {
        let whole = &self.text[read.span.clone()];
        let range = match whole.rfind(name) {
            Some(at) if whole.matches(name).count() == 1 => {
                let start = read.span.start + at;
                start..start + name.len()
            }
            _ => read.span.clone(),
        };
        scalar_span_to_source(self.source, self.node, range)
    }
}
