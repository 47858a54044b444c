//! A host that ends at each point of a task's life, and the host that goes on: what it comes to is what an undisturbed run comes to.
//! A task whose supervisor ended is interrupted, which is told, and not run twice in silence.

use serde_json::{Value, json};
use taffrail_tests::cli::{Finished, World, listing};
use taffrail_tests::flows::flow;

/// The points that a host passes with a task by Process.
const POINTS: &[&str] = &[
    "begun",
    "started",
    "launching",
    "launched",
    "output",
    "exited",
    "collected",
    "ended",
    "removed",
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
fn after_a_crash_at_any_point_the_verdict_is_that_of_an_undisturbed_run() {
    let undisturbed = world();
    undisturbed
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(0);
    let expected = summary(&undisturbed);
    assert_eq!(effects(&undisturbed), ["a", "b"]);
    for point in POINTS {
        let world = world();
        crashed(&world, point);
        let resumed = world.taffrail(["resume", "@last"]);
        resumed.exits(0);
        assert_eq!(summary(&world), expected, "{point}: {resumed}");
        assert_eq!(effects(&world), ["a", "b"], "{point}");
        nothing_is_left(&world, point);
    }
}

#[test]
fn a_supervisor_that_dies_interrupts_what_it_has_started_and_nothing_else() {
    for (point, verdict) in [
        ("ordered", "interrupted"),
        ("spawned", "interrupted"),
        ("recorded", "success"),
    ] {
        let world = world();
        let run = world
            .command(["run", "flow.yaml", "--runner", "process"])
            .env("TAFFRAIL_FAILPOINT", point)
            .finish();
        let found = summary(&world);
        match verdict {
            "success" => {
                run.exits(0);
                assert_eq!(effects(&world), ["a", "b"], "{point}");
            }
            _ => {
                run.exits(5)
                    .says(["the supervisor of its processes was ended"]);
                assert_eq!(found["tasks"][0]["failure"], "interrupted", "{point}");
                assert!(effects(&world).len() <= 1, "{point}: {:?}", effects(&world));
                // What ended well is taken over by another try.
                world.taffrail(["retry", "@last-failed"]).exits(0);
            }
        }
        nothing_is_left(&world, point);
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

/// A world with a task that says that it runs, writes the numbers of its processes, and ends when it may.
fn waiting() -> World {
    let world = World::new();
    let here = world.here();
    world.write(
        "flow.yaml",
        flow(&format!(
            "  - id: a\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - echo ran >> {here}/effects; sleep 300 & echo $! $$ $PPID > {here}/pids; echo started; while [ ! -e {here}/go ]; do sleep 0.05; done; kill $!; echo over\n",
            here = here.display()
        )),
    );
    world
}

/// The processes of the task that still run: what it started, itself, and its supervisor.
fn alive(world: &World) -> usize {
    let pids = std::fs::read_to_string(world.here().join("pids")).unwrap();
    pids.split_whitespace()
        .filter(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            status.is_ok_and(|status| !status.contains(") Z "))
        })
        .count()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 20, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Starts a run, kills its host while the task runs, and gives what the host had shown.
fn killed(world: &World) -> String {
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout("started");
    running.signal("KILL");
    running.finish().stdout
}

#[test]
fn a_task_goes_on_without_its_host_and_ends_as_if_nothing_had_happened() {
    // Taken up while it runs, and after it has ended with nobody there.
    for ends_before in [false, true] {
        let world = waiting();
        killed(&world);
        assert_eq!(alive(&world), 3);
        if ends_before {
            world.write("go", "");
            wait_until("all have ended", || alive(&world) == 0);
            world.taffrail(["resume", "@last"]).exits(0);
        } else {
            let mut resumed = world.command(["resume", "@last"]).start();
            resumed.wait_for_stdout("started");
            assert_eq!(alive(&world), 3);
            world.write("go", "");
            resumed.finish().exits(0);
        }
        assert_eq!(effects(&world), ["ran"], "it ran once");
        let log = world.taffrail(["logs", "@last"]).exits(0).stdout.clone();
        assert_eq!(log, "a | started\na | over\n");
        wait_until("all have ended", || alive(&world) == 0);
        nothing_is_left(&world, "goes on");
    }
}

#[test]
fn a_task_whose_host_and_supervisor_were_killed_is_ended_and_interrupted() {
    let world = waiting();
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout("started");
    running.kill_with_children();
    wait_until("the supervisor has ended", || alive(&world) == 2);
    world
        .taffrail(["resume", "@last"])
        .exits(5)
        .says(["the supervisor of its processes was ended"]);
    assert_eq!(alive(&world), 0);
    assert_eq!(effects(&world), ["ran"]);
    nothing_is_left(&world, "both");
}

#[test]
fn the_time_of_a_task_goes_on_without_its_host() {
    let world = waiting();
    let text = std::fs::read_to_string(world.here().join("flow.yaml")).unwrap();
    world.write(
        "flow.yaml",
        text.replace("    commands:", "    timeout: PT3S\n    commands:"),
    );
    // Ended by the supervisor.
    killed(&world);
    wait_until("its time is over", || alive(&world) == 0);
    world
        .taffrail(["resume", "@last"])
        .exits(7)
        .says(["timed out after 3s"]);
    assert_eq!(effects(&world), ["ran"]);
    // Ended by the host that went on, in the time that was left.
    let world = waiting();
    world.write(
        "flow.yaml",
        text.replace("    commands:", "    timeout: PT6S\n    commands:"),
    );
    killed(&world);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let begun = std::time::Instant::now();
    world.taffrail(["resume", "@last"]).exits(7);
    assert!(begun.elapsed().as_secs_f32() < 5.5, "{:?}", begun.elapsed());
}

#[test]
fn what_goes_on_without_its_host_can_be_ended() {
    let world = waiting();
    killed(&world);
    assert_eq!(alive(&world), 3);
    world.taffrail(["kill", "@last"]).exits(0);
    wait_until("all have ended", || alive(&world) == 0);
    let shown = world.taffrail(["show", "@last", "--format", "json"]).json();
    assert_eq!(shown["execution"]["state"], "KILLED");
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
    let (health, groups) = finding(&fresh, "cgroups");
    let known = ["has one of its own below", "processes of tasks are found"];
    assert!(
        health == "ok" && known.iter().any(|says| groups.contains(says)),
        "{fresh}"
    );
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
