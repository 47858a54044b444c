//! Rows of users, rights and of what runs.

use serde_json::json;
use taffrail_tests::docker::images;

use super::Seen::{Fails, FailsOr, Inspect, Prints};
use super::{Row, of_image, row};

pub(super) fn rights(other: &str) -> Vec<Row> {
    vec![
        row(
            "user, numeric",
            json!({ "user": "1234:77" }),
            "id -u; id -g; touch made && echo written",
            vec![Prints("1234"), Prints("77"), Prints("written")],
        ),
        row(
            "user, named",
            json!({ "user": "app" }),
            "id -un; touch made && echo written",
            vec![Prints("app"), Prints("written")],
        ),
        row(
            "user, unknown",
            json!({ "user": "nobody-knows" }),
            "true",
            vec![Fails("nobody-knows")],
        ),
        row(
            "groupAdd",
            json!({ "groupAdd": ["extra", "88"] }),
            "id -G | tr ' ' '\\n'",
            vec![Prints("77"), Prints("88")],
        ),
        row(
            "privileged",
            json!({ "privileged": true }),
            "true",
            // An engine that lacks a right itself cannot give it.
            vec![FailsOr("caps", "/HostConfig/Privileged", json!(true))],
        ),
        row(
            "capAdd",
            json!({ "capAdd": ["SYS_ADMIN"] }),
            "mount -t tmpfs none /srv && echo mounted",
            vec![Prints("mounted")],
        ),
        row(
            "capDrop",
            json!({ "capDrop": ["ALL"] }),
            "grep CapEff /proc/self/status | tr '\\t' ' '",
            vec![Prints("CapEff: 0000000000000000")],
        ),
        row(
            "securityOpt",
            json!({ "securityOpt": ["no-new-privileges"] }),
            "grep NoNewPrivs /proc/self/status | tr '\\t' ' '",
            vec![Prints("NoNewPrivs: 1")],
        ),
        row(
            "securityOpt, unconfined",
            json!({ "securityOpt": ["seccomp=unconfined"] }),
            "grep Seccomp: /proc/self/status | tr '\\t' ' '",
            vec![Prints("Seccomp: 0")],
        ),
        row(
            "usernsMode",
            json!({ "usernsMode": "host" }),
            "true",
            vec![Inspect("/HostConfig/UsernsMode", json!("host"))],
        ),
        row(
            "pidMode",
            json!({ "pidMode": format!("container:{other}") }),
            "cat /proc/1/comm",
            vec![Prints("sleep")],
        ),
        row(
            "ipcMode",
            json!({ "ipcMode": "none" }),
            "[ -e /dev/shm ] || echo no shared memory",
            vec![Prints("no shared memory")],
        ),
        row(
            "utsMode",
            json!({ "utsMode": "host" }),
            "true",
            vec![Inspect("/HostConfig/UTSMode", json!("host"))],
        ),
    ]
}

pub(super) fn program() -> Vec<Row> {
    vec![
        row(
            "init",
            json!({}),
            "cat /proc/1/comm",
            vec![
                Inspect("/HostConfig/Init", json!(true)),
                Prints("docker-init"),
            ],
        ),
        row(
            "init: false",
            json!({ "init": false }),
            "cat /proc/1/comm; true",
            vec![Prints("sh"), Inspect("/HostConfig/Init", json!(false))],
        ),
        of_image(
            "entryPoint, reset",
            images::ENTRYPOINT,
            json!({}),
            "echo plain",
            vec![Prints("plain")],
        ),
        of_image(
            "entryPoint, that of the image",
            images::ENTRYPOINT,
            json!({ "entryPoint": [] }),
            "echo plain",
            vec![Inspect("/Config/Entrypoint", json!(["/bin/echo", "entry"]))],
        ),
        row(
            "entryPoint, own",
            json!({ "entryPoint": ["/bin/env", "OWN=yes"] }),
            "echo $OWN",
            vec![Prints("yes")],
        ),
        row(
            "runtime",
            json!({ "runtime": "runc" }),
            "echo ran",
            vec![Prints("ran"), Inspect("/HostConfig/Runtime", json!("runc"))],
        ),
        row(
            "runtime, unknown",
            json!({ "runtime": "no-such-runtime" }),
            "true",
            vec![Fails("no-such-runtime")],
        ),
        row(
            "stopSignal",
            json!({ "stopSignal": "SIGQUIT" }),
            "true",
            vec![Inspect("/Config/StopSignal", json!("SIGQUIT"))],
        ),
        row(
            "healthcheck",
            json!({ "healthcheck": { "test": "exit 1", "interval": "200ms", "timeout": "1s", "retries": 2 } }),
            "sleep 2",
            vec![
                Inspect("/State/Health/Status", json!("unhealthy")),
                Inspect("/Config/Healthcheck/Test/1", json!("exit 1")),
            ],
        ),
        row(
            "labels",
            json!({ "labels": { "team": "data", "tier": 3 } }),
            "true",
            vec![
                Inspect("/Config/Labels/team", json!("data")),
                Inspect("/Config/Labels/tier", json!("3")),
            ],
        ),
        row(
            "platform, foreign",
            json!({ "platform": "linux/s390x", "pullPolicy": "NEVER" }),
            "true",
            vec![Fails("platform")],
        ),
        row(
            "logConfig",
            json!({ "logConfig": { "driver": "none" } }),
            "echo still heard",
            vec![
                Prints("still heard"),
                Inspect("/HostConfig/LogConfig/Type", json!("none")),
            ],
        ),
        row(
            "useConfigProxy, config",
            json!({ "useConfigProxy": true, "config": { "proxies": { "default": { "httpProxy": "http://proxy.example.test:3128" } } } }),
            "echo $HTTP_PROXY",
            vec![Prints("http://proxy.example.test:3128")],
        ),
        of_image(
            "pullPolicy: NEVER",
            "taffrail-test/not-there:1",
            json!({ "pullPolicy": "NEVER" }),
            "true",
            vec![Fails("taffrail-test/not-there:1")],
        ),
        row(
            "version",
            json!({ "version": "1.0" }),
            "echo ran",
            vec![Prints("ran")],
        ),
    ]
}
