//! `taskCache`: what a task gave stands for what it would give again, as long as nothing that it is made of has changed.
//!
//! The key is a digest of the type, the plugin's version and all rendered properties; of files it is their content that counts, as
//! their addresses are new with every execution.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use taffrail_core::flow::{Task, TaskKind};

use crate::confined::{ConfinedDir, FileError, create_private_dir};
use crate::execution::Execution;
use crate::local_files::FILE;
use crate::ports::Locations;
use crate::prepare::set_locations;
use crate::render::Renderer;
use crate::scope::{NSFILE, Scope, Services};
use crate::storage;

/// The most files of a namespace that are looked at.
const MAX_FILES: usize = 100_000;

/// The place of one task's outputs, for the properties that it has now.
pub(crate) struct TaskCache {
    path: PathBuf,
    ttl: Option<std::time::Duration>,
    services: Arc<Services>,
}

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Version of this document's shape; 1.
    v: u32,
    /// When it was kept, in seconds since 1970.
    at: i64,
    outputs: Map<String, Value>,
}

impl TaskCache {
    /// The cache of a task that wants one. There is none in a shared working directory, as files that were left there would be missing,
    /// and none where a property cannot be rendered, which the task itself will tell.
    pub(crate) fn of(execution: &Execution, task: &Task, scope: &Scope) -> Option<Self> {
        let wanted = task.common.cache.as_ref()?;
        let folder = execution.cache.as_ref()?;
        if execution.shared.is_some() {
            return None;
        }
        let key = key(execution, task, scope)?;
        let folder = folder
            .join("tasks")
            .join(execution.folder.of_flow())
            .join(&*task.id.value);
        Some(Self {
            path: folder.join(format!("{key}.json")),
            ttl: wanted.ttl,
            services: Arc::clone(scope.services()),
        })
    }

    /// The outputs that were kept and still count: not too old, and every stored file that they name is still there.
    pub(crate) fn find(&self) -> Option<Map<String, Value>> {
        let kept: Kept = serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()?;
        let age = jiff::Timestamp::now().as_second().checked_sub(kept.at)?;
        let old = self
            .ttl
            .is_some_and(|ttl| u64::try_from(age).map_or(true, |age| age >= ttl.as_secs()));
        let mut whole = true;
        texts(&Value::Object(kept.outputs.clone()), &mut |text| {
            whole &= storage::uris(text)
                .into_iter()
                .all(|range| self.services.open_address(&text[range]).is_ok());
        });
        (kept.v == 1 && !old && whole).then_some(kept.outputs)
    }

    /// Keeps outputs, whole or not at all.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn keep(&self, outputs: &Map<String, Value>) -> Result<(), FileError> {
        if let Some(folder) = self.path.parent() {
            create_private_dir(folder)?;
        }
        let kept = Kept {
            v: 1,
            at: jiff::Timestamp::now().as_second(),
            outputs: outputs.clone(),
        };
        let fresh = self
            .path
            .with_extension(format!("{}.new", ulid::Ulid::generate()));
        serde_json::to_vec(&kept)
            .map_err(io::Error::from)
            .and_then(|bytes| std::fs::write(&fresh, bytes))
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .map_err(|source| FileError::new("write", &self.path, source))
    }
}

/// The digest of all that a task is made of.
fn key(execution: &Execution, task: &Task, scope: &Scope) -> Option<String> {
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    };
    match &task.kind {
        TaskKind::Script(script) => {
            add(&script.plugin.id.to_string());
            add(&script.plugin.version.to_string());
            add(script.task_type().name.as_str());
        }
        TaskKind::Core(_) => add(task.native()?.name),
        TaskKind::Flowable { .. } => return None,
    }
    add(execution.runner_override.as_deref().unwrap_or_default());
    let mut scope = scope.clone();
    // The directories differ from run to run and are no part of what the task is about.
    let locations = Locations {
        working_dir: "{workingDir}".to_owned(),
        output_dir: "{outputDir}".to_owned(),
    };
    set_locations(task, &mut scope, &locations, false).ok()?;
    let renderer = Renderer::new(&scope);
    for entry in task.node.entries() {
        if !task.is_rendered_at_start(&entry.key) {
            continue;
        }
        add(&entry.key);
        let value = renderer.node(&entry.value).ok()?;
        add(&by_content(&value, scope.services())?.to_string());
    }
    if task.node.get("namespaceFiles").is_some() {
        add(&namespace_files(scope.services())?);
    }
    Some(hex(digest))
}

/// The value with the digest of its content in the place of each file's address; nothing where one cannot be read.
fn by_content(value: &Value, services: &Services) -> Option<Value> {
    Some(match value {
        Value::String(text)
            if [NSFILE, FILE]
                .iter()
                .any(|scheme| text.trim().starts_with(scheme)) =>
        {
            Value::String(content(text.trim(), services)?)
        }
        Value::String(text) => {
            let mut replaced = String::new();
            let mut from = 0;
            for range in storage::uris(text) {
                replaced.push_str(&text[from..range.start]);
                replaced.push_str(&content(&text[range.clone()], services)?);
                from = range.end;
            }
            replaced.push_str(&text[from..]);
            Value::String(replaced)
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| by_content(item, services))
                .collect::<Option<_>>()?,
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| Some((key.clone(), by_content(value, services)?)))
                .collect::<Option<_>>()?,
        ),
        other => other.clone(),
    })
}

/// The digest of a file.
fn content(address: &str, services: &Services) -> Option<String> {
    let mut file = services.open_address(address).ok()?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece).ok()? {
            0 => break,
            count => digest.update(&piece[..count]),
        }
    }
    Some(hex(digest))
}

fn hex(digest: Sha256) -> String {
    let digest = digest.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names, sizes and times of all files of namespaces.
fn namespace_files(services: &Services) -> Option<String> {
    let mut list = String::new();
    let folders = [&services.namespace_files, &services.namespaces];
    for folder in folders.into_iter().flatten() {
        let opened = ConfinedDir::open(folder).ok()?;
        for (path, size) in opened.files(MAX_FILES).ok()? {
            let changed = std::fs::metadata(folder.join(&path))
                .and_then(|metadata| metadata.modified())
                .ok()?;
            list.push_str(&format!("{path} {size} {changed:?}\n"));
        }
        list.push('\n');
    }
    Some(list)
}

/// Shows every text of a document.
fn texts(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, see)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            see(key);
            texts(value, see);
        }),
        _ => {}
    }
}
