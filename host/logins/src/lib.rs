//! The credentials for registries that `docker login` keeps: in the client's configuration, or with a helper program. Knows no registry
//! and no engine; what it reads it gives away and keeps nowhere.

mod helper;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;

/// What Docker's own registry is called in these files.
pub const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What a client configuration says of registries. Its other keys are for other programs.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Logins {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers", default)]
    helpers: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(alias = "identityToken", rename = "identitytoken")]
    identity_token: Option<String>,
    #[serde(alias = "registryToken", rename = "registrytoken")]
    registry_token: Option<String>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Entry(..)")
    }
}

/// A name and what proves it; what is not known is absent. Never empty texts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: Option<String>,
    /// What proves it.
    pub password: Option<String>,
    /// In place of both, to get a token with.
    pub identity_token: Option<String>,
    /// In place of all, the token itself.
    pub registry_token: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Login({:?}, ..)", self.user)
    }
}

/// Why credentials that should be there cannot be had. Never says what the file or the helper holds.
#[derive(Debug, thiserror::Error)]
pub enum LoginsError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// What is kept for a registry is no credentials.
    #[error("the `auth` for the registry `{registry}` is not the base64 of `user:password`")]
    Auth {
        /// Which registry.
        registry: String,
    },
    /// The helper program failed.
    #[error("the credential helper `{program}` failed for `{registry}`: {reason}")]
    Helper {
        /// Which program.
        program: String,
        /// For whom.
        registry: String,
        /// Why not.
        reason: String,
    },
}

impl Logins {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Where it is not JSON of the known shape; says where, and never what it holds.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        // The parser's message may quote the text, and that may hold passwords.
        serde_json::from_slice(text).map_err(|error| {
            format!(
                "it is not the JSON that `docker login` writes, see its line {}, column {}",
                error.line(),
                error.column()
            )
        })
    }

    /// Reads a configuration's file; an empty one where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read; names the file.
    pub fn read(path: &Path) -> Result<Self, LoginsError> {
        let failed = |reason: String| LoginsError::File {
            path: path.to_owned(),
            reason,
        };
        match std::fs::read(path) {
            Ok(text) => Self::parse(&text).map_err(failed),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// The same without helpers, whose knowledge is the user's and not the file's.
    #[must_use]
    pub fn without_helpers(self) -> Self {
        Logins {
            auths: self.auths,
            ..Self::default()
        }
    }

    /// The credentials for a registry, by its host or the name that Docker's own has: of its helper, of the store, or of the file itself,
    /// in Docker's order. Helpers are looked for in `path`, a list of folders, where there is one. May wait for a helper.
    ///
    /// # Errors
    /// When a helper fails, or what is kept is broken; that nobody knows the registry is no failure.
    pub fn find(&self, registry: &str, path: Option<&str>) -> Result<Option<Login>, LoginsError> {
        let helper = self
            .helpers
            .iter()
            .find(|(name, _)| is_same(name, registry));
        if let Some((name, helper)) = helper {
            return helper::ask(helper, name, path);
        }
        let store = self.store.as_deref().filter(|store| !store.is_empty());
        if let Some(store) = store {
            let name = match host(registry) {
                "index.docker.io" => DOCKER_HUB,
                _ => registry,
            };
            if let Some(found) = helper::ask(store, name, path)? {
                return Ok(Some(found));
            }
        }
        let entry = self.auths.iter().find(|(name, _)| is_same(name, registry));
        match entry {
            Some((_, entry)) => entry.login(registry),
            None => Ok(None),
        }
    }
}

impl Entry {
    fn login(&self, registry: &str) -> Result<Option<Login>, LoginsError> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut login = Login {
            user: text(&self.username),
            password: text(&self.password),
            identity_token: text(&self.identity_token),
            registry_token: text(&self.registry_token),
        };
        if let (None, Some(auth)) = (&login.user, text(&self.auth)) {
            let (user, password) = decode(&auth).ok_or_else(|| LoginsError::Auth {
                registry: registry.to_owned(),
            })?;
            login.user = Some(user);
            login.password = Some(password);
        }
        // A store leaves entries behind that hold nothing.
        Ok((login != Login::default()).then_some(login))
    }
}

/// Reads the user and the password of an `auth`.
pub fn decode(auth: &str) -> Option<(String, String)> {
    let bytes = STANDARD
        .decode(auth.trim())
        .or_else(|_| URL_SAFE.decode(auth.trim()))
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    // Some writers end the password with NULs.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Whether two spellings name the same registry: with or without scheme, path and the old names of Docker's own.
pub fn is_same(one: &str, other: &str) -> bool {
    host(one) == host(other)
}

/// The host in an address of a registry; one name for all those that Docker's own had.
pub fn host(address: &str) -> &str {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))
        .unwrap_or(address);
    let host = rest.split('/').next().unwrap_or(rest);
    match host {
        "docker.io" | "registry-1.docker.io" | "hub.docker.com" => "index.docker.io",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, registry: &str) -> Result<Option<Login>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("config.json");
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        let logins = Logins::read(&file).map_err(|error| error.to_string())?;
        logins
            .find(registry, None)
            .map_err(|error| error.to_string())
    }

    fn ada() -> Option<Login> {
        Some(Login {
            user: Some("ada".to_owned()),
            password: Some("pass:word".to_owned()),
            ..Login::default()
        })
    }

    #[test]
    fn the_file_of_the_docker_client_is_understood() {
        let auth = STANDARD.encode("ada:pass:word");
        let entry = format!(r#"{{"auth": "{auth}"}}"#);
        let auths = |name: &str, entry: &str| format!(r#"{{"auths": {{"{name}": {entry}}}}}"#);
        let token = Some(Login {
            identity_token: Some("token".to_owned()),
            ..Login::default()
        });
        for (text, registry, expected) in [
            (auths("localhost:5000", &entry), "localhost:5000", ada()),
            (auths("localhost:5000", &entry), "localhost:5001", None),
            (
                auths("https://example.org/v2/", &entry),
                "example.org",
                ada(),
            ),
            (
                auths("example.org", &entry),
                "https://example.org/v1/",
                ada(),
            ),
            (auths(DOCKER_HUB, &entry), "docker.io", ada()),
            (auths(DOCKER_HUB, &entry), DOCKER_HUB, ada()),
            (
                auths("h", r#"{"username": "ada", "password": "pass:word"}"#),
                "h",
                ada(),
            ),
            (
                auths("h", r#"{"auth": "", "identitytoken": "token"}"#),
                "h",
                token,
            ),
            (auths("h", "{}"), "h", None),
            ("{}".to_owned(), "h", None),
        ] {
            assert_eq!(find(&text, registry), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_it_is_told_without_its_secrets() {
        let wrong = |text: &str, part: &str| {
            let error = find(text, "h").expect_err("it is wrong");
            assert!(error.contains(part) && !error.contains("secret"), "{error}");
        };
        wrong("{\"auths\": \"secret\"}", "docker login");
        wrong(
            r#"{"auths": {"h": {"auth": "no-base64-secret!"}}}"#,
            "`h` is not the base64",
        );
        wrong(r#"{"credHelpers": {"h": "../x"}}"#, "no name of a program");
        wrong(
            r#"{"credHelpers": {"h": "no-such-helper"}}"#,
            "docker-credential-no-such-helper",
        );
        let none = Logins::read(Path::new("/nowhere/config.json"));
        assert_eq!(none.unwrap().find("h", None).unwrap(), None);
        let debug = format!(
            "{:?}",
            Logins::parse(br#"{"auths":{"h":{"auth":"secret"}}}"#)
        );
        assert!(!debug.contains("secret"), "{debug}");
    }

    #[test]
    fn what_helpers_know_can_be_left_out() {
        let text = br#"{"credsStore": "none-here", "auths": {"h": {"username": "ada", "password": "pass:word"}}}"#;
        let logins = Logins::parse(text).unwrap();
        assert!(logins.find("h", None).is_err());
        assert_eq!(logins.without_helpers().find("h", None).unwrap(), ada());
    }
}
