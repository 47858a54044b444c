//! Flows that call for others in the same folder.

use taffrail_tests::cli::{World, listing};

const CHILD: &str = "id: child\nnamespace: test.flows\ninputs:\n  - {id: name, type: STRING}\n  - {id: data, type: FILE, required: false}\ntasks:\n  - id: greet\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {type: io.kestra.plugin.core.runner.Process}\n    commands: [\"echo hello {{ inputs.name }}\"]\n  - id: end\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {type: io.kestra.plugin.core.runner.Process}\n    commands: [\"exit {{ inputs.name == 'Eve' ? 7 : 0 }}\"]\noutputs:\n  - {id: who, type: STRING, value: \"{{ inputs.name }}\"}\n";

fn parent(calls: &str) -> String {
    format!("id: parent\nnamespace: test.flows\ntasks:\n{calls}")
}

fn call(id: &str, more: &str) -> String {
    format!(
        "  - {{id: {id}, type: io.kestra.plugin.core.flow.Subflow, namespace: test.flows, {more}}}\n"
    )
}

#[test]
fn a_called_flow_has_an_execution_of_its_own_and_hands_its_outputs_over() {
    let world = World::new();
    world.write("below/any-name.yml", CHILD);
    let calls = call("call", "flowId: child, inputs: {name: Ada}")
        + "  - {id: show, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.call.outputs.who }} {{ outputs.call.executionId }}\"}\n";
    world.write("parent.yaml", parent(&calls));
    let finished = world.taffrail(["run", "parent.yaml"]);
    finished.exits(0);
    assert!(
        finished.stdout.contains("call/greet | hello Ada"),
        "{finished}"
    );
    let executions = listing(&world.state().join("executions"));
    let records: Vec<&String> = executions
        .iter()
        .filter(|path| path.ends_with("record.json"))
        .collect();
    assert_eq!(records.len(), 2, "{executions:?}");
    // What the inner tasks said is in the inner log only.
    let logs: Vec<String> = executions
        .iter()
        .filter_map(|path| path.strip_suffix("/log"))
        .map(|id| world.taffrail(["logs", id]).stdout.clone())
        .collect();
    assert_eq!(
        logs.iter().filter(|log| log.contains("hello Ada")).count(),
        1,
        "{logs:?}"
    );
    let lines = world.taffrail(["run", "parent.yaml", "-o", "ndjson"]);
    lines.exits(0);
    let inner: Vec<&str> = lines
        .stdout
        .lines()
        .filter(|line| line.contains("\"inside\":"))
        .collect();
    assert!(
        inner.iter().any(|line| line.contains("hello Ada")),
        "{lines}"
    );
    assert!(inner.iter().all(|line| !line.contains("\"task\":\"show\"")));
}

#[test]
fn the_exit_code_is_that_of_what_failed_inside() {
    let world = World::new();
    world.write("child.yaml", CHILD);
    world.write(
        "parent.yaml",
        parent(&call("call", "flowId: child, inputs: {name: Eve}")),
    );
    let finished = world.taffrail(["run", "parent.yaml"]);
    finished.exits(4);
    assert!(
        finished
            .stderr
            .contains("task `call/end` failed: exit code 7"),
        "{finished}"
    );
    assert!(
        finished.stderr.contains("of `child` ended as FAILED"),
        "{finished}"
    );
}

#[test]
fn what_cannot_be_called_is_told_at_its_place_before_anything_starts() {
    let check = |calls: &str, code: i32, parts: &[&str]| {
        let world = World::new();
        world.write("child.yaml", CHILD);
        world.write(
            "back.yaml",
            format!(
                "id: back\nnamespace: test.flows\ntasks:\n{}",
                call("again", "flowId: parent")
            ),
        );
        world.write("broken.yaml", "id: broken\nnamespace: test.flows\ntasks:\n  - {id: x, type: io.kestra.plugin.core.log.Log}\n");
        world.write("off.yaml", "id: off\nnamespace: test.flows\ndisabled: true\ntasks:\n  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n");
        world.write("asks.yaml", "id: asks\nnamespace: test.flows\ntasks:\n  - {id: x, type: io.kestra.plugin.core.log.Log, message: \"{{ secret('TOKEN') }}\"}\n");
        let before = "  - {id: before, type: io.kestra.plugin.core.log.Log, message: began}\n";
        world.write("parent.yaml", parent(&format!("{before}{calls}")));
        let finished = world.taffrail(["run", "parent.yaml"]);
        finished.exits(code);
        assert!(!finished.stdout.contains("began"), "{finished}");
        for part in parts {
            assert!(finished.stderr.contains(part), "{part}: {finished}");
        }
    };
    check(
        &call("c", "flowId: chidl, inputs: {name: x}"),
        3,
        &[
            "parent.yaml:5:",
            "error[TF0210]",
            "there is no flow `chidl`",
            "did you mean `child`?",
        ],
    );
    check(
        &call("c", "flowId: child, inputs: {nmae: x}"),
        3,
        &[
            "has no input `nmae`",
            "did you mean `name`?",
            "needs the input `name`",
        ],
    );
    check(
        &call("c", "flowId: child, inputs: {name: [a]}"),
        3,
        &["the input `name` of the flow `child`: expected STRING"],
    );
    check(
        &(call("c", "flowId: child, inputs: {name: a}, outputs: {own: x}")
            + "  - {id: show, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.c.outputs.own }} {{ outputs.c.outputs.whos }}\"}\n"),
        3,
        &[
            "parent.yaml:6:",
            "the flow `child` has no output `whos`",
            "did you mean `who`?",
        ],
    );
    check(
        &call("c", "flowId: parent"),
        3,
        &["the flow `parent` would call itself", "parent → parent"],
    );
    check(
        &call("c", "flowId: back"),
        3,
        &[
            "the flow `parent` would call itself",
            "parent → back → parent",
        ],
    );
    check(
        &call("c", "flowId: broken"),
        3,
        &["the flow `broken` has mistakes"],
    );
    check(&call("c", "flowId: off"), 3, &["is disabled"]);
    check(
        &call("c", "flowId: asks"),
        3,
        &["asks.yaml:4:", "the secret `TOKEN` was not given"],
    );
}

#[test]
fn validate_looks_at_calls_within_the_folder() {
    let world = World::new();
    world.write("flows/child.yaml", CHILD);
    let calls = call("good", "flowId: child, inputs: {name: x}") + &call("bad", "flowId: parent");
    world.write("flows/parent.yaml", parent(&calls));
    let finished = world.taffrail(["validate", "flows"]);
    finished.exits(3);
    assert!(
        finished.stderr.contains("would call itself") && finished.stderr.contains("1 invalid"),
        "{finished}"
    );
}
