//! A folder of flows: finds the flows that others call for, and makes the places of their executions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use taffrail_core::diagnostic::{Diagnostic, Severity};
use taffrail_core::flow::{Called, Concurrency, Flow, check_calls};
use taffrail_core::suggest::did_you_mean;
use taffrail_core::validate::Checker;
use taffrail_core::yaml::{Limits, Node, parse};
use taffrail_engine::confined::create_private_dir;
use taffrail_engine::execution::{Call, Execution};
use taffrail_engine::flows::{Flows, Line, Loaded, Opened};
use taffrail_engine::ledger::{Entry, Kept, Ledger};
use taffrail_engine::scope::chain;
use taffrail_store::{ExecutionRow, NewExecution, Reader, Store, StoreError};

use crate::args::Global;
use crate::commands::validate::flow_files;
use crate::document;
use crate::executions;
use crate::given::namespace_files_beside;
use crate::kept_source;
use crate::load::read_source;
use crate::locking::Locks;
use crate::log_sync::WithLog;
use crate::owner;
use crate::places;
use crate::report::{Journal, Log};

/// The namespace and the id of a flow.
type Name = (String, String);

/// The flows of a folder, and of all folders below it.
pub struct FlowFolder {
    global: Global,
    locked: bool,
    checker: Arc<Checker>,
    folder: PathBuf,
    state: PathBuf,
    /// The folder of namespace files that was named for all flows.
    namespace_files: Option<PathBuf>,
    /// Where each flow is; looked for once, when the first one is called.
    index: Mutex<Option<HashMap<Name, PathBuf>>>,
    loaded: Mutex<HashMap<Name, Result<Arc<Loaded>, String>>>,
    /// What could not be written of any journal.
    unwritten: Arc<Mutex<Option<String>>>,
    /// Keeps the executions; there is none where flows are only looked at.
    store: Option<Arc<Store>>,
    /// How the execution that was asked for was started.
    given: Value,
    /// What is in the store already and owned by this process, until it is opened.
    begun: Mutex<HashMap<String, owner::Owner>>,
    /// Reads the store, for calls of an execution that is gone on with.
    reader: Mutex<Option<Reader>>,
}

impl FlowFolder {
    /// The flows below a folder, whose executions go below the state folder. Nothing is read before a flow is asked for.
    pub fn new(
        global: &Global,
        locked: bool,
        checker: &Arc<Checker>,
        folder: &Path,
        state: &Path,
    ) -> Self {
        Self {
            global: global.clone(),
            locked,
            checker: Arc::clone(checker),
            folder: folder.to_owned(),
            state: state.to_owned(),
            namespace_files: None,
            index: Mutex::new(None),
            loaded: Mutex::new(HashMap::new()),
            unwritten: Arc::default(),
            store: None,
            given: Value::Object(Map::new()),
            begun: Mutex::default(),
            reader: Mutex::default(),
        }
    }

    /// With a folder of namespace files for all flows; otherwise each has the one beside it.
    #[must_use]
    pub fn with_namespace_files(mut self, folder: Option<PathBuf>) -> Self {
        self.namespace_files = folder;
        self
    }

    /// Enters the flow that was named, which may be standard input.
    pub fn enter(&self, loaded: &Arc<Loaded>) {
        let name = name(&loaded.flow);
        lock(&self.loaded).insert(name, Ok(Arc::clone(loaded)));
    }

    /// Keeps executions, and with them how the one that is asked for was started.
    #[must_use]
    pub fn keeping(mut self, store: &Arc<Store>, given: Value) -> Self {
        self.store = Some(Arc::clone(store));
        self.given = given;
        self
    }

    /// Becomes the owner of an execution that an earlier taffrail began, and gives what is kept of it.
    ///
    /// # Errors
    /// When another process owns it, it has ended, or the store cannot be read.
    pub fn take_over(&self, id: &str) -> Result<(ExecutionRow, Arc<Kept>), String> {
        let directory = executions::directory(&self.state, id);
        create_private_dir(&directory).map_err(|error| chain(&error))?;
        let owned = owner::own(&directory).map_err(|error| match owner::of(&directory) {
            Some(process) => format!(
                "the execution `{id}` is run by the process {}, since {}",
                process.pid, process.since
            ),
            None => format!("cannot own `{}`: {error}", directory.display()),
        })?;
        // Only what an owner reads stays as it is.
        let (row, kept) = self
            .read(|reader| {
                let row = reader.execution(id)?;
                let kept = row.as_ref().map(|row| reader.kept(row)).transpose()?;
                Ok(row.zip(kept))
            })?
            .ok_or_else(|| format!("the execution `{id}` is not in the store"))?;
        lock(&self.begun).insert(id.to_owned(), owned);
        Ok((row, Arc::new(kept)))
    }

    fn read<T>(&self, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, String> {
        let told = |error: StoreError| format!("{}: {error}", error.code());
        let mut reader = lock(&self.reader);
        if reader.is_none() {
            *reader = Reader::open(&self.state).map_err(told)?;
        }
        match &*reader {
            Some(reader) => read(reader).map_err(told),
            None => Err(format!("there is no store in `{}`", self.state.display())),
        }
    }

    /// Enters an execution, with what it takes over of another one.
    fn enter_execution(
        &self,
        flow: &Flow,
        execution: &Execution,
        inputs: &Map<String, Value>,
        store: &Arc<Store>,
    ) -> Arc<dyn Ledger> {
        let loaded = lock(&self.loaded).get(&name(flow)).cloned();
        let loaded = loaded.and_then(Result::ok);
        let (file, source) = loaded.map_or((String::new(), String::new()), |loaded| {
            (
                loaded.source.name().to_owned(),
                kept_source::kept(loaded.source.text()),
            )
        });
        let origin = &execution.origin;
        let ledger = store.begin(NewExecution {
            id: execution.id.clone(),
            namespace: flow.namespace.value.to_string(),
            flow: flow.id.value.to_string(),
            started: jiff::Timestamp::now().to_string(),
            attempt: origin.attempt,
            original: origin.first.clone(),
            caller: origin.call.clone(),
            nonce: execution.references.nonce().to_owned(),
            file,
            source,
            given: self.given.clone(),
            inputs: inputs.clone(),
            origin: serde_json::to_value(origin).unwrap_or_default(),
        });
        for (path, run) in execution.kept.iter().flat_map(|kept| &kept.runs) {
            let Some(end) = &run.ended else { continue };
            let record = &end.left.record;
            ledger.enter(Entry::Started {
                identity: record.identity.clone(),
                path: path.clone(),
                task_type: record.task_type.clone(),
                value: record.value.clone(),
                parent: record.parent.clone(),
                started: run.started.clone(),
            });
            ledger.enter(Entry::Ended {
                run: run.run.clone(),
                way: end.way.clone(),
                left: end.left.clone(),
            });
        }
        ledger
    }

    /// What is wrong with the calls of a flow. `missing` is how grave it is that a flow is not there.
    pub fn check(&self, flow: &Flow, missing: Severity) -> Vec<Diagnostic> {
        check_calls(
            flow,
            missing,
            &mut |namespace, id| match self.find(namespace, id) {
                Ok(loaded) => Called::Flow(Arc::clone(&loaded.flow)),
                Err(message) => Called::Nothing(message, self.near(namespace, id)),
            },
        )
    }

    /// Every flow that a flow calls for, directly or not, without itself.
    pub fn called_by(&self, flow: &Flow) -> Vec<Arc<Loaded>> {
        let mut names = vec![name(flow)];
        let mut found: Vec<Arc<Loaded>> = Vec::new();
        let mut next = 0;
        while next <= found.len() {
            let own = match next.checked_sub(1) {
                None => None,
                Some(index) => Some(Arc::clone(&found[index].flow)),
            };
            let flow = own.as_deref().unwrap_or(flow);
            check_calls(flow, Severity::Note, &mut |namespace, id| {
                let called = (namespace.to_owned(), id.to_owned());
                if let Ok(loaded) = self.find(namespace, id)
                    && !names.contains(&called)
                {
                    names.push(called);
                    found.push(loaded);
                }
                Called::Nothing(String::new(), None)
            });
            next += 1;
        }
        found
    }

    /// The first thing that a journal could not write.
    pub fn unwritten(&self) -> Option<String> {
        lock(&self.unwritten).clone()
    }

    fn near(&self, namespace: &str, id: &str) -> Option<String> {
        let index = lock(&self.index);
        let known = index.as_ref()?;
        let ids = known
            .keys()
            .filter(|(known, _)| known == namespace)
            .map(|(_, id)| id.as_str());
        did_you_mean(id, ids)
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| {
                let mut all = known.keys();
                let (other, _) = all.find(|(other, known)| known == id && other != namespace)?;
                Some(format!(
                    "there is one of that id in the namespace `{other}`"
                ))
            })
    }

    fn path(&self, wanted: &Name) -> Result<Option<PathBuf>, String> {
        let mut index = lock(&self.index);
        if index.is_none() {
            *index = Some(self.read_index()?);
        }
        Ok(index.as_ref().and_then(|index| index.get(wanted).cloned()))
    }

    fn read_index(&self) -> Result<HashMap<Name, PathBuf>, String> {
        let mut files = Vec::new();
        flow_files(&self.folder, &mut files).map_err(|failed| failed.message)?;
        let mut index = HashMap::new();
        for path in files {
            // What cannot be read as a flow is none; whoever calls for it is told that it is not there.
            let Ok(source) = read_source(&path) else {
                continue;
            };
            let Some(root) = parse(source.text(), &Limits::default()).root else {
                continue;
            };
            let text = |key: &str| root.get(key).and_then(Node::text).map(str::to_owned);
            if let (Some(namespace), Some(id)) = (text("namespace"), text("id")) {
                index.entry((namespace, id)).or_insert(path);
            }
        }
        Ok(index)
    }

    fn load(&self, wanted: &Name) -> Result<Arc<Loaded>, String> {
        let (namespace, id) = wanted;
        let Some(path) = self.path(wanted)? else {
            return Err(format!(
                "there is no flow `{id}` of the namespace `{namespace}` below `{}`",
                self.folder.display()
            ));
        };
        let source = read_source(&path).map_err(|failed| failed.message)?;
        let mut locks = Locks::new(&self.global, self.locked);
        let lock = locks.of(&path).map_err(|failed| failed.message)?;
        let checked = document::check(&source, &self.checker, locks.locking(lock.as_ref()));
        let mut errors = checked
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error);
        if let Some(first) = errors.next() {
            return Err(format!(
                "the flow `{id}` has mistakes (`taffrail validate {}` shows them): {}",
                path.display(),
                first.message
            ));
        }
        let Some(flow) = checked.flow else {
            return Err(format!("`{}` is no flow", path.display()));
        };
        if flow.disabled {
            return Err(format!("the flow `{id}` is disabled"));
        }
        let namespace_files = self
            .namespace_files
            .clone()
            .or_else(|| namespace_files_beside(Some(&path)));
        Ok(Arc::new(Loaded {
            source,
            flow: Arc::new(flow),
            namespace_files,
        }))
    }
}

/// An execution of this process, with the folder that its tasks work in.
struct Owned {
    work: PathBuf,
    _owner: owner::Owner,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It is empty unless something could not be removed, which has been told.
        let _ = std::fs::remove_dir(&self.work);
    }
}

fn name(flow: &Flow) -> Name {
    (flow.namespace.value.to_string(), flow.id.value.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flows for FlowFolder {
    fn find(&self, namespace: &str, id: &str) -> Result<Arc<Loaded>, String> {
        let wanted = (namespace.to_owned(), id.to_owned());
        if let Some(known) = lock(&self.loaded).get(&wanted) {
            return known.clone();
        }
        let loaded = self.load(&wanted);
        lock(&self.loaded).entry(wanted).or_insert(loaded).clone()
    }

    fn open(
        &self,
        flow: &Flow,
        execution: &Execution,
        inputs: &Map<String, Value>,
    ) -> Result<Opened, String> {
        let directory = executions::directory(&self.state, &execution.id);
        let store = self.store.as_ref().ok_or("there is no store")?;
        let begun = lock(&self.begun).remove(&execution.id);
        let (owner, ledger) = match begun {
            Some(owner) => (owner, store.ledger(&execution.id)),
            None => {
                create_private_dir(&directory).map_err(|error| chain(&error))?;
                let owner = owner::own(&directory)
                    .map_err(|error| format!("cannot own `{}`: {error}", directory.display()))?;
                (owner, self.enter_execution(flow, execution, inputs, store))
            }
        };
        let log = Log::new(&directory, Arc::clone(&self.unwritten));
        let journal = Journal::new(&directory, Arc::clone(&log), Arc::clone(&self.unwritten));
        Ok(Opened {
            journal: Box::new(journal),
            ledger: Arc::new(WithLog::new(ledger, log)),
            owner: Box::new(Owned {
                work: directory.join("work"),
                _owner: owner,
            }),
            directory,
        })
    }

    fn called(&self, call: &Call) -> Result<Option<(String, Arc<Kept>)>, String> {
        let row = self
            .read(|reader| reader.called(&call.execution, &call.run, call.attempt, call.place))?;
        let Some(row) = row else { return Ok(None) };
        let (row, kept) = self.take_over(&row.id)?;
        Ok(Some((row.id, kept)))
    }

    fn line_up(
        &self,
        flow: &Flow,
        limit: Concurrency,
        execution: &str,
    ) -> Result<Box<dyn Line>, String> {
        let folder = self
            .state
            .join("concurrency")
            .join(&*flow.namespace.value)
            .join(&*flow.id.value);
        let line = places::Line::stand(&folder, limit.limit, execution)
            .map_err(|error| format!("cannot line up in `{}`: {error}", folder.display()))?;
        Ok(Box::new(line))
    }
}
