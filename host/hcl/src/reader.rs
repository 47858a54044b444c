//! What is known while a document is made: the flow, those that it runs inside, what is needed and what was wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic, Source};
use taffrail_core::yaml::Span;

use crate::Files;
use crate::code::Code;
use crate::tasks::Kind;

/// Expressions that are looked at in one document, with those that stand for others counted again: names that stand for names that
/// stand for names grow without bound otherwise.
const MOST_WORK: usize = 100_000;

/// Expressions inside one another, through names.
const DEEPEST: usize = 120;

/// Flows inside one another.
pub(crate) const MOST_FLOWS: usize = 16;

/// Flows in one document.
pub(crate) const MOST_UNITS: usize = 100;

pub(crate) struct Reader<'f> {
    pub files: &'f dyn Files,
    pub found: Vec<Diagnostic>,
    pub units: Vec<Unit>,
    /// The ids of the tasks whose output is read by others.
    pub captured: BTreeSet<String>,
    /// The tasks that the expression at hand refers to, by unit and place in it, and where it does so first.
    pub needed: BTreeMap<(usize, usize), Span>,
    /// The macros that the text at hand needs before it.
    pub macros: Vec<String>,
    pub macro_count: usize,
    work: usize,
    depth: usize,
}

/// One flow: that of the file, or one that a task runs.
pub(crate) struct Unit {
    pub variables: Vec<Variable>,
    pub tasks: Vec<Task>,
    /// The functions of Python that it imports, which have been told of.
    pub functions: Vec<String>,
    /// What the ids of its tasks begin with.
    pub prefix: String,
    /// The text of another file, and the place in this one that names it.
    pub elsewhere: Option<Elsewhere>,
    /// How many flows it stands inside.
    pub inside: usize,
}

pub(crate) struct Elsewhere {
    pub source: Source,
    pub span: Span,
}

pub(crate) struct Variable {
    pub name: String,
    pub value: VariableValue,
}

#[derive(Clone)]
pub(crate) enum VariableValue {
    /// An input of the whole.
    Input,
    /// What the task that runs the flow says.
    Given(Rc<Expression>, Rc<Context>),
    /// The default of the block.
    Default(Code),
}

pub(crate) struct Task {
    pub kind: Kind,
    pub kind_name: String,
    pub name: String,
    pub id: String,
    pub block: Rc<Block>,
    pub name_span: Span,
    /// The flow that it runs.
    pub inner: Option<usize>,
}

/// Where an expression stands: in which flow, and which names mean something there beside its variables and tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    pub unit: usize,
    pub locals: Vec<(String, Code)>,
}

impl Context {
    pub(crate) fn of(unit: usize) -> Self {
        Self {
            unit,
            locals: Vec::new(),
        }
    }
}

impl<'f> Reader<'f> {
    pub(crate) fn new(files: &'f dyn Files) -> Self {
        Self {
            files,
            found: Vec::new(),
            units: Vec::new(),
            captured: BTreeSet::new(),
            needed: BTreeMap::new(),
            macros: Vec::new(),
            macro_count: 0,
            work: 0,
            depth: 0,
        }
    }

    /// Notes what is wrong in a unit. What stands in another file is told at the place that names the file.
    pub(crate) fn say(&mut self, unit: usize, mut diagnostic: Diagnostic) {
        if let Some(elsewhere) = self
            .units
            .get(unit)
            .and_then(|unit| unit.elsewhere.as_ref())
        {
            let at = diagnostic
                .span
                .map(|span| elsewhere.source.position(span.start));
            let place = at.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
            diagnostic.message = format!(
                "in `{}{place}`: {}",
                elsewhere.source.name(),
                diagnostic.message
            );
            diagnostic.span = Some(elsewhere.span);
            if let Some(help) = &mut diagnostic.help {
                help.replacement = None;
                help.also.clear();
            }
        }
        self.found.push(diagnostic);
    }

    pub(crate) fn wrong(
        &mut self,
        unit: usize,
        code: DiagnosticCode,
        span: Span,
        message: impl Into<String>,
    ) {
        self.say(unit, Diagnostic::error(code, span, message));
    }

    /// Does one step further inside, unless that goes on for ever.
    pub(crate) fn deeper(
        &mut self,
        unit: usize,
        span: Span,
        step: impl FnOnce(&mut Self) -> Code,
    ) -> Code {
        self.work += 1;
        if self.depth >= DEEPEST || self.work > MOST_WORK {
            // Told once: everything above it fails for the same reason.
            if self.work < 2 * MOST_WORK {
                self.work = 2 * MOST_WORK;
                self.wrong(
                    unit,
                    DiagnosticCode::UnknownReference,
                    span,
                    "this refers to itself, by way of others, or to more than can be written out",
                );
            }
            return Code::wrong();
        }
        self.depth += 1;
        let code = step(self);
        self.depth -= 1;
        code
    }
}
