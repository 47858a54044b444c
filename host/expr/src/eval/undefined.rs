//! What to say about a name, key or index that is not there.

use crate::environment::Environment;
use crate::error::{EvalError, EvalErrorKind, Span};
use crate::library::names::nearest;
use crate::syntax::tree::{Expression, Node};
use crate::value::{Kind, Value};

/// A variable that does not exist.
pub(super) fn variable(
    name: &str,
    span: Span,
    locals: &[&str],
    environment: Option<&dyn Environment>,
) -> EvalError {
    let error = EvalError::new(
        EvalErrorKind::Undefined,
        span,
        format!("`{name}` is not defined"),
    );
    let Some(environment) = environment else {
        return error.with_help("a macro sees only its own parameters");
    };
    if name == "raise" {
        return error.with_help("the expression asks for an error here with `?? raise`");
    }
    let mut names = environment.names();
    names.extend(locals.iter().map(|name| (*name).to_owned()));
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None if names.is_empty() => error,
        None => error.with_help(format!("there is {}", some(names))),
    }
}

/// A key of a value that is not there. Keys of a map made from a secret are not told.
pub(super) fn key(
    node: &Node,
    target: &Node,
    holder: &Value,
    key: &Value,
    source: &str,
) -> EvalError {
    let path = path(node, source);
    let below = self::path(target, source);
    let error = |message: String| EvalError::new(EvalErrorKind::Undefined, node.span, message);
    match &holder.kind {
        Kind::Null => error(format!("{path} is not defined: {below} is null")),
        Kind::List(items) => {
            let elements = match items.len() {
                1 => "1 element".to_owned(),
                many => format!("{many} elements"),
            };
            error(format!(
                "{path} is not defined: {below} has {elements}, counted from 0"
            ))
        }
        Kind::Map(entries) => {
            let error = error(format!("{path} is not defined"));
            if !holder.secrets().is_empty() {
                return error;
            }
            let name = key.render_text();
            match nearest(&name, entries.keys().map(AsRef::as_ref)) {
                Some(near) => error.with_help(format!("did you mean `{near}`?")),
                None if entries.is_empty() => error.with_help(format!("{below} is empty")),
                None => error.with_help(format!(
                    "{below} has {}",
                    some(entries.keys().map(ToString::to_string).collect())
                )),
            }
        }
        kind => {
            let error = error(format!("{path} is not defined: {below} is {}", kind.name()));
            match (&kind, key.as_str()) {
                (Kind::Text(_) | Kind::List(_), Some("length" | "size")) => {
                    error.with_help("write `| length`")
                }
                (Kind::Text(_), _) => error.with_help(
                    "a text has no parts; write `| slice(from, to)`, or `fromJson(text)` if it is JSON",
                ),
                _ => error,
            }
        }
    }
}

/// Shows a path as written; other expressions are only called a value.
fn path(node: &Node, source: &str) -> String {
    let mut current = node;
    loop {
        match &current.expression {
            Expression::Attribute { target, .. } => current = target,
            Expression::Variable(_) => break,
            _ => return "this value".to_owned(),
        }
    }
    match source.get(node.span.range()) {
        Some(text) if text.len() <= 80 => format!("`{text}`"),
        _ => "this value".to_owned(),
    }
}

fn some(mut names: Vec<String>) -> String {
    const SHOWN: usize = 8;
    names.sort();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let listed = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        format!("{listed} and {more} more")
    } else {
        listed
    }
}
