//! Checks values against a schema and says what is wrong at the place where its author wrote it.

use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use super::descend::properties;
use super::dynamic::dynamic;
use super::explain::{Place, explain};
use crate::coerce::coerce;
use crate::diagnostic::{Code, Diagnostic};
use crate::yaml::{Node, Span};

/// A shape that values are checked against, before rendering (expressions allowed) and after (not).
///
/// The two validators are compiled when they are first needed.
#[derive(Debug)]
pub struct Shape {
    strict: Value,
    dynamic: Value,
    strict_validator: OnceLock<Result<Validator, String>>,
    dynamic_validator: OnceLock<Result<Validator, String>>,
}

/// Whether any text of a node, keys included, may hold an expression.
fn has_expressions(node: &Node) -> bool {
    match node.scalar() {
        Some(scalar) => scalar.text.contains('{'),
        None => {
            node.items().iter().any(has_expressions)
                || node
                    .entries()
                    .iter()
                    .any(|entry| entry.key.contains('{') || has_expressions(&entry.value))
        }
    }
}

impl Shape {
    /// Takes the strict schema; the one for unrendered values is derived from it.
    pub fn new(strict: Map<String, Value>) -> Self {
        Self {
            dynamic: Value::Object(dynamic(&strict)),
            strict: Value::Object(strict),
            strict_validator: OnceLock::new(),
            dynamic_validator: OnceLock::new(),
        }
    }

    /// The schema of rendered values.
    pub fn strict(&self) -> &Value {
        &self.strict
    }

    /// Whether the schema has this property at its top.
    pub fn has_key(&self, key: &str) -> bool {
        self.strict
            .get("properties")
            .is_some_and(|properties| properties.get(key).is_some())
    }

    /// Checks what an author wrote. `value` is the JSON form of `node`, `holder` the place to point at where a key is missing, `path`
    /// the property path of the node, `what` the words for it: `this task`.
    pub fn check_written(
        &self,
        node: &Node,
        value: &Value,
        place: Where<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        let validator = match self.validator(&self.dynamic_validator, &self.dynamic) {
            Ok(validator) => validator,
            Err(message) => {
                found.push(broken(message, place.holder));
                return;
            }
        };
        if !validator.is_valid(value) {
            // A scalar is taken for the text or the typed value that it spells, as the original does.
            let mut value = value.clone();
            coerce(&mut value, &self.strict, &self.strict, Some(node));
            let errors: Vec<_> = validator.iter_errors(&value).collect();
            let place = Place {
                schema: &self.dynamic,
                node,
                at: place,
                rendered: false,
            };
            explain(&errors, &place, found);
        }
        self.old_forms(node, place, found);
    }

    /// Coerces and checks a rendered value; `node` is the place it came from.
    pub fn check_rendered(
        &self,
        node: &Node,
        value: &mut Value,
        place: Where<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        coerce(value, &self.strict, &self.strict, Some(node));
        // Without an expression the value is the one that was written, and that has been checked. Compiling a second validator
        // would take longer than starting the task.
        if !has_expressions(node) {
            return;
        }
        let validator = match self.validator(&self.strict_validator, &self.strict) {
            Ok(validator) => validator,
            Err(message) => {
                found.push(broken(message, place.holder));
                return;
            }
        };
        if !validator.is_valid(value) {
            let errors: Vec<_> = validator.iter_errors(value).collect();
            let place = Place {
                schema: &self.strict,
                node,
                at: place,
                rendered: true,
            };
            explain(&errors, &place, found);
        }
    }

    fn old_forms(&self, node: &Node, place: Where<'_>, found: &mut Vec<Diagnostic>) {
        for entry in node.entries() {
            let old = properties(&self.strict)
                .find(|(name, schema)| {
                    *name == &*entry.key && schema.get("deprecated") == Some(&Value::Bool(true))
                })
                .map(|(_, schema)| schema);
            if let Some(schema) = old {
                let mut diagnostic = Diagnostic::warning(
                    Code::Deprecated,
                    entry.key_span,
                    format!("`{}` is deprecated", entry.key),
                )
                .path(place.path_of(&entry.key));
                if let Some(text) = schema.get("description").and_then(Value::as_str) {
                    diagnostic = diagnostic.label(lower_first(text));
                }
                if let Some(now) = schema.get("x-now").and_then(Value::as_str)
                    && node.get(now).is_none()
                {
                    diagnostic = diagnostic
                        .fix(format!("write `{now}`"), entry.key_span, now)
                        .certain();
                }
                found.push(diagnostic);
            }
        }
    }

    fn validator<'shape>(
        &self,
        cell: &'shape OnceLock<Result<Validator, String>>,
        schema: &Value,
    ) -> Result<&'shape Validator, &'shape str> {
        cell.get_or_init(|| {
            let options = || jsonschema::options().with_draft(Draft::Draft7);
            // The linear engine compiles faster and no pattern makes it slow. Only a pattern that looks around needs the other.
            options()
                .with_pattern_options(PatternOptions::regex())
                .build(schema)
                .or_else(|_| options().build(schema))
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(String::as_str)
    }
}

/// Where a checked node stands.
#[derive(Debug, Clone, Copy)]
pub struct Where<'a> {
    /// The property path of the node: `tasks[1]`.
    pub path: &'a str,
    /// What to point at where a key is missing.
    pub holder: Span,
    /// The words for the node: `this task`.
    pub what: &'a str,
}

impl Where<'_> {
    pub(super) fn path_of(&self, key: &str) -> String {
        let mut path = self.path.to_owned();
        crate::yaml::push_key(&mut path, key);
        path
    }
}

fn broken(message: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::PluginRefused,
        span,
        format!("the schema of this type cannot be used: {message}"),
    )
    .help("tell the author of the plugin")
}

/// Descriptions begin with a capital letter in editors and with a small one under a caret.
pub(super) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
