//! A system that refuses: syncs and writes that fail, and too few descriptors. What is said to be done is done, and what was not can be gone on with.

use std::io::Write;

use taffrail_tests::cli::World;
use taffrail_tests::flows::flow;

/// Two tasks that each do something that can be counted.
fn world() -> World {
    let world = World::new();
    let task = |id: &str| {
        format!(
            "  - id: {id}\n    type: io.kestra.plugin.scripts.shell.Commands\n    outputFiles: [{id}.txt]\n    commands: ['echo {id} >> {here}/effects; echo kept > {id}.txt; echo {id} one; echo {id} two']\n",
            here = world.here().display()
        )
    };
    world.write("flow.yaml", flow(&format!("{}{}", task("a"), task("b"))));
    world
}

fn has_strace() -> bool {
    let found = std::process::Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a test of system calls that fail: strace is missing, or may not trace here"
        );
    }
    found
}

/// Lets one call of these fail in a run, the one of this number. Whatever comes of it, what is said is so, and going on ends well.
fn one_call_fails(calls: &str, error: &str, number: u32) {
    let world = world();
    let run = format!(
        "strace -f -qq -o trace -e trace={calls} -e inject={calls}:error={error}:when={number} $TAFFRAIL run flow.yaml --runner process"
    );
    let run = world.sh(&run).finish();
    let story = format!("call {number} of {calls} fails with {error}: {run}");
    let effects = || {
        let text = std::fs::read_to_string(world.here().join("effects")).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let executions = || {
        let listed = world.taffrail(["ps", "--format", "json"]).exits(0).json();
        listed["executions"].as_array().unwrap().clone()
    };
    match run.code() {
        Some(0) => {
            assert_eq!(executions()[0]["state"], "SUCCESS", "{story}");
            assert_eq!(effects(), ["a", "b"], "{story}");
            for line in ["a one", "a two", "b one", "b two"] {
                assert_eq!(run.stdout.matches(line).count(), 1, "{story}");
            }
            return;
        }
        // One line of what was wrong, and no word of success.
        Some(1 | 4 | 5) => {
            assert!(run.stderr.contains("error"), "{story}");
            let last = run.stderr.lines().filter(|line| line.starts_with("flow "));
            assert_eq!(
                last.filter(|line| line.contains(": success")).count(),
                0,
                "{story}"
            );
        }
        _ => panic!("{story}"),
    }
    let Some(execution) = executions().first().cloned() else {
        assert!(effects().is_empty(), "{story}");
        return;
    };
    if execution["state"] == "INTERRUPTED" && world.taffrail(["resume", "@last"]).code() == Some(0)
    {
        assert_eq!(effects(), ["a", "b"], "{story}");
        return;
    }
    // A task whose files could not be kept has failed, and is made anew.
    assert!(effects().len() <= 2, "{story}");
    assert_eq!(executions()[0]["state"], "FAILED", "{story}");
    world.taffrail(["retry", "@last"]).exits(0);
}

#[test]
fn a_sync_that_fails_is_never_taken_for_done() {
    if !has_strace() {
        return;
    }
    for number in 1..=16 {
        one_call_fails("fsync,fdatasync", "EIO", number);
    }
}

/// A file is on the disk, and the folder that names it, before the commit that its task has ended. The program that is traced says which
/// files it brings there, and in what order.
#[test]
fn a_stored_file_is_on_the_disk_before_the_end_of_its_task() {
    if !has_strace() {
        return;
    }
    let world = world();
    world
        .sh("strace -f -y -qq -s 400 -o trace -e trace=fsync,fdatasync,execve $TAFFRAIL run flow.yaml --runner process")
        .finish()
        .exits(0);
    let trace = std::fs::read_to_string(world.here().join("trace")).unwrap();
    let calls: Vec<&str> = trace.lines().collect();
    let at = |what: &dyn Fn(&str) -> bool| calls.iter().position(|line| what(line));
    // The second task is begun in the commit that ends the first one.
    let second = at(&|line| line.contains("execve(") && line.contains("/0002-b/"));
    for (name, known) in [("-a.txt>", second), ("-b.txt>", Some(calls.len()))] {
        let file = at(&|line| line.contains(name));
        let file = file.unwrap_or_else(|| panic!("{name} is not synced: {trace}"));
        let folder = calls[file..]
            .iter()
            .position(|line| line.contains("/storage/") && !line.contains(".txt"))
            .map(|after| file + after);
        // Another thread's call may stand in between, and one that takes long in two lines, the first of which has the name.
        let commit = calls[..known.unwrap()]
            .iter()
            .rposition(|line| line.contains("store.sqlite3"));
        assert!(folder < commit && folder.is_some(), "{name}: {trace}");
    }
}

#[test]
fn a_write_that_fails_is_never_taken_for_done() {
    if !has_strace() {
        return;
    }
    for number in (1..=40).step_by(3) {
        one_call_fails("pwrite64", "ENOSPC", number);
        one_call_fails("pwrite64", "EIO", number + 1);
    }
}

#[test]
fn more_tasks_at_once_than_descriptors_wait_for_one_another() {
    let world = World::new();
    world.write(
        "flow.yaml",
        flow("  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    values: \"{{ range(1, 60) }}\"\n    concurrencyLimit: 0\n    tasks:\n      - id: one\n        type: io.kestra.plugin.scripts.shell.Commands\n        commands: ['ulimit -n; sleep 0.1; echo {{ taskrun.value }}']\n"),
    );
    let finished = world
        .sh("ulimit -n 96; exec $TAFFRAIL run flow.yaml --runner process -j 60 -o json")
        .finish();
    finished.exits(0);
    let record = finished.json();
    let ended = record["tasks"].as_array().unwrap().iter();
    let ended = ended.filter(|task| task["task"] == "one" && task["state"] == "SUCCESS");
    assert_eq!(ended.count(), 60, "{finished}");
}

/// The library that lets a program see another wall clock, where it is.
fn faketime() -> Option<String> {
    let found = std::process::Command::new("sh")
        .args(["-c", "ls /usr/lib/*/faketime/libfaketime.so.1"])
        .output()
        .ok()?;
    let found = String::from_utf8(found.stdout).ok()?;
    let library = found.lines().next().map(str::to_owned);
    if library.is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a test of a clock that jumps: libfaketime is missing (Debian: faketime)"
        );
    }
    library
}

#[test]
fn a_wall_clock_that_jumps_changes_no_duration() {
    let Some(library) = faketime() else { return };
    // Forwards, nothing is over too early; backwards, nothing lasts a day longer.
    for (jump, timeout, code) in [("+1d", "PT30S", 0), ("-1d", "PT2S", 7)] {
        let world = World::new();
        world.write("clock", "+0");
        world.write(
            "flow.yaml",
            flow(&format!(
                "  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n    delay: PT0.2S\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n    timeout: {timeout}\n    commands: ['echo begun; i=0; while [ $i -lt {} ]; do sleep 0.1; i=$((i+1)); done; echo over']\n",
                if code == 0 { 10 } else { 200 }
            )),
        );
        let mut running = world
            .command(["run", "flow.yaml", "--runner", "process"])
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", world.here().join("clock"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .start();
        running.wait_for_stdout("begun");
        let begun = std::time::Instant::now();
        world.write("clock", jump);
        let finished = running.finish();
        finished.exits(code);
        let took = begun.elapsed().as_secs_f32();
        assert!((0.8..15.0).contains(&took), "{jump}: {took} s\n{finished}");
        assert_eq!(finished.stdout.contains("over"), code == 0, "{finished}");
        let listed = world.taffrail(["ps", "--format", "json"]).exits(0).json();
        let day = |key: &str| listed["executions"][0][key].as_str().unwrap()[..10].to_owned();
        assert_ne!(day("started"), day("ended"), "the clock has jumped");
        // The record tells how long it took, and not what the clock said.
        let shown = world.taffrail(["show", "@last", "--format", "json"]).json();
        let tasks = shown["tasks"].as_array().unwrap();
        let one = tasks.iter().find(|task| task["task"] == "one").unwrap();
        let recorded = one["record"]["durationMs"].as_u64().unwrap();
        assert!(recorded < 20_000, "{jump}: {recorded} ms");
    }
}
