//! What the expressions of a flow see: variables by name, and the functions that touch the world.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use jiff::tz::TimeZone;
use taffrail_core::name::RelPath;
use taffrail_core::output::Masker;
use taffrail_expr::{Arguments, Environment, Map, Value};

use crate::confined::ConfinedDir;
pub use crate::host_variables::HostVariables;
use crate::kv::KvStore;
use crate::local_files::{FILE, LocalFiles};
use crate::storage::{Storage, URI_PREFIX};
use crate::web::Web;

/// The most bytes that `read()` brings into an expression.
const MAX_READ: u64 = 1024 * 1024;

/// The functions that every scope offers, for near misses.
const FUNCTIONS: &[&str] = &[
    "currentEachOutput",
    "fileEmpty",
    "fileExists",
    "fileSize",
    "fileURI",
    "id",
    "now",
    "randomInt",
    "read",
    "secret",
    "uuid",
];

/// What the functions of expressions reach.
#[derive(Clone)]
pub struct Services {
    /// The secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// The files behind `kestra:///` URIs.
    pub storage: Arc<Storage>,
    /// The key-value store.
    pub kv: KvStore,
    /// The folder of the namespace's files, where there is one.
    pub namespace_files: Option<PathBuf>,
    /// The folder that has a folder of files for each other namespace, by its name, where there is one.
    pub namespaces: Option<PathBuf>,
    /// The folder in which folders of namespaces' files are made where there are none, `_files` and `_namespaces`.
    pub home: Option<PathBuf>,
    /// The files of the machine that may be read.
    pub local_files: LocalFiles,
    /// The namespace on whose behalf files are read.
    pub namespace: String,
    /// Learns every secret that is asked for, so that it can be hidden.
    pub masker: Masker,
    /// The zone that dates are shown in.
    pub zone: TimeZone,
    /// Asks web servers.
    pub web: Arc<dyn Web>,
    /// What the host has for the expressions of every flow.
    pub host: HostVariables,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.secrets.keys().collect();
        formatter
            .debug_struct("Services")
            .field("secrets", &names)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// The variables of one place of a flow, above those of the flow as a whole.
#[derive(Debug, Clone)]
pub struct Scope {
    variables: IndexMap<Arc<str>, Value>,
    services: Arc<Services>,
    /// What changes while the flow runs, and all scopes of the flow see alike.
    live: Arc<Live>,
    /// The values of the loops that the task stands in, the outermost first.
    each: Arc<[Arc<str>]>,
}

/// The variables of an execution that its tasks change: outputs, states, labels, variables.
#[derive(Debug, Default)]
pub struct Live {
    variables: Mutex<IndexMap<Arc<str>, Value>>,
    /// What went wrong so far, for `errorLogs()`.
    errors: Mutex<Vec<Value>>,
}

impl Live {
    /// Sets a variable.
    pub fn set(&self, name: &str, value: Value) {
        self.lock().insert(name.into(), value);
    }

    /// Puts a value into a variable at the end of a way of keys.
    pub fn insert(&self, name: &str, way: &[Arc<str>], value: Value) {
        self.lock()
            .entry(name.into())
            .or_insert_with(|| Value::map(Map::new()))
            .insert_at(way, value);
    }

    /// A variable as it is now.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.lock().get(name).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, IndexMap<Arc<str>, Value>> {
        self.variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to what went wrong.
    pub fn add_error(&self, error: Value) {
        self.errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(error);
    }

    /// What went wrong so far, in order.
    pub fn errors(&self) -> Vec<Value> {
        self.errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Scope {
    /// A scope without variables.
    pub fn new(services: Arc<Services>) -> Self {
        Self {
            variables: IndexMap::new(),
            services,
            live: Arc::default(),
            each: Arc::new([]),
        }
    }

    /// Makes variables common to all scopes that are cloned from this one, so that a change is seen by all.
    pub fn share(&mut self, names: &[&str]) {
        self.live = Arc::default();
        for name in names {
            let value = self.variables.shift_remove(*name);
            self.live
                .set(name, value.unwrap_or_else(|| Value::map(Map::new())));
        }
    }

    /// What all scopes of the flow see alike.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The values of the loops that the task stands in, the outermost first.
    pub fn each(&self) -> &[Arc<str>] {
        &self.each
    }

    /// Says which values of which loops the task stands in, the outermost first.
    pub fn set_each(&mut self, values: Arc<[Arc<str>]>) {
        self.each = values;
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: Value) {
        self.variables.insert(name.into(), value);
    }

    /// Takes a variable out.
    pub fn remove(&mut self, name: &str) {
        self.variables.shift_remove(name);
    }

    /// The outputs of a task of the same loop, for the value that this task stands at.
    fn current_each_output(&self, arguments: &Arguments) -> Result<Value, String> {
        let outputs = arguments
            .get(0, "outputs")
            .ok_or("it needs the outputs of a task, as in `currentEachOutput(outputs.first)`")?;
        let mut found = outputs.clone();
        for value in self.each.iter() {
            found = found.get(value).ok_or_else(|| {
                format!("these outputs have nothing for the value `{value}` of the loop")
            })?;
        }
        Ok(found)
    }

    /// What the functions reach.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }
}

impl Environment for Scope {
    fn variable(&self, name: &str) -> Option<Value> {
        self.variables
            .get(name)
            .cloned()
            .or_else(|| self.live.get(name))
            .or_else(|| self.services.host.get(name).cloned())
    }

    fn names(&self) -> Vec<String> {
        let live = self.live.lock();
        self.variables
            .keys()
            .chain(live.keys())
            .map(|name| name.to_string())
            .chain(HostVariables::NAMES.map(str::to_owned))
            .collect()
    }

    fn function(&self, name: &str, arguments: &Arguments) -> Option<Result<Value, String>> {
        Some(match name {
            "currentEachOutput" | "loopOutputs" => self.current_each_output(arguments),
            "secret" => self.services.secret(arguments),
            "read" => self.services.read(arguments).map(Value::text),
            "fileSize" => self
                .services
                .open(arguments)
                .and_then(|file| size(&file))
                .map(Value::int),
            "fileEmpty" | "isFileEmpty" => self
                .services
                .open(arguments)
                .and_then(|file| size(&file))
                .map(|size| Value::bool(size == 0)),
            "fileExists" => {
                path(arguments).map(|_| Value::bool(self.services.open(arguments).is_ok()))
            }
            "fileURI" => path(arguments).map(|path| Value::text(nsfile(arguments, &path))),
            "now" => self.services.now(arguments),
            "uuid" => Ok(Value::text(uuid())),
            "id" => Ok(Value::text(
                ulid::Ulid::generate().to_string().to_lowercase(),
            )),
            "randomInt" => random_int(arguments),
            _ => return crate::functions::call(self, name, arguments),
        })
    }

    fn time_zone(&self) -> TimeZone {
        self.services.zone.clone()
    }

    fn function_names(&self) -> Vec<String> {
        FUNCTIONS
            .iter()
            .chain(crate::functions::NAMES)
            .map(|name| (*name).to_owned())
            .collect()
    }
}

impl Services {
    fn secret(&self, arguments: &Arguments) -> Result<Value, String> {
        let name = text(arguments, "key")?;
        match self.secrets.get(&name) {
            Some(value) => {
                self.masker.add([value.as_str()]);
                Ok(Value::text(value.as_str()).tainted(&name))
            }
            None => Err(format!("there is no secret `{name}`")),
        }
    }

    fn now(&self, arguments: &Arguments) -> Result<Value, String> {
        if arguments.get(0, "format").is_some() {
            return Err("it takes no format here; write `now() | date('yyyy-MM-dd')`".to_owned());
        }
        let now = jiff::Timestamp::now().to_zoned(self.zone.clone());
        let zoned = match arguments.named("timeZone") {
            Some(zone) => {
                let name = zone.render_text();
                now.in_tz(&name)
                    .map_err(|_| format!("there is no time zone `{name}`"))?
            }
            None => now,
        };
        Ok(Value::datetime(zoned))
    }

    fn read(&self, arguments: &Arguments) -> Result<String, String> {
        let file = self.open(arguments)?;
        let mut bytes = Vec::new();
        file.take(MAX_READ + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        if bytes.len() as u64 > MAX_READ {
            return Err("the file is larger than 1 MiB; use `inputFiles` for it".to_owned());
        }
        String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
    }

    /// Opens what a flow names: a file by its address, or one of a namespace by its path.
    fn open(&self, arguments: &Arguments) -> Result<cap_std::fs::File, String> {
        let named = path(arguments)?;
        if named.contains("://") {
            return self.open_address(&named);
        }
        self.open_address(&nsfile(arguments, &named))
    }

    /// Opens a stored file, a file of a namespace or one of the machine.
    ///
    /// # Errors
    /// In words, with the address.
    pub fn open_address(&self, address: &str) -> Result<cap_std::fs::File, String> {
        if address.is_empty() {
            return Err("the address of the file is empty".to_owned());
        }
        if address.starts_with(URI_PREFIX) {
            return self
                .storage
                .get(&self.namespace, address)
                .map_err(|error| chain(&error));
        }
        if address.starts_with(FILE) {
            return Ok(self.local_files.open(address)?);
        }
        let rest = address.strip_prefix(NSFILE).unwrap_or(address);
        let (namespace, path) = rest.split_once('/').unwrap_or(("", rest));
        let path = RelPath::new(path).map_err(|error| error.to_string())?;
        let namespace = match namespace {
            "" => &self.namespace,
            other => other,
        };
        let folder = self
            .namespace_folder(namespace)
            .map_err(|missing| format!("there are no {missing} to look for `{path}` in"))?;
        let folder = ConfinedDir::open(&folder).map_err(|error| chain(&error))?;
        folder.open_file(&path).map_err(|error| chain(&error))
    }

    /// The folder of a namespace's files.
    ///
    /// # Errors
    /// What is missing, and where it would be looked for.
    pub fn namespace_folder(&self, namespace: &str) -> Result<PathBuf, String> {
        let other = || {
            let folder = self.namespaces.as_ref()?.join(namespace);
            // A namespace has no `/` and is not `..`.
            (RelPath::new(namespace).is_ok() && folder.is_dir()).then_some(folder)
        };
        let made = || {
            self.new_namespace_folder(namespace)
                .filter(|folder| folder.is_dir())
        };
        let other = || other().or_else(made);
        if namespace == self.namespace {
            return self.namespace_files.clone().or_else(other).ok_or_else(|| {
                "namespace files (no folder `_files` beside the flow, and no `--namespace-files`)"
                    .to_owned()
            });
        }
        other().ok_or_else(|| {
            format!("files of the namespace `{namespace}` (no folder `_namespaces/{namespace}` beside the flow)")
        })
    }
}

impl Services {
    /// Where the folder of a namespace's files would be made.
    pub(crate) fn new_namespace_folder(&self, namespace: &str) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        let is_name = RelPath::new(namespace).is_ok();
        match namespace == self.namespace {
            true => Some(home.join("_files")),
            false => is_name.then(|| home.join("_namespaces").join(namespace)),
        }
    }
}

/// The scheme of files of namespaces; the namespace, or nothing for the flow's own, and the path follow.
pub(crate) const NSFILE: &str = "nsfile://";

/// The first argument of the functions about files.
fn path(arguments: &Arguments) -> Result<String, String> {
    let name = match arguments.named("uri") {
        Some(_) => "uri",
        None => "path",
    };
    text(arguments, name)
}

/// The address of a namespace's file, which may be of another namespace than the flow's own.
fn nsfile(arguments: &Arguments, path: &str) -> String {
    let namespace = arguments
        .get(1, "namespace")
        .filter(|value| !value.is_null())
        .map(Value::render_text)
        .unwrap_or_default();
    format!("{NSFILE}{namespace}/{}", path.trim_start_matches('/'))
}

/// An error with its causes, joined by colons.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

pub(crate) fn text(arguments: &Arguments, name: &str) -> Result<String, String> {
    match arguments.get(0, name) {
        Some(value) if value.as_str().is_some() => Ok(value.render_text()),
        Some(_) => Err(format!("`{name}` must be text")),
        None => Err(format!("it needs `{name}`")),
    }
}

fn size(file: &cap_std::fs::File) -> Result<i64, String> {
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    i64::try_from(length).map_err(|error| error.to_string())
}

fn random_int(arguments: &Arguments) -> Result<Value, String> {
    let bound = |index, name: &str| {
        arguments
            .get(index, name)
            .and_then(Value::as_int)
            .ok_or_else(|| format!("it needs a whole number as `{name}`"))
    };
    let (lower, upper) = (bound(0, "lower")?, bound(1, "upper")?);
    let width = upper
        .checked_sub(lower)
        .filter(|width| *width > 0)
        .ok_or("`upper` must be above `lower`")?;
    let drawn = ulid::Ulid::generate().random() % u128::from(width.unsigned_abs());
    Ok(Value::int(
        lower + i64::try_from(drawn).map_err(|error| error.to_string())?,
    ))
}

/// A random UUID, version 4.
fn uuid() -> String {
    let mut bits = (ulid::Ulid::generate().random() << 64)
        | (ulid::Ulid::generate().random() & u128::from(u64::MAX));
    bits = (bits & !(0xf << 76)) | (0x4 << 76);
    bits = (bits & !(0b11 << 62)) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4() {
        for _ in 0..100 {
            let uuid = uuid();
            assert_eq!(uuid.len(), 36, "{uuid}");
            assert_eq!(&uuid[14..15], "4", "{uuid}");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        }
    }
}
