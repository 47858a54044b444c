//! From what a flow declares and what was given to the value of every input, or every mistake at once.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::convert::{InputValue, convert};
use super::declaration::{InputDeclaration, InputType};
use crate::flow::Spanned;
use crate::suggest::did_you_mean;
use crate::yaml::{Node, Span};

/// What was given for one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// A text, as `-i key=value` gives it.
    Text(String),
    /// A file of this host, as `-i key=@path` gives it.
    File(PathBuf),
    /// A value that has a type already.
    Json(Value),
}

/// One mistake in what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InputError {
    /// The input.
    pub input: String,
    /// One sentence that names it.
    pub message: String,
    /// A way out.
    pub help: Option<String>,
    /// Where it is declared.
    pub declared: Option<Span>,
}

/// Renders a default, or an expression that lists choices, given the values found so far; or says why it cannot.
pub type RenderDefault<'a> =
    dyn FnMut(&Node, &[(Arc<str>, InputValue)]) -> Result<Value, String> + 'a;

/// Finds the value of every declared input, in the order of the flow. An input that may be absent and is, is left out.
///
/// `render` is called once for each default and for each expression that lists choices, in that order, with what was found so far;
/// it gives the rendered value, or says why there is none. Values of FILE inputs stay paths.
///
/// # Errors
/// All mistakes: names that are not declared, values that are missing or wrong, defaults that are.
pub fn resolve_inputs(
    declared: &[InputDeclaration],
    given: &[(String, Given)],
    render: &mut RenderDefault<'_>,
) -> Result<Vec<(Arc<str>, InputValue)>, Vec<InputError>> {
    let mut errors = Vec::new();
    for (position, (name, _)) in given.iter().enumerate() {
        let known = declared.iter().any(|input| *input.id.value == **name);
        if !known {
            errors.push(not_declared(name, declared));
        } else if given[..position].iter().any(|(earlier, _)| earlier == name) {
            errors.push(error(
                name,
                format!("the input `{name}` is given twice"),
                None,
            ));
        }
    }
    let mut values: Vec<(Arc<str>, InputValue)> = Vec::new();
    let mut pending: Vec<&InputDeclaration> = declared.iter().collect();
    while !pending.is_empty() {
        // In the order of the flow, but after what it depends on; that nothing goes round, the reader has seen to.
        let is_ready = |input: &&InputDeclaration| {
            let waits = |needed: &Spanned<Arc<str>>| {
                pending.iter().any(|other| other.id.value == needed.value)
            };
            let depends = input.depends_on.as_ref();
            depends.is_none_or(|depends| !depends.inputs.iter().any(waits))
        };
        let next = pending.iter().position(is_ready).unwrap_or(0);
        let input = pending.remove(next);
        let name = &input.id.value;
        // What a wrong input would have decided is not known.
        let is_wrong = |needed: &Spanned<Arc<str>>| {
            errors
                .iter()
                .any(|error: &InputError| error.input == *needed.value)
        };
        let depends = input.depends_on.as_ref();
        if depends.is_some_and(|depends| depends.inputs.iter().any(is_wrong)) {
            continue;
        }
        let explicit = given.iter().find(|(given_name, _)| **given_name == **name);
        let outcome = match (explicit, applies(input, &values, render)) {
            (_, Err(mistake)) => Err(mistake),
            (Some((_, given)), Ok(true)) => one(input, given, &values, render).map(Some),
            (None, Ok(true)) => default(input, &values, render),
            (Some(_), Ok(false)) => Err((
                format!("there is no input `{name}` here: its `dependsOn` does not hold"),
                None,
            )),
            (None, Ok(false)) => Ok(None),
        };
        match outcome {
            Ok(Some(value)) => values.push((Arc::clone(name), value)),
            Ok(None) => {}
            Err((message, help)) => errors.push(InputError {
                input: name.to_string(),
                message,
                help,
                declared: Some(input.id.span),
            }),
        }
    }
    values.sort_by_key(|(name, _)| {
        declared
            .iter()
            .position(|input| input.id.value == *name)
            .unwrap_or(usize::MAX)
    });
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

type Mistake = (String, Option<String>);

/// Whether there is such an input, given those that it depends on.
fn applies(
    input: &InputDeclaration,
    values: &[(Arc<str>, InputValue)],
    render: &mut RenderDefault<'_>,
) -> Result<bool, Mistake> {
    let Some(depends) = &input.depends_on else {
        return Ok(true);
    };
    match &depends.condition {
        Some(condition) => render(condition, values)
            .map(|value| crate::coerce::holds(&value))
            .map_err(|reason| {
                let name = &input.id.value;
                (
                    format!("`dependsOn` of the input `{name}` cannot be rendered: {reason}"),
                    None,
                )
            }),
        None => Ok(depends.inputs.iter().all(|needed| {
            let known = values.iter().find(|(name, _)| *name == needed.value);
            known.is_some_and(|(_, value)| *value != InputValue::Json(Value::Null))
        })),
    }
}

fn one(
    input: &InputDeclaration,
    given: &Given,
    values: &[(Arc<str>, InputValue)],
    render: &mut RenderDefault<'_>,
) -> Result<InputValue, Mistake> {
    let name = &input.id.value;
    let given = match (given, &input.kind) {
        (Given::File(path), InputType::File) => return Ok(InputValue::File(path.clone())),
        (Given::File(_), kind) => {
            return Err((
                format!(
                    "the input `{name}` is of type {}, and takes no file",
                    kind.name()
                ),
                Some(format!("give its value as text: `-i {name}=…`")),
            ));
        }
        (Given::Text(text), InputType::File) if !text.contains("://") => {
            return Err((
                format!("the input `{name}` is a file, and `{text}` is the address of none"),
                Some(format!("write `-i {name}=@{text}` to give that file")),
            ));
        }
        (Given::Text(text), _) => Value::String(text.clone()),
        (Given::Json(value), _) => value.clone(),
    };
    let choices = choices(&input.kind, values, render)?;
    convert(&input.kind, &given, choices.as_deref())
        .map_err(|reason| (format!("the input `{name}`: {reason}"), None))
}

fn default(
    input: &InputDeclaration,
    values: &[(Arc<str>, InputValue)],
    render: &mut RenderDefault<'_>,
) -> Result<Option<InputValue>, Mistake> {
    let name = &input.id.value;
    let Some(defaults) = input.defaults.as_ref().filter(|node| !node.is_null()) else {
        if input.required {
            let way = match input.kind {
                InputType::File => format!("-i {name}=@path"),
                _ => format!("-i {name}=…"),
            };
            return Err((
                format!(
                    "the input `{name}` of type {} has no value",
                    input.kind.name()
                ),
                Some(format!("give it with `{way}`")),
            ));
        }
        return Ok(None);
    };
    let wrong = |reason: String| (format!("the default of the input `{name}`: {reason}"), None);
    let value = render(defaults, values).map_err(wrong)?;
    let choices = choices(&input.kind, values, render)?;
    convert(&input.kind, &value, choices.as_deref())
        .map(Some)
        .map_err(wrong)
}

fn choices(
    kind: &InputType,
    values: &[(Arc<str>, InputValue)],
    render: &mut RenderDefault<'_>,
) -> Result<Option<Vec<String>>, Mistake> {
    let (InputType::Select {
        expression: Some(expression),
        ..
    }
    | InputType::MultiSelect {
        expression: Some(expression),
        ..
    }) = kind
    else {
        return Ok(None);
    };
    let rendered = render(expression, values)
        .map_err(|reason| (format!("the choices cannot be rendered: {reason}"), None))?;
    let items = match rendered {
        Value::Array(items) => items,
        Value::String(text) => serde_json::from_str::<Vec<Value>>(&text)
            .map_err(|_| (format!("the choices are no list: `{text}`"), None))?,
        other => return Err((format!("the choices are no list: `{other}`"), None)),
    };
    Ok(Some(
        items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => text,
                other => other.to_string(),
            })
            .collect(),
    ))
}

fn not_declared(name: &str, declared: &[InputDeclaration]) -> InputError {
    let names: Vec<&str> = declared.iter().map(|input| &*input.id.value).collect();
    let help = match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the flow has no inputs".to_owned(),
        None => format!(
            "its inputs are {}",
            names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    error(name, format!("the flow has no input `{name}`"), Some(help))
}

fn error(name: &str, message: String, help: Option<String>) -> InputError {
    InputError {
        input: name.to_owned(),
        message,
        help,
        declared: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Spanned;
    use crate::input::declaration::ItemType;
    use crate::yaml::{Limits, parse};

    fn input(
        id: &str,
        kind: InputType,
        required: bool,
        defaults: Option<&str>,
    ) -> InputDeclaration {
        InputDeclaration {
            id: Spanned {
                value: id.into(),
                span: Span::default(),
            },
            kind,
            required,
            defaults: defaults.map(|text| parse(text, &Limits::default()).root.expect("YAML")),
            description: None,
            display_name: None,
            depends_on: None,
        }
    }

    fn declared() -> Vec<InputDeclaration> {
        vec![
            input("name", InputType::String { validator: None }, true, None),
            input(
                "count",
                InputType::Int {
                    min: None,
                    max: None,
                },
                true,
                Some("7"),
            ),
            input("data", InputType::File, false, None),
            input(
                "tags",
                InputType::Array {
                    item_type: ItemType::String,
                },
                true,
                Some("[a, b]"),
            ),
            input(
                "copy",
                InputType::String { validator: None },
                true,
                Some("'{{ inputs.name }}'"),
            ),
        ]
    }

    fn resolve(given: &[(&str, Given)]) -> Result<Vec<(String, String)>, Vec<String>> {
        let given: Vec<(String, Given)> = given
            .iter()
            .map(|(name, given)| ((*name).to_owned(), given.clone()))
            .collect();
        let mut render = |node: &Node, values: &[(Arc<str>, InputValue)]| match node.text() {
            Some("{{ inputs.name }}") => match values.iter().find(|(name, _)| &**name == "name") {
                Some((_, InputValue::Json(value))) => Ok(value.clone()),
                _ => Err("`name` is not there".to_owned()),
            },
            _ => Ok(node.to_json()),
        };
        resolve_inputs(&declared(), &given, &mut render)
            .map(|values| {
                values
                    .into_iter()
                    .map(|(name, value)| {
                        let shown = match value {
                            InputValue::Json(value) => value.to_string(),
                            InputValue::File(path) => format!("file {}", path.display()),
                            InputValue::Secret(_) => "secret".to_owned(),
                        };
                        (name.to_string(), shown)
                    })
                    .collect()
            })
            .map_err(|errors| {
                errors
                    .into_iter()
                    .map(|error| match error.help {
                        Some(help) => format!("{} / {help}", error.message),
                        None => error.message,
                    })
                    .collect()
            })
    }

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            resolve(&[("name", text("x")), ("data", Given::File("/a".into()))]),
            Ok(vec![
                pair("name", "\"x\""),
                pair("count", "7"),
                pair("data", "file /a"),
                pair("tags", "[\"a\",\"b\"]"),
                pair("copy", "\"x\""),
            ])
        );
    }

    #[test]
    fn all_mistakes_come_at_once() {
        assert_eq!(
            resolve(&[
                ("nmae", text("x")),
                ("count", text("many")),
                ("count", text("1")),
                ("data", text("a.csv")),
                ("tags", Given::File("/a".into())),
            ]),
            Err(vec![
                "the flow has no input `nmae` / did you mean `name`?".to_owned(),
                "the input `count` is given twice".to_owned(),
                "the input `name` of type STRING has no value / give it with `-i name=…`".to_owned(),
                "the input `count`: expected INT, not `many`".to_owned(),
                "the input `data` is a file, and `a.csv` is the address of none / write `-i data=@a.csv` to give that file".to_owned(),
                "the input `tags` is of type ARRAY, and takes no file / give its value as text: `-i tags=…`".to_owned(),
                "the default of the input `copy`: `name` is not there".to_owned(),
            ])
        );
    }
}
