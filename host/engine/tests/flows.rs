//! The scheduler with tasks that need no program: what runs in which order, what it comes to, what expressions see of it.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use taffrail_core::diagnostic::Source;
use taffrail_core::output::{LogLevel, Masker};
use taffrail_core::record::ExecutionRecord;
use taffrail_core::validate::{Checker, check};
use taffrail_engine::cancel::{Cancel, CancelLevel};
use taffrail_engine::drive::TaskOutput;
use taffrail_engine::event::{Event, Reporter};
use taffrail_engine::execution::Execution;
use taffrail_engine::flow::run_flow;
use taffrail_engine::kv::KvStore;
use taffrail_engine::ports::{
    BoxFuture, MakeRunnerError, People, PlanError, Planner, PluginInfo, PluginKey, Runner, Runners,
};
use taffrail_engine::scope::{Scope, Services};
use taffrail_engine::storage::{Folder, Storage};
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

/// Answers every question alike, or nobody does.
struct Somebody(Option<&'static str>);

impl People for Somebody {
    fn ask<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<String>> {
        let answer = self.0.map(str::to_owned);
        Box::pin(async move { answer })
    }
}

/// Notes what happens.
#[derive(Default)]
struct Notes {
    /// `id[value] STATE`, in the order of the ends.
    ends: Vec<String>,
    logs: Vec<String>,
    diagnostics: Vec<String>,
    running: usize,
    /// The most leaves that ran at once.
    most: usize,
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
                let end = format!("{}{value} {}", record.identity.task, record.state.as_str());
                self.ends.push(end);
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
            _ => {}
        }
    }
}

struct World {
    temp: tempfile::TempDir,
    jobs: usize,
    answer: Option<&'static str>,
    cancel: Cancel,
}

impl World {
    fn new() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            jobs: 4,
            answer: None,
            cancel: Cancel::new(),
        }
    }

    async fn run(&self, text: &str) -> (ExecutionRecord, Notes) {
        let text = format!("id: test\nnamespace: company.team\n{text}");
        let none: Vec<Arc<taffrail_core::descriptor::Descriptor>> = Vec::new();
        let checker = Arc::new(Checker::new(none, Vec::new()));
        let checked = check(&text, &checker);
        assert!(checked.is_good(), "{text}\n{:#?}", checked.diagnostics);
        let flow = checked.flow.unwrap();
        let storage = Arc::new(Storage::open(&self.temp.path().join("storage")).unwrap());
        let namespace_files = self.temp.path().join("_files");
        let masker = Masker::new();
        let execution = Execution {
            id: "01test".to_owned(),
            source: Source::new("flow.yaml", text.as_str()),
            checker,
            planner: Arc::new(NoPlugins),
            runners: Arc::new(NoRunners),
            storage: Arc::clone(&storage),
            folder: Folder::execution("company.team", "test", "01test"),
            directory: self.temp.path().join("execution"),
            masker: masker.clone(),
            cancel: self.cancel.clone(),
            runner_override: None,
            cache: Some(self.temp.path().join("cache")),
            keep: false,
            slots: Arc::new(Semaphore::new(self.jobs)),
            people: Arc::new(Somebody(self.answer)),
            shared: None,
        };
        let scope = Scope::new(Arc::new(Services {
            secrets: [("TOKEN".to_owned(), "hunter2hunter2".to_owned())].into(),
            storage,
            kv: KvStore::below(&self.temp.path().join("kv")),
            namespace_files: namespace_files.is_dir().then_some(namespace_files),
            namespace: "company.team".to_owned(),
            masker,
            zone: jiff::tz::TimeZone::UTC,
        }));
        let mut notes = Notes::default();
        let record = run_flow(&execution, &flow, scope, &mut notes).await;
        assert!(
            !self.temp.path().join("execution/work").exists()
                || std::fs::read_dir(self.temp.path().join("execution/work"))
                    .unwrap()
                    .count()
                    == 0,
            "nothing is left behind"
        );
        (record, notes)
    }
}

/// Writes types short: `Log` for `io.kestra.plugin.core.log.Log`.
fn flow(text: &str) -> String {
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
async fn expect(text: &str, state: &str, ends: &[&str], logs: &[&str]) -> ExecutionRecord {
    let (record, notes) = World::new().run(&flow(text)).await;
    assert_eq!(notes.ends, ends, "{text}\n{:?}", notes.diagnostics);
    assert_eq!(notes.logs, logs, "{text}");
    assert_eq!(record.state.as_str(), state, "{text}");
    record
}

#[tokio::test(start_paused = true)]
async fn tasks_run_in_order_and_a_failure_ends_them() {
    expect(
        "tasks:\n  - {id: a, type: Log, message: one}\n  - {id: b, type: Log, message: [two, three], disabled: true}\n  - {id: c, type: Log, message: \"{{ task.id }}\"}\n",
        "SUCCESS",
        &["a SUCCESS", "c SUCCESS"],
        &["one", "c"],
    )
    .await;
    let record = expect(
        "tasks:\n  - {id: a, type: Fail, errorMessage: no}\n  - {id: b, type: Log, message: never}\nerrors:\n  - {id: e, type: Log, message: \"{{ error.taskId }} {{ error.message }}\"}\nfinally:\n  - {id: f, type: Log, message: last}\nafterExecution:\n  - {id: after, type: Log, message: \"{{ execution.state }}\"}\n",
        "FAILED",
        &["a FAILED", "e SUCCESS", "f SUCCESS", "after SUCCESS"],
        &["a no", "last", "FAILED"],
    )
    .await;
    assert_eq!(record.failure, None, "the record of the task says why");
    expect(
        "tasks:\n  - {id: a, type: Log, message: x}\nfinally:\n  - {id: f, type: Fail}\n",
        "FAILED",
        &["a SUCCESS", "f FAILED"],
        &["x"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn states_settle_in_the_order_of_the_language() {
    let check = async |keys: &str, state: &str| {
        let text = format!("tasks:\n  - {{id: a, type: Fail, {keys}}}\n");
        let (record, _) = World::new().run(&flow(&text)).await;
        assert_eq!(record.state.as_str(), state, "{keys}");
    };
    check("errorMessage: x", "FAILED").await;
    check("allowFailure: true", "WARNING").await;
    check("allowWarning: true", "FAILED").await;
    check("allowFailure: true, allowWarning: true", "SUCCESS").await;
    check("runIf: false", "SUCCESS").await;
    check("condition: \"{{ 1 == 2 }}\"", "SUCCESS").await;
    expect(
        "tasks:\n  - id: s\n    type: Sequential\n    allowFailure: true\n    tasks:\n      - {id: a, type: Fail}\n  - {id: b, type: Log, message: \"{{ tasks.s.state }} {{ tasks.a.state }}\"}\n",
        "WARNING",
        &["a FAILED", "s WARNING", "b SUCCESS"],
        &["WARNING FAILED"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn branches() {
    let of = |condition: &str| {
        format!(
            "tasks:\n  - id: i\n    type: If\n    condition: \"{condition}\"\n    then:\n      - {{id: t, type: Log, message: then}}\n    else:\n      - {{id: e, type: Log, message: else}}\n"
        )
    };
    for (condition, logged) in [
        ("{{ 2 > 1 }}", "then"),
        ("{{ false }}", "else"),
        ("", "else"),
        ("0", "else"),
        ("False", "then"),
        ("no", "then"),
    ] {
        let (_, notes) = World::new().run(&flow(&of(condition))).await;
        assert_eq!(notes.logs, [logged], "{condition}");
    }
    expect(
        "tasks:\n  - id: s\n    type: Switch\n    value: \"{{ 'b' }}\"\n    cases:\n      a:\n        - {id: x, type: Log, message: a}\n      b:\n        - {id: y, type: Log, message: b}\n    defaults:\n      - {id: z, type: Log, message: other}\n  - {id: after, type: Log, message: \"{{ outputs.s.value }}\"}\n",
        "SUCCESS",
        &["y SUCCESS", "s SUCCESS", "after SUCCESS"],
        &["b", "b"],
    )
    .await;
    expect(
        "tasks:\n  - id: a\n    type: AllowFailure\n    tasks:\n      - {id: x, type: Fail}\n      - {id: never, type: Log, message: never}\n    errors:\n      - {id: e, type: Log, message: \"{{ error.taskId }}\"}\n  - {id: on, type: Log, message: on}\n",
        "WARNING",
        &["x FAILED", "e SUCCESS", "a WARNING", "on SUCCESS"],
        &["x", "on"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn loops() {
    expect(
        "tasks:\n  - id: each\n    type: ForEach\n    values: [a, 2, {k: v}]\n    tasks:\n      - {id: r, type: Return, format: \"{{ taskrun.iteration }}:{{ taskrun.value }}\"}\n      - {id: l, type: Log, message: \"{{ currentEachOutput(outputs.r).value }} {{ outputs.r[taskrun.value].value }}\"}\n  - {id: after, type: Log, message: \"{{ outputs.r['2'].value }} {{ outputs.r | length }}\"}\n",
        "SUCCESS",
        &[
            "r[a] SUCCESS", "l[a] SUCCESS", "r[2] SUCCESS", "l[2] SUCCESS", "r[{\"k\":\"v\"}] SUCCESS", "l[{\"k\":\"v\"}] SUCCESS",
            "each SUCCESS", "after SUCCESS",
        ],
        &["0:a 0:a", "1:2 1:2", "2:{\"k\":\"v\"} 2:{\"k\":\"v\"}", "1:2 3"],
    )
    .await;
    // Nested: the value of the outer loop is the parent's, and deeper in other tasks it stays in sight.
    expect(
        "tasks:\n  - id: outer\n    type: ForEach\n    values: \"{{ ['x', 'y'] }}\"\n    tasks:\n      - id: inner\n        type: ForEach\n        values: [1]\n        tasks:\n          - id: i\n            type: If\n            condition: \"{{ taskrun.value == '1' }}\"\n            then:\n              - {id: r, type: Return, format: \"{{ parents[1].taskrun.value }}{{ parent.taskrun.value }}\"}\n      - {id: l, type: Log, message: \"{{ outputs.r[taskrun.value]['1'].value }}\"}\n",
        "SUCCESS",
        &[
            "r[1] SUCCESS", "i[1] SUCCESS", "inner[x] SUCCESS", "l[x] SUCCESS", "r[1] SUCCESS", "i[1] SUCCESS", "inner[y] SUCCESS",
            "l[y] SUCCESS", "outer SUCCESS",
        ],
        &["x1", "y1"],
    )
    .await;
    // One value after the other ends at a failure; values at once go on.
    let failing = |limit: u32| {
        format!(
            "tasks:\n  - id: each\n    type: ForEach\n    concurrencyLimit: {limit}\n    values: [a, b, c]\n    tasks:\n      - {{id: f, type: Fail, condition: \"{{{{ taskrun.value == 'a' }}}}\"}}\n      - {{id: l, type: Log, message: \"{{{{ taskrun.value }}}}\"}}\n"
        )
    };
    for (limit, logged) in [(1, &[][..]), (0, &["b", "c"]), (2, &["b", "c"])] {
        let (record, notes) = World::new().run(&flow(&failing(limit))).await;
        assert_eq!(notes.logs, logged, "{limit}");
        assert_eq!(record.state.as_str(), "FAILED", "{limit}");
    }
    expect(
        "tasks:\n  - {id: each, type: ForEach, values: [], tasks: [{id: l, type: Log, message: x}]}\n",
        "SUCCESS",
        &["each SUCCESS"],
        &[],
    )
    .await;
    expect(
        "tasks:\n  - id: each\n    type: EachSequential\n    value: '[\"a\",\"b\"]'\n    tasks:\n      - {id: l, type: Log, message: \"{{ taskrun.value }}\"}\n",
        "SUCCESS",
        &["l[a] SUCCESS", "l[b] SUCCESS", "each SUCCESS"],
        &["a", "b"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_runs_at_once_is_limited_by_the_flow() {
    // Sleeping needs no slot, so only the flow's own limits count here.
    let check = async |text: &str, most: usize, seconds: u64| {
        let clock = tokio::time::Instant::now();
        let (record, notes) = World::new().run(&flow(text)).await;
        assert_eq!(record.state.as_str(), "SUCCESS", "{text}");
        assert_eq!(notes.most, most, "{text}");
        assert_eq!(clock.elapsed().as_secs(), seconds, "{text}");
    };
    let sleeps = |ids: &[&str]| -> String {
        ids.iter()
            .map(|id| format!("      - {{id: {id}, type: Sleep, duration: PT1S}}\n"))
            .collect()
    };
    let three = sleeps(&["a", "b", "c"]);
    check(
        &format!("tasks:\n  - id: p\n    type: Parallel\n    tasks:\n{three}"),
        3,
        1,
    )
    .await;
    check(
        &format!("tasks:\n  - id: p\n    type: Parallel\n    concurrent: 2\n    tasks:\n{three}"),
        2,
        2,
    )
    .await;
    check(
        &format!("tasks:\n  - id: p\n    type: Sequential\n    tasks:\n{three}"),
        1,
        3,
    )
    .await;
    let one = sleeps(&["a"]);
    check(&format!("tasks:\n  - id: e\n    type: ForEach\n    concurrencyLimit: 4\n    values: [1, 2, 3, 4, 5, 6, 7, 8]\n    tasks:\n{one}"), 4, 2).await;
    check(
        &format!(
            "tasks:\n  - id: e\n    type: EachParallel\n    value: [1, 2, 3]\n    tasks:\n{one}"
        ),
        3,
        1,
    )
    .await;
    check(
        "tasks:\n  - id: d\n    type: Dag\n    tasks:\n      - task: {id: a, type: Sleep, duration: PT1S}\n      - task: {id: b, type: Sleep, duration: PT2S}\n        dependsOn: [a]\n      - task: {id: c, type: Sleep, duration: PT1S}\n        dependsOn: [a]\n      - task: {id: d2, type: Sleep, duration: PT1S}\n        dependsOn: [b, c]\n",
        2,
        4,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dag_runs_what_does_not_need_what_failed() {
    expect(
        "tasks:\n  - id: d\n    type: Dag\n    tasks:\n      - task: {id: a, type: Fail}\n      - task: {id: b, type: Log, message: b}\n        dependsOn: [a]\n      - task: {id: c, type: Log, message: c}\n      - task: {id: e, type: Log, message: e}\n        dependsOn: [c, left_out]\n      - task: {id: left_out, type: Fail, disabled: true}\n",
        "FAILED",
        &["a FAILED", "c SUCCESS", "e SUCCESS", "d FAILED"],
        &["c", "e"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn retries() {
    let check = async |retry: &str, seconds: u64, attempts: usize| {
        let text = format!("tasks:\n  - id: a\n    type: Fail\n    retry: {retry}\n");
        let clock = tokio::time::Instant::now();
        let (record, _) = World::new().run(&flow(&text)).await;
        assert_eq!(record.tasks[0].attempts.len() + 1, attempts, "{retry}");
        assert_eq!(
            record.tasks[0].identity.attempt as usize, attempts,
            "{retry}"
        );
        assert_eq!(clock.elapsed().as_secs(), seconds, "{retry}");
        assert_eq!(record.state.as_str(), "FAILED");
    };
    check("{type: constant, interval: PT2S, maxAttempts: 3}", 4, 3).await;
    check("{type: exponential, interval: PT1S, maxAttempts: 4}", 7, 4).await;
    check("{type: constant, interval: PT2S, maxDuration: PT5S}", 4, 3).await;
    // The second attempt succeeds.
    let second = |more: &str| {
        format!(
            "tasks:\n  - id: a\n    type: Fail\n    condition: \"{{{{ taskrun.attemptsCount == 0 }}}}\"\n    {more}\n    retry: {{type: constant, interval: PT1S, maxAttempts: 5, warningOnRetry: true}}\n"
        )
    };
    for (more, state) in [
        ("allowFailure: true", "WARNING"),
        ("allowWarning: true", "SUCCESS"),
    ] {
        let (record, _) = World::new().run(&flow(&second(more))).await;
        assert_eq!(record.tasks[0].state.as_str(), state, "{more}");
        assert_eq!(record.tasks[0].attempts.len(), 1);
    }
    // A flowable is begun again as a whole, and a flow's retry is that of its tasks.
    expect(
        "tasks:\n  - id: s\n    type: Sequential\n    retry: {type: constant, interval: PT1S, maxAttempts: 2}\n    tasks:\n      - {id: l, type: Log, message: try}\n      - {id: f, type: Fail}\n",
        "FAILED",
        &["l SUCCESS", "f FAILED", "l SUCCESS", "f FAILED", "s FAILED"],
        &["try", "try"],
    )
    .await;
    let (record, _) = World::new()
        .run(&flow("retry: {type: constant, interval: PT1S, maxAttempts: 3}\ntasks:\n  - {id: f, type: Fail}\n"))
        .await;
    assert_eq!(record.tasks[0].attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn time_that_is_over_ends_what_runs() {
    let record = expect(
        "tasks:\n  - id: s\n    type: Parallel\n    timeout: PT2S\n    tasks:\n      - {id: long, type: Sleep, duration: PT1H}\n      - {id: short, type: Sleep, duration: PT1S}\n    errors:\n      - {id: e, type: Log, message: \"{{ error.message }}\"}\n  - {id: never, type: Log, message: never}\n",
        "FAILED",
        &["short SUCCESS", "long KILLED", "e SUCCESS", "s FAILED"],
        &["cancelled"],
    )
    .await;
    let record = &record.tasks[3];
    assert_eq!(
        record.failure.as_ref().unwrap().message,
        "timed out after 2s"
    );
    let (record, _) = World::new()
        .run(&flow(
            "tasks:\n  - {id: s, type: Sleep, duration: PT1H, timeout: PT1S}\n",
        ))
        .await;
    assert_eq!(
        record.tasks[0].failure.as_ref().unwrap().message,
        "timed out after 1s"
    );
    let promised = |behavior: &str| {
        format!(
            "sla:\n  - {{id: quick, type: MAX_DURATION, duration: PT1S, behavior: {behavior}}}\ntasks:\n  - {{id: s, type: Sleep, duration: PT3S}}\n"
        )
    };
    for (behavior, state) in [
        ("FAIL", "FAILED"),
        ("CANCEL", "KILLED"),
        ("NONE", "SUCCESS"),
    ] {
        let (record, _) = World::new().run(&flow(&promised(behavior))).await;
        assert_eq!(record.state.as_str(), state, "{behavior}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_ends_everything_and_leaves_a_state_for_all() {
    let world = World::new();
    let cancel = world.cancel.clone();
    let text = flow(
        "tasks:\n  - id: p\n    type: Parallel\n    tasks:\n      - {id: s, type: Sleep, duration: PT1H}\n      - {id: w, type: Pause, pauseDuration: PT1H}\n      - id: r\n        type: Fail\n        retry: {type: constant, interval: PT1H, maxAttempts: 9}\n  - {id: never, type: Log, message: never}\nfinally:\n  - {id: f, type: Log, message: never}\n",
    );
    let ((record, notes), ()) = tokio::join!(world.run(&text), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.raise(CancelLevel::Ask);
    });
    let mut ends = notes.ends.clone();
    ends.sort();
    assert_eq!(ends, ["p KILLED", "r KILLED", "s KILLED", "w KILLED"]);
    assert_eq!(record.state.as_str(), "KILLED");
    assert!(notes.logs.is_empty(), "{:?}", notes.logs);
}

#[tokio::test(start_paused = true)]
async fn exit_ends_the_execution_in_its_state() {
    for (state, expected) in [
        ("SUCCESS", "SUCCESS"),
        ("WARNING", "WARNING"),
        ("FAILED", "FAILED"),
        ("CANCELED", "KILLED"),
    ] {
        let text = format!(
            "tasks:\n  - id: p\n    type: Parallel\n    tasks:\n      - {{id: s, type: Sleep, duration: PT1H}}\n      - {{id: x, type: Exit, state: {state}}}\n  - {{id: never, type: Log, message: never}}\n"
        );
        let (record, notes) = World::new().run(&flow(&text)).await;
        assert_eq!(record.state.as_str(), expected);
        assert_eq!(notes.ends, ["x SUCCESS", "s KILLED", "p KILLED"]);
    }
}

#[tokio::test(start_paused = true)]
async fn pauses() {
    let clock = tokio::time::Instant::now();
    expect(
        "tasks:\n  - {id: p, type: Pause, delay: PT90S, onPause: {id: told, type: Log, message: waits}}\n  - {id: l, type: Log, message: on}\n",
        "SUCCESS",
        &["told SUCCESS", "p SUCCESS", "l SUCCESS"],
        &["waits", "on"],
    )
    .await;
    assert_eq!(clock.elapsed().as_secs(), 90);
    for (behavior, state) in [
        ("WARN", "WARNING"),
        ("FAIL", "FAILED"),
        ("CANCEL", "KILLED"),
        ("RESUME", "SUCCESS"),
    ] {
        let text = format!(
            "tasks:\n  - {{id: p, type: Pause, pauseDuration: PT1S, behavior: {behavior}}}\n"
        );
        let (record, _) = World::new().run(&flow(&text)).await;
        assert_eq!(record.state.as_str(), state, "{behavior}");
    }
    let asked = flow(
        "tasks:\n  - id: p\n    type: Pause\n    onResume:\n      - {id: count, type: INT}\n  - {id: l, type: Log, message: \"{{ outputs.p.onResume.count + 1 }}\"}\n",
    );
    let mut world = World::new();
    world.answer = Some("41");
    let (_, notes) = world.run(&asked).await;
    assert_eq!(notes.logs, ["42"]);
    world.answer = None;
    let (record, _) = world.run(&asked).await;
    assert!(
        record.tasks[0]
            .failure
            .as_ref()
            .unwrap()
            .message
            .contains("nobody can be asked")
    );
}

#[tokio::test(start_paused = true)]
async fn a_loop_ends_when_its_condition_holds() {
    let text = |most: u32, fails: bool| {
        format!(
            "tasks:\n  - id: u\n    type: LoopUntil\n    condition: \"{{{{ outputs.r.value == 'done' }}}}\"\n    failOnMaxReached: {fails}\n    checkFrequency: {{interval: PT10S, maxIterations: {most}}}\n    tasks:\n      - {{id: n, type: SetVariables, variables: {{n: \"{{{{ (vars.n ?? 0) + 1 }}}}\"}}}}\n      - {{id: r, type: Return, format: \"{{{{ vars.n == '3' ? 'done' : 'more' }}}}\"}}\n"
        )
    };
    let text =
        |most, fails| flow(&text(most, fails)).replace("vars.n ?? 0", "(vars.n ?? '0') | number");
    let clock = tokio::time::Instant::now();
    let (record, notes) = World::new().run(&text(9, true)).await;
    assert_eq!(
        record.state.as_str(),
        "SUCCESS",
        "{:?} {:?}",
        notes.diagnostics,
        notes.ends
    );
    assert_eq!(
        record.tasks.last().unwrap().outputs["iterationCount"],
        json!(3)
    );
    assert_eq!(clock.elapsed().as_secs(), 20);
    for (fails, state) in [(true, "FAILED"), (false, "SUCCESS")] {
        let (record, _) = World::new().run(&text(2, fails)).await;
        assert_eq!(record.state.as_str(), state, "{fails}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_and_stores() {
    expect(
        "tasks:\n  - {id: o, type: OutputValues, values: {a: \"{{ 1 + 1 }}\", b: [x]}}\n  - {id: l, type: Log, message: \"{{ outputs.o.values.a }}{{ outputs.o.values.b | first }}\"}\n  - {id: b, type: Labels, labels: {team: red}}\n  - {id: m, type: Log, message: \"{{ labels.team }}\"}\n  - {id: s, type: KvSet, key: k, value: \"7\", kvType: NUMBER}\n  - {id: g, type: KvGet, key: k}\n  - {id: n, type: Log, message: \"{{ outputs.g.value + 1 }}\"}\n  - {id: c, type: Assert, conditions: [\"{{ outputs.g.value == 7 }}\"]}\n  - {id: d, type: Assert, conditions: [\"{{ 1 == 1 }}\", \"{{ outputs.g.value == 8 }}\"], errorMessage: wrong}\n",
        "FAILED",
        &[
            "o SUCCESS", "l SUCCESS", "b SUCCESS", "m SUCCESS", "s SUCCESS", "g SUCCESS", "n SUCCESS", "c SUCCESS", "d FAILED",
        ],
        &["2x", "red", "8", "does not hold: {{ outputs.g.value == 8 }}"],
    )
    .await;
    let (record, notes) = World::new()
        .run(&flow("tasks:\n  - {id: l, type: Log, message: \"{{ secret('TOKEN') }}\"}\n  - {id: r, type: Return, format: \"{{ secret('TOKEN') }}\"}\n  - {id: m, type: Log, message: \"{{ outputs.r.value | length }}\"}\n"))
        .await;
    assert!(!notes.logs[0].contains("hunter2"), "{:?}", notes.logs);
    assert_eq!(notes.logs.last().unwrap(), "14");
    assert!(!serde_json::to_string(&record).unwrap().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn stored_files() {
    expect(
        "tasks:\n  - {id: a, type: Write, content: \"1\\n2\\n\", extension: txt}\n  - {id: b, type: Write, content: \"3\\n\"}\n  - {id: c, type: Concat, files: [\"{{ outputs.a.uri }}\", \"{{ outputs.b.uri }}\"], extension: .txt}\n  - {id: r, type: Reverse, from: \"{{ outputs.c.uri }}\"}\n  - {id: s, type: Split, from: \"{{ outputs.c.uri }}\", rows: 2}\n  - {id: l, type: Log, message: \"{{ read(outputs.c.uri) }}{{ read(outputs.r.uri) }}{{ read(outputs.s.uris[1]) }}{{ outputs.s.uris | length }}\"}\n  - {id: d, type: StorageDelete, uri: \"{{ outputs.a.uri }}\", errorOnMissing: true}\n  - {id: e, type: StorageDelete, uri: \"{{ outputs.a.uri }}\", errorOnMissing: true}\n",
        "FAILED",
        &[
            "a SUCCESS", "b SUCCESS", "c SUCCESS", "r SUCCESS", "s SUCCESS", "l SUCCESS", "d SUCCESS", "e FAILED",
        ],
        &["1\n2\n3\n3\n2\n1\n3\n2"],
    )
    .await;
    expect(
        "tasks:\n  - {id: a, type: Write, content: '{\"k\": 1, \"v\": \"x\"}\n\n    {\"k\": 2, \"v\": \"y\"}\n\n    {\"k\": 1, \"v\": \"z\"}\n\n    '}\n  - {id: f, type: FilterItems, from: \"{{ outputs.a.uri }}\", filterCondition: \"{{ k == 1 }}\"}\n  - {id: d, type: DeduplicateItems, from: \"{{ outputs.a.uri }}\", expr: \"{{ k }}\"}\n  - {id: l, type: Log, message: \"{{ outputs.f.droppedItemsTotal }} {{ outputs.d.droppedItemsTotal }} {{ read(outputs.d.uri) | replace({'\\n': ''}) }}\"}\n",
        "SUCCESS",
        &["a SUCCESS", "f SUCCESS", "d SUCCESS", "l SUCCESS"],
        &["1 1 {\"k\": 2, \"v\": \"y\"}{\"k\": 1, \"v\": \"z\"}"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_working_directory_is_shared_cached_and_gone() {
    let world = World::new();
    std::fs::create_dir(world.temp.path().join("_files")).unwrap();
    std::fs::write(world.temp.path().join("_files/n.txt"), "namespace").unwrap();
    let text = flow(
        "tasks:\n  - id: w\n    type: WorkingDirectory\n    inputFiles: {in.txt: \"{{ flow.id }}\"}\n    namespaceFiles: {enabled: true}\n    outputFiles: [\"*.txt\"]\n    cache: {patterns: [\"kept/**\"], ttl: PT1H}\n    tasks:\n      - {id: f, type: LocalFiles, inputs: {made.txt: made, kept/x: \"{{ execution.id }}\"}, outputs: [\"n.txt\", \"kept/*\"]}\n  - {id: l, type: Log, message: \"{{ outputs.w.outputFiles | keys | sort | join(' ') }} {{ outputs.f.uris | keys | join(' ') }} {{ read(outputs.w.outputFiles['in.txt']) }}\"}\n",
    );
    let (record, notes) = world.run(&text).await;
    assert_eq!(record.state.as_str(), "SUCCESS", "{:?}", notes.diagnostics);
    assert_eq!(notes.logs, ["in.txt made.txt n.txt kept/x n.txt test"]);
    let kept = world
        .temp
        .path()
        .join("cache/directories/company/team/test/w/kept/x");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "01test");
    std::fs::write(&kept, "from the cache").unwrap();
    let again = flow(
        "tasks:\n  - id: w\n    type: WorkingDirectory\n    outputFiles: [kept/x]\n    cache: {patterns: [\"kept/**\"]}\n    tasks:\n      - {id: f, type: LocalFiles, outputs: [\"kept/*\"]}\n  - {id: l, type: Log, message: \"{{ read(outputs.f.uris['kept/x']) }}\"}\n",
    );
    let (_, notes) = world.run(&again).await;
    assert_eq!(notes.logs, ["from the cache"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_once_it_is_known_fails_the_task_and_is_told() {
    let check = async |task: &str, part: &str| {
        let (record, notes) = World::new()
            .run(&flow(&format!("tasks:\n  - {task}\n")))
            .await;
        assert_eq!(record.state.as_str(), "FAILED", "{task}");
        let failure = record
            .tasks
            .last()
            .unwrap()
            .failure
            .clone()
            .unwrap()
            .message;
        let told = format!("{failure} {:?}", notes.diagnostics);
        assert!(told.contains(part), "{task}: {told}");
    };
    check(
        "{id: e, type: ForEach, values: \"{{ 'a, b' }}\", tasks: [{id: l, type: Log, message: x}]}",
        "JSON text of one",
    )
    .await;
    check("{id: e, type: ForEach, values: [1], concurrencyLimit: \"{{ 'x' }}\", tasks: [{id: l, type: Log, message: x}]}", "must be a whole number").await;
    check(
        "{id: l, type: Log, message: \"{{ outputs['no' ~ 'ne'].x }}\"}",
        "is not defined",
    )
    .await;
    check(
        "{id: l, type: Log, message: x, runIf: \"{{ nothing.there }}\"}",
        "nothing",
    )
    .await;
    check(
        "{id: s, type: Sleep, duration: \"{{ '5 minutes' }}\"}",
        "duration",
    )
    .await;
}

#[tokio::test]
async fn many_values_and_tasks_need_little() {
    // Ten thousand rounds of which only few are in memory at once: the tree never has more nodes than what runs.
    let text = flow(
        "tasks:\n  - id: e\n    type: ForEach\n    concurrencyLimit: 0\n    values: \"{{ range(1, 10000) }}\"\n    tasks:\n      - {id: r, type: Return, format: \"{{ taskrun.value }}\"}\n  - {id: l, type: Log, message: \"{{ outputs.r | length }} {{ outputs.r['777'].value }}\"}\n",
    );
    let (record, notes) = World::new().run(&text).await;
    assert_eq!(record.state.as_str(), "SUCCESS");
    assert_eq!(notes.logs, ["10000 777"]);
    assert!(Path::new(&record.directory.unwrap()).is_absolute());
}
