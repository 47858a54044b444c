//! Exit codes are a contract: the kind of what happened alone picks one. 130 and 143 are in `supervision`.

use taffrail_tests::cli::World;
use taffrail_tests::flows::{flow, shell};

fn check(arguments: &[&str], code: i32, said: &[&str]) {
    let world = World::new();
    world.write("ok.yaml", shell("true"));
    world.write("fails.yaml", shell("exit 3"));
    world.write(
        "slow.yaml",
        shell("sleep 60").replace("  commands", "  timeout: PT0.2S\n    commands"),
    );
    world.write("wrong.yaml", shell("true").replace("commands", "comands"));
    world.write(
        "missing.yaml",
        flow("- {id: one, type: io.kestra.plugin.scripts.cobol.Script, script: x}"),
    );
    world.write(
        "pinned.yaml",
        shell("true").replace("  commands", "  version: \"7\"\n    commands"),
    );
    world.write(
        "disabled.yaml",
        format!("{}disabled: true\n", shell("true")),
    );
    world.write(
        "refuses.yaml",
        shell("true").replace("  commands", "  timeout: \"{{ 'soon' }}\"\n    commands"),
    );
    world
        .taffrail(arguments)
        .exits(code)
        .says(said.iter().copied());
}

/// What a task around it made good is not what the execution ended by.
#[test]
fn a_failure_that_was_made_good_picks_no_code() {
    let world = World::new();
    let ran = world.run(
        &flow(
            "
            - id: made_good
              type: io.kestra.plugin.core.flow.AllowFailure
              tasks: [{id: bad, type: io.kestra.plugin.core.execution.Fail}]
            - {id: wrong, type: io.kestra.plugin.core.log.Log, message: \"{{ render('{{ nowhere }}') }}\"}
            ",
        ),
        3,
    );
    assert_eq!(ran.task("bad")["state"], "FAILED");
}

#[test]
fn every_kind_of_end_has_its_exit_code() {
    check(&["run", "ok.yaml", "--runner", "process"], 0, &["success"]);
    check(&["--version"], 0, &[]);
    check(&["run", "--help"], 0, &[]);
    check(&[], 2, &["Examples:", "Exit codes:"]);
    check(&["run"], 2, &["<FLOW|->"]);
    check(&["run", "ok.yaml", "--runer", "process"], 2, &["--runner"]);
    check(
        &["run", "ok.yaml", "--runner", "podman"],
        2,
        &["process", "docker"],
    );
    check(&["run", "ok.yaml", "-i", "nonsense"], 2, &["-i name=value"]);
    check(&["validte", "ok.yaml"], 2, &["validate"]);
    check(
        &["run", "wrong.yaml", "--runner", "process"],
        3,
        &["comands", "commands"],
    );
    check(
        &["run", "disabled.yaml", "--runner", "process"],
        3,
        &["disabled"],
    );
    check(
        &["run", "refuses.yaml", "--runner", "process"],
        3,
        &["soon"],
    );
    check(
        &["run", "ok.yaml", "--runner", "process", "-i", "x=1"],
        3,
        &["`x`"],
    );
    check(
        &["run", "fails.yaml", "--runner", "process"],
        4,
        &["exit code 3"],
    );
    check(
        &["run", "missing.yaml", "--runner", "process"],
        6,
        &["io.kestra.plugin.scripts.cobol.Script"],
    );
    check(
        &["run", "pinned.yaml", "--runner", "process"],
        6,
        &["1.0.0"],
    );
    check(
        &["run", "slow.yaml", "--runner", "process"],
        7,
        &["timed out after 200ms"],
    );
    check(&["run", "nowhere.yaml"], 8, &["nowhere.yaml"]);
    check(
        &["run", "ok.yaml", "--secrets-file", "nowhere"],
        8,
        &["nowhere"],
    );
    check(
        &["run", "ok.yaml", "--namespace-files", "nowhere"],
        8,
        &["nowhere"],
    );
    check(&["run", "ok.yaml", "-i", "x=@nowhere"], 8, &["nowhere"]);
    check(&["validate", "nowhere"], 8, &["nowhere"]);
    check(&["plugin", "info", "cobol"], 8, &["cobol"]);
    check(&["schema", "cobol"], 8, &["cobol"]);
    check(&["plan", "ok.yaml", "--task", "two"], 8, &["two"]);
}

#[test]
fn help_lists_every_exit_code_with_its_meaning() {
    let help = World::cold().taffrail(["--help"]).exits(0).stdout.clone();
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130, 143] {
        assert!(
            help.lines()
                .any(|line| line.trim_start().starts_with(&format!("{code}  "))),
            "{code} in:\n{help}"
        );
    }
}

#[test]
fn a_state_folder_that_cannot_be_is_named() {
    let world = World::cold();
    world.write("ok.yaml", shell("true"));
    world.write("file", "");
    let finished = world
        .command([
            "run",
            "ok.yaml",
            "--runner",
            "process",
            "--state-dir",
            "file/state",
        ])
        .finish();
    finished.exits(1).says(["file/state"]);
}

#[test]
fn arguments_that_are_no_text_are_a_wrong_command_line() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"a=\xff");
    let world = World::cold();
    world
        .taffrail(["run".as_ref(), odd])
        .exits(2)
        .says(["UTF-8"]);
    world
        .taffrail(["run".as_ref(), "flow.yaml".as_ref(), "-i".as_ref(), odd])
        .exits(2)
        .says(["UTF-8"]);
}
