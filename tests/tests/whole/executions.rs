//! Several executions of one flow on this machine: their number is limited, a failed one is made anew.

use std::path::Path;
use std::time::{Duration, Instant};

use taffrail_tests::cli::{World, listing};

fn limited(behavior: &str) -> String {
    format!(
        "id: limited\nnamespace: test.flows\nconcurrency: {{limit: 1, behavior: {behavior}}}\ntasks:\n  - id: hold\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}\n    commands: [\"echo began\", \"while test ! -e {{{{ inputs.until }}}}; do sleep 0.05; done\"]\ninputs:\n  - {{id: until, type: STRING}}\n"
    )
}

/// Whether a process runs a script below this folder.
fn running(folder: &Path) -> bool {
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(folder))
}

#[test]
fn other_processes_wait_fail_or_are_cancelled_where_a_flow_is_limited() {
    let world = World::new();
    for (behavior, code) in [("FAIL", 4), ("CANCEL", 130), ("QUEUE", 0)] {
        let done = world.here().join(format!("done-{behavior}"));
        world.write("flow.yaml", limited(behavior));
        let until = format!("until={}", done.display());
        let arguments = ["run", "flow.yaml", "-i", &until];
        let mut first = world.command(arguments).start();
        first.wait_for_stdout("began");
        let mut second = world.command(arguments).start();
        if code == 0 {
            second.wait_for_stderr("limited: waits, as 1 of its executions run already");
            std::fs::write(&done, "").unwrap();
        }
        let second = second.finish();
        second.exits(code);
        assert_eq!(second.stdout.contains("began"), code == 0, "{second}");
        std::fs::write(&done, "").unwrap();
        first.finish().exits(0);
    }
    // One that was killed holds nobody up.
    let left = world.here().join("left");
    let until = format!("until={}", left.display());
    let mut first = world.command(["run", "flow.yaml", "-i", &until]).start();
    first.wait_for_stdout("began");
    first.signal("KILL");
    first.finish();
    let done = format!("until={}", world.here().join("done-QUEUE").display());
    let began = Instant::now();
    world.taffrail(["run", "flow.yaml", "-i", &done]).exits(0);
    assert!(began.elapsed() < Duration::from_secs(60));
    // The task outlives its host, and looks for this file; only once it has ended may its folder go.
    std::fs::write(&left, "").unwrap();
    let works = world.state().join("executions");
    while running(&works) {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_new_execution_follows_a_failed_one() {
    let world = World::new();
    let counter = world.here().join("count");
    world.write(
        "flow.yaml",
        format!(
            "id: shaky\nnamespace: test.flows\nretry: {{type: constant, interval: PT0.01S, maxAttempts: 5, behavior: CREATE_NEW_EXECUTION}}\ntasks:\n  - id: third\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}\n    commands: [\"echo x >> {0}\", \"test $(wc -l < {0}) = 3\"]\n",
            counter.display()
        ),
    );
    let finished = world.taffrail(["run", "flow.yaml", "-o", "json"]);
    finished.exits(0);
    let record = finished.json();
    assert_eq!(record["attempt"], 3, "{finished}");
    assert!(record["originalId"].is_string(), "{finished}");
    assert!(
        finished
            .stderr
            .contains("shaky: execution 2 failed; a new one in"),
        "{finished}"
    );
    let records = listing(&world.state().join("executions"));
    let count = records
        .iter()
        .filter(|path| path.ends_with("record.json"))
        .count();
    assert_eq!(count, 3, "{records:?}");
}

#[test]
fn outputs_of_an_earlier_run_stand_for_a_later_one() {
    let world = World::new();
    let flow = "id: cached\nnamespace: test.flows\ninputs: [{id: n, type: INT}]\ntasks:\n  - id: work\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskCache: {enabled: true, ttl: PT1H}\n    outputFiles: [made.txt]\n    commands: [\"echo working\", \"echo {{ inputs.n }} > {{ workingDir }}/made.txt\", \"echo '::{\\\"outputs\\\":{\\\"n\\\":{{ inputs.n }}}}::'\"]\n  - {id: show, type: io.kestra.plugin.core.log.Log, message: \"{{ read(outputs.work.outputFiles['made.txt']) }}{{ outputs.work.vars.n }}\"}\n";
    for (number, works) in [("1", true), ("1", false), ("2", true)] {
        let given = format!("n={number}");
        let ran = world.run_with(flow, &["-i", &given], 0);
        assert_eq!(ran.finished.stderr.contains("| working"), works, "{number}");
        assert_eq!(ran.task("work")["cached"] == true, !works, "{number}");
        assert_eq!(ran.vars("work")["n"].to_string(), number);
        assert!(
            ran.finished.stderr.contains(&format!("INFO {number}")),
            "{}",
            ran.finished
        );
    }
}
