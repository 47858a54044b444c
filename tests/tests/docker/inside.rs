//! A taffrail in a container that has its engine's socket mounted: the engine is outside and sees none of its files. What it starts outlives
//! it, and another one goes on.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taffrail_tests::cli::program;
use taffrail_tests::docker::api::frames;
use taffrail_tests::docker::images;

use crate::support::{Yard, contained};

/// The files that the program is loaded with; none where it is linked statically.
fn libraries() -> Vec<String> {
    let told = Command::new("ldd").arg(program()).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let words = told.split_whitespace();
    words
        .filter(|word| Path::new(word).is_absolute())
        .map(str::to_owned)
        .collect()
}

/// What a container needs to run taffrail there on this world's flow and state, neither of which lies where it does outside.
fn settings(yard: &Yard) -> Value {
    let mut binds = vec![
        format!("{}:/var/run/docker.sock", yard.engine.socket().display()),
        format!("{}:/usr/bin/taffrail:ro", program().display()),
        format!("{}:/flows:ro", yard.world.here().display()),
        format!("{}:/state", yard.world.state().display()),
    ];
    binds.extend(libraries().iter().map(|path| format!("{path}:{path}:ro")));
    json!({ "Binds": binds, "NetworkMode": "none", "Init": true })
}

fn line<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let program = ["env", "TAFFRAIL_STATE_DIR=/state", "taffrail"];
    [&program, arguments].concat()
}

/// Runs a command to its end, and gives what it printed and its exit code.
#[track_caller]
fn inside(yard: &Yard, arguments: &[&str]) -> (String, i64) {
    yard.engine
        .run(images::TOOLS, &line(arguments), &settings(yard))
}

/// Starts the flow, and gives the container that taffrail runs in once the task has said `after`.
#[track_caller]
fn started(yard: &Yard, after: &str) -> String {
    let api = yard.engine.api();
    let body = json!({
        "Image": images::TOOLS, "Entrypoint": [], "Cmd": line(&["run", "/flows/flow.yaml"]), "HostConfig": settings(yard),
    });
    let created = api.post("/containers/create", &body).done().json();
    let id = created["Id"].as_str().unwrap_or_default().to_owned();
    api.call("POST", &format!("/containers/{id}/start")).done();
    let begun = Instant::now();
    loop {
        let logs = format!("/containers/{id}/logs?stdout=1&stderr=1");
        let said = frames(&api.call("GET", &logs).done().body).concat();
        let said = String::from_utf8_lossy(&said);
        if said.contains(after) {
            return id;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn files_travel_to_the_engine_outside_and_mounts_are_refused() {
    let Some(yard) = Yard::new("files_travel_to_the_engine_outside_and_mounts_are_refused") else {
        return;
    };
    let keys = "inputFiles: {in.txt: given}\noutputFiles: [out.txt]";
    let copied = contained(keys, "", "cp in.txt out.txt");
    let read = "  - id: two\n    type: io.kestra.plugin.scripts.shell.Commands\n    inputFiles: {got.txt: \"{{ outputs.one.outputFiles['out.txt'] }}\"}\n    commands: [cat got.txt]\n";
    yard.world.write("flow.yaml", copied + read);
    let (said, code) = inside(&yard, &["run", "/flows/flow.yaml"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("two | given"), "{said}");
    assert!(yard.left().is_empty(), "{:?}", yard.left());

    let yard = yard.fresh();
    let mounted = contained("", "fileHandlingStrategy: MOUNT", "echo never");
    yard.world.write("flow.yaml", mounted);
    let (said, code) = inside(&yard, &["run", "/flows/flow.yaml"]);
    assert_eq!(code, 4, "{said}");
    let refusal = "needs an engine that sees this machine's disk, and Docker";
    assert!(
        said.contains(refusal) && said.contains("use VOLUME"),
        "{said}"
    );
    assert!(!said.contains("| never"), "{said}");
    assert!(yard.left().is_empty(), "{:?}", yard.left());
}

#[test]
fn what_runs_outlives_the_container_of_its_host() {
    let Some(yard) = Yard::new("what_runs_outlives_the_container_of_its_host") else {
        return;
    };
    let script = "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.5; done";
    yard.world.write("flow.yaml", contained("", "", script));
    let host = started(&yard, "one | line 2");
    yard.engine.remove(&host);
    let execution = yard.execution();
    assert_eq!(yard.containers()[0]["State"]["Running"], true);
    let (said, code) = inside(&yard, &["resume", &execution]);
    assert_eq!(code, 0, "{said}");
    for number in 1..=6 {
        let line = format!("one | line {number}\n");
        assert_eq!(said.matches(&line).count(), 1, "{said}");
    }
    assert!(yard.left().is_empty(), "{:?}", yard.left());

    // One that runs elsewhere is left alone, and can be ended once its host is gone.
    let yard = yard.fresh();
    yard.world
        .write("flow.yaml", contained("", "", "echo ready; sleep 300"));
    let host = started(&yard, "one | ready");
    let execution = yard.execution();
    let (said, code) = inside(&yard, &["kill", &execution]);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("cannot be seen from here"), "{said}");
    assert_eq!(yard.containers()[0]["State"]["Running"], true);
    yard.engine.remove(&host);
    let (said, code) = inside(&yard, &["kill", &execution]);
    assert_eq!(code, 0, "{said}");
    assert!(yard.left().is_empty(), "{:?}", yard.left());
}
