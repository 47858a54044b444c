//! Networks, and what has no meaning with some of them.

use super::super::DockerSettings;

impl DockerSettings {
    pub(super) fn network_is_right(&self, wrong: &mut impl FnMut(&str, String)) {
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
                ("/portBindings", !self.port_bindings.is_empty()),
                ("/publishAllPorts", self.publish_all_ports),
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
}
