//! Hosts that are killed at random times, several times in a row, in a loop: each execution that was acknowledged ends as an undisturbed one,
//! with every effect once and every line once, and nothing is left.

use std::time::Duration;

use serde_json::json;
use taffrail_tests::cli::{World, listing};
use taffrail_tests::flows::flow;
use taffrail_tests::numbers::Numbers;

/// How many executions are disturbed.
const ROUNDS: u64 = 240;

/// So many are disturbed at once.
const AT_ONCE: u64 = 3;

/// A time between a millisecond and 600 of them, short ones as likely as long ones.
fn time(numbers: &mut Numbers) -> Duration {
    let part = u32::try_from(numbers.below(1_000)).unwrap();
    Duration::from_secs_f64(0.001 * 600_f64.powf(f64::from(part) / 1_000.0))
}

/// Tasks in a row, beside each other and in a shared directory, which say and do things, give things to one another, and leave processes.
fn world() -> World {
    let world = World::new();
    let here = world.here();
    let task = |id: &str, more: &str| {
        format!(
            "- {{id: {id}, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo {id} >> {here}/effects', 'for i in 1 2 3; do echo {id} $i; sleep 0.01; done', {more}]}}",
            here = here.display()
        )
    };
    let vars =
        |id: &str| format!("'echo \"::{{\\\"outputs\\\":{{\\\"n\\\":\\\"of {id}\\\"}}}}::\"'");
    world.write(
        "flow.yaml",
        flow(&format!(
            "  {}\n  - id: beside\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n      {}\n      {}\n  - id: together\n    type: io.kestra.plugin.core.flow.WorkingDirectory\n    outputFiles: [made]\n    tasks:\n      {}\n      {}\n  - id: last\n    type: io.kestra.plugin.core.log.Log\n    message: \"{{{{ outputs.a.vars.n }}}}, {{{{ outputs.b.vars.n }}}}, {{{{ read(outputs.together.outputFiles.made) }}}}\"\n",
            task("a", &vars("a")),
            task("b", &vars("b")),
            task("c", "sleep 60 & sleep 0.02"),
            task("d", "echo first > made"),
            task("e", "echo second >> made"),
        )),
    );
    world
}

/// Kills a host after a while; says whether it was still there.
fn disturb(world: &World, arguments: &[&str], after: Duration) -> bool {
    let running = world.command(arguments.iter().copied()).start();
    std::thread::sleep(after);
    running.signal("KILL");
    running.finish().code().is_none()
}

fn round(number: u64) {
    let mut numbers = Numbers::new(number);
    let world = world();
    let run = ["run", "flow.yaml", "--runner", "process"];
    let mut killed = disturb(&world, &run, time(&mut numbers));
    let story = format!("round {number}");
    let executions = || {
        let listed = world.taffrail(["ps", "--format", "json"]).exits(0).json();
        listed["executions"].as_array().unwrap().clone()
    };
    if executions().is_empty() {
        // It was never acknowledged, and has done nothing.
        assert!(killed, "{story}");
        assert!(!world.here().join("effects").exists(), "{story}");
        return;
    }
    for _ in 0..numbers.below(3) {
        if executions()[0]["state"] == "INTERRUPTED" {
            killed = disturb(&world, &["resume", "@last"], time(&mut numbers));
        }
    }
    if executions()[0]["state"] == "INTERRUPTED" {
        assert!(killed, "{story}");
        world.taffrail(["resume", "@last"]).exits(0);
    }
    let shown = world.taffrail(["show", "@last", "--format", "json"]).json();
    assert_eq!(shown["execution"]["state"], "SUCCESS", "{story}: {shown:#}");
    let effects = std::fs::read_to_string(world.here().join("effects")).unwrap();
    let mut effects: Vec<&str> = effects.lines().collect();
    effects.sort_unstable();
    assert_eq!(effects, ["a", "b", "c", "d", "e"], "{story}");
    let log = world.taffrail(["logs", "@last"]).exits(0).stdout.clone();
    for task in effects {
        let said: Vec<&str> = log
            .lines()
            .filter_map(|line| line.split_once(" | "))
            .filter(|(who, _)| who.trim() == task)
            .map(|(_, said)| said)
            .collect();
        let expected: Vec<String> = (1..=3).map(|line| format!("{task} {line}")).collect();
        assert_eq!(said, expected, "{story}: {log}");
    }
    let last = log.matches("of a, of b, first").count();
    assert_eq!(last, 1, "{story}: {log}");
    for name in listing(&world.state().join("executions")) {
        assert!(!name.contains("/work/"), "{story}: {name} is left");
        assert!(!name.ends_with("/lock"), "{story}: {name} is left");
    }
    let open = world.taffrail(["ps", "--open", "--format", "json"]);
    assert_eq!(open.exits(0).json()["executions"], json!([]), "{story}");
}

#[test]
fn hosts_that_are_killed_at_any_time_lose_nothing_and_do_nothing_twice() {
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            scope.spawn(move || {
                let mut number = first;
                while number < ROUNDS {
                    round(number);
                    number += AT_ONCE;
                }
            });
        }
    });
}
