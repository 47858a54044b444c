//! `taffrail plan`: what would be started, word for word, and nothing touched.

use serde_json::{Value, json};
use taffrail_tests::cli::{World, listing};
use taffrail_tests::flows::{flow, shell};

#[test]
fn a_plan_touches_nothing() {
    let world = World::cold();
    world.write("_files/n.txt", "n");
    world.write("data.csv", "1");
    world.write(
        "flow.yaml",
        format!(
            "inputs: [{{id: data, type: FILE}}]\n{}",
            shell("cat {{ inputs.data }}; touch ran")
        ),
    );
    let before = listing(world.root());
    world
        .taffrail([
            "plan",
            "flow.yaml",
            "--runner",
            "process",
            "-i",
            "data=@data.csv",
        ])
        .exits(0)
        .answers(["touch ran"]);
    assert_eq!(listing(world.root()), before);
}

#[test]
fn json_has_the_argument_vector_files_and_environment() {
    let world = World::new();
    let text = shell("echo {{ 1 + 1 }}").replace("  commands", "  env: {A: \"{{ 'b' }}\"}\n    inputFiles: {in.txt: text}\n    outputFiles: ['*.csv']\n    commands");
    world.write("flow.yaml", text);
    let finished = world.taffrail(["plan", "flow.yaml", "--runner", "process", "-o", "json"]);
    let plan = finished.exits(0).json();
    let task = &plan["tasks"][0];
    assert_eq!(
        (
            &plan["v"],
            &task["task"],
            &task["runner"],
            &task["env"]["A"]
        ),
        (&json!(1), &json!("one"), &json!("process"), &json!("b"))
    );
    assert_eq!(task["argv"][0], "/bin/sh");
    let files: Vec<&str> = task["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|file| file["contents"].as_str())
        .collect();
    assert!(
        files.contains(&"text") && files.iter().any(|text| text.contains("echo 2")),
        "{finished}"
    );
    assert_eq!(task["outputFiles"], json!(["*.csv"]));
    assert_eq!(finished.stderr, "");
}

/// One for each thing by which files get into the working directory or are wanted from it, and one for tasks that share theirs.
#[test]
fn a_volume_is_planned_where_files_go_through_it() {
    let world = World::new();
    let task = |id: &str, keys: &str| {
        format!(
            "- {{id: {id}, type: io.kestra.plugin.scripts.shell.Commands, commands: [ls]{keys}}}\n"
        )
    };
    // Too long for an argument.
    let long = format!(", beforeCommands: ['echo {}']", "x".repeat(130_000));
    let rows = [
        ("plain", "", false),
        ("env", ", env: {A: b}", false),
        ("long", long.as_str(), true),
        ("in", ", inputFiles: {a: b}", true),
        ("out", ", outputFiles: [a]", true),
        ("names", ", namespaceFiles: {enabled: true}", true),
        ("dir", ", outputDirectory: true", true),
        ("context", ", executionContext: true", true),
    ];
    let mut tasks: String = rows.iter().map(|(id, keys, _)| task(id, keys)).collect();
    tasks.push_str(
        "- id: together\n  type: io.kestra.plugin.core.flow.WorkingDirectory\n  tasks:\n    ",
    );
    tasks.push_str(&task("shared", ""));
    // Its plugin writes the script into a file.
    tasks
        .push_str("- {id: script, type: io.kestra.plugin.scripts.python.Script, script: 'pass'}\n");
    world.write("flow.yaml", flow(&tasks));
    let finished = world.taffrail(["plan", "flow.yaml", "-o", "json"]);
    let plan = finished.exits(0).json();
    let planned = plan["tasks"].as_array().unwrap();
    let others = [("shared", "", true), ("script", "", true)];
    for (id, _, volume) in rows.into_iter().chain(others) {
        let task = planned.iter().find(|task| task["task"] == id).unwrap();
        let found = task["request"]["HostConfig"].get("Mounts").is_some();
        assert_eq!(found, volume, "{id}: {}", task["request"]);
        let line = task["commandLine"].as_str().unwrap();
        assert_eq!(line.contains("--mount"), volume, "{id}: {line}");
    }
}

/// What is planned is what runs: the same words but for the execution's id.
#[test]
fn a_run_starts_what_the_plan_shows() {
    let world = World::new();
    let text = shell("tr '\\0' '\\n' < /proc/$$/cmdline");
    world.write("flow.yaml", &text);
    let plan = world
        .taffrail(["plan", "flow.yaml", "--runner", "process", "-o", "json"])
        .exits(0)
        .json();
    let planned: Vec<String> = plan["tasks"][0]["argv"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let ran = world.run(&text, 0);
    let id = ran.record["id"].as_str().unwrap();
    let started: Vec<String> = ran
        .lines('|')
        .iter()
        .map(|line| line.replace(id, "EXECUTION"))
        .collect();
    assert_eq!(started, planned);
}

#[test]
fn what_only_a_run_knows_is_planned_for_later() {
    let world = World::new();
    world.write(
        "flow.yaml",
        flow(
            "
            - {id: make, type: io.kestra.plugin.scripts.shell.Commands, commands: ['true']}
            - id: use
              type: io.kestra.plugin.scripts.shell.Commands
              env: {N: \"{{ outputs.make.vars.n }}\"}
              commands: [\"cat {{ outputs.make.outputFiles['a.txt'] }}\", 'echo {{ 1 + 1 }}']
            ",
        ),
    );
    let finished = world.taffrail(["plan", "flow.yaml", "--runner", "process"]);
    finished.exits(0).answers([
        "later  env/N",
        "later  commands/0",
        "{{ outputs.make.vars.n }}",
        "echo 2",
    ]);
    let plan = world
        .taffrail(["plan", "flow.yaml", "--runner", "process", "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(
        plan["tasks"][1]["deferred"],
        json!(["/env/N", "/commands/0"])
    );
    let one = world
        .taffrail([
            "plan",
            "flow.yaml",
            "--runner",
            "process",
            "-o",
            "json",
            "--task",
            "use",
        ])
        .exits(0)
        .json();
    assert_eq!(one["tasks"].as_array().unwrap().len(), 1);
    world
        .taffrail(["plan", "flow.yaml", "--task", "usee"])
        .exits(8)
        .says(["did you mean `use`?"]);
}

#[test]
fn a_task_that_cannot_be_planned_does_not_hide_the_others() {
    let world = World::new();
    world.write(
        "flow.yaml",
        flow(
            "
            - {id: bad, type: io.kestra.plugin.scripts.shell.Commands, commands: ['{{ nope }}']}
            - {id: good, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo good']}
            ",
        ),
    );
    world
        .taffrail(["plan", "flow.yaml", "--runner", "process"])
        .exits(3)
        .answers(["echo good"])
        .says(["flow.yaml:4:", "nope"]);
}

#[test]
fn missing_inputs_are_told_like_in_a_run() {
    let world = World::new();
    world.write(
        "flow.yaml",
        format!(
            "inputs: [{{id: a, type: STRING}}, {{id: b, type: INT}}]\n{}",
            shell("echo {{ inputs.a }}")
        ),
    );
    world
        .taffrail(["plan", "flow.yaml"])
        .exits(3)
        .prints("")
        .says(["`a`", "`b`"]);
}
