//! Small walks over the spanned tree.

use serde_json::{Map, Value};

use crate::yaml::{Node, NodeKind, ScalarValue};

/// The node as JSON, some of its keys as the text that their author wrote: unquoted, `1.10` is the number 1.1.
pub(crate) fn to_json_with_text(node: &Node, text_keys: &[&str]) -> Value {
    let entries = node.entries();
    if entries.is_empty() {
        return node.to_json();
    }
    let mut map = Map::with_capacity(entries.len());
    for entry in entries {
        let value = match entry.value.scalar() {
            Some(scalar)
                if scalar.value != ScalarValue::Null && text_keys.contains(&&*entry.key) =>
            {
                Value::from(&*scalar.text)
            }
            _ => entry.value.to_json(),
        };
        map.insert(entry.key.to_string(), value);
    }
    Value::Object(map)
}

/// The node as JSON, with empty maps in place of the maps in some of its lists, which are checked by themselves.
pub(super) fn to_json_with_stubs(node: &Node, text_keys: &[&str], stub_keys: &[&str]) -> Value {
    let mut map = Map::new();
    for entry in node.entries() {
        let stubbed = stub_keys.contains(&&*entry.key);
        let value = match &entry.value.kind {
            NodeKind::List(items) if stubbed => items
                .iter()
                .map(|item| match &item.kind {
                    NodeKind::Map(_) => Value::Object(Map::new()),
                    _ => item.to_json(),
                })
                .collect(),
            NodeKind::Scalar(scalar)
                if scalar.value != ScalarValue::Null && text_keys.contains(&&*entry.key) =>
            {
                Value::from(&*scalar.text)
            }
            _ => entry.value.to_json(),
        };
        map.insert(entry.key.to_string(), value);
    }
    Value::Object(map)
}

/// Calls back for every text scalar of the tree with its node.
pub(crate) fn for_each_text<'node>(
    node: &'node Node,
    visit: &mut dyn FnMut(&'node str, &'node Node),
) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            if scalar.value == ScalarValue::Text {
                visit(&scalar.text, node);
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| for_each_text(item, visit)),
        NodeKind::Map(entries) => entries
            .iter()
            .for_each(|entry| for_each_text(&entry.value, visit)),
    }
}
