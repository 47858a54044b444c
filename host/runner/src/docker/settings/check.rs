//! What is wrong with settings that are each right: limits below what engines take, and properties that exclude each other. Engines
//! say it late, some of it only when the container starts, some of it never.

use taffrail_engine::ports::SettingError;

use super::{DockerSettings, MountType, Size, SwapSize, WORK_DIR};

/// The least memory that engines take.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

impl DockerSettings {
    /// Adds everything that is wrong between properties.
    pub(super) fn check(&self, errors: &mut Vec<SettingError>) {
        let mut wrong = |pointer: &str, message: String| {
            errors.push(SettingError {
                pointer: pointer.to_owned(),
                message,
            });
        };
        self.memory_is_right(&mut wrong);
        self.processors_are_right(&mut wrong);
        self.network_is_right(&mut wrong);
        self.targets_are_free(&mut wrong);
        self.mounts_are_right(&mut wrong);
        self.numbers_are_right(&mut wrong);
        self.names_are_right(&mut wrong);
        self.rest_is_right(&mut wrong);
    }

    fn memory_is_right(&self, wrong: &mut impl FnMut(&str, String)) {
        let memory = &self.memory;
        let too_little = |size: Size| size.bytes() < LEAST_MEMORY;
        if let Some(size) = memory.memory.filter(|size| too_little(*size)) {
            wrong(
                "/memory/memory",
                format!("`memory.memory` must be at least 6MB, not {size}"),
            );
        }
        if let Some(size) = memory.memory_reservation.filter(|size| too_little(*size)) {
            wrong(
                "/memory/memoryReservation",
                format!("`memory.memoryReservation` must be at least 6MB, not {size}"),
            );
        }
        match (memory.memory_swap, memory.memory) {
            (Some(SwapSize::Total(_)), None) => wrong(
                "/memory/memorySwap",
                "`memory.memorySwap` is memory and swap together, and needs `memory.memory` beside it"
                    .to_owned(),
            ),
            (Some(SwapSize::Total(total)), Some(size)) if total < size => wrong(
                "/memory/memorySwap",
                format!("`memory.memorySwap` is memory and swap together, and must be at least the {size} of `memory.memory`, not {total}"),
            ),
            _ => {}
        }
        if let (Some(soft), Some(hard)) = (memory.memory_reservation, memory.memory)
            && soft > hard
        {
            wrong(
                "/memory/memoryReservation",
                format!(
                    "`memory.memoryReservation` must be less than the {hard} of `memory.memory`, not {soft}"
                ),
            );
        }
        if self.shm_size.is_some_and(|size| size.bytes() == 0) {
            wrong("/shmSize", "`shmSize` must be more than nothing".to_owned());
        }
    }

    fn processors_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        if self.cpu.cpus.is_some() {
            for (pointer, given) in [
                ("/cpuPeriod", self.cpu_period),
                ("/cpuQuota", self.cpu_quota),
            ] {
                if given.is_some() {
                    let name = &pointer[1..];
                    wrong(
                        pointer,
                        format!("`{name}` and `cpu.cpus` say the same in two ways; leave one out"),
                    );
                }
            }
        }
        if let Some(period) = self
            .cpu_period
            .filter(|period| !(1_000..=1_000_000).contains(period))
        {
            wrong(
                "/cpuPeriod",
                format!("`cpuPeriod` must be between 1000 and 1000000 microseconds, not {period}"),
            );
        }
        if let Some(quota) = self
            .cpu_quota
            .filter(|quota| *quota != -1 && *quota < 1_000)
        {
            wrong(
                "/cpuQuota",
                format!(
                    "`cpuQuota` must be at least 1000 microseconds, or -1 for no limit, not {quota}"
                ),
            );
        }
        if let (Some(period), Some(runtime)) = (self.cpu_rt_period, self.cpu_rt_runtime)
            && runtime > period
        {
            wrong(
                "/cpuRtRuntime",
                format!(
                    "`cpuRtRuntime` must not be more than the {period} microseconds of `cpuRtPeriod`"
                ),
            );
        }
    }

    fn network_is_right(&self, wrong: &mut impl FnMut(&str, String)) {
        let mode = self.network_mode.as_ref().map(|mode| mode.as_str());
        if self.network_disabled && mode.is_some_and(|mode| mode != "none") {
            wrong(
                "/networkDisabled",
                "`networkDisabled` leaves no network for `networkMode`; leave one out".to_owned(),
            );
        }
        let container = mode.is_some_and(|mode| mode.starts_with("container:"));
        let without = match mode {
            _ if self.network_disabled => Some("a container without network".to_owned()),
            Some(mode) if container || matches!(mode, "host" | "none") => {
                Some(format!("`networkMode: {mode}`"))
            }
            _ => None,
        };
        if let Some(without) = &without {
            if !self.port_bindings.is_empty() {
                wrong(
                    "/portBindings",
                    format!("no port can be published with {without}"),
                );
            }
            if self.publish_all_ports {
                wrong(
                    "/publishAllPorts",
                    format!("no port can be published with {without}"),
                );
            }
            if self.mac_address.is_some() {
                wrong(
                    "/macAddress",
                    format!("there is no network card of its own with {without}"),
                );
            }
            if !self.links.is_empty() {
                wrong(
                    "/links",
                    format!("no container can be linked with {without}"),
                );
            }
        }
        if container {
            let taken = [
                ("/hostname", self.hostname.is_some()),
                ("/dns", !self.dns.is_empty()),
                ("/dnsOpt", !self.dns_opt.is_empty()),
                ("/dnsSearch", !self.dns_search.is_empty()),
                ("/extraHosts", !self.extra_hosts.is_empty()),
            ];
            for (pointer, _) in taken.iter().filter(|(_, given)| *given) {
                let name = &pointer[1..];
                wrong(
                    pointer,
                    format!(
                        "`{name}` is that of the other container with `networkMode: container:...`"
                    ),
                );
            }
        }
        if self
            .uts_mode
            .as_ref()
            .is_some_and(|mode| mode.as_str() == "host")
        {
            for (pointer, given) in [
                ("/hostname", self.hostname.is_some()),
                ("/domainname", self.domainname.is_some()),
            ] {
                if given {
                    let name = &pointer[1..];
                    wrong(
                        pointer,
                        format!("`{name}` is that of the machine with `utsMode: host`"),
                    );
                }
            }
        }
    }

    /// Two mounts at one place, and mounts over the working directory.
    fn targets_are_free(&self, wrong: &mut impl FnMut(&str, String)) {
        let volumes = self
            .volumes
            .iter()
            .enumerate()
            .map(|(index, volume)| (format!("/volumes/{index}"), volume.target.as_str()));
        let mounts = self
            .mounts
            .iter()
            .enumerate()
            .map(|(index, mount)| (format!("/mounts/{index}/target"), mount.target.as_str()));
        let tmpfs = self
            .tmpfs
            .entries()
            .map(|(key, path, _)| (format!("/tmpfs/{key}"), path));
        let mut taken: Vec<&str> = Vec::new();
        for (pointer, target) in volumes.chain(mounts).chain(tmpfs) {
            let path = target.trim_end_matches('/');
            if !path.starts_with('/') {
                wrong(
                    &pointer,
                    format!(
                        "`tmpfs` has {}, which is no absolute path of the container",
                        super::scalar::shown(target)
                    ),
                );
            } else if path.split('/').any(|part| part == "..") {
                wrong(&pointer, format!("`{target}` must not hold `..`"));
            } else if std::path::Path::new(WORK_DIR).starts_with(path) {
                wrong(
                    &pointer,
                    format!(
                        "`{target}` would lie over the working directory, which is `{WORK_DIR}`"
                    ),
                );
            } else if taken.contains(&path) {
                wrong(
                    &pointer,
                    format!("something else is mounted at `{target}` already"),
                );
            } else {
                taken.push(path);
            }
        }
    }

    fn mounts_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        for (index, mount) in self.mounts.iter().enumerate() {
            let pointer = |key: &str| format!("/mounts/{index}/{key}");
            let source = mount.source.as_deref().filter(|source| !source.is_empty());
            let (name, mistake) = match (mount.kind, source) {
                (MountType::Bind, Some(path)) if path.starts_with('/') => ("bind", None),
                (MountType::Bind, Some(path)) => {
                    let shown = super::scalar::shown(path);
                    (
                        "bind",
                        Some(format!(
                            "the source of a `bind` mount must be an absolute path of the engine's machine, not {shown}"
                        )),
                    )
                }
                (MountType::Bind, None) => (
                    "bind",
                    Some("a `bind` mount needs the key `source`".to_owned()),
                ),
                (MountType::Volume, Some(name)) if !super::volumes::is_name(name) => {
                    let shown = super::scalar::shown(name);
                    (
                        "volume",
                        Some(format!(
                            "the source of a `volume` mount must be the name of a volume, not {shown}"
                        )),
                    )
                }
                (MountType::Volume, _) => ("volume", None),
                (MountType::Tmpfs, Some(_)) => {
                    ("tmpfs", Some("a `tmpfs` mount has no source".to_owned()))
                }
                (MountType::Tmpfs, None) => ("tmpfs", None),
                (MountType::Image, None) => (
                    "image",
                    Some("an `image` mount needs the key `source`".to_owned()),
                ),
                (MountType::Image, Some(_)) => ("image", None),
            };
            if let Some(mistake) = mistake {
                wrong(&pointer("source"), mistake);
            }
            for (key, given, owner) in [
                ("bindOptions", mount.bind_options.is_some(), MountType::Bind),
                (
                    "volumeOptions",
                    mount.volume_options.is_some(),
                    MountType::Volume,
                ),
                (
                    "tmpfsOptions",
                    mount.tmpfs_options.is_some(),
                    MountType::Tmpfs,
                ),
                (
                    "imageOptions",
                    mount.image_options.is_some(),
                    MountType::Image,
                ),
            ] {
                if given && owner != mount.kind {
                    wrong(
                        &pointer(key),
                        format!("`{key}` has no meaning for a mount of the type `{name}`"),
                    );
                }
            }
        }
    }

    fn numbers_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        if let Some(limit) = self.pids_limit.filter(|limit| *limit == 0 || *limit < -1) {
            wrong(
                "/pidsLimit",
                format!("`pidsLimit` must be at least 1, or -1 for no limit, not {limit}"),
            );
        }
        if let Some(score) = self
            .oom_score_adj
            .filter(|score| !(-1000..=1000).contains(score))
        {
            wrong(
                "/oomScoreAdj",
                format!("`oomScoreAdj` must be between -1000 and 1000, not {score}"),
            );
        }
        if let Some(shares) = self
            .cpu_shares
            .filter(|shares| !(2..=262_144).contains(shares))
        {
            wrong(
                "/cpuShares",
                format!("`cpuShares` must be between 2 and 262144, not {shares}"),
            );
        }
        for (pointer, given) in [
            ("/cpuRtPeriod", self.cpu_rt_period),
            ("/cpuRtRuntime", self.cpu_rt_runtime),
        ] {
            if let Some(time) = given.filter(|time| *time <= 0) {
                let name = &pointer[1..];
                wrong(
                    pointer,
                    format!("`{name}` must be more than 0 microseconds, not {time}"),
                );
            }
        }
        let retries = self.healthcheck.as_ref().and_then(|check| check.retries);
        if let Some(retries) = retries.filter(|retries| *retries < 1) {
            wrong(
                "/healthcheck/retries",
                format!("`healthcheck.retries` must be at least 1, not {retries}"),
            );
        }
    }

    fn names_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        for (key, name, _) in self.labels.entries() {
            if name.trim().is_empty() {
                wrong(&format!("/labels/{key}"), "a label needs a name".to_owned());
            }
        }
        let host_network = self
            .network_mode
            .as_ref()
            .is_some_and(|mode| mode.as_str() == "host");
        let host_ipc = self
            .ipc_mode
            .as_ref()
            .is_some_and(|mode| mode.as_str() == "host");
        for (key, name, _) in self.sysctls.entries() {
            let ipc = [
                "kernel.msgmax",
                "kernel.msgmnb",
                "kernel.msgmni",
                "kernel.sem",
            ]
            .contains(&name)
                || name.starts_with("kernel.shm")
                || name.starts_with("fs.mqueue.");
            let net = name.starts_with("net.");
            let pointer = format!("/sysctls/{key}");
            if !ipc && !net {
                wrong(
                    &pointer,
                    format!(
                        "the kernel parameter `{name}` is the machine's, not the container's; a container has `net.*`, `kernel.shm*`, `kernel.msg*`, `kernel.sem` and `fs.mqueue.*` for itself"
                    ),
                );
            } else if net && host_network {
                wrong(
                    &pointer,
                    format!("`{name}` is the machine's with `networkMode: host`"),
                );
            } else if ipc && host_ipc {
                wrong(
                    &pointer,
                    format!("`{name}` is the machine's with `ipcMode: host`"),
                );
            }
        }
        for (index, from) in self.volumes_from.iter().enumerate() {
            let (name, mode) = from.split_once(':').unwrap_or((from, "rw"));
            if name.is_empty() || !matches!(mode, "ro" | "rw" | "z" | "Z") {
                wrong(
                    &format!("/volumesFrom/{index}"),
                    format!(
                        "item {} of `volumesFrom` must be a container as `name[:ro]`, not {}",
                        index + 1,
                        super::scalar::shown(from)
                    ),
                );
            }
        }
        let texts = [
            ("runtime", &self.runtime),
            ("cgroupParent", &self.cgroup_parent),
            ("volumeDriver", &self.volume_driver),
        ];
        for (name, given) in texts {
            if let Some(text) = given
                && (text.is_empty() || text.contains(char::is_whitespace))
            {
                wrong(
                    &format!("/{name}"),
                    format!(
                        "`{name}` must be a name without blanks, not {}",
                        super::scalar::shown(text)
                    ),
                );
            }
        }
        let lists = [
            ("groupAdd", &self.group_add),
            ("dnsOpt", &self.dns_opt),
            ("dnsSearch", &self.dns_search),
        ];
        for (name, items) in lists {
            for (index, item) in items.iter().enumerate() {
                if item.is_empty() || item.contains(char::is_whitespace) {
                    wrong(
                        &format!("/{name}/{index}"),
                        format!(
                            "item {} of `{name}` must be a word, not {}",
                            index + 1,
                            super::scalar::shown(item)
                        ),
                    );
                }
            }
        }
    }

    fn rest_is_right(&self, wrong: &mut impl FnMut(&str, String)) {
        for (index, request) in self.device_requests.iter().enumerate() {
            if request.count.is_some() && !request.device_ids.is_empty() {
                wrong(
                    &format!("/deviceRequests/{index}/count"),
                    "a device request has either `count` or `deviceIds`".to_owned(),
                );
            }
            if request.driver.is_none() && request.capabilities.iter().all(Vec::is_empty) {
                wrong(
                    &format!("/deviceRequests/{index}"),
                    "a device request needs `driver` or `capabilities`, for example `[[gpu]]`"
                        .to_owned(),
                );
            }
        }
        if let Some(log) = &self.log_config
            && (log.driver.is_empty() || log.driver.contains(char::is_whitespace))
        {
            wrong(
                "/logConfig/driver",
                format!(
                    "`logConfig.driver` must be the name of a log driver, not {}",
                    super::scalar::shown(&log.driver)
                ),
            );
        }
        if let Some(credentials) = &self.credentials {
            if credentials.is_empty() {
                wrong(
                    "/credentials",
                    "`credentials` prove nothing: they need `username` and `password`, `auth`, `registryToken` or `identityToken`"
                        .to_owned(),
                );
            } else if credentials.password.is_some()
                && credentials.username.is_none()
                && credentials.auth.is_none()
            {
                wrong(
                    "/credentials",
                    "`credentials` with a `password` need the key `username`".to_owned(),
                );
            }
        }
    }
}
