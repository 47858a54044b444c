//! `taffrail validate`.

use taffrail_tests::cli::World;
use taffrail_tests::flows::{flow, shell};

fn world() -> World {
    let world = World::cold();
    world.write("flows/good.yaml", shell("true"));
    world.write(
        "flows/deep/bad.yml",
        shell("true").replace("commands", "comands"),
    );
    world.write("flows/.hidden/worse.yaml", "id: [");
    world.write("flows/readme.md", "no flow");
    world
}

#[test]
fn files_folders_and_standard_input() {
    let world = world();
    world
        .taffrail(["validate", "flows/good.yaml"])
        .exits(0)
        .prints("")
        .says(["1 file checked, all valid"]);
    world
        .taffrail(["validate", "--quiet", "flows/good.yaml"])
        .exits(0)
        .prints("");
    world
        .taffrail(["validate", "flows"])
        .exits(3)
        .prints("")
        .says(["flows/deep/bad.yml:", "2 files checked, 1 invalid"]);
    world
        .taffrail(["validate", "flows/good.yaml", "flows/deep"])
        .exits(3)
        .says(["2 files checked, 1 invalid"]);
    // What cannot be read is one finding among the others.
    world.write("flows/deep/latin.yaml", b"id: a\n# \xe9\n".as_slice());
    world.taffrail(["validate", "flows"]).exits(3).says([
        "flows/deep/bad.yml:",
        "flows/deep/latin.yaml:2: the file is not UTF-8 text",
        "3 files checked, 2 invalid",
    ]);
    world
        .command(["validate", "-"])
        .stdin(shell("true"))
        .finish()
        .exits(0)
        .says(["1 file checked"]);
    world
        .command(["validate", "-"])
        .stdin("id: [")
        .finish()
        .exits(3)
        .says(["<stdin>:1:"]);
    assert!(
        !world.state().exists() && !world.root().join("cache").exists(),
        "validating makes nothing"
    );
}

#[test]
fn json_is_one_document_with_places() {
    let world = world();
    let finished = world.taffrail(["validate", "flows", "--format", "json"]);
    let report = finished.exits(3).json();
    assert_eq!(
        (&report["v"], &report["files"], &report["invalid"]),
        (&1.into(), &2.into(), &1.into())
    );
    let found = report["diagnostics"].as_array().unwrap();
    assert!(!found.is_empty(), "{finished}");
    for diagnostic in found {
        assert!(
            diagnostic["code"].as_str().unwrap().starts_with("TF"),
            "{finished}"
        );
        assert!(
            diagnostic.to_string().contains("flows/deep/bad.yml"),
            "{finished}"
        );
    }
    assert_eq!(finished.stderr, "");
}

#[test]
fn missing_plugins_alone_have_an_exit_code_of_their_own() {
    let world = World::cold();
    let unknown = flow("- {id: one, type: io.kestra.plugin.scripts.cobol.Script, script: x}");
    world.write("unknown.yaml", &unknown);
    world
        .taffrail(["validate", "unknown.yaml"])
        .exits(6)
        .says(["io.kestra.plugin.scripts.cobol.Script"]);
    world.write("both.yaml", unknown.replace("id: flow", "id: 'no good'"));
    world.taffrail(["validate", "both.yaml"]).exits(3);
    world.write(
        "near.yaml",
        shell("true").replace("shell.Commands", "shell.Comands"),
    );
    world
        .taffrail(["validate", "near.yaml"])
        .exits(6)
        .says(["io.kestra.plugin.scripts.shell.Commands"]);
}

#[test]
fn all_mistakes_of_a_file_are_told_in_order() {
    let world = World::cold();
    world.write(
        "flow.yaml",
        "id: 5 5\nnamespace: test\ntasks:\n  - id: a\n    type: io.kestra.plugin.scripts.shell.Commands\n    comands: [x]\n    timeout: soon\n  - id: a\n    type: io.kestra.plugin.scripts.python.Script\n    script: 5\n    allowFailure: 3\n",
    );
    let finished = world.taffrail(["validate", "flow.yaml"]);
    finished.exits(3).says([
        "flow.yaml:1:5",
        "flow.yaml:6:5",
        "did you mean `commands`?",
        "flow.yaml:7:",
        "flow.yaml:8:",
        "flow.yaml:11:",
    ]);
    let lines: Vec<u32> = finished
        .stderr
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .strip_prefix("--> flow.yaml:")?
                .split(':')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    assert!(lines.is_sorted(), "{lines:?}: {finished}");
}

#[test]
fn broken_expressions_are_found_without_running() {
    let world = World::cold();
    world.write("flow.yaml", shell("echo {{ 1 + }}\necho {{ 'a' | uper }}"));
    world.taffrail(["validate", "flow.yaml"]).exits(3).says([
        "flow.yaml:7:",
        "flow.yaml:8:",
        "uper",
        "upper",
    ]);
}

/// What nothing can run is told as such, at its place, and not as a typing mistake.
#[test]
fn what_is_not_there_says_so() {
    let world = World::cold();
    let tasks = "
        - {id: count, type: io.kestra.plugin.core.execution.Count}
        - id: each
          type: io.kestra.plugin.core.flow.ForEach
          values: [1]
          tasks: [{id: in, type: io.kestra.plugin.scripts.shell.Commands, commands: ['true'], pluginDefaultsRef: x}]
        - id: near
          type: io.kestra.plugin.scripts.shell.Commands
          taskRunner: {type: io.kestra.plugin.core.runner.Proces}
          commands: ['true']
    ";
    world.write("flow.yaml", flow(tasks));
    let finished = world.taffrail(["validate", "flow.yaml"]);
    finished.exits(3).says([
        "flow.yaml:4:",
        "core.execution.Count",
        "works on a server",
        "flow.yaml:8:",
        "no entry of `pluginDefaults` has the `ref` `x`",
        "flow.yaml:11:",
        "did you mean `io.kestra.plugin.core.runner.Process`?",
    ]);
}

/// What the tasks of the host hand out is known, so that a slip is told before anything starts; in a loop it stands below a value.
#[test]
fn outputs_that_tasks_of_the_host_never_have_are_told() {
    let world = World::new();
    world.write(
        "flow.yaml",
        "id: x\nnamespace: company.team\ninputs: [{id: e, type: ENUM, values: [a], defaults: a}]\ntasks:\n  - {id: r, type: io.kestra.plugin.core.debug.Return, format: a}\n  - {id: l, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.r.valeu }}\"}\n  - {id: m, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.l.value }} {{ outputs.r.value }} {{ outputs.r.none ?? 'd' }}\"}\n",
    );
    let finished = world.taffrail(["validate", "flow.yaml"]);
    finished.exits(3).says([
        "TF0209",
        "flow.yaml:6:73",
        "task `r` has no output `valeu`",
        "did you mean `value`?",
        "flow.yaml:7:73",
        "tasks of its type hand out nothing",
        "`ENUM` is an old name",
        "write `SELECT`",
    ]);
    assert_eq!(finished.stderr.matches("TF0209").count(), 2, "{finished}");
}
