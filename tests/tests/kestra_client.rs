//! Kestra's own Python client, as its authors publish it, inside a python task: it must work unchanged.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_tests::cli::{World, profile_folder};
use taffrail_tests::flows::flow;

/// How long the installation may take before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(90);

/// A folder with a `python3` that has the client, made once for each build folder.
fn python() -> Result<PathBuf, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(install).clone()
}

fn install() -> Result<PathBuf, String> {
    let folder = profile_folder().join("taffrail-tests/kestra-client");
    let (bin, done) = (folder.join("bin"), folder.join("installed"));
    if done.exists() {
        return Ok(bin);
    }
    let _ = std::fs::remove_dir_all(&folder);
    step(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let options = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--timeout",
        "15",
    ];
    step(
        Command::new(bin.join("python3"))
            .args(options)
            .arg("kestra"),
    )?;
    std::fs::write(done, "").map_err(|error| error.to_string())?;
    Ok(bin)
}

fn step(command: &mut Command) -> Result<(), String> {
    let began = Instant::now();
    let log = tempfile::tempfile().map_err(|error| error.to_string())?;
    let output = log.try_clone().map_err(|error| error.to_string())?;
    let mut child = command
        .stdin(std::process::Stdio::null())
        .stdout(output.try_clone().map_err(|error| error.to_string())?)
        .stderr(output)
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if began.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{command:?} took longer than {PATIENCE:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.success() {
        return Ok(());
    }
    use std::io::{Read, Seek};
    let (mut log, mut text) = (log, String::new());
    let _ = log.rewind().and_then(|()| log.read_to_string(&mut text));
    Err(format!(
        "{command:?}: {}",
        text.lines().last().unwrap_or("it said nothing")
    ))
}

#[test]
fn the_published_client_works_unchanged() {
    let bin = match python() {
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
    let Ok(bin) = python() else {
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
