//! The inputs of an execution: what was given, what the defaults say, files stored, secrets hidden.

use std::sync::Arc;

use taffrail_core::flow::Flow;
use taffrail_core::input::{
    Given, InputDeclaration, InputError, InputType, InputValue, resolve_inputs,
};
use taffrail_core::name::RelPath;
use taffrail_expr::{Environment, Value};

use crate::confined::FileError;
use crate::execution::Execution;
use crate::perform::NotReady;
use crate::render::Renderer;
use crate::scope::{Scope, Services, chain};
use crate::storage::{URI_PREFIX, decode};

/// Sets `inputs` in the scope. A file input becomes the URI of the stored file; without an `execution` files stay where they are, and
/// their paths or addresses stand for them.
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
        let mut known = Value::map(taffrail_expr::Map::new());
        for (id, value) in found {
            known.insert_at(&way(id), plain(value));
        }
        scope.set("inputs", known);
        Renderer::new(&scope)
            .value(node)
            .map_err(|error| error.message)
    })?;
    let mut inputs = Value::map(taffrail_expr::Map::new());
    let mut errors = Vec::new();
    for declaration in &flow.inputs {
        let id = &declaration.id.value;
        let value = match values.iter().find(|(known, _)| known == id) {
            // An input that need not be there and is not, is null.
            None => Value::null(),
            Some((_, InputValue::File(path))) => match execution {
                None => Value::text(path.to_string_lossy().as_ref()),
                Some(execution) => wanted(declaration, store(execution, id, path), &mut errors),
            },
            Some((_, InputValue::Json(serde_json::Value::String(address))))
                if matches!(declaration.kind, InputType::File) =>
            {
                match execution {
                    None => Value::text(address.as_str()),
                    Some(execution) => {
                        let stored = store_address(execution, scope.services(), id, address);
                        wanted(declaration, stored, &mut errors)
                    }
                }
            }
            Some((_, InputValue::Secret(secret))) => secret_input(scope, execution, id, secret),
            Some((_, value)) => plain(value),
        };
        inputs.insert_at(&way(id), value);
    }
    scope.set("inputs", inputs);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Where the value of an input stands among all: an id with dots is read as a path.
fn way(id: &str) -> Vec<Arc<str>> {
    id.split('.').map(Arc::from).collect()
}

/// The address of a stored file; null where there is none, which is told.
fn wanted(
    declaration: &InputDeclaration,
    stored: Result<String, String>,
    errors: &mut Vec<InputError>,
) -> Value {
    match stored {
        Ok(uri) => Value::text(uri),
        Err(message) => {
            let id = &declaration.id.value;
            errors.push(InputError {
                input: id.to_string(),
                message: format!("the input `{id}`: {message}"),
                help: None,
                declared: Some(declaration.id.span),
            });
            Value::null()
        }
    }
}

/// A secret that was given as an input: it is hidden from here on.
fn secret_input(scope: &Scope, execution: Option<&Execution>, id: &str, secret: &str) -> Value {
    scope.services().masker.add([secret]);
    if let Some(execution) = execution {
        execution.references.add(&format!("inputs.{id}"), secret);
    }
    Value::text(secret).tainted(id)
}

/// The inputs as they are kept: with references in the place of secrets, and without those that are secrets themselves.
pub(crate) fn kept_inputs(
    scope: &Scope,
    flow: &Flow,
    execution: &Execution,
) -> serde_json::Map<String, serde_json::Value> {
    let inputs = scope.variable("inputs").map(|inputs| inputs.to_json());
    let Some(mut inputs) = inputs else {
        return serde_json::Map::new();
    };
    for declaration in secret_inputs(flow) {
        let place = format!("/{}", declaration.id.value.replace('.', "/"));
        if let Some(value) = inputs.pointer_mut(&place) {
            *value = serde_json::Value::Null;
        }
    }
    let serde_json::Value::Object(inputs) = inputs else {
        return serde_json::Map::new();
    };
    execution.references.hide(&inputs, &execution.masker).0
}

fn secret_inputs(flow: &Flow) -> impl Iterator<Item = &InputDeclaration> {
    let declared = flow.inputs.iter();
    declared.filter(|input| matches!(input.kind, InputType::Secret { .. }))
}

/// Sets `inputs` as an earlier host kept them: defaults may give something else by now, and files are stored already. Secrets among
/// them were not kept and must be given again.
///
/// # Errors
/// What must be given again and was not.
pub(crate) fn restore_inputs(
    scope: &mut Scope,
    flow: &Flow,
    kept: &serde_json::Map<String, serde_json::Value>,
    given: &[(String, Given)],
    execution: &Execution,
) -> Result<(), NotReady> {
    let declared: Vec<InputDeclaration> = secret_inputs(flow).cloned().collect();
    let given: Vec<(String, Given)> = given
        .iter()
        .filter(|(name, _)| declared.iter().any(|input| *input.id.value == **name))
        .cloned()
        .collect();
    let secrets = resolve_inputs(&declared, &given, &mut |node, _| {
        Renderer::new(scope)
            .value(node)
            .map_err(|error| error.message)
    })
    .map_err(NotReady::Inputs)?;
    let found = secrets.into_iter().filter_map(|(id, value)| match value {
        InputValue::Secret(secret) => {
            let value = secret_input(scope, Some(execution), &id, &secret);
            Some((id, value))
        }
        _ => None,
    });
    let found: Vec<_> = found.collect();
    let revealed = execution.references.reveal(kept).map_err(|name| {
        NotReady::Place(format!(
            "the inputs need the secret `{name}`, which was not given again"
        ))
    })?;
    let mut inputs = Value::from_json(&serde_json::Value::Object(revealed));
    for (id, value) in found {
        inputs.insert_at(&way(&id), value);
    }
    scope.set("inputs", inputs);
    Ok(())
}

/// The values of inputs that are declared elsewhere than at the flow: what was given, and what the defaults say.
///
/// # Errors
/// All mistakes in what was given.
pub(crate) fn resolve(
    scope: &Scope,
    declared: &[InputDeclaration],
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

/// Stores the file of a namespace or of the machine; one that is stored stays as it is.
fn store_address(
    execution: &Execution,
    services: &Services,
    id: &str,
    address: &str,
) -> Result<String, String> {
    let address = address.trim();
    let mut file = services.open_address(address)?;
    if address.starts_with(URI_PREFIX) {
        return Ok(address.to_owned());
    }
    let last = decode(address.rsplit('/').next().unwrap_or_default());
    let name = last.and_then(|name| RelPath::new(name).ok());
    let name = name.ok_or_else(|| format!("`{address}` names no file"))?;
    execution
        .storage
        .put(&execution.folder.input(id), &name, &mut file)
        .map_err(|error| chain(&error))
}
