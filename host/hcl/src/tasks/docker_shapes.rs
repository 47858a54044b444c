//! The arguments of `docker_run` whose form is not that of the runner's property.

use hcl_edit::expr::Expression;
use serde_json::Value;
use taffrail_core::diagnostic::Code as DiagnosticCode;
use taffrail_core::yaml::{Node, NodeKind, Span};

use crate::code::{Code, Guess, plain};
use crate::constant;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

/// Says what form an argument must have here.
fn must_be(reader: &mut Reader<'_>, unit: usize, span: Span, what: &str) {
    reader.wrong(
        unit,
        DiagnosticCode::WrongType,
        span,
        format!("this must be written out here, as {what}"),
    );
}

/// The entries of a map that is written out, each with the place of its key.
fn entries(value: &Expression) -> Option<Vec<(String, Span, &Expression)>> {
    let Expression::Object(object) = value else {
        return None;
    };
    let entries = constant::entries(object)?;
    Some(
        entries
            .into_iter()
            .map(|(key, written, value)| (key, place(written), value))
            .collect(),
    )
}

/// A text as the words that a shell would make of it, or a list of words.
pub(super) fn words(reader: &mut Reader<'_>, value: &Expression, context: &Context) -> Node {
    let span = place(value);
    if let Some(text) = constant::text(value) {
        return match taffrail_expr::shell_words(&text) {
            Ok(words) => {
                let words = words.iter().map(|word| node::text(span, plain(word)));
                node::list(span, words.collect())
            }
            Err(reason) => {
                reader.wrong(context.unit, DiagnosticCode::WrongValue, span, reason);
                node::list(span, Vec::new())
            }
        };
    }
    match value {
        Expression::Array(_) => reader.value(value, context),
        Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => {
            reader.made(span, |reader| {
                reader
                    .expression(value, context)
                    .filter("shWords", Guess::List)
            })
        }
        // A text or a list: only the run knows.
        _ => reader.made(span, |reader| {
            let code = reader.expression(value, context);
            match code.guess {
                Guess::List => code,
                Guess::Text => code.filter("shWords", Guess::List),
                _ => {
                    let is_list = code.jq("type == \"array\"", Guess::Bool);
                    Code::unknown(format!(
                        "({} ? {} : ({} | shWords))",
                        is_list.text, code.text, code.text
                    ))
                }
            }
        }),
    }
}

/// A map, or a list of `NAME=value`.
pub(super) fn environment(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let span = place(value);
    let Expression::Array(items) = value else {
        return Some(reader.value(value, context));
    };
    let mut pairs = Vec::new();
    for item in items.iter() {
        let node = reader.text(item, context);
        let written = node.scalar().map_or("", |scalar| &scalar.text);
        // The name stands before the first expression, and before the first sign.
        match written.split_once('=') {
            Some((name, rest)) if !name.contains('{') => {
                let rest = node::text(node.span, rest);
                pairs.push(node::entry(name, node.span, rest));
            }
            _ => {
                must_be(reader, context.unit, node.span, "`NAME=value`");
                return None;
            }
        }
    }
    Some(node::map(span, pairs))
}

/// A map of names and addresses as a list of `name:address`.
pub(super) fn hosts(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    if let Expression::Array(_) = value {
        return Some(reader.value(value, context));
    }
    let Some(entries) = entries(value) else {
        must_be(
            reader,
            context.unit,
            place(value),
            "a map of names and addresses",
        );
        return None;
    };
    let items = entries
        .into_iter()
        .map(|(name, at, address)| prefixed(reader, &format!("{name}:"), at, address, context));
    Some(node::list(place(value), items.collect()))
}

/// A text that is a fixed part and a value.
fn prefixed(
    reader: &mut Reader<'_>,
    fixed: &str,
    span: Span,
    value: &Expression,
    context: &Context,
) -> Node {
    let value = reader.text(value, context);
    let text = value.scalar().map_or("", |scalar| &scalar.text);
    node::text(span, format!("{}{text}", plain(fixed)))
}

/// A map of labels, or a list of the names of empty ones.
pub(super) fn labels(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let Expression::Array(items) = value else {
        return Some(reader.value(value, context));
    };
    let mut labels = Vec::new();
    for item in items.iter() {
        let name = reader.text(item, context);
        let text = name.scalar().map_or("", |scalar| &scalar.text).to_owned();
        labels.push(node::entry(text, name.span, node::text(name.span, "")));
    }
    Some(node::map(place(value), labels))
}

/// One name, or a list of one.
pub(super) fn one_name(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    match value {
        Expression::Array(items) if items.len() == 1 => {
            items.get(0).map(|name| reader.text(name, context))
        }
        Expression::Array(_) => {
            must_be(reader, context.unit, place(value), "one name");
            None
        }
        _ => Some(reader.text(value, context)),
    }
}

/// The opposite of a flag.
pub(super) fn opposite(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let span = place(value);
    Some(match constant::constant(value) {
        Some(Value::Bool(flag)) => node::bool(span, !flag),
        _ => reader.made(span, |reader| {
            let truth = reader.expression(value, context).truth();
            Code::new(format!("(not {truth})"), Guess::Bool)
        }),
    })
}

/// A name of the engine's interface as the runner spells it: `ReadOnly`, `read_only` and `readOnly` are one, so are `DeviceIDs` and
/// `device_ids`.
fn spelled(name: &str) -> String {
    let mut out = String::new();
    let mut up = false;
    let mut letters = name.chars().peekable();
    let mut last_was_up = true;
    while let Some(letter) = letters.next() {
        if letter == '_' {
            up = true;
            continue;
        }
        if up {
            out.extend(letter.to_uppercase());
        } else if letter.is_uppercase() && last_was_up {
            // The first letter, and those inside a word of capitals.
            let starts_word =
                letters.peek().is_some_and(|next| next.is_lowercase()) && !out.is_empty();
            let plural = letters.peek() == Some(&'s') && letters.clone().count() == 1;
            if starts_word && !plural {
                out.push(letter);
            } else {
                out.extend(letter.to_lowercase());
            }
        } else {
            out.push(letter);
        }
        last_was_up = letter.is_uppercase();
        up = false;
    }
    out
}

/// The same map with its keys as the runner spells them, and those in it.
fn respelled(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Map(entries) => {
            for entry in entries {
                entry.key = spelled(&entry.key).into();
                // What is below these is the author's own.
                if !matches!(&*entry.key, "options" | "labels" | "Labels") {
                    respelled(&mut entry.value);
                }
            }
        }
        NodeKind::List(items) => items.iter_mut().for_each(respelled),
        NodeKind::Scalar(_) => {}
    }
}

/// A list of maps whose keys are those of the engine's interface.
pub(super) fn spelled_items(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let mut node = reader.value(value, context);
    respelled(&mut node);
    Some(node)
}

/// Limits of devices: `Path` with `Weight` or `Rate`.
pub(super) fn devices(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    spelled_items(reader, value, context)
}

/// `Name` or `type`, and the options of a log driver.
pub(super) fn log_config(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let Some(entries) = entries(value) else {
        must_be(
            reader,
            context.unit,
            place(value),
            "a map of `type` and `config`",
        );
        return None;
    };
    let mut made = Vec::new();
    for (key, at, value) in entries {
        let name = match key.to_lowercase().as_str() {
            "type" | "driver" => "driver".to_owned(),
            "config" | "options" => "options".to_owned(),
            _ => key,
        };
        made.push(node::entry(name, at, reader.value(value, context)));
    }
    Some(node::map(place(value), made))
}

/// Times are billionths of a second.
pub(super) fn healthcheck(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let Some(entries) = entries(value) else {
        must_be(
            reader,
            context.unit,
            place(value),
            "a map of `test`, `interval`, `timeout`, `retries` and `start_period`",
        );
        return None;
    };
    let mut made = Vec::new();
    for (key, at, value) in entries {
        let key = spelled(&key);
        let span = place(value);
        let is_time = matches!(
            key.as_str(),
            "interval" | "timeout" | "startPeriod" | "startInterval"
        );
        let node = match constant::constant(value) {
            Some(Value::Number(nanoseconds)) if is_time => {
                node::text(span, format!("{nanoseconds}ns"))
            }
            None if is_time => reader.with_macros(span, |reader| {
                let code = reader.expression(value, context);
                format!("{{{{ {} }}}}ns", code.text)
            }),
            _ => reader.value(value, context),
        };
        made.push(node::entry(key, at, node));
    }
    Some(node::map(place(value), made))
}

/// A map of the container's ports: to a port of the host, an address and a port, several ports, or nothing for any.
pub(super) fn ports(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    let Some(entries) = entries(value) else {
        must_be(
            reader,
            context.unit,
            place(value),
            "a map of the container's ports",
        );
        return None;
    };
    let mut items = Vec::new();
    for (container, at, host) in entries {
        let bound = |host: &str| format!("{host}{}", plain(&container));
        match host {
            Expression::Null(_) => items.push(node::text(at, bound(""))),
            Expression::Array(several) => {
                let parts: Vec<&Expression> = several.iter().collect();
                let address = match parts.as_slice() {
                    [address, port] => constant::text(address).map(|address| (address, *port)),
                    _ => None,
                };
                let hosts: Vec<(String, &Expression)> = match address {
                    Some((address, port)) if address.contains(':') => {
                        vec![(format!("[{address}]:"), port)]
                    }
                    Some((address, port)) => vec![(format!("{address}:"), port)],
                    None => parts
                        .into_iter()
                        .map(|port| (String::new(), port))
                        .collect(),
                };
                for (address, port) in hosts {
                    let port = reader.text(port, context);
                    let port = port.scalar().map_or("", |scalar| &scalar.text);
                    items.push(node::text(at, bound(&format!("{address}{port}:"))));
                }
            }
            port => {
                let port = reader.text(port, context);
                let port = port.scalar().map_or("", |scalar| &scalar.text);
                items.push(node::text(at, bound(&format!("{port}:"))));
            }
        }
    }
    Some(node::list(place(value), items))
}

/// A map of sources to `bind` and `mode`, or a list of `source:target[:mode]`.
pub(super) fn volumes(
    reader: &mut Reader<'_>,
    value: &Expression,
    context: &Context,
) -> Option<Node> {
    if let Expression::Array(_) = value {
        return Some(reader.value(value, context));
    }
    let unit = context.unit;
    let Some(all) = entries(value) else {
        must_be(
            reader,
            unit,
            place(value),
            "a map of sources, or a list of `source:target[:mode]`",
        );
        return None;
    };
    let mut items = Vec::new();
    for (source, at, how) in all {
        let parts = entries(how).unwrap_or_default();
        let mut target = None;
        let mut mode = String::new();
        for (key, key_at, value) in parts {
            let text = reader.text(value, context);
            let text = text.scalar().map_or("", |scalar| &scalar.text).to_owned();
            match key.as_str() {
                "bind" => target = Some(text),
                "mode" => mode = format!(":{text}"),
                other => reader.wrong(
                    unit,
                    DiagnosticCode::UnknownProperty,
                    key_at,
                    format!("a volume has no `{other}`; it has `bind` and `mode`"),
                ),
            }
        }
        match target {
            Some(target) => {
                let source = plain(
                    source
                        .strip_suffix('/')
                        .filter(|rest| !rest.is_empty())
                        .unwrap_or(&source),
                );
                items.push(node::text(at, format!("{source}:{target}{mode}")));
            }
            None => must_be(reader, unit, place(how), "a map of `bind` and `mode`"),
        }
    }
    Some(node::list(place(value), items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_runner_has_them() {
        for (written, expected) in [
            ("ReadOnly", "readOnly"),
            ("read_only", "readOnly"),
            ("readOnly", "readOnly"),
            ("DeviceIDs", "deviceIds"),
            ("device_ids", "deviceIds"),
            ("Name", "name"),
            ("Soft", "soft"),
            ("TmpfsOptions", "tmpfsOptions"),
            ("SizeBytes", "sizeBytes"),
            ("start_period", "startPeriod"),
        ] {
            assert_eq!(spelled(written), expected, "{written}");
        }
    }
}
