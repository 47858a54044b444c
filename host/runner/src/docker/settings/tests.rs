//! Whole settings: what is read from a flow's values, and what is said of wrong ones.

use serde_json::{Value, json};

use super::*;

fn read(value: Value) -> Result<DockerSettings, Vec<SettingError>> {
    let Value::Object(map) = value else {
        unreachable!("settings are a map")
    };
    DockerSettings::read(&map)
}

/// All mistakes, as `pointer: message`.
fn mistakes(value: Value) -> Vec<String> {
    match read(value.clone()) {
        Ok(_) => panic!("nothing is wrong with {value}"),
        Err(errors) => errors
            .iter()
            .map(|error| format!("{}: {}", error.pointer, error.message))
            .collect(),
    }
}

#[test]
fn nothing_said_is_the_documented_default() {
    let settings = read(json!({})).unwrap();
    assert_eq!(settings, DockerSettings::default());
    assert!(settings.delete && settings.wait && settings.resume && settings.init);
    assert!(!settings.privileged);
    assert_eq!(settings.entry_point, [""]);
    assert_eq!(settings.pull_policy, PullPolicy::IfNotPresent);
    assert!(!settings.mounts_files());
    assert!(settings.kill_grace_period.duration().is_zero());
}

#[test]
fn numbers_and_text_are_taken_for_each_other() {
    let settings = read(json!({
        "type": "io.kestra.plugin.scripts.runner.docker.Docker",
        "version": 1.2,
        "user": 1000,
        "cpu": {"cpus": "1.5"},
        "memory": {"memory": 536_870_912, "memorySwappiness": "60", "oomKillDisable": "true"},
        "shmSize": "128Mb",
        "privileged": "false",
        "delete": "false",
        "portBindings": [8080, "8081:81"],
        "pidsLimit": "20",
        "labels": {"count": 1, "on": true},
        "sysctls": ["net.core.somaxconn=1024"],
        "volumeDriver": "local",
    }))
    .unwrap();
    assert_eq!(settings.version.as_deref(), Some("1.2"));
    assert_eq!(settings.user.as_ref().map(User::as_str), Some("1000"));
    assert_eq!(settings.cpu.cpus.map(Cpus::nano), Some(1_500_000_000));
    assert_eq!(settings.memory.memory.map(Size::bytes), Some(536_870_912));
    assert_eq!(
        settings.memory.memory_swappiness.map(Percent::value),
        Some(60)
    );
    assert_eq!(settings.memory.oom_kill_disable, Some(true));
    assert_eq!(settings.shm_size.map(Size::bytes), Some(134_217_728));
    assert!(!settings.delete);
    assert_eq!(settings.port_bindings[0].bindings[0].container, 8080);
    assert_eq!(settings.pids_limit, Some(20));
    let labels: Vec<(&str, &str)> = settings.labels.iter().collect();
    assert_eq!(labels, [("count", "1"), ("on", "true")]);
    assert_eq!(
        settings.sysctls.iter().next(),
        Some(("net.core.somaxconn", "1024"))
    );
}

#[test]
fn all_mistakes_are_told_in_one_go_each_at_its_place() {
    assert_eq!(
        mistakes(json!({
            "memory": {"memory": "lots", "memmory": 1},
            "cpu": {"cpus": "half"},
            "volumes": ["a", "/a:/b", "/c", "relative:b", "/d:/e:wrong"],
            "pullPolicy": "SOMETIMES",
            "restartPolicy": "always",
            "capAd": [],
            "mounts": [{"type": "bind"}, 5],
            "healthcheck": {"test": []},
            "ulimits": [{"name": "files", "soft": 1}],
            "deviceReadBps": [{"path": "/dev/sda", "rate": "fast"}],
            "user": {},
        })),
        [
            "/memory/memory: `memory.memory` must be a size such as `512MB`, `0.5GB` or a number of bytes, not `lots`",
            "/memory/memmory: `memory` has no key `memmory`; did you mean `memory`?",
            "/cpu/cpus: `cpu.cpus` must be a number of processors such as `1.5`, at least `0.01`, not `half`",
            "/volumes/0: item 1 of `volumes` has the target `a`, which is no absolute path of the container",
            "/volumes/3: item 4 of `volumes` has the target `b`, which is no absolute path of the container",
            "/volumes/4: item 5 of `volumes` has the mode `wrong`; modes are `ro`, `rw`, `z`, `Z`, `nocopy` and the kinds of propagation such as `rslave`",
            "/pullPolicy: `pullPolicy` cannot be `SOMETIMES`; allowed: `IF_NOT_PRESENT`, `ALWAYS`, `NEVER`",
            "/restartPolicy: the Docker task runner does not take `restartPolicy`: a task ends once; `retry` of the task runs it again",
            "/capAd: the Docker task runner has no key `capAd`; did you mean `capAdd`?",
            "/mounts/0: item 1 of `mounts` needs the key `target`",
            "/mounts/1: item 2 of `mounts` must be a map, not a number",
            "/healthcheck/test: `healthcheck.test` must begin with `CMD` and the words of a command, with `CMD-SHELL` and one text, or be `[\"NONE\"]`",
            "/ulimits/0/name: `name` in item 1 of `ulimits` has the limit `files`; limits are `core`, `cpu`, `data`, `fsize`, `locks`, `memlock`, `msgqueue`, `nice`, `nofile`, `nproc`, `rss`, `rtprio`, `rttime`, `sigpending`, `stack`",
            "/ulimits/0: item 1 of `ulimits` needs the key `name`",
            "/deviceReadBps/0/rate: `rate` in item 1 of `deviceReadBps` must be a size such as `2MB`, not `fast`",
            "/deviceReadBps/0: item 1 of `deviceReadBps` needs the key `rate`",
            "/user: `user` must be a user as `user[:group]`, by name or number, for example `1000:1000`, not a map",
        ]
    );
}

#[test]
fn properties_that_exclude_each_other_are_told() {
    let check = |value: Value, expected: &[&str]| {
        let found = mistakes(value.clone());
        assert_eq!(found.len(), expected.len(), "{value}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{value}: {found}");
        }
    };
    check(
        json!({"memory": {"memory": "5MB"}}),
        &["/memory/memory: `memory.memory` must be at least 6MB, not 5 MiB"],
    );
    check(
        json!({"memory": {"memorySwap": "1GB"}}),
        &["/memory/memorySwap: "],
    );
    check(
        json!({"memory": {"memory": "1GB", "memorySwap": "512MB", "memoryReservation": "2GB"}}),
        &["/memory/memorySwap: ", "/memory/memoryReservation: "],
    );
    check(json!({"shmSize": 0}), &["/shmSize: "]);
    check(
        json!({"cpu": {"cpus": 1}, "cpuPeriod": 1000, "cpuQuota": 1000}),
        &["/cpuPeriod: ", "/cpuQuota: "],
    );
    check(
        json!({"cpuPeriod": 999, "cpuQuota": 0}),
        &["/cpuPeriod: ", "/cpuQuota: "],
    );
    check(
        json!({"cpuRtPeriod": 10, "cpuRtRuntime": 20}),
        &["/cpuRtRuntime: `cpuRtRuntime` must not be more"],
    );
    check(
        json!({"networkMode": "container:x", "portBindings": ["80:80"], "publishAllPorts": true}),
        &[
            "/portBindings: `portBindings` is that of the other",
            "/publishAllPorts: ",
        ],
    );
    check(
        json!({"networkDisabled": true, "networkMode": "bridge"}),
        &["/networkDisabled: "],
    );
    check(
        json!({"networkMode": "container:x", "hostname": "h", "dns": ["1.1.1.1"], "links": ["a"], "macAddress": "02:42:ac:11:00:02"}),
        &["/macAddress: ", "/links: ", "/hostname: ", "/dns: "],
    );
    check(
        json!({"utsMode": "host", "hostname": "h"}),
        &["/hostname: "],
    );
    check(
        json!({"volumes": ["/a:/taffrail", "/a:/x", "/b:/x/"], "tmpfs": ["/x", "scratch"], "mounts": [{"type": "tmpfs", "target": "/taffrail/work/"}]}),
        &[
            "/volumes/0: `/taffrail` would lie over the working directory",
            "/volumes/2: something else is mounted at `/x/`",
            "/mounts/0/target: ",
            "/tmpfs/0: something else",
            "/tmpfs/1: `tmpfs` has `scratch`, which is no absolute path",
        ],
    );
    check(json!({"tmpfs": {"/a/../b": ""}}), &["/tmpfs/~1a~1..~1b: "]);
    check(
        json!({"mounts": [
            {"type": "bind", "target": "/a"},
            {"type": "bind", "source": "a", "target": "/b"},
            {"source": "/a", "target": "/c"},
            {"type": "tmpfs", "source": "a", "target": "/d"},
            {"type": "image", "target": "/e", "tmpfsOptions": {}},
        ]}),
        &[
            "/mounts/0/source: ",
            "/mounts/1/source: ",
            "/mounts/2/source: ",
            "/mounts/3/source: ",
            "/mounts/4/source: ",
            "/mounts/4/tmpfsOptions: ",
        ],
    );
    check(
        json!({"pidsLimit": 0, "oomScoreAdj": 1001, "cpuShares": 1, "healthcheck": {"retries": 0}}),
        &[
            "/pidsLimit: ",
            "/oomScoreAdj: ",
            "/cpuShares: ",
            "/healthcheck/retries: ",
        ],
    );
    check(
        json!({"sysctls": {"vm.swappiness": 1, "net.core.somaxconn": 1}, "networkMode": "host"}),
        &[
            "/sysctls/vm.swappiness: the kernel parameter",
            "/sysctls/net.core.somaxconn: ",
        ],
    );
    check(
        json!({"sysctls": ["kernel.shmmax=1"], "ipcMode": "host"}),
        &["/sysctls/0: "],
    );
    check(
        json!({"volumesFrom": ["a:x", ":ro"], "runtime": "a b", "cgroupParent": "", "dnsSearch": ["a b"], "groupAdd": [""]}),
        &[
            "/volumesFrom/0: ",
            "/volumesFrom/1: ",
            "/runtime: ",
            "/cgroupParent: ",
            "/groupAdd/0: ",
            "/dnsSearch/0: ",
        ],
    );
    check(
        json!({"deviceRequests": [{"count": 1, "deviceIds": ["0"], "driver": "x"}, {}]}),
        &["/deviceRequests/0/count: ", "/deviceRequests/1: "],
    );
    check(
        json!({"credentials": {"registry": "a"}}),
        &["/credentials: "],
    );
    check(
        json!({"credentials": {"password": "a"}}),
        &["/credentials: "],
    );
    check(
        json!({"logConfig": {"driver": ""}}),
        &["/logConfig/driver: "],
    );
    check(
        json!({"logConfig": {}}),
        &["/logConfig: `logConfig` needs the key `driver`"],
    );
    check(json!({"labels": {"": "x"}}), &["/labels/: "]);
}

#[test]
fn no_refused_name_is_a_property() {
    for entry in refused::REFUSED {
        let found = mistakes(json!({ (entry.name): "x" }));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(entry.reason), "{found:?}");
    }
}
