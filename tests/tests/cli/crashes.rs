//! A host that ends at each point of a task's life, and the host that goes on: what it comes to is what an undisturbed run comes to,
//! but for a task that was interrupted, which is told and not run twice in silence.

use serde_json::{Value, json};
use taffrail_tests::cli::{Finished, World, listing};
use taffrail_tests::flows::flow;

/// The points that a task by Process passes, and whether its program has run by then as far as a later host can tell.
const POINTS: &[(&str, bool)] = &[
    ("begun", false),
    ("started", false),
    ("launching", true),
    ("launched", true),
    ("output", true),
    ("exited", true),
    ("collected", true),
    ("removed", true),
    ("ended", true),
];

fn world() -> World {
    let world = World::new();
    let here = world.here();
    let task = |id: &str| {
        format!(
            "  - id: {id}\n    type: io.kestra.plugin.scripts.shell.Commands\n    outputFiles: [{id}.txt]\n    commands:\n      - echo {id} >> {here}/effects; echo kept > {id}.txt\n      - echo {id} says one; echo {id} says two; echo {id} errs >&2\n      - 'echo \"::{{\\\"outputs\\\":{{\\\"n\\\":\\\"of {id}\\\"}}}}::\"'\n",
            here = here.display()
        )
    };
    let text = format!(
        "{}{}  - id: last\n    type: io.kestra.plugin.core.log.Log\n    message: \"{{{{ outputs.a.vars.n }}}} {{{{ outputs.b.vars.n }}}} {{{{ read(outputs.a.outputFiles['a.txt']) }}}}\"\n",
        task("a"),
        task("b")
    );
    world.write("flow.yaml", flow(&text));
    world
}

fn effects(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.here().join("effects")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What matters of a run: how it and its tasks ended, what they gave, and what they said, stream by stream.
fn summary(world: &World) -> Value {
    let shown = world
        .taffrail(["show", "@last", "--format", "json"])
        .exits(0)
        .json();
    let tasks: Vec<Value> = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| {
            let record = &task["record"];
            json!({
                "task": task["task"], "run": task["taskRun"], "state": task["state"], "vars": record["outputs"]["vars"],
                "out": record["stdoutLines"], "err": record["stderrLines"], "failure": record["failure"]["kind"],
            })
        })
        .collect();
    let log = world.taffrail(["logs", "@last"]).exits(0).stdout.clone();
    let of = |mark: &str| -> Vec<String> {
        let lines = log.lines().filter(|line| line.contains(mark));
        lines.map(str::to_owned).collect()
    };
    json!({
        "state": shown["execution"]["state"], "tasks": tasks, "out": of(" | "), "err": of(" ! "), "said": of(" : "),
    })
}

fn crashed(world: &World, point: &str) -> Finished {
    let run = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .env("TAFFRAIL_FAILPOINT", point);
    let finished = run.finish();
    assert_eq!(finished.code(), None, "`{point}` is not passed: {finished}");
    finished
}

fn nothing_is_left(world: &World, point: &str) {
    for name in listing(&world.state().join("executions")) {
        assert!(!name.contains("/work/"), "{point}: {name} is left");
        assert!(!name.ends_with("/lock"), "{point}: {name} is left");
    }
    let open = world.taffrail(["ps", "--open", "--format", "json"]);
    assert_eq!(open.exits(0).json()["executions"], json!([]), "{point}");
}

#[test]
fn after_a_crash_at_any_point_the_verdict_is_that_of_an_undisturbed_run_or_says_interrupted() {
    let undisturbed = world();
    undisturbed
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(0);
    let expected = summary(&undisturbed);
    assert_eq!(effects(&undisturbed), ["a", "b"]);
    for (point, has_run) in POINTS {
        let world = world();
        crashed(&world, point);
        let resumed = world.taffrail(["resume", "@last"]);
        let found = summary(&world);
        if *has_run && *point != "ended" || *point == "ended" && resumed.code() != Some(0) {
            // The program may have done what it does, and nobody saw its end.
            resumed.exits(5);
            assert_eq!(found["state"], "FAILED", "{point}: {resumed}");
            assert_eq!(found["tasks"][0]["failure"], "interrupted", "{point}");
            assert!(effects(&world).len() <= 1, "{point}: {:?}", effects(&world));
        } else {
            resumed.exits(0);
            assert_eq!(found, expected, "{point}: {resumed}");
            assert_eq!(effects(&world), ["a", "b"], "{point}");
        }
        nothing_is_left(&world, point);
        // What ended well is taken over by another try, whatever the crash.
        if resumed.code() == Some(5) {
            world.taffrail(["retry", "@last-failed"]).exits(0);
            assert_eq!(summary(&world)["said"], expected["said"], "{point}");
            nothing_is_left(&world, point);
        }
    }
}

#[test]
fn a_crash_before_the_end_is_told_takes_nothing_back() {
    let world = world();
    crashed(&world, "over");
    world
        .taffrail(["resume", "@last"])
        .exits(2)
        .says(["has ended"]);
    let shown = world.taffrail(["show", "@last", "--format", "json"]).json();
    assert_eq!(shown["execution"]["state"], "SUCCESS");
    assert_eq!(effects(&world), ["a", "b"]);
}

#[test]
fn several_crashes_in_a_row_are_one_interruption_each() {
    let world = world();
    crashed(&world, "begun");
    for point in ["begun", "started", "begun"] {
        let again = world
            .command(["resume", "@last"])
            .env("TAFFRAIL_FAILPOINT", point)
            .finish();
        assert_eq!(again.code(), None, "{point}: {again}");
    }
    world.taffrail(["resume", "@last"]).exits(0);
    assert_eq!(effects(&world), ["a", "b"]);
    nothing_is_left(&world, "several");
}

#[test]
fn what_an_interrupted_task_left_running_is_ended() {
    let world = World::new();
    let here = world.here();
    world.write(
        "flow.yaml",
        flow(&format!(
            "  - id: a\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - setsid sleep 300 & echo $! > {here}/pid; sleep 300 & echo $! >> {here}/pid; echo started; wait\n",
            here = here.display()
        )),
    );
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout("started");
    running.signal("KILL");
    running.finish();
    let alive = || {
        let pids = std::fs::read_to_string(here.join("pid")).unwrap();
        let pids = pids.lines().filter(|pid| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
            line.is_ok_and(|line| line.contains("sleep"))
        });
        pids.count()
    };
    assert_eq!(alive(), 2);
    world
        .taffrail(["resume", "@last"])
        .exits(5)
        .says(["its taffrail ended while it ran"]);
    assert_eq!(alive(), 0);
}

#[test]
fn an_unknown_point_is_refused() {
    let world = world();
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .env("TAFFRAIL_FAILPOINT", "nowhere")
        .finish();
    finished
        .exits(2)
        .says(["no failpoint `nowhere`", "launching"]);
    assert!(effects(&world).is_empty());
}

#[test]
fn the_doctor_says_what_is_there_and_what_is_wrong() {
    let world = world();
    let look = || world.taffrail(["doctor", "--format", "json"]);
    let finding = |finished: &Finished, what: &str| -> (String, String) {
        let found = finished.json();
        let all = found["findings"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["what"] == what).unwrap();
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        (text("health"), text("says"))
    };
    let fresh = look();
    fresh.exits(0);
    assert!(
        finding(&fresh, "store").1.contains("nothing was run"),
        "{fresh}"
    );
    assert_eq!(finding(&fresh, "engine").0, "warning", "{fresh}");
    assert_eq!(finding(&fresh, "plugins").0, "ok", "{fresh}");
    crashed(&world, "started");
    let after = look();
    after.exits(0);
    let (health, says) = finding(&after, "store");
    assert!(
        health == "warning" && says.contains("taffrail resume"),
        "{after}"
    );
    let store = world.state().join("store.sqlite3");
    let mut bytes = std::fs::read(&store).unwrap();
    let _ = std::fs::remove_file(world.state().join("store.sqlite3-wal"));
    bytes[..16].copy_from_slice(b"something else!!");
    std::fs::write(&store, bytes).unwrap();
    let spoilt = look();
    spoilt.exits(1);
    let (health, says) = finding(&spoilt, "store");
    assert!(health == "bad" && says.contains("TF1002"), "{spoilt}");
    world
        .taffrail(["doctor"])
        .exits(1)
        .answers(["bad      store", "ok       plugins"]);
}
