//! Filters on lists and maps, and those that take text as a list of characters.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Parameters::{Named, None as Nothing};
use super::{Filter, Invocation, regexes, texts};
use crate::error::Fail;
use crate::value::{Kind, Map, Value};

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "chunk",
        parameters: Named(&[("size", true)]),
        run: chunk,
    },
    Filter {
        name: "distinct",
        parameters: Nothing,
        run: distinct,
    },
    Filter {
        name: "first",
        parameters: Nothing,
        run: first,
    },
    Filter {
        name: "flatten",
        parameters: Nothing,
        run: flatten,
    },
    Filter {
        name: "join",
        parameters: Named(&[("separator", false)]),
        run: join,
    },
    Filter {
        name: "keys",
        parameters: Nothing,
        run: keys,
    },
    Filter {
        name: "last",
        parameters: Nothing,
        run: last,
    },
    Filter {
        name: "length",
        parameters: Nothing,
        run: length,
    },
    Filter {
        name: "merge",
        parameters: Named(&[("items", true)]),
        run: merge,
    },
    Filter {
        name: "reverse",
        parameters: Nothing,
        run: reverse,
    },
    Filter {
        name: "rsort",
        parameters: Nothing,
        run: |call| sorted(call, true),
    },
    Filter {
        name: "slice",
        parameters: Named(&[("fromIndex", false), ("toIndex", false)]),
        run: slice,
    },
    Filter {
        name: "sort",
        parameters: Nothing,
        run: |call| sorted(call, false),
    },
    Filter {
        name: "split",
        parameters: Named(&[("delimiter", true), ("limit", false)]),
        run: split,
    },
    Filter {
        name: "values",
        parameters: Nothing,
        run: values,
    },
];

fn chunk(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let items = call.list()?;
    match usize::try_from(call.required_int(0)?) {
        Ok(size) if size > 0 => Ok(Value::list(
            items
                .chunks(size)
                .map(|chunk| Value::list(chunk.to_vec()))
                .collect(),
        )),
        _ => Err(Fail::value("argument `size` of `chunk` must be 1 or more")),
    }
}

fn distinct(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let mut kept: Vec<Value> = Vec::new();
    for item in call.list()?.iter() {
        call.budget.charge(kept.len() as u64)?;
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn end(call: &Invocation<'_>, from_back: bool) -> Result<Value, Fail> {
    match &call.input.kind {
        Kind::Null => Ok(Value::null()),
        Kind::List(items) => {
            let item = if from_back {
                items.last()
            } else {
                items.first()
            };
            Ok(item.cloned().unwrap_or_else(Value::null))
        }
        Kind::Text(text) => {
            let mut characters = text.chars();
            let character = if from_back {
                characters.next_back()
            } else {
                characters.next()
            };
            character
                .map(|character| Value::text(character.to_string()))
                .ok_or_else(|| Fail::value(format!("`{}` of an empty text", call.filter.name)))
        }
        _ => Err(call.input_must_be("a list or text")),
    }
}

fn first(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    end(call, false)
}

fn last(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    end(call, true)
}

fn flatten(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let mut flat = Vec::new();
    for item in call.list()?.iter() {
        match &item.kind {
            Kind::List(inner) => flat.extend(inner.iter().map(|element| item.element(element))),
            _ => flat.push(item.clone()),
        }
    }
    Ok(Value::list(flat))
}

fn join(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let separator = call.text_argument(0)?.unwrap_or_else(|| Arc::from(""));
    let mut text = String::new();
    for (index, item) in call.list()?.iter().enumerate() {
        if index > 0 {
            text.push_str(&separator);
        }
        let before = text.len();
        match &item.kind {
            Kind::Null => text.push_str("null"),
            _ => crate::print::value(item, &mut text),
        }
        call.budget
            .charge_bytes(text.len() - before + separator.len())?;
    }
    Ok(Value::text(text))
}

fn keys(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    match &call.input.kind {
        Kind::Null => Ok(Value::null()),
        Kind::Map(entries) => Ok(Value::list(
            entries.keys().map(|key| Value::text(key.clone())).collect(),
        )),
        Kind::List(items) => Ok(Value::list(
            (0..items.len() as i64).map(Value::int).collect(),
        )),
        _ => Err(call.input_must_be("a map or a list")),
    }
}

fn values(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    match &call.input.kind {
        Kind::Null => Ok(Value::null()),
        Kind::Map(entries) => Ok(Value::list(entries.values().cloned().collect())),
        _ => Err(call.input_must_be("a map")),
    }
}

fn length(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    Ok(Value::int(match &call.input.kind {
        Kind::Text(text) => texts::utf16_length(text) as i64,
        Kind::List(items) => items.len() as i64,
        Kind::Map(entries) => entries.len() as i64,
        _ => 0,
    }))
}

fn merge(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let Some(items) = call.argument(0).cloned() else {
        return if call.input.is_null() {
            Err(Fail::kind("`merge` of null with null"))
        } else {
            Ok(call.input.clone())
        };
    };
    match (&call.input.kind, &items.kind) {
        (Kind::Null, _) => Ok(items),
        (Kind::Map(left), Kind::Map(right)) => {
            let mut merged = left.as_ref().clone();
            merged.extend(
                right
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            Ok(Value::map(merged))
        }
        (Kind::Map(left), Kind::List(right)) => {
            let mut merged = left.as_ref().clone();
            merged.extend(
                right
                    .iter()
                    .map(|item| (Arc::from(item.render_text()), item.clone())),
            );
            Ok(Value::map(merged))
        }
        (Kind::List(left), Kind::List(right)) => Ok(Value::list(
            left.iter().chain(right.iter()).cloned().collect(),
        )),
        (Kind::List(left), Kind::Map(right)) => {
            let entries = right.iter().map(|(key, value)| {
                Value::map(Map::from([
                    (Arc::from("key"), Value::text(key.clone())),
                    (Arc::from("value"), value.clone()),
                ]))
            });
            Ok(Value::list(left.iter().cloned().chain(entries).collect()))
        }
        (Kind::List(_) | Kind::Map(_), kind) => Err(Fail::kind(format!(
            "`merge` takes a list or a map, not {}",
            kind.name()
        ))),
        _ => Err(call.input_must_be("a list or a map")),
    }
}

fn reverse(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    Ok(Value::list(call.list()?.iter().rev().cloned().collect()))
}

fn sorted(call: &mut Invocation<'_>, descending: bool) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let mut items = call.list()?.as_ref().clone();
    let turns = u64::from(items.len().max(1).ilog2()) + 1;
    call.budget.charge(items.len() as u64 * turns)?;
    let comparable = |item: &Value| match item.kind {
        Kind::Int(_) | Kind::Float(_) => Some(0),
        Kind::Text(_) => Some(1),
        Kind::Bool(_) => Some(2),
        Kind::DateTime(_) => Some(3),
        _ => None,
    };
    let kind = items.first().and_then(comparable);
    if items.len() > 1
        && let Some(odd) = items
            .iter()
            .find(|item| comparable(item).is_none() || comparable(item) != kind)
    {
        return Err(Fail::kind(format!(
            "`{}` puts numbers or texts in order, not {} among others",
            call.filter.name,
            odd.kind.name()
        )));
    }
    items.sort_by(|left, right| {
        let order = order(left, right);
        if descending { order.reverse() } else { order }
    });
    Ok(Value::list(items))
}

fn order(left: &Value, right: &Value) -> Ordering {
    match (&left.kind, &right.kind) {
        (Kind::Int(left), Kind::Int(right)) => left.cmp(right),
        (Kind::Int(left), Kind::Float(right)) => (*left as f64).total_cmp(right),
        (Kind::Float(left), Kind::Int(right)) => left.total_cmp(&(*right as f64)),
        (Kind::Float(left), Kind::Float(right)) => left.total_cmp(right),
        (Kind::Text(left), Kind::Text(right)) => left.encode_utf16().cmp(right.encode_utf16()),
        (Kind::Bool(left), Kind::Bool(right)) => left.cmp(right),
        (Kind::DateTime(left), Kind::DateTime(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

fn slice(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let length = match &call.input.kind {
        Kind::Null => return Ok(Value::null()),
        Kind::List(items) => items.len(),
        Kind::Text(text) => texts::utf16_length(text),
        _ => return Err(call.input_must_be("a list or text")),
    };
    let index = |call: &Invocation<'_>, argument, default| match call.int_argument(argument)? {
        None => Ok(default),
        Some(index) => usize::try_from(index)
            .map_err(|_| Fail::value("an index of `slice` cannot be negative")),
    };
    let from = index(call, 0, 0)?;
    let to = index(call, 1, length)?;
    let explicit = call.argument(1).is_some();
    if to > length || from > length {
        return Err(Fail::value(format!(
            "`slice` up to {} of something {length} long",
            to.max(from)
        )));
    }
    if explicit && from >= to {
        return Err(Fail::value(format!(
            "`slice` from {from} to {to}: the second index must be larger"
        )));
    }
    Ok(match &call.input.kind {
        Kind::Text(text) => {
            let (from, to) = (texts::utf16_index(text, from), texts::utf16_index(text, to));
            Value::text(&text[from..to.max(from)])
        }
        Kind::List(items) => Value::list(items[from..to].to_vec()),
        _ => Value::null(),
    })
}

/// The delimiter is a regular expression, as in Java, unless it is plain anyway.
fn split(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let text = call.text()?;
    let delimiter = call.required_text(0)?;
    let limit = call.int_argument(1)?.unwrap_or(0);
    let parts = regexes::split(&text, &delimiter, limit, call.budget)?;
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}
