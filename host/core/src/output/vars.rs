//! The outputs of a task, merged as they come.

use serde_json::{Map, Value};

/// How many outputs one task may have.
pub const MAX_VARS: usize = 10_000;

/// How large the outputs of one task may be together, in bytes of JSON, roughly.
pub const MAX_VARS_BYTES: usize = 64 << 20;

/// A task's outputs: later values of a name win, nulls are kept.
#[derive(Debug, Default)]
pub struct Vars {
    map: Map<String, Value>,
    bytes: usize,
}

impl Vars {
    /// Merges the outputs of one marker, top level only. The error names what was left out because of the limits.
    ///
    /// # Errors
    /// When there are more than [`MAX_VARS`] outputs or they are larger than [`MAX_VARS_BYTES`] together.
    pub fn merge(&mut self, outputs: Map<String, Value>) -> Result<(), String> {
        let mut left_out = 0;
        for (name, value) in outputs {
            let before = self.map.get(&name).map(|old| size(old) + name.len());
            let after = self.bytes - before.unwrap_or(0) + size(&value) + name.len();
            if after > MAX_VARS_BYTES || (before.is_none() && self.map.len() >= MAX_VARS) {
                left_out += 1;
                continue;
            }
            self.bytes = after;
            self.map.insert(name, value);
        }
        if left_out == 0 {
            return Ok(());
        }
        Err(format!(
            "{left_out} outputs were left out: a task may have {MAX_VARS} outputs and {} MiB of them",
            MAX_VARS_BYTES >> 20
        ))
    }

    /// All outputs.
    pub fn into_map(self) -> Map<String, Value> {
        self.map
    }
}

/// Roughly the bytes that a value takes as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(name, item)| name.len() + size(item) + 4)
                .sum::<usize>()
                + 2
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn later_names_win_and_nulls_stay() {
        let mut vars = Vars::default();
        vars.merge(object(json!({"a": 1, "b": {"x": 1}}))).unwrap();
        vars.merge(object(json!({"b": {"y": 2}, "c": null})))
            .unwrap();
        assert_eq!(
            Value::Object(vars.into_map()),
            json!({"a": 1, "b": {"y": 2}, "c": null})
        );
    }

    #[test]
    fn too_many_or_too_large_outputs_are_left_out_and_said() {
        let mut vars = Vars::default();
        for number in 0..MAX_VARS {
            vars.merge(object(json!({number.to_string(): 1}))).unwrap();
        }
        assert!(
            vars.merge(object(json!({"more": 1})))
                .unwrap_err()
                .starts_with("1 outputs")
        );
        vars.merge(object(json!({"0": 2}))).unwrap();

        let mut vars = Vars::default();
        let large = "x".repeat(40 << 20);
        vars.merge(object(json!({"a": large}))).unwrap();
        vars.merge(object(json!({"a": large})))
            .expect("it replaces itself");
        assert!(vars.merge(object(json!({"b": large}))).is_err());
    }
}
