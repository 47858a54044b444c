//! What engines say, and what it means.

use serde_json::json;

use super::wordings::*;
use super::*;

/// Messages of Docker Engine 20.10, 24 and 28 and of Podman 4.3 with what they mean of these settings: where, the kind, the word.
#[test]
fn messages_of_engines_mean_settings() {
    let settings = json!({
        "networkMode": "nosuch",
        "runtime": "nosuch",
        "user": "app:nosuch",
        "groupAdd": ["audio", "staff2"],
        "devices": ["/dev/null", "/dev/nosuch:/dev/x"],
        "deviceReadBps": [{"path": "/dev/sdz", "rate": "1MB"}],
        "deviceRequests": [{"driver": "nosuch"}],
        "sysctls": {"net.core.somaxconn": 1, "net.nosuch": 1, "net.ipv4.ip_forward": "hello"},
        "portBindings": ["127.0.0.1:18080:80", "18081:81", "10.99.99.99:18082:82"],
        "mounts": [{"type": "bind", "source": "/nosuch/y", "target": "/x"}, {"type": "image", "source": "no:1", "target": "/i"}],
        "volumes": ["/tmp:/x", "/nosuch/z:/z"],
        "volumesFrom": ["gone:ro"],
        "volumeDriver": "nosuch",
        "logConfig": {"type": "nosuch", "config": {"odd": "1"}},
        "cpusetCpus": "0-99",
        "cpu": {"cpus": 64},
        "memory": {"memory": "6MB"},
        "securityOpt": ["nosuch=1"],
        "storageOpt": {"size": "1G"},
        "ulimits": ["nofile=99999999"],
        "platform": "linux/arm64",
        "tmpfs": ["/t:odd=1"],
        "workingDir": "/bin/sh",
        "cpuRtRuntime": 950000,
        "capAdd": ["NOSUCH"],
        "stopSignal": "SIGNOSUCH",
        "extraHosts": ["a:nosuch"],
        "usernsMode": "odd",
        "macAddress": "zz",
    });
    let settings = settings.as_object().unwrap();
    let check = |message: &str, pointer: &str, about: About, word: Option<&str>| {
        let found = read(message, settings).map(|found| (found.pointer, found.about, found.word));
        let expected = (pointer.to_owned(), about, word.map(str::to_owned));
        assert_eq!(found, Some(expected), "{message}");
    };
    check(
        "network nosuch not found",
        "/networkMode",
        About::Network,
        Some("nosuch"),
    );
    check(
        "container create: unable to find network with name or ID nosuch: network not found",
        "/networkMode",
        About::Network,
        Some("nosuch"),
    );
    check(
        "No such container: nosuch",
        "/networkMode",
        About::Container,
        Some("nosuch"),
    );
    check(
        "No such container: gone",
        "/volumesFrom/0",
        About::Container,
        Some("gone"),
    );
    check(
        "container create: looking up container \"gone\" for volumes-from: no container with name or ID \"gone\" found: no such container",
        "/volumesFrom/0",
        About::Container,
        Some("gone"),
    );
    check(
        "Unknown runtime specified nosuch",
        "/runtime",
        About::Runtime,
        Some("nosuch"),
    );
    check(
        "unknown or invalid runtime name: nosuch",
        "/runtime",
        About::Runtime,
        Some("nosuch"),
    );
    check(
        "unable to find user app: no matching entries in passwd file",
        "/user",
        About::User,
        Some("app"),
    );
    check(
        "unable to find group nosuch: no matching entries in group file",
        "/user",
        About::Group,
        Some("nosuch"),
    );
    check(
        "looking up supplemental groups for container ee3c: Unable to find group staff2: no matching entries in group file",
        "/groupAdd/1",
        About::Group,
        Some("staff2"),
    );
    check(
        "error gathering device information while adding custom device \"/dev/nosuch\": no such file or directory",
        "/devices/1",
        NO_DEVICE,
        Some("/dev/nosuch"),
    );
    check(
        "error gathering device information while adding custom device \"/dev/null\": not a device node",
        "/devices/0",
        About::Itself,
        Some("/dev/null"),
    );
    let lacking = About::Said("the engine's machine has no `*`");
    check(
        "container create: stat /dev/nosuch: no such file or directory",
        "/devices/1",
        lacking,
        Some("/dev/nosuch"),
    );
    check(
        "stat /dev/sdz: no such file or directory",
        "/deviceReadBps/0/path",
        lacking,
        Some("/dev/sdz"),
    );
    check(
        "container create: could not parse throttle device at /dev/sdz: no such file or directory",
        "/deviceReadBps/0/path",
        NO_DEVICE,
        Some("/dev/sdz"),
    );
    let driver = About::Said("the engine has no device driver that gives this");
    check(
        "could not select device driver \"nosuch\" with capabilities: [[gpu]]",
        "/deviceRequests",
        driver,
        None,
    );
    let container = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ";
    check(
        &format!("{container}open /proc/sys/net/nosuch: no such file or directory: unknown"),
        "/sysctls/net.nosuch",
        NO_PARAMETER,
        Some("net.nosuch"),
    );
    check(
        &format!("{container}write /proc/sys/net/ipv4/ip_forward: invalid argument: unknown"),
        "/sysctls/net.ipv4.ip_forward",
        WRONG_PARAMETER,
        Some("net.ipv4.ip_forward"),
    );
    // From runc 1.3 on.
    check(
        &format!(
            "{container}open sysctl net.nosuch file: unsafe procfs detected: openat2 fsmount:fscontext:proc/./sys/net/nosuch: no such file or directory"
        ),
        "/sysctls/net.nosuch",
        NO_PARAMETER,
        Some("net.nosuch"),
    );
    check(
        &format!(
            "{container}failed to write sysctl net.ipv4.ip_forward = \"hello\": write fsmount:fscontext:proc/./sys/net/ipv4/ip_forward: invalid argument"
        ),
        "/sysctls/net.ipv4.ip_forward",
        WRONG_PARAMETER,
        Some("net.ipv4.ip_forward"),
    );
    check(
        "sysctl \"net.nosuch\" is not in a separate kernel namespace: unknown",
        "/sysctls/net.nosuch",
        NO_PARAMETER,
        Some("net.nosuch"),
    );
    check(
        "fill out specgen: sysctl 'net.nosuch' is not allowed",
        "/sysctls/net.nosuch",
        NO_PARAMETER,
        Some("net.nosuch"),
    );
    check(
        "driver failed programming external connectivity on endpoint x (73b0): Bind for 0.0.0.0:18081 failed: port is already allocated",
        "/portBindings/1",
        About::Passing,
        Some("0.0.0.0:18081"),
    );
    check(
        "Error starting userland proxy: listen tcp4 127.0.0.1:18080: bind: address already in use",
        "/portBindings/0",
        About::Passing,
        Some("127.0.0.1:18080"),
    );
    check(
        "failed to bind host port for 0.0.0.0:18081:172.17.0.2:81/tcp: address already in use",
        "/portBindings/1",
        About::Passing,
        Some("0.0.0.0:18081:172.17.0.2:81/tcp"),
    );
    check(
        "cannot listen on the TCP port: listen tcp4 10.99.99.99:18082: bind: cannot assign requested address",
        "/portBindings/2",
        About::Itself,
        Some("10.99.99.99:18082"),
    );
    check(
        "failed to bind host port for 10.99.99.99:18082:172.17.0.2:82/tcp: cannot assign requested address",
        "/portBindings/2",
        About::Itself,
        Some("10.99.99.99:18082:172.17.0.2:82/tcp"),
    );
    check(
        "invalid mount config for type \"bind\": bind source path does not exist: /nosuch/y",
        "/mounts/0/source",
        NO_SOURCE,
        Some("/nosuch/y"),
    );
    check(
        "container create: statfs /nosuch/z: no such file or directory",
        "/volumes/1",
        NO_SOURCE,
        Some("/nosuch/z"),
    );
    check(
        "creating image volume \"no:1\":\"/x\": no:1: image not known",
        "/mounts/1/source",
        About::Said("the engine has no image `*` to mount"),
        Some("no:1"),
    );
    check(
        "create v1: error looking up volume plugin nosuch: plugin \"nosuch\" not found",
        "/volumeDriver",
        About::VolumeDriver,
        Some("nosuch"),
    );
    check(
        "Duplicate mount point: /x",
        "/volumes/0",
        About::Itself,
        Some("/x"),
    );
    check(
        "fill out specgen: /x: duplicate mount destination",
        "/volumes/0",
        About::Itself,
        Some("/x"),
    );
    check(
        "error looking up logging plugin nosuch: plugin \"nosuch\" not found",
        "/logConfig/type",
        About::LogDriver,
        Some("nosuch"),
    );
    check(
        "container create: running container create option: invalid log driver: invalid argument",
        "/logConfig",
        About::LogDriver,
        None,
    );
    check(
        "unknown log opt 'odd' for json-file log driver",
        "/logConfig/config/odd",
        About::Itself,
        Some("odd"),
    );
    check(
        "Requested CPUs are not available - requested 0-99, available: 0-1",
        "/cpusetCpus",
        About::Itself,
        None,
    );
    check(
        "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        "/cpu/cpus",
        About::Itself,
        None,
    );
    check(
        "Minimum memory limit allowed is 6MB",
        "/memory/memory",
        About::Itself,
        None,
    );
    check(
        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
        "/storageOpt",
        About::Itself,
        None,
    );
    check(
        "invalid --security-opt 2: \"nosuch=1\"",
        "/securityOpt",
        About::Itself,
        None,
    );
    check(
        &format!(
            "{container}error setting rlimits for ready process: error setting rlimit type 7: operation not permitted"
        ),
        "/ulimits",
        About::Itself,
        None,
    );
    check(
        "address zz: invalid MAC address",
        "/macAddress",
        About::Itself,
        None,
    );
    check(
        "image with reference x was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
        "/platform",
        About::Itself,
        None,
    );
    check(
        "invalid tmpfs option [\"odd\" \"1\"]",
        "/tmpfs",
        About::Itself,
        None,
    );
    check(
        "container create: unknown mount option \"odd=1\": invalid mount option",
        "/tmpfs/0",
        About::Itself,
        Some("odd=1"),
    );
    check(
        "Cannot mkdir: /bin/sh is not a directory",
        "/workingDir",
        About::Itself,
        Some("/bin/sh"),
    );
    check(
        "unable to apply cgroup configuration: failed to write \"950000\": write /sys/fs/cgroup/cpu/x/cpu.rt_runtime_us: invalid argument",
        "/cpuRtRuntime",
        About::Itself,
        None,
    );
    check(
        "invalid CapAdd: unknown capability: \"CAP_NOSUCH\"",
        "/capAdd/0",
        About::Itself,
        Some("NOSUCH"),
    );
    check(
        "Invalid signal: SIGNOSUCH",
        "/stopSignal",
        About::Itself,
        Some("SIGNOSUCH"),
    );
    check(
        "invalid IP address in add-host: \"nosuch\"",
        "/extraHosts/0",
        About::Itself,
        Some("nosuch"),
    );
    check(
        "fill out specgen: unrecognized namespace mode odd passed",
        "/usernsMode",
        About::Itself,
        Some("odd"),
    );
    check(
        "conflicting options: port publishing and the container type network mode",
        "/portBindings",
        About::Itself,
        None,
    );
    for other in [
        "",
        "no space left on device",
        // Its own container is gone.
        "No such container: taffrail-b0csesjn-0001",
        "mkdir /var/lib/docker/overlay2/x: no space left on device",
        "exec: \"nosuch\": executable file not found in $PATH",
        "network",
        "stat /usr/bin/nosuch: no such file or directory",
    ] {
        assert_eq!(read(other, settings), None, "{other}");
    }
    let none = Map::new();
    assert_eq!(read("network nosuch not found", &none), None);
    assert_eq!(read("unable to find user postgres: no", &none), None);
}
