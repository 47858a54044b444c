//! One pull for all tasks that want the same image at once.

use std::time::Duration;

use serde_json::json;
use taffrail_tests::docker::images;
use taffrail_tests::docker::proxy::{Fault, Proxy};
use taffrail_tests::docker::registry::Registry;
use taffrail_tests::docker::skipped;

use crate::support::Yard;

const TASKS: usize = 6;

/// So many tasks at once that want an image.
fn flow(image: &str, policy: &str) -> String {
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            json!({
                "id": format!("task{number}"), "type": "io.kestra.plugin.scripts.shell.Commands",
                "containerImage": image, "commands": ["cat /name"],
                "taskRunner": {
                    "type": "io.kestra.plugin.scripts.runner.docker.Docker",
                    "pullPolicy": policy, "networkMode": "none",
                },
            })
        })
        .collect();
    json!({
        "id": "flow", "namespace": "test.docker",
        "tasks": [{ "id": "together", "type": "io.kestra.plugin.core.flow.Parallel", "tasks": tasks }],
    })
    .to_string()
}

#[test]
fn parallel_tasks_share_one_pull() {
    let name = "parallel_tasks_share_one_pull";
    let Some(yard) = Yard::new(name) else {
        return;
    };
    let registry = match Registry::start(yard.engine, None) {
        Ok(registry) => registry,
        Err(reason) => return skipped(name, &reason),
    };
    let image = registry.publish("team/shared:1", 3_000_000);
    let asked = |what: &str| {
        let log = registry.log();
        let ours = log.lines().filter(|line| line.contains("/v2/team/shared/"));
        ours.filter(|line| line.contains(what)).count()
    };
    for policy in ["IF_NOT_PRESENT", "ALWAYS"] {
        images::untag(yard.engine, &image);
        let before = (
            asked("GET /v2/team/shared/manifests/"),
            asked("GET /v2/team/shared/blobs/"),
        );
        let proxy = Proxy::start(&yard.engine.socket());
        // Long enough for all of them to want it.
        proxy.always(
            "POST",
            "/images/create*",
            Fault::Delay(Duration::from_secs(3)),
        );
        let yard = yard.behind(&proxy);
        let ran = yard.run(&flow(&image, policy), &["-j", "8"], 0);
        assert_eq!(ran.lines('|'), [image.as_str(); TASKS], "{}", ran.finished);
        let what = format!("{policy}: {:#?}\n{}", proxy.lines(), registry.log());
        assert_eq!(proxy.count("POST", "/images/create*"), 1, "{what}");
        // The registry gave each part once: the manifest, the configuration and the one layer.
        let after = (
            asked("GET /v2/team/shared/manifests/"),
            asked("GET /v2/team/shared/blobs/"),
        );
        assert!(
            after.0 - before.0 <= 2 && after.1 - before.1 <= 2,
            "{before:?} {after:?} {what}"
        );
        assert!(after.1 > before.1, "{what}");
        // Told by the one who pulls.
        let told = ran.finished.stderr.matches("pulled `").count();
        assert_eq!(told, 1, "{}", ran.finished);
    }
    images::untag(yard.engine, &image);

    // What cannot be had is asked for once, and told to all.
    let missing = image.replace(":1", ":2");
    let proxy = Proxy::start(&yard.engine.socket());
    proxy.always(
        "POST",
        "/images/create*",
        Fault::Delay(Duration::from_secs(3)),
    );
    let yard = yard.behind(&proxy);
    let finished = yard
        .runs(&flow(&missing, "IF_NOT_PRESENT"), &["-j", "8"])
        .finish();
    finished.exits(5);
    assert_eq!(
        proxy.count("POST", "/images/create*"),
        1,
        "{:#?}",
        proxy.lines()
    );
    let record = finished.json();
    let failures = record["tasks"].as_array().unwrap().iter().filter(|task| {
        let message = task["failure"]["message"].as_str().unwrap_or_default();
        task["failure"]["kind"] == "unreachable" && message.contains("team/shared:2")
    });
    assert_eq!(failures.count(), TASKS, "{finished}");
    yard.nothing_is_left(&finished);
}
