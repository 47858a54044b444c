//! `taffrail.lock`: written, honoured, asked for, and what is said when something is not as it was locked.

use taffrail_tests::cli::World;

use crate::guests::{Guest, descriptor};

/// Puts a plugin `echo` into a world's plugin folder; `text` makes components of one version differ.
fn install(world: &World, version: &str, text: &str) {
    let mut document = descriptor("echo", version);
    document["title"] = text.into();
    let folder = world.root().join("plugins/echo").join(version);
    std::fs::create_dir_all(&folder).unwrap();
    let component = Guest::new("echo").descriptor(document).build();
    std::fs::write(folder.join("plugin.wasm"), component).unwrap();
}

fn flow(tasks: &[(&str, &str, &str)]) -> String {
    let mut text = "id: flow\nnamespace: test\ntasks:\n".to_owned();
    for (id, task_type, version) in tasks {
        text.push_str(&format!("  - id: {id}\n    type: {task_type}\n"));
        if task_type.ends_with("Commands") {
            text.push_str("    commands: ['true']\n");
        }
        if !version.is_empty() {
            text.push_str(&format!("    version: {version}\n"));
        }
    }
    text
}

const ECHO: &str = "test.echo.Run";
const SHELL: &str = "io.kestra.plugin.scripts.shell.Commands";

fn plugins_of(world: &World, arguments: &[&str]) -> Vec<String> {
    let plan = world.taffrail(arguments).exits(0).json();
    let tasks = plan["tasks"].as_array().unwrap();
    tasks
        .iter()
        .map(|task| task["plugin"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_is_locked_stays_whatever_is_installed_later() {
    let world = World::new();
    install(&world, "1.0.0", "one");
    install(&world, "1.2.0", "two");
    world.write(
        "flows/a.yaml",
        flow(&[("a", ECHO, ""), ("b", ECHO, "1.0.0"), ("c", SHELL, "\"1\"")]),
    );
    world
        .taffrail(["validate", "flows", "--locked"])
        .exits(6)
        .says(["no `taffrail.lock`", "taffrail lock"]);
    world
        .taffrail(["lock", "flows"])
        .exits(0)
        .prints("added    echo 1.0.0\nadded    echo 1.2.0\nadded    shell 1.0.0\n")
        .says(["flows/taffrail.lock was written"]);
    let lock = world.here().join("flows/taffrail.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    assert_eq!(text.matches("[[plugin]]").count(), 3, "{text}");
    world
        .taffrail(["lock", "flows/a.yaml", "--check"])
        .exits(0)
        .says(["is up to date"]);

    install(&world, "1.3.0", "three");
    let plan = ["plan", "flows/a.yaml", "-o", "json", "--runner", "process"];
    let expected = ["echo 1.2.0", "echo 1.0.0", "shell 1.0.0"];
    assert_eq!(plugins_of(&world, &plan), expected);
    let locked = [&plan[..], &["--locked"]].concat();
    assert_eq!(plugins_of(&world, &locked), expected);
    world
        .taffrail(["run", "flows/a.yaml", "--runner", "process", "--locked"])
        .exits(0);
    // Keeping is the rule, choosing anew the exception.
    world.taffrail(["lock", "flows"]).exits(0);
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), text);
    world
        .taffrail(["lock", "flows", "--update"])
        .exits(0)
        .prints(
            "kept     echo 1.0.0\nadded    echo 1.3.0\nkept     shell 1.0.0\nremoved  echo 1.2.0\n",
        );
    assert_eq!(
        plugins_of(&world, &locked),
        ["echo 1.3.0", "echo 1.0.0", "shell 1.0.0"]
    );
}

#[test]
fn drift_is_refused_where_the_lock_is_asked_for() {
    let world = World::new();
    install(&world, "1.0.0", "one");
    install(&world, "2.0.0", "two");
    world.write("flow.yaml", flow(&[("a", ECHO, "1"), ("b", SHELL, "")]));
    world.taffrail(["lock", "flow.yaml"]).exits(0);
    world.write("flow.yaml", flow(&[("a", ECHO, "2"), ("b", SHELL, "")]));
    for command in ["run", "plan", "validate"] {
        world
            .taffrail([command, "flow.yaml", "--locked"])
            .exits(6)
            .prints("")
            .says([
                "error[TF0207]",
                "flow.yaml:6:14",
                "locked: `1.0.0`",
                "2.0.0",
            ]);
        if command != "run" {
            world.taffrail([command, "flow.yaml"]).exits(0);
        }
    }
    world
        .taffrail(["lock", ".", "--check"])
        .exits(6)
        .says(["is out of date"]);
    world
        .taffrail(["lock", ".", "--format", "json"])
        .exits(0)
        .answers(["\"change\": \"removed\"", "\"version\": \"2.0.0\""]);
    std::fs::remove_dir_all(world.root().join("plugins/echo/2.0.0")).unwrap();
    world
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(6)
        .says(["error[TF0207]", "locked to 2.0.0, which is not installed"]);
}

#[test]
fn a_component_that_changed_under_its_version_is_refused_always() {
    let world = World::new();
    install(&world, "1.0.0", "one");
    world.write("flow.yaml", flow(&[("a", ECHO, "")]));
    world.taffrail(["lock", "flow.yaml"]).exits(0);
    install(&world, "1.0.0", "another one");
    for arguments in [
        &["run", "flow.yaml", "--runner", "process"][..],
        &["run", "flow.yaml", "--locked"],
        &["validate", "flow.yaml"],
        &["plan", "flow.yaml"],
        &["lock", "flow.yaml"],
        &["lock", "flow.yaml", "--update"],
    ] {
        world.taffrail(arguments).exits(6).prints("").says([
            "error[TF0208]",
            "`echo 1.0.0` is not the one that was locked",
        ]);
    }
}

#[test]
fn a_damaged_lock_is_told_at_its_place() {
    let world = World::new();
    world.write("flow.yaml", flow(&[("a", SHELL, "")]));
    world.taffrail(["lock", "flow.yaml"]).exits(0);
    let lock = world.here().join("taffrail.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    std::fs::write(
        &lock,
        text.replace("[[plugin]]", "<<<<<<< HEAD\n[[plugin]]"),
    )
    .unwrap();
    for command in ["run", "validate", "plan", "lock"] {
        world
            .taffrail([command, "flow.yaml"])
            .exits(6)
            .prints("")
            .says([
                "error[TF0206]",
                "taffrail.lock:4:1",
                "a merge was not finished",
            ]);
    }
}

#[test]
fn flows_that_were_not_looked_at_keep_what_is_locked_for_them() {
    let world = World::new();
    install(&world, "1.0.0", "one");
    install(&world, "2.0.0", "two");
    world.write("a.yaml", flow(&[("a", ECHO, "1")]));
    world.write("deep/b.yaml", flow(&[("a", ECHO, "2")]));
    world.taffrail(["lock", "."]).exits(0);
    world.write("a.yaml", flow(&[("a", SHELL, "")]));
    world
        .taffrail(["lock", "a.yaml"])
        .exits(0)
        .prints("kept     echo 1.0.0\nkept     echo 2.0.0\nadded    shell 1.0.0\n");
    world.taffrail(["validate", ".", "--locked"]).exits(0);
    world
        .taffrail(["lock", "."])
        .exits(0)
        .prints("kept     echo 2.0.0\nkept     shell 1.0.0\nremoved  echo 1.0.0\n");
    world
        .taffrail(["lock", "nowhere.yaml"])
        .exits(8)
        .says(["nowhere.yaml"]);
}
