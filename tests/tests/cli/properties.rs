//! The properties that every script task shares: how the command line and the environment of the program come about.

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::flows::{flow, shell};

/// Runs one task with these properties (YAML, from the first column) and gives what it printed on standard output.
fn check(properties: &str, code: i32, printed: &[&str]) {
    let indented: String = properties
        .trim_matches('\n')
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    let ran = World::new().run(&flow(&format!("- id: one\n{indented}")), code);
    assert_eq!(ran.lines('|'), printed, "{properties}\n{}", ran.finished);
}

#[test]
fn commands_share_one_shell_with_what_runs_before_them() {
    check(
        "
type: io.kestra.plugin.scripts.shell.Commands
beforeCommands: ['cd /', 'X=5', 'echo before']
commands: ['pwd', 'echo $X']
",
        0,
        &["before", "/", "5"],
    );
    check(
        "
type: io.kestra.plugin.scripts.python.Script
beforeCommands: ['export X=5']
script: |
  import os
  print(os.environ['X'])
",
        0,
        &["5"],
    );
}

#[test]
fn the_first_failure_ends_the_commands_unless_told_otherwise() {
    let commands = "commands: ['echo a', 'no-such-command-here', 'echo b']";
    let shell = "type: io.kestra.plugin.scripts.shell.Commands";
    check(&format!("{shell}\n{commands}"), 4, &["a"]);
    check(
        &format!("{shell}\n{commands}\nfailFast: false"),
        0,
        &["a", "b"],
    );
    check(
        &format!("{shell}\n{commands}\nfailFast: \"{{{{ 1 > 2 }}}}\""),
        0,
        &["a", "b"],
    );
    check(
        &format!("{shell}\ncommands: ['true']\nbeforeCommands: ['false', 'echo never']"),
        4,
        &[],
    );
    let ran = World::new().run(&shell_exit(), 4);
    assert_eq!(
        ran.task("one")["exit"],
        json!({ "code": 127 }),
        "{}",
        ran.finished
    );
}

fn shell_exit() -> String {
    shell("no-such-command-here\necho b")
}

#[test]
fn the_interpreter_is_the_authors_choice() {
    check(
        "
type: io.kestra.plugin.scripts.shell.Commands
interpreter: [/bin/bash, -c]
commands: ['a=(x y z)', 'echo ${a[1]} ${BASH_VERSION:+bash}']
",
        0,
        &["y bash"],
    );
    check(
        "
type: io.kestra.plugin.scripts.shell.Commands
interpreter: [python3, -c]
failFast: false
commands: ['print(1 + 1)']
",
        0,
        &["2"],
    );
    // Without an interpreter the commands are the argument vector itself, and nobody expands anything.
    check(
        "
type: io.kestra.plugin.scripts.shell.Commands
interpreter: []
commands: [printf, '%s\\n', '$HOME; *']
",
        0,
        &["$HOME; *"],
    );
}

#[test]
fn a_script_may_hold_anything_that_a_file_may() {
    check(
        r#"
type: io.kestra.plugin.scripts.shell.Script
script: |
  #!/bin/nothing
  cat <<'END'
  it's "quoted" $HOME \n ünïcödé
  END
  echo "$0" | grep -c sh
"#,
        0,
        &["it's \"quoted\" $HOME \\n ünïcödé", "1"],
    );
    check(
        "type: io.kestra.plugin.scripts.shell.Script\nscript: ''",
        0,
        &[],
    );
    check(
        "type: io.kestra.plugin.scripts.python.Commands\ncommands: ['python3 -c \"print(7)\"']",
        0,
        &["7"],
    );
    check(
        "type: io.kestra.plugin.scripts.python.Script\nscript: 'print(true, false, null)'",
        0,
        &["True False None"],
    );
}

#[test]
fn the_environment_is_the_flows_and_little_else() {
    let world = World::new();
    let text = flow(
        r#"
        - id: one
          type: io.kestra.plugin.scripts.shell.Commands
          env: {FROM_FLOW: "{{ 1 + 1 }}", EMPTY: "", WORKING_DIR: lie}
          commands:
            - echo "$FROM_FLOW [$EMPTY] [${FROM_HOST-unset}] [${TAFFRAIL_STATE_DIR-unset}]"
            - test "$WORKING_DIR" = "$PWD" && echo here
            - test "{{ workingDir }}" = "$PWD" && echo rendered
            - env | grep -c '^OUTPUT' || true
        "#,
    );
    world.write("flow.yaml", text);
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process"])
        .env("FROM_HOST", "secret of the host")
        .finish();
    finished
        .exits(0)
        .prints("one | 2 [] [unset] [unset]\none | here\none | rendered\none | 0\n");
    check(
        "
type: io.kestra.plugin.scripts.shell.Commands
env: \"{{ {'A': 'x', 'B': 'y'} }}\"
commands: ['echo $A$B']
",
        0,
        &["xy"],
    );
}

#[test]
fn all_of_the_output_directory_is_output() {
    let text = flow(
        "
        - id: one
          type: io.kestra.plugin.scripts.shell.Commands
          outputDirectory: true
          commands:
            - test \"$OUTPUT_DIR\" = '{{ outputDir }}' && echo same
            - mkdir -p '{{ outputDir }}/nested'
            - echo 1 > $OUTPUT_DIR/file.txt
            - echo 2 > {{ outputDir }}/nested/file.txt
        - id: two
          type: io.kestra.plugin.scripts.shell.Commands
          commands: [\"cat {{ outputs.one.outputFiles['nested/file.txt'] }}\"]
        ",
    );
    let ran = World::new().run(&text, 0);
    assert_eq!(ran.lines('|'), ["same", "2"]);
    assert_eq!(ran.files("one"), ["file.txt", "nested/file.txt"]);
}

#[test]
fn lines_end_as_the_target_system_wants() {
    let text = shell("echo a").replace(
        "  commands",
        "  targetOS: WINDOWS\n    interpreter: [printf, '%s']\n    failFast: false\n    commands",
    );
    let text = text.replace("\"echo a\"", "\"a\"\n      - \"b\"");
    let ran = World::new().run(&text, 0);
    let log = ran
        .finished
        .stderr
        .lines()
        .filter(|line| line.contains(" | "))
        .count();
    assert_eq!(log, 2, "{}", ran.finished);
    assert!(ran.finished.stderr.contains("a\r\n"), "{}", ran.finished);
}

#[test]
fn the_option_beats_the_runner_of_the_flow() {
    let docker = "{type: io.kestra.plugin.scripts.runner.docker.Docker, pullPolicy: ALWAYS, memory: {memory: 64M}}";
    for keys in [
        format!("taskRunner: {docker}"),
        "runner: DOCKER".to_owned(),
        "docker: {image: debian}".to_owned(),
        "containerImage: debian".to_owned(),
    ] {
        let text = shell("echo ran").replace("  commands", &format!("  {keys}\n    commands"));
        let ran = World::new().run(&text, 0);
        assert_eq!(
            (ran.lines('|'), &ran.task("one")["runner"]),
            (vec!["ran"], &json!("process")),
            "{keys}"
        );
        let world = World::new();
        world.write("flow.yaml", &text);
        world
            .taffrail(["run", "flow.yaml"])
            .exits(5)
            .prints("")
            .says([
                "no container engine answers",
                "/nowhere/docker.sock",
                "--runner process",
            ]);
    }
    for keys in [
        "taskRunner: {type: io.kestra.plugin.core.runner.Process}",
        "runner: PROCESS",
    ] {
        let world = World::new();
        world.write(
            "flow.yaml",
            shell("echo ran").replace("  commands", &format!("  {keys}\n    commands")),
        );
        world
            .taffrail(["run", "flow.yaml"])
            .exits(0)
            .prints("one | ran\n");
        world
            .taffrail(["run", "flow.yaml", "--runner", "docker"])
            .exits(5)
            .prints("");
    }
}

#[test]
fn standard_input_is_empty() {
    check(
        "type: io.kestra.plugin.scripts.shell.Commands\ncommands: ['cat', 'echo end']",
        0,
        &["end"],
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let world = World::new();
    let ran = world.run(
        &shell("x").replace(
            "  commands",
            "  interpreter: [/no/such/program, -c]\n    commands",
        ),
        4,
    );
    assert_eq!(ran.task("one")["failure"]["kind"], "start");
    ran.finished.says(["/no/such/program"]);
}

#[test]
fn a_large_script_and_a_large_argument_go_through() {
    let text = format!("{}\n", "x".repeat(3000));
    let script: String = (0..1000)
        .map(|number| format!("        : {number} {text}"))
        .collect();
    let flow = format!(
        "id: flow\nnamespace: test\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n{script}        echo done\n"
    );
    let ran = World::new().run(&flow, 0);
    assert_eq!(ran.lines('|'), ["done"]);
    let large = shell("echo \"${LARGE}\"").replace(
        "  commands",
        &format!("  env: {{LARGE: {}}}\n    commands", "y".repeat(200_000)),
    );
    let world = World::new();
    world.write("flow.yaml", large);
    world
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(4)
        .says(["LARGE"]);
}
