//! Where an engine may answer: the order in which a flow, the environment, Docker's contexts and the usual sockets are looked at.
//! Reads files of the client's configuration; connects to nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The part of the process's environment that says how engines and registries are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientEnvironment {
    variables: BTreeMap<String, String>,
}

/// The variables that matter here.
const VARIABLES: &[&str] = &[
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_TLS",
    "DOCKER_CERT_PATH",
    "HOME",
    "XDG_RUNTIME_DIR",
    "PATH",
];

impl ClientEnvironment {
    /// Keeps what matters of an environment.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        ClientEnvironment {
            variables: variables
                .into_iter()
                .filter(|(name, value)| VARIABLES.contains(&name.as_str()) && !value.is_empty())
                .collect(),
        }
    }

    /// One variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The folder of the client's configuration: `DOCKER_CONFIG`, else `.docker` in the home folder.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.get("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(self.get("HOME")?).join(".docker")))
    }

    fn runtime_dir(&self) -> Option<PathBuf> {
        self.get("XDG_RUNTIME_DIR").map(PathBuf::from)
    }
}

/// The files of a connection over TLS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TlsFiles {
    /// The certificates that the engine's is checked against.
    pub ca: PathBuf,
    /// The client's certificate.
    pub cert: PathBuf,
    /// The client's key.
    pub key: PathBuf,
}

impl TlsFiles {
    fn below(folder: &Path) -> Self {
        TlsFiles {
            ca: folder.join("ca.pem"),
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }
}

/// One place where an engine may answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// `unix:///run/docker.sock`, `tcp://host:2375`, `ssh://user@host`.
    pub address: String,
    /// What named it: `the runner's \`host\``, `DOCKER_HOST`, `the context \`x\``, `the usual sockets`.
    pub source: String,
    /// How to encrypt, for `tcp`.
    pub tls: Option<TlsFiles>,
}

/// Says where to look for an engine, in order. What is named by somebody is the only candidate; else the usual sockets that are there.
///
/// # Errors
/// When a context is named that is not there or cannot be read, or an address has no form that is known.
pub fn candidates(
    host: Option<&str>,
    environment: &ClientEnvironment,
) -> Result<Vec<Candidate>, String> {
    let tls = environment_tls(environment);
    if let Some(host) = host {
        return named(host, "the runner's `host`".to_owned(), tls);
    }
    if let Some(host) = environment.get("DOCKER_HOST") {
        return named(host, "DOCKER_HOST".to_owned(), tls);
    }
    let config = environment.config_dir();
    let context = match environment.get("DOCKER_CONTEXT") {
        Some(name) => Some((name.to_owned(), "DOCKER_CONTEXT")),
        None => config
            .as_deref()
            .and_then(current_context)
            .map(|name| (name, "the client's configuration")),
    };
    if let Some((name, by)) = context.filter(|(name, _)| name != "default") {
        let config = config.ok_or("there is no home folder to look for Docker contexts in")?;
        return context_candidate(&config, &name, by);
    }
    Ok(usual_sockets(environment)
        .into_iter()
        .map(|path| Candidate {
            address: format!("unix://{}", path.display()),
            source: "the usual sockets".to_owned(),
            tls: None,
        })
        .collect())
}

fn named(address: &str, source: String, tls: Option<TlsFiles>) -> Result<Vec<Candidate>, String> {
    let address = normal(address)
        .ok_or_else(|| format!("{source} is `{address}`; an engine's address is `unix:///path`, `tcp://host:port` or `ssh://user@host`"))?;
    let tls = tls.filter(|_| address.starts_with("tcp://"));
    Ok(vec![Candidate {
        address,
        source,
        tls,
    }])
}

/// Brings an address to one of the known forms.
fn normal(address: &str) -> Option<String> {
    let address = address.trim();
    if address.starts_with('/') {
        return Some(format!("unix://{address}"));
    }
    let (scheme, rest) = address.split_once("://")?;
    if rest.is_empty() {
        return None;
    }
    match scheme {
        "unix" | "ssh" | "tcp" => Some(address.to_owned()),
        "http" | "https" => Some(format!("tcp://{rest}")),
        _ => None,
    }
}

/// The files that the environment names, where it asks for TLS.
fn environment_tls(environment: &ClientEnvironment) -> Option<TlsFiles> {
    environment
        .get("DOCKER_TLS_VERIFY")
        .or_else(|| environment.get("DOCKER_TLS"))?;
    let folder = environment
        .get("DOCKER_CERT_PATH")
        .map(PathBuf::from)
        .or_else(|| environment.config_dir())?;
    Some(TlsFiles::below(&folder))
}

#[derive(Deserialize)]
struct ClientConfig {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

fn current_context(config: &Path) -> Option<String> {
    let text = std::fs::read(config.join("config.json")).ok()?;
    let config: ClientConfig = serde_json::from_slice(&text).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints", default)]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host")]
    host: Option<String>,
}

/// A context lies below the SHA-256 of its name: `contexts/meta/<digest>/meta.json`, and its keys in `contexts/tls/<digest>/docker`.
fn context_candidate(config: &Path, name: &str, by: &str) -> Result<Vec<Candidate>, String> {
    let digest: String = Sha256::digest(name.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = config.join("contexts/meta").join(&digest).join("meta.json");
    let text = std::fs::read(&path).map_err(|error| {
        format!(
            "{by} names the Docker context `{name}`, which cannot be read from `{}`: {error}",
            path.display()
        )
    })?;
    let meta: ContextMeta = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "the Docker context `{name}` in `{}` is no such file: {error}",
            path.display()
        )
    })?;
    let host = meta
        .endpoints
        .get("docker")
        .and_then(|endpoint| endpoint.host.clone())
        .ok_or_else(|| format!("the Docker context `{name}` names no engine"))?;
    let keys = config.join("contexts/tls").join(&digest).join("docker");
    let tls = keys
        .join("ca.pem")
        .is_file()
        .then(|| TlsFiles::below(&keys));
    named(&host, format!("the Docker context `{name}`"), tls)
}

/// The sockets where engines usually listen, whether or not they are there: Docker's, rootless Docker's, Docker Desktop's, Podman's, and
/// that of an engine in a container beside this one.
fn usual_sockets(environment: &ClientEnvironment) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/var/run/docker.sock")];
    if let Some(runtime) = environment.runtime_dir() {
        paths.push(runtime.join("docker.sock"));
    }
    if let Some(home) = environment.get("HOME") {
        paths.push(Path::new(home).join(".docker/run/docker.sock"));
    }
    if let Some(runtime) = environment.runtime_dir() {
        paths.push(runtime.join("podman/podman.sock"));
    }
    paths.push(PathBuf::from("/run/podman/podman.sock"));
    paths.push(PathBuf::from("/dind/docker.sock"));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> ClientEnvironment {
        ClientEnvironment::new(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn first(host: Option<&str>, variables: &[(&str, &str)]) -> Result<(String, String), String> {
        let found = candidates(host, &environment(variables))?;
        Ok((found[0].address.clone(), found[0].source.clone()))
    }

    #[test]
    fn the_flow_beats_the_environment_beats_the_context_beats_the_sockets() {
        let home = tempfile::tempdir().unwrap();
        let digest: String = Sha256::digest(b"far")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let meta = home.path().join(".docker/contexts/meta").join(&digest);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376"}}}"#,
        )
        .unwrap();
        let keys = home
            .path()
            .join(".docker/contexts/tls")
            .join(&digest)
            .join("docker");
        std::fs::create_dir_all(&keys).unwrap();
        std::fs::write(keys.join("ca.pem"), "").unwrap();
        let home_path = home.path().to_str().unwrap();

        let all = [
            ("HOME", home_path),
            ("DOCKER_HOST", "tcp://env:2375"),
            ("DOCKER_CONTEXT", "far"),
        ];
        assert_eq!(
            first(Some("unix:///own.sock"), &all).unwrap(),
            ("unix:///own.sock".into(), "the runner's `host`".into())
        );
        assert_eq!(
            first(None, &all).unwrap(),
            ("tcp://env:2375".into(), "DOCKER_HOST".into())
        );
        let found = candidates(
            None,
            &environment(&[("HOME", home_path), ("DOCKER_CONTEXT", "far")]),
        )
        .unwrap();
        assert_eq!(found[0].address, "tcp://far:2376");
        assert_eq!(found[0].tls.as_ref().unwrap().key, keys.join("key.pem"));
        assert_eq!(
            first(None, &[("HOME", home_path)]).unwrap().0,
            "unix:///var/run/docker.sock"
        );
        std::fs::write(
            home.path().join(".docker/config.json"),
            r#"{"currentContext":"far"}"#,
        )
        .unwrap();
        assert_eq!(
            first(None, &[("HOME", home_path)]).unwrap(),
            ("tcp://far:2376".into(), "the Docker context `far`".into())
        );
        let error = first(None, &[("HOME", home_path), ("DOCKER_CONTEXT", "gone")]).unwrap_err();
        assert!(error.contains("`gone`"), "{error}");
    }

    #[test]
    fn addresses_have_one_of_three_forms() {
        let check = |address: &str, expected: Option<&str>| {
            assert_eq!(normal(address).as_deref(), expected, "{address}");
        };
        check("unix:///a.sock", Some("unix:///a.sock"));
        check("/a.sock", Some("unix:///a.sock"));
        check("http://h:1", Some("tcp://h:1"));
        check("ssh://me@h", Some("ssh://me@h"));
        check("h:2375", None);
        check("ftp://h", None);
        check("unix://", None);
        let error = first(Some("here"), &[]).unwrap_err();
        assert!(error.contains("`here`"), "{error}");
    }

    #[test]
    fn tls_is_for_tcp_and_only_where_it_is_asked_for() {
        let tls = |variables: &[(&str, &str)]| {
            candidates(None, &environment(variables)).unwrap()[0]
                .tls
                .clone()
        };
        let keys = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/keys")];
        assert_eq!(
            tls(&[("DOCKER_HOST", "tcp://h:2376"), keys[0], keys[1]]),
            Some(TlsFiles::below(Path::new("/keys")))
        );
        assert_eq!(tls(&[("DOCKER_HOST", "tcp://h:2376"), keys[1]]), None);
        assert_eq!(
            tls(&[("DOCKER_HOST", "unix:///a.sock"), keys[0], keys[1]]),
            None
        );
    }
}
