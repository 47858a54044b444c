//! `flow_run`, and flows that are imported as task types: the other flow's tasks in a group of their own. Its variables are what this one
//! says, its tasks have ids that begin with the group's.

use std::rc::Rc;

use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use taffrail_core::diagnostic::{Code as DiagnosticCode, Source};
use taffrail_core::yaml::{Entry, Span};

use super::{Kind, stand_in, type_entry};
use crate::arguments::{argument, arguments};
use crate::code::Code;
use crate::constant;
use crate::flow::{self, Given};
use crate::node::{self, place};
use crate::reader::{Context, Elsewhere, MOST_FLOWS, MOST_UNITS, Reader};
use crate::syntax;

const DAG: &str = "io.kestra.plugin.core.flow.Dag";

/// Where a flow comes from.
enum From {
    Path(String),
    Text(String),
}

/// Reads the flow that a task runs. `import` is what an imported type stands for.
pub(crate) fn open(
    reader: &mut Reader<'_>,
    unit: usize,
    kind: Kind,
    block: &Block,
    import: Option<&str>,
    id: &str,
) -> Option<usize> {
    let label = block.labels.last().map_or_else(Span::default, place);
    let (from, span) = match (kind, import) {
        (Kind::Imported, Some(module)) => (From::Path(module_path(module)?), label),
        _ => said(reader, unit, block, label)?,
    };
    let most = if reader.units[unit].inside >= MOST_FLOWS {
        Some(MOST_FLOWS)
    } else {
        (reader.units.len() >= MOST_UNITS).then_some(MOST_UNITS)
    };
    if let Some(most) = most {
        reader.wrong(
            unit,
            DiagnosticCode::WrongCall,
            span,
            format!("more than {most} flows run one another, or one runs itself"),
        );
        return None;
    }
    let source = match from {
        From::Text(text) => Source::new("source", text),
        From::Path(path) => match reader.files.read(&path) {
            Ok(text) => Source::new(path, text),
            Err(reason) => {
                reader.wrong(
                    unit,
                    DiagnosticCode::WrongCall,
                    span,
                    format!("`{path}` cannot be read: {reason}"),
                );
                return None;
            }
        },
    };
    let given = Given {
        values: variables(reader, unit, kind, block),
        context: Rc::new(Context::of(unit)),
    };
    // Every place of the other text is told at the place that names it, and that of a place which is itself elsewhere at its own.
    let span = reader.units[unit]
        .elsewhere
        .as_ref()
        .map_or(span, |elsewhere| elsewhere.span);
    let text = source.text().to_owned();
    let inner = flow::inner_unit(reader, unit, format!("{id}_"), Elsewhere { source, span });
    let body = match syntax::body(&text) {
        Ok(body) => body,
        Err(diagnostic) => {
            reader.say(inner, *diagnostic);
            return None;
        }
    };
    let flow = flow::flow_block(reader, inner, &body)?;
    flow::fill(reader, inner, &flow, Some(&given));
    Some(inner)
}

/// The file of a module: `folder.name:flow` is `folder/name.hcl`.
pub(super) fn module_path(module: &str) -> Option<String> {
    let (path, target) = module.split_once(':')?;
    (target == "flow" && !path.is_empty()).then(|| format!("{}.hcl", path.replace('.', "/")))
}

fn said(reader: &mut Reader<'_>, unit: usize, block: &Block, label: Span) -> Option<(From, Span)> {
    let given: Vec<(&str, &Expression)> = ["path", "source", "module"]
        .into_iter()
        .filter_map(|name| Some((name, argument(block, name)?)))
        .collect();
    let [(name, value)] = given.as_slice() else {
        reader.wrong(
            unit,
            DiagnosticCode::MissingProperty,
            label,
            "`flow_run` needs one of `path`, `source` and `module`",
        );
        return None;
    };
    let span = place(*value);
    let Some(text) = constant::text(value) else {
        reader.wrong(
            unit,
            DiagnosticCode::HclUnsupported,
            span,
            format!("`{name}` must be written out here: what runs is known before it starts"),
        );
        return None;
    };
    let from = match *name {
        "path" => From::Path(text),
        "source" => From::Text(text),
        _ => match module_path(&text) {
            Some(path) => From::Path(path),
            None => {
                reader.wrong(
                    unit,
                    DiagnosticCode::WrongValue,
                    span,
                    "a module is written `folder.name:flow`, for the file `folder/name.hcl`",
                );
                return None;
            }
        },
    };
    Some((from, span))
}

/// The variables that the other flow gets.
fn variables(
    reader: &mut Reader<'_>,
    unit: usize,
    kind: Kind,
    block: &Block,
) -> Vec<(String, Span, Rc<Expression>)> {
    if kind == Kind::Imported {
        return arguments(block)
            .into_iter()
            .map(|given| {
                (
                    given.name.to_owned(),
                    given.span,
                    Rc::new(given.value.clone()),
                )
            })
            .collect();
    }
    let Some(vars) = argument(block, "vars") else {
        return Vec::new();
    };
    let entries = match vars {
        Expression::Object(object) => constant::entries(object),
        _ => None,
    };
    let Some(entries) = entries else {
        reader.wrong(
            unit,
            DiagnosticCode::HclUnsupported,
            place(vars),
            "`vars` must be written out here, as a map",
        );
        return Vec::new();
    };
    entries
        .into_iter()
        .map(|(name, written, value)| (name, place(written), Rc::new(value.clone())))
        .collect()
}

pub(super) fn keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    let (kind, id, span, inner, block) = {
        let task = &reader.units[unit].tasks[task];
        (
            task.kind,
            task.id.clone(),
            task.name_span,
            task.inner,
            Rc::clone(&task.block),
        )
    };
    if kind == Kind::Flow {
        let known = ["path", "source", "module", "vars"];
        reader.check_arguments(unit, task, &known, &[], &["export"]);
    }
    let mut entries = vec![type_entry(span, DAG)];
    // What its variables need, the whole group needs.
    for (_, _, value) in variables(reader, unit, kind, &block) {
        let before = std::mem::take(&mut reader.macros);
        reader.expression(&value, &Context::of(unit));
        reader.macros = before;
    }
    if let Some(inner) = inner {
        let needed = std::mem::take(&mut reader.needed);
        let mut tasks = node::list(span, flow::tasks(reader, inner));
        reader.needed = needed;
        let at = reader.units[inner]
            .elsewhere
            .as_ref()
            .map_or(span, |elsewhere| elsewhere.span);
        node::move_to(&mut tasks, at);
        entries.push(node::entry("tasks", span, tasks));
    } else {
        // Why there is no flow has been told.
        let mut task = vec![
            node::entry("id", span, node::text(span, format!("{id}_none"))),
            type_entry(span, "io.kestra.plugin.core.log.Log"),
        ];
        stand_in(&mut task, "message", span, "-");
        let wrapped = node::map(span, vec![node::entry("task", span, node::map(span, task))]);
        entries.push(node::entry("tasks", span, node::list(span, vec![wrapped])));
    }
    entries
}

/// The names that the blocks `export` of a task give.
pub(super) fn export_names(block: &Block) -> Vec<String> {
    exports(block).map(|(name, _)| name.to_owned()).collect()
}

fn exports(block: &Block) -> impl Iterator<Item = (&str, &Expression)> {
    block
        .body
        .blocks()
        .filter(|inner| inner.ident.as_str() == "export")
        .flat_map(|inner| inner.body.attributes())
        .map(|attribute| (attribute.key.as_str(), &attribute.value))
}

/// What a task hands out of the flow that it runs.
pub(super) fn exported(
    reader: &mut Reader<'_>,
    unit: usize,
    task: usize,
    name: &str,
) -> Option<Code> {
    let (block, inner) = {
        let task = &reader.units[unit].tasks[task];
        (Rc::clone(&task.block), task.inner)
    };
    let (_, value) = exports(&block).find(|(known, _)| *known == name)?;
    let Some(inner) = inner else {
        // Why there is no flow has been told.
        return Some(Code::wrong());
    };
    let span = place(value);
    let Some(text) = constant::text(value) else {
        reader.wrong(
            unit,
            DiagnosticCode::WrongType,
            span,
            "what is exported is named by a text: `\"task.bash_run.name.stdout\"`",
        );
        return Some(Code::wrong());
    };
    let expression = match syntax::expression(&text) {
        Ok(expression) => expression,
        Err(reason) => {
            reader.wrong(
                unit,
                DiagnosticCode::ExpressionSyntax,
                span,
                format!("`{text}` is no expression: {reason}"),
            );
            return Some(Code::wrong());
        }
    };
    // Its places are those of the text alone; what is wrong with it is told where the text stands.
    let before = reader.found.len();
    let code = reader.expression(&expression, &Context::of(inner));
    for diagnostic in reader.found.split_off(before) {
        let mut message = diagnostic.message;
        if let Some((_, plain)) = message.split_once("`: ") {
            message = plain.to_owned();
        }
        reader.wrong(unit, diagnostic.code, span, message);
    }
    Some(code)
}
