//! `taffrail plugin`, plugin folders and version pins.

use taffrail_tests::cli::World;
use taffrail_tests::flows::shell;

fn bundled(id: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../plugins/bundled")
        .join(id);
    let version = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::read(version.join("plugin.wasm")).unwrap()
}

#[test]
fn the_bundled_plugins_are_listed() {
    let world = World::new();
    world
        .taffrail(["plugin", "list"])
        .exits(0)
        .answers(["python", "shell", "1.0.0", "bundled"]);
    let list = world
        .taffrail(["plugin", "list", "--format", "json"])
        .exits(0)
        .json();
    let ids: Vec<&str> = list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|plugin| plugin["id"].as_str())
        .collect();
    assert!(ids.contains(&"python") && ids.contains(&"shell"), "{list}");
    assert_eq!(list["broken"], serde_json::json!([]));
}

#[test]
fn a_plugin_shows_what_it_is_and_what_it_reaches() {
    let world = World::new();
    for name in ["shell", "shell@1", "shell@1.0.0"] {
        world.taffrail(["plugin", "info", name]).exits(0).answers([
            "shell 1.0.0",
            "reaches  nothing",
            "io.kestra.plugin.scripts.shell.Commands",
        ]);
    }
    let info = world
        .taffrail(["plugin", "info", "shell", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&info["v"], &info["descriptor"]["id"], &info["source"]),
        (&1.into(), &"shell".into(), &"bundled".into())
    );
    world.write("mine.wasm", bundled("shell"));
    let file = world
        .taffrail(["plugin", "info", "mine.wasm", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&file["sha256"], &file["source"]),
        (&info["sha256"], &"mine.wasm".into())
    );
}

#[test]
fn what_is_no_plugin_is_refused() {
    let world = World::new();
    world
        .taffrail(["plugin", "info", "shel"])
        .exits(8)
        .says(["did you mean `shell`?"]);
    world
        .taffrail(["plugin", "info", "shell@7"])
        .exits(8)
        .says(["`1.0.0`"]);
    world.taffrail(["plugin", "info", "shell@x.y"]).exits(2);
    world
        .taffrail(["plugin", "info", "nowhere.wasm"])
        .exits(8)
        .says(["nowhere.wasm"]);
    let good = bundled("shell");
    for (name, bytes) in [
        ("empty.wasm", &b""[..]),
        ("noise.wasm", b"\x7fELF and more"),
        ("text.wasm", b"(component)"),
        ("core.wasm", b"\0asm\x01\0\0\0"),
        ("cut.wasm", &good[..good.len() / 2]),
    ] {
        world.write(name, bytes);
        world
            .taffrail(["plugin", "info", name])
            .exits(6)
            .prints("")
            .says([name]);
    }
}

#[test]
fn versions_side_by_side_and_pins() {
    let pin = |pin: &str| {
        shell("echo ran").replace("  commands", &format!("  version: {pin}\n    commands"))
    };
    // `1.0` is a number to YAML, and means what is written all the same.
    for version in [
        "1.0.0", "\"1\"", "1.0", "\"1.0\"", "1", "LATEST", "latest", "OLDEST",
    ] {
        let ran = World::new().run(&pin(version), 0);
        assert_eq!(ran.task("one")["plugin"], "shell 1.0.0", "{version}");
    }
    for version in ["\"1.2\"", "2", "1.10", "0.9"] {
        let world = World::new();
        world.write("flow.yaml", pin(version));
        let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
        finished
            .exits(6)
            .prints("")
            .says([version.trim_matches('"'), "1.0.0", "flow.yaml:6:"]);
    }
    let world = World::new();
    world.write("flow.yaml", pin("newest"));
    world
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(3)
        .says(["newest"]);
}

#[test]
fn a_broken_plugin_in_the_folder_is_told_and_harms_nobody_else() {
    let world = World::new();
    let folder = world.root().join("plugins/broken/1.0.0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("plugin.wasm"), "no component").unwrap();
    world
        .taffrail(["plugin", "list"])
        .exits(0)
        .answers(["shell", "broken: "]);
    world.write("flow.yaml", shell("echo ran"));
    world
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(0)
        .prints("one | ran\n")
        .says(["broken"]);
}

#[test]
fn odd_things_in_the_plugin_folder_are_named_and_never_opened() {
    let world = World::new();
    let folder = world.root().join("plugins");
    let make = |name: &str| {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        folder.join(name).join("plugin.wasm")
    };
    std::fs::write(make("mine/1.0.0"), bundled("shell")).unwrap();
    std::fs::write(make("shell/9.9.9"), bundled("shell")).unwrap();
    std::fs::write(make("shell/newest"), bundled("shell")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", make("link/1.0.0")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(make("pipe/1.0.0"))
            .status()
            .unwrap()
            .success()
    );
    let list = world
        .taffrail(["plugin", "list", "--format", "json"])
        .exits(0)
        .json();
    let reasons = list["broken"].to_string();
    assert_eq!(list["broken"].as_array().map(Vec::len), Some(5), "{list:#}");
    for part in [
        "`mine 1.0.0`",
        "`shell 9.9.9`",
        "newest",
        "symbolic link",
        "not a regular file",
    ] {
        assert!(reasons.contains(part), "{part}: {list:#}");
    }
    let plugins = list["plugins"].as_array().into_iter().flatten();
    let others = plugins.filter(|plugin| plugin["source"] != "bundled");
    assert_eq!(others.count(), 0, "{list:#}");
}

#[test]
fn several_first_runs_at_once_do_not_disturb_each_other() {
    let world = World::cold();
    world.write("flow.yaml", shell("echo ran"));
    let running: Vec<_> = (0..4)
        .map(|_| {
            world
                .command(["run", "flow.yaml", "--runner", "process"])
                .start()
        })
        .collect();
    for one in running {
        one.finish()
            .exits(0)
            .prints("one | ran\n")
            .never_prints(["WARN"]);
    }
    let folders = std::fs::read_dir(world.state().join("executions"))
        .unwrap()
        .count();
    assert_eq!(folders, 4);
}

#[test]
fn damaged_cache_entries_are_made_again() {
    let world = World::cold();
    world.write("flow.yaml", shell("echo ran"));
    let run = || world.taffrail(["run", "flow.yaml", "--runner", "process"]);
    run().exits(0).prints("one | ran\n");
    let folder = world.root().join("cache/plugins");
    let mut damaged = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        damaged += 1;
    }
    assert!(damaged > 0, "{folder:?} is empty");
    run().exits(0).prints("one | ran\n").says(["cache"]);
    let again = run();
    again.exits(0).never_prints(["cache"]);
}

#[test]
fn schemas_of_types_are_printed_by_name() {
    let world = World::new();
    for name in [
        "io.kestra.plugin.scripts.shell.Commands",
        "io.kestra.plugin.core.runner.Process",
    ] {
        let schema = world.taffrail(["schema", name]).exits(0).json();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    }
    world
        .taffrail(["schema", "io.kestra.plugin.scripts.shell.Command"])
        .exits(8)
        .says(["did you mean `io.kestra.plugin.scripts.shell.Commands`?"]);
    world.taffrail(["schema", "x", "--write", "y"]).exits(2);
}
