//! The hooks that this repository offers, run by pre-commit itself as its authors publish it.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use taffrail_tests::cli::{World, program};
use taffrail_tests::python::environment;

const GOOD: &str = "id: a\nnamespace: b.c\ntasks:\n  - id: x\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - echo hello\n";

/// A repository in which everything is committed.
fn commit_all(folder: &Path) {
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "commit",
            "--quiet",
            "--no-verify",
            "-m",
            "all",
        ],
    ] {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(arguments);
        assert!(git.status().unwrap().success(), "{git:?}");
    }
}

#[test]
fn the_hooks_check_and_correct_flows() {
    let bin = match environment("pre-commit", &["pre-commit"]) {
        Ok(bin) => bin,
        Err(reason) => {
            // Not by a macro, whose output the test harness keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED the_hooks_check_and_correct_flows: pre-commit cannot be installed: {reason}"
            );
            return;
        }
    };
    let world = World::new();
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.pre-commit-hooks.yaml");
    world.write(
        "hooks/.pre-commit-hooks.yaml",
        std::fs::read_to_string(hooks).unwrap(),
    );
    commit_all(&world.here().join("hooks"));
    let project = world.here().join("project");
    world.write("project/flows/good.yaml", GOOD);
    world.write(
        "project/flows/bad.yaml",
        GOOD.replace("commands:", "comands:"),
    );
    world.write("project/notes.yaml", "no: flow\n");
    commit_all(&project);
    let path = std::env::join_paths(
        [program().parent().unwrap().to_owned(), bin.clone()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let hook = |name: &str| -> (Output, String) {
        let output = Command::new(bin.join("pre-commit"))
            .arg("try-repo")
            .arg(world.here().join("hooks"))
            .args([name, "--all-files", "--color", "never"])
            .current_dir(&project)
            .env("PATH", &path)
            .env("PRE_COMMIT_HOME", world.here().join("pre-commit"))
            .env("XDG_CACHE_HOME", world.here().join("cache"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output, text)
    };
    let (output, text) = hook("taffrail-validate");
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("flows/bad.yaml:6:5"), "{text}");
    assert!(text.contains("did you mean `commands`?"), "{text}");
    assert!(!text.contains("notes.yaml"), "{text}");

    // A hook that changes files fails once, so that its author looks at them.
    let (output, text) = hook("taffrail-fix");
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("files were modified by this hook"), "{text}");
    let fixed = std::fs::read_to_string(project.join("flows/bad.yaml")).unwrap();
    assert_eq!(fixed, GOOD);
    let (output, text) = hook("taffrail-validate");
    assert!(output.status.success(), "{text}");
}
