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
        parameters: Named(&[
            ("indent", false),
            ("separators", false),
            ("sortKeys", false),
            ("ascii", false),
        ]),
        run: laid_out,
    },
];

fn to_json(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let mut text = String::new();
    print::json(&call.input, &mut text);
    Ok(Value::text(text))
}

/// `toJson` with a layout: `indent` blanks for each level, `separators` between items and behind keys, keys in their order by
/// `sortKeys`, nothing but ASCII by `ascii`. Without any it is compact, as in Kestra, whose filter takes nothing.
fn laid_out(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.arguments.iter().all(Option::is_none) {
        return to_json(call);
    }
    let indent = match call.int_argument(0)? {
        None => None,
        Some(indent) => Some(
            usize::try_from(indent)
                .ok()
                .filter(|indent| *indent <= MOST_INDENT)
                .ok_or_else(|| {
                    Fail::value(format!(
                        "argument `indent` of `toJson` must be 0 to {MOST_INDENT}, not {indent}"
                    ))
                })?,
        ),
    };
    let (item, key) = match call.argument(1).map(|value| &value.kind) {
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (",".to_owned(), ":".to_owned()),
        Some(Kind::List(pair)) if pair.len() == 2 => (pair[0].render_text(), pair[1].render_text()),
        Some(_) => {
            return Err(Fail::kind(
                "argument `separators` of `toJson` must be a list of two texts, those behind an item and behind a key",
            ));
        }
    };
    let layout = print::Layout {
        indent,
        item,
        key,
        sort: call.bool_argument(2)?,
        ascii: call.bool_argument(3)?,
    };
    let mut text = String::new();
    print::json_as(&call.input, &layout, 0, &mut text);
    call.budget.charge_bytes(text.len())?;
    Ok(Value::text(text))
}

/// The widest indentation of one level, in blanks.
const MOST_INDENT: usize = 16;

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
