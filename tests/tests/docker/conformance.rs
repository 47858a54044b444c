//! The Docker runner, put through what every backend must do: on Docker Engine with both ways of files, and on Podman.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use taffrail_runner::docker::{ClientEnvironment, Engines};
use taffrail_runner::host::HostProfile;
use taffrail_runner::registry;
use taffrail_tests::conformance::runner::{Signals, Subject, cases};
use taffrail_tests::docker::engine::Engine;
use taffrail_tests::docker::images;

/// Some cases look at the memory of the whole process, so one backend at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn subject(engine: &'static Engine, settings: Value) -> Subject {
    let mut settings = settings.as_object().cloned().unwrap_or_default();
    settings.insert("host".to_owned(), json!(engine.url()));
    let kind = registry::find("docker").expect("the Docker runner is in the table");
    let environment = ClientEnvironment::new(Vec::new());
    let engines = Engines::new(
        environment,
        Box::new(|| Ok("store-of-the-suite".to_owned())),
    );
    let host = HostProfile::default().with_engines(engines);
    let runner = (kind.make)(&settings, &host).expect("sound settings");
    Subject {
        runner: Arc::from(runner),
        image: Some(images::TOOLS.to_owned()),
        // `container` is Podman's word, the last one tells the init to hand signals on to all.
        own_variables: [
            "PATH",
            "HOME",
            "HOSTNAME",
            "TERM",
            "container",
            "TINI_KILL_PROCESS_GROUP",
        ]
        .map(str::to_owned)
        .into(),
        on_this_host: false,
        signals: Signals::AsCode,
        left: Some(Box::new(|execution| engine.left_of(execution))),
    }
}

fn check(engine: &'static Engine, settings: Value) {
    images::tools(engine);
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let subject = subject(engine, settings);
    let only = std::env::var("TAFFRAIL_CASE").ok();
    let mut failed = Vec::new();
    for case in cases()
        .filter(|case| case.applies_to(&subject))
        .filter(|case| only.as_deref().is_none_or(|only| case.name.contains(only)))
    {
        let begun = Instant::now();
        let verdict = runtime.block_on(case.check(&subject));
        println!(
            "{:<60} {:>8.1?} {}",
            case.name,
            begun.elapsed(),
            if verdict.is_ok() { "ok" } else { "FAILED" }
        );
        if let Err(reason) = verdict {
            failed.push(format!("{}: {reason}", case.name));
        }
    }
    assert!(
        failed.is_empty(),
        "{} cases failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn docker_with_volumes_does_what_every_backend_must() {
    if let Some(engine) = Engine::shared("docker_with_volumes_does_what_every_backend_must") {
        check(
            engine,
            json!({ "fileHandlingStrategy": "VOLUME", "killGracePeriod": "PT5S" }),
        );
    }
}

#[test]
fn docker_with_mounts_does_what_every_backend_must() {
    if let Some(engine) = Engine::shared("docker_with_mounts_does_what_every_backend_must") {
        check(
            engine,
            json!({ "fileHandlingStrategy": "MOUNT", "killGracePeriod": "PT5S" }),
        );
    }
}

#[test]
fn podman_does_what_every_backend_must() {
    if let Some(engine) = Engine::podman("podman_does_what_every_backend_must") {
        check(
            engine,
            json!({ "networkMode": "host", "killGracePeriod": "PT5S" }),
        );
    }
}
