//! The values of the expression language: JSON's kinds and moments in time, each marked with the
//! secrets it was made from. Knows nothing of templates or of where values come from.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::print;

/// An ordered map from text to values, as flows write them.
pub type Map = IndexMap<Arc<str>, Value>;

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fractional part; prints as Java prints a double (`1.0`, `1.0E10`).
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// Values in order.
    List(Arc<Vec<Value>>),
    /// Values by key, in order.
    Map(Arc<Map>),
    /// A moment with its time zone; prints in ISO 8601.
    DateTime(jiff::Zoned),
}

impl Kind {
    /// Names the kind for messages, with its article.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::DateTime(_) => "a date",
        }
    }
}

/// The names of the secrets that went into a value; empty costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taint(Option<Arc<BTreeSet<Arc<str>>>>);

impl Taint {
    /// Joins two sets, sharing when one covers the other.
    pub(crate) fn union(&self, other: &Taint) -> Taint {
        match (&self.0, &other.0) {
            (_, None) => self.clone(),
            (None, _) => other.clone(),
            (Some(left), Some(right)) => {
                if Arc::ptr_eq(left, right) || left.is_superset(right) {
                    self.clone()
                } else {
                    Taint(Some(Arc::new(left.union(right).cloned().collect())))
                }
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Taint) {
        if other.0.is_some() {
            *self = self.union(other);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn names(&self) -> BTreeSet<Arc<str>> {
        self.0.as_deref().cloned().unwrap_or_default()
    }
}

/// A value and the secrets that went into it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Value {
    /// What the value is.
    pub kind: Kind,
    taint: Taint,
    /// How many containers lie inside one another here; bounded while evaluating, so that neither
    /// printing nor dropping a value can exhaust the stack.
    nesting: u16,
    /// How much there is to print: elements, and text in units of 16 bytes. What occurs twice
    /// counts twice, since containers that share their parts print far larger than they are.
    weight: u32,
}

impl Value {
    fn new(kind: Kind) -> Value {
        let weight = match &kind {
            Kind::Text(text) => 1 + u32::try_from(text.len() / 16).unwrap_or(u32::MAX - 1),
            _ => 1,
        };
        Value {
            kind,
            taint: Taint::default(),
            nesting: 0,
            weight,
        }
    }

    fn container<'v>(kind: Kind, parts: impl Iterator<Item = &'v Value>) -> Value {
        let (mut nesting, mut weight) = (0, 1_u32);
        for part in parts {
            nesting = nesting.max(part.nesting);
            weight = weight.saturating_add(part.weight);
        }
        Value {
            kind,
            taint: Taint::default(),
            nesting: nesting.saturating_add(1),
            weight,
        }
    }

    /// Nothing.
    pub fn null() -> Value {
        Value::new(Kind::Null)
    }

    /// A boolean.
    pub fn bool(value: bool) -> Value {
        Value::new(Kind::Bool(value))
    }

    /// A whole number.
    pub fn int(value: i64) -> Value {
        Value::new(Kind::Int(value))
    }

    /// A number with a fractional part.
    pub fn float(value: f64) -> Value {
        Value::new(Kind::Float(value))
    }

    /// Text.
    pub fn text(value: impl Into<Arc<str>>) -> Value {
        Value::new(Kind::Text(value.into()))
    }

    /// A moment in time.
    pub fn datetime(value: jiff::Zoned) -> Value {
        Value::new(Kind::DateTime(value))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Value {
        let items = Arc::new(items);
        Value::container(Kind::List(items.clone()), items.iter())
    }

    /// A map.
    pub fn map(entries: Map) -> Value {
        let entries = Arc::new(entries);
        Value::container(Kind::Map(entries.clone()), entries.values())
    }

    /// Puts a value at the end of a way of keys, in place where nobody else holds the maps on it; what is no map on the way is
    /// replaced by one.
    pub fn insert_at(&mut self, way: &[Arc<str>], value: Value) {
        let Some((first, rest)) = way.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self.kind, Kind::Map(_)) {
            *self = Value::map(Map::new());
        }
        let Kind::Map(entries) = &mut self.kind else {
            return;
        };
        let entries = Arc::make_mut(entries);
        let place = entries.entry(first.clone()).or_insert_with(Value::null);
        let before = place.weight;
        place.insert_at(rest, value);
        // Bounds may only be too high: what is replaced could be anywhere in the depth.
        self.nesting = self.nesting.max(place.nesting.saturating_add(1));
        self.weight = self
            .weight
            .saturating_add(place.weight)
            .saturating_sub(before);
    }

    /// Takes over a JSON document. Whole numbers beyond 64 bits become floating.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::null(),
            serde_json::Value::Bool(value) => Value::bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Value::int(whole),
                None => Value::float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Value::text(text.as_str()),
            serde_json::Value::Array(items) => {
                Value::list(items.iter().map(Value::from_json).collect())
            }
            serde_json::Value::Object(entries) => Value::map(
                entries
                    .iter()
                    .map(|(key, value)| (Arc::from(key.as_str()), Value::from_json(value)))
                    .collect(),
            ),
        }
    }

    /// Gives the value as JSON: dates as text, numbers that JSON lacks as null. Marks are lost, so
    /// ask [`Value::all_secrets`] first.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Int(value) => (*value).into(),
            Kind::Float(value) => (*value).into(),
            Kind::Text(text) => text.as_ref().into(),
            Kind::DateTime(moment) => print::datetime(moment).into(),
            Kind::List(items) => items.iter().map(Value::to_json).collect(),
            Kind::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_json()))
                    .collect(),
            ),
        }
    }

    /// Marks the value as made from the secret of this name.
    pub fn tainted(mut self, secret_name: &str) -> Value {
        let mark = Taint(Some(Arc::new(BTreeSet::from([Arc::from(secret_name)]))));
        self.taint.add(&mark);
        self
    }

    /// Adds marks, as an operator does with those of its operands.
    pub(crate) fn with_taint(mut self, taint: &Taint) -> Value {
        self.taint.add(taint);
        self
    }

    /// Adds the marks of another value, its elements' included.
    pub fn tainted_like(self, other: &Value) -> Value {
        let taint = other.deep_taint();
        self.with_taint(&taint)
    }

    pub(crate) fn taint(&self) -> &Taint {
        &self.taint
    }

    pub(crate) fn deep_taint(&self) -> Taint {
        let mut taint = self.taint.clone();
        self.collect_taint(&mut taint);
        taint
    }

    fn collect_taint(&self, into: &mut Taint) {
        match &self.kind {
            Kind::List(items) => {
                for item in items.iter() {
                    into.add(&item.taint);
                    item.collect_taint(into);
                }
            }
            Kind::Map(entries) => {
                for item in entries.values() {
                    into.add(&item.taint);
                    item.collect_taint(into);
                }
            }
            _ => {}
        }
    }

    /// Names the secrets this very value was made from, without looking at elements.
    pub fn secrets(&self) -> BTreeSet<Arc<str>> {
        self.taint.names()
    }

    /// Names the secrets this value or any element of it was made from.
    pub fn all_secrets(&self) -> BTreeSet<Arc<str>> {
        self.deep_taint().names()
    }

    /// Tells whether this value or any element of it was made from a secret.
    pub fn is_tainted(&self) -> bool {
        if !self.taint.is_empty() {
            return true;
        }
        match &self.kind {
            Kind::List(items) => items.iter().any(Value::is_tainted),
            Kind::Map(entries) => entries.values().any(Value::is_tainted),
            _ => false,
        }
    }

    pub(crate) fn nesting(&self) -> u16 {
        self.nesting
    }

    /// How much there is to print or to look through; see the field.
    pub(crate) fn weight(&self) -> u64 {
        u64::from(self.weight)
    }

    /// Gives a map's entry; its marks include the map's own.
    pub fn get(&self, key: &str) -> Option<Value> {
        match &self.kind {
            Kind::Map(entries) => entries.get(key).map(|value| self.element(value)),
            _ => None,
        }
    }

    /// Gives a list's element; its marks include the list's own.
    pub fn at(&self, index: usize) -> Option<Value> {
        match &self.kind {
            Kind::List(items) => items.get(index).map(|value| self.element(value)),
            _ => None,
        }
    }

    /// Clones an element of this container together with the container's marks.
    pub(crate) fn element(&self, value: &Value) -> Value {
        value.clone().with_taint(&self.taint)
    }

    /// Tells whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Gives the text, if the value is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Gives the whole number, if the value is one.
    pub fn as_int(&self) -> Option<i64> {
        match self.kind {
            Kind::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Gives the boolean, if the value is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Gives the elements, if the value is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// Gives the entries, if the value is a map.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Prints the value as an expression prints it: null as nothing, lists and maps as JSON.
    pub fn render_text(&self) -> String {
        let mut text = String::new();
        print::value(self, &mut text);
        text
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render_text())
    }
}

/// The language's own equality: numbers by value across kinds, never text with a number.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(left), Kind::Bool(right)) => left == right,
            (Kind::Int(left), Kind::Int(right)) => left == right,
            (Kind::Float(left), Kind::Float(right)) => left == right,
            (Kind::Int(left), Kind::Float(right)) => *left as f64 == *right,
            (Kind::Float(left), Kind::Int(right)) => *left == *right as f64,
            (Kind::Text(left), Kind::Text(right)) => left == right,
            (Kind::List(left), Kind::List(right)) => Arc::ptr_eq(left, right) || left == right,
            (Kind::Map(left), Kind::Map(right)) => Arc::ptr_eq(left, right) || left == right,
            (Kind::DateTime(left), Kind::DateTime(right)) => left == right,
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::text(text)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::bool(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_goes_in_and_out_unchanged() {
        for document in [
            json!(null),
            json!({"b": [1, 2.5, "x", null, true], "a": {}}),
            json!([-9223372036854775808i64]),
        ] {
            assert_eq!(Value::from_json(&document).to_json(), document);
        }
    }

    #[test]
    fn an_element_of_a_marked_container_is_marked() {
        let map = Value::from_json(&json!({"user": "u"})).tainted("DB");
        let user = map.get("user").unwrap();
        assert_eq!(user.secrets(), BTreeSet::from([Arc::from("DB")]));
    }

    #[test]
    fn a_container_knows_the_marks_of_its_elements() {
        let list = Value::list(vec![Value::int(1), Value::text("s").tainted("A")]);
        assert!(list.is_tainted());
        assert!(list.secrets().is_empty());
        assert_eq!(list.all_secrets().len(), 1);
    }

    #[test]
    fn numbers_are_equal_by_value_and_text_never_is_a_number() {
        let check = |left: Value, right: Value, expected: bool| {
            assert_eq!(left == right, expected, "{left:?} {right:?}");
        };
        check(Value::int(1), Value::float(1.0), true);
        check(Value::text("1"), Value::int(1), false);
        check(Value::null(), Value::null(), true);
        check(Value::bool(true), Value::text("true"), false);
        check(
            Value::from_json(&json!([1, {"a": 2}])),
            Value::from_json(&json!([1.0, {"a": 2.0}])),
            true,
        );
    }
}
