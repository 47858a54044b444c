//! The forms in which `validate` reports, what it corrects, and the pages of codes, by the real program.

use serde_json::Value;
use taffrail_tests::cli::World;

const FLOW: &str = "id: a\nnamespace: b\ninputs:\n  - id: name\n    type: STRING\n    defaults: x\ntasks:\n  - id: one # keep\n    type: io.kestra.plugin.scripts.shell.Commands\n    runner: PROCESS\n    commands:\n      - echo {{ inputs.name }}\n      - echo \"{{ secret('TOKEN') }}\"\n";

const FIXED: &str = "id: a\nnamespace: b\ninputs:\n  - id: name\n    type: STRING\n    defaults: x\ntasks:\n  - id: one # keep\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    env:\n      INPUT_NAME: \"{{ inputs.name }}\"\n    commands:\n      - echo \"$INPUT_NAME\"\n      - echo \"{{ secret('TOKEN') }}\"\n";

#[test]
fn fix_writes_what_diff_shows() {
    let world = World::cold();
    world.write("flow.yaml", FLOW);
    let shown = world.taffrail(["validate", "--diff", "flow.yaml"]);
    shown.exits(3).says(["would correct 2 mistakes in 1 file"]);
    let expected = "--- a/flow.yaml\n+++ b/flow.yaml\n@@ -7,7 +7,10 @@\n tasks:\n   - id: one # keep\n     type: io.kestra.plugin.scripts.shell.Commands\n-    runner: PROCESS\n+    taskRunner:\n+      type: io.kestra.plugin.core.runner.Process\n+    env:\n+      INPUT_NAME: \"{{ inputs.name }}\"\n     commands:\n-      - echo {{ inputs.name }}\n+      - echo \"$INPUT_NAME\"\n       - echo \"{{ secret('TOKEN') }}\"\n";
    assert_eq!(shown.stdout, expected);
    let read = || std::fs::read_to_string(world.here().join("flow.yaml")).unwrap();
    assert_eq!(read(), FLOW, "only shown");
    world
        .taffrail(["validate", "--fix", "flow.yaml"])
        .exits(0)
        .says(["corrected 2 mistakes in 1 file", "all valid"]);
    assert_eq!(read(), FIXED);
    world
        .taffrail(["validate", "--diff", "flow.yaml"])
        .exits(0)
        .prints("");
    // The corrected flow does the same, and safely.
    world.write("secrets", "TOKEN=long-enough\n");
    let run = world.taffrail([
        "run",
        "flow.yaml",
        "-i",
        "name=a  b $(exit 1)",
        "--secrets-file",
        "secrets",
        "-q",
    ]);
    run.exits(0);
    assert!(
        run.stdout.contains("one | a  b $(exit 1)\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn programs_get_the_form_that_they_read() {
    let world = World::cold();
    world.write("flow.yaml", FLOW);
    let github = world.taffrail(["validate", "--format", "github", "flow.yaml"]);
    github.exits(0);
    let lines: Vec<&str> = github.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", github.stdout);
    assert!(
        lines[0].starts_with(
            "::warning file=flow.yaml,line=10,col=5,endLine=10,endColumn=11,title=TF0105::"
        ),
        "{}",
        lines[0]
    );
    let sarif: Value = world
        .taffrail(["validate", "--format", "sarif", "flow.yaml"])
        .exits(0)
        .json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let codes: Vec<&str> = results
        .iter()
        .map(|result| result["ruleId"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["TF0105", "TF0801"]);
    assert!(
        results.iter().all(|result| result["fixes"].is_array()),
        "{sarif:#}"
    );
    // Denied warnings are errors; without any there is nothing to deny.
    world
        .taffrail(["validate", "--deny", "warnings", "flow.yaml"])
        .exits(3);
    world.write("flow.yaml", FIXED);
    world
        .taffrail(["validate", "--deny", "warnings", "flow.yaml"])
        .exits(0);
    world
        .taffrail(["validate", "--deny", "warnings", "--strict", "flow.yaml"])
        .exits(3)
        .says(["TF0803", "plugin `shell` is not pinned"]);
}

#[test]
fn secrets_are_held_against_a_file() {
    let world = World::cold();
    world.write("flow.yaml", FIXED);
    world.write("secrets", "TOKN=a-long-value\nOTHER=another-value\n");
    let told = world.taffrail(["validate", "--secrets-file", "secrets", "flow.yaml"]);
    told.exits(3).says([
        "error[TF0552]: the secret `TOKEN` was not given",
        "did you mean `TOKN`?",
        "note[TF0553]: no flow names the secret `OTHER`",
    ]);
    assert!(!told.stderr.contains("a-long-value"), "{}", told.stderr);
    world.write("secrets", "TOKEN=a-long-value\n");
    world
        .taffrail(["validate", "--secrets-file", "secrets", "flow.yaml"])
        .exits(0);
}

#[test]
fn every_code_that_is_told_can_be_explained() {
    let world = World::cold();
    let list = world.taffrail(["explain"]);
    list.exits(0);
    assert!(list.stdout.lines().count() > 25, "{}", list.stdout);
    for line in list.stdout.lines() {
        let (code, title) = line.split_once("  ").unwrap();
        let page = world.taffrail(["explain", code]);
        page.exits(0);
        assert!(
            page.stdout.starts_with(&format!("# {code}: {title}\n\n")),
            "{}",
            page.stdout
        );
    }
    world
        .taffrail(["explain", "TF9999"])
        .exits(8)
        .says(["there is no code `TF9999`", "hint"]);
}
