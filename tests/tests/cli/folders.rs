//! Where things are kept.

use std::os::unix::fs::PermissionsExt;

use taffrail_tests::cli::{Invocation, World, listing};
use taffrail_tests::flows::shell;

#[test]
fn folders_may_be_named_from_where_one_stands() {
    let world = World::cold();
    world.write(
        "flow.yaml",
        shell("echo ran > made.txt")
            .replace("  commands", "  outputFiles: [made.txt]\n    commands"),
    );
    let line = "run flow.yaml --runner process -o json --state-dir state --cache-dir ./cache --plugin-dir ../plugins";
    let record = world.taffrail(line.split(' ')).exits(0).json();
    assert!(
        record["tasks"][0]["outputs"]["outputFiles"]["made.txt"].is_string(),
        "{record}"
    );
    assert!(world.here().join("state/executions").is_dir());
}

fn bare(world: &World) -> Invocation {
    world.write("flow.yaml", shell("echo ran"));
    let mut run = world.command(["run", "flow.yaml", "--runner", "process"]);
    for name in ["STATE", "CACHE", "PLUGIN"] {
        run = run.without(&format!("TAFFRAIL_{name}_DIR"));
    }
    run
}

#[test]
fn folders_are_those_of_the_user_and_for_nobody_else() {
    let world = World::cold();
    bare(&world).finish().exits(0);
    let home = world.root().join("home");
    for folder in [
        ".local/state/taffrail/executions",
        ".cache/taffrail/plugins",
    ] {
        let metadata = std::fs::metadata(home.join(folder))
            .unwrap_or_else(|error| panic!("{folder}: {error}"));
        assert_eq!(metadata.permissions().mode() & 0o777, 0o700, "{folder}");
    }
    for name in listing(&home) {
        let metadata = home.join(&name).metadata().unwrap();
        assert!(
            metadata.is_dir() || metadata.permissions().mode() & 0o077 == 0,
            "{name}"
        );
    }
    let world = World::cold();
    let (state, cache) = (world.root().join("x/state"), world.root().join("x/cache"));
    bare(&world)
        .env("XDG_STATE_HOME", &state)
        .env("XDG_CACHE_HOME", &cache)
        .finish()
        .exits(0);
    assert!(state.join("taffrail/executions").is_dir() && cache.join("taffrail/plugins").is_dir());
    assert!(!world.root().join("home").exists());
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let world = World::cold();
    let cache = world.root().join("cache/plugins");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::set_permissions(&cache, PermissionsExt::from_mode(0o777)).unwrap();
    world.write("flow.yaml", shell("echo ran"));
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
    finished
        .exits(0)
        .prints("one | ran\n")
        .says(["others can write to it"]);
    assert_eq!(listing(&cache), Vec::<String>::new());
}
