//! The part of the request that says what the container gets of its machine.

use std::collections::HashMap;

use bollard::models::{
    DeviceMapping, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountImageOptions, MountTmpfsOptions, MountType,
    MountVolumeOptions, MountVolumeOptionsDriverConfig, PortBinding, ResourcesBlkioWeightDevice,
    ResourcesUlimits, ThrottleDevice,
};

use super::{CreateContext, VOLUME_DIR, WORK_DIR, WorkMount, some};
use crate::docker::settings::{
    self, BlockWeight, BytesPerSecond, DockerSettings, OperationsPerSecond, Pairs, PerDevice,
    Propagation, Size, SwapSize,
};

/// Makes it.
pub(super) fn host_config(settings: &DockerSettings, context: &CreateContext) -> HostConfig {
    let memory = &settings.memory;
    let text = |text: Option<&str>| text.map(str::to_owned);
    let open_paths = settings
        .security_opt
        .iter()
        .any(|option| option.key == "systempaths");
    let mut config = HostConfig {
        // Limits.
        nano_cpus: settings.cpu.cpus.map(settings::Cpus::nano),
        cpu_shares: settings.cpu_shares,
        cpu_period: settings.cpu_period,
        cpu_quota: settings.cpu_quota,
        cpuset_cpus: text(settings.cpuset_cpus.as_ref().map(|set| set.as_str())),
        cpuset_mems: text(settings.cpuset_mems.as_ref().map(|set| set.as_str())),
        cpu_realtime_period: settings.cpu_rt_period,
        cpu_realtime_runtime: settings.cpu_rt_runtime,
        memory: memory.memory.map(Size::as_i64),
        memory_swap: memory.memory_swap.map(SwapSize::as_i64),
        memory_reservation: memory.memory_reservation.map(Size::as_i64),
        memory_swappiness: memory
            .memory_swappiness
            .filter(|_| context.engine.cgroup != Some(2))
            .map(|percent| i64::from(percent.value())),
        oom_kill_disable: memory
            .oom_kill_disable
            .filter(|_| context.engine.cgroup != Some(2)),
        oom_score_adj: settings.oom_score_adj,
        pids_limit: settings.pids_limit,
        ulimits: some(ulimits(settings)),
        shm_size: settings.shm_size.map(Size::as_i64),
        sysctls: map(&settings.sysctls),
        storage_opt: map(&settings.storage_opt),
        ..HostConfig::default()
    };
    // Block devices, and devices at all.
    config.blkio_weight = settings.blkio_weight.map(|BlockWeight(weight)| weight);
    config.blkio_weight_device = some(weights(&settings.blkio_weight_device));
    config.blkio_device_read_bps = some(bytes(&settings.device_read_bps));
    config.blkio_device_write_bps = some(bytes(&settings.device_write_bps));
    config.blkio_device_read_iops = some(operations(&settings.device_read_iops));
    config.blkio_device_write_iops = some(operations(&settings.device_write_iops));
    config.devices = some(devices(settings));
    let rules = settings.device_cgroup_rules.iter();
    config.device_cgroup_rules = some(rules.map(|rule| rule.as_str().to_owned()).collect());
    config.device_requests = some(
        settings
            .device_requests
            .iter()
            .map(device_request)
            .collect(),
    );
    // Files.
    config.binds = some(
        settings
            .volumes
            .iter()
            .filter_map(settings::Volume::bind)
            .collect(),
    );
    let own = settings.mounts.iter().map(mount);
    config.mounts = some(work_mount(context).into_iter().chain(own).collect());
    config.tmpfs = map(&settings.tmpfs);
    config.volumes_from = some(settings.volumes_from.clone());
    config.volume_driver = settings.volume_driver.clone();
    config.readonly_rootfs = settings.read_only.then_some(true);
    // Network.
    config.network_mode = match &settings.network_mode {
        Some(mode) => Some(mode.as_str().to_owned()),
        None => settings
            .mac_address
            .as_ref()
            .map(|_| super::network(settings).to_owned()),
    };
    config.port_bindings = ports(settings);
    config.publish_all_ports = settings.publish_all_ports.then_some(true);
    config.dns = some(
        settings
            .dns
            .iter()
            .map(|address| address.as_str().to_owned())
            .collect(),
    );
    config.dns_options = some(settings.dns_opt.clone());
    config.dns_search = some(settings.dns_search.clone());
    config.extra_hosts = some(
        settings
            .extra_hosts
            .iter()
            .map(settings::ExtraHost::text)
            .collect(),
    );
    config.links = some(
        settings
            .links
            .iter()
            .map(|(container, name)| match name {
                "" => container.to_owned(),
                name => format!("{container}:{name}"),
            })
            .collect(),
    );
    // Rights.
    config.privileged = settings.privileged.then_some(true);
    config.cap_add = some(
        settings
            .cap_add
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect(),
    );
    config.cap_drop = some(
        settings
            .cap_drop
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect(),
    );
    config.security_opt = some(
        settings
            .security_opt
            .iter()
            .filter(|option| option.key != "systempaths")
            .map(settings::SecurityOption::text)
            .collect(),
    );
    // The command line of the engine turns the option into these two; the engine itself does not know it.
    config.masked_paths = open_paths.then(Vec::new);
    config.readonly_paths = open_paths.then(Vec::new);
    config.group_add = some(settings.group_add.clone());
    config.userns_mode = text(settings.userns_mode.as_ref().map(|mode| mode.as_str()));
    config.pid_mode = text(settings.pid_mode.as_ref().map(|mode| mode.as_str()));
    config.ipc_mode = text(settings.ipc_mode.as_ref().map(|mode| mode.as_str()));
    config.uts_mode = text(settings.uts_mode.as_ref().map(|mode| mode.as_str()));
    config.cgroup_parent = settings.cgroup_parent.clone();
    // Life and logs. `AutoRemove` is never set: the engine would remove the container before its exit code is read.
    config.init = Some(settings.init);
    config.runtime = settings.runtime.clone();
    config.log_config = log_config(settings, context);
    config
}

fn map<const SEPARATOR: char>(pairs: &Pairs<SEPARATOR>) -> Option<HashMap<String, String>> {
    let map = || {
        pairs
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    (!pairs.is_empty()).then(|| map().collect())
}

fn ulimits(settings: &DockerSettings) -> Vec<ResourcesUlimits> {
    let limits = settings.ulimits.iter();
    limits
        .map(|limit| ResourcesUlimits {
            name: Some(limit.name.as_str().to_owned()),
            soft: Some(limit.soft),
            hard: Some(limit.hard),
        })
        .collect()
}

fn weights(limits: &[PerDevice<BlockWeight>]) -> Vec<ResourcesBlkioWeightDevice> {
    let devices = limits.iter();
    devices
        .map(|device| ResourcesBlkioWeightDevice {
            path: Some(device.path.clone()),
            weight: Some(usize::from(device.limit.0)),
        })
        .collect()
}

fn throttle(path: &str, rate: i64) -> ThrottleDevice {
    ThrottleDevice {
        path: Some(path.to_owned()),
        rate: Some(rate),
    }
}

fn bytes(limits: &[PerDevice<BytesPerSecond>]) -> Vec<ThrottleDevice> {
    let devices = limits.iter();
    devices
        .map(|device| throttle(&device.path, device.limit.0.as_i64()))
        .collect()
}

fn operations(limits: &[PerDevice<OperationsPerSecond>]) -> Vec<ThrottleDevice> {
    let devices = limits.iter();
    devices
        .map(|device| throttle(&device.path, device.limit.0))
        .collect()
}

fn devices(settings: &DockerSettings) -> Vec<DeviceMapping> {
    let devices = settings.devices.iter();
    devices
        .map(|device| DeviceMapping {
            path_on_host: Some(device.host.clone()),
            path_in_container: Some(device.container.clone()),
            cgroup_permissions: Some(device.permissions.clone()),
        })
        .collect()
}

fn device_request(request: &settings::DeviceRequest) -> DeviceRequest {
    DeviceRequest {
        driver: request.driver.clone(),
        // The engine's own zero asks for none.
        count: match (request.count, request.device_ids.is_empty()) {
            (Some(count), _) => Some(count.value()),
            (None, true) => Some(-1),
            (None, false) => None,
        },
        device_ids: some(request.device_ids.clone()),
        capabilities: some(request.capabilities.clone()),
        options: map(&request.options),
    }
}

fn work_mount(context: &CreateContext) -> Option<Mount> {
    Some(match &context.work {
        WorkMount::Volume { name } => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            target: Some(VOLUME_DIR.to_owned()),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                // The engine makes the volume with these, so that it can be found without its container.
                labels: Some(context.labels.clone().into_iter().collect()),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        },
        WorkMount::Bind { host_path } => Mount {
            typ: Some(MountType::BIND),
            source: Some(host_path.clone()),
            target: Some(WORK_DIR.to_owned()),
            ..Mount::default()
        },
        WorkMount::Container => return None,
    })
}

fn mount(mount: &settings::Mount) -> Mount {
    let bind = mount.bind_options.as_ref();
    let volume = mount.volume_options.as_ref();
    let tmpfs = mount.tmpfs_options.as_ref();
    let image = mount.image_options.as_ref();
    Mount {
        typ: Some(match mount.kind {
            settings::MountType::Bind => MountType::BIND,
            settings::MountType::Volume => MountType::VOLUME,
            settings::MountType::Tmpfs => MountType::TMPFS,
            settings::MountType::Image => MountType::IMAGE,
        }),
        source: mount.source.clone(),
        target: Some(mount.target.as_str().to_owned()),
        read_only: mount.read_only.then_some(true),
        bind_options: bind.map(|options| MountBindOptions {
            propagation: options.propagation.map(propagation),
            non_recursive: options.non_recursive.then_some(true),
            create_mountpoint: options.create_mountpoint.then_some(true),
            ..MountBindOptions::default()
        }),
        volume_options: volume.map(|options| MountVolumeOptions {
            no_copy: options.no_copy.then_some(true),
            labels: map(&options.labels),
            driver_config: options.driver_config.as_ref().map(|driver| {
                MountVolumeOptionsDriverConfig {
                    name: driver.name.clone(),
                    options: map(&driver.options),
                }
            }),
            subpath: options.subpath.clone(),
        }),
        tmpfs_options: tmpfs.map(|options| MountTmpfsOptions {
            size_bytes: options.size_bytes.map(Size::as_i64),
            mode: options.mode.map(|mode| i64::from(mode.bits())),
            options: None,
        }),
        image_options: image.map(|options| MountImageOptions {
            subpath: options.subpath.clone(),
        }),
        consistency: None,
    }
}

fn propagation(propagation: Propagation) -> MountBindOptionsPropagationEnum {
    match propagation {
        Propagation::Private => MountBindOptionsPropagationEnum::PRIVATE,
        Propagation::Rprivate => MountBindOptionsPropagationEnum::RPRIVATE,
        Propagation::Shared => MountBindOptionsPropagationEnum::SHARED,
        Propagation::Rshared => MountBindOptionsPropagationEnum::RSHARED,
        Propagation::Slave => MountBindOptionsPropagationEnum::SLAVE,
        Propagation::Rslave => MountBindOptionsPropagationEnum::RSLAVE,
    }
}

fn ports(settings: &DockerSettings) -> Option<HashMap<String, Option<Vec<PortBinding>>>> {
    let mut map: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for binding in settings
        .port_bindings
        .iter()
        .flat_map(|ports| &ports.bindings)
    {
        map.entry(binding.key())
            .or_default()
            .get_or_insert_with(Vec::new)
            .push(PortBinding {
                host_ip: binding.address.map(|address| address.to_string()),
                host_port: binding.host.clone(),
            });
    }
    (!map.is_empty()).then_some(map)
}

/// Where nothing is said: a driver whose log can be read again after a lost connection, without the rotation that would drop lines.
fn log_config(settings: &DockerSettings, context: &CreateContext) -> Option<HostConfigLogConfig> {
    if let Some(log) = &settings.log_config {
        return Some(HostConfigLogConfig {
            typ: Some(log.driver.clone()),
            config: map(&log.options),
        });
    }
    let options = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        Some(
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    };
    let engine = &context.engine;
    if engine.podman {
        // Podman's own keeps everything where nothing is said.
        return engine
            .has_log_driver("k8s-file")
            .then(|| HostConfigLogConfig {
                typ: Some("k8s-file".to_owned()),
                config: None,
            });
    }
    ["local", "json-file"]
        .into_iter()
        .find(|driver| engine.has_log_driver(driver))
        .map(|driver| HostConfigLogConfig {
            typ: Some(driver.to_owned()),
            config: options(&[("compress", "false"), ("max-size", "1000g")]),
        })
}
