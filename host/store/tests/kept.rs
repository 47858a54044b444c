//! What is entered of an execution is what a later host finds, and how commands name executions.

#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it")]

use std::sync::Arc;

use serde_json::{Map, json};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{Failure, FailureKind, State, TaskRecord};
use taffrail_engine::execution::{Call, Origin};
use taffrail_engine::ledger::{Entry, Left};
use taffrail_store::{NewExecution, Reader, Selection, Store};

fn identity(run: &str, attempt: u32) -> TaskIdentity {
    TaskIdentity {
        namespace: "company.team".to_owned(),
        flow: "f".to_owned(),
        execution: "01kaaa".to_owned(),
        task: "t".to_owned(),
        task_run: run.to_owned(),
        attempt,
    }
}

fn execution(id: &str, call: Option<Call>) -> NewExecution {
    let origin = Origin {
        call: call.clone(),
        ..Origin::default()
    };
    NewExecution {
        id: id.to_owned(),
        namespace: "company.team".to_owned(),
        flow: "f".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        attempt: 1,
        original: None,
        caller: call,
        nonce: "mark".to_owned(),
        file: "f.yaml".to_owned(),
        source: "id: f\n".to_owned(),
        given: json!({ "flow": "/f.yaml" }),
        inputs: Map::from_iter([("a".to_owned(), json!(["x", 1]))]),
        origin: serde_json::to_value(origin).unwrap(),
    }
}

fn started(run: &str, path: &str) -> Entry {
    Entry::Started {
        identity: identity(run, 1),
        path: path.to_owned(),
        task_type: "io.kestra.plugin.core.log.Log".to_owned(),
        value: Some("v".to_owned()),
        parent: None,
        started: "2026-01-01T00:00:01Z".to_owned(),
    }
}

fn left(run: &str, state: State) -> Left {
    let record = TaskRecord {
        state,
        ..TaskRecord::new(identity(run, 1), "T", "2026-01-01T00:00:01Z".to_owned())
    };
    Left {
        record: Box::new(record),
        outputs: Map::from_iter([("value".to_owned(), json!({ "x": 1 }))]),
        live: Map::from_iter([("vars".to_owned(), json!({ "y": 2 }))]),
        whole: true,
        exit: Some(State::Warning),
    }
}

#[test]
fn a_later_host_finds_what_was_entered() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let ledger = store.begin(execution("01kaaa", None));
    for (run, path) in [
        ("0001-a", "a"),
        ("0002-b", "b"),
        ("0003-c", "c"),
        ("0004-d", "d"),
    ] {
        ledger.enter(started(run, path));
    }
    let launching = |run: &str, attempt| Entry::Launching {
        run: run.to_owned(),
        attempt,
    };
    let launched = |run: &str, attempt| Entry::Launched {
        run: run.to_owned(),
        attempt,
        runner: "docker",
    };
    let end = |run: &str| Entry::Ended {
        run: run.to_owned(),
        way: vec![Arc::from("t"), Arc::from("v")],
        left: left(run, State::Success),
    };
    // One ended after the other, out of the order of their starts.
    ledger.enter(launching("0002-b", 1));
    ledger.enter(end("0002-b"));
    ledger.enter(end("0001-a"));
    // One was tried again, and runs.
    let failure = Failure {
        kind: FailureKind::Exit,
        message: "exit code 1".to_owned(),
    };
    let attempts = vec![taffrail_core::record::Attempt {
        number: 1,
        started: "2026-01-01T00:00:01Z".to_owned(),
        duration_ms: 7,
        failure: Some(failure),
        exit: None,
    }];
    ledger.enter(launching("0003-c", 1));
    ledger.enter(launched("0003-c", 1));
    ledger.enter(Entry::Retrying {
        run: "0003-c".to_owned(),
        attempt: 2,
        attempts: attempts.clone(),
    });
    ledger.enter(launching("0003-c", 2));
    ledger.enter(launched("0003-c", 2));
    // One has ended, and what it ran on may still be there.
    ledger.enter(launching("0004-d", 1));
    ledger.enter(Entry::Attempted {
        run: "0004-d".to_owned(),
        left: left("0004-d", State::Failed),
    });
    store.settled().wait().unwrap();

    let reader = Reader::open(folder.path()).unwrap().unwrap();
    let row = reader.execution("01kaaa").unwrap().unwrap();
    assert_eq!(row.state, None);
    assert_eq!(row.given["flow"], "/f.yaml");
    let kept = reader.kept(&row).unwrap();
    assert_eq!(kept.nonce, "mark");
    assert_eq!(kept.inputs["a"], json!(["x", 1]));
    assert_eq!(kept.last_number(), 4);
    let run = |path: &str| Arc::clone(&kept.runs[path]);
    assert_eq!(run("b").ended.as_ref().unwrap().order, 1);
    let a = run("a");
    let ended = a.ended.as_ref().unwrap();
    assert_eq!(ended.order, 2);
    assert_eq!(ended.left, left("0001-a", State::Success));
    assert_eq!(ended.way, [Arc::from("t"), Arc::from("v")]);
    let c = run("c");
    assert_eq!((c.attempt, c.launching, c.launched), (2, true, true));
    assert_eq!(c.attempts, attempts);
    assert!(c.ended.is_none() && c.attempted.is_none());
    let d = run("d");
    assert_eq!(d.attempted, Some(left("0004-d", State::Failed)));
    assert!(d.ended.is_none() && d.launching && !d.launched);
    let tasks = reader.task_runs("01kaaa").unwrap();
    let shown: Vec<_> = tasks
        .iter()
        .map(|task| {
            (
                task.run.as_str(),
                task.record.as_ref().map(|record| record.state),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("0001-a", Some(State::Success)),
            ("0002-b", Some(State::Success)),
            ("0003-c", None),
            ("0004-d", None)
        ]
    );
}

#[test]
fn executions_are_named_by_the_beginning_of_an_id_and_by_words() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Reader::open(folder.path()).unwrap().is_none());
    let store = Store::open(folder.path());
    let call = Call {
        execution: "01kabb".to_owned(),
        run: "0001-a".to_owned(),
        attempt: 1,
        place: 0,
    };
    for (id, call) in [
        ("01kaaa", None),
        ("01kabb", None),
        ("01kabbccc", Some(call.clone())),
    ] {
        store.begin(execution(id, call));
    }
    let record = |state| {
        let record = json!({
            "v": 1, "id": "", "namespace": "n", "flow": "f", "state": state, "started": "", "durationMs": 5, "outputs": {}, "tasks": [],
        });
        Entry::ExecutionEnded(Box::new(serde_json::from_value(record).unwrap()))
    };
    store.ledger("01kaaa").enter(record("FAILED"));
    store.ledger("01kabb").enter(record("SUCCESS"));
    store.settled().wait().unwrap();
    let reader = Reader::open(folder.path()).unwrap().unwrap();
    let one = |word: &str| match reader.select(word).unwrap() {
        Selection::One(row) => row.id,
        other => panic!("{word}: {other:?}"),
    };
    assert_eq!(
        one("@last"),
        "01kabb",
        "what was called for is not asked for"
    );
    assert_eq!(one("@last-failed"), "01kaaa");
    assert_eq!(one("01KAA"), "01kaaa");
    assert_eq!(one("01kabb"), "01kabb", "an id in full is that one");
    let several = Selection::Several(vec!["01kabbccc".to_owned(), "01kabb".to_owned()]);
    assert_eq!(reader.select("01kab").unwrap(), several);
    for nothing in ["01kx", "01k", "", "@first", "01k*", "../01ka"] {
        assert_eq!(
            reader.select(nothing).unwrap(),
            Selection::None,
            "{nothing}"
        );
    }
    let called = reader.called("01kabb", "0001-a", 1, 0).unwrap().unwrap();
    assert_eq!(
        (called.id.as_str(), called.caller),
        ("01kabbccc", Some(call))
    );
    assert!(reader.called("01kabb", "0001-a", 2, 0).unwrap().is_none());
    let kept = reader
        .kept(&reader.execution("01kabb").unwrap().unwrap())
        .unwrap();
    assert_eq!(kept.origin, Origin::default());
    assert!(reader.faults().unwrap().is_empty());
    reader.remove("01kabb").unwrap();
    assert_eq!(one("@last"), "01kaaa");
}
