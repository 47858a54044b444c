//! The loops that a task stands in: its outputs lie below a value of each of them.

use std::sync::Arc;

use serde_json::Value;

use super::expressions::may_hold_expression;
use super::nodes::for_each_text;
use crate::diagnostic::{Code, Diagnostic};
use crate::native::FlowableKind;
use crate::yaml::{Node, push_key};

/// A task that runs those inside it once for each of some values.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) id: Option<Arc<str>>,
    /// The values as expressions see them; nothing where they are only known when it runs.
    pub(super) values: Option<Vec<Arc<str>>>,
}

impl Loop {
    /// Reads the values from the keys of a loop, its defaults included, and says what can be none.
    pub(super) fn new(
        id: Option<Arc<str>>,
        kind: FlowableKind,
        keys: &Node,
        path: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let key = match kind {
            FlowableKind::ForEach => "values",
            _ => "value",
        };
        if let Some(node) = keys
            .get(key)
            .filter(|node| kind.has_items() && !holds_values(node))
        {
            let mut path = path.to_owned();
            push_key(&mut path, key);
            let text = node.scalar().map_or("", |scalar| &scalar.text);
            found.push(
                Diagnostic::error(
                    Code::WrongValue,
                    node.span,
                    format!("`{key}` must be a list, a map, or a JSON text of one, not `{text}`"),
                )
                .path(path),
            );
        }
        Self {
            id,
            values: keys.get(key).and_then(written_values),
        }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match &self.id {
            Some(id) => format!("`{id}`"),
            None => "the loop".to_owned(),
        }
    }
}

/// Whether a value may be a list or a map when it is rendered.
fn holds_values(node: &Node) -> bool {
    let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else {
        return true;
    };
    may_hold_expression(&scalar.text)
        || serde_json::from_str::<Value>(scalar.text.trim())
            .is_ok_and(|value| value.is_array() || value.is_object())
}

/// The values of a list without expressions, or of a JSON text of one. A map gives values that nobody writes as a key.
fn written_values(node: &Node) -> Option<Vec<Arc<str>>> {
    let mut computed = false;
    for_each_text(node, &mut |text, _| computed |= may_hold_expression(text));
    if computed {
        return None;
    }
    let written = match node.to_json() {
        Value::String(text) => serde_json::from_str(text.trim()).ok()?,
        other => other,
    };
    let Value::Array(items) = written else {
        return None;
    };
    let text = |item: Value| match item {
        Value::String(text) => Some(text.into()),
        Value::Null => Some("".into()),
        Value::Bool(_) | Value::Number(_) => Some(item.to_string().into()),
        Value::Array(_) | Value::Object(_) => None,
    };
    items.into_iter().map(text).collect()
}
