//! How the engine is found, and what is said when none answers.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::docker::proxy::{Fault, Proxy};
use taffrail_tests::flows::Ran;

use crate::support::{Yard, contained};

const HELLO: &str = "echo hello";

/// The property, the variable, the chosen context: each finds the engine by itself, the first one wins.
#[test]
fn the_engine_is_found_by_property_variable_and_context() {
    let Some(yard) = Yard::new("the_engine_is_found_by_property_variable_and_context") else {
        return;
    };
    let nowhere = "unix:///nowhere/engine.sock";
    // Property before variable.
    let flow = contained("", &format!("host: {}", yard.url), HELLO);
    let finished = yard.runs(&flow, &[]).env("DOCKER_HOST", nowhere).finish();
    finished.exits(0).says(["one | hello"]);

    // A context, chosen by the client's configuration or by a variable; its folder is the SHA-256 of its name.
    for by_variable in [false, true] {
        let world = World::new();
        let meta = json!({ "Name": "far", "Metadata": {}, "Endpoints": { "docker": { "Host": yard.url, "SkipTLSVerify": false } } });
        world.write(
            &format!("client/contexts/meta/{}/meta.json", digest("far")),
            meta.to_string(),
        );
        let config = if by_variable {
            json!({})
        } else {
            json!({ "currentContext": "far" })
        };
        world.write("client/config.json", config.to_string());
        world.write("flow.yaml", contained("", "", HELLO));
        let mut command = world
            .command(["run", "flow.yaml", "-o", "json"])
            .without("DOCKER_HOST")
            .env("DOCKER_CONFIG", world.here().join("client"));
        if by_variable {
            command = command.env("DOCKER_CONTEXT", "far");
        }
        let finished = command.finish();
        finished.exits(0);
        let record = finished.json();
        assert_eq!(Ran { finished, record }.lines('|'), ["hello"]);
    }
}

pub fn digest(name: &str) -> String {
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "printf %s \"$1\" | sha256sum | cut -d ' ' -f 1",
            "sh",
            name,
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Nobody answers: one line with what was tried and where that came from, in under a second, before anything of the flow has run.
#[test]
fn an_engine_that_is_not_there_is_told_at_once() {
    let world = World::new();
    let dead = world.root().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let closed = world.root().join("closed.sock");
    let _listener = UnixListener::bind(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
    let missing = world.root().join("missing.sock");
    for path in [&missing, &dead] {
        let url = format!("unix://{}", path.display());
        world.write("flow.yaml", contained("", "", HELLO));
        let finished = world
            .command(["run", "flow.yaml"])
            .env("DOCKER_HOST", &url)
            .finish();
        finished
            .exits(5)
            .says([path.to_str().unwrap(), "DOCKER_HOST"]);
        // Some milliseconds, on a machine that has nothing else to do.
        assert!(finished.took < Duration::from_secs(5), "{finished}");
        finished.never_prints(["one | hello"]);
    }
    let finished = world
        .command(["run", "flow.yaml"])
        .env("DOCKER_HOST", "tcp://127.0.0.1:1")
        .finish();
    finished.exits(5).says(["127.0.0.1:1"]);
    let finished = world
        .command(["run", "flow.yaml"])
        .env("DOCKER_HOST", "carrier-pigeon://coop")
        .finish();
    assert!(matches!(finished.code(), Some(2 | 3 | 5)), "{finished}");
    finished.says(["carrier-pigeon"]);
}

/// A socket that takes the call and says nothing, as an engine does that is being started: it is waited for, and given up in a few
/// seconds. One that is just slow is not given up.
#[test]
fn an_engine_that_is_slow_is_waited_for_and_one_that_hangs_is_not() {
    let world = World::new();
    let silent = world.root().join("silent.sock");
    let _listener = UnixListener::bind(&silent).unwrap();
    world.write("flow.yaml", contained("", "", HELLO));
    let finished = world
        .command(["run", "flow.yaml"])
        .env("DOCKER_HOST", format!("unix://{}", silent.display()))
        .finish();
    finished.exits(5).says(["silent.sock", "no answer within"]);
    assert!(finished.took < Duration::from_secs(20), "{finished}");

    let Some(yard) = Yard::new("an_engine_that_is_slow_is_waited_for_and_one_that_hangs_is_not")
    else {
        return;
    };
    let proxy = Proxy::start(&yard.engine.socket());
    proxy.always("GET", "/_ping", Fault::Delay(Duration::from_secs(2)));
    let yard = yard.behind(&proxy);
    let ran = yard.run(&contained("", "", HELLO), &[], 0);
    assert_eq!(ran.lines('|'), ["hello"]);
}
