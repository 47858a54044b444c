//! What a flow may say of the Docker runner. One field is one property: its type reads the value, its doc comment is the hover text of
//! editors, and its schema is made from both.

mod check;
mod choices;
mod devices;
mod limits;
mod names;
mod numbers;
mod pairs;
mod ports;
pub mod refused;
mod registry;
mod scalar;
mod security;
mod size;
mod volumes;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use taffrail_engine::ports::SettingError;

pub use choices::{FileHandlingStrategy, HealthTest, Healthcheck, LogConfig, PullPolicy};
pub use devices::{
    BlockWeight, BytesPerSecond, Device, DeviceCount, DeviceRequest, DeviceRule,
    OperationsPerSecond, PerDevice,
};
pub use limits::{Cpu, Memory, Ulimit};
pub use names::{
    Capability, EngineHost, HostName, IpAddress, IpcMode, MacAddress, NetworkMode, NumberSet,
    PidMode, Platform, Signal, User, UsernsMode, UtsMode,
};
pub use numbers::{Cpus, Interval, Percent, Period};
pub use pairs::Pairs;
pub use ports::{PortBinding, Ports, Protocol};
pub use registry::{ClientConfig, Credentials};
use scalar::{list, maybe, scalar};
pub use security::{ExtraHost, SecurityOption};
pub use size::{Size, SwapSize};
pub use volumes::{
    BindOptions, DriverConfig, FileMode, ImageOptions, Mount, MountType, Propagation, Target,
    TmpfsOptions, Volume, VolumeOptions,
};

/// Where the working directory is in the container.
pub const WORK_DIR: &str = "/taffrail/work";

/// Reads a boolean in every form in which settings have it; for `deserialize_with`.
///
/// # Errors
/// When it is none.
pub fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    scalar(deserializer)
}

fn yes() -> bool {
    true
}

fn image_entry_point_reset() -> Vec<String> {
    vec![String::new()]
}

/// Run the task in a container
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Docker")]
pub struct DockerSettings {
    /// Which task runner
    #[serde(rename = "type", default, deserialize_with = "maybe")]
    pub runner_type: Option<String>,
    /// Version of the task runner
    #[serde(default, deserialize_with = "maybe")]
    pub version: Option<String>,
    /// Address of the engine, for example `unix:///var/run/docker.sock` or `tcp://10.0.0.5:2376`. Where absent it is found as the engine's own command line finds it: `DOCKER_HOST`, the chosen context, then the usual sockets
    #[serde(default)]
    pub host: Option<EngineHost>,
    /// Configuration of the engine's client, as text (JSON) or map: what `~/.docker/config.json` holds. Its `auths` and credential helpers are used for pulls, its `proxies` with `useConfigProxy`
    #[serde(default)]
    pub config: Option<ClientConfig>,
    /// Credentials for a private registry. They go to the engine with the pull and are written nowhere
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// When the image is pulled
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// How files get into the container and back
    #[serde(default)]
    #[schemars(extend("default" = "VOLUME"))]
    pub file_handling_strategy: Option<FileHandlingStrategy>,
    /// User in the container, `user[:group]` by name or number; that of the image where absent
    #[serde(default)]
    pub user: Option<User>,
    /// Folder to start in: that of the task's files where absent, the image's where empty
    #[serde(default, deserialize_with = "maybe")]
    pub working_dir: Option<String>,
    /// Entry point of the container. The empty text resets that of the image, so that the task's own command is what runs; `[]` keeps that of the image
    #[serde(default = "image_entry_point_reset", deserialize_with = "list")]
    pub entry_point: Vec<String>,
    /// Limits of processor time
    #[serde(default)]
    pub cpu: Cpu,
    /// Limits of memory
    #[serde(default)]
    pub memory: Memory,
    /// Size of `/dev/shm`, more than nothing; `64MB` where absent
    #[serde(default)]
    pub shm_size: Option<Size>,
    /// Network of the container: `bridge`, `none`, `host`, the name of a network, or `container:<name>`, which is refused unless the host allows it. The engine's usual one where absent
    #[serde(default)]
    pub network_mode: Option<NetworkMode>,
    /// Ports to publish, `[ip:]host:container[/protocol]`
    #[serde(default)]
    pub port_bindings: Vec<Ports>,
    /// Further lines for `/etc/hosts`, `name:address`; `host-gateway` is the address of the engine's machine
    #[serde(default)]
    pub extra_hosts: Vec<ExtraHost>,
    /// Paths to mount, `source:target[:mode]`. Refused unless the host allows `volumes`
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// Requests to device drivers, for example for graphics cards. Refused unless the host allows `devices`
    #[serde(default)]
    pub device_requests: Vec<DeviceRequest>,
    /// Whether the container gets all rights of the engine's machine. Refused unless the host allows `privileged`
    #[serde(default, deserialize_with = "scalar")]
    pub privileged: bool,
    /// Whether the container is removed at the end
    #[serde(default = "yes", deserialize_with = "scalar")]
    pub delete: bool,
    /// Whether the task waits for the container to end. Without it the task succeeds as soon as the container runs, and has neither log nor outputs
    #[serde(default = "yes", deserialize_with = "scalar")]
    pub wait: bool,
    /// Whether a container of this task run that an earlier host left behind is taken up again
    #[serde(default = "yes", deserialize_with = "scalar")]
    pub resume: bool,
    /// Time that the container gets to end by itself when the task is killed; with the usual `PT0S` it is killed at once
    #[serde(default)]
    #[schemars(default = "no_time")]
    pub kill_grace_period: Period,

    /// Whether a small init runs as first process: it hands signals on and clears away what has ended. Without it SIGTERM does not end most programs
    #[serde(default = "yes", deserialize_with = "scalar")]
    pub init: bool,
    /// Labels of the container: a map, or a list of `name=value`
    #[serde(default)]
    pub labels: Pairs<'='>,
    /// Platform of the image, `os[/arch[/variant]]`, for example `linux/arm64`; that of the engine where absent
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Further groups of the user, by name or number
    #[serde(default, deserialize_with = "list")]
    pub group_add: Vec<String>,
    /// Rights to add, for example `NET_ADMIN`. Refused unless the host allows `cap-add`
    #[serde(default)]
    pub cap_add: Vec<Capability>,
    /// Rights to take away, for example `NET_RAW` or `ALL`
    #[serde(default)]
    pub cap_drop: Vec<Capability>,
    /// Security options, for example `no-new-privileges`. Those that give more rights are refused unless the host allows `security-opt`
    #[serde(default)]
    pub security_opt: Vec<SecurityOption>,
    /// Whether the container's own file system is read-only. The working directory, volumes, tmpfs and `/dev/shm` stay writable
    #[serde(default, deserialize_with = "scalar")]
    pub read_only: bool,
    /// Empty folders in memory: a map of paths to options, or a list of `path[:options]`
    #[serde(default)]
    #[schemars(example = std::collections::BTreeMap::from([("/scratch", "size=64m,mode=1777")]))]
    pub tmpfs: Pairs<':'>,
    /// Mounts in the long form, for what `volumes` cannot say. `bind` and `volume` are refused unless the host allows `volumes`
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Containers whose mounts this one gets, `name[:ro]`. Refused unless the host allows `volumes`
    #[serde(default, deserialize_with = "list")]
    pub volumes_from: Vec<String>,
    /// Driver of volumes that are made for `volumes`; `local` where absent
    #[serde(default, deserialize_with = "maybe")]
    pub volume_driver: Option<String>,
    /// Options of the storage driver for the container, for example `size=10G`
    #[serde(default)]
    pub storage_opt: Pairs<'='>,
    /// Host name of the container; made from its id where absent
    #[serde(default)]
    pub hostname: Option<HostName>,
    /// Domain name of the container
    #[serde(default)]
    pub domainname: Option<HostName>,
    /// MAC address of the container; engines from API 1.44
    #[serde(default)]
    pub mac_address: Option<MacAddress>,
    /// Whether the container has no network at all, as with `networkMode: none`
    #[serde(default, deserialize_with = "scalar")]
    pub network_disabled: bool,
    /// Whether all ports that the image names are published, each on a free port
    #[serde(default, deserialize_with = "scalar")]
    pub publish_all_ports: bool,
    /// Name servers
    #[serde(default)]
    pub dns: Vec<IpAddress>,
    /// Options for `/etc/resolv.conf`
    #[serde(default, deserialize_with = "list")]
    #[schemars(example = ["ndots:2"])]
    pub dns_opt: Vec<String>,
    /// Domains in which short names are looked up
    #[serde(default, deserialize_with = "list")]
    pub dns_search: Vec<String>,
    /// Containers of the default network that this one knows by name: a map of containers to names, or a list of `container[:name]`. Old; networks of their own do it better
    #[serde(default)]
    pub links: Pairs<':'>,
    /// Limits of every process in the container, `name=soft[:hard]` or a map of the three
    #[serde(default)]
    pub ulimits: Vec<Ulimit>,
    /// Most processes and threads that the container may have; `-1` is no limit
    #[serde(default, deserialize_with = "maybe")]
    pub pids_limit: Option<i64>,
    /// How readily the container's processes are killed when the machine's memory is used up, from -1000 to 1000
    #[serde(default, deserialize_with = "maybe")]
    pub oom_score_adj: Option<i64>,
    /// Kernel parameters, of those that a container has for itself: a map, or a list of `name=value`
    #[serde(default)]
    #[schemars(example = std::collections::BTreeMap::from([("net.core.somaxconn", "1024")]))]
    pub sysctls: Pairs<'='>,
    /// Weight of the container against others where processors are scarce; 1024 is usual
    #[serde(default, deserialize_with = "maybe")]
    pub cpu_shares: Option<i64>,
    /// Length of a scheduler period in microseconds, 1000 to 1000000. `cpu.cpus` is simpler
    #[serde(default, deserialize_with = "maybe")]
    pub cpu_period: Option<i64>,
    /// Processor time in a period in microseconds, at least 1000. `cpu.cpus` is simpler
    #[serde(default, deserialize_with = "maybe")]
    pub cpu_quota: Option<i64>,
    /// Processors to run on, for example `0-3` or `0,2`
    #[serde(default)]
    pub cpuset_cpus: Option<NumberSet>,
    /// Memory nodes to use, for example `0,1`; only for machines that have several
    #[serde(default)]
    pub cpuset_mems: Option<NumberSet>,
    /// Length of a real-time period in microseconds; needs cgroup v1 and a kernel that shares out real time
    #[serde(default, deserialize_with = "maybe")]
    pub cpu_rt_period: Option<i64>,
    /// Real time in a period in microseconds; needs cgroup v1 and a kernel that shares out real time
    #[serde(default, deserialize_with = "maybe")]
    pub cpu_rt_runtime: Option<i64>,
    /// Share of the time of block devices, 10 to 1000
    #[serde(default)]
    pub blkio_weight: Option<BlockWeight>,
    /// Share of the time of single block devices, `path:weight` or a map of the two
    #[serde(default)]
    pub blkio_weight_device: Vec<PerDevice<BlockWeight>>,
    /// Bytes a second that are read from a device, `path:rate` or a map of the two
    #[serde(default)]
    pub device_read_bps: Vec<PerDevice<BytesPerSecond>>,
    /// Bytes a second that are written to a device, `path:rate` or a map of the two
    #[serde(default)]
    pub device_write_bps: Vec<PerDevice<BytesPerSecond>>,
    /// Operations a second that read from a device, `path:rate` or a map of the two
    #[serde(default)]
    pub device_read_iops: Vec<PerDevice<OperationsPerSecond>>,
    /// Operations a second that write to a device, `path:rate` or a map of the two
    #[serde(default)]
    pub device_write_iops: Vec<PerDevice<OperationsPerSecond>>,
    /// Devices of the engine's machine, `host[:container[:permissions]]`. Refused unless the host allows `devices`
    #[serde(default)]
    pub devices: Vec<Device>,
    /// Rules for further devices, for example `c 10:229 rwm`. Refused unless the host allows `device-cgroup-rules`
    #[serde(default)]
    pub device_cgroup_rules: Vec<DeviceRule>,
    /// How the engine finds out whether the container is healthy. The task does not wait for it
    #[serde(default)]
    pub healthcheck: Option<Healthcheck>,
    /// Signal that asks the container to end; that of the image or SIGTERM where absent
    #[serde(default)]
    pub stop_signal: Option<Signal>,
    /// Where the engine keeps what the container prints. Where absent it is the driver `local` without rotation, which can be read again after a lost connection
    #[serde(default)]
    pub log_config: Option<LogConfig>,
    /// Name of the program that makes containers, as the engine is set up to know it, for example `runc`
    #[serde(default, deserialize_with = "maybe")]
    pub runtime: Option<String>,
    /// Group of the kernel's resource control below which the container's own is made
    #[serde(default, deserialize_with = "maybe")]
    pub cgroup_parent: Option<String>,
    /// Whose shared memory and semaphores the container sees: `private`, `shareable`, `none`; `host` and `container:<name>` are refused unless the host allows them
    #[serde(default)]
    pub ipc_mode: Option<IpcMode>,
    /// Whose processes the container sees: its own where absent; `host` and `container:<name>` are refused unless the host allows them
    #[serde(default)]
    pub pid_mode: Option<PidMode>,
    /// Whose host name the container has: its own where absent; `host` is refused unless the host allows it
    #[serde(default)]
    pub uts_mode: Option<UtsMode>,
    /// Whose users the container has, where the engine keeps them apart; `host` is refused unless the host allows it
    #[serde(default)]
    pub userns_mode: Option<UsernsMode>,
    /// Whether the container gets the proxy variables that the configuration of the engine's client has
    #[serde(default, deserialize_with = "scalar")]
    pub use_config_proxy: bool,
}

impl DockerSettings {
    /// Whether the container mounts the working directory of this host, so that no file is copied.
    pub fn mounts_files(&self) -> bool {
        self.file_handling_strategy == Some(FileHandlingStrategy::Mount)
    }

    /// Reads rendered settings.
    ///
    /// # Errors
    /// Every mistake, each with the JSON pointer of the value or key that is wrong.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, Vec<SettingError>> {
        let settings: Self =
            crate::settings::read(settings, "the Docker task runner", refused::reason)?;
        let mut errors = Vec::new();
        settings.check(&mut errors);
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

fn no_time() -> &'static str {
    "PT0S"
}

impl Default for DockerSettings {
    /// What a task has that says nothing.
    fn default() -> Self {
        serde_json::from_value(serde_json::json!({})).unwrap_or_else(|error| {
            unreachable!("no property of the Docker runner is required: {error}")
        })
    }
}

#[cfg(test)]
mod tests;
