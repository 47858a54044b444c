//! Images: when they are pulled, from whom, with whose password, and what is said when they cannot be had.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use taffrail_tests::cli::{World, listing};
use taffrail_tests::docker::images;
use taffrail_tests::docker::proxy::{Fault, Proxy};
use taffrail_tests::docker::registry::Registry;
use taffrail_tests::docker::skipped;

use crate::support::{Yard, contained};

/// Its base64 has `+` and `/` wherever it begins, and it has what JSON and YAML must quote.
const PASSWORD: &str = "s3cr?t>>>???~~~\u{ff}\u{ff}\u{ff}\"'\\ pass";

fn registry<'a>(what: &str, yard: &'a Yard, account: bool) -> Option<Registry<'a>> {
    let account = account.then_some(("anna", PASSWORD));
    match Registry::start(yard.engine, account) {
        Ok(registry) => Some(registry),
        Err(reason) => {
            skipped(what, &reason);
            None
        }
    }
}

/// No form of the password is in anything that was written or printed.
#[track_caller]
fn unseen(yard: &Yard, printed: &[&str], password: &str) {
    let auth = format!("anna:{password}");
    let forms = [
        password.to_owned(),
        STANDARD.encode(password),
        STANDARD.encode(&auth),
        json!(password).to_string().trim_matches('"').to_owned(),
    ];
    let root = yard.world.root();
    // The flow, and what else the test itself wrote, is not the host's doing.
    let files = listing(&yard.world.state());
    for name in files {
        let path = yard.world.state().join(&name);
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for form in &forms {
            assert!(!text.contains(form.as_str()), "{name} has the password");
            assert!(!name.contains(form.as_str()), "{name} has the password");
        }
    }
    for text in printed {
        for form in &forms {
            assert!(
                !text.contains(form.as_str()),
                "it prints the password:\n{text}"
            );
        }
    }
    let there = yard.engine.api().get("/containers/json?all=1").to_string();
    for form in &forms {
        assert!(
            !there.contains(form.as_str()),
            "a container shows the password"
        );
    }
    assert!(root.exists());
}

/// The password comes from the flow's `credentials`, from `config` as text or map, or from the user's own file.
#[test]
fn credentials_are_taken_from_every_place() {
    let Some(yard) = Yard::new("credentials_are_taken_from_every_place") else {
        return;
    };
    let Some(registry) = registry("credentials_are_taken_from_every_place", &yard, true) else {
        return;
    };
    let image = registry.publish("team/tool:1", 50_000);
    let host = &registry.host;
    let auth = STANDARD.encode(format!("anna:{PASSWORD}"));
    let config = json!({ "auths": { host: { "auth": auth } } });
    let secret = "{{ secret('PASSWORD') }}";
    let places = [
        (
            "credentials",
            json!({ "credentials": { "username": "anna", "password": secret } }),
        ),
        (
            "credentials with registry",
            json!({ "credentials": { "registry": host, "username": "anna", "password": secret } }),
        ),
        (
            "credentials with auth",
            json!({ "credentials": { "auth": auth } }),
        ),
        ("config as text", json!({ "config": config.to_string() })),
        ("config as map", json!({ "config": config })),
        ("the user's file", json!({})),
        ("DOCKER_CONFIG", json!({})),
    ];
    for (place, settings) in places {
        images::untag(yard.engine, &image);
        let yard = Yard {
            world: World::new(),
            url: yard.url.clone(),
            ..yard
        };
        yard.world
            .write("secrets.yaml", json!({ "PASSWORD": PASSWORD }).to_string());
        let mut runner = json!({ "type": "io.kestra.plugin.scripts.runner.docker.Docker" });
        for (key, value) in settings.as_object().unwrap() {
            runner[key] = value.clone();
        }
        let flow = json!({
            "id": "flow", "namespace": "test.docker",
            "tasks": [{
                "id": "one", "type": "io.kestra.plugin.scripts.shell.Commands", "containerImage": image,
                "taskRunner": runner, "commands": ["env; ls -a . /; cat /name; ls -a $HOME"],
                "outputFiles": ["*.json"],
            }],
        });
        let mut invocation = yard.runs(&flow.to_string(), &["--secrets-file", "secrets.yaml"]);
        if place == "the user's file" {
            yard.world
                .write("../home/.docker/config.json", config.to_string());
        }
        if place == "DOCKER_CONFIG" {
            yard.world.write("client/config.json", config.to_string());
            invocation = invocation.env("DOCKER_CONFIG", yard.world.here().join("client"));
        }
        let finished = invocation.finish();
        finished.exits(0).says([image.as_str()]);
        yard.nothing_is_left(&finished);
        unseen(&yard, &[&finished.stdout, &finished.stderr], PASSWORD);
        // Neither is it in the task's own directory.
        finished.never_prints(["config.json"]);
    }
    images::untag(yard.engine, &image);
}

#[test]
fn a_credential_helper_is_asked() {
    let Some(yard) = Yard::new("a_credential_helper_is_asked") else {
        return;
    };
    let Some(registry) = registry("a_credential_helper_is_asked", &yard, true) else {
        return;
    };
    let image = registry.publish("team/helped:1", 50_000);
    let answer = json!({ "ServerURL": registry.host, "Username": "anna", "Secret": PASSWORD });
    let helper = yard.world.write(
        "bin/docker-credential-tests",
        "#!/bin/sh\n[ \"$1\" = get ] && cat \"$0.json\"\n",
    );
    yard.world
        .write("bin/docker-credential-tests.json", answer.to_string());
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&helper, mode).unwrap();
    let config = json!({ "credHelpers": { &registry.host: "tests" } });
    yard.world.write("client/config.json", config.to_string());
    let finished = yard
        .runs(
            &contained(&format!("containerImage: {image}"), "", "echo pulled"),
            &[],
        )
        .env("DOCKER_CONFIG", yard.world.here().join("client"))
        .path_first(&yard.world.here().join("bin"))
        .finish();
    finished.exits(0);
    unseen(&yard, &[&finished.stdout, &finished.stderr], PASSWORD);
    images::untag(yard.engine, &image);
}

/// What is said when an image cannot be had: exit code 5, once, with the image, and without the password.
#[test]
fn images_that_cannot_be_had_are_told() {
    let Some(yard) = Yard::new("images_that_cannot_be_had_are_told") else {
        return;
    };
    let Some(registry) = registry("images_that_cannot_be_had_are_told", &yard, true) else {
        return;
    };
    let host = registry.host.clone();
    let image = registry.publish("team/there:1", 50_000);
    let right = json!(PASSWORD).to_string();
    let cases: &[(&str, String, String, &[&str])] = &[
        (
            "wrong password",
            image.clone(),
            "credentials: {username: anna, password: wr0ng-w0rd}".to_owned(),
            &["anna", &host],
        ),
        (
            "no password",
            image.clone(),
            String::new(),
            &["credentials"],
        ),
        (
            "missing tag",
            format!("{host}/team/there:2"),
            format!("credentials: {{username: anna, password: {right}}}"),
            &["there:2"],
        ),
        (
            "unknown host",
            "registry.invalid/team/tool:1".to_owned(),
            String::new(),
            &["registry.invalid"],
        ),
        (
            "NEVER",
            format!("{host}/team/there:1"),
            "pullPolicy: NEVER".to_owned(),
            &["NEVER"],
        ),
    ];
    for (what, image, runner, parts) in cases {
        let proxy = Proxy::start(&yard.engine.socket());
        let yard = Yard {
            world: World::new(),
            url: proxy.url(),
            ..yard
        };
        let flow = contained(&format!("containerImage: {image}"), runner, "echo never");
        let finished = yard.runs(&flow, &[]).finish();
        finished
            .exits(5)
            .says([image.as_str()])
            .says(parts.iter().copied());
        finished.never_prints(["wr0ng-w0rd", PASSWORD, "panicked"]);
        assert!(
            finished.took < Duration::from_secs(20),
            "{what}: {finished}"
        );
        yard.nothing_is_left(&finished);
        unseen(&yard, &[&finished.stdout, &finished.stderr], "wr0ng-w0rd");
        assert_eq!(proxy.count("POST", "/containers/create*"), 0, "{what}");
        // What asking again cannot change is asked once.
        if what.contains("password") || what.contains("tag") {
            assert_eq!(
                proxy.count("POST", "/images/create*"),
                1,
                "{what}: {:#?}",
                proxy.lines()
            );
        }
    }
}

/// When an image is asked for: `IF_NOT_PRESENT` pulls what is missing, `ALWAYS` every time, `NEVER` never.
#[test]
fn the_policy_says_when_to_pull() {
    let Some(yard) = Yard::new("the_policy_says_when_to_pull") else {
        return;
    };
    let Some(registry) = registry("the_policy_says_when_to_pull", &yard, false) else {
        return;
    };
    let image = registry.publish("team/policy:1", 2_000_000);
    let pulls = |policy: &str| {
        let proxy = Proxy::start(&yard.engine.socket());
        let yard = Yard {
            world: World::new(),
            url: proxy.url(),
            ..yard
        };
        let flow = contained(
            &format!("containerImage: {image}"),
            &format!("pullPolicy: {policy}"),
            "cat /name",
        );
        let ran = yard.run(&flow, &[], 0);
        let told = ran.finished.stderr.contains("pulled");
        let count = proxy.count("POST", "/images/create*");
        assert_eq!(told, count > 0, "{}", ran.finished);
        count
    };
    assert_eq!(pulls("IF_NOT_PRESENT"), 1);
    assert_eq!(pulls("IF_NOT_PRESENT"), 0);
    assert_eq!(pulls("NEVER"), 0);
    assert_eq!(pulls("ALWAYS"), 1);
    images::untag(yard.engine, &image);
}

/// A name without a tag is `:latest` and nothing else of the repository; a digest is the image itself.
#[test]
fn names_without_a_tag_and_with_a_digest() {
    let Some(yard) = Yard::new("names_without_a_tag_and_with_a_digest") else {
        return;
    };
    let Some(registry) = registry("names_without_a_tag_and_with_a_digest", &yard, false) else {
        return;
    };
    let latest = registry.publish("team/many:latest", 10_000);
    let other = registry.publish("team/many:other", 10_000);
    let name = latest.trim_end_matches(":latest").to_owned();
    let ran = yard.run(
        &contained(&format!("containerImage: {name}"), "", "cat /name"),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), [latest.as_str()], "{}", ran.finished);
    assert!(!images::has(yard.engine, &other), "the other tag came too");
    let inspected = yard.engine.api().get(&format!("/images/{latest}/json"));
    let digest = inspected["RepoDigests"][0].as_str().unwrap().to_owned();
    images::untag(yard.engine, &latest);
    let yard = Yard {
        world: World::new(),
        url: yard.url.clone(),
        ..yard
    };
    let ran = yard.run(
        &contained(&format!("containerImage: {digest}"), "", "cat /name"),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), [latest.as_str()], "{}", ran.finished);
    images::untag(yard.engine, &digest);
}

/// Trouble that may pass is tried again; an error inside a pull that began well is an error.
#[test]
fn pulls_are_tried_again_where_that_may_help() {
    let Some(yard) = Yard::new("pulls_are_tried_again_where_that_may_help") else {
        return;
    };
    let Some(registry) = registry("pulls_are_tried_again_where_that_may_help", &yard, false) else {
        return;
    };
    let image = registry.publish("team/again:1", 50_000);
    let flow = contained(&format!("containerImage: {image}"), "", "echo ran");

    let proxy = Proxy::start(&yard.engine.socket());
    let here = Yard {
        world: World::new(),
        url: proxy.url(),
        ..yard
    };
    let trouble = Fault::Answer(503, Vec::new(), br#"{"message":"try later"}"#.to_vec());
    proxy.once("POST", "/images/create*", trouble);
    here.run(&flow, &[], 0);
    assert_eq!(
        proxy.count("POST", "/images/create*"),
        2,
        "{:#?}",
        proxy.lines()
    );
    images::untag(yard.engine, &image);

    let proxy = Proxy::start(&yard.engine.socket());
    let here = Yard {
        world: World::new(),
        url: proxy.url(),
        ..yard
    };
    proxy.once("POST", "/images/create*", Fault::CutAnswer(40));
    here.run(&flow, &[], 0);
    images::untag(yard.engine, &image);

    let proxy = Proxy::start(&yard.engine.socket());
    let here = Yard {
        world: World::new(),
        url: proxy.url(),
        ..yard
    };
    let stream = b"{\"status\":\"Pulling\"}\r\n{\"errorDetail\":{\"message\":\"no space left on device\"},\"error\":\"no space left on device\"}\r\n";
    proxy.always(
        "POST",
        "/images/create*",
        Fault::Answer(200, Vec::new(), stream.to_vec()),
    );
    let finished = here.runs(&flow, &[]).finish();
    finished.exits(5).says(["no space left on device"]);
    here.nothing_is_left(&finished);
}

/// A flow that asks for an insecure registry in `config` is told that this is a setting of the engine's own.
#[test]
fn insecure_registries_are_the_engines_own_setting() {
    let Some(yard) = Yard::new("insecure_registries_are_the_engines_own_setting") else {
        return;
    };
    let ran = yard.run(
        &contained(
            "",
            "config: |\n  {\n    \"insecure-registries\": [\"10.10.1.5:5000\"]\n  }",
            "echo \"Hello World!\"",
        ),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), ["Hello World!"]);
    let told = format!("{}{}", ran.warnings("one"), ran.finished.stderr);
    assert!(told.contains("insecure-registries"), "{}", ran.finished);
    // Also where the image cannot be had, which may be why.
    let yard = yard.fresh();
    let runner = "config: {insecure-registries: ['127.0.0.1:1']}";
    let task = "containerImage: 127.0.0.1:1/none:1";
    let ran = yard.run(&contained(task, runner, "exit 0"), &[], 5);
    let told = format!("{}{}", ran.warnings("one"), ran.finished.stderr);
    assert!(told.contains("has no effect here"), "{}", ran.finished);
}
