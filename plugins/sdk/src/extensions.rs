//! What the contract's `extensions` carry today, both ways: JSON that hosts and plugins of other versions pass over.

use crate::json::Value;
use crate::types::{Context, Plan};

/// What a plan asks for beside its records. A host that does not know a wish passes it over, so a task must make sense without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    keep: Vec<Value>,
    carry: Vec<Value>,
}

impl Extensions {
    /// No wish.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a file that the program may leave, under a name among the task's `outputFiles`.
    #[must_use]
    pub fn keep_file(mut self, path: &str, name: &str) -> Self {
        self.keep.push(object(&[("path", path), ("file", name)]));
        self
    }

    /// Keeps a file that the program may leave; its URI is an output of the task's own, `outputs.<task>.<name>`.
    #[must_use]
    pub fn keep_output(mut self, path: &str, name: &str) -> Self {
        self.keep.push(object(&[("path", path), ("output", name)]));
        self
    }

    /// Carries a file from each successful execution of the flow to the next one, where it stands at the same path. Tasks that say
    /// the same name share it.
    #[must_use]
    pub fn carry(mut self, path: &str, name: &str) -> Self {
        self.carry.push(object(&[("path", path), ("name", name)]));
        self
    }

    /// Puts the wishes into a plan.
    pub fn put_into(self, plan: &mut Plan) {
        let wishes: Vec<(String, Value)> = [("keep", self.keep), ("carry", self.carry)]
            .into_iter()
            .filter(|(_, wishes)| !wishes.is_empty())
            .map(|(name, wishes)| (name.to_owned(), Value::List(wishes)))
            .collect();
        if !wishes.is_empty() {
            plan.extensions = Some(Value::Object(wishes).to_pretty());
        }
    }
}

impl Context {
    /// The task's `failFast` where its author wrote it and the host tells. Shell lines have it from the host; a tool with a mode of
    /// its own for that needs to know.
    pub fn fail_fast(&self) -> Option<bool> {
        let extensions = Value::parse(self.extensions.as_deref()?).ok()?;
        match extensions.get("failFast")? {
            Value::Bool(fail_fast) => Some(*fail_fast),
            _ => None,
        }
    }
}

fn object(entries: &[(&str, &str)]) -> Value {
    let entry = |(key, text): &(&str, &str)| ((*key).to_owned(), Value::from(*text));
    Value::Object(entries.iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::types::Program;

    #[test]
    fn wishes_are_json_and_none_is_nothing() {
        let mut plan = Plan::new(Program::Shell(vec![]));
        Extensions::new().put_into(&mut plan);
        assert_eq!(plan.extensions, None);
        Extensions::new()
            .keep_file("target/a.json", "a.json")
            .keep_output("raw", "raw")
            .carry("state.json", "s")
            .put_into(&mut plan);
        let found = Value::parse(&plan.extensions.unwrap()).unwrap();
        let kept = found.get("keep").and_then(Value::as_list).unwrap();
        assert_eq!(
            kept[0],
            object(&[("path", "target/a.json"), ("file", "a.json")])
        );
        assert_eq!(kept[1], object(&[("path", "raw"), ("output", "raw")]));
        let carried = found.get("carry").and_then(Value::as_list).unwrap();
        assert_eq!(carried[0], object(&[("path", "state.json"), ("name", "s")]));
    }

    #[test]
    fn fail_fast_is_known_where_the_host_tells() {
        let check = |extensions: Option<&str>, expected: Option<bool>| {
            let mut context = cases::context(&Value::Object(vec![])).unwrap();
            context.extensions = extensions.map(str::to_owned);
            assert_eq!(context.fail_fast(), expected, "{extensions:?}");
        };
        check(None, None);
        check(Some(r#"{"failFast":false}"#), Some(false));
        check(Some(r#"{"later":1,"failFast":true}"#), Some(true));
        check(Some(r#"{"failFast":"yes"}"#), None);
        check(Some("{"), None);
    }
}
