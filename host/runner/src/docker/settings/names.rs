//! Texts with a form of their own: users, addresses, capabilities, signals, namespaces.

use taffrail_core::suggest::did_you_mean;

use super::scalar::{Scalar, scalar_type, shown};

/// Makes a type for a text that fits a condition.
macro_rules! text_type {
    ($(#[$docs:meta])* $name:ident, $types:tt, $what:expr, $pattern:expr, $hint:expr, $examples:tt, $fits:expr) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Scalar for $name {
            const WHAT: &'static str = $what;

            fn read(text: &str) -> Result<Self, String> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok($name(text.to_owned())) } else { Err(String::new()) }
            }
        }

        scalar_type!($name, $types, $pattern, $hint, $examples);
    };
}

/// Printable, without blanks, not empty.
fn word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

fn container_of(text: &str) -> bool {
    text.strip_prefix("container:").is_some_and(word)
}

text_type!(
    /// Address of an engine.
    EngineHost,
    "string",
    "the address of an engine such as `unix:///var/run/docker.sock` or `tcp://10.0.0.5:2376`",
    "^(unix|tcp|http|https|ssh)://[^\\s]+$",
    "Write an address as unix:///var/run/docker.sock or tcp://10.0.0.5:2376.",
    ["unix:///var/run/docker.sock", "tcp://10.0.0.5:2376"],
    |text| word(text)
        && text.split_once("://").is_some_and(|(scheme, rest)| !rest.is_empty()
            && matches!(scheme, "unix" | "tcp" | "http" | "https" | "ssh"))
);

text_type!(
    /// A user and perhaps a group, by name or number.
    User,
    ["string", "number"],
    "a user as `user[:group]`, by name or number, for example `1000:1000`",
    "^[^\\s:]+(:[^\\s:]+)?$",
    "Write user[:group], by name or number, for example 1000:1000.",
    ["1000:1000", "nobody"],
    |text| word(text) && {
        let (user, group) = text.split_once(':').unwrap_or((text, "0"));
        !user.is_empty() && !group.is_empty() && !group.contains(':')
    }
);

text_type!(
    /// A network of the engine, or a mode.
    NetworkMode,
    "string",
    "`bridge`, `none`, `host`, `container:<name>` or the name of a network",
    "^[^\\s]+$",
    "Write bridge, none, host, container:<name> or the name of a network.",
    ["bridge", "none", "host"],
    |text| word(text) && text != "container:"
);

text_type!(
    /// Whose shared memory and semaphores the container sees.
    IpcMode,
    "string",
    "`private`, `shareable`, `none`, `host` or `container:<name>`",
    "^(private|shareable|none|host|container:[^\\s]+)$",
    "Write private, shareable, none, host or container:<name>.",
    ["private", "none"],
    |text| matches!(text, "private" | "shareable" | "none" | "host") || container_of(text)
);

text_type!(
    /// Whose processes the container sees.
    PidMode,
    "string",
    "`host` or `container:<name>`",
    "^(private|host|container:[^\\s]+)$",
    "Write host or container:<name>.",
    ["host"],
    |text| matches!(text, "private" | "host") || container_of(text)
);

text_type!(
    /// Whose host name the container has.
    UtsMode,
    "string",
    "`host`",
    "^(private|host)$",
    "Write host.",
    ["host"],
    |text| matches!(text, "private" | "host")
);

text_type!(
    /// Whose users the container has.
    UsernsMode,
    "string",
    "`host`, or with Podman `keep-id`, `auto` or `nomap`",
    "^(private|host|((keep-id|auto)(:[^\\s]+)?)|nomap)$",
    "Write host.",
    ["host"],
    |text| matches!(text.split(':').next(), Some("keep-id" | "auto")) && word(text)
        || matches!(text, "private" | "host" | "nomap")
);

text_type!(
    /// Name of a machine.
    HostName,
    ["string", "number"],
    "a host name of letters, digits, `-` and `.`",
    "^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$",
    "Write a name of letters, digits, - and .",
    ["worker-1"],
    |text| {
        let inner = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
        let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        edge(text.chars().next()) && edge(text.chars().last()) && text.chars().all(inner) && text.len() < 254
    }
);

text_type!(
    /// What an image is built for.
    Platform,
    "string",
    "a platform as `os[/arch[/variant]]`, for example `linux/arm64`",
    "^[a-z0-9_]+(/[a-zA-Z0-9_.-]+){0,2}$",
    "Write os[/arch[/variant]], for example linux/arm64.",
    ["linux/amd64", "linux/arm64"],
    |text| {
        let parts: Vec<&str> = text.split('/').collect();
        parts.len() <= 3 && parts.iter().all(|part| !part.is_empty()
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-')))
    }
);

text_type!(
    /// Processors or memory nodes by number.
    NumberSet,
    ["string", "number"],
    "numbers and ranges such as `0-3` or `0,2`",
    "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
    "Write numbers and ranges, for example 0-3 or 0,2.",
    ["0-3", "0,2"],
    |text| text.split(',').all(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(first), Ok(last)) if first <= last)
    })
);

text_type!(
    /// Address of a network card.
    MacAddress,
    "string",
    "a MAC address such as `02:42:ac:11:00:02`",
    "^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$",
    "Write a MAC address, for example 02:42:ac:11:00:02.",
    ["02:42:ac:11:00:02"],
    |text| {
        let parts: Vec<&str> = text.split([':', '-']).collect();
        parts.len() == 6 && parts.iter().all(|part| part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
);

text_type!(
    /// Address of a name server.
    IpAddress,
    "string",
    "an IP address such as `1.1.1.1`",
    "^[0-9a-fA-F.:]+$",
    "Write an IP address, for example 1.1.1.1.",
    ["1.1.1.1"],
    |text| text.parse::<std::net::IpAddr>().is_ok()
);

text_type!(
    /// A signal by name or number.
    Signal,
    ["string", "number"],
    "a signal such as `SIGTERM`, `INT` or `15`",
    "^((SIG)?[A-Z][A-Z0-9]*([+-][0-9]+)?|[0-9]+)$",
    "Write a signal, for example SIGTERM.",
    ["SIGINT", "SIGQUIT"],
    |text| match text.parse::<u8>() {
        Ok(number) => (1..=64).contains(&number),
        Err(_) => {
            let name = text.strip_prefix("SIG").unwrap_or(text);
            SIGNALS.contains(&name)
                || ["RTMIN", "RTMAX"].iter().any(|edge| name.strip_prefix(edge).is_some_and(|rest| {
                    rest.is_empty() || rest.trim_start_matches(['+', '-']).parse::<u8>().is_ok_and(|step| step < 31)
                }))
        }
    }
);

const SIGNALS: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "EMT",
];

/// A right of the kernel, by its name without `CAP_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability(String);

impl Capability {
    /// The name in capital letters, without `CAP_`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const CAPABILITIES: [&str; 42] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

impl Scalar for Capability {
    const WHAT: &'static str = "a capability such as `NET_ADMIN`, or `ALL`";

    fn read(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if CAPABILITIES.contains(&name) {
            return Ok(Capability(name.to_owned()));
        }
        let near = did_you_mean(name, CAPABILITIES)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Err(format!("must be {}, not {}{near}", Self::WHAT, shown(text)))
    }
}

scalar_type!(
    Capability,
    "string",
    "^[A-Za-z_]+$",
    "Write a capability, for example NET_ADMIN, or ALL.",
    ["NET_ADMIN", "SYS_PTRACE", "ALL"]
);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Scalar>(good: &[&str], wrong: &[&str]) {
        for text in good {
            assert!(T::read(text).is_ok(), "{} takes {text:?}", T::WHAT);
        }
        for text in wrong {
            assert!(T::read(text).is_err(), "{} does not take {text:?}", T::WHAT);
        }
    }

    #[test]
    fn texts_with_a_form_are_held_to_it() {
        check::<EngineHost>(
            &[
                "unix:///var/run/docker.sock",
                "tcp://h:1",
                "https://h",
                "ssh://u@h",
            ],
            &[
                "",
                "/var/run/docker.sock",
                "h:1",
                "ftp://h",
                "npipe:////./pipe/x",
                "tcp://",
                "tcp://a b",
            ],
        );
        check::<User>(
            &["1000", "1000:1000", "nobody", "a:b"],
            &["", ":", "a:", ":b", "a:b:c", "a b"],
        );
        check::<NetworkMode>(
            &["bridge", "host", "none", "my_net", "container:x"],
            &["", "a b", "container:"],
        );
        check::<IpcMode>(
            &["none", "host", "container:x"],
            &["", "Host", "container:", "mine"],
        );
        check::<PidMode>(&["host", "container:x"], &["", "none", "container:"]);
        check::<UtsMode>(&["host"], &["", "container:x"]);
        check::<UsernsMode>(
            &["host", "keep-id", "auto:size=10"],
            &["", "yes", "container:x"],
        );
        check::<HostName>(&["a", "a-1.b"], &["", "-a", "a-", "a_b", "a b"]);
        check::<Platform>(
            &["linux", "linux/arm64", "linux/arm/v7"],
            &["", "linux/", "a/b/c/d", "linux arm"],
        );
        check::<NumberSet>(
            &["0", "0-3", "0,2,4-5"],
            &["", "a", "3-0", "0,", "0-", "-1"],
        );
        check::<MacAddress>(
            &["02:42:ac:11:00:02", "02-42-AC-11-00-02"],
            &["", "02:42:ac:11:00", "02:42:ac:11:00:0g", "0242.ac11.0002"],
        );
        check::<IpAddress>(&["1.1.1.1", "::1"], &["", "1.1.1", "one.one"]);
        check::<Signal>(
            &["SIGTERM", "INT", "15", "SIGRTMIN+3", "RTMAX"],
            &["", "0", "65", "SIGFOO", "term", "RTMIN+99"],
        );
    }

    #[test]
    fn capabilities_are_known_by_name() {
        let name = |text: &str| Capability::read(text).map(|found| found.as_str().to_owned());
        assert_eq!(name("CAP_SYS_ADMIN"), Ok("SYS_ADMIN".to_owned()));
        assert_eq!(name("net_admin"), Ok("NET_ADMIN".to_owned()));
        assert_eq!(name("all"), Ok("ALL".to_owned()));
        let why = name("SYS_ADMN").unwrap_err();
        assert!(why.contains("did you mean `SYS_ADMIN`?"), "{why}");
        assert!(name("").is_err());
    }
}
