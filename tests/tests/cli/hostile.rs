//! Files that are no flows: told at their place, quickly, and never by a panic.

use std::time::Duration;

use taffrail_tests::cli::World;
use taffrail_tests::flows::shell;

/// `validate`, `plan` and `run` refuse the file in the same way and start nothing.
fn check(contents: impl AsRef<[u8]>, code: i32, said: &[&str]) {
    let world = World::new();
    world.write("flow.yaml", contents);
    for command in ["validate", "plan", "run"] {
        let finished = world.taffrail([command, "flow.yaml"]);
        finished.exits(code).prints("").says(said.iter().copied());
        assert!(finished.took < Duration::from_secs(10), "{finished}");
        assert!(
            finished.stderr.len() < 20_000,
            "{} bytes of messages",
            finished.stderr.len()
        );
    }
    assert!(!world.state().join("executions").exists());
}

#[test]
fn what_is_not_yaml() {
    check("id: [", 3, &["flow.yaml:1:"]);
    check("\tid: x", 3, &["flow.yaml:1:"]);
    check("", 3, &["flow.yaml"]);
    check("# only a comment\n", 3, &["flow.yaml"]);
    check("just text", 3, &["flow.yaml:1:1"]);
    check("- a\n- b\n", 3, &["flow.yaml:1:1"]);
    check("{\"id\": 1", 3, &["flow.yaml:"]);
    check(
        b"\x7fELF\x02\x01\x01\x00\xff\xfe".as_slice(),
        3,
        &["flow.yaml:1: the file is not UTF-8 text"],
    );
    check(
        b"id: x\nnamespace: \xff\n".as_slice(),
        3,
        &["flow.yaml:2: the file is not UTF-8 text"],
    );
    check("id: a\0b\n", 3, &["flow.yaml:1:"]);
}

#[test]
fn what_is_more_than_a_flow() {
    check(
        format!("{0}---\n{0}", shell("true")),
        3,
        &["flow.yaml:", "document"],
    );
    let twice = shell("true").replace("id: flow", "id: flow\nid: other\nnamespace: a\n");
    check(
        &twice,
        3,
        &["`id`", "`namespace`", "flow.yaml:2:1", "flow.yaml:5:1"],
    );
}

#[test]
fn what_a_flow_does_not_have() {
    let wrong = shell("true")
        .replace("commands", "comands")
        .replace("namespace", "namspace");
    check(
        &wrong,
        3,
        &[
            "comands",
            "did you mean `commands`?",
            "namspace",
            "did you mean `namespace`?",
        ],
    );
    let wrong = shell("true").replace(
        "  commands",
        "  timeout: [1]\n    allowFailure: perhaps\n    env: 5\n    commands",
    );
    check(&wrong, 3, &["timeout", "allowFailure", "env"]);
    check(
        "id: 'a b'\nnamespace: X\ntasks: []\n",
        3,
        &["`id`", "`namespace`", "`tasks`"],
    );
}

#[test]
fn bombs_are_refused() {
    check(format!("id: {}", "[".repeat(100_000)), 3, &["flow.yaml:1:"]);
    check(
        format!("id: {}", "{a: ".repeat(100_000)),
        3,
        &["flow.yaml:1:"],
    );
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..30 {
        let previous = format!("*a{}", level - 1);
        laughs.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![previous; 10].join(",")
        ));
    }
    check(&laughs, 3, &["flow.yaml:"]);
    check(
        format!(
            "id: x\nnamespace: y\ndescription: {}\ntasks: []\n",
            "z".repeat(20 << 20)
        ),
        3,
        &["flow.yaml"],
    );
}

#[test]
fn places_that_are_no_files() {
    let world = World::new();
    std::fs::create_dir(world.here().join("folder")).unwrap();
    for command in ["run", "plan"] {
        let finished = world.taffrail([command, "folder"]);
        assert!(matches!(finished.code(), Some(3 | 8)), "{finished}");
        finished.prints("").says(["folder"]);
        world
            .taffrail([command, "nowhere.yaml"])
            .exits(8)
            .prints("")
            .says(["nowhere.yaml"]);
        world
            .taffrail([command, "nowhere/../flow.yaml"])
            .exits(8)
            .prints("")
            .says(["nowhere"]);
    }
    let finished = world.taffrail(["validate", "folder"]);
    finished.exits(8).says([".yaml"]);
    let fifo = world.here().join("flow.yaml");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    std::fs::remove_file(&fifo).unwrap();
    std::os::unix::fs::symlink("flow.yaml", &fifo).unwrap();
    let finished = world.taffrail(["run", "flow.yaml"]);
    assert!(matches!(finished.code(), Some(3 | 8)), "{finished}");
    finished.says(["flow.yaml"]);
}

/// The super-user reads everything, so where that is who we are the file is in a folder that is none.
#[test]
fn a_file_that_cannot_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let path = world.write("flow.yaml", shell("true"));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    let name = if std::fs::read(&path).is_ok() {
        "flow.yaml/x"
    } else {
        "flow.yaml"
    };
    for command in ["run", "plan", "validate"] {
        let finished = world.taffrail([command, name]);
        assert!(matches!(finished.code(), Some(3 | 8)), "{finished}");
        finished.prints("").says([name]);
    }
}

#[test]
fn harmless_neighbours_pass() {
    let text = shell("echo fine");
    for flow in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        format!("---\n{text}"),
        format!("%YAML 1.2\n---\n{text}...\n"),
        text.replace("tasks:", "variables: {a: &shared [1], b: *shared}\ntasks:"),
    ] {
        let ran = World::new().run(&flow, 0);
        assert_eq!(ran.lines('|'), ["fine"], "{flow}");
    }
}
