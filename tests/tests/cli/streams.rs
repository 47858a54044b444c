//! Standard output is the answer, standard error the talk: what `-o` promises to programs.

use serde_json::Value;
use taffrail_tests::cli::World;
use taffrail_tests::flows::{flow, shell};

fn texts<'a>(events: &'a [Value], kind: &str, field: &str) -> Vec<&'a str> {
    events
        .iter()
        .filter(|event| event["event"] == kind)
        .filter_map(|event| event[field].as_str())
        .collect()
}

#[test]
fn text_has_the_lines_of_the_tasks_and_nothing_else() {
    let world = World::new();
    world.write(
        "flow.yaml",
        shell("echo out\necho\nsleep 0.1\necho err >&2\nsleep 0.1\nprintf 'no end'"),
    );
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
    finished
        .exits(0)
        .prints("one | out\none | \none ! err\none | no end\n")
        .says(["one: success in ", "flow 0"]);
    let quiet = world.taffrail(["run", "flow.yaml", "--runner", "process", "--quiet"]);
    quiet.exits(0).prints(&finished.stdout);
    assert_eq!(quiet.stderr, "", "{quiet}");
}

#[test]
fn json_is_one_document() {
    let ran = World::new().run(
        &shell("echo out\necho '::{\"outputs\":{\"a\":[1,null]}}::'"),
        0,
    );
    assert_eq!(ran.record["v"], 1);
    assert_eq!(ran.record["state"], "SUCCESS");
    assert_eq!(ran.vars("one"), &serde_json::json!({ "a": [1, null] }));
    assert_eq!(ran.task("one")["exit"]["code"], 0);
    // The lines are talk now.
    assert_eq!(ran.lines('|'), ["out"]);
}

#[test]
fn json_of_a_failed_run_is_the_same_document() {
    let world = World::new();
    let ran = world.run(&shell("echo why >&2\nexit 9"), 4);
    assert_eq!(ran.record["state"], "FAILED");
    assert_eq!(ran.task("one")["failure"]["kind"], "exit");
    assert_eq!(ran.task("one")["outputs"]["exitCode"], 9);
    assert_eq!(ran.task("one")["stderrTail"], serde_json::json!(["why"]));
    let kept: Value =
        serde_json::from_slice(&std::fs::read(world.execution().join("record.json")).unwrap())
            .unwrap();
    assert_eq!(kept, ran.record);
}

#[test]
fn every_line_of_ndjson_is_a_document_and_keeps_the_order_of_arrival() {
    let world = World::new();
    let pause = "sleep 0.05";
    world.write(
        "flow.yaml",
        shell(&format!("echo a\n{pause}\necho b >&2\n{pause}\necho c\n{pause}\nprintf 'tab\\tquote\" \\001 \\377\\n'\necho '::{{\"metrics\":[{{\"name\":\"m\",\"type\":\"counter\",\"value\":2}}]}}::'")),
    );
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process", "-o", "ndjson"]);
    let events = finished.exits(0).json_lines();
    assert!(
        events
            .iter()
            .all(|event| event["v"] == 1 && event["time"].is_string()),
        "{finished}"
    );
    assert_eq!(
        texts(&events, "line", "line"),
        ["a", "b", "c", "tab\tquote\" \u{1} \u{fffd}"],
        "{finished}"
    );
    assert_eq!(
        texts(&events, "line", "stream"),
        ["stdout", "stderr", "stdout", "stdout"],
        "{finished}"
    );
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .filter(|kind| *kind != "line")
        .collect();
    assert_eq!(
        kinds,
        [
            "execution-started",
            "task-started",
            "launched",
            "metric",
            "task-ended",
            "execution-ended"
        ],
        "{finished}"
    );
    assert_eq!(finished.stderr, "", "everything is an event: {finished}");
}

#[test]
fn ndjson_of_what_goes_wrong_parses_too() {
    let world = World::new();
    let tasks = "
        - {id: first, type: io.kestra.plugin.scripts.shell.Commands, commands: ['true']}
        - {id: bad, type: io.kestra.plugin.scripts.shell.Commands, commands: ['{{ outputs.first.vars.x }}']}
    ";
    world.write("flow.yaml", flow(tasks));
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process", "-o", "ndjson"]);
    let events = finished.exits(3).json_lines();
    assert!(
        events.iter().any(|event| event["event"] == "diagnostics"),
        "{finished}"
    );
    assert_eq!(events.last().unwrap()["state"], "FAILED", "{finished}");
}

#[test]
fn a_reader_that_leaves_does_not_end_the_run() {
    for output in ["text", "ndjson"] {
        let world = World::new();
        world.write(
            "flow.yaml",
            shell("seq 20000\nsleep 0.1\nseq 20000\ntouch \"$MARK\"").replace(
                "commands",
                &format!(
                    "env: {{MARK: {}}}\n    commands",
                    world.here().join("mark").display()
                ),
            ),
        );
        let mut running = world
            .command(["run", "flow.yaml", "--runner", "process", "-o", output])
            .start();
        running.wait_for_stdout("one");
        running.stop_reading();
        let finished = running.finish();
        finished.exits(0);
        assert!(world.here().join("mark").exists(), "{finished}");
        let log = world.log();
        assert_eq!(log.lines().count(), 40_000);
    }
}

#[test]
fn a_run_leaves_its_log_and_record_and_no_working_directory() {
    for (commands, code, kept) in [
        ("echo kept\ntrue", 0, "one | kept\n"),
        ("echo kept\nfalse", 4, "one | kept\n"),
    ] {
        let world = World::new();
        world.run(&shell(commands), code);
        let folder = world.execution();
        assert_eq!(
            taffrail_tests::cli::listing(&folder),
            ["log", "record.json"]
        );
        assert_eq!(world.log(), kept);
    }
}

#[test]
fn keep_leaves_the_working_directory_and_names_it() {
    let world = World::new();
    let ran = world.run_with(&shell("echo made > made.txt"), &["--keep"], 0);
    let warnings = ran.warnings("one");
    let folder = warnings
        .split('`')
        .nth(1)
        .unwrap_or_else(|| panic!("{warnings}"));
    assert_eq!(
        std::fs::read_to_string(std::path::Path::new(folder).join("made.txt")).unwrap(),
        "made\n"
    );
}

#[test]
fn what_a_task_prints_cannot_forge_lines_of_other_tasks_in_the_events() {
    let world = World::new();
    world.write(
        "flow.yaml",
        shell("printf '{\"v\":1,\"event\":\"task-ended\"}\\n'"),
    );
    let events = world
        .taffrail(["run", "flow.yaml", "--runner", "process", "-o", "ndjson"])
        .exits(0)
        .json_lines();
    assert_eq!(
        events
            .iter()
            .filter(|event| event["event"] == "task-ended")
            .count(),
        1
    );
}

#[test]
fn no_colour_where_nobody_looks_and_colour_where_it_is_asked_for() {
    let world = World::new();
    world.write("flow.yaml", "id: x\n");
    let plain = world.taffrail(["validate", "flow.yaml"]);
    plain.exits(3).never_prints(["\u{1b}"]);
    world
        .taffrail(["validate", "flow.yaml", "--color", "always"])
        .exits(3)
        .says(["\u{1b}["]);
    world
        .command(["validate", "flow.yaml"])
        .env("CLICOLOR_FORCE", "1")
        .finish()
        .says(["\u{1b}["]);
    world
        .command(["validate", "flow.yaml"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .finish()
        .never_prints(["\u{1b}"]);
}
