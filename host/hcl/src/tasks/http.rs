//! `http_request`: one question to a server.

use std::rc::Rc;

use hcl_edit::expr::Expression;
use serde_json::Value;
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic};
use taffrail_core::yaml::{Entry, Node, Span};

use super::{stand_in, type_entry};
use crate::arguments::arguments;
use crate::code::{Code, Guess, quoted, step};
use crate::constant;
use crate::names::with_nearest;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

const KNOWN: [&str; 14] = [
    "method",
    "url",
    "params",
    "data",
    "json",
    "headers",
    "cookies",
    "files",
    "content",
    "b64content",
    "auth",
    "allow_redirects",
    "timeout",
    "raise_for_status",
];

/// What can be read of an answer.
const RESPONSE: [&str; 4] = ["content", "headers", "status_code", "text"];

pub(super) fn keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    reader.check_arguments(unit, task, &KNOWN, &["method", "url"], &[]);
    let span = reader.units[unit].tasks[task].name_span;
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let context = Context::of(unit);
    let mut entries = vec![type_entry(span, "io.kestra.plugin.core.http.Request")];
    let mut options = Vec::new();
    let mut bodies = 0;
    for given in arguments(&block) {
        let at = place(given.value);
        let mut put = |key: &str, value: Node| entries.push(node::entry(key, at, value));
        match given.name {
            "method" => put("method", reader.text(given.value, &context)),
            "url" => put("uri", reader.text(given.value, &context)),
            "params" => put("params", reader.value(given.value, &context)),
            "headers" => put("headers", reader.value(given.value, &context)),
            "data" => {
                bodies += 1;
                put("formData", reader.value(given.value, &context));
            }
            "content" => {
                bodies += 1;
                put("body", reader.text(given.value, &context));
            }
            "json" => {
                bodies += 1;
                let body = reader.made(at, |reader| {
                    reader
                        .expression(given.value, &context)
                        .filter("toJson", Guess::Text)
                });
                put("body", body);
                put("contentType", node::text(at, "application/json"));
            }
            "auth" => {
                if let Some(auth) = auth(reader, given.value, &context) {
                    options.push(node::entry("auth", at, auth));
                }
            }
            "allow_redirects" => {
                let value = reader.value(given.value, &context);
                options.push(node::entry("followRedirects", at, value));
            }
            "raise_for_status" => {
                let value = opposite(reader, given.value, &context);
                options.push(node::entry("allowFailed", at, value));
            }
            "timeout" => {
                if let Some(timeout) = timeout(reader, given.value, unit) {
                    options.push(node::entry("timeout", at, timeout));
                }
            }
            "cookies" | "files" | "b64content" => reader.wrong(
                unit,
                DiagnosticCode::HclUnsupported,
                given.span,
                format!(
                    "`{}` of `http_request` does not run here; {}",
                    given.name,
                    if given.name == "cookies" {
                        "write the line `Cookie` in `headers`"
                    } else {
                        "write `content`, `data` or `json`"
                    }
                ),
            ),
            _ => {}
        }
    }
    stand_in(&mut entries, "uri", span, "-");
    if bodies > 1 {
        reader.wrong(
            unit,
            DiagnosticCode::WrongValue,
            span,
            "`http_request` takes only one of `json`, `data` and `content`",
        );
    }
    if !options.is_empty() {
        entries.push(node::entry("options", span, node::map(span, options)));
    }
    entries
}

/// Whether a value is false, as a node.
fn opposite(reader: &mut Reader<'_>, value: &Expression, context: &Context) -> Node {
    let span = place(value);
    match constant::constant(value) {
        Some(Value::Bool(flag)) => node::bool(span, !flag),
        _ => reader.made(span, |reader| {
            let truth = reader.expression(value, context).truth();
            Code::new(format!("(not {truth})"), Guess::Bool)
        }),
    }
}

/// A user and a password.
fn auth(reader: &mut Reader<'_>, value: &Expression, context: &Context) -> Option<Node> {
    let span = place(value);
    let pair: Vec<&Expression> = match value {
        Expression::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let [user, password] = pair.as_slice() else {
        reader.wrong(
            context.unit,
            DiagnosticCode::WrongType,
            span,
            "`auth` is a list of a user and a password",
        );
        return None;
    };
    let entries = vec![
        node::entry("type", span, node::text(span, "BASIC")),
        node::entry("username", span, reader.text(user, context)),
        node::entry("password", span, reader.text(password, context)),
    ];
    Some(node::map(span, entries))
}

/// A number of seconds, or a map of them.
fn timeout(reader: &mut Reader<'_>, value: &Expression, unit: usize) -> Option<Node> {
    let span = place(value);
    let seconds = |value: &Value| value.as_f64().map(|seconds| format!("PT{seconds}S"));
    let entry = |key: &str, time: String| node::entry(key, span, node::text(span, time));
    let mut entries = Vec::new();
    match constant::constant(value) {
        Some(number @ Value::Number(_)) => {
            let time = seconds(&number)?;
            entries.push(entry("connectTimeout", time.clone()));
            entries.push(entry("readIdleTimeout", time));
        }
        Some(Value::Object(map)) => {
            for (key, number) in &map {
                match (key.as_str(), seconds(number)) {
                    ("connect", Some(time)) => entries.push(entry("connectTimeout", time)),
                    ("read", Some(time)) => entries.push(entry("readIdleTimeout", time)),
                    // One connection is made for the request, and a time for the whole stands for the others.
                    ("timeout", Some(time)) => {
                        for key in ["connectTimeout", "readIdleTimeout"] {
                            if !map.contains_key(if key == "connectTimeout" {
                                "connect"
                            } else {
                                "read"
                            }) {
                                entries.push(entry(key, time.clone()));
                            }
                        }
                    }
                    ("write" | "pool", Some(_)) => {}
                    _ => {
                        reader.wrong(
                            unit,
                            DiagnosticCode::WrongValue,
                            span,
                            "`timeout` is a number of seconds, or a map of `timeout`, `connect`, `read`, `write` and `pool`",
                        );
                        return None;
                    }
                }
            }
        }
        _ => {
            reader.wrong(
                unit,
                DiagnosticCode::HclUnsupported,
                span,
                "`timeout` must be written out here, as a number of seconds or a map of them",
            );
            return None;
        }
    }
    Some(node::map(span, entries))
}

/// What stands behind `response`, and how many of the names that uses up.
pub(super) fn response(
    reader: &mut Reader<'_>,
    unit: usize,
    id: &str,
    behind: &[Option<String>],
    span: Span,
) -> (Code, usize) {
    let outputs = format!("outputs{}", step(id));
    let name = behind.first().and_then(|name| name.as_deref());
    match name {
        // The answer itself is of use for `call(…, "json")` only.
        None => (Code::new(format!("{outputs}.body"), Guess::Text), 0),
        Some("text" | "content") => (Code::new(format!("{outputs}.body"), Guess::Text), 1),
        Some("status_code") => (Code::new(format!("{outputs}.code"), Guess::Number), 1),
        Some("headers") => match behind.get(1) {
            Some(Some(header)) => {
                let header = quoted(&header.to_ascii_lowercase());
                // A header may come several times; they are one text then.
                let code = Code::unknown(format!("{outputs}.headers[{header}]"));
                (code.filter("join(', ')", Guess::Text), 2)
            }
            _ => (Code::unknown(format!("{outputs}.headers")), 1),
        },
        Some(other) => {
            let diagnostic = Diagnostic::error(
                DiagnosticCode::UnknownOutput,
                span,
                format!("the answer of a server has no `{other}` here"),
            );
            let mut diagnostic = with_nearest(diagnostic, span, other, &RESPONSE);
            if other == "json" {
                diagnostic = diagnostic.help("write `call(….response, \"json\")`");
            } else if let Some(help) = &mut diagnostic.help {
                help.replacement = None;
            }
            reader.say(unit, diagnostic);
            (Code::wrong(), behind.len())
        }
    }
}
