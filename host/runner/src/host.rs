//! What backends may know of the process that they run in. Handed over by the program; nothing here looks for itself.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crate::docker::Engines;
use crate::process::Supervisors;

/// A variable of the host that tasks inherit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inherited {
    /// Its name; a name that ends in `*` stands for all that begin so.
    pub name: &'static str,
    /// Why tasks need it.
    pub reason: &'static str,
}

/// All that a task inherits from the host's environment. Everything else, secrets of the host first of all, stays here.
pub const INHERITED: &[Inherited] = &[
    Inherited {
        name: "PATH",
        reason: "programs are found by it",
    },
    Inherited {
        name: "HOME",
        reason: "tools keep their settings and caches there",
    },
    Inherited {
        name: "USER",
        reason: "tools name the user by it",
    },
    Inherited {
        name: "LOGNAME",
        reason: "the POSIX name of `USER`",
    },
    Inherited {
        name: "SHELL",
        reason: "tools start it for a user's commands",
    },
    Inherited {
        name: "LANG",
        reason: "the language and encoding of texts",
    },
    Inherited {
        name: "LANGUAGE",
        reason: "the order of languages for messages",
    },
    Inherited {
        name: "LC_*",
        reason: "single parts of the locale, the encoding among them",
    },
    Inherited {
        name: "TZ",
        reason: "the time zone",
    },
    Inherited {
        name: "TMPDIR",
        reason: "where temporary files belong on this machine",
    },
];

/// Whether a variable of the host is handed to tasks.
pub fn is_inherited(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    INHERITED
        .iter()
        .any(|entry| match entry.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == entry.name,
        })
}

/// The host as far as tasks may know it.
#[derive(Debug, Clone, Default)]
pub struct HostProfile {
    environment: Vec<(OsString, OsString)>,
    open_files: Option<(Option<u64>, Option<u64>)>,
    engines: Option<Arc<Engines>>,
    supervisors: Option<Arc<Supervisors>>,
}

impl HostProfile {
    /// From all variables of the host, of which only the inherited ones are kept.
    pub fn new(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        HostProfile {
            environment: environment
                .into_iter()
                .filter(|(name, _)| is_inherited(name))
                .collect(),
            open_files: None,
            engines: None,
            supervisors: None,
        }
    }

    /// Says which soft and hard limit of open files the host was started with, if it raised its own since; tasks get them back.
    pub fn with_open_files_limit(mut self, soft: Option<u64>, hard: Option<u64>) -> Self {
        self.open_files = Some((soft, hard));
        self
    }

    /// Says which container engines this process talks to.
    pub fn with_engines(mut self, engines: Arc<Engines>) -> Self {
        self.engines = Some(engines);
        self
    }

    /// Says who starts the processes of tasks, so that they outlive this one.
    pub fn with_supervisors(mut self, supervisors: Arc<Supervisors>) -> Self {
        self.supervisors = Some(supervisors);
        self
    }

    /// Who starts the processes of tasks, where it is not this one.
    pub fn supervisors(&self) -> Option<&Arc<Supervisors>> {
        self.supervisors.as_ref()
    }

    /// The container engines of this process, where it has any to do with them.
    pub fn engines(&self) -> Option<&Arc<Engines>> {
        self.engines.as_ref()
    }

    /// The variables that a task inherits.
    pub fn environment(&self) -> &[(OsString, OsString)] {
        &self.environment
    }

    /// The soft and hard limit of open files for tasks, where they differ from the host's own.
    pub fn open_files_limit(&self) -> Option<(Option<u64>, Option<u64>)> {
        self.open_files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_inherited() {
        let check = |name: &str, expected: bool| {
            assert_eq!(is_inherited(OsStr::new(name)), expected, "{name}")
        };
        check("PATH", true);
        check("LC_ALL", true);
        check("LC_", true);
        check("LCX", false);
        check("TERM", false);
        check("path", false);
        check("PATHEXT", false);
        check("SECRET_TOKEN", false);
        check("TAFFRAIL_STATE_DIR", false);
        check("DOCKER_AUTH_CONFIG", false);
        check("LD_PRELOAD", false);
        let profile = HostProfile::new([
            ("HOME".into(), "/root".into()),
            ("AWS_SECRET".into(), "x".into()),
        ]);
        assert_eq!(profile.environment(), &[("HOME".into(), "/root".into())]);
    }
}
