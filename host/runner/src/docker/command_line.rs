//! The create request as the engine's own command line: `docker run ...` that starts the same container. Made from the request and not
//! from the settings, so that it cannot say something else.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HealthConfig, HostConfig, Mount, MountType, ThrottleDevice,
};

use super::create::CreateRequest;

/// The argument vector, from `docker` on.
pub fn command_line(request: &CreateRequest) -> Vec<String> {
    let mut line = Line(vec!["docker".to_owned(), "run".to_owned()]);
    let body = &request.body;
    line.option("--name", Some(&request.name));
    line.option("--platform", request.platform.as_ref());
    container(&mut line, body);
    let default = HostConfig::default();
    let host = body.host_config.as_ref().unwrap_or(&default);
    limits(&mut line, host);
    files(&mut line, host);
    network(&mut line, body, host);
    rights(&mut line, host);
    // The command line takes one word as entry point; further ones stand before the command.
    let entry_point = body.entrypoint.as_deref().unwrap_or_default();
    line.option("--entrypoint", entry_point.first());
    line.0.extend(body.image.clone());
    line.0.extend(entry_point.iter().skip(1).cloned());
    line.0.extend(body.cmd.iter().flatten().cloned());
    line.0
}

struct Line(Vec<String>);

impl Line {
    fn flag(&mut self, name: &str, value: Option<bool>) {
        if value == Some(true) {
            self.0.push(name.to_owned());
        }
    }

    fn option<T: ToString + ?Sized>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.0.push(name.to_owned());
            self.0.push(value.to_string());
        }
    }

    fn each<T: ToString>(&mut self, name: &str, values: Option<&Vec<T>>) {
        for value in values.into_iter().flatten() {
            self.option(name, Some(value));
        }
    }

    /// Names and values, sorted by name.
    fn pairs(&mut self, name: &str, map: Option<&HashMap<String, String>>, separator: char) {
        for (key, value) in sorted(map) {
            let text = match value.as_str() {
                "" => key.clone(),
                value => format!("{key}{separator}{value}"),
            };
            self.option(name, Some(&text));
        }
    }
}

fn sorted(map: Option<&HashMap<String, String>>) -> Vec<(&String, &String)> {
    let mut pairs: Vec<(&String, &String)> = map.into_iter().flatten().collect();
    pairs.sort();
    pairs
}

fn container(line: &mut Line, body: &ContainerCreateBody) {
    line.option("--workdir", body.working_dir.as_ref());
    line.option("--user", body.user.as_ref());
    line.each("--env", body.env.as_ref());
    line.pairs("--label", body.labels.as_ref(), '=');
    line.option("--hostname", body.hostname.as_ref());
    line.option("--domainname", body.domainname.as_ref());
    line.each("--volume", body.volumes.as_ref());
    line.option("--stop-signal", body.stop_signal.as_ref());
    if let Some(health) = &body.healthcheck {
        healthcheck(line, health);
    }
}

fn healthcheck(line: &mut Line, health: &HealthConfig) {
    match health.test.as_deref().unwrap_or_default() {
        [kind] if kind == "NONE" => line.flag("--no-healthcheck", Some(true)),
        [kind, text] if kind == "CMD-SHELL" => line.option("--health-cmd", Some(text)),
        // The command line knows commands for a shell only.
        [_, words @ ..] => line.option(
            "--health-cmd",
            Some(
                &words
                    .iter()
                    .map(|word| quoted(word))
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
        ),
        [] => {}
    }
    let time = |nanoseconds: Option<i64>| nanoseconds.map(|nanoseconds| format!("{nanoseconds}ns"));
    line.option("--health-interval", time(health.interval).as_ref());
    line.option("--health-timeout", time(health.timeout).as_ref());
    line.option("--health-retries", health.retries.as_ref());
    line.option("--health-start-period", time(health.start_period).as_ref());
    line.option(
        "--health-start-interval",
        time(health.start_interval).as_ref(),
    );
}

fn limits(line: &mut Line, host: &HostConfig) {
    let cpus = host.nano_cpus.map(|nano| {
        let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    });
    line.option("--cpus", cpus.as_ref());
    line.option("--cpu-shares", host.cpu_shares.as_ref());
    line.option("--cpu-period", host.cpu_period.as_ref());
    line.option("--cpu-quota", host.cpu_quota.as_ref());
    line.option("--cpu-rt-period", host.cpu_realtime_period.as_ref());
    line.option("--cpu-rt-runtime", host.cpu_realtime_runtime.as_ref());
    line.option("--cpuset-cpus", host.cpuset_cpus.as_ref());
    line.option("--cpuset-mems", host.cpuset_mems.as_ref());
    line.option("--memory", host.memory.as_ref());
    line.option("--memory-swap", host.memory_swap.as_ref());
    line.option("--memory-reservation", host.memory_reservation.as_ref());
    line.option("--memory-swappiness", host.memory_swappiness.as_ref());
    line.flag("--oom-kill-disable", host.oom_kill_disable);
    line.option("--oom-score-adj", host.oom_score_adj.as_ref());
    line.option("--pids-limit", host.pids_limit.as_ref());
    for limit in host.ulimits.iter().flatten() {
        let name = limit.name.clone().unwrap_or_default();
        let (soft, hard) = (limit.soft.unwrap_or(-1), limit.hard.unwrap_or(-1));
        line.option("--ulimit", Some(&format!("{name}={soft}:{hard}")));
    }
    line.option("--shm-size", host.shm_size.as_ref());
    line.pairs("--sysctl", host.sysctls.as_ref(), '=');
    line.option("--blkio-weight", host.blkio_weight.as_ref());
    for device in host.blkio_weight_device.iter().flatten() {
        let path = device.path.clone().unwrap_or_default();
        let text = format!("{path}:{}", device.weight.unwrap_or_default());
        line.option("--blkio-weight-device", Some(&text));
    }
    for (name, devices) in [
        ("--device-read-bps", &host.blkio_device_read_bps),
        ("--device-write-bps", &host.blkio_device_write_bps),
        ("--device-read-iops", &host.blkio_device_read_iops),
        ("--device-write-iops", &host.blkio_device_write_iops),
    ] {
        for ThrottleDevice { path, rate } in devices.iter().flatten() {
            let path = path.clone().unwrap_or_default();
            line.option(name, Some(&format!("{path}:{}", rate.unwrap_or_default())));
        }
    }
}

fn files(line: &mut Line, host: &HostConfig) {
    line.each("--volume", host.binds.as_ref());
    for mount in host.mounts.iter().flatten() {
        match volume_text(mount) {
            Some(text) => line.option("--volume", Some(&text)),
            None => line.option("--mount", Some(&mount_text(mount))),
        }
    }
    line.pairs("--tmpfs", host.tmpfs.as_ref(), ':');
    line.each("--volumes-from", host.volumes_from.as_ref());
    line.option("--volume-driver", host.volume_driver.as_ref());
    line.pairs("--storage-opt", host.storage_opt.as_ref(), '=');
    line.flag("--read-only", host.readonly_rootfs);
    for device in host.devices.iter().flatten() {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let text = format!(
            "{}:{}:{}",
            part(&device.path_on_host),
            part(&device.path_in_container),
            part(&device.cgroup_permissions)
        );
        line.option("--device", Some(&text));
    }
    line.each("--device-cgroup-rule", host.device_cgroup_rules.as_ref());
    for request in host.device_requests.iter().flatten() {
        line.option("--gpus", Some(&device_request(request)));
    }
}

/// Fields with commas between them; one that holds a comma itself stands in quotes.
fn fields(fields: &[String]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|field| {
            if field.contains([',', '"']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.clone()
            }
        })
        .collect();
    fields.join(",")
}

fn device_request(request: &DeviceRequest) -> String {
    let mut parts = Vec::new();
    if let Some(driver) = &request.driver {
        parts.push(format!("driver={driver}"));
    }
    match request.count {
        Some(-1) => parts.push("count=all".to_owned()),
        Some(count) => parts.push(format!("count={count}")),
        None => {}
    }
    if let Some(ids) = &request.device_ids {
        parts.push(format!("device={}", ids.join(",")));
    }
    if let Some(capabilities) = &request.capabilities {
        parts.push(format!("capabilities={}", capabilities.concat().join(",")));
    }
    for (name, value) in sorted(request.options.as_ref()) {
        parts.push(format!("options={name}={value}"));
    }
    fields(&parts)
}

/// A bind mount whose missing source is made: the command line says that in its short form.
fn volume_text(mount: &Mount) -> Option<String> {
    let options = mount.bind_options.as_ref()?;
    if options.create_mountpoint != Some(true) || options.non_recursive == Some(true) {
        return None;
    }
    let mut text = format!("{}:{}", mount.source.as_ref()?, mount.target.as_ref()?);
    let read_only = (mount.read_only == Some(true)).then(|| "ro".to_owned());
    let propagation = options
        .propagation
        .map(|propagation| propagation.to_string());
    let modes: Vec<String> = read_only.into_iter().chain(propagation).collect();
    if !modes.is_empty() {
        text.push(':');
        text.push_str(&modes.join(","));
    }
    Some(text)
}

fn mount_text(mount: &Mount) -> String {
    let kind = match mount.typ {
        Some(MountType::BIND) => "bind",
        Some(MountType::TMPFS) => "tmpfs",
        Some(MountType::IMAGE) => "image",
        _ => "volume",
    };
    let mut parts = vec![format!("type={kind}")];
    let mut add = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    add("source", mount.source.clone());
    add("target", mount.target.clone());
    if let Some(options) = &mount.bind_options {
        add(
            "bind-propagation",
            options
                .propagation
                .map(|propagation| propagation.to_string()),
        );
        let recursive = (options.non_recursive == Some(true)).then(|| "disabled".to_owned());
        add("bind-recursive", recursive);
        let create = (options.create_mountpoint == Some(true)).then(|| "true".to_owned());
        add("bind-create-src", create);
    }
    if let Some(options) = &mount.volume_options {
        add("volume-subpath", options.subpath.clone());
        for (name, value) in sorted(options.labels.as_ref()) {
            add("volume-label", Some(format!("{name}={value}")));
        }
        if let Some(driver) = &options.driver_config {
            add("volume-driver", driver.name.clone());
            for (name, value) in sorted(driver.options.as_ref()) {
                add("volume-opt", Some(format!("{name}={value}")));
            }
        }
    }
    if let Some(options) = &mount.tmpfs_options {
        add(
            "tmpfs-size",
            options.size_bytes.map(|size| size.to_string()),
        );
        add("tmpfs-mode", options.mode.map(|mode| format!("{mode:o}")));
    }
    if let Some(options) = &mount.image_options {
        add("image-subpath", options.subpath.clone());
    }
    let no_copy = mount
        .volume_options
        .as_ref()
        .and_then(|options| options.no_copy);
    if no_copy == Some(true) {
        parts.push("volume-nocopy".to_owned());
    }
    if mount.read_only == Some(true) {
        parts.push("readonly".to_owned());
    }
    fields(&parts)
}

fn network(line: &mut Line, body: &ContainerCreateBody, host: &HostConfig) {
    let mode = match body.network_disabled {
        Some(true) => Some("none"),
        _ => host.network_mode.as_deref(),
    };
    line.option("--network", mode);
    let endpoints = body
        .networking_config
        .as_ref()
        .and_then(|config| config.endpoints_config.as_ref());
    for endpoint in endpoints.into_iter().flat_map(HashMap::values) {
        line.option("--mac-address", endpoint.mac_address.as_ref());
    }
    let mut ports: Vec<_> = host.port_bindings.iter().flatten().collect();
    ports.sort_by_key(|(key, _)| *key);
    for (key, bindings) in ports {
        for binding in bindings.iter().flatten() {
            let address = match &binding.host_ip {
                Some(address) if address.contains(':') => format!("[{address}]:"),
                Some(address) => format!("{address}:"),
                None => String::new(),
            };
            let port = match &binding.host_port {
                Some(port) => format!("{port}:"),
                None if address.is_empty() => String::new(),
                None => ":".to_owned(),
            };
            line.option("--publish", Some(&format!("{address}{port}{key}")));
        }
    }
    line.flag("--publish-all", host.publish_all_ports);
    line.each("--dns", host.dns.as_ref());
    line.each("--dns-option", host.dns_options.as_ref());
    line.each("--dns-search", host.dns_search.as_ref());
    line.each("--add-host", host.extra_hosts.as_ref());
    line.each("--link", host.links.as_ref());
}

fn rights(line: &mut Line, host: &HostConfig) {
    line.flag("--privileged", host.privileged);
    line.each("--cap-add", host.cap_add.as_ref());
    line.each("--cap-drop", host.cap_drop.as_ref());
    line.each("--security-opt", host.security_opt.as_ref());
    if host.masked_paths.is_some() {
        line.option("--security-opt", Some("systempaths=unconfined"));
    }
    line.each("--group-add", host.group_add.as_ref());
    line.option("--userns", host.userns_mode.as_ref());
    line.option("--pid", host.pid_mode.as_ref());
    line.option("--ipc", host.ipc_mode.as_ref());
    line.option("--uts", host.uts_mode.as_ref());
    line.option("--cgroup-parent", host.cgroup_parent.as_ref());
    line.flag("--init", host.init);
    line.option("--runtime", host.runtime.as_ref());
    if let Some(log) = &host.log_config {
        line.option("--log-driver", log.typ.as_ref());
        line.pairs("--log-opt", log.config.as_ref(), '=');
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
