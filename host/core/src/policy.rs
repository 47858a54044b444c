//! What a flow may ask of the machine it runs on: each power has a name, and the host gives it or refuses it. A flow cannot.

use std::collections::BTreeSet;

/// A power over the machine that a backend runs tasks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Mounting paths or volumes, and those of other containers.
    Volumes,
    /// Mounting the socket of an engine.
    EngineSocket,
    /// All rights.
    Privileged,
    /// Devices of the machine.
    Devices,
    /// Rules for further devices.
    DeviceCgroupRules,
    /// The processes of the machine.
    HostPid,
    /// The shared memory of the machine.
    HostIpc,
    /// The host name of the machine.
    HostUts,
    /// The users of the machine.
    HostUsers,
    /// Network, processes or shared memory of another container.
    ContainerNamespaces,
    /// Added rights.
    CapAdd,
    /// Less protection by seccomp, AppArmor or SELinux.
    SecurityOpt,
    /// Files of the machine, where the tasks of a flow are all to run in containers.
    HostFiles,
}

impl Permission {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Permission; 13] = [
        Permission::Volumes,
        Permission::EngineSocket,
        Permission::Privileged,
        Permission::Devices,
        Permission::DeviceCgroupRules,
        Permission::HostPid,
        Permission::HostIpc,
        Permission::HostUts,
        Permission::HostUsers,
        Permission::ContainerNamespaces,
        Permission::CapAdd,
        Permission::SecurityOpt,
        Permission::HostFiles,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Permission::Volumes => "volumes",
            Permission::EngineSocket => "engine-socket",
            Permission::Privileged => "privileged",
            Permission::Devices => "devices",
            Permission::DeviceCgroupRules => "device-cgroup-rules",
            Permission::HostPid => "host-pid",
            Permission::HostIpc => "host-ipc",
            Permission::HostUts => "host-uts",
            Permission::HostUsers => "host-users",
            Permission::ContainerNamespaces => "container-namespaces",
            Permission::CapAdd => "cap-add",
            Permission::SecurityOpt => "security-opt",
            Permission::HostFiles => "host-files",
        }
    }

    /// Its key in the host's configuration.
    pub fn setting(self) -> &'static str {
        match self {
            // The name that users of Kestra know.
            Permission::Volumes => "volume-enabled",
            Permission::EngineSocket => "engine-socket-enabled",
            Permission::Privileged => "privileged-enabled",
            Permission::Devices => "devices-enabled",
            Permission::DeviceCgroupRules => "device-cgroup-rules-enabled",
            Permission::HostPid => "host-pid-enabled",
            Permission::HostIpc => "host-ipc-enabled",
            Permission::HostUts => "host-uts-enabled",
            Permission::HostUsers => "host-users-enabled",
            Permission::ContainerNamespaces => "container-namespaces-enabled",
            Permission::CapAdd => "cap-add-enabled",
            Permission::SecurityOpt => "security-opt-enabled",
            Permission::HostFiles => "host-files-enabled",
        }
    }

    /// What it lets flows do.
    pub fn description(self) -> &'static str {
        match self {
            Permission::Volumes => {
                "mount paths of the machine, volumes, and those of other containers"
            }
            Permission::EngineSocket => "mount the socket of an engine, which rules the machine",
            Permission::Privileged => "run with all rights of the machine",
            Permission::Devices => "use devices of the machine",
            Permission::DeviceCgroupRules => "use or make further devices",
            Permission::HostPid => "see and signal the processes of the machine",
            Permission::HostIpc => "use the shared memory of the machine",
            Permission::HostUts => "have the host name of the machine",
            Permission::HostUsers => "have the users of the machine",
            Permission::ContainerNamespaces => "join another container",
            Permission::CapAdd => "add rights of the kernel",
            Permission::SecurityOpt => "switch off or replace protections of the kernel",
            Permission::HostFiles => {
                "read and write files of the machine where `--runner docker` has all tasks run in containers"
            }
        }
    }

    /// The permission with this name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Permission::ALL
            .into_iter()
            .find(|permission| permission.name() == name)
    }
}

/// That a task's settings ask for a power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Which.
    pub permission: Permission,
    /// JSON pointer into the runner's settings, to what asks.
    pub pointer: String,
    /// What asks, in words: `` `privileged` ``.
    pub what: String,
}

/// A power that was asked for and is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// JSON pointer into the runner's settings, to what asked.
    pub pointer: String,
    /// What is refused.
    pub message: String,
    /// What would allow it.
    pub help: String,
}

/// The powers that the host gives to flows; at first none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    allowed: BTreeSet<Permission>,
}

impl Policy {
    /// Gives a power.
    pub fn allow(&mut self, permission: Permission) {
        self.allowed.insert(permission);
    }

    /// Takes a power away again.
    pub fn refuse(&mut self, permission: Permission) {
        self.allowed.remove(&permission);
    }

    /// Whether a power is given.
    pub fn allows(&self, permission: Permission) -> bool {
        self.allowed.contains(&permission)
    }

    /// Everything that is asked for and not given.
    pub fn refusals(&self, asks: Vec<Ask>) -> Vec<Refusal> {
        let refused = asks.into_iter().filter(|ask| !self.allows(ask.permission));
        refused
            .map(|ask| {
                let (name, setting) = (ask.permission.name(), ask.permission.setting());
                Refusal {
                    pointer: ask.pointer,
                    message: format!("{}, and this host does not let flows {}", ask.what, ask.permission.description()),
                    help: format!(
                        "whoever runs the host allows it with `--allow {name}`, or with `{setting}: true` in the host's configuration"
                    ),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_unique() {
        let mut settings = BTreeSet::new();
        for permission in Permission::ALL {
            assert_eq!(Permission::named(permission.name()), Some(permission));
            assert!(settings.insert(permission.setting()));
        }
        assert_eq!(Permission::named("volume"), None);
    }

    #[test]
    fn what_is_not_given_is_refused_one_by_one() {
        let ask = |permission, pointer: &str| Ask {
            permission,
            pointer: pointer.to_owned(),
            what: "`x`".to_owned(),
        };
        let asks = || {
            vec![
                ask(Permission::Volumes, "/volumes/0"),
                ask(Permission::Privileged, "/privileged"),
                ask(Permission::Volumes, "/volumes/1"),
            ]
        };
        let pointers = |policy: &Policy| -> Vec<String> {
            let refusals = policy.refusals(asks());
            refusals
                .into_iter()
                .map(|refusal| refusal.pointer)
                .collect()
        };
        let mut policy = Policy::default();
        assert_eq!(
            pointers(&policy),
            ["/volumes/0", "/privileged", "/volumes/1"]
        );
        policy.allow(Permission::Volumes);
        assert_eq!(pointers(&policy), ["/privileged"]);
        policy.allow(Permission::Privileged);
        policy.refuse(Permission::Volumes);
        assert_eq!(pointers(&policy), ["/volumes/0", "/volumes/1"]);
        let refusal = &policy.refusals(asks())[0];
        assert!(refusal.help.contains("`--allow volumes`"), "{refusal:?}");
        assert!(
            refusal.help.contains("`volume-enabled: true`"),
            "{refusal:?}"
        );
    }
}
