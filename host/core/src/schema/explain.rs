//! Turns the errors of the schema validator into one diagnostic for each mistake, in the words of the flow's author.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use super::check::{Where, lower_first};
use super::descend::{Step, description, offered_keys, properties, schemas_at, typed_branches};
use super::dynamic::is_expression;
use super::words::{kind_of, listed, one_of, schema_types, shown, type_names};
use crate::diagnostic::{Code, Diagnostic};
use crate::suggest::{did_you_mean, is_obvious};
use crate::yaml::{Node, NodeKind, Span, push_index, push_key};

/// As many names are listed under a caret; more are noise.
const LISTED: usize = 14;

/// Says of a key that it is not taken, and why. Its schema admits nothing.
const REFUSED: &str = "x-refused";

/// What an explanation needs to know.
pub(super) struct Place<'a> {
    pub(super) schema: &'a Value,
    pub(super) node: &'a Node,
    pub(super) at: Where<'a>,
    /// Whether the value was rendered, so that it may differ from what stands in the file.
    pub(super) rendered: bool,
}

/// Adds a diagnostic for each mistake.
pub(super) fn explain(
    errors: &[ValidationError<'_>],
    place: &Place<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let before = found.len();
    for error in errors {
        place.error(error, found, 0);
    }
    for diagnostic in &mut found[before..] {
        place.not_rendered(diagnostic);
    }
}

/// Where in the source an instance location is.
struct Target<'a> {
    steps: Vec<Step>,
    path: String,
    /// The node, or the nearest around it.
    node: &'a Node,
    /// The key that holds it, where it has one.
    key: Option<Span>,
    /// Its name in messages.
    name: String,
}

impl<'a> Place<'a> {
    fn error(&self, error: &ValidationError<'_>, found: &mut Vec<Diagnostic>, depth: usize) {
        let target = self.target(error.instance_path());
        let instance = error.instance();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    self.unknown_key(&target, key, found);
                }
            }
            ValidationErrorKind::Required { property } => {
                self.missing_key(&target, property.as_str().unwrap_or_default(), found);
            }
            ValidationErrorKind::Type { kind } => {
                self.wrong_type(&target, instance, &type_names(kind), found);
            }
            ValidationErrorKind::Not { .. } if self.refused(&target).is_some() => {
                self.refused_key(&target, found);
            }
            ValidationErrorKind::Enum { options } => {
                self.not_listed(&target, instance, options, found);
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context }
                if depth < 8 =>
            {
                self.union(&target, instance, context, found, depth);
            }
            kind => self.rule(&target, instance, kind, error, found),
        }
    }

    /// An expression that is refused stands where nothing is rendered; that is worth a word.
    fn not_rendered(&self, diagnostic: &mut Diagnostic) {
        let value_refused = matches!(diagnostic.code, Code::WrongType | Code::WrongValue);
        if !self.rendered && value_refused && diagnostic.message.contains("{{") {
            diagnostic
                .notes
                .push("expressions are not rendered here".to_owned());
        }
    }

    fn target(&self, location: &Location) -> Target<'a> {
        let mut steps = Vec::new();
        let mut path = self.at.path.to_owned();
        let mut node = self.node;
        let mut key = None;
        let mut name = String::new();
        let mut inside = true;
        for segment in location {
            match segment {
                LocationSegment::Property(property) => {
                    push_key(&mut path, &property);
                    name = format!("`{property}`");
                    match node.entry(&property) {
                        Some(entry) if inside => {
                            key = Some(entry.key_span);
                            node = &entry.value;
                        }
                        _ => inside = false,
                    }
                    steps.push(Step::Key(property.into_owned()));
                }
                LocationSegment::Index(index) => {
                    push_index(&mut path, index);
                    name = match steps.last() {
                        Some(Step::Key(list)) => format!("item {} of `{list}`", index + 1),
                        _ => format!("item {}", index + 1),
                    };
                    key = None;
                    match node.items().get(index) {
                        Some(item) if inside => node = item,
                        _ => inside = false,
                    }
                    steps.push(Step::Index(index));
                }
            }
        }
        if name.is_empty() {
            name = self.at.what.to_owned();
        }
        Target {
            steps,
            path,
            node,
            key,
            name,
        }
    }

    fn unknown_key(&self, target: &Target<'_>, key: &str, found: &mut Vec<Diagnostic>) {
        let span = target
            .node
            .entry(key)
            .map_or(target.node.span, |entry| entry.key_span);
        let schemas = schemas_at(self.schema, &target.steps);
        let offered = offered_keys(&schemas);
        let mut path = target.path.clone();
        push_key(&mut path, key);
        let holder = if target.steps.is_empty() {
            self.at.what
        } else {
            &target.name
        };
        let mut diagnostic = Diagnostic::error(
            Code::UnknownProperty,
            span,
            format!("{holder} has no key `{key}`"),
        )
        .path(path);
        let absent: Vec<&str> = offered
            .iter()
            .copied()
            .filter(|name| target.node.get(name).is_none())
            .collect();
        if let Some(near) = did_you_mean(key, absent.iter().copied()) {
            diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), span, near);
            if !self.rendered && is_obvious(key, near, absent.iter().copied()) {
                diagnostic = diagnostic.certain();
            }
        } else if let Some((name, reason)) = refused_as(&schemas, key) {
            diagnostic = diagnostic.help(format!("`{name}` is not taken: {reason}"));
        } else if let Some(within) = nested_home(&schemas, key) {
            diagnostic = diagnostic.help(format!("`{key}` belongs into `{within}`"));
        } else if target.node.get(key).is_some_and(Node::is_null) && key.contains(": ") {
            diagnostic =
                diagnostic.help("a key and its value are separated by a colon and a blank");
        }
        if offered.is_empty() {
            diagnostic = diagnostic.label("it has no keys of its own");
        } else if offered.len() <= LISTED {
            diagnostic = diagnostic.label(format!("its keys are {}", listed(&offered)));
        } else {
            diagnostic = diagnostic.label("unknown key");
        }
        found.push(diagnostic);
    }

    /// Why a key is refused that the schema names only for that.
    fn refused(&self, target: &Target<'_>) -> Option<&'a str> {
        schemas_at(self.schema, &target.steps)
            .into_iter()
            .find_map(|schema| schema.get(REFUSED)?.as_str())
    }

    fn refused_key(&self, target: &Target<'_>, found: &mut Vec<Diagnostic>) {
        let reason = self.refused(target).unwrap_or_default();
        let message = format!("{} does not take {}", self.at.what, target.name);
        found.push(
            Diagnostic::error(
                Code::UnknownProperty,
                target.key.unwrap_or(target.node.span),
                message,
            )
            .label(reason)
            .path(target.path.clone()),
        );
    }

    fn missing_key(&self, target: &Target<'_>, key: &str, found: &mut Vec<Diagnostic>) {
        let schemas = schemas_at(self.schema, &target.steps);
        let span = if target.steps.is_empty() {
            self.at.holder
        } else {
            target.key.unwrap_or_else(|| first_key(target.node))
        };
        let mut path = target.path.clone();
        push_key(&mut path, key);
        let mut diagnostic = Diagnostic::error(
            Code::MissingProperty,
            span,
            format!("{} needs the key `{key}`", target.name),
        )
        .path(path);
        if let Some(text) = description(&schemas, key) {
            diagnostic = diagnostic.label(format!("`{key}`: {}", lower_first(text)));
        }
        let known = offered_keys(&schemas);
        let stray = target
            .node
            .entries()
            .iter()
            .filter(|entry| !known.contains(&&*entry.key))
            .find(|entry| did_you_mean(&entry.key, [key]).is_some());
        let closed = schemas
            .iter()
            .any(|schema| schema.get("additionalProperties") == Some(&Value::Bool(false)));
        match stray {
            // It is reported by itself, with its right name.
            Some(_) if closed => {}
            Some(stray) => {
                let help = format!("did you mean `{key}`?");
                found.push(diagnostic.fix(help, stray.key_span, key).certain());
            }
            None => found.push(diagnostic),
        }
    }

    fn wrong_type(
        &self,
        target: &Target<'_>,
        instance: &Value,
        wanted: &[&'static str],
        found: &mut Vec<Diagnostic>,
    ) {
        let schemas = schemas_at(self.schema, &target.steps);
        let special = schemas
            .iter()
            .find_map(|schema| schema.get("x-what").and_then(Value::as_str));
        let wanted = match special {
            Some(special) => special.to_owned(),
            None => one_of(wanted),
        };
        if instance.is_null() {
            let span = target.key.unwrap_or(target.node.span);
            found.push(
                Diagnostic::error(
                    Code::WrongType,
                    span,
                    format!("{} has no value", target.name),
                )
                .label(format!("it must be {wanted}"))
                .path(target.path.clone()),
            );
            return;
        }
        let what = kind_of(instance);
        let mut diagnostic = Diagnostic::error(
            Code::WrongType,
            target.node.span,
            format!("{} must be {wanted}, not {what}", target.name),
        )
        .path(target.path.clone());
        diagnostic = self.with_rendered(diagnostic, target, instance);
        let list_wanted = schemas
            .iter()
            .any(|schema| schema.get("type").and_then(Value::as_str) == Some("array"));
        if !self.rendered && list_wanted && target.node.scalar().is_some() {
            diagnostic =
                diagnostic.help("write it as a list: each item on its own line, after `- `");
        } else if matches!(target.node.kind, NodeKind::Map(_)) && wanted.contains("text") {
            diagnostic = diagnostic.help("quote the text where it holds `: ` or begins with `{`");
        }
        found.push(diagnostic);
    }

    fn not_listed(
        &self,
        target: &Target<'_>,
        instance: &Value,
        options: &Value,
        found: &mut Vec<Diagnostic>,
    ) {
        let names: Vec<&str> = options
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let shown = shown(instance);
        let mut diagnostic = Diagnostic::error(
            Code::WrongValue,
            target.node.span,
            format!("{} cannot be {shown}", target.name),
        )
        .label(format!("allowed: {}", listed(&names)))
        .path(target.path.clone());
        if let Some(text) = instance.as_str()
            && let Some(near) = did_you_mean(text, names.iter().copied())
        {
            diagnostic = if self.rendered {
                diagnostic.help(format!("did you mean `{near}`?"))
            } else {
                let fixed =
                    diagnostic.fix(format!("did you mean `{near}`?"), target.node.span, near);
                if is_obvious(text, near, names.iter().copied()) {
                    fixed.certain()
                } else {
                    fixed
                }
            };
        }
        found.push(diagnostic);
    }

    /// A union: only the branch that was meant is worth a word, and that is never the expression.
    fn union(
        &self,
        target: &Target<'_>,
        instance: &Value,
        context: &[Vec<ValidationError<'static>>],
        found: &mut Vec<Diagnostic>,
        depth: usize,
    ) {
        let branches = self.branches(target);
        let typed: Vec<&Vec<ValidationError<'static>>> = context
            .iter()
            .enumerate()
            .filter(|(index, _)| {
                branches
                    .get(*index)
                    .is_none_or(|branch| !is_expression(branch))
            })
            .map(|(_, errors)| errors)
            .collect();
        let fits = |errors: &&&Vec<ValidationError<'static>>| {
            !errors.iter().any(|error| {
                matches!(error.kind(), ValidationErrorKind::Type { .. })
                    && error.instance_path().iter().count() == target.steps.len()
            })
        };
        let meant = match typed.as_slice() {
            [only] => Some(*only),
            several => several.iter().find(fits).copied(),
        };
        match meant {
            Some(errors) => {
                for error in errors {
                    self.error(error, found, depth + 1);
                }
            }
            None => {
                let schemas = schemas_at(self.schema, &target.steps);
                let mut wanted: Vec<&'static str> = Vec::new();
                for schema in &schemas {
                    for name in schema_types(schema) {
                        if !wanted.contains(&name) {
                            wanted.push(name);
                        }
                    }
                }
                self.wrong_type(target, instance, &wanted, found);
            }
        }
    }

    /// The branches of the union at a place, as they stand in the schema.
    fn branches(&self, target: &Target<'_>) -> Vec<&'a Value> {
        let Some((last, before)) = target.steps.split_last() else {
            return Vec::new();
        };
        schemas_at(self.schema, before)
            .into_iter()
            .find_map(|schema| {
                let child = match last {
                    Step::Key(key) => schema
                        .get("properties")
                        .and_then(|properties| properties.get(key))
                        .or_else(|| schema.get("additionalProperties")),
                    Step::Index(_) => schema.get("items"),
                }?;
                let union = child.get("anyOf").or_else(|| child.get("oneOf"))?;
                Some(union.as_array()?.iter().collect())
            })
            .unwrap_or_default()
    }

    fn rule(
        &self,
        target: &Target<'_>,
        instance: &Value,
        kind: &ValidationErrorKind,
        error: &ValidationError<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        let schemas = schemas_at(self.schema, &target.steps);
        let special = schemas
            .iter()
            .find_map(|schema| schema.get("x-what").and_then(Value::as_str));
        let name = &target.name;
        let message = match (kind, special) {
            (ValidationErrorKind::Pattern { .. }, Some(special)) => {
                format!("{name} must be {special}, not {}", shown(instance))
            }
            (ValidationErrorKind::Pattern { pattern }, None) => {
                format!(
                    "{name} cannot be {}: it must match `{pattern}`",
                    shown(instance)
                )
            }
            (ValidationErrorKind::MinItems { limit: 1 }, _) => format!("{name} must not be empty"),
            (ValidationErrorKind::MinItems { limit }, _) => {
                format!("{name} needs at least {limit} items")
            }
            (ValidationErrorKind::MaxItems { limit }, _) => {
                format!("{name} takes at most {limit} items")
            }
            (ValidationErrorKind::MinLength { limit: 1 }, _) => {
                format!("{name} must not be empty")
            }
            (ValidationErrorKind::MinLength { limit }, _) => {
                format!("{name} must be at least {limit} characters long")
            }
            (ValidationErrorKind::MaxLength { limit }, _) => {
                format!("{name} must be at most {limit} characters long")
            }
            (ValidationErrorKind::Minimum { limit }, _) => {
                format!("{name} must be at least {limit}, not {}", shown(instance))
            }
            (ValidationErrorKind::Maximum { limit }, _) => {
                format!("{name} must be at most {limit}, not {}", shown(instance))
            }
            (ValidationErrorKind::ExclusiveMinimum { limit }, _) => {
                format!("{name} must be more than {limit}, not {}", shown(instance))
            }
            (ValidationErrorKind::ExclusiveMaximum { limit }, _) => {
                format!("{name} must be less than {limit}, not {}", shown(instance))
            }
            (ValidationErrorKind::Constant { expected_value }, _) => {
                format!("{name} must be {}", shown(expected_value))
            }
            (ValidationErrorKind::UniqueItems, _) => format!("{name} has an item twice"),
            _ => format!("{name} is not allowed: {}", error.masked()),
        };
        let diagnostic = Diagnostic::error(Code::WrongValue, target.node.span, message)
            .path(target.path.clone());
        found.push(self.with_rendered(diagnostic, target, instance));
    }

    /// Says what the value was, where the file has an expression in its place.
    fn with_rendered(
        &self,
        diagnostic: Diagnostic,
        target: &Target<'_>,
        instance: &Value,
    ) -> Diagnostic {
        let written = target.node.text() == instance.as_str() && instance.is_string();
        if self.rendered && !written {
            diagnostic.label(format!("rendered to {}", shown(instance)))
        } else {
            diagnostic
        }
    }
}

/// The key that is refused by name and was meant, `restartPolicy` for `restart_policy`, and the reason.
fn refused_as<'schema>(
    schemas: &[&'schema Value],
    key: &str,
) -> Option<(&'schema str, &'schema str)> {
    let refused = || {
        let all = schemas.iter().flat_map(|schema| properties(schema));
        all.filter_map(|(name, property)| Some((name, property.get(REFUSED)?.as_str()?)))
    };
    let meant = did_you_mean(key, refused().map(|(name, _)| name))?;
    refused().find(|(name, _)| *name == meant)
}

/// The key of an inner object that the unknown key belongs into: `memory` into `taskRunner` is not known here, but `cpus` into `cpu` is.
fn nested_home<'schema>(schemas: &[&'schema Value], key: &str) -> Option<&'schema str> {
    schemas.iter().find_map(|schema| {
        properties(schema).find_map(|(name, inner)| {
            typed_branches(inner, inner)
                .into_iter()
                .any(|inner| properties(inner).any(|(inner_name, _)| inner_name == key))
                .then_some(name)
        })
    })
}

fn first_key(node: &Node) -> Span {
    node.entries()
        .first()
        .map_or(node.span, |entry| entry.key_span)
}
