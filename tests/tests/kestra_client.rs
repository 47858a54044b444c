//! Kestra's own Python client, as its authors publish it, inside a python task: it must work unchanged.

use std::io::Write;

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::flows::flow;
use taffrail_tests::python::environment;

#[test]
fn the_published_client_works_unchanged() {
    let bin = match environment("kestra-client", &["kestra"]) {
        Ok(bin) => bin,
        Err(reason) => {
            // Not by a macro, whose output the test harness keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED the_published_client_works_unchanged: the client cannot be installed: {reason}"
            );
            return;
        }
    };
    let world = World::new();
    world.write(
        "flow.yaml",
        flow(
            r#"
            - id: client
              type: io.kestra.plugin.scripts.python.Script
              outputFiles: [made.txt]
              executionContext: true
              script: |
                import time
                from kestra import Kestra
                Kestra.outputs({"text": "quoted \"x\"", "number": 5, "nested": {"list": [1, None, True]}})
                Kestra.outputs({"later": "{{ flow.id }}"})
                Kestra.counter("rows", 3, {"table": "a"})
                Kestra.counter("rows", 4, {"table": "a"})
                Kestra.timer("work", lambda: time.sleep(0.01), {"step": "one"})
                logger = Kestra.logger()
                logger.debug("debugging")
                logger.info("informing")
                logger.warning("warning")
                logger.error("failing")
                logger.critical("dying")
                print("plain")
                open("made.txt", "w").write("x")
            - id: reader
              type: io.kestra.plugin.scripts.shell.Commands
              commands:
                - echo '{{ outputs.client.vars.number }} {{ outputs.client.vars.nested.list[2] }} {{ outputs.client.vars.later }}'
            "#,
        ),
    );
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "ndjson"])
        .path_first(&bin)
        .finish();
    let events = finished.exits(0).json_lines();
    let record = events
        .iter()
        .find(|event| event["event"] == "task-ended")
        .map(|event| &event["record"])
        .unwrap();
    assert_eq!(record["state"], "SUCCESS", "{finished}");
    assert_eq!(
        record["outputs"]["vars"],
        json!({ "text": "quoted \"x\"", "number": 5, "nested": { "list": [1, null, true] }, "later": "flow" }),
        "{finished}"
    );
    assert!(
        record["outputs"]["outputFiles"]["made.txt"].is_string(),
        "{finished}"
    );
    let metrics = record["metrics"].as_array().unwrap();
    let metric = |name: &str| {
        metrics
            .iter()
            .find(|metric| metric["name"] == name)
            .unwrap_or_else(|| panic!("no metric {name}: {finished}"))
    };
    assert_eq!(
        (&metric("rows")["type"], &metric("rows")["value"]),
        (&json!("counter"), &json!(7.0)),
        "{finished}"
    );
    assert_eq!(metric("rows")["tags"]["table"], "a", "{finished}");
    assert_eq!(metric("work")["type"], "timer", "{finished}");
    // The client subtracts the microseconds within a second and gives milliseconds: over a second's end it comes out negative.
    assert!(
        metric("work")["value"]
            .as_f64()
            .is_some_and(|value| value.rem_euclid(1000.0) >= 10.0),
        "{finished}"
    );
    let logs: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "log")
        .map(|event| {
            (
                event["level"].as_str().unwrap(),
                event["message"].as_str().unwrap(),
            )
        })
        .collect();
    for expected in [
        ("INFO", "informing"),
        ("WARN", "warning"),
        ("ERROR", "failing"),
        ("ERROR", "dying"),
    ] {
        // The client puts the time before the message.
        let found = logs
            .iter()
            .any(|(level, message)| *level == expected.0 && message.ends_with(expected.1));
        assert!(found, "{expected:?} in {logs:?}: {finished}");
    }
    let lines: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "line")
        .filter_map(|event| event["line"].as_str())
        .collect();
    assert_eq!(lines, ["plain", "5 true flow"], "{finished}");
}

#[test]
fn a_client_that_fails_keeps_what_it_gave() {
    let Ok(bin) = environment("kestra-client", &["kestra"]) else {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a_client_that_fails_keeps_what_it_gave: the client cannot be installed"
        );
        return;
    };
    let world = World::new();
    world.write(
        "flow.yaml",
        flow(
            "
            - id: client
              type: io.kestra.plugin.scripts.python.Commands
              inputFiles:
                main.py: |
                  from kestra import Kestra
                  Kestra.outputs({'before': 1})
                  raise SystemExit(3)
              commands: [python3 main.py]
            ",
        ),
    );
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "json"])
        .path_first(&bin)
        .finish();
    let record = finished.exits(4).json();
    assert_eq!(
        record["tasks"][0]["outputs"],
        json!({ "vars": { "before": 1 }, "exitCode": 3, "outputFiles": {} }),
        "{finished}"
    );
}
