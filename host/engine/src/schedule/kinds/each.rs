//! The same tasks once for each of some values.

use std::sync::Arc;

use serde_json::Value;
use taffrail_core::flow::Task;
use taffrail_core::record::{Failure, State};

use super::{Flowable, Item, Next, View, invalid, text};

/// The tasks once for each value, as many values at once as are allowed.
pub(super) struct Each<'a> {
    values: std::vec::IntoIter<Arc<str>>,
    tasks: &'a [Task],
    next: usize,
    running: usize,
    limit: usize,
    stopped: bool,
}

/// How many may run at once, where 0 says that all may.
pub(super) fn at_once(limit: u32) -> usize {
    match limit {
        0 => usize::MAX,
        limit => limit as usize,
    }
}

impl<'a> Each<'a> {
    /// Takes the values of a rendered key: a list, a map, or text that is one.
    pub(super) fn new(
        values: &Value,
        key: &str,
        tasks: &'a [Task],
        limit: u32,
    ) -> Result<Self, Failure> {
        Ok(Self {
            values: read_values(values, key)?.into_iter(),
            tasks,
            next: 0,
            running: 0,
            limit: at_once(limit),
            stopped: false,
        })
    }
}

impl<'a> Flowable<'a> for Each<'a> {
    fn next(&mut self, _view: &dyn View) -> Result<Next<'a>, Failure> {
        if self.stopped || self.running >= self.limit {
            return Ok(Next::Wait);
        }
        let Some(value) = self.values.next() else {
            return Ok(Next::Wait);
        };
        let iteration = self.next;
        self.next += 1;
        self.running += 1;
        Ok(Next::List(
            iteration,
            self.tasks,
            Some(Item { value, iteration }),
        ))
    }

    fn ended(&mut self, _child: usize, state: State) {
        self.running -= 1;
        // One value after the other is a sequence, which a failure ends; values at once do not wait for each other.
        self.stopped |= self.limit == 1 && !state.goes_on();
    }
}

/// The values as texts: what is no text, as JSON. The entries of a map are maps of `key` and `value`.
fn read_values(values: &Value, key: &str) -> Result<Vec<Arc<str>>, Failure> {
    let parsed;
    let values = match values {
        Value::String(written) => {
            parsed = serde_json::from_str::<Value>(written.trim()).map_err(|_| {
                let shown: String = written.trim().chars().take(60).collect();
                invalid(format!(
                    "`{key}` must be a list, a map, or a JSON text of one, not `{shown}`"
                ))
            })?;
            &parsed
        }
        other => other,
    };
    match values {
        Value::Array(items) => Ok(items.iter().map(|item| text(item).into()).collect()),
        Value::Object(map) => Ok(map
            .iter()
            .map(|(key, value)| {
                serde_json::json!({ "key": key, "value": value })
                    .to_string()
                    .into()
            })
            .collect()),
        other => Err(invalid(format!(
            "`{key}` must be a list or a map, not `{other}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_texts() {
        let check = |values: Value, expected: &[&str]| {
            let found = read_values(&values, "values").unwrap();
            let found: Vec<&str> = found.iter().map(|value| &**value).collect();
            assert_eq!(found, expected, "{values}");
        };
        check(
            json!(["a", 1, true, null, {"k": [1]}]),
            &["a", "1", "true", "", r#"{"k":[1]}"#],
        );
        check(json!({"a": 1}), &[r#"{"key":"a","value":1}"#]);
        check(json!(" [\"x\", \"y\"] "), &["x", "y"]);
        check(json!("[]"), &[]);
        for bad in [json!("a, b"), json!("7"), json!(7), json!("\"x\"")] {
            let failure = read_values(&bad, "values").unwrap_err();
            assert!(
                failure.message.contains("`values` must be a list"),
                "{bad}: {}",
                failure.message
            );
        }
    }
}
