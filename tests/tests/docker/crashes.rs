//! A host that ends at each point of a container's life, and the host that goes on: the container is started once, each of its lines is
//! there once, and nothing of it is left. And an engine that ends with all its containers.

use serde_json::Value;
use taffrail_tests::cli::{Finished, World};
use taffrail_tests::docker::proxy::Proxy;
use taffrail_tests::flows::Ran;

use crate::faults::private;
use crate::support::{Yard, contained};

/// The points, in the order in which they are passed, and how often a container is started after a crash there.
const POINTS: &[(&str, usize)] = &[
    ("begun", 1),
    ("started", 1),
    ("launching", 1),
    ("created", 1),
    ("filled", 1),
    ("launched", 0),
    ("output", 0),
    ("exited", 0),
    ("collected", 0),
    ("attempted", 0),
    ("disposed", 0),
    ("removed", 0),
    ("ended", 0),
];

const SCRIPT: &str = "echo begun >> begun.txt\ni=1\nwhile [ $i -le 200 ]; do echo line $i; echo error $i >&2; i=$((i+1)); done\n\
                      echo '::{\"outputs\":{\"n\":7}}::'\nexit 3";

#[test]
fn after_a_crash_at_any_point_the_container_has_run_once_and_each_line_is_there_once() {
    let name = "after_a_crash_at_any_point_the_container_has_run_once_and_each_line_is_there_once";
    let Some(yard) = Yard::new(name) else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        let flow = contained(
            "outputFiles: [begun.txt]",
            &format!("fileHandlingStrategy: {strategy}"),
            SCRIPT,
        );
        for (point, starts) in POINTS {
            let what = format!("{strategy}, {point}");
            let proxy = Proxy::start(&yard.engine.socket());
            let yard = yard.fresh().behind(&proxy);
            let crashed = yard
                .runs(&flow, &[])
                .env("TAFFRAIL_FAILPOINT", point)
                .finish();
            assert_eq!(crashed.code(), None, "{what}: {crashed}");
            let before = proxy.count("POST", "/containers/*/start*");
            let execution = yard.execution();
            let resumed = yard.command(["resume", &execution, "-o", "json"]).finish();
            resumed.exits(4);
            let started = proxy.count("POST", "/containers/*/start*") - before;
            assert_eq!(started, *starts, "{what}: {resumed}");
            let record = resumed.json();
            let task = &record["tasks"][0];
            assert_eq!(task["exit"]["code"], 3, "{what}: {record:#}");
            assert_eq!(task["outputs"]["vars"]["n"], 7, "{what}: {record:#}");
            assert_eq!(task["stdoutLines"], 201, "{what}: {record:#}");
            let uri = &task["outputs"]["outputFiles"]["begun.txt"];
            assert!(matches!(uri, Value::String(_)), "{what}: {record:#}");
            let log = yard.world.log();
            for (mark, word) in [(" | ", "line"), (" ! ", "error")] {
                let said: Vec<&str> = log
                    .lines()
                    .filter_map(|line| line.split_once(mark))
                    .map(|(_, line)| line)
                    .collect();
                let expected: Vec<String> =
                    (1..=200).map(|number| format!("{word} {number}")).collect();
                assert_eq!(said, expected, "{what}");
            }
            yard.nothing_is_left(&resumed);
        }
    }
}

/// What went down with its engine was interrupted, whoever followed it, and though the engine tells an exit code; a program may end with
/// the same one.
#[test]
fn a_container_that_went_down_with_its_engine_was_interrupted() {
    let name = "a_container_that_went_down_with_its_engine_was_interrupted";
    let Some(engine) = private(name, &[]) else {
        return;
    };
    let yard = || Yard {
        world: World::new(),
        engine,
        url: engine.url().to_owned(),
    };
    let interrupted = |finished: Finished| {
        finished.exits(5).says(["the engine went down"]);
        let record = finished.json();
        let ran = Ran { finished, record };
        let kind = &ran.task("one")["failure"]["kind"];
        assert_eq!(kind, "interrupted", "{}", ran.finished);
    };
    let lasting = contained("", "", "echo ready\nsleep 300");
    let [followed, left] = [yard(), yard()];
    let mut running = followed.runs(&lasting, &[]).start();
    running.wait_for_stderr("ready");
    let mut dying = left.runs(&lasting, &[]).start();
    dying.wait_for_stderr("ready");
    dying.signal("KILL");
    dying.finish();
    engine.crash();
    engine.start();
    interrupted(running.finish());
    let resume = |yard: &Yard| {
        let execution = yard.execution();
        let resumed = yard.command(["resume", &execution, "-o", "json"]);
        resumed.finish()
    };
    interrupted(resume(&left));

    let ending = yard();
    let script = "echo ready\nsleep 2\nexit 255";
    let mut running = ending.runs(&contained("", "", script), &[]).start();
    running.wait_for_stderr("ready");
    running.signal("KILL");
    running.finish();
    let finished = resume(&ending);
    finished.exits(4).says(["exit code 255"]);
    for yard in [followed, left, ending] {
        assert!(yard.left().is_empty(), "{:?}", yard.left());
    }
    engine.stop();
}
