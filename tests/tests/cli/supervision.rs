//! Ends that are asked for, and that nothing of a task is left running after any end.

use std::path::Path;
use std::time::{Duration, Instant};

use taffrail_tests::cli::{Running, World, listing};
use taffrail_tests::flows::shell;

/// The ids that a script wrote to the file `pids`.
fn pids(world: &World) -> Vec<u32> {
    let text = std::fs::read_to_string(world.here().join("pids")).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Whether a process is there and more than an entry that nobody has collected.
fn lives(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|status| {
        status
            .rsplit(')')
            .next()
            .is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
    })
}

#[track_caller]
fn assert_gone(world: &World, count: usize) {
    let pids = pids(world);
    assert_eq!(pids.len(), count, "process ids: {pids:?}");
    // The end of a process that was killed is not seen in the same instant.
    let patience = Instant::now() + Duration::from_secs(1);
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(
            Instant::now() < patience,
            "left running: {:?}",
            pids.iter().filter(|pid| lives(**pid)).collect::<Vec<_>>()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts a script that has `$PIDS` to write ids to, and waits until it prints `ready`.
fn start(world: &World, keys: &str, commands: &str) -> Running {
    let pids = world.here().join("pids");
    let text = shell(commands).replace(
        "  commands:",
        &format!(
            "  env: {{PIDS: {}}}\n    {keys}\n    commands:",
            pids.display()
        ),
    );
    world.write("flow.yaml", text);
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout("ready");
    running
}

const POLITE: &str = "
    echo $$ >> $PIDS
    sleep 300 & echo $! >> $PIDS
    trap 'echo told to end; exit 5' TERM
    echo ready
    wait
";

/// Nobody of these ends when asked: the script, its child, and a grandchild in a session of its own.
const STUBBORN: &str = "
    trap '' TERM INT HUP
    echo $$ >> $PIDS
    sh -c 'trap \"\" TERM; echo $$ >> $PIDS; while :; do sleep 300; done' &
    (setsid sh -c 'trap \"\" TERM HUP; echo $$ >> $PIDS; while :; do sleep 300; done' > /dev/null 2>&1 &)
    while [ $(wc -l < $PIDS) -lt 3 ]; do sleep 0.01; done
    echo ready
    while :; do sleep 300; done
";

#[test]
fn an_interrupt_asks_the_task_to_end_and_leaves_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 143)] {
        let world = World::new();
        let running = start(&world, "outputFiles: [none]", POLITE);
        running.signal(signal);
        let finished = running.finish();
        finished
            .exits(code)
            .answers(["one | told to end"])
            .says(["cancelling"]);
        assert_gone(&world, 2);
        let folder = world.execution();
        assert_eq!(listing(&folder), ["log", "record.json"], "{finished}");
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("record.json")).unwrap()).unwrap();
        assert_eq!(
            (&record["state"], &record["tasks"][0]["state"]),
            (&"KILLED".into(), &"KILLED".into()),
            "{finished}"
        );
    }
}

#[test]
fn a_second_interrupt_ends_what_does_not_listen() {
    let world = World::new();
    let mut running = start(&world, "outputFiles: [none]", STUBBORN);
    running.signal("INT");
    running.wait_for_stderr("cancelling");
    running.signal("INT");
    let finished = running.finish();
    finished.exits(130);
    assert_gone(&world, 3);
}

#[test]
fn after_the_grace_everything_that_descends_from_the_task_is_ended() {
    let world = World::new();
    let started = Instant::now();
    let finished = start(&world, "timeout: PT0.5S", STUBBORN).finish();
    finished.exits(7).says(["timed out after 500ms"]);
    assert_gone(&world, 3);
    assert!(started.elapsed() < Duration::from_secs(20), "{finished}");
}

#[test]
fn tasks_after_an_interrupted_one_do_not_start() {
    let world = World::new();
    let more =
        "  - {id: two, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo never']}\n";
    world.write(
        "flow.yaml",
        format!("{}{more}", shell("echo ready\nexec sleep 300")),
    );
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .start();
    running.wait_for_stdout("ready");
    running.signal("INT");
    running.finish().exits(130).never_prints(["never"]);
}

#[test]
fn what_programs_read_is_whole_under_an_interrupt() {
    let world = World::new();
    world.write(
        "flow.yaml",
        shell("while :; do echo a line; echo another >&2; sleep 0.001; done & sleep 0.1; echo ready >&2; wait"),
    );
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "ndjson"])
        .start();
    running.wait_for_stdout("ready");
    running.signal("INT");
    let finished = running.finish();
    assert_eq!(finished.code(), Some(130), "{}", finished.stderr);
    for line in finished.stdout.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
    assert!(
        finished
            .stdout
            .lines()
            .last()
            .is_some_and(|line| line.contains("\"KILLED\"")),
        "{}",
        finished.stderr
    );

    let world = World::new();
    world.write("flow.yaml", shell("echo ready; exec sleep 300"));
    let mut running = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "json"])
        .start();
    running.wait_for_stderr("one | ready");
    running.signal("INT");
    let finished = running.finish();
    assert_eq!(finished.exits(130).json()["state"], "KILLED");
}

/// The task's own end decides; who holds its pipes is waited for a short time, told, and ended.
#[test]
fn a_daemon_that_holds_the_pipe_does_not_hang_the_run() {
    let world = World::new();
    let finished = start(&world, "outputFiles: [none]", "(setsid sh -c 'echo $$ >> $PIDS; exec sleep 300' &)\nwhile [ ! -s $PIDS ]; do sleep 0.01; done\necho ready").finish();
    finished.exits(0).says(["left running"]);
    assert!(finished.took < Duration::from_secs(20), "{finished}");
    assert_gone(&world, 1);
}

#[test]
fn what_a_finished_task_left_in_the_background_is_ended_and_named() {
    let world = World::new();
    let finished = start(
        &world,
        "outputFiles: [none]",
        "sleep 300 > /dev/null 2>&1 & echo $! >> $PIDS\necho ready",
    )
    .finish();
    finished.exits(0).says(["left running", "sleep"]);
    assert_gone(&world, 1);
}

#[test]
fn a_stopped_task_times_out() {
    let world = World::new();
    let finished = start(
        &world,
        "timeout: PT0.5S",
        "echo $$ >> $PIDS\necho ready\nkill -STOP $$",
    )
    .finish();
    finished.exits(7);
    assert_gone(&world, 1);
}

#[test]
fn tasks_that_misuse_their_place_still_end() {
    for (commands, code) in [
        ("exec >&- 2>&-\nsleep 0.1", 0),
        ("rm -rf \"$PWD\"", 0),
        ("chmod 000 .", 0),
        ("(sleep 0.01 &) ; (exit 0) & true", 0),
    ] {
        let world = World::new();
        world.write("flow.yaml", shell(commands));
        world
            .taffrail(["run", "flow.yaml", "--runner", "process"])
            .exits(code);
        assert_eq!(
            listing(&world.execution()),
            ["log", "record.json"],
            "{commands}"
        );
    }
}

#[test]
fn a_control_group_ends_what_hides_while_an_earlier_task_runs() {
    nothing_hides(["stays", "hides"]);
}

#[test]
fn a_control_group_ends_what_hides_while_a_later_task_runs() {
    nothing_hides(["hides", "stays"]);
}

/// Where the machine has control groups of version 2, nothing can hide from them, neither by an empty environment nor in a session of its own,
/// also while another task runs whose it might be.
fn nothing_hides(order: [&str; 2]) {
    let world = World::new();
    let here = world.here().display().to_string();
    std::fs::create_dir(world.here().join("groups")).unwrap();
    // A group of this test's own, as others make some as well, and in it one of somebody else's, whose name only begins as if it was taffrail's.
    let own = format!("groups/taffrail-test-{}-{}", std::process::id(), order[0]);
    let foreign = format!("{own}/taffrail-of-somebody-else");
    let mount = "mount -t cgroup2 none groups";
    let can = world
        .sh(&format!(
            "exec unshare -m sh -c '{mount} && mkdir {own} && rmdir {own}'"
        ))
        .finish();
    if can.code() != Some(0) {
        // Not by a macro, whose output the test harness keeps to itself.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED a test of control groups: this user may not mount any (`unshare -m`)\n",
        );
        return;
    }
    let task = |id: &str, commands: &str| {
        format!(
            "- {{id: {id}, type: io.kestra.plugin.scripts.shell.Commands, commands: [{commands}]}}"
        )
    };
    let [first, second] = order.map(|id| {
        let commands = match id {
            "stays" => format!("'while [ ! -e {here}/go ]; do sleep 0.02; done'"),
            _ => format!(
                "\"env -i PATH=$PATH setsid sh -c 'echo $$ > {here}/pids; exec sleep 300' >/dev/null 2>&1 & until [ -s {here}/pids ]; do sleep 0.02; done\""
            ),
        };
        task(id, &commands)
    });
    world.write(
        "flow.yaml",
        taffrail_tests::flows::flow(&format!(
            "  - id: both\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n      {first}\n      {second}\n",
        )),
    );
    let running = world
        .sh(&format!(
            "exec unshare -m sh -c '{mount} && mkdir -p {foreign} && echo $$ > {own}/cgroup.procs && exec $TAFFRAIL run flow.yaml --runner process'"
        ))
        .start();
    let begun = Instant::now();
    while pids(&world).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    while lives(pids(&world)[0]) {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "it is left running"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    world.write("go", "");
    let finished = running.finish();
    finished
        .exits(0)
        .says(["ended what the task left running: sleep"]);
    // It can be removed only if nothing is left in it.
    world
        .sh(&format!(
            "exec unshare -m sh -c '{mount} && rmdir {foreign} && rmdir {own}'"
        ))
        .finish()
        .exits(0);
}
