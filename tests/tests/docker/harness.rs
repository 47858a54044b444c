//! The parts that the other tests rely on do what they say.

use std::io;
use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_tests::docker::api::{Api, frames};
use taffrail_tests::docker::engine::{Engine, Kind};
use taffrail_tests::docker::images;
use taffrail_tests::docker::proxy::{Fault, Proxy};
use taffrail_tests::docker::registry::{Registry, auth_header};
use taffrail_tests::docker::skipped;

#[test]
fn images_are_made_and_run() {
    let Some(engine) = Engine::shared("images_are_made_and_run") else {
        return;
    };
    images::tools(engine);
    let run = |image: &str, script: &str| {
        engine.run(
            image,
            &["sh", "-c", script],
            &json!({ "NetworkMode": "none" }),
        )
    };
    assert_eq!(
        run(images::TOOLS, "echo out; echo err >&2; exit 3"),
        ("out\nerr\n".to_owned(), 3)
    );
    assert_eq!(run("ubuntu:24.04", "id -u").0, "0\n");
    assert_eq!(run(images::BY_NUMBER, "id -u; id -g").0, "1234\n1234\n");
    assert_eq!(run(images::BY_NAME, "id -un; id -g").0, "app\n50\n");
    assert_eq!(
        run(images::DECORATED, "echo $FROM_IMAGE; pwd").0,
        "yes\n/srv\n"
    );
}

#[test]
fn the_registry_gives_to_whom_it_should() {
    let Some(engine) = Engine::shared("the_registry_gives_to_whom_it_should") else {
        return;
    };
    let password = "p?>~ÿ w";
    let registry = match Registry::start(engine, Some(("anna", password))) {
        Ok(registry) => registry,
        Err(reason) => return skipped("the_registry_gives_to_whom_it_should", &reason),
    };
    let image = registry.publish("team/tool:1", 100_000);
    assert!(!images::has(engine, &image));
    let (name, tag) = image.rsplit_once(':').unwrap();
    let pull = |header: &str| {
        let path = format!("/images/create?fromImage={name}&tag={tag}");
        let headers = [("X-Registry-Auth", header)];
        let api = engine.api();
        api.send("POST", &path, &headers, &mut io::empty())
            .unwrap()
            .text()
    };
    let refused = pull(&auth_header("anna", "wrong"));
    assert!(refused.contains("unauthorized"), "{refused}");
    let pulled = pull(&auth_header("anna", password));
    assert!(pulled.contains("Downloaded newer image"), "{pulled}");
    assert!(registry.log().contains("GET /v2/team/tool/manifests/1"));
    images::untag(engine, &image);
}

/// What the faulty connection does to each kind of call.
#[test]
fn the_proxy_does_what_its_rules_say() {
    let Some(engine) = Engine::shared("the_proxy_does_what_its_rules_say") else {
        return;
    };
    images::tools(engine);
    let proxy = Proxy::start(&engine.socket());
    let api = Api::new(&proxy.url()).unwrap();
    assert!(api.answers());
    let get = |path: &str| api.send("GET", path, &[], &mut io::empty());

    proxy.once("GET", "/info", Fault::CutAnswer(10));
    assert!(get("/info").is_err() || get("/info").is_err());
    proxy.heal();
    assert_eq!(get("/info").unwrap().status, 200);

    proxy.rule("GET", "/in*", Fault::Refuse, 1, 1);
    assert_eq!(get("/v1.41/info").unwrap().status, 200);
    assert!(get("/info").is_err());
    assert_eq!(get("/info").unwrap().status, 200);

    let answer = Fault::Answer(418, vec![("X-A".into(), "b".into())], b"short".to_vec());
    proxy.once("POST", "/containers/create*", answer);
    let body = json!({ "Image": images::TOOLS, "Cmd": ["sh", "-c", "printf 0123456789"] });
    let told = api.post("/containers/create?name=x", &body);
    assert_eq!((told.status, told.text().as_str()), (418, "short"));

    // The engine did what was asked, and nobody knows.
    let name = format!("taffrail-harness-{}", std::process::id());
    let create = format!("/containers/create?name={name}");
    proxy.once("POST", "/containers/create*", Fault::LoseReply);
    let text = body.to_string();
    let lost = api.send(
        "POST",
        &create,
        &[("Content-Type", "application/json")],
        &mut text.as_bytes(),
    );
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(api.post(&create, &body).status, 409);
    api.call("POST", &format!("/containers/{name}/start"))
        .done();
    api.call("POST", &format!("/containers/{name}/wait")).done();
    let logs = format!("/containers/{name}/logs?stdout=1");
    assert_eq!(frames(&get(&logs).unwrap().body)[0], b"0123456789");
    // In the middle of a frame's header.
    proxy.once("GET", "/containers/*/logs*", Fault::CutAnswer(4));
    assert!(get(&logs).is_err() || proxy.seen().last().unwrap().fault.is_some());

    proxy.once("GET", "/_ping", Fault::Delay(Duration::from_millis(300)));
    let begun = Instant::now();
    assert!(api.answers());
    assert!(begun.elapsed() >= Duration::from_millis(300));

    proxy.go_away();
    assert!(get("/_ping").is_err());
    proxy.come_back();
    assert!(api.answers());
    assert_eq!(proxy.count("POST", "/containers/create*"), 3);
    engine.remove(&name);
}

#[test]
fn a_private_engine_can_be_killed_and_comes_back() {
    for kind in [Kind::Docker, Kind::Podman] {
        let engine = match Engine::private(kind, &[]) {
            Ok(engine) => engine,
            Err(reason) => {
                skipped("a_private_engine_can_be_killed_and_comes_back", &reason);
                continue;
            }
        };
        let folder = engine.socket().parent().unwrap().to_owned();
        engine.kill();
        assert!(!engine.api().answers());
        engine.start();
        assert!(engine.api().answers(), "{}", engine.log());
        if kind == Kind::Docker {
            engine.stop();
            assert!(!engine.api().answers());
        }
        drop(engine);
        assert!(!folder.exists(), "{} is left", folder.display());
    }
}
