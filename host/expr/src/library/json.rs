//! JSON: to text, from text, and the jq filter.

use std::sync::Arc;

use super::Parameters::{Named, None as Nothing};
use super::{Filter, Invocation, jq};
use crate::error::Fail;
use crate::limits::Budget;
use crate::print;
use crate::value::{Kind, Value};

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "jq",
        parameters: Named(&[("expression", true)]),
        run: jq::filter,
    },
    Filter {
        name: "json",
        parameters: Nothing,
        run: to_json,
    },
    Filter {
        name: "toJson",
        parameters: Nothing,
        run: to_json,
    },
];

fn to_json(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let mut text = String::new();
    print::json(&call.input, &mut text);
    Ok(Value::text(text))
}

/// Whether the text starts with a complete JSON document.
pub(super) fn is_valid(text: &str) -> bool {
    text.trim().is_empty() || document(text).is_ok()
}

/// Reads the first JSON document of a text, as Kestra does.
fn document(text: &str) -> Result<serde_json::Value, serde_json::Error> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    match documents.next() {
        Some(document) => document,
        // An empty text has no document; this gives the error that says so.
        None => serde_json::from_str(text),
    }
}

/// Reads a JSON text into a value.
pub(super) fn parse(text: &str, budget: &mut Budget) -> Result<Value, Fail> {
    budget.charge_bytes(text.len())?;
    document(text)
        .map(|document| Value::from_json(&document))
        .map_err(|error| {
            // The reader's message tells what it expected and where, never the text itself.
            Fail::value(format!("the text is not valid JSON: {error}"))
        })
}

/// The argument of `fromJson`.
pub(super) fn parse_argument(
    name: &str,
    value: &Value,
    budget: &mut Budget,
) -> Result<Value, Fail> {
    match &value.kind {
        Kind::Null => Ok(Value::null()),
        Kind::Text(text) => parse(&Arc::clone(text), budget),
        kind => Err(
            Fail::kind(format!("`{name}` takes text, not {}", kind.name()))
                .help("what is a list or a map already needs no `fromJson`"),
        ),
    }
}
