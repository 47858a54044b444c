//! Disks that are full and folders that cannot be written: the path is named, and the run goes on where it can.

use std::io::Write;

use taffrail_tests::cli::World;
use taffrail_tests::flows::shell;

/// Runs a line of `sh` that sees a disk of 1 MiB at `small`; none where this user may not mount one.
fn on_small_disk(world: &World, line: &str) -> Option<taffrail_tests::cli::Finished> {
    std::fs::create_dir(world.here().join("small")).unwrap();
    let mount = "mount -t tmpfs -o size=1m none small";
    if world
        .sh(&format!("unshare -rm sh -c '{mount}'"))
        .finish()
        .code()
        != Some(0)
    {
        // Not by a macro, whose output the test harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a test of a full disk: this user may not mount one (`unshare -rm`)"
        );
        return None;
    }
    Some(
        world
            .sh(&format!("exec unshare -rm sh -c '{mount}; {line}'"))
            .finish(),
    )
}

#[test]
fn a_full_disk_is_named_and_the_tasks_go_on() {
    let world = World::cold();
    world.write(
        "flow.yaml",
        shell("seq 300000\ntouch $DONE").replace(
            "  commands",
            &format!(
                "  env: {{DONE: {}}}\n    commands",
                world.here().join("done").display()
            ),
        ),
    );
    let line = "mkdir -m 700 small/state; $TAFFRAIL run flow.yaml --runner process --state-dir small/state > out";
    let Some(finished) = on_small_disk(&world, line) else {
        return;
    };
    finished
        .exits(1)
        .says(["cannot write", "/log`", "No space left"]);
    assert!(world.here().join("done").exists(), "{finished}");
    let shown = std::fs::read_to_string(world.here().join("out")).unwrap();
    assert_eq!(shown.lines().count(), 300_000);
}

#[test]
fn an_output_file_that_does_not_fit_fails_its_task() {
    let world = World::cold();
    world.write(
        "flow.yaml",
        shell("head -c 700000 /dev/zero > large.bin")
            .replace("  commands", "  outputFiles: [large.bin]\n    commands"),
    );
    let line = "mkdir -m 700 small/state; $TAFFRAIL run flow.yaml --runner process --state-dir small/state";
    let Some(finished) = on_small_disk(&world, line) else {
        return;
    };
    finished
        .exits(1)
        .says(["task `one` failed", "large.bin", "No space left"]);
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let world = World::new();
    world.write("flow.yaml", shell("true"));
    for command in [
        "plan flow.yaml --runner process",
        "schema",
        "plugin list",
        "eval 1",
        "run flow.yaml --runner process -o json",
    ] {
        world
            .sh(&format!("exec $TAFFRAIL {command} > /dev/full"))
            .finish()
            .exits(1)
            .says(["standard output", "No space left"]);
    }
}

#[test]
fn answers_end_with_their_reader() {
    let world = World::new();
    let finished = world.sh("$TAFFRAIL schema | head -n 1").finish();
    finished.exits(0).prints("{\n");
    assert_eq!(finished.stderr, "", "{finished}");
}
