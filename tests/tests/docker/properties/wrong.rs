//! Wrong values of the properties, each told at its line and column.

use taffrail_tests::cli::World;

/// A wrong value, with `^` before the place that the message must name, and a part of what must be said.
const WRONG: &[(&str, &str)] = &[
    ("config: ^'{'", "config"),
    ("credentials: ^{registry: example.test}", "credentials"),
    ("credentials: {^pasword: x}", "password"),
    ("cpu: {cpus: ^lots}", "cpus"),
    ("cpu: {cpus: ^-1}", "cpus"),
    ("cpu: {^cpu: 1}", "cpus"),
    ("memory: {memory: ^much}", "memory"),
    ("memory: {memory: ^1KB}", "6MB"),
    ("memory: {memory: 64MB, memorySwap: ^32MB}", "memorySwap"),
    ("memory: {memorySwap: ^64MB}", "memory.memory"),
    (
        "memory: {memory: 64MB, memoryReservation: ^128MB}",
        "memoryReservation",
    ),
    ("memory: {memory: 64MB, memorySwappiness: ^101}", "100"),
    (
        "memory: {memory: 64MB, oomKillDisable: ^maybe}",
        "oomKillDisable",
    ),
    ("memory: {kernelMemory: ^some}", "kernelMemory"),
    ("shmSize: ^0", "shmSize"),
    ("delete: ^perhaps", "delete"),
    ("wait: ^perhaps", "wait"),
    ("resume: ^perhaps", "resume"),
    ("deviceRequests: [^{count: 1}]", "capabilities"),
    ("entryPoint: ^{a: b}", "entryPoint"),
    ("extraHosts: [^nonsense]", "extraHosts"),
    ("fileHandlingStrategy: ^COPY", "VOLUME"),
    ("host: ^carrier-pigeon", "host"),
    ("killGracePeriod: ^soon", "killGracePeriod"),
    ("networkMode: ^'a b'", "networkMode"),
    ("portBindings: [^'80:80:80:80']", "portBindings"),
    ("portBindings: [^'80:99999']", "65535"),
    ("privileged: ^perhaps", "privileged"),
    ("pullPolicy: ^SOMETIMES", "IF_NOT_PRESENT"),
    ("user: ^'a b'", "user"),
    ("volumes: [^relative]", "volumes"),
    ("volumes: [^'/a:/taffrail/work']", "working directory"),
    ("^capad: [X]", "capAdd"),
    ("capAdd: [^NO_SUCH_RIGHT]", "capAdd"),
    ("capDrop: [^NO_SUCH_RIGHT]", "capDrop"),
    ("ulimits: [^'nofile=many']", "ulimits"),
    ("ulimits: [^'nofiles=1']", "nofile"),
    ("tmpfs: {relative: ^''}", "absolute path"),
    ("sysctls: {vm.swappiness: ^1}", "kernel parameter"),
    ("mounts: [{^kind: bind}]", "kind"),
    (
        "mounts: [{type: bind, source: ^relative, target: /x}]",
        "absolute path",
    ),
    ("mounts: [{type: ^floppy, target: /x}]", "tmpfs"),
    ("healthcheck: {test: ^[true]}", "CMD"),
    ("healthcheck: {test: x, interval: ^often}", "interval"),
    ("labels: ^5", "labels"),
    ("platform: ^'linux/'", "platform"),
    ("init: ^perhaps", "init"),
    ("runtime: ^'a b'", "runtime"),
    ("securityOpt: [^no-such-option]", "securityOpt"),
    ("pidsLimit: ^0", "pidsLimit"),
    ("oomScoreAdj: ^5000", "oomScoreAdj"),
    ("cpuShares: ^1", "cpuShares"),
    ("cpuPeriod: ^1", "cpuPeriod"),
    ("cpuQuota: ^1", "cpuQuota"),
    ("cpu: {cpus: 1}, cpuQuota: ^50000", "cpu.cpus"),
    ("cpusetCpus: ^first", "cpusetCpus"),
    ("cpusetMems: ^first", "cpusetMems"),
    ("cpuRtPeriod: ^0", "cpuRtPeriod"),
    ("cpuRtRuntime: ^0", "cpuRtRuntime"),
    ("blkioWeight: ^5", "blkioWeight"),
    ("blkioWeightDevice: [^'/dev/x:5']", "blkioWeightDevice"),
    ("deviceReadBps: [^'/dev/x']", "deviceReadBps"),
    ("deviceWriteBps: [^'/dev/x:fast']", "deviceWriteBps"),
    ("deviceReadIops: [^'/dev/x:fast']", "deviceReadIops"),
    ("deviceWriteIops: [^'/dev/x:fast']", "deviceWriteIops"),
    ("devices: [^relative]", "devices"),
    ("deviceCgroupRules: [^all]", "deviceCgroupRules"),
    ("storageOpt: ^5", "storageOpt"),
    ("dns: [^nonsense]", "dns"),
    ("dnsOpt: [^'a b']", "dnsOpt"),
    ("dnsSearch: [^'a b']", "dnsSearch"),
    ("workingDir: ^app", "workingDir"),
    ("hostname: ^'a b'", "hostname"),
    ("domainname: ^'a b'", "domainname"),
    ("macAddress: ^nonsense", "macAddress"),
    ("networkDisabled: ^perhaps", "networkDisabled"),
    ("publishAllPorts: ^perhaps", "publishAllPorts"),
    ("links: ^5", "links"),
    ("groupAdd: [^'a b']", "groupAdd"),
    ("readOnly: ^perhaps", "readOnly"),
    ("volumeDriver: ^'a b'", "volumeDriver"),
    ("volumesFrom: [^':ro']", "volumesFrom"),
    ("usernsMode: ^mine", "usernsMode"),
    ("pidMode: ^mine", "pidMode"),
    ("ipcMode: ^mine", "ipcMode"),
    ("utsMode: ^mine", "utsMode"),
    ("cgroupParent: ^'a b'", "cgroupParent"),
    ("stopSignal: ^SIGNONE", "stopSignal"),
    ("logConfig: {^type: none}", "driver"),
    ("useConfigProxy: ^perhaps", "useConfigProxy"),
    // What other tools know and what is refused by name, with what to write instead.
    ("^restartPolicy: {Name: always}", "retry"),
    ("^autoRemove: true", "delete"),
    ("^detach: true", "wait"),
    ("^remove: true", "delete"),
    ("^tty: true", "terminal"),
    ("^stdinOpen: true", "standard input"),
    ("^command: x", "commands"),
    ("^environment: {A: b}", "env"),
    ("^nanoCpus: 5", "cpu.cpus"),
    ("^memLimit: 5m", "memory.memory"),
    ("^cpuCount: 1", "Windows"),
    ("^cpuPercent: 1", "Windows"),
    ("^isolation: hyperv", "Windows"),
    ("^lxcConf: {}", "LXC"),
    ("^initPath: /x", "init"),
    ("^ports: {}", "portBindings"),
    ("^network: x", "networkMode"),
    ("^name: x", "labels"),
];

/// Every mistake of a large flow is told in one go, each at its line and column.
#[test]
fn every_wrong_value_is_told_at_its_place() {
    let world = World::new();
    let mut flow = "id: flow\nnamespace: test.docker\ntasks:\n".to_owned();
    let mut wanted = Vec::new();
    for (number, (settings, part)) in WRONG.iter().enumerate() {
        flow.push_str(&format!(
            "  - id: wrong{number}\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: ['true']\n    taskRunner:\n      \
             {{type: io.kestra.plugin.scripts.runner.docker.Docker,\n      "
        ));
        let column = 7 + settings.find('^').expect("a place is marked");
        flow.push_str(&settings.replace('^', ""));
        let line = flow.lines().count();
        flow.push_str("}\n");
        wanted.push((settings, part, format!("flow.yaml:{line}:{column}\n")));
    }
    world.write("flow.yaml", flow);
    let finished = world.taffrail(["validate", "flow.yaml"]);
    finished.exits(3);
    let text = format!("\n{}{}", finished.stdout, finished.stderr);
    let complaints: Vec<&str> = text.split("\nerror").collect();
    let mut missed = Vec::new();
    for (settings, part, place) in wanted {
        let told: Vec<&&str> = complaints
            .iter()
            .filter(|complaint| complaint.contains(&place))
            .collect();
        match told.as_slice() {
            [] => missed.push(format!("{settings}: nothing at {place}")),
            told if told.iter().any(|told| told.contains(part)) => {}
            told => missed.push(format!("{settings}: {part:?} is not in {told:?}")),
        }
    }
    assert!(missed.is_empty(), "{}\n{finished}", missed.join("\n"));
}
