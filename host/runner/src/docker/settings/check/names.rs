//! Names, and the rest.

use super::super::DockerSettings;
use super::super::scalar::shown;

impl DockerSettings {
    pub(super) fn names_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
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
                        shown(from)
                    ),
                );
            }
        }
        if let Some(folder) = &self.working_dir
            && !folder.is_empty()
            && !folder.starts_with('/')
        {
            wrong(
                "/workingDir",
                format!(
                    "`workingDir` must be a path from the root of the container, such as `/srv`, not {}",
                    shown(folder)
                ),
            );
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
                        shown(text)
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
                            shown(item)
                        ),
                    );
                }
            }
        }
    }

    pub(super) fn rest_is_right(&self, wrong: &mut impl FnMut(&str, String)) {
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
                    shown(&log.driver)
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
