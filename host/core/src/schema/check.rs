//! Checks values against a schema and says what is wrong at the place where its author wrote it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use super::descend::properties;
use super::dynamic::dynamic;
use super::explain::{Place, explain};
use super::surely::fits;
use crate::coerce::coerce;
use crate::diagnostic::{Code, Diagnostic};
use crate::yaml::{Node, Span};

/// A shape that values are checked against, before rendering (expressions allowed) and after (not).
///
/// Validators are compiled when they are first needed, which takes longer than most checks do.
#[derive(Debug)]
pub struct Shape {
    strict: Value,
    dynamic: OnceLock<Value>,
    strict_validator: OnceLock<Compiled>,
    dynamic_validator: OnceLock<Compiled>,
    /// Of the schema of unrendered values, without the properties that a value does not have, most of them. Beside each the keys that it
    /// is for. In the order in which they came; when there are no more places, the whole one serves.
    few: [OnceLock<(BTreeSet<String>, Compiled)>; FEW],
    /// Whether no part of the schema refers to its properties or to the whole.
    divisible: bool,
}

type Compiled = Result<Validator, String>;

/// For so many sets of keys there is a validator of its own.
const FEW: usize = 4;

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
            divisible: strict.values().all(refers_to_definitions),
            strict: Value::Object(strict),
            dynamic: OnceLock::new(),
            strict_validator: OnceLock::new(),
            dynamic_validator: OnceLock::new(),
            few: [const { OnceLock::new() }; FEW],
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
        if fits(&self.strict, value) {
            return self.old_forms(node, place, found);
        }
        let validator = match self.dynamic_validator(value) {
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
                schema: self.dynamic(),
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
        if !has_expressions(node) || fits(&self.strict, value) {
            return;
        }
        let validator = self.strict_validator.get_or_init(|| compile(&self.strict));
        let validator = match validator {
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

    /// A validator of the unrendered `value`, and of others that have the same keys.
    fn dynamic_validator(&self, value: &Value) -> &Compiled {
        if self.divisible
            && let (Some(value), None) = (value.as_object(), self.dynamic_validator.get())
        {
            let keys: BTreeSet<&str> = value.keys().map(String::as_str).collect();
            for place in &self.few {
                let (known, compiled) = place.get_or_init(|| {
                    let known = keys.iter().map(|key| (*key).to_owned()).collect();
                    (known, compile(&self.dynamic_of(&keys)))
                });
                if known.iter().eq(keys.iter().copied()) {
                    return compiled;
                }
            }
        }
        self.dynamic_validator
            .get_or_init(|| compile(self.dynamic()))
    }

    /// The schema of unrendered values.
    fn dynamic(&self) -> &Value {
        self.dynamic.get_or_init(|| {
            let strict = self.strict.as_object();
            Value::Object(strict.map(dynamic).unwrap_or_default())
        })
    }

    /// The schema of unrendered values without the properties that are not among these. It says the same of a value that has only these.
    fn dynamic_of(&self, keys: &BTreeSet<&str>) -> Value {
        let mut schema = self.dynamic().as_object().cloned().unwrap_or_default();
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|name, _| keys.contains(name.as_str()));
        }
        Value::Object(schema)
    }
}

/// Whether all references of a schema lead to definitions.
fn refers_to_definitions(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().all(|(key, value)| match value {
            Value::String(target) if key == "$ref" => {
                target.starts_with("#/definitions/") || target.starts_with("#/$defs/")
            }
            value => refers_to_definitions(value),
        }),
        Value::Array(items) => items.iter().all(refers_to_definitions),
        _ => true,
    }
}

fn compile(schema: &Value) -> Compiled {
    let options = || jsonschema::options().with_draft(Draft::Draft7);
    // The linear engine compiles faster and no pattern makes it slow. Only a pattern that looks around needs the other.
    options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .or_else(|_| options().build(schema))
        .map_err(|error| error.to_string())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::{Limits, parse};

    fn told(shape: &Shape, text: &str) -> Vec<String> {
        let parsed = parse(text, &Limits::default());
        let node = parsed.root.unwrap();
        let place = Where {
            path: "",
            holder: Span::default(),
            what: "this task",
        };
        let mut found = Vec::new();
        shape.check_written(&node, &node.to_json(), place, &mut found);
        found
            .into_iter()
            .map(|diagnostic| diagnostic.message)
            .collect()
    }

    #[test]
    fn a_validator_for_some_keys_says_what_the_whole_one_says() {
        let plain = json!({
            "type": "object",
            "properties": {
                "a": { "$ref": "#/definitions/number" },
                "b": { "type": "string" },
                "c": { "type": "array", "items": { "$ref": "#/definitions/number" } },
            },
            "required": ["a"],
            "additionalProperties": false,
            "definitions": { "number": { "type": "integer", "minimum": 3 } },
        });
        // The second may not be divided: `b` is what `a` is, and `c` holds the whole again.
        let mut entangled = plain.clone();
        entangled["properties"]["b"] = json!({ "$ref": "#/properties/a" });
        entangled["properties"]["c"] = json!({ "$ref": "#" });
        let texts = [
            "a: 3",
            "a: 1",
            "b: x",
            "a: 3\nb: 4",
            "a: 3\nb: 1",
            "b: [1]",
            "a: 3\nc: [3, 1]",
            "c: 3",
            "a: 3\nc: {a: 3, b: 1}",
            "a: 3\nd: 1",
            "a: 3\nb: x\nc: [x]\nd: {}",
        ];
        for schema in [plain, entangled] {
            let fresh = || Shape::new(schema.as_object().unwrap().clone());
            let whole = fresh();
            whole
                .dynamic_validator
                .get_or_init(|| compile(whole.dynamic()));
            let used = fresh();
            for text in texts {
                let expected = told(&whole, text);
                assert_eq!(told(&fresh(), text), expected, "{text}");
                assert_eq!(told(&used, text), expected, "{text}");
            }
            assert!(texts.iter().any(|text| told(&whole, text).is_empty()));
        }
    }
}
