//! Reads the declarations of a flow's inputs; the keys have been checked against their schema already.

use std::collections::HashMap;
use std::sync::Arc;

use super::convert::convert;
use super::declaration::{DependsOn, InputDeclaration, InputType, ItemType};
use super::formats::{moment, time, validator};
use crate::diagnostic::{Code, Diagnostic};
use crate::duration;
use crate::flow::Spanned;
use crate::schema::{INPUT_TYPES, Where};
use crate::suggest::did_you_mean;
use crate::validate::Checker;
use crate::yaml::{Node, ScalarValue, Span, push_index, push_key};

/// Reads the list and reports every mistake in it. A declaration that cannot be understood is left out.
pub fn read_inputs(
    list: &Node,
    checker: &Checker,
    found: &mut Vec<Diagnostic>,
) -> Vec<InputDeclaration> {
    let mut declarations: Vec<InputDeclaration> = Vec::new();
    let mut seen: HashMap<Arc<str>, Span> = HashMap::new();
    for (index, node) in list.items().iter().enumerate() {
        let mut path = "inputs".to_owned();
        push_index(&mut path, index);
        let Some(declaration) = read_input(node, &path, checker, found) else {
            continue;
        };
        let id = &declaration.id;
        if seen.insert(Arc::clone(&id.value), id.span).is_some() {
            found.push(
                Diagnostic::error(
                    Code::DuplicateId,
                    id.span,
                    format!("two inputs have the id `{}`", id.value),
                )
                .label("the second one")
                .path(path),
            );
        }
        declarations.push(declaration);
    }
    check_dependencies(&declarations, found);
    declarations
}

fn depends_on(node: &Node) -> Option<DependsOn> {
    let node = node.get("dependsOn").filter(|node| !node.is_null())?;
    let inputs = node.get("inputs").map(Node::items).unwrap_or_default();
    Some(DependsOn {
        inputs: inputs.iter().filter_map(scalar_text).collect(),
        condition: node
            .get("condition")
            .filter(|condition| !condition.is_null())
            .cloned(),
    })
}

/// Every input that another one depends on must be there, and none may depend on itself.
fn check_dependencies(declarations: &[InputDeclaration], found: &mut Vec<Diagnostic>) {
    let names = || declarations.iter().map(|input| &*input.id.value);
    let needs = |name: &str| {
        let input = declarations.iter().find(|input| &*input.id.value == name);
        let depends = input.and_then(|input| input.depends_on.as_ref());
        depends.map_or(&[][..], |depends| depends.inputs.as_slice())
    };
    for input in declarations {
        for needed in needs(&input.id.value) {
            let path = format!("inputs.{}.dependsOn", input.id.value);
            if !names().any(|name| *name == *needed.value) {
                let mut diagnostic = Diagnostic::error(
                    Code::UnknownReference,
                    needed.span,
                    format!("there is no input `{}`", needed.value),
                );
                if let Some(near) = did_you_mean(&needed.value, names()) {
                    diagnostic =
                        diagnostic.fix(format!("did you mean `{near}`?"), needed.span, near);
                }
                found.push(diagnostic.path(path));
                continue;
            }
            let mut reached: Vec<&str> = vec![&needed.value];
            let mut next = 0;
            while let Some(name) = reached.get(next).copied() {
                next += 1;
                for further in needs(name) {
                    if !reached.contains(&&*further.value) {
                        reached.push(&further.value);
                    }
                }
            }
            if reached.contains(&&*input.id.value) {
                found.push(
                    Diagnostic::error(
                        Code::WrongValue,
                        needed.span,
                        format!("the input `{}` depends on itself", input.id.value),
                    )
                    .path(path),
                );
            }
        }
    }
}

fn read_input(
    node: &Node,
    path: &str,
    checker: &Checker,
    found: &mut Vec<Diagnostic>,
) -> Option<InputDeclaration> {
    if node.entries().is_empty() {
        // The schema of the flow has said that it must be a map.
        return None;
    }
    let holder = node.entries()[0].key_span;
    let written = node.get("type").filter(|written| !written.is_null());
    let type_name = match written.map(|written| (written, written.scalar())) {
        Some((_, Some(scalar))) => scalar.text.as_ref().to_owned(),
        Some((written, None)) => {
            let mut path = path.to_owned();
            push_key(&mut path, "type");
            let message = format!("`type` must be text, not {}", written.kind_name());
            found.push(Diagnostic::error(Code::WrongType, written.span, message).path(path));
            return None;
        }
        None => {
            found.push(
                Diagnostic::error(
                    Code::MissingProperty,
                    holder,
                    "this input needs the key `type`",
                )
                .label("for example `type: STRING`")
                .path(path.to_owned()),
            );
            return None;
        }
    };
    let Some((known, _)) = INPUT_TYPES.iter().find(|(name, _)| *name == type_name) else {
        found.push(unknown_type(node, path, &type_name));
        return None;
    };
    if *known == "ENUM"
        && let Some(written) = node.get("type")
    {
        let mut type_path = path.to_owned();
        push_key(&mut type_path, "type");
        let message = "`ENUM` is an old name";
        found.push(
            Diagnostic::warning(Code::Deprecated, written.span, message)
                .fix("write `SELECT`", written.span, "SELECT")
                .certain()
                .path(type_path),
        );
    }
    let what = format!("this {known} input");
    checker.input_shape(known).check_written(
        node,
        &crate::flow::to_json_with_text(node, &["id", "name"]),
        Where {
            path,
            holder,
            what: &what,
        },
        found,
    );
    if node.get("name").is_none() && node.get("id").is_none() {
        found.push(
            Diagnostic::error(
                Code::MissingProperty,
                holder,
                "this input needs the key `id`",
            )
            .label("flows read it as `inputs.<id>`")
            .path(path.to_owned()),
        );
    }
    let id = node
        .get("id")
        .or_else(|| node.get("name"))
        .and_then(scalar_text)?;
    let kind = input_type(node, path, known, found);
    check_choices(&kind, known, holder, path, found);
    check_bounds(&kind, node, path, found);
    let declaration = InputDeclaration {
        id,
        required: flag(node, "required").unwrap_or(true),
        defaults: node
            .get("defaults")
            .filter(|defaults| !defaults.is_null())
            .cloned(),
        description: node.get("description").and_then(Node::text).map(Into::into),
        display_name: node.get("displayName").and_then(Node::text).map(Into::into),
        depends_on: depends_on(node),
        kind,
    };
    check_defaults(&declaration, path, found);
    Some(declaration)
}

fn input_type(node: &Node, path: &str, name: &str, found: &mut Vec<Diagnostic>) -> InputType {
    let texts = |key: &str| {
        node.get(key).map(|list| {
            list.items()
                .iter()
                .filter_map(|item| item.scalar().map(|scalar| Arc::clone(&scalar.text)))
                .collect::<Vec<_>>()
        })
    };
    let item_type = || {
        node.get("itemType")
            .and_then(Node::text)
            .and_then(ItemType::parse)
            .unwrap_or_default()
    };
    match name {
        "SELECT" | "ENUM" => InputType::Select {
            values: texts("values"),
            expression: node.get("expression").cloned(),
            allow_custom_value: flag(node, "allowCustomValue").unwrap_or(false),
        },
        "MULTISELECT" => InputType::MultiSelect {
            values: texts("values").or_else(|| texts("options")),
            expression: node.get("expression").cloned(),
            allow_custom_value: flag(node, "allowCustomValue").unwrap_or(false),
            item_type: item_type(),
        },
        "ARRAY" => InputType::Array {
            item_type: item_type(),
        },
        "INT" => InputType::Int {
            min: bound(node, "min", path, found, |text| text.parse().ok()),
            max: bound(node, "max", path, found, |text| text.parse().ok()),
        },
        "FLOAT" => InputType::Float {
            min: bound(node, "min", path, found, |text| text.parse().ok()),
            max: bound(node, "max", path, found, |text| text.parse().ok()),
        },
        "BOOL" | "BOOLEAN" => InputType::Boolean,
        "DATETIME" => InputType::DateTime {
            after: bound(node, "after", path, found, moment),
            before: bound(node, "before", path, found, moment),
        },
        "DATE" => InputType::Date {
            after: bound(node, "after", path, found, |text| text.parse().ok()),
            before: bound(node, "before", path, found, |text| text.parse().ok()),
        },
        "TIME" => InputType::Time {
            after: bound(node, "after", path, found, time),
            before: bound(node, "before", path, found, time),
        },
        "DURATION" => InputType::Duration {
            min: bound(node, "min", path, found, |text| duration::parse(text).ok()),
            max: bound(node, "max", path, found, |text| duration::parse(text).ok()),
        },
        "FILE" => InputType::File,
        "JSON" => InputType::Json,
        "YAML" => InputType::Yaml,
        "URI" => InputType::Uri,
        "EMAIL" => InputType::Email,
        "SECRET" => InputType::Secret {
            validator: pattern(node, path, found),
        },
        _ => InputType::String {
            validator: pattern(node, path, found),
        },
    }
}

fn pattern(node: &Node, path: &str, found: &mut Vec<Diagnostic>) -> Option<Arc<str>> {
    let value = node.get("validator")?;
    let text = value.text()?;
    if let Err(reason) = validator(text) {
        let mut path = path.to_owned();
        push_key(&mut path, "validator");
        found.push(
            Diagnostic::error(
                Code::WrongValue,
                value.span,
                format!("`validator` is not a regular expression that can be used here: {reason}"),
            )
            .path(path)
            .note("look-around and back-references do not exist here"),
        );
        return None;
    }
    Some(text.into())
}

fn bound<T>(
    node: &Node,
    key: &str,
    path: &str,
    found: &mut Vec<Diagnostic>,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let value = node.get(key)?;
    let text = &value.scalar()?.text;
    let bound = read(text);
    // Of a number that is none the schema has said so.
    let told = found.iter().any(|told| told.span == Some(value.span));
    if bound.is_none() && value.text().is_some() && !told {
        let mut path = path.to_owned();
        push_key(&mut path, key);
        found.push(
            Diagnostic::error(
                Code::WrongValue,
                value.span,
                format!("`{key}` cannot be `{text}`: it must be a value of the input's type"),
            )
            .path(path),
        );
    }
    bound
}

/// What is chosen from is written down, or comes of an expression.
fn check_choices(
    kind: &InputType,
    name: &str,
    holder: Span,
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    let (InputType::Select {
        values, expression, ..
    }
    | InputType::MultiSelect {
        values, expression, ..
    }) = kind
    else {
        return;
    };
    if values.is_none() && expression.is_none() {
        found.push(
            Diagnostic::error(
                Code::MissingProperty,
                holder,
                format!("this {name} input needs the key `values` or `expression`"),
            )
            .label("the values that it is chosen from")
            .path(path.to_owned()),
        );
    }
}

/// Between its bounds there is a value.
fn check_bounds(kind: &InputType, node: &Node, path: &str, found: &mut Vec<Diagnostic>) {
    fn crossed<T: PartialOrd>(low: Option<&T>, high: Option<&T>) -> bool {
        matches!((low, high), (Some(low), Some(high)) if low > high)
    }
    let (low, high, empty) = match kind {
        InputType::Int { min, max } => ("min", "max", crossed(min.as_ref(), max.as_ref())),
        InputType::Float { min, max } => ("min", "max", crossed(min.as_ref(), max.as_ref())),
        InputType::Duration { min, max } => ("min", "max", crossed(min.as_ref(), max.as_ref())),
        InputType::Date { after, before } => {
            ("after", "before", crossed(after.as_ref(), before.as_ref()))
        }
        InputType::DateTime { after, before } => {
            ("after", "before", crossed(after.as_ref(), before.as_ref()))
        }
        InputType::Time { after, before } => {
            ("after", "before", crossed(after.as_ref(), before.as_ref()))
        }
        _ => return,
    };
    if let Some(written) = node.get(high).filter(|_| empty) {
        let mut path = path.to_owned();
        push_key(&mut path, high);
        let message = format!("no value is between `{low}` and `{high}`");
        found.push(Diagnostic::error(Code::WrongValue, written.span, message).path(path));
    }
}

fn check_defaults(declaration: &InputDeclaration, path: &str, found: &mut Vec<Diagnostic>) {
    let Some(defaults) = &declaration.defaults else {
        return;
    };
    let mut dynamic = false;
    crate::flow::for_each_text(defaults, &mut |text, _| dynamic |= text.contains('{'));
    let by_expression = matches!(
        &declaration.kind,
        InputType::Select {
            expression: Some(_),
            ..
        } | InputType::MultiSelect {
            expression: Some(_),
            ..
        }
    );
    if dynamic || by_expression {
        return;
    }
    if let Err(reason) = convert(&declaration.kind, &defaults.to_json(), None) {
        let mut path = path.to_owned();
        push_key(&mut path, "defaults");
        found.push(
            Diagnostic::error(
                Code::Input,
                defaults.span,
                format!(
                    "the default of the input `{}`: {reason}",
                    declaration.id.value
                ),
            )
            .path(path),
        );
    }
}

fn unknown_type(node: &Node, path: &str, name: &str) -> Diagnostic {
    let span = node.get("type").map_or(node.span, |value| value.span);
    let names: Vec<&str> = INPUT_TYPES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != "ENUM" && *name != "BOOLEAN")
        .collect();
    let upper = name.to_uppercase();
    let meant = match upper.as_str() {
        "TEXT" => Some("STRING"),
        "INTEGER" | "LONG" => Some("INT"),
        "DOUBLE" | "NUMBER" => Some("FLOAT"),
        "LIST" => Some("ARRAY"),
        "OBJECT" | "MAP" => Some("JSON"),
        _ => did_you_mean(name, names.iter().copied()),
    };
    let mut type_path = path.to_owned();
    push_key(&mut type_path, "type");
    let mut diagnostic = Diagnostic::error(
        Code::WrongValue,
        span,
        format!("there is no input type `{name}`"),
    )
    .label(format!("allowed: {}", names.join(", ")))
    .path(type_path);
    if let Some(meant) = meant {
        diagnostic = diagnostic.fix(format!("did you mean `{meant}`?"), span, meant);
    }
    diagnostic
}

fn flag(node: &Node, key: &str) -> Option<bool> {
    match node.get(key)?.scalar()?.value {
        ScalarValue::Bool(value) => Some(value),
        _ => None,
    }
}

fn scalar_text(node: &Node) -> Option<Spanned<Arc<str>>> {
    let scalar = node.scalar().filter(|_| !node.is_null())?;
    Some(Spanned {
        value: Arc::clone(&scalar.text),
        span: node.span,
    })
}
