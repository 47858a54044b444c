//! `bash_run`: a line for the shell of the machine, in the folder in which the host was started.

use std::rc::Rc;

use taffrail_core::yaml::Entry;

use super::type_entry;
use crate::arguments::argument;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

const TYPE: &str = "io.kestra.plugin.scripts.shell.Commands";
const PROCESS: &str = "io.kestra.plugin.core.runner.Process";

pub(super) fn keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    reader.check_arguments(unit, task, &["command", "env"], &["command"], &[]);
    let span = reader.units[unit].tasks[task].name_span;
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let context = Context::of(unit);
    let runner = vec![
        type_entry(span, PROCESS),
        node::entry("directory", span, node::text(span, ".")),
    ];
    let mut entries = vec![
        type_entry(span, TYPE),
        node::entry("taskRunner", span, node::map(span, runner)),
        // The line alone decides whether it failed.
        node::entry("failFast", span, node::bool(span, false)),
    ];
    if let Some(env) = argument(&block, "env") {
        let value = reader.value(env, &context);
        entries.push(node::entry("env", place(env), value));
    }
    if let Some(command) = argument(&block, "command") {
        let line = reader.text(command, &context);
        let at = place(command);
        entries.push(node::entry("commands", at, node::list(at, vec![line])));
    }
    if !entries.iter().any(|entry| &*entry.key == "commands") {
        // That it is missing has been told.
        let line = node::text(span, "true");
        entries.push(node::entry("commands", span, node::list(span, vec![line])));
    }
    entries
}
