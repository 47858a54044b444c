//! Executions after their taffrail: looked at, gone on with, made anew, ended and removed.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use taffrail_tests::cli::{Finished, World, listing};
use taffrail_tests::flows::flow;

/// A task by the Process runner.
fn task(id: &str, commands: &str, more: &str) -> String {
    format!(
        "  - id: {id}\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - |\n        {}\n{more}",
        commands.replace('\n', "\n        ")
    )
}

fn effects(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.here().join("effects")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn run(world: &World, more: &[&str]) -> Finished {
    let first = ["run", "flow.yaml", "--runner", "process"];
    world.command(first.iter().chain(more)).finish()
}

/// Runs the flow and kills its host once a task has said `after`. Gives the id.
fn killed(world: &World, after: &str) -> String {
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout(after);
    running.kill_with_children();
    let id = open(world).remove(0);
    // The task goes on for a moment, and must not be taken for what is run later.
    std::fs::write(world.here().join("go"), "").unwrap();
    id
}

fn open(world: &World) -> Vec<String> {
    let listed = world.taffrail(["ps", "--open", "--format", "json"]);
    let listed = listed.exits(0).json();
    let all = listed["executions"].as_array().unwrap();
    all.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

fn shown(world: &World, id: &str) -> Value {
    world
        .taffrail(["show", id, "--format", "json"])
        .exits(0)
        .json()
}

/// The state of each task run, in the order of their starts.
fn states(world: &World, id: &str) -> Vec<String> {
    let shown = shown(world, id);
    let tasks = shown["tasks"].as_array().unwrap();
    tasks
        .iter()
        .map(|task| {
            format!(
                "{} {}",
                task["task"].as_str().unwrap(),
                task["state"].as_str().unwrap()
            )
        })
        .collect()
}

fn effect(world: &World, word: &str) -> String {
    format!("echo {word} >> {}/effects", world.here().display())
}

/// Says that it is there, and ends once it may.
fn waits(world: &World, word: &str) -> String {
    let here = world.here();
    format!(
        "{}\necho {word} is here\nuntil test -e {}/go; do sleep 0.02; done",
        effect(world, word),
        here.display()
    )
}

#[test]
fn what_had_ended_does_not_run_again_and_what_ran_was_interrupted() {
    let world = World::new();
    let first = task(
        "first",
        &format!(
            "{}\necho '::{{\"outputs\":{{\"x\":{{\"y\":[1,2]}}}}}}::'",
            effect(&world, "first")
        ),
        "",
    );
    let second = task("second", &waits(&world, "second"), "");
    let third = task(
        "third",
        &effect(&world, "third-{{ outputs.first.vars.x.y | last }}"),
        "",
    );
    let retry = "    retry: {type: constant, interval: PT0.05S, maxAttempts: 2}\n";
    for (more, code) in [("", 5), (retry, 0)] {
        for name in ["effects", "go"] {
            let _ = std::fs::remove_file(world.here().join(name));
        }
        world.write("flow.yaml", flow(&format!("{first}{second}{more}{third}")));
        let id = killed(&world, "second is here");
        assert_eq!(states(&world, &id), ["first SUCCESS", "second INTERRUPTED"]);
        // Its file is of no concern any more.
        world.write("flow.yaml", "nonsense");
        let resumed = world.taffrail(["resume", &id, "-o", "json"]);
        resumed.exits(code);
        let record = resumed.json();
        assert_eq!(record["id"], id.as_str());
        let ends: Vec<_> = record["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| {
                (
                    task["task"].as_str().unwrap(),
                    task["state"].as_str().unwrap(),
                )
            })
            .collect();
        if code == 0 {
            assert_eq!(
                ends,
                [
                    ("first", "SUCCESS"),
                    ("second", "SUCCESS"),
                    ("third", "SUCCESS")
                ]
            );
            assert_eq!(effects(&world), ["first", "second", "second", "third-2"]);
            assert_eq!(
                record["tasks"][1]["attempts"][0]["failure"]["kind"],
                "interrupted"
            );
        } else {
            assert_eq!(ends, [("first", "SUCCESS"), ("second", "FAILED")]);
            assert_eq!(effects(&world), ["first", "second"]);
        }
        assert_eq!(open(&world), [""; 0]);
        world
            .taffrail(["resume", &id])
            .exits(2)
            .says(["has ended", "retry"]);
    }
}

#[test]
fn a_loop_goes_on_in_the_round_that_was_reached() {
    let world = World::new();
    let say = task("say", &effect(&world, "round-{{ taskrun.value }}"), "").replace("\n", "\n    ");
    let stop = task(
        "stop",
        "test {{ taskrun.value }} != c || { echo c is here; sleep 60; }",
        "    retry: {type: constant, interval: PT0.05S, maxAttempts: 2}\n",
    )
    .replace(
        "sleep 60",
        &format!(
            "until test -e {}/go; do sleep 0.02; done",
            world.here().display()
        ),
    )
    .replace("\n", "\n    ");
    world.write(
        "flow.yaml",
        flow(&format!(
            "  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    values: [a, b, c, d]\n    tasks:\n    {}\n    {}\n  - id: vars\n    type: io.kestra.plugin.core.log.Log\n    message: \"{{{{ outputs.say | keys | join(',') }}}}\"\n",
            say.trim_end(),
            stop.trim_end()
        )),
    );
    let id = killed(&world, "c is here");
    assert_eq!(effects(&world), ["round-a", "round-b", "round-c"]);
    let resumed = world.taffrail(["resume", &id]);
    resumed
        .exits(0)
        .says(["say[c]: success before, and not run again"]);
    assert_eq!(
        effects(&world),
        ["round-a", "round-b", "round-c", "round-d"]
    );
    resumed.answers(["INFO a,b,c,d"]);
    let shown = shown(&world, &id);
    let mut runs: Vec<_> = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["taskRun"].as_str().unwrap().to_owned())
        .collect();
    let all = runs.len();
    runs.sort();
    runs.dedup();
    assert_eq!((runs.len(), all), (10, 10), "{runs:?}");
}

#[test]
fn a_called_flow_is_gone_on_with_too() {
    let world = World::new();
    let inner =
        task("early", &effect(&world, "early"), "") + &task("late", &waits(&world, "late"), "");
    world.write(
        "inner.yaml",
        flow(&inner)
            .replacen("id: test", "id: inner", 1)
            .replacen("id: flow", "id: inner", 1),
    );
    let text = std::fs::read_to_string(world.here().join("inner.yaml")).unwrap();
    let namespace = text
        .lines()
        .find_map(|line| line.strip_prefix("namespace: "))
        .unwrap()
        .to_owned();
    assert!(text.starts_with("id: inner"), "{text}");
    world.write(
        "flow.yaml",
        flow(&format!("  - id: call\n    type: io.kestra.plugin.core.flow.Subflow\n    namespace: {namespace}\n    flowId: inner\n    wait: true\n    transmitFailed: true\n")),
    );
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout("late is here");
    running.signal("KILL");
    running.finish();
    world.write("go", "");
    let ids = open(&world);
    assert_eq!(ids.len(), 2, "{ids:?}");
    let (outer, inner) = (&ids[0], &ids[1]);
    world
        .taffrail(["resume", inner])
        .exits(2)
        .says(["is a part of", outer]);
    world.taffrail(["resume", outer]).exits(0);
    assert_eq!(effects(&world), ["early", "late"]);
    assert_eq!(states(&world, inner), ["early SUCCESS", "late SUCCESS"]);
    assert_eq!(shown(&world, outer)["calls"][0], inner.as_str());
    assert!(open(&world).is_empty());
    world
        .taffrail(["rm", outer])
        .exits(0)
        .says(["and 1 that it called for"]);
    assert!(listing(&world.state().join("executions")).is_empty());
}

#[test]
fn a_secret_is_nowhere_in_the_store_and_its_value_comes_back() {
    let world = World::new();
    world.write("s.env", "TOKEN=hunter2-hunter2\n");
    let give = "echo '::{\"outputs\":{\"x\":\"<{{ secret('TOKEN') }}>\"}}::'";
    let check = "test '{{ outputs.give.vars.x == '<' ~ secret('TOKEN') ~ '>' }}' = true && test {{ inputs.word | length }} = 15";
    let text = task("give", give, "")
        + &task(
            "wait",
            &waits(&world, "wait"),
            "    retry: {type: constant, interval: PT0.05S, maxAttempts: 2}\n",
        )
        + &task("check", check, "");
    let inputs = "inputs:\n  - {id: word, type: SECRET}\n";
    world.write(
        "flow.yaml",
        flow(&text).replacen("tasks:", &format!("{inputs}tasks:"), 1),
    );
    let given = ["-i", "word=hunter3-hunter3", "--secrets-file", "s.env"];
    let first = ["run", "flow.yaml", "--runner", "process"];
    let mut running = world.command(first.iter().chain(&given)).start();
    running.wait_for_stdout("wait is here");
    running.signal("KILL");
    running.finish();
    world.write("go", "");
    for path in listing(&world.state()) {
        let path = world.state().join(path);
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("hunter"), "{}", path.display());
        }
    }
    world.taffrail(["resume", "@last"]).exits(3).says(["word"]);
    world
        .taffrail(["resume", "@last", "-i", "word=hunter3-hunter3"])
        .exits(0);
    let outputs = world.taffrail(["outputs", "@last"]);
    outputs
        .exits(0)
        .answers(["******"])
        .never_prints(["hunter"]);
}

#[test]
fn what_another_taffrail_runs_is_left_to_it_and_can_be_ended() {
    let world = World::new();
    world.write(
        "flow.yaml",
        flow(&task("one", "echo one is here\nsleep 60", "")),
    );
    let detached = world.taffrail(["run", "flow.yaml", "--runner", "process", "--detach"]);
    detached.exits(0);
    let id = detached.stdout.trim().to_owned();
    let begun = Instant::now();
    while !world.taffrail(["logs", &id]).stdout.contains("one is here") {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it does not begin"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    for command in ["resume", "retry"] {
        world
            .taffrail([command, &id])
            .exits(2)
            .says(["is run by the process"]);
    }
    world
        .taffrail(["rm", &id])
        .exits(2)
        .says(["runs", "taffrail kill"]);
    // It runs, so nobody is told to go on with it.
    world.write("other.yaml", flow(&task("two", "true", "")));
    let other = world.taffrail(["run", "other.yaml", "--runner", "process"]);
    other.exits(0);
    assert!(!other.stderr.contains("interrupted"), "{other}");
    assert!(
        shown(&world, &id)["execution"]["process"]
            .as_i64()
            .is_some()
    );
    let following = world.command(["logs", &id, "-f"]).start();
    world
        .taffrail(["kill", &id[..20]])
        .exits(0)
        .says(["killed"]);
    following.finish().exits(0).prints("one | one is here\n");
    assert_eq!(states(&world, &id), ["one KILLED"]);
    world.taffrail(["kill", &id]).exits(2).says(["has ended"]);
    world.taffrail(["rm", &id, "@last"]).exits(0);
    assert!(listing(&world.state().join("executions")).is_empty());
    world.taffrail(["show", "@last"]).exits(8);
}

#[test]
fn an_interrupted_execution_is_named_by_the_next_run_and_kept_until_it_is_let_go() {
    let world = World::new();
    world.write("flow.yaml", flow(&task("one", &waits(&world, "one"), "")));
    let id = killed(&world, "one is here");
    let next = run(&world, &[]);
    next.exits(0)
        .says(["was interrupted", &format!("taffrail resume {id}")]);
    assert!(!run(&world, &["-q"]).stderr.contains("interrupted"));
    world
        .taffrail(["rm", &id])
        .exits(2)
        .says(["can be gone on with", "--force"]);
    world.taffrail(["kill", &id]).exits(0);
    assert!(!run(&world, &[]).stderr.contains("interrupted"));
    world.taffrail(["rm", &id]).exits(0);
}

#[test]
fn a_new_execution_takes_over_what_ended_well() {
    let world = World::new();
    let text = task(
        "a",
        &format!(
            "{}\necho '::{{\"outputs\":{{\"n\":7}}}}::'",
            effect(&world, "a")
        ),
        "",
    ) + &task("b", &effect(&world, "b"), "")
        + &task(
            "c",
            &format!(
                "test -e {}/repaired && {}",
                world.here().display(),
                effect(&world, "c{{ outputs.a.vars.n }}")
            ),
            "",
        );
    world.write("flow.yaml", flow(&text));
    run(&world, &[]).exits(4);
    world.write("repaired", "");
    let retried = world.taffrail(["retry", "@last-failed", "-o", "json"]);
    retried.exits(0);
    let record = retried.json();
    assert_eq!(effects(&world), ["a", "b", "c7"]);
    let own = record["tasks"].as_array().unwrap();
    assert!(
        own.iter().all(|task| task["execution"] == record["id"]),
        "{record:#}"
    );
    world.taffrail(["retry", "@last", "--from", "b"]).exits(0);
    assert_eq!(effects(&world), ["a", "b", "c7", "b", "c7"]);
    world
        .taffrail(["retry", "@last", "--from", "bb"])
        .exits(8)
        .says(["no task `bb`"]);
    let ids = world.taffrail(["ps", "--format", "json"]).exits(0).json();
    assert_eq!(ids["executions"].as_array().unwrap().len(), 3);
}

fn spoilt(change: impl FnOnce(&Path)) -> (World, Finished) {
    let world = World::new();
    world.write("flow.yaml", flow(&task("one", &effect(&world, "one"), "")));
    run(&world, &[]).exits(0);
    let path = world.state().join("store.sqlite3");
    // Whoever closes it last moves into it what was written and stands beside it.
    rusqlite::Connection::open(&path)
        .and_then(|store| store.query_row("SELECT count(*) FROM executions", [], |_| Ok(())))
        .unwrap();
    change(&path);
    let finished = run(&world, &[]);
    assert_eq!(effects(&world), ["one"], "{finished}");
    (world, finished)
}

#[test]
fn nothing_runs_with_a_store_that_cannot_be_trusted() {
    use std::io::{Seek, Write};
    use std::os::unix::fs::PermissionsExt;
    let write = |path: &Path, at: u64, bytes: &[u8]| {
        let mut file = std::fs::File::options().write(true).open(path).unwrap();
        file.seek(std::io::SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    };
    let (world, finished) = spoilt(|path| write(path, 60, &99_u32.to_be_bytes()));
    finished.exits(1).says(["TF1001"]);
    world
        .taffrail(["ps"])
        .exits(1)
        .says(["TF1001", "taffrail explain TF1001"]);
    let (_, finished) = spoilt(|path| write(path, 0, b"something else"));
    finished.exits(1).says(["TF1002"]);
    let (_, finished) = spoilt(|path| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o640)).unwrap();
    });
    finished.exits(1).says(["TF1003", "0640"]);
}

#[test]
fn old_executions_are_removed_together() {
    let world = World::new();
    world.write("flow.yaml", flow(&task("one", "true", "")));
    for _ in 0..3 {
        run(&world, &[]).exits(0);
    }
    let prune = |more: &[&str]| {
        world
            .command(["prune", "--executions"].iter().chain(more))
            .finish()
    };
    prune(&[]).exits(2);
    prune(&["--older-than", "PT1H"])
        .exits(0)
        .says(["no execution is so old"]);
    prune(&["--older-than", "PT0S", "--dry-run"])
        .exits(0)
        .says(["3 found"]);
    assert!(!listing(&world.state().join("executions")).is_empty());
    prune(&["--older-than", "PT0S"])
        .exits(0)
        .says(["removed 3"]);
    assert!(listing(&world.state().join("executions")).is_empty());
    world.taffrail(["ps"]).exits(0).says(["no executions"]);
}

#[test]
fn of_a_flow_that_may_hold_credentials_no_copy_is_kept() {
    let world = World::new();
    let text = flow(&task("one", &effect(&world, "one"), "")) + "# password: hunter2hunter2\n";
    world.write("flow.yaml", &text);
    run(&world, &[]).exits(0);
    for name in listing(&world.state()) {
        let bytes = std::fs::read(world.state().join(&name)).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&bytes).contains("hunter2"),
            "{name}"
        );
    }
    // What went well is taken over, so that nothing has an effect again.
    world.taffrail(["retry", "@last"]).exits(0);
    assert_eq!(effects(&world), ["one"]);
    world.write("flow.yaml", text.replace("hunter2hunter2", "other"));
    world.taffrail(["retry", "@last"]).exits(3).says([
        "has changed since the execution began",
        "no copy of it was kept",
    ]);
}
