//! What `taffrail compat` says of a flow.

use taffrail_tests::cli::World;

const FLOW: &str = "id: mixed\nnamespace: test.flows\ntriggers:\n  - {id: daily, type: io.kestra.plugin.core.trigger.Schedule, cron: \"0 0 * * *\"}\ntasks:\n  - id: say\n    type: io.kestra.core.tasks.log.Log\n    message: \"{{ secret('A') | upper }}\"\n    retry: {type: constant, interval: PT1S, maxAttempts: 2}\n  - id: run\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [\"echo {{ now() }}\"]\n    taskRunner: {type: io.kestra.plugin.core.runner.Process}\n  - {id: query, type: io.kestra.plugin.jdbc.postgresql.Query, sql: select 1}\n";

#[test]
fn each_thing_that_a_flow_uses_has_a_verdict() {
    let world = World::new();
    world.write("flow.yaml", FLOW);
    let finished = world.taffrail(["compat", "flow.yaml"]);
    finished.exits(0);
    for line in [
        "1:1 flow key `id`: same",
        "3:1 flow key `triggers`: not run here: nothing starts a flow by itself; run it with `taffrail run`",
        "7:11 type `io.kestra.plugin.core.log.Log`: same",
        "8:18 function `secret`: differs: from `--secrets-file`; masked in all output",
        "8:32 filter `upper`: same",
        "9:5 key `Log.retry`: differs: exponential waits really grow exponentially; holds for tasks that hold other tasks, too",
        "13:24 type `io.kestra.plugin.core.runner.Process`: differs: the host's environment is not inherited; all that a program started is ended with it",
        "14:23 type `io.kestra.plugin.jdbc.postgresql.Query`: not run here: no installed plugin and no task of the host has this type",
    ] {
        assert!(
            finished.stdout.lines().any(|found| found == line),
            "{line}: {finished}"
        );
    }
    let json = world.taffrail(["compat", "flow.yaml", "--format", "json"]);
    json.exits(0);
    let document = json.json();
    let uses = document["uses"].as_array().unwrap();
    assert_eq!(uses.len(), finished.stdout.lines().count() - 1, "{json}");
    let triggers = uses.iter().find(|row| row["name"] == "triggers").unwrap();
    assert_eq!(triggers["verdict"], "not run here");
    assert_eq!(triggers["line"], 3);
    let last = finished.stdout.lines().last().unwrap();
    let count = |verdict: &str| uses.iter().filter(|row| row["verdict"] == verdict).count();
    assert_eq!(
        last,
        format!(
            "{} same, {} differ, {} not run here",
            count("same"),
            count("differs"),
            count("not run here")
        )
    );
}

/// A default names a type or the beginning of several, and its values are keys of that type.
#[test]
fn defaults_are_of_types_and_of_beginnings_of_types() {
    let world = World::new();
    world.write(
        "flow.yaml",
        "id: flow\nnamespace: test.flows\npluginDefaults:\n  - type: io.kestra.plugin.scripts\n    values: {taskRunner: {type: io.kestra.plugin.core.runner.Process}}\n  \
         - {type: io.kestra.plugin.core.log.Log, values: {level: WARN}}\n  - {type: io.kestra.plugin.nowhere, values: {a: b}}\ntasks:\n  - {id: l, type: io.kestra.plugin.core.log.Log, message: x}\n",
    );
    let finished = world.taffrail(["compat", "flow.yaml"]);
    finished.exits(0);
    for line in [
        "4:11 type `io.kestra.plugin.scripts`: same",
        "5:33 type `io.kestra.plugin.core.runner.Process`: differs: the host's environment is not inherited; all that a program started is ended with it",
        "6:12 type `io.kestra.plugin.core.log.Log`: same",
        "6:52 key `Log.level`: same",
        "7:12 type `io.kestra.plugin.nowhere`: not run here: no installed plugin and no task of the host has this type",
    ] {
        assert!(
            finished.stdout.lines().any(|found| found == line),
            "{line}: {finished}"
        );
    }
}
