//! References in the place of secret values, for what is kept: a later host that is given the same secrets puts them back.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};
use taffrail_core::output::Masker;
use taffrail_core::output::mask::MIN_SECRET;

/// Stands at both ends of a reference: a character that no text uses by itself.
const EDGE: char = '\u{e000}';

/// The secrets of one execution by their names, and the mark of its references. The mark is random, so that no task can write one.
#[derive(Clone, Default)]
pub struct References {
    nonce: Arc<str>,
    values: Arc<RwLock<BTreeMap<String, String>>>,
}

impl std::fmt::Debug for References {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("References")
    }
}

impl References {
    /// References of an execution that begins.
    pub fn fresh(secrets: &BTreeMap<String, String>) -> Self {
        let random = || format!("{:020x}", ulid::Ulid::generate().random());
        Self::with(&(random() + &random()), secrets)
    }

    /// References with the mark that an earlier host used.
    pub fn with(nonce: &str, secrets: &BTreeMap<String, String>) -> Self {
        let references = Self {
            nonce: nonce.into(),
            values: Arc::default(),
        };
        for (name, value) in secrets {
            references.add(name, value);
        }
        references
    }

    /// What marks them.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Adds a secret. Values that are too short to be masked have no reference either.
    pub fn add(&self, name: &str, value: &str) {
        if value.len() >= MIN_SECRET {
            let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
            values.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Puts references in the place of values, and masks what is secret in any other form. Says whether nothing was lost.
    pub fn hide(&self, values: &Map<String, Value>, masker: &Masker) -> (Map<String, Value>, bool) {
        let mut whole = true;
        let values = map(values, &mut |text| self.hide_text(text, masker, &mut whole));
        (values, whole)
    }

    fn hide_text(&self, text: &str, masker: &Masker, whole: &mut bool) -> String {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut hidden = String::new();
        let mut rest = text;
        // From the left, so that a reference is never looked through for another value.
        while let Some((at, name, length)) = first_of(&values, rest) {
            mask(&rest[..at], masker, &mut hidden, whole);
            hidden.push_str(&self.reference(name));
            rest = &rest[at + length..];
        }
        mask(rest, masker, &mut hidden, whole);
        hidden
    }

    /// Puts the values back.
    ///
    /// # Errors
    /// The name of a secret that was not given again.
    pub fn reveal(&self, values: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        let mut missing = None;
        let revealed = map(values, &mut |text| self.reveal_text(text, &mut missing));
        match missing {
            Some(name) => Err(name),
            None => Ok(revealed),
        }
    }

    fn reveal_text(&self, text: &str, missing: &mut Option<String>) -> String {
        let beginning = format!("{EDGE}{}:", self.nonce);
        let mut revealed = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(beginning.as_str()) {
            revealed.push_str(before);
            let Some((name, after)) = after.split_once(EDGE) else {
                rest = after;
                break;
            };
            let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
            match values.get(name) {
                Some(value) => revealed.push_str(value),
                None => *missing = Some(name.to_owned()),
            }
            rest = after;
        }
        revealed.push_str(rest);
        revealed
    }

    fn reference(&self, name: &str) -> String {
        format!("{EDGE}{}:{name}{EDGE}", self.nonce)
    }
}

/// The first value in a text, the longest where several begin there: where it begins, its name and its length.
fn first_of<'v>(
    values: &'v BTreeMap<String, String>,
    text: &str,
) -> Option<(usize, &'v str, usize)> {
    values
        .iter()
        .filter_map(|(name, value)| Some((text.find(value.as_str())?, name.as_str(), value.len())))
        .min_by_key(|(at, _, length)| (*at, std::cmp::Reverse(*length)))
}

fn mask(text: &str, masker: &Masker, hidden: &mut String, whole: &mut bool) {
    let masked = masker.mask_text(text);
    *whole &= masked == text;
    hidden.push_str(&masked);
}

fn map(values: &Map<String, Value>, change: &mut dyn FnMut(&str) -> String) -> Map<String, Value> {
    values
        .iter()
        .map(|(key, item)| (change(key), value(item, change)))
        .collect()
}

fn value(from: &Value, change: &mut dyn FnMut(&str) -> String) -> Value {
    match from {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| value(item, change)).collect(),
        Value::Object(entries) => Value::Object(map(entries, change)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn values_go_and_come_back() {
        let secrets = secrets(&[("A", "hunter2hunter2"), ("B", "hunter2"), ("C", "abc")]);
        let masker = Masker::new();
        masker.add(["hunter2hunter2", "hunter2"]);
        let references = References::fresh(&secrets);
        let values = object(json!({
            "plain": ["text", 7, null],
            "in": {"x": "<hunter2hunter2>hunter2", "hunter2": "abc"},
        }));
        let (hidden, whole) = references.hide(&values, &masker);
        assert!(whole);
        let text = Value::Object(hidden.clone()).to_string();
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(references.reveal(&hidden).unwrap(), values);
        // By a later host, with the same secrets or without.
        let later = References::with(references.nonce(), &secrets);
        assert_eq!(later.reveal(&hidden).unwrap(), values);
        let without = References::with(references.nonce(), &BTreeMap::new());
        assert!(without.reveal(&hidden).is_err());
    }

    #[test]
    fn a_value_that_stands_in_the_mark_does_no_harm() {
        let given = secrets(&[("A", "hunter2hunter2"), ("N", "abcdef")]);
        let masker = Masker::new();
        masker.add(given.values().cloned());
        let references = References::with("00abcdef00", &given);
        let values = object(json!({ "x": "hunter2hunter2 abcdef" }));
        let (hidden, whole) = references.hide(&values, &masker);
        assert!(whole);
        assert_eq!(references.reveal(&hidden).unwrap(), values);
    }

    #[test]
    fn another_form_of_a_value_is_lost_and_told() {
        let secrets = secrets(&[("A", "hunter2hunter2")]);
        let masker = Masker::new();
        masker.add(["hunter2hunter2"]);
        let references = References::fresh(&secrets);
        let values = object(json!({ "hex": "68756e7465723268756e74657232" }));
        let (hidden, whole) = references.hide(&values, &masker);
        assert!(!whole);
        assert_eq!(hidden["hex"], "******");
    }

    #[test]
    fn a_text_that_looks_like_a_reference_of_somebody_else_stays() {
        let references = References::fresh(&secrets(&[("A", "hunter2hunter2")]));
        let values = object(json!({ "x": format!("{EDGE}0000:A{EDGE} {EDGE}") }));
        let (hidden, whole) = references.hide(&values, &Masker::new());
        assert!(whole);
        assert_eq!(references.reveal(&hidden).unwrap(), values);
        let cut = object(json!({ "x": references.reference("A")[..30].to_owned() }));
        assert!(references.reveal(&cut).is_ok());
    }
}
