//! Wrong values that only the engine can find: each is told at its line and column with what is there instead, nothing is left, and
//! no retry tries them again. What passes by itself is told there, too, and is tried again.

use taffrail_tests::docker::images::TOOLS;

use crate::support::Yard;

/// Settings with `^` before the place that must be named, what has to be allowed, what is said; an empty text where the engine does
/// not say it.
struct Row {
    settings: &'static str,
    allowed: &'static [&'static str],
    docker: &'static str,
    podman: &'static str,
}

const fn row(
    settings: &'static str,
    allowed: &'static [&'static str],
    docker: &'static str,
    podman: &'static str,
) -> Row {
    Row {
        settings,
        allowed,
        docker,
        podman,
    }
}

const ROWS: &[Row] = &[
    row(
        "networkMode: ^bridgee",
        &[],
        "no network `bridgee`; it has `bridge`, `host`, `none`; did you mean `bridge`?",
        "no network `bridgee`; it has ",
    ),
    row(
        "networkMode: ^'container:taffrail-nosuch'",
        &["container-namespaces"],
        "no container `taffrail-nosuch`",
        "no container `taffrail-nosuch`",
    ),
    row("runtime: ^runcc", &[], "no runtime `runcc`; it has ", ""),
    row(
        "user: ^rot",
        &[],
        "the image has no user `rot`; it has ",
        "the image has no user `rot`",
    ),
    row(
        "user: ^'0:rot'",
        &[],
        "the image has no group `rot`; it has ",
        "the image has no group `rot`",
    ),
    row(
        "groupAdd: [root, ^rot]",
        &[],
        "the image has no group `rot`; it has ",
        "the image has no group `rot`",
    ),
    row(
        "devices: [/dev/null, ^/dev/nosuch]",
        &["devices"],
        "no device `/dev/nosuch`",
        "no `/dev/nosuch`",
    ),
    row(
        "deviceRequests: ^[{driver: nosuch, capabilities: [[gpu]]}]",
        &["devices"],
        "no device driver",
        "",
    ),
    row(
        "sysctls: {net.ipv4.ip_forward: ^hello}",
        &[],
        "does not take this value for the parameter `net.ipv4.ip_forward`",
        "does not take this value for the parameter `net.ipv4.ip_forward`",
    ),
    row(
        "sysctls: {net.nosuch: ^'1'}",
        &[],
        "no kernel parameter `net.nosuch`",
        "no kernel parameter `net.nosuch`",
    ),
    row(
        "portBindings: [^'203.0.113.9:18080:80']",
        &[],
        "cannot assign requested address",
        "cannot assign requested address",
    ),
    row(
        "mounts: [{type: bind, source: ^/nowhere/at/all, target: /x, bindOptions: {createMountpoint: false}}]",
        &["volumes"],
        "no `/nowhere/at/all` to mount",
        "",
    ),
    row(
        "volumesFrom: [^taffrail-nosuch]",
        &["volumes"],
        "no container `taffrail-nosuch`",
        "no container `taffrail-nosuch`",
    ),
    row(
        "logConfig: {driver: ^syslogg}",
        &[],
        "no log driver `syslogg`; it has ",
        "",
    ),
    row(
        "logConfig: {driver: json-file, options: {odd: ^'1'}}",
        &[],
        "unknown log opt 'odd'",
        "",
    ),
    row(
        "cpusetCpus: ^0-999",
        &[],
        "are not available",
        "are not available",
    ),
    row(
        "platform: ^linux/s390x",
        &[],
        "does not match the specified platform",
        "",
    ),
    row(
        "workingDir: ^/bin/busybox",
        &[],
        "is not a directory",
        "is not a directory",
    ),
];

/// A flow with these settings and retries, and the line and column of the mark.
fn flow(settings: &str) -> (String, String) {
    let column = 7 + settings.find('^').unwrap();
    let flow = format!(
        "id: flow\nnamespace: test.docker\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n    containerImage: {TOOLS}\n    \
         retry: {{type: constant, interval: PT0.01S, maxAttempts: 3}}\n    commands: ['true']\n    taskRunner:\n      \
         type: io.kestra.plugin.scripts.runner.docker.Docker\n      {}\n",
        settings.replace('^', "")
    );
    (flow, format!("flow.yaml:11:{column}\n"))
}

fn check(yard: &Yard, says: fn(&Row) -> &'static str) {
    for wrong in ROWS.iter().filter(|wrong| !says(wrong).is_empty()) {
        let yard = yard.fresh();
        let (flow, place) = flow(wrong.settings);
        yard.world.write("flow.yaml", flow);
        let mut arguments = vec!["run", "flow.yaml"];
        for allowed in wrong.allowed {
            arguments.extend(["--allow", allowed]);
        }
        let finished = yard.command(arguments).finish();
        finished
            .exits(3)
            .says(["error[TF0104]", &place, says(wrong)]);
        assert!(!finished.stderr.contains("again in"), "{finished}");
        yard.nothing_is_left(&finished);
    }
}

#[test]
fn what_only_docker_finds_is_told_at_its_place() {
    if let Some(yard) = Yard::new("what_only_docker_finds_is_told_at_its_place") {
        check(&yard, |wrong| wrong.docker);
    }
}

#[test]
fn what_only_podman_finds_is_told_at_its_place() {
    if let Some(yard) = Yard::podman("what_only_podman_finds_is_told_at_its_place") {
        check(&yard, |wrong| wrong.podman);
    }
}

/// Somebody else may let go of it: that is no mistake of the flow, and the next attempt may have it.
#[test]
fn a_port_that_is_taken_is_tried_again() {
    let Some(yard) = Yard::new("a_port_that_is_taken_is_tried_again") else {
        return;
    };
    let body = serde_json::json!({
        "Image": TOOLS, "Cmd": ["sleep", "1000"], "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {"Init": true, "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}},
    });
    let api = yard.engine.api();
    let holder = api.post("/containers/create", &body).json();
    let holder = holder["Id"].as_str().unwrap().to_owned();
    api.call("POST", &format!("/containers/{holder}/start"));
    let found = api.get(&format!("/containers/{holder}/json"));
    let port = found["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
        .as_str()
        .unwrap()
        .to_owned();
    let (flow, place) = flow(&format!("portBindings: [^'127.0.0.1:{port}:80']"));
    yard.world.write("flow.yaml", flow);
    let finished = yard.command(["run", "flow.yaml"]).finish();
    yard.engine.remove(&holder);
    finished
        .exits(5)
        .says(["error[TF0104]", &place, "cannot give this now", "again in"]);
    yard.nothing_is_left(&finished);
}

/// Not by the task's own retry, that of what it is in, or that of the flow; a retry of what another task in the same failed for stays.
#[test]
fn what_is_written_wrong_is_not_tried_again() {
    let Some(yard) = Yard::new("what_is_written_wrong_is_not_tried_again") else {
        return;
    };
    let retry = "{type: constant, interval: PT0.01S, maxAttempts: 3}";
    let flow = |of_flow: &str, allow: &str| {
        format!(
            "id: flow\nnamespace: test.docker\nretry: {of_flow}\ntasks:\n  - id: all\n    type: io.kestra.plugin.core.flow.Sequential\n    \
             retry: {retry}\n    tasks:\n      - id: one\n        type: io.kestra.plugin.scripts.shell.Commands\n        containerImage: {TOOLS}\n        \
             allowFailure: {allow}\n        commands: ['true']\n        \
             taskRunner: {{type: io.kestra.plugin.scripts.runner.docker.Docker, networkMode: bridgee}}\n      \
             - {{id: two, type: io.kestra.plugin.core.execution.Fail}}\n"
        )
    };
    let again =
        "{type: constant, interval: PT0.01S, maxAttempts: 3, behavior: CREATE_NEW_EXECUTION}";
    for of_flow in [retry, again] {
        let ran = yard.fresh().run(&flow(of_flow, "false"), &[], 3);
        assert_eq!(ran.task("all")["attempts"], serde_json::Value::Null);
        assert_eq!(ran.task("one")["attempts"], serde_json::Value::Null);
        assert!(!ran.finished.stderr.contains("again"), "{}", ran.finished);
    }
    let ran = yard.fresh().run(&flow(retry, "true"), &[], 4);
    let attempts = ran.task("all")["attempts"].as_array().map(Vec::len);
    assert_eq!(attempts, Some(2), "{}", ran.finished);
}
