//! The inputs of an execution: what was given, what the defaults say, files stored, secrets hidden.

use std::sync::Arc;

use taffrail_core::flow::Flow;
use taffrail_core::input::{Given, InputError, InputValue, resolve_inputs};
use taffrail_core::name::RelPath;
use taffrail_expr::Value;

use crate::confined::FileError;
use crate::execution::Execution;
use crate::render::Renderer;
use crate::scope::{Scope, chain};

/// Sets `inputs` in the scope. A file input becomes the URI of the stored file; without an `execution` files stay where they are, and
/// their paths stand for them.
///
/// # Errors
/// All mistakes in what was given.
pub fn set_inputs(
    scope: &mut Scope,
    flow: &Flow,
    given: &[(String, Given)],
    execution: Option<&Execution>,
) -> Result<(), Vec<InputError>> {
    let base = scope.clone();
    let values = resolve_inputs(&flow.inputs, given, &mut |node, found| {
        let mut scope = base.clone();
        let known = found
            .iter()
            .map(|(id, value)| (Arc::clone(id), plain(value)))
            .collect();
        scope.set("inputs", Value::map(known));
        Renderer::new(&scope)
            .value(node)
            .map_err(|error| error.message)
    })?;
    let mut inputs = taffrail_expr::Map::new();
    let mut errors = Vec::new();
    for declaration in &flow.inputs {
        let id = &declaration.id.value;
        let value = match values.iter().find(|(known, _)| known == id) {
            // An input that need not be there and is not, is null.
            None => Value::null(),
            Some((_, InputValue::File(path))) => match execution {
                None => Value::text(path.to_string_lossy().as_ref()),
                Some(execution) => match store(execution, id, path) {
                    Ok(uri) => Value::text(uri),
                    Err(message) => {
                        errors.push(InputError {
                            input: id.to_string(),
                            message: format!("the input `{id}`: {message}"),
                            help: None,
                            declared: Some(declaration.id.span),
                        });
                        Value::null()
                    }
                },
            },
            Some((_, InputValue::Secret(secret))) => {
                scope.services().masker.add([secret.as_str()]);
                Value::text(secret.as_str()).tainted(id)
            }
            Some((_, value)) => plain(value),
        };
        inputs.insert(Arc::clone(id), value);
    }
    scope.set("inputs", Value::map(inputs));
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// The values of inputs that are declared elsewhere than at the flow: what was given, and what the defaults say.
///
/// # Errors
/// All mistakes in what was given.
pub(crate) fn resolve(
    scope: &Scope,
    declared: &[taffrail_core::input::InputDeclaration],
    given: &[(String, Given)],
) -> Result<serde_json::Map<String, serde_json::Value>, Vec<InputError>> {
    let values = resolve_inputs(declared, given, &mut |node, _| {
        Renderer::new(scope)
            .value(node)
            .map_err(|error| error.message)
    })?;
    Ok(values
        .into_iter()
        .map(|(id, value)| (id.to_string(), plain(&value).to_json()))
        .collect())
}

fn plain(value: &InputValue) -> Value {
    match value {
        InputValue::File(path) => Value::text(path.to_string_lossy().as_ref()),
        InputValue::Secret(secret) => Value::text(secret.as_str()),
        InputValue::Json(json) => Value::from_json(json),
    }
}

fn store(execution: &Execution, id: &str, path: &std::path::Path) -> Result<String, String> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("file");
    let name = RelPath::new(name).map_err(|error| error.to_string())?;
    let mut file =
        std::fs::File::open(path).map_err(|source| chain(&FileError::new("read", path, source)))?;
    execution
        .storage
        .put(&execution.folder.input(id), &name, &mut file)
        .map_err(|error| chain(&error))
}
