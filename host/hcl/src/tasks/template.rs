//! `hcl2_template`: a text with expressions in it, with names of its own.

use std::rc::Rc;

use hcl_edit::expr::Expression;
use taffrail_core::diagnostic::Code as DiagnosticCode;
use taffrail_core::yaml::Entry;

use super::type_entry;
use crate::arguments::argument;
use crate::constant;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

pub(super) fn keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    reader.check_arguments(unit, task, &["source", "context"], &["source"], &[]);
    let span = reader.units[unit].tasks[task].name_span;
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let context = context(reader, unit, task);
    let mut entries = vec![
        type_entry(span, "io.kestra.plugin.core.debug.Return"),
        // It would show the text as it makes it.
        node::entry("logLevel", span, node::text(span, "INFO")),
    ];
    if let Some(source) = argument(&block, "source") {
        let text = reader.text(source, &context);
        entries.push(node::entry("format", place(source), text));
    }
    entries
}

/// The names that the template calls its own.
pub(super) fn context(reader: &mut Reader<'_>, unit: usize, task: usize) -> Context {
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let outside = Context::of(unit);
    let mut inside = outside.clone();
    let Some(given) = argument(&block, "context") else {
        return inside;
    };
    let names = match given {
        Expression::Object(object) => constant::entries(object),
        _ => None,
    };
    let Some(names) = names else {
        reader.wrong(
            unit,
            DiagnosticCode::HclUnsupported,
            place(given),
            "`context` must be written out here, as a map of names and values",
        );
        return inside;
    };
    for (name, _, value) in names {
        let code = reader.expression(value, &outside);
        inside.locals.push((name, code));
    }
    inside
}
