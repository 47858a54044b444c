//! Tasks of the files of namespaces: the folders beside the flow, or the one that the command line names.

use serde_json::{Map, Value, json};
use taffrail_core::collect::Patterns;
use taffrail_core::name::RelPath;
use taffrail_core::native::{
    NamespaceConflict, NamespaceDeleteKeys, NamespaceDownloadKeys, NamespaceUploadKeys,
};
use taffrail_core::record::Failure;

use super::{Call, Done, failed};
use crate::confined::{ConfinedDir, FileError};
use crate::scope::chain;

/// The most files of a namespace that are looked at.
const MAX_FILES: usize = 100_000;

fn folder(call: &Call<'_>, namespace: Option<&str>) -> Result<ConfinedDir, Failure> {
    let services = call.scope.services();
    let path = services
        .namespace_folder(namespace.unwrap_or(&services.namespace))
        .map_err(|missing| failed(format!("there are no {missing}")))?;
    ConfinedDir::open(&path).map_err(|error| failed(chain(&error)))
}

fn file(error: FileError) -> Failure {
    failed(chain(&error))
}

fn matching(folder: &ConfinedDir, names: Vec<String>) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect();
    let patterns = Patterns::new(&names).map_err(|error| failed(error.to_string()))?;
    let files = folder.files(MAX_FILES).map_err(file)?;
    Ok(files
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !patterns.matches(path).is_empty())
        .collect())
}

pub(super) fn download(call: &mut Call<'_>, keys: NamespaceDownloadKeys) -> Result<Done, Failure> {
    let folder = folder(call, keys.namespace.as_deref())?;
    let execution = call.execution;
    let target = execution
        .folder
        .task_run(&call.identity.task, &call.identity.task_run);
    let before = keys.destination.unwrap_or_default();
    let mut files = Map::new();
    for path in matching(&folder, keys.files.into_texts())? {
        let name = format!("{}{path}", before.trim_start_matches('/'));
        let name = RelPath::new(name).map_err(|error| failed(error.to_string()))?;
        let mut source = folder.open_found(&path).map_err(file)?;
        let uri = execution
            .storage
            .put(&target, &name, &mut source)
            .map_err(|error| failed(chain(&error)))?;
        files.insert(name.to_string(), Value::String(uri));
    }
    Ok(Done::with([("files", Value::Object(files))]))
}

pub(super) fn delete(call: &mut Call<'_>, keys: NamespaceDeleteKeys) -> Result<Done, Failure> {
    let folder = folder(call, keys.namespace.as_deref())?;
    let found = matching(&folder, keys.files.into_texts())?;
    for path in &found {
        let path = RelPath::new(path.as_str()).map_err(|error| failed(error.to_string()))?;
        folder.remove_file(&path).map_err(file)?;
    }
    Ok(Done::with([("deleted", json!(found))]))
}

pub(super) fn upload(call: &mut Call<'_>, keys: NamespaceUploadKeys) -> Result<Done, Failure> {
    let services = call.scope.services();
    let namespace = keys.namespace.as_deref().unwrap_or(&services.namespace);
    if services.namespace_folder(namespace).is_err()
        && let Some(path) = services.new_namespace_folder(namespace)
    {
        std::fs::create_dir_all(&path)
            .map_err(|source| file(FileError::new("make the directory", path, source)))?;
    }
    let folder = folder(call, keys.namespace.as_deref())?;
    let before = keys.destination.unwrap_or_default();
    let before = before.trim_matches('/');
    let place = |name: &str| {
        let name = name.trim_start_matches('/');
        let path = if before.is_empty() {
            name.to_owned()
        } else {
            format!("{before}/{name}")
        };
        RelPath::new(path).map_err(|error| failed(error.to_string()))
    };
    let mut sources: Vec<(RelPath, cap_std::fs::File)> = Vec::new();
    for (name, address) in keys.files_map.unwrap_or_default() {
        let address = address.as_str().unwrap_or_default();
        let source = call
            .scope
            .services()
            .open_address(address)
            .map_err(|message| failed(format!("`{name}`: {message}")))?;
        sources.push((place(&name)?, source));
    }
    if let Some(names) = keys.files {
        let Some(shared) = &call.execution.shared else {
            return Err(failed(
                "`files` are those of a working directory; this task stands in none. Use `filesMap` with addresses of stored files",
            ));
        };
        for path in matching(shared.working(), names.into_texts())? {
            let source = shared.working().open_found(&path).map_err(file)?;
            sources.push((place(&path)?, source));
        }
    }
    let mut files = Map::new();
    for (path, mut source) in sources {
        if folder.open_file(&path).is_ok() {
            match keys.conflict.unwrap_or_default() {
                NamespaceConflict::Overwrite => {}
                NamespaceConflict::Skip => continue,
                NamespaceConflict::Error => {
                    return Err(failed(format!(
                        "the namespace file `{path}` is there already"
                    )));
                }
            }
        }
        let mut target = folder.create_file(&path, 0o644).map_err(file)?;
        std::io::copy(&mut source, &mut target)
            .map_err(|source| file(FileError::new("write", path.as_str(), source)))?;
        files.insert(path.to_string(), Value::String(format!("nsfile:///{path}")));
    }
    Ok(Done::with([("files", Value::Object(files))]))
}
