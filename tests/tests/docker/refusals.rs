//! What a flow may not ask of the host unless the host's own configuration allows it, and values that cannot be right.

use taffrail_tests::docker::proxy::Proxy;

use crate::support::{Yard, contained};

/// Each is refused by name at its place, with the setting that would allow it, before anything is created.
#[test]
fn what_reaches_for_the_host_is_refused() {
    let Some(mut yard) = Yard::new("what_reaches_for_the_host_is_refused") else {
        return;
    };
    let proxy = Proxy::start(&yard.engine.socket());
    yard.url = proxy.url();
    for (settings, name) in [
        ("volumes: ['/etc:/given']", "volumes"),
        ("volumes: [data:/given]", "volumes"),
        (
            "mounts: [{type: bind, source: /etc, target: /given}]",
            "mounts",
        ),
        (
            "mounts: [{type: volume, source: data, target: /given}]",
            "mounts",
        ),
        ("volumesFrom: [other]", "volumesFrom"),
        (
            "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
            "volumes",
        ),
        ("privileged: true", "privileged"),
        ("devices: ['/dev/kmsg']", "devices"),
        (
            "deviceRequests: [{capabilities: [[gpu]]}]",
            "deviceRequests",
        ),
        ("deviceCgroupRules: ['c 1:1 rwm']", "deviceCgroupRules"),
        ("pidMode: host", "pidMode"),
        ("ipcMode: host", "ipcMode"),
        ("utsMode: host", "utsMode"),
        ("usernsMode: host", "usernsMode"),
        ("networkMode: 'container:other'", "networkMode"),
        ("pidMode: 'container:other'", "pidMode"),
        ("ipcMode: 'container:other'", "ipcMode"),
        ("capAdd: [SYS_ADMIN]", "capAdd"),
        ("securityOpt: ['seccomp=unconfined']", "securityOpt"),
        ("securityOpt: ['apparmor=unconfined']", "securityOpt"),
        ("securityOpt: ['label=disable']", "securityOpt"),
    ] {
        yard.world
            .write("flow.yaml", contained("", settings, "true"));
        let finished = yard.command(["run", "flow.yaml"]).finish();
        finished
            .exits(9)
            .says([&format!("`{name}`"), "flow.yaml:8:", "--allow"]);
    }
    assert_eq!(proxy.count("POST", "*"), 0, "{:#?}", proxy.lines());
}
