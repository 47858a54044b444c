//! The credentials that `docker login` keeps: in its configuration file or with a helper program.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where credentials are looked up, at the moment when somebody asks for some.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    file: Option<PathBuf>,
}

/// Why credentials that should be there cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The helper program failed.
    #[error("`{program}` gave no credentials for `{host}`: {reason}")]
    Helper {
        /// Which program.
        program: String,
        /// For whom.
        host: String,
        /// Why not.
        reason: String,
    },
}

/// A name and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    /// For the Basic scheme, or to get a token with.
    Password { user: String, password: String },
    /// To get a token with.
    Identity(String),
}

impl Secret {
    /// What may be said of it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Secret::Password { user, .. } => format!("the credentials of `{user}`"),
            Secret::Identity(_) => "the identity token".to_owned(),
        }
    }

    /// The value of the header `Authorization` in the Basic scheme.
    pub(crate) fn basic(&self) -> Option<String> {
        match self {
            Secret::Password { user, password } => Some(format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{user}:{password}"))
            )),
            Secret::Identity(_) => None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Credentials {
    /// None for anybody.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of this file, `config.json` of the Docker client; it need not be there.
    pub fn of(file: PathBuf) -> Self {
        Self { file: Some(file) }
    }

    /// What to show to a registry.
    pub(crate) fn find(&self, host: &str) -> Result<Option<Secret>, CredentialsError> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let unreadable = |reason: String| CredentialsError::File {
            path: path.clone(),
            reason,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        // The error of the reader would quote the file, and with it a password.
        let file: File = serde_json::from_str(&text).map_err(|error| {
            unreadable(format!(
                "it is not the JSON that `docker login` writes (line {})",
                error.line()
            ))
        })?;
        let names = names(host);
        for name in &names {
            if let Some(helper) = file.cred_helpers.get(name) {
                return ask(helper, name);
            }
        }
        if let Some(helper) = &file.creds_store {
            for name in &names {
                if file.auths.contains_key(name) {
                    return ask(helper, name);
                }
            }
        }
        let entry = file
            .auths
            .iter()
            .find(|(name, _)| {
                names.contains(name) || names.iter().any(|known| same_host(known, name))
            })
            .map(|(_, entry)| entry);
        Ok(entry.and_then(secret_of))
    }
}

/// What a registry may be called in the file.
fn names(host: &str) -> Vec<String> {
    let mut names = vec![host.to_owned()];
    if matches!(host, "docker.io" | "registry-1.docker.io") {
        names.push("https://index.docker.io/v1/".to_owned());
    }
    names
}

/// Older clients wrote whole addresses.
fn same_host(host: &str, written: &str) -> bool {
    let bare = written
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    bare.split('/').next() == Some(host)
}

fn secret_of(entry: &Entry) -> Option<Secret> {
    if let Some(token) = entry
        .identitytoken
        .as_ref()
        .filter(|token| !token.is_empty())
    {
        return Some(Secret::Identity(token.clone()));
    }
    if let (Some(user), Some(password)) = (&entry.username, &entry.password) {
        return Some(Secret::Password {
            user: user.clone(),
            password: password.clone(),
        });
    }
    let decoded = BASE64_STANDARD.decode(entry.auth.as_ref()?.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Secret::Password {
        user: user.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
    })
}

/// Asks `docker-credential-NAME`, as the Docker client does.
fn ask(helper: &str, host: &str) -> Result<Option<Secret>, CredentialsError> {
    let program = format!("docker-credential-{helper}");
    let failed = |reason: String| CredentialsError::Helper {
        program: program.clone(),
        host: host.to_owned(),
        reason,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if helper.is_empty() || !helper.bytes().all(plain) {
        return Err(failed("it is no name of a program".to_owned()));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read has its answer ready.
        let _ = stdin.write_all(host.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(crate::error::excerpt(&text)));
    }
    let answer: Answer =
        serde_json::from_str(&text).map_err(|_| failed("its answer is no JSON".to_owned()))?;
    Ok(Some(if answer.username == "<token>" {
        Secret::Identity(answer.secret)
    } else {
        Secret::Password {
            user: answer.username,
            password: answer.secret,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, host: &str) -> Result<Option<Secret>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("config.json");
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        Credentials::of(file)
            .find(host)
            .map_err(|error| error.to_string())
    }

    fn ada() -> Option<Secret> {
        Some(Secret::Password {
            user: "ada".to_owned(),
            password: "pass:word".to_owned(),
        })
    }

    #[test]
    fn the_file_of_the_docker_client_is_understood() {
        let auth = BASE64_STANDARD.encode("ada:pass:word");
        let entry = format!(r#"{{"auth": "{auth}"}}"#);
        for (text, host, expected) in [
            (
                format!(r#"{{"auths": {{"localhost:5000": {entry}}}}}"#),
                "localhost:5000",
                ada(),
            ),
            (
                format!(r#"{{"auths": {{"https://example.org/v2/": {entry}}}}}"#),
                "example.org",
                ada(),
            ),
            (
                format!(r#"{{"auths": {{"https://index.docker.io/v1/": {entry}}}}}"#),
                "docker.io",
                ada(),
            ),
            (
                format!(r#"{{"auths": {{"localhost:5000": {entry}}}}}"#),
                "localhost:5001",
                None,
            ),
            (
                r#"{"auths": {"h": {"username": "ada", "password": "pass:word"}}}"#.to_owned(),
                "h",
                ada(),
            ),
            (
                r#"{"auths": {"h": {"auth": "", "identitytoken": "token"}}}"#.to_owned(),
                "h",
                Some(Secret::Identity("token".to_owned())),
            ),
            ("{}".to_owned(), "h", None),
        ] {
            assert_eq!(find(&text, host), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_it_is_told_without_its_secrets() {
        let error = find("{\"auths\": \"secret\"}", "h").expect_err("no map");
        assert!(
            error.contains("docker login") && !error.contains("secret"),
            "{error}"
        );
        let error = find(r#"{"credHelpers": {"h": "../x"}}"#, "h").expect_err("no name");
        assert!(error.contains("no name of a program"), "{error}");
        let error = find(r#"{"credHelpers": {"h": "no-such-helper"}}"#, "h").expect_err("none");
        assert!(
            error.contains("docker-credential-no-such-helper"),
            "{error}"
        );
        assert!(
            Credentials::of("/nowhere/config.json".into())
                .find("h")
                .is_ok_and(|found| found.is_none())
        );
        assert!(
            Credentials::none()
                .find("h")
                .is_ok_and(|found| found.is_none())
        );
    }
}
