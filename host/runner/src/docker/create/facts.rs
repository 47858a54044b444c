//! What an engine can do, and which properties it would drop or ignore.

use std::fmt;

use taffrail_engine::ports::SettingError;

use crate::docker::settings::{DockerSettings, MountType};

/// The version of an engine's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
}

impl ApiVersion {
    /// Reads `1.41`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(ApiVersion {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// What is known of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// The version of the interface that is spoken.
    pub api: ApiVersion,
    /// Whether it is Podman's.
    pub podman: bool,
    /// The operating system of its containers: `linux`.
    pub os: String,
    /// The version of the kernel's resource control; nothing where it does not tell.
    pub cgroup: Option<u8>,
    /// The log drivers that it has; empty where it does not tell.
    pub log_drivers: Vec<String>,
    /// Whether it has control groups to limit containers by. One without takes limits and drops them, and says nothing.
    pub limits: bool,
}

impl EngineFacts {
    /// An engine of which nothing is known: a new one that has everything. What `plan` assumes.
    pub fn unknown() -> Self {
        EngineFacts {
            api: ApiVersion {
                major: 1,
                minor: 53,
            },
            podman: false,
            os: "linux".to_owned(),
            cgroup: None,
            log_drivers: Vec::new(),
            limits: true,
        }
    }

    pub(super) fn has_log_driver(&self, name: &str) -> bool {
        self.log_drivers.is_empty() || self.log_drivers.iter().any(|driver| driver == name)
    }
}

/// Refuses what this engine does not have.
pub(super) fn check(
    settings: &DockerSettings,
    engine: &EngineFacts,
) -> Result<(), Vec<SettingError>> {
    let mut errors = Vec::new();
    let mut wrong =
        |pointer: String, message: String| errors.push(SettingError { pointer, message });
    if engine.os != "linux" {
        wrong(
            String::new(),
            format!(
                "the engine runs containers of {}, and this runner those of Linux",
                engine.os
            ),
        );
    }
    let mut needs = |minor: u32, pointer: String, what: String| {
        if engine.api < (ApiVersion { major: 1, minor }) {
            wrong(
                pointer,
                format!(
                    "{what} needs an engine from API 1.{minor}, and this one has {}",
                    engine.api
                ),
            );
        }
    };
    if settings.mac_address.is_some() {
        needs(44, "/macAddress".to_owned(), "`macAddress`".to_owned());
    }
    if settings.platform.is_some() {
        needs(41, "/platform".to_owned(), "`platform`".to_owned());
    }
    let start_interval = settings
        .healthcheck
        .as_ref()
        .and_then(|check| check.start_interval);
    if start_interval.is_some() {
        let what = "`healthcheck.startInterval`".to_owned();
        needs(44, "/healthcheck/startInterval".to_owned(), what);
    }
    for (index, mount) in settings.mounts.iter().enumerate() {
        let place = |key: &str| format!("/mounts/{index}/{key}");
        if mount.kind == MountType::Image {
            needs(48, place("type"), "a mount of the type `image`".to_owned());
        }
        let options = mount.bind_options.as_ref();
        if options.is_some_and(|options| options.create_mountpoint) {
            needs(
                42,
                place("bindOptions/createMountpoint"),
                "`createMountpoint`".to_owned(),
            );
        }
        let options = mount.volume_options.as_ref();
        if options.is_some_and(|options| options.subpath.is_some()) {
            needs(45, place("volumeOptions/subpath"), "`subpath`".to_owned());
        }
        let options = mount.image_options.as_ref();
        if options.is_some_and(|options| options.subpath.is_some()) {
            needs(50, place("imageOptions/subpath"), "`subpath`".to_owned());
        }
    }
    if engine.cgroup == Some(2) {
        for (given, name) in [
            (settings.cpu_rt_period.is_some(), "cpuRtPeriod"),
            (settings.cpu_rt_runtime.is_some(), "cpuRtRuntime"),
        ] {
            if given {
                wrong(
                    format!("/{name}"),
                    format!("`{name}` needs an engine with cgroup v1, and this one has v2"),
                );
            }
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// The limits that a flow sets and that control groups keep.
pub(in crate::docker) fn limits_of(settings: &DockerSettings) -> Vec<&'static str> {
    let memory = &settings.memory;
    let limits = [
        (settings.cpu.cpus.is_some(), "cpu.cpus"),
        (memory.memory.is_some(), "memory.memory"),
        (memory.memory_swap.is_some(), "memory.memorySwap"),
        (
            memory.memory_reservation.is_some(),
            "memory.memoryReservation",
        ),
        (settings.pids_limit.is_some(), "pidsLimit"),
        (settings.cpu_shares.is_some(), "cpuShares"),
        (settings.cpu_period.is_some(), "cpuPeriod"),
        (settings.cpu_quota.is_some(), "cpuQuota"),
        (settings.cpuset_cpus.is_some(), "cpusetCpus"),
        (settings.cpuset_mems.is_some(), "cpusetMems"),
        (settings.blkio_weight.is_some(), "blkioWeight"),
    ];
    let set = limits.into_iter().filter(|(set, _)| *set);
    set.map(|(_, name)| name).collect()
}

/// Names what has no effect on this engine.
pub(super) fn warn(settings: &DockerSettings, engine: &EngineFacts, warnings: &mut Vec<String>) {
    if !engine.limits {
        for name in limits_of(settings) {
            warnings.push(format!(
                "`{name}` has no effect: this engine has no control groups to limit containers by, as those without rights have none with cgroup v1"
            ));
        }
    }
    let memory = &settings.memory;
    let mut warn = |given: bool, text: &str| {
        if given {
            warnings.push(text.to_owned());
        }
    };
    warn(
        memory.kernel_memory.is_some(),
        "`memory.kernelMemory` has no effect: engines and kernels have given this limit up",
    );
    let v2 = engine.cgroup == Some(2);
    warn(
        v2 && memory.memory_swappiness.is_some(),
        "`memory.memorySwappiness` has no effect on an engine with cgroup v2",
    );
    let spared = memory.oom_kill_disable == Some(true);
    warn(
        v2 && spared,
        "`memory.oomKillDisable` has no effect on an engine with cgroup v2",
    );
    warn(
        spared && memory.memory.is_none(),
        "`memory.oomKillDisable` without `memory.memory`: when the machine's memory runs out, other processes are killed instead",
    );
    let mode = settings.network_mode.as_ref().map(|mode| mode.as_str());
    let no_ports = settings.network_disabled || matches!(mode, Some("host" | "none"));
    for (given, name) in [
        (!settings.port_bindings.is_empty(), "portBindings"),
        (settings.publish_all_ports, "publishAllPorts"),
    ] {
        warn(
            no_ports && given,
            &format!("`{name}` has no effect in a container without a network of its own"),
        );
    }
    let config = settings.config.as_ref();
    warn(
        config.is_some_and(|config| config.as_map().contains_key("insecure-registries")),
        "`config`: `insecure-registries` is a setting of the engine, in its `daemon.json`, and has no effect here",
    );
    warn(
        engine.podman && !settings.links.is_empty(),
        "`links` has no effect on Podman; put both containers into one network",
    );
    let log = settings.log_config.as_ref();
    warn(
        log.is_some_and(|log| !log.is_readable() && log.driver != "none"),
        "`logConfig`: what the driver keeps cannot be read again, so output is lost when the connection to the engine is",
    );
}
