//! A reader of the output that neither reads nor goes away: the tasks wait for it, and time limits and signals are heeded all the same.

use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_tests::cli::{Finished, Invocation, Running, World};
use taffrail_tests::flows::flow;

/// Says more and more; says something when it is asked to end, and ends.
const TALKING: &str =
    "trap 'echo closing; exit 7' TERM; i=0; while :; do i=$((i+1)); echo line $i; done";

fn talking(world: &World, keys: &str) {
    let task = json!({ "id": "one", "type": "io.kestra.plugin.scripts.shell.Commands", "commands": [TALKING],
                       "taskRunner": { "type": "io.kestra.plugin.core.runner.Process" } });
    let task = task.to_string();
    let task = format!("- {}{keys}}}", &task[..task.len() - 1]);
    world.write("flow.yaml", flow(&task));
}

/// Waits until the tasks say nothing more, as nobody reads.
fn stuck(world: &World, invocation: Invocation) -> Running {
    let running = invocation.start_unread();
    let begun = Instant::now();
    let mut last = 0;
    loop {
        if begun.elapsed() > Duration::from_secs(120) {
            running.signal("TERM");
            panic!("it never stops: {}", running.finish());
        }
        std::thread::sleep(Duration::from_millis(500));
        let log = std::fs::read_dir(world.state().join("executions"));
        let log = log.into_iter().flatten().flatten().next();
        let size = log.and_then(|folder| folder.path().join("log").metadata().ok());
        let size = size.map_or(0, |log| log.len());
        if size > 8 * 1024 && size == last {
            return running;
        }
        last = size;
    }
}

/// The log has every line from the first to the task's last words; the output has the first of them, each of them whole.
fn is_whole(world: &World, finished: &Finished) {
    let log = world.taffrail(["logs", "@last"]);
    let said: Vec<&str> = log.stdout.lines().collect();
    for (number, line) in said[..said.len() - 1].iter().enumerate() {
        assert_eq!(*line, format!("one | line {}", number + 1));
    }
    assert_eq!(said.last(), Some(&"one | closing"), "{finished}");
    let printed = &finished.stdout;
    assert!(log.stdout.starts_with(printed.as_str()), "{finished}");
    assert!(printed.len() < log.stdout.len(), "{finished}");
}

#[test]
fn a_signal_is_heeded_and_what_could_not_be_written_is_in_the_log() {
    for signals in [&["TERM"][..], &["INT"], &["TERM", "TERM"]] {
        let world = World::new();
        talking(&world, "");
        let running = stuck(&world, world.command(["run", "flow.yaml"]));
        let asked = Instant::now();
        for signal in signals {
            running.signal(signal);
        }
        let finished = running.finish();
        finished.exits(if signals[0] == "INT" { 130 } else { 143 });
        // Well before the grace period is over, as the task ends at once.
        assert!(asked.elapsed() < Duration::from_secs(15), "{finished}");
        finished.says(["cancelling", "nobody read", "taffrail logs"]);
        if signals.len() == 1 {
            is_whole(&world, &finished);
        }
        let open = world.taffrail(["ps", "--open", "--format", "json"]);
        assert_eq!(open.json()["executions"], json!([]), "{finished}");
    }
}

/// The same where the messages go to the same pipe, and where the output is for programs.
#[test]
fn a_signal_is_heeded_where_nothing_at_all_is_read() {
    for line in [
        "exec \"$TAFFRAIL\" run flow.yaml 2>&1",
        "exec \"$TAFFRAIL\" run flow.yaml -o ndjson",
        "exec \"$TAFFRAIL\" run flow.yaml -o json 2>&1",
    ] {
        let world = World::new();
        talking(&world, "");
        let running = stuck(&world, world.sh(line));
        let asked = Instant::now();
        running.signal("TERM");
        let finished = running.finish();
        finished.exits(143);
        assert!(asked.elapsed() < Duration::from_secs(15), "{finished}");
        let log = world.taffrail(["logs", "@last"]);
        assert!(log.stdout.ends_with("one | closing\n"), "{finished}");
    }
}

/// A task's time passes while it waits; what it said is written once somebody reads again, and the host waits for that.
#[test]
fn a_time_limit_holds_and_a_reader_that_comes_back_gets_all() {
    let world = World::new();
    talking(&world, ", timeout: PT3S");
    let mut running = stuck(&world, world.command(["run", "flow.yaml"]));
    running.wait_for_stderr("timed out after");
    running.read();
    let finished = running.finish();
    finished.exits(7).never_prints(["nobody read"]);
    assert_eq!(finished.stdout, world.log(), "{finished}");
}

/// A reader that is only slow gets everything, also when the run is cancelled.
#[test]
fn a_slow_reader_gets_all_of_a_cancelled_run() {
    let world = World::new();
    talking(&world, "");
    let line = "(\"$TAFFRAIL\" run flow.yaml & echo $! >pid; wait $!; echo $? >code) | \
                while head -c 8192 >part && [ -s part ]; do cat part; sleep 0.01; done";
    let mut running = world.sh(line).start();
    running.wait_for_stdout("line 5000");
    let pid = std::fs::read_to_string(world.here().join("pid")).unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", pid.trim()])
        .status();
    assert!(killed.unwrap().success());
    let finished = running.finish();
    let code = std::fs::read_to_string(world.here().join("code")).unwrap();
    assert_eq!(code, "143\n", "{finished}");
    assert_eq!(finished.stdout, world.log(), "{finished}");
}
