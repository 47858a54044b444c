//! A small world for flows of tasks that need no program: no plugins, no runners, other flows by their text, notes of what happens.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use taffrail_core::diagnostic::Source;
use taffrail_core::flow::{Concurrency, Flow};
use taffrail_core::output::{LogLevel, Masker};
use taffrail_core::record::ExecutionRecord;
use taffrail_core::validate::{Checker, check};
use taffrail_engine::cancel::Cancel;
use taffrail_engine::drive::TaskOutput;
use taffrail_engine::event::{Event, Reporter, Shared};
use taffrail_engine::execution::{Execution, Origin, Surroundings};
use taffrail_engine::flows::{Flows, Line, Loaded, Opened};
use taffrail_engine::kv::KvStore;
use taffrail_engine::leaving::Leaving;
use taffrail_engine::ledger::NoLedger;
use taffrail_engine::local_files::LocalFiles;
use taffrail_engine::perform::{Ready, perform};
use taffrail_engine::ports::{
    BoxFuture, MakeRunnerError, People, PlanError, Planner, PluginInfo, PluginKey, Runner, Runners,
};
use taffrail_engine::references::References;
use taffrail_engine::scope::{HostVariables, Services};
use taffrail_engine::storage::{Folder, Storage};
use taffrail_engine::web::NoWeb;
use tokio::sync::Semaphore;

struct NoPlugins;

impl Planner for NoPlugins {
    fn plugins(&self) -> &[PluginInfo] {
        &[]
    }

    fn plan(
        &self,
        plugin: &PluginKey,
        _: &taffrail_core::plan::PlanRequest,
    ) -> Result<taffrail_core::plan::Plan, PlanError> {
        unreachable!("no task asks `{plugin}`")
    }
}

struct NoRunners;

impl Runners for NoRunners {
    fn available(&self, type_name: &str) -> Result<(), MakeRunnerError> {
        Err(MakeRunnerError::Unknown(type_name.to_owned()))
    }

    fn make(
        &self,
        type_name: &str,
        _: &serde_json::Map<String, Value>,
    ) -> Result<Arc<dyn Runner>, MakeRunnerError> {
        Err(MakeRunnerError::Unknown(type_name.to_owned()))
    }
}

/// Answers each question with the next of some words, and all further ones with the last; or nobody does.
struct Somebody(Mutex<Vec<&'static str>>);

impl Somebody {
    fn new(answers: Option<&'static str>) -> Self {
        let answers = answers
            .into_iter()
            .flat_map(|answers| answers.split(' ').rev());
        Self(Mutex::new(answers.collect()))
    }
}

impl People for Somebody {
    fn ask<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<String>> {
        let mut left = self.0.lock().unwrap();
        let answer = match left.len() {
            0 | 1 => left.first().copied(),
            _ => left.pop(),
        };
        let answer = answer.map(str::to_owned);
        Box::pin(async move { answer })
    }
}

/// Notes what happens.
#[derive(Default)]
pub struct Notes {
    /// `id[value] STATE`, in the order of the ends; of tasks in executions that a task called for behind that task, `call/id STATE`.
    pub ends: Vec<String>,
    pub logs: Vec<String>,
    pub diagnostics: Vec<String>,
    /// What is told of whole executions beside their beginnings: `flow STATE`, `flow queued`, `flow again`.
    pub executions: Vec<String>,
    running: usize,
    /// The most leaves that ran at once.
    pub most: usize,
    callers: Vec<String>,
}

impl Reporter for Notes {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::TaskStarted { task_type, .. } if task_type.ends_with("Sleep") => {
                self.running += 1;
                self.most = self.most.max(self.running);
            }
            Event::TaskEnded { record, .. } => {
                if record.task_type.ends_with("Sleep") {
                    self.running -= 1;
                }
                let value = record
                    .value
                    .as_ref()
                    .map_or_else(String::new, |value| format!("[{value}]"));
                let callers: String = self
                    .callers
                    .iter()
                    .map(|caller| format!("{caller}/"))
                    .collect();
                let (task, state) = (&record.identity.task, record.state.as_str());
                let cached = if record.cached { " cached" } else { "" };
                self.ends
                    .push(format!("{callers}{task}{value} {state}{cached}"));
            }
            Event::Output {
                output: TaskOutput::Log { message, level },
                ..
            } if *level > LogLevel::Debug => self.logs.push((*message).to_owned()),
            Event::Diagnostics { diagnostics, .. } => self.diagnostics.extend(
                diagnostics
                    .iter()
                    .map(|diagnostic| diagnostic.message.clone()),
            ),
            Event::ExecutionEnded { record } => {
                let end = format!("{} {}", record.flow, record.state.as_str());
                self.executions.push(end);
            }
            Event::Queued { flow, .. } => self.executions.push(format!("{flow} queued")),
            Event::Anew { record, .. } => self.executions.push(format!("{} again", record.flow)),
            Event::Inside {
                identity, event, ..
            } => {
                self.callers.push(identity.task.clone());
                self.event(event);
                self.callers.pop();
            }
            _ => {}
        }
    }
}

/// Keeps the records of executions as a journal would.
struct Records(Arc<Mutex<Vec<ExecutionRecord>>>);

impl Reporter for Records {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::ExecutionEnded { record } = event {
            self.0.lock().unwrap().push((*record).clone());
        }
    }
}

/// The other flows, and places for executions.
struct Others {
    root: PathBuf,
    flows: Vec<Arc<Loaded>>,
    records: Arc<Mutex<Vec<ExecutionRecord>>>,
    /// The places that are taken, of all flows together.
    taken: Arc<Mutex<u32>>,
}

struct InLine(Arc<Mutex<u32>>, u32);
struct Place(Arc<Mutex<u32>>);

impl Line for InLine {
    fn try_enter(&mut self) -> Result<Option<Box<dyn Send>>, String> {
        let mut taken = self.0.lock().unwrap();
        if *taken >= self.1 {
            return Ok(None);
        }
        *taken += 1;
        Ok(Some(Box::new(Place(Arc::clone(&self.0)))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.lock().unwrap() -= 1;
    }
}

impl Flows for Others {
    fn find(&self, namespace: &str, id: &str) -> Result<Arc<Loaded>, String> {
        let found = self.flows.iter().find(|loaded| {
            (&*loaded.flow.namespace.value, &*loaded.flow.id.value) == (namespace, id)
        });
        found.cloned().ok_or_else(|| format!("no flow `{id}`"))
    }

    fn open(
        &self,
        _: &Flow,
        execution: &Execution,
        _: &serde_json::Map<String, Value>,
    ) -> Result<Opened, String> {
        let directory = self.root.join("executions").join(&execution.id);
        std::fs::create_dir_all(&directory).unwrap();
        Ok(Opened {
            directory,
            journal: Box::new(Records(Arc::clone(&self.records))),
            ledger: Arc::new(NoLedger),
            owner: Box::new(()),
        })
    }

    fn line_up(&self, _: &Flow, limit: Concurrency, _: &str) -> Result<Box<dyn Line>, String> {
        Ok(Box::new(InLine(Arc::clone(&self.taken), limit.limit)))
    }
}

pub struct World {
    pub temp: tempfile::TempDir,
    pub jobs: usize,
    pub answer: Option<&'static str>,
    pub cancel: Cancel,
    /// The texts of the other flows, short.
    pub others: Vec<String>,
    /// The records of all executions, in the order of their ends.
    pub records: Arc<Mutex<Vec<ExecutionRecord>>>,
    /// Executions of others that run.
    pub taken: Arc<Mutex<u32>>,
    runs: Cell<u32>,
}

impl World {
    pub fn new() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            jobs: 4,
            answer: None,
            cancel: Cancel::new(),
            others: Vec::new(),
            records: Arc::default(),
            taken: Arc::default(),
            runs: Cell::new(0),
        }
    }

    /// A world with other flows.
    pub fn with(others: &[&str]) -> Self {
        Self {
            others: others.iter().map(|text| flow(text)).collect(),
            ..Self::new()
        }
    }

    fn load(&self, text: &str, checker: &Checker) -> Arc<Loaded> {
        let checked = check(text, checker);
        assert!(checked.is_good(), "{text}\n{:#?}", checked.diagnostics);
        let namespace_files = self.temp.path().join("_files");
        Arc::new(Loaded {
            source: Source::new("flow.yaml", text),
            flow: Arc::new(checked.flow.unwrap()),
            namespace_files: namespace_files.is_dir().then_some(namespace_files),
        })
    }

    /// Runs a flow, whose id and namespace are added.
    pub async fn run(&self, text: &str) -> (ExecutionRecord, Notes) {
        let text = format!("id: test\nnamespace: company.team\n{text}");
        let none: Vec<Arc<taffrail_core::descriptor::Descriptor>> = Vec::new();
        let checker = Arc::new(Checker::new(none, Vec::new()));
        let loaded = self.load(&text, &checker);
        let others = self.others.iter().map(|text| self.load(text, &checker));
        let flows = Others {
            root: self.temp.path().to_owned(),
            flows: others.collect(),
            records: Arc::clone(&self.records),
            taken: Arc::clone(&self.taken),
        };
        self.runs.set(self.runs.get() + 1);
        let id = format!("{:02}test", self.runs.get());
        let storage = Arc::new(Storage::open(&self.temp.path().join("storage")).unwrap());
        let masker = Masker::new();
        let surroundings = Surroundings {
            id: id.clone(),
            source: loaded.source.clone(),
            checker,
            planner: Arc::new(NoPlugins),
            runners: Arc::new(NoRunners),
            storage: Arc::clone(&storage),
            folder: Folder::execution("company.team", "test", &id),
            directory: PathBuf::new(),
            masker: masker.clone(),
            runner_override: None,
            cache: Some(self.temp.path().join("cache")),
            ledger: Arc::new(NoLedger),
            kept: None,
            references: References::default(),
            announced: false,
            keep: false,
            slots: Arc::new(Semaphore::new(self.jobs)),
            people: Arc::new(Somebody::new(self.answer)),
            leaving: Leaving::default(),
            flows: Arc::new(flows),
            origin: Origin::default(),
        };
        let execution = Execution::new(surroundings, self.cancel.clone());
        let services = Arc::new(Services {
            secrets: [("TOKEN".to_owned(), "hunter2hunter2".to_owned())].into(),
            storage,
            kv: KvStore::below(&self.temp.path().join("kv")),
            namespace_files: loaded.namespace_files.clone(),
            namespaces: None,
            home: None,
            local_files: LocalFiles::default(),
            namespace: "company.team".to_owned(),
            masker,
            zone: jiff::tz::TimeZone::UTC,
            web: Arc::new(NoWeb),
            host: HostVariables::default(),
        });
        let mut notes = Notes::default();
        let ready = Ready::new(execution, loaded, services, &[]).unwrap();
        let record = {
            let shown = Mutex::new(&mut notes as &mut dyn Reporter);
            perform(ready, Shared::new(&shown)).await.record
        };
        for entry in std::fs::read_dir(self.temp.path().join("executions")).unwrap() {
            let work = entry.unwrap().path().join("work");
            let left = std::fs::read_dir(work).map_or(0, Iterator::count);
            assert_eq!(left, 0, "something is left behind");
        }
        (record, notes)
    }
}

/// Writes types short: `Log` for `io.kestra.plugin.core.log.Log`.
pub fn flow(text: &str) -> String {
    let mut long = text.to_owned();
    for (short, full) in [
        ("Log", "log.Log"),
        ("Return", "debug.Return"),
        ("Fail", "execution.Fail"),
        ("Exit", "execution.Exit"),
        ("Assert", "execution.Assert"),
        ("Labels", "execution.Labels"),
        ("SetVariables", "execution.SetVariables"),
        ("OutputValues", "output.OutputValues"),
        ("KvSet", "kv.Set"),
        ("KvGet", "kv.Get"),
        ("Write", "storage.Write"),
        ("Concat", "storage.Concat"),
        ("Split", "storage.Split"),
        ("Reverse", "storage.Reverse"),
        ("FilterItems", "storage.FilterItems"),
        ("DeduplicateItems", "storage.DeduplicateItems"),
        ("LocalFiles", "storage.LocalFiles"),
        ("StorageDelete", "storage.Delete"),
        ("Download", "namespace.DownloadFiles"),
        ("Upload", "namespace.UploadFiles"),
    ] {
        long = long.replace(
            &format!("type: {short}"),
            &format!("type: io.kestra.plugin.core.{full}"),
        );
    }
    for short in [
        "Sequential",
        "Parallel",
        "If",
        "Switch",
        "ForEach",
        "EachParallel",
        "EachSequential",
        "AllowFailure",
        "Dag",
        "WorkingDirectory",
        "Pause",
        "LoopUntil",
        "Sleep",
        "Subflow",
        "ForEachItem",
    ] {
        for end in [",", "\n", "}"] {
            let from = format!("type: {short}{end}");
            let to = format!("type: io.kestra.plugin.core.flow.{short}{end}");
            long = long.replace(&from, &to);
        }
    }
    long
}

/// Runs a flow and compares the state, the ends in order, and the logs.
pub async fn expect(text: &str, state: &str, ends: &[&str], logs: &[&str]) -> ExecutionRecord {
    let (record, notes) = World::new().run(&flow(text)).await;
    assert_eq!(notes.ends, ends, "{text}\n{:?}", notes.diagnostics);
    assert_eq!(notes.logs, logs, "{text}");
    assert_eq!(record.state.as_str(), state, "{text}");
    record
}
