//! Security options of a container, and names of its machine's file of hosts.

use std::net::IpAddr;

use super::scalar::{Scalar, scalar_type, shown};

/// One security option: a key, and mostly a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityOption {
    /// `no-new-privileges`, `seccomp`, `apparmor`, `label`, `systempaths`, or one that only Podman knows.
    pub key: String,
    /// What stands behind `=` or `:`.
    pub value: Option<String>,
}

impl SecurityOption {
    /// As the engine's interface has it.
    pub fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={value}", self.key),
            None => self.key.clone(),
        }
    }

    /// Whether it leaves the container no more rights than it has without it. A profile of one's own may allow anything.
    pub fn is_harmless(&self) -> bool {
        match (self.key.as_str(), self.value.as_deref()) {
            ("no-new-privileges", value) => value != Some("false"),
            ("seccomp", Some("builtin")) | ("apparmor", Some("docker-default")) => true,
            ("mask", _) => true,
            _ => false,
        }
    }
}

impl Scalar for SecurityOption {
    const WHAT: &'static str = "a security option such as `no-new-privileges`, `seccomp=unconfined`, `apparmor=<profile>` or `label=disable`";

    fn read(text: &str) -> Result<Self, String> {
        let split = text.find(['=', ':']);
        let (key, value) = match split {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let option = SecurityOption {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        };
        match (key, value) {
            ("no-new-privileges", None | Some("true" | "false")) => Ok(option),
            ("no-new-privileges", Some(other)) => Err(format!(
                "has `no-new-privileges` with the value {}; it stands alone, or with `true` or `false`",
                shown(other)
            )),
            ("seccomp", Some(profile)) if profile.trim_start().starts_with('{') => Ok(option),
            ("seccomp", Some("unconfined" | "builtin")) => Ok(option),
            ("seccomp", Some(other)) => Err(format!(
                "has `seccomp` with the value {}; it takes `unconfined`, `builtin` or the JSON text of a profile, not the path of one",
                shown(other)
            )),
            ("systempaths", Some("unconfined")) => Ok(option),
            ("systempaths", _) => Err("has `systempaths`, which takes `unconfined`".to_owned()),
            ("apparmor" | "label" | "mask" | "unmask" | "proc-opts", Some(value))
                if !value.is_empty() =>
            {
                Ok(option)
            }
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    SecurityOption,
    "string",
    "^(no-new-privileges([:=](true|false))?|(seccomp|apparmor|label|systempaths|mask|unmask|proc-opts)[:=][\\s\\S]+)$",
    "Write no-new-privileges, seccomp=..., apparmor=... or label=...",
    ["no-new-privileges"]
);

/// A further line of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// The address; nothing is that of the engine's machine.
    pub address: Option<IpAddr>,
}

impl ExtraHost {
    /// As the engine's interface has it.
    pub fn text(&self) -> String {
        match self.address {
            Some(address) => format!("{}:{address}", self.name),
            None => format!("{}:host-gateway", self.name),
        }
    }
}

impl Scalar for ExtraHost {
    const WHAT: &'static str =
        "`name:address`, for example `db.internal:10.0.0.5` or `host.docker.internal:host-gateway`";

    fn read(text: &str) -> Result<Self, String> {
        let at = text.find(['=', ':']).ok_or_else(String::new)?;
        let (name, address) = (&text[..at], &text[at + 1..]);
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(String::new());
        }
        let plain = address
            .strip_prefix('[')
            .and_then(|address| address.strip_suffix(']'))
            .unwrap_or(address);
        let address = match plain {
            "host-gateway" => None,
            plain => Some(plain.parse().map_err(|_| {
                format!(
                    "has the address {} for `{name}`; it must be an IP address or `host-gateway`",
                    shown(address)
                )
            })?),
        };
        Ok(ExtraHost {
            name: name.to_owned(),
            address,
        })
    }
}

scalar_type!(
    ExtraHost,
    "string",
    "^[^\\s:=]+[:=](host-gateway|\\[?[0-9a-fA-F.:]+\\]?)$",
    "Write name:address, for example db.internal:10.0.0.5.",
    ["db.internal:10.0.0.5", "host.docker.internal:host-gateway"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_options_are_known_and_weighed() {
        let check = |text: &str, expected: Result<(&str, bool), &str>| match (
            SecurityOption::read(text),
            expected,
        ) {
            (Ok(found), Ok((sent, harmless))) => {
                assert_eq!(found.text(), sent, "{text}");
                assert_eq!(found.is_harmless(), harmless, "{text}");
            }
            (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("no-new-privileges", Ok(("no-new-privileges", true)));
        check(
            "no-new-privileges:true",
            Ok(("no-new-privileges=true", true)),
        );
        check(
            "no-new-privileges=false",
            Ok(("no-new-privileges=false", false)),
        );
        check("seccomp=unconfined", Ok(("seccomp=unconfined", false)));
        check("seccomp=builtin", Ok(("seccomp=builtin", true)));
        check("seccomp={}", Ok(("seccomp={}", false)));
        check("apparmor=unconfined", Ok(("apparmor=unconfined", false)));
        check(
            "apparmor:docker-default",
            Ok(("apparmor=docker-default", true)),
        );
        check("label:disable", Ok(("label=disable", false)));
        check(
            "systempaths=unconfined",
            Ok(("systempaths=unconfined", false)),
        );
        check("seccomp=/etc/profile.json", Err("not the path of one"));
        check("no-new-privileges=maybe", Err("stands alone"));
        check("systempaths=all", Err("takes `unconfined`"));
        check("label=", Err(""));
        check("selinux=off", Err(""));
        check("", Err(""));
    }

    #[test]
    fn hosts_are_a_name_and_an_address() {
        let check = |text: &str, expected: Result<&str, &str>| match (
            ExtraHost::read(text).map(|host| host.text()),
            expected,
        ) {
            (Ok(found), Ok(sent)) => assert_eq!(found, sent, "{text}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("db:10.0.0.5", Ok("db:10.0.0.5"));
        check("db=10.0.0.5", Ok("db:10.0.0.5"));
        check("db:::1", Ok("db:::1"));
        check("db:[::1]", Ok("db:::1"));
        check("h:host-gateway", Ok("h:host-gateway"));
        check("db", Err(""));
        check(":1.1.1.1", Err(""));
        check("db:other", Err("the address `other` for `db`"));
        check("db:", Err("the address empty text"));
    }
}
