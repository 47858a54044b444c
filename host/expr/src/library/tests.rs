//! The tests that may follow `is`.

use super::{Test, json};
use crate::error::Fail;
use crate::value::{Kind, Value};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "defined",
        run: |value| Ok(!value.is_null()),
    },
    Test {
        name: "empty",
        run: |value| Ok(is_empty(value)),
    },
    Test {
        name: "even",
        run: |value| Ok(whole(value, "even")? % 2 == 0),
    },
    Test {
        name: "iterable",
        run: |value| Ok(value.as_list().is_some()),
    },
    Test {
        name: "json",
        run: is_json,
    },
    Test {
        name: "map",
        run: |value| Ok(value.as_map().is_some()),
    },
    Test {
        name: "null",
        run: |value| Ok(value.is_null()),
    },
    Test {
        name: "odd",
        run: |value| Ok(whole(value, "odd")? % 2 != 0),
    },
];

/// Null, a blank text, and a list or map without elements are empty.
pub(super) fn is_empty(value: &Value) -> bool {
    match &value.kind {
        Kind::Null => true,
        Kind::Text(text) => text.chars().all(|character| character <= ' '),
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

fn whole(value: &Value, test: &str) -> Result<i64, Fail> {
    value.as_int().ok_or_else(|| {
        Fail::kind(format!(
            "`is {test}` is asked of a whole number, not of {}",
            value.kind.name()
        ))
    })
}

fn is_json(value: &Value) -> Result<bool, Fail> {
    match &value.kind {
        Kind::Text(text) => Ok(json::is_valid(text)),
        kind => Err(Fail::kind(format!(
            "`is json` is asked of text, not of {}",
            kind.name()
        ))),
    }
}
