//! The filters, tests and functions of the language, in one table each.

pub(crate) mod dates;
mod decimal;
mod encodings;
mod escape;
mod format;
pub(crate) mod functions;
mod ion;
mod ion_read;
mod java;
pub(crate) mod jq;
mod jq_guard;
mod json;
mod lists;
pub(crate) mod names;
mod numbers;
mod pattern;
mod pattern_read;
mod regexes;
mod tests;
mod texts;
pub(crate) mod words;
mod yaml;

use std::sync::{Arc, OnceLock};

use crate::environment::Environment;
use crate::error::Fail;
use crate::limits::Budget;
use crate::value::{Kind, Value};

/// The tables of all filters, by family.
pub(crate) const FILTERS: &[&[Filter]] = &[
    texts::FILTERS,
    lists::FILTERS,
    numbers::FILTERS,
    encodings::FILTERS,
    json::FILTERS,
    regexes::FILTERS,
    dates::FILTERS,
    words::FILTERS,
    ion::FILTERS,
    yaml::FILTERS,
    java::FILTERS,
];

/// The table of all tests.
pub(crate) const TESTS: &[Test] = tests::TESTS;

/// A filter: what stands after `|`.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) parameters: Parameters,
    pub(crate) run: fn(&mut Invocation<'_>) -> Result<Value, Fail>,
}

/// What a filter takes in brackets.
#[derive(Debug)]
pub(crate) enum Parameters {
    /// Nothing; what is given is ignored, as in Pebble.
    None,
    /// These names, in this order; the flag says which must be there.
    Named(&'static [(&'static str, bool)]),
    /// Any number.
    Any,
}

/// A test: what stands after `is`.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Value) -> Result<bool, Fail>,
}

/// One use of a filter.
pub(crate) struct Invocation<'a> {
    pub(crate) filter: &'static Filter,
    pub(crate) input: Value,
    /// By parameter, or by place where any number is taken.
    pub(crate) arguments: Vec<Option<Value>>,
    pub(crate) budget: &'a mut Budget,
    pub(crate) environment: &'a dyn Environment,
    /// Where a program that is a literal keeps its compiled form.
    pub(crate) program: Option<&'a OnceLock<Arc<jq::Program>>>,
}

impl Invocation<'_> {
    /// The argument, unless it is absent or null.
    pub(crate) fn argument(&self, index: usize) -> Option<&Value> {
        self.arguments
            .get(index)
            .and_then(Option::as_ref)
            .filter(|value| !value.is_null())
    }

    fn parameter(&self, index: usize) -> &'static str {
        match &self.filter.parameters {
            Parameters::Named(names) => names.get(index).map_or("", |(name, _)| name),
            _ => "",
        }
    }

    fn wrong(&self, index: usize, expected: &str, value: &Value) -> Fail {
        Fail::kind(format!(
            "argument `{}` of `{}` must be {expected}, not {}",
            self.parameter(index),
            self.filter.name,
            value.kind.name()
        ))
    }

    pub(crate) fn text_argument(&self, index: usize) -> Result<Option<Arc<str>>, Fail> {
        match self.argument(index) {
            None => Ok(None),
            Some(value) => match &value.kind {
                Kind::Text(text) => Ok(Some(text.clone())),
                _ => Err(self.wrong(index, "text", value)),
            },
        }
    }

    pub(crate) fn required_text(&self, index: usize) -> Result<Arc<str>, Fail> {
        self.text_argument(index)?.ok_or_else(|| {
            Fail::kind(format!(
                "argument `{}` of `{}` must be text, not null",
                self.parameter(index),
                self.filter.name
            ))
        })
    }

    pub(crate) fn int_argument(&self, index: usize) -> Result<Option<i64>, Fail> {
        match self.argument(index) {
            None => Ok(None),
            Some(value) => match value.kind {
                Kind::Int(number) => Ok(Some(number)),
                Kind::Float(number) => Ok(Some(number as i64)),
                _ => Err(self.wrong(index, "a whole number", value)),
            },
        }
    }

    pub(crate) fn required_int(&self, index: usize) -> Result<i64, Fail> {
        self.int_argument(index)?.ok_or_else(|| {
            Fail::kind(format!(
                "argument `{}` of `{}` must be a whole number, not null",
                self.parameter(index),
                self.filter.name
            ))
        })
    }

    pub(crate) fn bool_argument(&self, index: usize) -> Result<bool, Fail> {
        match self.argument(index) {
            None => Ok(false),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| self.wrong(index, "true or false", value)),
        }
    }

    /// The input as text, refusing other kinds.
    pub(crate) fn text(&self) -> Result<Arc<str>, Fail> {
        match &self.input.kind {
            Kind::Text(text) => Ok(text.clone()),
            _ => Err(self.input_must_be("text")),
        }
    }

    /// The input as text, printing other kinds.
    pub(crate) fn printed(&self) -> Arc<str> {
        match &self.input.kind {
            Kind::Text(text) => text.clone(),
            _ => Arc::from(self.input.render_text()),
        }
    }

    pub(crate) fn list(&self) -> Result<Arc<Vec<Value>>, Fail> {
        match &self.input.kind {
            Kind::List(items) => Ok(items.clone()),
            _ => Err(self.input_must_be("a list")),
        }
    }

    pub(crate) fn input_must_be(&self, expected: &str) -> Fail {
        Fail::kind(format!(
            "`{}` works on {expected}, not on {}",
            self.filter.name,
            self.input.kind.name()
        ))
    }
}

/// Names a text in a message: shortened, and not at all if it comes from a secret.
pub(crate) fn shown(value: &Value) -> String {
    if value.is_tainted() {
        return "a text from a secret".to_owned();
    }
    let text = value.render_text();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
