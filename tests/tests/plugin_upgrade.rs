//! Before a plugin changes: what its author's tests say, what an upgrade would change in flows, and what the host's configuration decides.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../guests/mod.rs"]
mod guests;

use guests::{Guest, descriptor};
use taffrail_tests::cli::World;

fn echo(version: &str) -> Vec<u8> {
    Guest::new("echo")
        .descriptor(descriptor("echo", version))
        .build()
}

#[test]
fn an_upgrade_is_seen_before_it_happens() {
    let world = World::new();
    world.write("one.wasm", echo("1.0.0"));
    // Another guest that plans something else, under the name and the type of the first.
    let other = Guest::new("wasi-empty")
        .descriptor(descriptor("echo", "1.1.0"))
        .build();
    world.write("two.wasm", other);
    world.write("same.wasm", echo("1.0.1"));
    world.taffrail(["plugin", "add", "one.wasm"]).exits(0);
    world.write(
        "flows/a.yaml",
        "id: a\nnamespace: test\ntasks:\n  - {id: free, type: test.echo.Run, text: hello}\n  - {id: pinned, type: test.echo.Run, version: 1.0.0, text: hello}\n",
    );
    world.write(
        "flows/b.yaml",
        "id: b\nnamespace: test\ninputs: [{id: who, type: STRING}]\ntasks:\n  - {id: asks, type: test.echo.Run, text: \"{{ inputs.who }}\"}\n",
    );
    world.taffrail(["lock", "flows"]).exits(0);
    world
        .taffrail(["plugin", "update", "two.wasm", "--preview", "flows"])
        .exits(0)
        .prints("flows/a.yaml: task `free`, echo 1.0.0 -> echo 1.1.0\n  argv\n    - echo\n    - {\"text\":\"hello\"}\n    + nothing\n")
        .says(["flows/b.yaml: left out", "2 tasks planned twice, 1 would change"]);
    let report = world
        .taffrail([
            "plugin",
            "update",
            "two.wasm",
            "--preview",
            "flows",
            "--format",
            "json",
        ])
        .exits(0)
        .json();
    assert_eq!(
        report["changes"][0]["changed"],
        serde_json::json!(["plugin", "argv"]),
        "{report:#}"
    );
    // A version that plans the same is no change.
    world
        .taffrail(["plugin", "update", "same.wasm", "--preview", "flows/a.yaml"])
        .exits(0)
        .prints("");
    // Nothing was installed, and the lock is what it was.
    world.taffrail(["lock", "flows", "--check"]).exits(0);
    world
        .taffrail(["plugin", "list"])
        .exits(0)
        .never_prints(["1.1.0"]);
    // What is installed already and would be chosen without the lock is previewed without a name.
    world.taffrail(["plugin", "add", "two.wasm"]).exits(0);
    world
        .taffrail(["plugin", "update", "--preview", "flows/a.yaml"])
        .exits(0)
        .answers(["echo 1.0.0 -> echo 1.1.0"]);
    world.taffrail(["plugin", "update", "two.wasm"]).exits(2);
}

#[test]
fn authors_test_with_tables() {
    let world = World::new();
    world.write("echo.wasm", echo("1.0.0"));
    world.write(
        "cases.yaml",
        "- name: says what it was given\n  task: {type: test.echo.Run, text: hello}\n  plan: {program: {argv: [echo, '{\"text\":\"hello\"}']}}\n",
    );
    let test = |more: &[&str]| {
        world.taffrail([&["plugin", "test", "echo.wasm", "--mutations", "20"], more].concat())
    };
    test(&["--cases", "cases.yaml"]).answers([
        "ok    loads and describes itself",
        "ok    imports are allowed",
        "ok    plans are deterministic",
        "ok    golden case `says what it was given`",
    ]);
    world.write(
        "wrong.yaml",
        "- name: says nothing\n  task: {type: test.echo.Run}\n  plan: {program: {argv: [\"true\"]}}\n",
    );
    test(&["--cases", "wrong.yaml"])
        .exits(3)
        .answers(["FAIL  golden case `says nothing`", "wrong.yaml:1"]);
    world.write("damaged.yaml", "- name: x\n  plan: {}\n");
    test(&["--cases", "damaged.yaml"])
        .exits(3)
        .says(["damaged.yaml:1", "`task`"]);
    test(&["--cases", "nowhere"]).exits(8);
    world.write("text.wasm", "no component");
    world
        .taffrail(["plugin", "test", "text.wasm"])
        .exits(6)
        .says(["it is a text file"]);
}

#[test]
fn the_host_decides_for_all_flows() {
    let world = World::new();
    for version in ["1.0.0", "2.0.0"] {
        world.write(&format!("{version}.wasm"), echo(version));
    }
    world
        .taffrail(["plugin", "add", "1.0.0.wasm", "2.0.0.wasm"])
        .exits(0);
    world.write(
        "flow.yaml",
        "id: flow\nnamespace: test\ntasks:\n  - {id: a, type: test.echo.Run}\n  - {id: b, type: test.echo.Run, version: 2}\n",
    );
    let plugins = |config: &str| -> Vec<String> {
        world.write("config.yaml", config);
        let plan = world
            .taffrail([
                "plan",
                "flow.yaml",
                "-o",
                "json",
                "--runner",
                "process",
                "--config",
                "config.yaml",
            ])
            .exits(0)
            .json();
        let tasks = plan["tasks"].as_array().unwrap();
        tasks
            .iter()
            .map(|task| task["plugin"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(plugins(""), ["echo 2.0.0", "echo 2.0.0"]);
    let defaults = |forced: bool| {
        format!(
            "plugins:\n  defaults:\n    - {{type: test.echo, forced: {forced}, values: {{version: 1}}}}\n"
        )
    };
    assert_eq!(plugins(&defaults(false)), ["echo 1.0.0", "echo 2.0.0"]);
    assert_eq!(plugins(&defaults(true)), ["echo 1.0.0", "echo 1.0.0"]);
    world.write(
        "config.yaml",
        "plugins:\n  defaults:\n    - {type: test.echo, values: {version: 7}}\n",
    );
    world
        .taffrail(["validate", "flow.yaml", "--config", "config.yaml"])
        .exits(6)
        .says([
            "flow.yaml:4:19",
            "pinned to `7`",
            "the host's configuration",
        ]);
    world.write("config.yaml", "plugins:\n  signatures: {required: true}\n");
    world
        .taffrail(["plugin", "add", "1.0.0.wasm", "--config", "config.yaml"])
        .exits(2)
        .says(["no key is trusted"]);
}

#[test]
fn what_is_described_needs_no_engine() {
    let world = World::new();
    world.write("echo.wasm", echo("1.0.0"));
    world.taffrail(["plugin", "add", "echo.wasm"]).exits(0);
    world.write(
        "flow.yaml",
        "id: flow\nnamespace: test\ntasks:\n  - {id: a, type: test.echo.Run}\n",
    );
    for (arguments, starts) in [
        (&["validate", "flow.yaml"][..], false),
        (&["schema"], false),
        (&["plugin", "list"], false),
        (&["lock", "flow.yaml"], false),
        (&["plan", "flow.yaml", "--runner", "process"], true),
    ] {
        let finished = world
            .command(arguments)
            .env("TAFFRAIL_LOG", "taffrail_wasm=debug")
            .finish();
        finished.exits(0);
        assert_eq!(
            finished.stderr.contains("a sandbox starts"),
            starts,
            "{finished}"
        );
    }
}
