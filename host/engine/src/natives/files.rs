//! Tasks that make stored files of stored files.

use std::io::{BufReader, Read, Write};

use indexmap::IndexMap;
use serde_json::{Value, json};
use taffrail_core::collect::Patterns;
use taffrail_core::name::RelPath;
use taffrail_core::native::{
    ConcatKeys, DeduplicateItemsKeys, FilterItemsKeys, LocalFilesKeys, ReverseKeys, SizeKeys,
    SplitKeys, StorageDeleteKeys, WriteKeys,
};
use taffrail_core::record::Failure;
use taffrail_expr::{Limits, Template, Value as ExprValue};

use super::split::{Cut, lines};
use super::{Call, Done, failed};
use crate::scope::chain;
use crate::task::holds;

/// The largest file that is taken into memory as a whole, in bytes.
const MAX_TEXT: u64 = 256 * 1024 * 1024;

impl Call<'_> {
    pub(crate) fn open(&self, address: &str) -> Result<cap_std::fs::File, Failure> {
        self.scope
            .services()
            .open_address(address.trim())
            .map_err(failed)
    }

    pub(crate) fn text(&self, address: &str) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        self.open(address)?
            .take(MAX_TEXT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(format!("`{address}`: {error}")))?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(failed(format!("`{address}` is larger than 256 MiB")));
        }
        String::from_utf8(bytes).map_err(|_| failed(format!("`{address}` is not UTF-8 text")))
    }

    /// Stores a file of this task run.
    pub(crate) fn keep(&self, name: &str, mut content: impl Read) -> Result<String, Failure> {
        let name = RelPath::new(name).map_err(|error| failed(error.to_string()))?;
        let folder = self
            .execution
            .folder
            .task_run(&self.identity.task, &self.identity.task_run);
        self.execution
            .storage
            .put(&folder, &name, &mut content)
            .map_err(|error| failed(chain(&error)))
    }
}

/// The ending of a file's name with its dot.
fn ending(extension: Option<String>) -> String {
    match extension {
        None => String::new(),
        Some(text) if text.is_empty() || text.starts_with('.') => text,
        Some(text) => format!(".{text}"),
    }
}

/// Addresses: a list, the values of a map, or text that is a JSON list or one address.
fn addresses(value: &Value) -> Result<Vec<String>, Failure> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(failed(format!(
            "`files` holds `{other}`, which is no address"
        ))),
    };
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Object(map) => map.values().map(text).collect(),
        Value::String(written) => match serde_json::from_str::<Value>(written.trim()) {
            Ok(parsed @ (Value::Array(_) | Value::Object(_))) => addresses(&parsed),
            _ => Ok(vec![written.clone()]),
        },
        other => Err(failed(format!("`files` must be a list, not `{other}`"))),
    }
}

pub(super) fn concat(call: &mut Call<'_>, keys: ConcatKeys) -> Result<Done, Failure> {
    let mut joined = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    for (index, address) in addresses(&keys.files)?.iter().enumerate() {
        if index > 0
            && let Some(separator) = &keys.separator
        {
            joined
                .write_all(separator.as_bytes())
                .map_err(|error| failed(error.to_string()))?;
        }
        let mut file = call.open(address)?;
        std::io::copy(&mut file, &mut joined).map_err(|error| failed(error.to_string()))?;
    }
    std::io::Seek::rewind(&mut joined).map_err(|error| failed(error.to_string()))?;
    let extension = ending(keys.extension.or_else(|| Some(".tmp".to_owned())));
    let uri = call.keep(&format!("concat{extension}"), joined)?;
    Ok(Done::with([("uri", uri.into())]))
}

pub(super) fn split(call: &mut Call<'_>, keys: SplitKeys) -> Result<Done, Failure> {
    let cut = Cut::new(
        keys.rows,
        keys.bytes.as_ref(),
        keys.partitions,
        keys.regex_pattern.as_deref(),
    )
    .map_err(failed)?;
    let mut source = BufReader::new(call.open(&keys.from)?);
    let separator = keys.separator.as_deref().unwrap_or("\n");
    let mut uris = Vec::new();
    cut.split(&mut source, separator, &mut |place, part| {
        uris.push(call.keep(&format!("part-{:04}.txt", place + 1), part)?);
        Ok(())
    })?;
    Ok(Done::with([("uris", json!(uris))]))
}

pub(super) fn reverse(call: &mut Call<'_>, keys: ReverseKeys) -> Result<Done, Failure> {
    let text = call.text(&keys.from)?;
    let separator = keys.separator.as_deref().unwrap_or("\n");
    let mut found: Vec<&str> = lines(&text, separator)
        .map(|line| line.strip_suffix(separator).unwrap_or(line))
        .collect();
    found.reverse();
    let mut reversed = found.join(separator);
    if text.ends_with(separator) {
        reversed.push_str(separator);
    }
    let uri = call.keep("reversed.txt", reversed.as_bytes())?;
    Ok(Done::with([("uri", uri.into())]))
}

pub(super) fn size(call: &mut Call<'_>, keys: SizeKeys) -> Result<Done, Failure> {
    let size = call
        .open(&keys.uri)?
        .metadata()
        .map_err(|error| failed(error.to_string()))?
        .len();
    Ok(Done::with([("size", size.into())]))
}

pub(super) fn write(call: &mut Call<'_>, keys: WriteKeys) -> Result<Done, Failure> {
    let name = format!("content{}", ending(keys.extension));
    let uri = call.keep(&name, keys.content.as_bytes())?;
    Ok(Done::with([("uri", uri.into())]))
}

pub(super) fn delete(call: &mut Call<'_>, keys: StorageDeleteKeys) -> Result<Done, Failure> {
    let namespace = &call.scope.services().namespace;
    let deleted = call
        .execution
        .storage
        .delete(namespace, keys.uri.trim())
        .map_err(|error| failed(chain(&error)))?;
    if !deleted && keys.error_on_missing == Some(true) {
        return Err(failed(format!("there is no file `{}`", keys.uri)));
    }
    Ok(Done::with([
        ("uri", keys.uri.into()),
        ("deleted", deleted.into()),
    ]))
}

pub(super) fn purge(call: &mut Call<'_>) -> Result<Done, Failure> {
    let uris = call
        .execution
        .storage
        .delete_folder(&call.execution.folder)
        .map_err(|error| failed(chain(&error)))?;
    Ok(Done::with([
        ("count", uris.len().into()),
        ("uris", uris.into()),
    ]))
}

pub(super) fn filter(call: &mut Call<'_>, keys: FilterItemsKeys) -> Result<Done, Failure> {
    let template = parse(&keys.filter_condition)?;
    let include = keys.filter_type.as_deref() != Some("EXCLUDE");
    let text = call.text(&keys.from)?;
    let (mut kept, mut processed, mut dropped) = (String::new(), 0_u64, 0_u64);
    for line in lines(&text, "\n") {
        if line.trim().is_empty() {
            continue;
        }
        processed += 1;
        let found = evaluate(call, &template, line);
        let keep = match (found, keys.error_or_null_behavior.as_deref()) {
            (Ok(Some(value)), _) => holds(&value) == include,
            (_, Some("INCLUDE")) => true,
            (_, Some("EXCLUDE")) => false,
            (Ok(None), _) => {
                return Err(failed(format!(
                    "item {processed}: the condition gives nothing"
                )));
            }
            (Err(message), _) => return Err(failed(format!("item {processed}: {message}"))),
        };
        if keep {
            kept.push_str(line);
        } else {
            dropped += 1;
        }
    }
    let uri = call.keep("filtered.jsonl", kept.as_bytes())?;
    Ok(Done::with([
        ("uri", uri.into()),
        ("processedItemsTotal", processed.into()),
        ("droppedItemsTotal", dropped.into()),
    ]))
}

pub(super) fn deduplicate(
    call: &mut Call<'_>,
    keys: DeduplicateItemsKeys,
) -> Result<Done, Failure> {
    let template = parse(&keys.expr)?;
    let text = call.text(&keys.from)?;
    let mut items: IndexMap<String, &str> = IndexMap::new();
    let mut processed = 0_u64;
    for line in lines(&text, "\n").filter(|line| !line.trim().is_empty()) {
        processed += 1;
        let key = evaluate(call, &template, line)
            .map_err(|message| failed(format!("item {processed}: {message}")))?
            .unwrap_or(Value::Null)
            .to_string();
        // The last one stands, at the place of the last one.
        items.shift_remove(&key);
        items.insert(key, line);
    }
    let kept: String = items.values().copied().collect();
    let uri = call.keep("deduplicated.jsonl", kept.as_bytes())?;
    Ok(Done::with([
        ("uri", uri.into()),
        ("processedItemsTotal", processed.into()),
        ("droppedItemsTotal", (processed - items.len() as u64).into()),
    ]))
}

fn parse(text: &str) -> Result<Template, Failure> {
    let written = if text.contains("{{") || text.contains("{%") {
        text.to_owned()
    } else {
        format!("{{{{ {text} }}}}")
    };
    Template::parse(&written).map_err(|errors| {
        failed(
            errors
                .first()
                .map_or_else(String::new, |error| error.message.clone()),
        )
    })
}

/// An expression's value for one item; nothing where it is null.
fn evaluate(call: &Call<'_>, template: &Template, line: &str) -> Result<Option<Value>, String> {
    let item: Value = serde_json::from_str(line.trim())
        .map_err(|_| "only items of one JSON document a line can be read".to_owned())?;
    let mut scope = call.scope.clone();
    if let Value::Object(fields) = &item {
        for (name, value) in fields {
            scope.set(name, ExprValue::from_json(value));
        }
    }
    scope.set("item", ExprValue::from_json(&item));
    let value = template
        .evaluate(&scope, &Limits::default())
        .map_err(|error| error.message)?;
    Ok((!value.is_null()).then(|| value.to_json()))
}

pub(super) fn local_files(call: &mut Call<'_>, keys: LocalFilesKeys) -> Result<Done, Failure> {
    let Some(shared) = &call.execution.shared else {
        return Err(failed(
            "it puts files into the directory of a WorkingDirectory task, and this task stands in none",
        ));
    };
    let inputs: IndexMap<String, Option<String>> = keys
        .inputs
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| {
            let content = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            };
            (name, content)
        })
        .collect();
    crate::files::write_inputs(shared.working(), call.scope.services(), &inputs)?;
    let patterns = Patterns::new(&keys.outputs.unwrap_or_default())
        .map_err(|error| failed(error.to_string()))?;
    let folder = call
        .execution
        .folder
        .task_run(&call.identity.task, &call.identity.task_run);
    let collected = crate::files::collect(shared, &patterns, &[], &call.execution.storage, &folder)
        .map_err(|error| failed(chain(&error)))?;
    let mut done = Done::with([("uris", json!(collected.files))]);
    done.warnings = collected.warnings;
    Ok(done)
}
