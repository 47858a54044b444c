//! The blocks of a file: the flow, its variables, imports and tasks, and the document that they make.

use std::collections::BTreeSet;
use std::rc::Rc;

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body, Structure};
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic, limited};
use taffrail_core::yaml::{Entry, Limits, Node, NodeKind, Parsed, Span};

use crate::Files;
use crate::arguments::argument;
use crate::code::Code;
use crate::imports::imports;
use crate::names::{self, with_nearest};
use crate::node::{self, place};
use crate::private::Condition;
use crate::reader::{Context, Elsewhere, Reader, Task, Unit, Variable, VariableValue};
use crate::syntax;
use crate::tasks::{self, Kind};
use crate::variables;

/// The namespace that flows of runflow, which have none, get here.
const NAMESPACE: &str = "runflow";

/// What a flow holds.
const BLOCKS: [&str; 3] = ["import", "task", "variable"];

pub(crate) fn read(text: &str, files: &dyn Files) -> Parsed {
    let body = match syntax::body(text) {
        Ok(body) => body,
        Err(diagnostic) => {
            return Parsed {
                root: None,
                diagnostics: vec![*diagnostic],
            };
        }
    };
    let mut reader = Reader::new(files);
    let root = document(&mut reader, &body);
    Parsed {
        root,
        diagnostics: limited(reader.found, Limits::default().diagnostics),
    }
}

fn document(reader: &mut Reader<'_>, body: &Body) -> Option<Node> {
    reader.units.push(empty_unit(String::new(), None, 0));
    let flow = flow_block(reader, 0, body)?;
    fill(reader, 0, &flow, None);
    let label = flow.labels.first()?;
    let span = place(label);
    let mut entries = vec![
        node::entry(
            "id",
            span,
            node::text(span, names::id(label.as_str(), ".-")),
        ),
        node::entry("namespace", span, node::text(span, NAMESPACE)),
    ];
    let inputs: Vec<Node> = variables::blocks(&flow.body)
        .filter_map(|block| variables::input(reader, 0, block))
        .collect();
    if let Some(first) = inputs.first().map(|input| input.span) {
        entries.push(node::entry("inputs", first, node::list(first, inputs)));
    }
    let inside = tasks(reader, 0);
    if inside.is_empty() && reader.found.is_empty() {
        reader.wrong(
            0,
            DiagnosticCode::MissingProperty,
            span,
            "the flow has no task",
        );
    }
    if inside.is_empty() {
        return None;
    }
    let dag = node::map(
        span,
        vec![
            node::entry("id", span, node::text(span, "dag")),
            tasks::type_entry(span, "io.kestra.plugin.core.flow.Dag"),
            node::entry("tasks", span, node::list(span, inside)),
        ],
    );
    entries.push(node::entry("tasks", span, node::list(span, vec![dag])));
    let mut root = node::map(span, entries);
    capture(&mut root, &reader.captured);
    Some(root)
}

/// Lets the tasks whose output is read keep it.
fn capture(node: &mut Node, captured: &BTreeSet<String>) {
    let wanted = node
        .get("id")
        .and_then(Node::text)
        .is_some_and(|id| captured.contains(id));
    match &mut node.kind {
        NodeKind::Map(entries) => {
            for entry in entries.iter_mut() {
                capture(&mut entry.value, captured);
            }
            if wanted {
                let keep = node::entry("captureOutput", node.span, node::bool(node.span, true));
                entries.push(keep);
            }
        }
        NodeKind::List(items) => items.iter_mut().for_each(|item| capture(item, captured)),
        NodeKind::Scalar(_) => {}
    }
}

fn empty_unit(prefix: String, elsewhere: Option<Elsewhere>, inside: usize) -> Unit {
    Unit {
        variables: Vec::new(),
        tasks: Vec::new(),
        functions: Vec::new(),
        prefix,
        elsewhere,
        inside,
    }
}

/// A unit for a flow that a task of another one runs.
pub(crate) fn inner_unit(
    reader: &mut Reader<'_>,
    outer: usize,
    prefix: String,
    elsewhere: Elsewhere,
) -> usize {
    let inside = reader.units[outer].inside + 1;
    reader
        .units
        .push(empty_unit(prefix, Some(elsewhere), inside));
    reader.units.len() - 1
}

/// The one flow of a file.
pub(crate) fn flow_block(reader: &mut Reader<'_>, unit: usize, body: &Body) -> Option<Block> {
    let mut flow: Option<Block> = None;
    for structure in body.iter() {
        match structure {
            Structure::Block(block) if block.ident.as_str() == "flow" => {
                if flow.is_some() {
                    reader.wrong(
                        unit,
                        DiagnosticCode::SecondDocument,
                        place(&block.ident),
                        "a file holds one flow only",
                    );
                } else {
                    flow = Some(block.clone());
                }
            }
            Structure::Block(block) => misplaced(reader, unit, block, &["flow"], "a file"),
            Structure::Attribute(attribute) => reader.wrong(
                unit,
                DiagnosticCode::UnknownProperty,
                place(&attribute.key),
                format!(
                    "`{}` stands outside of a flow; a file holds `flow \"name\" {{ … }}`",
                    attribute.key.as_str()
                ),
            ),
        }
    }
    let Some(flow) = flow else {
        if reader.found.is_empty() || unit > 0 {
            reader.wrong(
                unit,
                DiagnosticCode::MissingProperty,
                Span::default(),
                "the file holds no flow: `flow \"name\" { … }`",
            );
        }
        return None;
    };
    if flow.labels.len() != 1 {
        reader.wrong(
            unit,
            DiagnosticCode::WrongValue,
            place(&flow.ident),
            "a flow has one name: `flow \"name\" { … }`",
        );
        return None;
    }
    Some(flow)
}

fn misplaced(reader: &mut Reader<'_>, unit: usize, block: &Block, allowed: &[&str], what: &str) {
    let (name, span) = (block.ident.as_str(), place(&block.ident));
    let diagnostic = Diagnostic::error(
        DiagnosticCode::UnknownProperty,
        span,
        format!("{what} holds no block `{name}`"),
    );
    let diagnostic = with_nearest(diagnostic, span, name, allowed);
    reader.say(unit, diagnostic);
}

/// What a task says to the flow that it runs.
pub(crate) struct Given {
    pub values: Vec<(String, Span, Rc<Expression>)>,
    pub context: Rc<Context>,
}

/// Reads what a flow declares into its unit: variables, and tasks with the flows that they run.
pub(crate) fn fill(reader: &mut Reader<'_>, unit: usize, flow: &Block, given: Option<&Given>) {
    for structure in flow.body.iter() {
        match structure {
            Structure::Block(block) if BLOCKS.contains(&block.ident.as_str()) => {}
            Structure::Block(block) => misplaced(reader, unit, block, &BLOCKS, "a flow"),
            Structure::Attribute(attribute) => reader.wrong(
                unit,
                DiagnosticCode::UnknownProperty,
                place(&attribute.key),
                format!(
                    "a flow has no attribute `{}`; it holds the blocks `variable`, `import` and `task`",
                    attribute.key.as_str()
                ),
            ),
        }
    }
    declare_variables(reader, unit, flow, given);
    let imports = imports(reader, unit, flow);
    for block in flow.body.get_blocks("task") {
        declare_task(reader, unit, block, &imports);
    }
}

fn declare_variables(reader: &mut Reader<'_>, unit: usize, flow: &Block, given: Option<&Given>) {
    for block in variables::blocks(&flow.body) {
        let [label] = block.labels.as_slice() else {
            reader.wrong(
                unit,
                DiagnosticCode::WrongValue,
                place(&block.ident),
                "a variable has one name: `variable \"name\" { … }`",
            );
            continue;
        };
        let name = label.as_str().to_owned();
        let variables = &reader.units[unit].variables;
        if variables.iter().any(|known| known.name == name) {
            reader.wrong(
                unit,
                DiagnosticCode::DuplicateId,
                place(label),
                format!("the variable `{name}` is declared twice"),
            );
            continue;
        }
        let value =
            match given {
                None => VariableValue::Input,
                Some(given) => match given.values.iter().find(|(known, ..)| *known == name) {
                    Some((_, _, value)) => {
                        VariableValue::Given(Rc::clone(value), Rc::clone(&given.context))
                    }
                    None => {
                        variables::check(reader, unit, block);
                        let default = variables::default(reader, unit, block);
                        VariableValue::Default(default.map_or_else(
                            || Code::unknown("null"),
                            |value| variables::literal(&value),
                        ))
                    }
                },
            };
        reader.units[unit].variables.push(Variable { name, value });
    }
    let Some(given) = given else { return };
    let known: Vec<String> = reader.units[unit]
        .variables
        .iter()
        .map(|variable| variable.name.clone())
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for (name, span, _) in &given.values {
        if !known.contains(&name.as_str()) {
            let diagnostic = Diagnostic::error(
                DiagnosticCode::UnknownReference,
                *span,
                format!("the flow that runs here has no variable `{name}`"),
            );
            let diagnostic = with_nearest(diagnostic, *span, name, &known);
            let outer = given.context.unit;
            reader.say(outer, diagnostic);
        }
    }
}

fn declare_task(reader: &mut Reader<'_>, unit: usize, block: &Block, imports: &[(String, String)]) {
    let [kind_label, name_label] = block.labels.as_slice() else {
        return reader.wrong(
            unit,
            DiagnosticCode::WrongValue,
            place(&block.ident),
            "a task has a type and a name: `task \"bash_run\" \"name\" { … }`",
        );
    };
    let (kind_name, name) = (kind_label.as_str(), name_label.as_str());
    let name_span = place(name_label);
    let import = imports
        .iter()
        .find(|(known, _)| known == kind_name)
        .map(|(_, module)| module.as_str());
    let kind = match (tasks::kind(kind_name), import) {
        (Some(kind), _) => kind,
        (None, Some(module)) if !module.is_empty() => Kind::Imported,
        // Told at the import.
        (None, Some(_)) => return,
        (None, None) => {
            let imported: Vec<&str> = imports.iter().map(|(name, _)| name.as_str()).collect();
            let diagnostic = tasks::unknown_kind(kind_name, place(kind_label), &imported);
            return reader.say(unit, diagnostic);
        }
    };
    let known = &reader.units[unit].tasks;
    if known
        .iter()
        .any(|task| task.kind_name == kind_name && task.name == name)
    {
        return reader.wrong(
            unit,
            DiagnosticCode::DuplicateId,
            name_span,
            format!("there are two tasks `{kind_name}` of the name `{name}`"),
        );
    }
    let id = names::id(
        &format!("{}{kind_name}_{name}", reader.units[unit].prefix),
        "-",
    );
    let inner = match kind {
        Kind::Flow | Kind::Imported => tasks::open(reader, unit, kind, block, import, &id),
        _ => None,
    };
    reader.units[unit].tasks.push(Task {
        kind,
        kind_name: kind_name.to_owned(),
        name: name.to_owned(),
        id,
        block: Rc::new(block.clone()),
        name_span,
        inner,
    });
}

/// What is known of a task before its conditions are.
struct Half {
    entries: Vec<Entry>,
    needs: Vec<(usize, Span)>,
    conditions: Vec<Condition>,
    span: Span,
}

/// The tasks of a unit, each with the tasks that it needs.
pub(crate) fn tasks(reader: &mut Reader<'_>, unit: usize) -> Vec<Node> {
    let halves: Vec<Half> = (0..reader.units[unit].tasks.len())
        .map(|task| half(reader, unit, task))
        .collect();
    (0..halves.len())
        .map(|task| whole(reader, unit, task, &halves))
        .collect()
}

fn half(reader: &mut Reader<'_>, unit: usize, task: usize) -> Half {
    let (id, span, block) = {
        let task = &reader.units[unit].tasks[task];
        (task.id.clone(), task.name_span, Rc::clone(&task.block))
    };
    let context = Context::of(unit);
    reader.needed.clear();
    let mut entries = vec![node::entry("id", span, node::text(span, id))];
    entries.extend(tasks::keys(reader, unit, task));
    let conditions = argument(&block, "_depends_on")
        .map(|written| reader.depends_on(written, &context))
        .unwrap_or_default();
    if let Some(written) = argument(&block, "_timeout") {
        let time = reader.timeout(written, &context);
        entries.push(node::entry("timeout", place(written), time));
    }
    if let Some(written) = argument(&block, "_retry")
        && let Some(retry) = reader.retry(written, &context)
    {
        entries.push(node::entry("retry", place(written), retry));
    }
    let needs = std::mem::take(&mut reader.needed)
        .into_iter()
        .filter(|((of, _), _)| *of == unit)
        .map(|((_, task), span)| (task, span))
        .collect();
    Half {
        entries,
        needs,
        conditions,
        span,
    }
}

/// The task with its conditions: a task that does not run keeps those from running that need it.
fn whole(reader: &Reader<'_>, unit: usize, task: usize, halves: &[Half]) -> Node {
    let half = &halves[task];
    let mut entries = half.entries.clone();
    let mut conditions = Vec::new();
    gather(task, halves, &mut BTreeSet::new(), &mut conditions);
    if let Some(first) = conditions.first() {
        let macros: String = conditions
            .iter()
            .map(|condition| condition.macros.as_str())
            .collect();
        let all: Vec<&str> = conditions
            .iter()
            .map(|condition| condition.truth.as_str())
            .collect();
        let text = format!("{macros}{{{{ {} }}}}", all.join(" and "));
        let node = node::text(first.span, text);
        entries.push(node::entry("runIf", first.span, node));
    }
    let mut wrapped = vec![node::entry(
        "task",
        half.span,
        node::map(half.span, entries),
    )];
    if !half.needs.is_empty() {
        let ids = half
            .needs
            .iter()
            .map(|(needed, span)| node::text(*span, reader.units[unit].tasks[*needed].id.clone()));
        let list = node::list(half.span, ids.collect());
        wrapped.push(node::entry("dependsOn", half.span, list));
    }
    node::map(half.span, wrapped)
}

/// The conditions of a task behind those of all that it needs: one that speaks of a task is only looked at where that task runs.
fn gather<'h>(
    task: usize,
    halves: &'h [Half],
    seen: &mut BTreeSet<usize>,
    conditions: &mut Vec<&'h Condition>,
) {
    if seen.insert(task) {
        for (needed, _) in &halves[task].needs {
            gather(*needed, halves, seen, conditions);
        }
        conditions.extend(&halves[task].conditions);
    }
}
