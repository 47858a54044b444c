//! The task types of runflow: what each becomes, and what can be read of it.

mod bash;
mod docker;
mod docker_shapes;
mod file;
mod http;
mod nested;
mod template;

use std::rc::Rc;

use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic};
use taffrail_core::yaml::{Entry, Span};

use crate::arguments::{argument, arguments};
use crate::code::{Code, Guess, step};
use crate::names::with_nearest;
use crate::node;
use crate::reader::{Context, Reader};

/// The type of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bash,
    Docker,
    FileRead,
    FileWrite,
    Flow,
    Http,
    /// A flow that is imported as a type.
    Imported,
    Template,
}

/// The types that run here, by their names.
const KINDS: [(&str, Kind); 8] = [
    ("bash_run", Kind::Bash),
    ("docker_run", Kind::Docker),
    ("file_read", Kind::FileRead),
    ("file_write", Kind::FileWrite),
    ("flow_run", Kind::Flow),
    ("hcl2_template", Kind::Template),
    // What the page of the type calls it in one place.
    ("hcl_template", Kind::Template),
    ("http_request", Kind::Http),
];

/// The types of runflow that do not run here, and what does the same.
const ELSEWHERE: [(&str, &str); 11] = [
    (
        "feed_parse",
        "a script of your own in `bash_run` or `docker_run`",
    ),
    ("notion_api_call", "`http_request`"),
    (
        "papermill_execute",
        "the program `papermill` in `bash_run` or `docker_run`",
    ),
    ("pushbullet_push", "`http_request`"),
    (
        "qrcode_generate",
        "a program such as `qrencode` in `bash_run` or `docker_run`",
    ),
    ("slack_api_call", "`http_request`"),
    (
        "smtp_send",
        "a program such as `sendmail` in `bash_run` or `docker_run`",
    ),
    (
        "sql_exec",
        "the database's own program in `bash_run` or `docker_run`",
    ),
    (
        "sql_row",
        "the database's own program in `bash_run` or `docker_run`",
    ),
    ("telegram_api_call", "`http_request`"),
    ("template", "`hcl2_template`"),
];

/// The type of this name.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    KINDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
}

/// What is said of a type that is none here.
pub(crate) fn unknown_kind(name: &str, span: Span, imported: &[&str]) -> Diagnostic {
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(known, _)| *known == name) {
        return Diagnostic::error(
            DiagnosticCode::HclUnsupported,
            span,
            format!("tasks of the type `{name}` do not run here"),
        )
        .help(format!("use {instead}"));
    }
    let known: Vec<&str> = KINDS
        .iter()
        .map(|(name, _)| *name)
        .chain(imported.iter().copied())
        .collect();
    let diagnostic = Diagnostic::error(
        DiagnosticCode::UnknownTaskType,
        span,
        format!("there is no task type `{name}`"),
    );
    let mut diagnostic = with_nearest(diagnostic, span, name, &known);
    if let Some(help) = &mut diagnostic.help {
        // The span holds the quotes, too.
        help.replacement = None;
    }
    diagnostic
}

/// The keys of a task, but for its id and what is private.
pub(crate) fn keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    match reader.units[unit].tasks[task].kind {
        Kind::Bash => bash::keys(reader, unit, task),
        Kind::Docker => docker::keys(reader, unit, task),
        Kind::FileRead => file::read_keys(reader, unit, task),
        Kind::FileWrite => file::write_keys(reader, unit, task),
        Kind::Flow | Kind::Imported => nested::keys(reader, unit, task),
        Kind::Http => http::keys(reader, unit, task),
        Kind::Template => template::keys(reader, unit, task),
    }
}

pub(crate) use nested::open;

/// Whether a text names a flow of another file, as imports and `module` do.
pub(crate) fn is_flow_module(module: &str) -> bool {
    nested::module_path(module).is_some()
}

/// The type of a task as an entry.
pub(crate) fn type_entry(span: Span, name: &str) -> Entry {
    node::entry("type", span, node::text(span, name))
}

/// Something harmless for a key that is missing, which has been told: it is not to be told again in the words of another language.
pub(crate) fn stand_in(entries: &mut Vec<Entry>, key: &str, span: Span, value: &str) {
    if !entries.iter().any(|entry| &*entry.key == key) {
        entries.push(node::entry(key, span, node::text(span, value)));
    }
}

/// What `task.TYPE.NAME.attribute` stands for, and how many of the names behind it that uses up.
pub(crate) fn attribute(
    reader: &mut Reader<'_>,
    unit: usize,
    task: usize,
    name: &str,
    behind: &[Option<String>],
    span: Span,
) -> (Code, usize) {
    let (kind, id) = {
        let task = &reader.units[unit].tasks[task];
        (task.kind, task.id.clone())
    };
    let output =
        |output: &str, guess: Guess| Code::new(format!("outputs{}.{output}", step(&id)), guess);
    let own: &[&str] = match kind {
        Kind::Bash => &["stdout", "stderr", "returncode"],
        Kind::Docker => &["stdout"],
        Kind::FileRead => &["content", "b64content"],
        Kind::FileWrite => &[],
        Kind::Template => &["content"],
        Kind::Http => &["response"],
        Kind::Flow | Kind::Imported => {
            if let Some(code) = nested::exported(reader, unit, task, name) {
                return (code, 0);
            }
            &[]
        }
    };
    if own.contains(&name) {
        return match (kind, name) {
            (Kind::Bash, "returncode") => (output("exitCode", Guess::Number), 0),
            (Kind::Docker, _) => {
                reader.captured.insert(id.clone());
                (docker::printed(reader, unit, task), 0)
            }
            (Kind::Bash, stream) => {
                reader.captured.insert(id.clone());
                (output(stream, Guess::Text), 0)
            }
            (Kind::FileRead, "b64content") => (output("base64Content", Guess::Text), 0),
            (Kind::FileRead, _) => (output("content", Guess::Text), 0),
            (Kind::Template, _) => (output("value", Guess::Text), 0),
            _ => http::response(reader, unit, &id, behind, span),
        };
    }
    // What a task was told can be read back, too.
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    if let Some(value) = argument(&block, name) {
        let context = match kind {
            Kind::Template => template::context(reader, unit, task),
            _ => Context::of(unit),
        };
        return (reader.expression(value, &context), 0);
    }
    let exported = nested::export_names(&block);
    let known: Vec<&str> = own
        .iter()
        .copied()
        .chain(exported.iter().map(String::as_str))
        .chain(arguments(&block).iter().map(|argument| argument.name))
        .collect();
    let (kind_name, task_name) = {
        let task = &reader.units[unit].tasks[task];
        (task.kind_name.clone(), task.name.clone())
    };
    let diagnostic = Diagnostic::error(
        DiagnosticCode::UnknownOutput,
        span,
        format!("`task.{kind_name}.{task_name}` has no `{name}`"),
    );
    let mut diagnostic = with_nearest(diagnostic, span, name, &known);
    if let Some(help) = &mut diagnostic.help {
        help.replacement = None;
    }
    reader.say(unit, diagnostic);
    (Code::wrong(), 0)
}
