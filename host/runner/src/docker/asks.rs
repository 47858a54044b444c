//! What a task asks of the engine's machine. Read from the values of a flow one by one, rendered or not, so that a power is found before
//! anything runs; what cannot be read yet and may ask for it counts as asking where the property does nothing else.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use taffrail_core::policy::{Ask, Permission};

use super::engines::Engines;
use super::settings::{Mount, MountType, SecurityOption, Volume, flag};

/// Everything that these settings ask for, of a host that uses these engines.
pub fn asks(settings: &Map<String, Value>, engines: Option<&Engines>) -> Vec<Ask> {
    let mut asks = Asks {
        settings,
        engines,
        found: Vec::new(),
    };
    asks.mounts();
    asks.rights();
    asks.namespaces();
    asks.found
}

/// Files by which engines are spoken to; who may write to one rules the machine.
const SOCKETS: [&str; 7] = [
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
    "/dind/docker.sock",
    "/run/user/0/docker.sock",
];

/// The last parts of the paths of such files, wherever they are.
const SOCKET_NAMES: [&str; 6] = [
    "docker.sock",
    "podman.sock",
    "containerd.sock",
    "crio.sock",
    "buildkitd.sock",
    "docker.raw.sock",
];

struct Asks<'a> {
    settings: &'a Map<String, Value>,
    engines: Option<&'a Engines>,
    found: Vec<Ask>,
}

impl Asks<'_> {
    fn ask(&mut self, permission: Permission, pointer: String, what: String) {
        self.found.push(Ask {
            permission,
            pointer,
            what,
        });
    }

    /// The items of a list, each with its pointer. A list that is not there yet is one item.
    fn items(&self, key: &str) -> Vec<(String, Value)> {
        match self.settings.get(key) {
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (format!("/{key}/{index}"), item.clone()))
                .collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(other) => vec![(format!("/{key}"), other.clone())],
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.settings.get(key)? {
            Value::String(text) => Some(text.trim().to_owned()),
            _ => None,
        }
    }

    fn mounts(&mut self) {
        for (pointer, item) in self.items("volumes") {
            self.ask(
                Permission::Volumes,
                pointer.clone(),
                format!("`volumes` has {}", shown(&item)),
            );
            let source = read::<Volume>(&item).and_then(|volume| volume.source);
            self.socket(source.as_deref(), &pointer);
        }
        for (pointer, item) in self.items("volumesFrom") {
            let what = format!("`volumesFrom` has {}", shown(&item));
            self.ask(Permission::Volumes, pointer, what);
        }
        for (pointer, item) in self.items("mounts") {
            // A type that cannot be read yet may be any.
            let kind = item
                .get("type")
                .map_or(Some(MountType::Volume), read::<MountType>);
            if matches!(kind, Some(MountType::Tmpfs | MountType::Image)) {
                continue;
            }
            let what = format!(
                "`mounts` has {}",
                shown(item.get("source").unwrap_or(&item))
            );
            self.ask(Permission::Volumes, pointer.clone(), what);
            self.socket(item.get("source").and_then(Value::as_str), &pointer);
            // A volume of the driver `local` can be any path by its options.
            let device = read::<Mount>(&item)
                .and_then(|mount| mount.volume_options?.driver_config)
                .and_then(|driver| {
                    let mut options = driver.options.iter();
                    options
                        .find(|(name, _)| *name == "device")
                        .map(|(_, device)| device.to_owned())
                });
            self.socket(device.as_deref(), &pointer);
        }
    }

    fn socket(&mut self, source: Option<&str>, pointer: &str) {
        // Most sources are names of volumes.
        let Some(source) = source.filter(|source| source.starts_with('/')) else {
            return;
        };
        let flows = self.text("host");
        let flows = flows
            .as_deref()
            .and_then(|host| host.strip_prefix("unix://"));
        let hosts = self.engines.map_or(&[][..], Engines::sockets);
        let own = flows.into_iter().chain(hosts.iter().map(String::as_str));
        if leads_to_socket(source, own) {
            let what = format!("`{source}` is or holds the socket of an engine");
            self.ask(Permission::EngineSocket, pointer.to_owned(), what);
        }
    }

    fn rights(&mut self) {
        let privileged = self.settings.get("privileged");
        if privileged.is_some_and(|value| read::<Flag>(value).is_some_and(|flag| flag.0)) {
            self.ask(
                Permission::Privileged,
                "/privileged".to_owned(),
                "`privileged` is true".to_owned(),
            );
        }
        let lists = [
            ("devices", Permission::Devices),
            // What a driver gives are devices of the machine, too, all that it knows if it is asked for them.
            ("deviceRequests", Permission::Devices),
            ("deviceCgroupRules", Permission::DeviceCgroupRules),
            ("capAdd", Permission::CapAdd),
        ];
        for (key, permission) in lists {
            for (pointer, item) in self.items(key) {
                self.ask(permission, pointer, format!("`{key}` has {}", shown(&item)));
            }
        }
        for (pointer, item) in self.items("securityOpt") {
            let option = read::<SecurityOption>(&item);
            if option.as_ref().is_some_and(|option| !option.is_harmless()) {
                let what = format!("`securityOpt` has {}", shown(&item));
                self.ask(Permission::SecurityOpt, pointer, what);
            }
        }
    }

    fn namespaces(&mut self) {
        let modes = [
            ("pidMode", Some(Permission::HostPid)),
            ("ipcMode", Some(Permission::HostIpc)),
            ("utsMode", Some(Permission::HostUts)),
            ("usernsMode", Some(Permission::HostUsers)),
            // The documentation that flows follow has `host` as an ordinary value.
            ("networkMode", None),
        ];
        for (key, of_host) in modes {
            let Some(mode) = self.text(key) else { continue };
            let permission = match mode.as_str() {
                "host" => of_host,
                mode if mode.starts_with("container:") || mode.starts_with("ns:") => {
                    Some(Permission::ContainerNamespaces)
                }
                _ => None,
            };
            if let Some(permission) = permission {
                self.ask(
                    permission,
                    format!("/{key}"),
                    format!("`{key}` is `{mode}`"),
                );
            }
        }
    }
}

/// A boolean in every form in which it is taken.
struct Flag(bool);

impl<'de> serde::Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        flag(deserializer).map(Flag)
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Object(map) => match map.get("target").and_then(Value::as_str) {
            Some(target) => format!("a mount at `{target}`"),
            None if map.contains_key("type") => "a mount".to_owned(),
            None => "an entry".to_owned(),
        },
        other => format!("`{other}`"),
    }
}

/// Whether a path is the socket of an engine, or a folder above one. `own` are the sockets of engines that are used here.
fn leads_to_socket<'a>(source: &str, mut own: impl Iterator<Item = &'a str>) -> bool {
    if !source.starts_with('/') {
        return false;
    }
    let path = plain(source);
    if SOCKET_NAMES
        .iter()
        .any(|name| path.rsplit('/').next() == Some(name))
    {
        return true;
    }
    let below =
        |socket: &str| path == "/" || socket == path || socket.starts_with(&format!("{path}/"));
    let users = "/run/user".to_owned();
    SOCKETS.iter().any(|socket| below(socket))
        || own.any(|socket| below(&plain(socket)))
        // A user's own engine has its socket there.
        || path == users
        || path.strip_prefix("/run/user/").is_some_and(|user| !user.contains('/'))
}

/// The path without dots and doubled slashes; `/var/run` is `/run` on every machine of today.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if let ["var", "run", ..] = parts.as_slice() {
        parts.remove(0);
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(settings: Value) -> Vec<(String, &'static str)> {
        let asks = asks(settings.as_object().unwrap(), None);
        asks.into_iter()
            .map(|ask| (ask.pointer, ask.permission.name()))
            .collect()
    }

    #[test]
    fn every_power_is_found_at_its_place() {
        let check = |settings: Value, expected: &[(&str, &str)]| {
            let found = found(settings.clone());
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|(pointer, name)| (pointer.as_str(), *name))
                .collect();
            assert_eq!(found, expected, "{settings}");
        };
        check(json!({}), &[]);
        check(
            json!({"volumes": ["/a:/b", "cache:/c", "/d"]}),
            &[
                ("/volumes/0", "volumes"),
                ("/volumes/1", "volumes"),
                ("/volumes/2", "volumes"),
            ],
        );
        check(
            json!({"volumes": ["{{ inputs.path }}:/b"]}),
            &[("/volumes/0", "volumes")],
        );
        check(
            json!({"volumes": "{{ inputs.paths }}"}),
            &[("/volumes", "volumes")],
        );
        check(
            json!({"volumesFrom": ["x"]}),
            &[("/volumesFrom/0", "volumes")],
        );
        check(
            json!({"mounts": [
                {"type": "tmpfs", "target": "/a"},
                {"type": "image", "source": "x", "target": "/b"},
                {"type": "bind", "source": "/x", "target": "/c"},
                {"source": "xy", "target": "/d"},
                {"type": "{{ inputs.kind }}", "target": "/e"},
            ]}),
            &[
                ("/mounts/2", "volumes"),
                ("/mounts/3", "volumes"),
                ("/mounts/4", "volumes"),
            ],
        );
        check(
            json!({"mounts": [{"source": "xy", "target": "/d", "volumeOptions": {"driverConfig": {"options": {"o": "bind", "device": "/var/run"}}}}]}),
            &[("/mounts/0", "volumes"), ("/mounts/0", "engine-socket")],
        );
        check(
            json!({"privileged": true}),
            &[("/privileged", "privileged")],
        );
        check(
            json!({"privileged": " true "}),
            &[("/privileged", "privileged")],
        );
        check(json!({"privileged": false}), &[]);
        check(json!({"privileged": "{{ inputs.all }}"}), &[]);
        check(
            json!({"devices": ["/dev/fuse"]}),
            &[("/devices/0", "devices")],
        );
        check(
            json!({"deviceRequests": [{"capabilities": [["gpu"]]}]}),
            &[("/deviceRequests/0", "devices")],
        );
        check(
            json!({"deviceCgroupRules": ["a *:* rwm"]}),
            &[("/deviceCgroupRules/0", "device-cgroup-rules")],
        );
        check(
            json!({"capAdd": ["NET_ADMIN", "{{ x }}"], "capDrop": ["ALL"]}),
            &[("/capAdd/0", "cap-add"), ("/capAdd/1", "cap-add")],
        );
        check(
            json!({"securityOpt": ["no-new-privileges", "seccomp=unconfined", "label:disable", "no-new-privileges=false"]}),
            &[
                ("/securityOpt/1", "security-opt"),
                ("/securityOpt/2", "security-opt"),
                ("/securityOpt/3", "security-opt"),
            ],
        );
        check(
            json!({"pidMode": "host", "ipcMode": "host", "utsMode": "host", "usernsMode": "host", "networkMode": "host"}),
            &[
                ("/pidMode", "host-pid"),
                ("/ipcMode", "host-ipc"),
                ("/utsMode", "host-uts"),
                ("/usernsMode", "host-users"),
            ],
        );
        check(
            json!({"pidMode": "container:x", "ipcMode": "container:x", "networkMode": "container:x"}),
            &[
                ("/pidMode", "container-namespaces"),
                ("/ipcMode", "container-namespaces"),
                ("/networkMode", "container-namespaces"),
            ],
        );
        check(
            json!({"ipcMode": "shareable", "networkMode": "bridge"}),
            &[],
        );
    }

    /// Over the table of all properties: a property that gives power and is not asked for would be a hole.
    #[test]
    fn the_properties_that_give_power_are_these() {
        let table: Vec<Value> =
            serde_yaml::from_str(include_str!("../../tests/docker-properties.yaml")).unwrap();
        let mut asking: Vec<String> = Vec::new();
        for row in &table {
            let name = row["property"].as_str().unwrap();
            let settings = json!({ name: row["value"] });
            if !found(settings).is_empty() {
                asking.push(name.to_owned());
            }
        }
        assert_eq!(
            asking,
            [
                "volumes",
                "deviceRequests",
                "privileged",
                "capAdd",
                "securityOpt",
                "mounts",
                "volumesFrom",
                "devices",
                "deviceCgroupRules",
                "pidMode",
                "utsMode",
                "usernsMode",
            ]
        );
    }

    #[test]
    fn the_socket_that_the_host_itself_uses_is_one() {
        let host = [("DOCKER_HOST".to_owned(), "unix:///srv/a/my.sock".to_owned())];
        let environment = super::super::ClientEnvironment::new(host);
        let engines = Engines::new(environment, Box::new(|| Err(String::new())));
        let asked = |source: &str, engines: Option<&Engines>| {
            let settings = serde_json::json!({ "volumes": [format!("{source}:/x")] });
            let asked = asks(settings.as_object().unwrap(), engines);
            asked
                .iter()
                .any(|ask| ask.permission == Permission::EngineSocket)
        };
        for (source, is_asked) in [
            ("/srv/a/my.sock", true),
            ("/srv", true),
            ("/srv/b", false),
            ("srv", false),
        ] {
            assert_eq!(asked(source, Some(&engines)), is_asked, "{source}");
            assert!(!asked(source, None), "{source}");
        }
    }

    #[test]
    fn sockets_of_engines_are_seen_through_every_path() {
        let check = |source: &str, own: Option<&str>, expected: bool| {
            let leads = leads_to_socket(source, own.into_iter());
            assert_eq!(leads, expected, "{source}");
        };
        check("/var/run/docker.sock", None, true);
        check("/run/docker.sock", None, true);
        check("/run//./docker.sock", None, true);
        check("/run/x/../docker.sock", None, true);
        check("/var/../run", None, true);
        check("/", None, true);
        check("/var/run/", None, true);
        check("/run/podman", None, true);
        check("/run/user/1000", None, true);
        check("/run/user/1000/podman/podman.sock", None, true);
        check("/home/ada/.docker/run/docker.sock", None, true);
        check("/srv", None, false);
        check("/var", None, false);
        check("/run/user/1000/data", None, false);
        check("/srv/engine", Some("/srv/engine/sock"), true);
        check("/srv/engine/sock", Some("/srv/engine/sock"), true);
        check("/srv/engine/sock2", Some("/srv/engine/sock"), false);
        check("docker.sock", None, false);
    }
}
