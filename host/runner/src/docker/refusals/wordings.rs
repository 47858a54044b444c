//! What engines say where they refuse, and which settings that can mean.

use super::About;

/// One wording: texts that follow each other in a message, in any case, with what is named at the `*`.
pub(super) struct Wording {
    pub(super) says: &'static str,
    /// The settings that it may mean. One alone is meant as a whole where nothing in it is what the engine names; of several, only
    /// the one that names it.
    pub(super) means: &'static [&'static str],
    pub(super) about: About,
}

const fn wording(says: &'static str, means: &'static [&'static str], about: About) -> Wording {
    Wording { says, means, about }
}

/// Settings that name other containers.
const SHARED: &[&str] = &[
    "/networkMode",
    "/ipcMode",
    "/pidMode",
    "/volumesFrom",
    "/links",
];
/// Settings that name devices.
const DEVICES: &[&str] = &[
    "/devices",
    "/deviceReadBps",
    "/deviceWriteBps",
    "/deviceReadIops",
    "/deviceWriteIops",
    "/blkioWeightDevice",
    "/volumes",
    "/mounts",
];
const MOUNTS: &[&str] = &["/volumes", "/mounts", "/tmpfs"];
const SYSCTLS: &[&str] = &["/sysctls"];
pub(super) const PORTS: &[&str] = &["/portBindings"];

pub(super) const NO_DEVICE: About =
    About::Said("the engine's machine has no device `*` that it could give");
pub(super) const NO_PARAMETER: About =
    About::Said("a container has no kernel parameter `*` of its own here");
pub(super) const WRONG_PARAMETER: About =
    About::Said("the kernel does not take this value for the parameter `*`");
pub(super) const NO_SOURCE: About = About::Said("the engine's machine has no `*` to mount");

/// The first that fits counts.
pub(super) const WORDINGS: &[Wording] = &[
    // Podman; Docker.
    wording(
        "network with name or ID *:",
        &["/networkMode"],
        About::Network,
    ),
    wording("network * not found", &["/networkMode"], About::Network),
    wording("container with name or ID \"*\"", SHARED, About::Container),
    wording("no such container: *", SHARED, About::Container),
    wording(
        "cannot join network of a non running container",
        &["/networkMode"],
        About::Itself,
    ),
    wording("join ipc", &["/ipcMode"], About::Itself),
    wording("non-shareable ipc", &["/ipcMode"], About::Itself),
    wording("join pid", &["/pidMode"], About::Itself),
    // Docker before and after 23.
    wording("unknown runtime specified *", &["/runtime"], About::Runtime),
    wording(
        "unknown or invalid runtime name: *",
        &["/runtime"],
        About::Runtime,
    ),
    wording("unable to find user *:", &["/user"], About::User),
    wording(
        "unable to find group *:",
        &["/groupAdd", "/user"],
        About::Group,
    ),
    wording(
        "adding custom device \"*\": not a device",
        &["/devices"],
        About::Itself,
    ),
    wording("adding custom device \"*\"", &["/devices"], NO_DEVICE),
    wording(
        "inspect '*' in --blkio-weight-device",
        &["/blkioWeightDevice"],
        NO_DEVICE,
    ),
    wording("throttle device at *:", DEVICES, NO_DEVICE),
    wording(
        "unresolvable cdi devices *",
        &["/devices", "/deviceRequests"],
        NO_DEVICE,
    ),
    wording(
        "select device driver",
        &["/deviceRequests"],
        About::Said("the engine has no device driver that gives this"),
    ),
    wording(
        "statfs *: no such file",
        &["/volumes", "/mounts"],
        NO_SOURCE,
    ),
    wording(
        "bind source path does not exist: *",
        &["/mounts", "/volumes"],
        NO_SOURCE,
    ),
    wording(
        "stat *: no such file",
        DEVICES,
        About::Said("the engine's machine has no `*`"),
    ),
    wording("sysctl \"*\" is not in a separate", SYSCTLS, NO_PARAMETER),
    wording("sysctl '*' is not allowed", SYSCTLS, NO_PARAMETER),
    wording("open sysctl * file:", SYSCTLS, NO_PARAMETER),
    wording("write sysctl * =", SYSCTLS, WRONG_PARAMETER),
    wording("open /proc/sys/*: no such file", SYSCTLS, NO_PARAMETER),
    wording("open `/proc/sys/*`: no such file", SYSCTLS, NO_PARAMETER),
    wording("open /proc/sys/*:", SYSCTLS, About::Itself),
    wording("write /proc/sys/*:", SYSCTLS, WRONG_PARAMETER),
    wording("write to `/proc/sys/*`", SYSCTLS, WRONG_PARAMETER),
    // Both, and Docker from 28 on. An address comes before what is wrong with it.
    wording("listen tcp4 *: bind: cannot assign", PORTS, About::Itself),
    wording("listen udp4 *: bind: cannot assign", PORTS, About::Itself),
    wording("bind host port for *: cannot assign", PORTS, About::Itself),
    wording("cannot assign requested address", PORTS, About::Itself),
    wording(
        "bind for * failed: port is already allocated",
        PORTS,
        About::Passing,
    ),
    wording(
        "listen tcp *: bind: address already in use",
        PORTS,
        About::Passing,
    ),
    wording(
        "listen tcp4 *: bind: address already in use",
        PORTS,
        About::Passing,
    ),
    wording(
        "listen udp4 *: bind: address already in use",
        PORTS,
        About::Passing,
    ),
    wording("bind host port for *: address", PORTS, About::Passing),
    wording("bind host port *: address", PORTS, About::Passing),
    wording("address already in use", PORTS, About::Passing),
    wording("privileged port *", PORTS, About::Itself),
    wording(
        "volume plugin *:",
        &["/volumeDriver", "/mounts"],
        About::VolumeDriver,
    ),
    wording("duplicate mount point: *", MOUNTS, About::Itself),
    wording("*: duplicate mount destination", MOUNTS, About::Itself),
    wording(
        "creating image volume \"*\"",
        &["/mounts"],
        About::Said("the engine has no image `*` to mount"),
    ),
    wording("unknown mount option \"*\"", MOUNTS, About::Itself),
    wording("invalid tmpfs option", &["/tmpfs"], About::Itself),
    wording(
        "mount local volume",
        &["/mounts", "/volumes"],
        About::Itself,
    ),
    wording("invalid mount config", &["/mounts"], About::Itself),
    wording("logging plugin *:", &["/logConfig"], About::LogDriver),
    wording("no log driver named '*'", &["/logConfig"], About::LogDriver),
    wording("invalid log driver", &["/logConfig"], About::LogDriver),
    wording("unknown log opt '*'", &["/logConfig"], About::Itself),
    wording("logging driver: *", &["/logConfig"], About::Passing),
    wording("log opt", &["/logConfig"], About::Itself),
    wording(
        "requested cpus are not available",
        &["/cpusetCpus"],
        About::Itself,
    ),
    wording(
        "requested memory nodes are not available",
        &["/cpusetMems"],
        About::Itself,
    ),
    wording("range of cpus is from", &["/cpu/cpus"], About::Itself),
    wording("memoryswap limit", &["/memory/memorySwap"], About::Itself),
    wording(
        "memory reservation",
        &["/memory/memoryReservation"],
        About::Itself,
    ),
    wording("memory limit", &["/memory/memory"], About::Itself),
    wording("storage-opt", &["/storageOpt"], About::Itself),
    wording("unknown option *", &["/storageOpt"], About::Itself),
    wording("--security-opt", &["/securityOpt"], About::Itself),
    wording("seccomp profile", &["/securityOpt"], About::Itself),
    wording("apparmor profile", &["/securityOpt"], About::Itself),
    wording("rlimit", &["/ulimits"], About::Itself),
    wording("mac address", &["/macAddress"], About::Itself),
    wording("specified platform", &["/platform"], About::Itself),
    wording("invalid signal: *", &["/stopSignal"], About::Itself),
    wording(
        "cannot mkdir: * is not a directory",
        &["/workingDir"],
        About::Itself,
    ),
    wording("workdir \"*\"", &["/workingDir"], About::Itself),
    wording("chdir to cwd (\"*\")", &["/workingDir"], About::Itself),
    wording("cpu.rt_period", &["/cpuRtPeriod"], About::Itself),
    wording("cpu.rt_", &["/cpuRtRuntime"], About::Itself),
    wording("real-time", &["/cpuRtRuntime"], About::Itself),
    wording(
        "unknown capability: \"CAP_*\"",
        &["/capAdd", "/capDrop"],
        About::Itself,
    ),
    wording(
        "\"CAP_*\": unknown capability",
        &["/capAdd", "/capDrop"],
        About::Itself,
    ),
    wording(
        "conflicting options: port publishing",
        &["/portBindings"],
        About::Itself,
    ),
    wording(
        "conflicting options: hostname",
        &["/hostname"],
        About::Itself,
    ),
    wording(
        "conflicting options: mac-address",
        &["/macAddress"],
        About::Itself,
    ),
    wording("conflicting options: dns", &["/dns"], About::Itself),
    wording("conflicting options", &["/networkMode"], About::Itself),
    wording("links are only supported", &["/links"], About::Itself),
    wording(
        "invalid ip address in add-host: \"*\"",
        &["/extraHosts"],
        About::Itself,
    ),
    wording("userns mode", &["/usernsMode"], About::Itself),
    wording(
        "user namespaces",
        &["/privileged", "/networkMode", "/pidMode"],
        About::Itself,
    ),
    wording(
        "namespace mode * passed",
        &["/usernsMode", "/utsMode", "/ipcMode"],
        About::Itself,
    ),
    wording("device cgroup rule", &["/deviceCgroupRules"], About::Itself),
    wording("healthcheck", &["/healthcheck"], About::Itself),
    wording("shm size", &["/shmSize"], About::Itself),
    wording("cgroup-parent", &["/cgroupParent"], About::Itself),
];
