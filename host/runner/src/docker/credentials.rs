//! Who asks a registry: credentials of the flow, of a client configuration, or of a credential helper. Never written anywhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use bollard::auth::DockerCredentials;
use serde::Deserialize;

use super::address::ClientEnvironment;
use super::image_name::DOCKER_HUB;
use super::settings::{ClientConfig, Credentials};

/// How long a credential helper may take.
const HELPER_PATIENCE: Duration = Duration::from_secs(20);

/// What a client configuration says of registries. Its other keys are for other programs.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Registries {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers", default)]
    helpers: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(alias = "identityToken", rename = "identitytoken")]
    identity_token: Option<String>,
    #[serde(alias = "registryToken", rename = "registrytoken")]
    registry_token: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Auth(..)")
    }
}

impl Registries {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Where it is not JSON of the known shape; never what it holds.
    fn parse(text: &[u8]) -> Result<Self, String> {
        // The parser's message may quote the text, and that may hold passwords.
        serde_json::from_slice(text).map_err(|error| {
            format!(
                "it is not the JSON of a client configuration, see its line {}, column {}",
                error.line(),
                error.column()
            )
        })
    }

    fn of_flow(config: &ClientConfig) -> Result<Self, String> {
        Self::parse(
            serde_json::Value::Object(config.as_map().clone())
                .to_string()
                .as_bytes(),
        )
        .map_err(|error| format!("the runner's `config`: {error}"))
    }

    /// Reads the configuration of this user; an empty one where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read; names the file.
    fn of_user(environment: &ClientEnvironment) -> Result<Self, String> {
        let Some(folder) = environment.config_dir() else {
            return Ok(Self::default());
        };
        let path = folder.join("config.json");
        match std::fs::read(&path) {
            Ok(text) => Self::parse(&text)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
        }
    }

    /// The credentials for a registry: its helper, the store, or what the file itself holds, in Docker's order.
    ///
    /// # Errors
    /// When a helper fails; that it knows nothing is no failure.
    fn find(
        &self,
        registry: &str,
        environment: &ClientEnvironment,
    ) -> Result<Option<DockerCredentials>, String> {
        let helper = self.helpers.iter().find(|(name, _)| same(name, registry));
        if let Some((name, helper)) = helper {
            return ask_helper(helper, name, environment);
        }
        if let Some(store) = &self.store
            && let Some(found) = ask_helper(store, registry, environment)?
        {
            return Ok(Some(found));
        }
        let entry = self.auths.iter().find(|(name, _)| same(name, registry));
        entry
            .map(|(_, auth)| auth.credentials(registry))
            .transpose()
    }
}

impl Auth {
    fn credentials(&self, registry: &str) -> Result<DockerCredentials, String> {
        let flow = Credentials {
            registry: None,
            username: self.username.clone(),
            password: self.password.clone(),
            registry_token: self.registry_token.clone(),
            identity_token: self.identity_token.clone(),
            auth: self.auth.clone(),
        };
        resolve(&flow, registry)
    }
}

/// What is sent for this registry.
fn resolve(given: &Credentials, registry: &str) -> Result<DockerCredentials, String> {
    let mut credentials = DockerCredentials {
        username: given.username.clone(),
        password: given.password.clone(),
        identitytoken: given.identity_token.clone(),
        registrytoken: given.registry_token.clone(),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    };
    if credentials.username.is_none()
        && let Some(auth) = given.auth.as_deref().filter(|auth| !auth.is_empty())
    {
        let (username, password) = decode(auth).ok_or_else(|| {
            format!("the `auth` for the registry `{registry}` is not the base64 of `user:password`")
        })?;
        credentials.username = Some(username);
        credentials.password = Some(password);
    }
    Ok(credentials)
}

fn decode(auth: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(auth.trim())
        .or_else(|_| base64::engine::general_purpose::URL_SAFE.decode(auth.trim()))
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    // Some writers end the password with NULs.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Whether two spellings name the same registry: with or without scheme, path and the old names of Docker's own.
fn same(one: &str, other: &str) -> bool {
    host(one) == host(other)
}

fn host(address: &str) -> &str {
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

#[derive(Deserialize)]
struct HelperAnswer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks `docker-credential-NAME get`, the protocol of Docker's credential helpers: the registry on standard input, JSON on standard output.
fn ask_helper(
    helper: &str,
    registry: &str,
    environment: &ClientEnvironment,
) -> Result<Option<DockerCredentials>, String> {
    let program = format!("docker-credential-{helper}");
    let failed =
        |why: String| format!("the credential helper `{program}` failed for `{registry}`: {why}");
    if helper.contains(['/', '\0']) {
        return Err(failed("its name is no program's".to_owned()));
    }
    let mut command = Command::new(&program);
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(path) = environment.get("PATH") {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that reads nothing says so by its answer.
        let _ = input.write_all(registry.as_bytes());
    }
    let begun = Instant::now();
    let reader = child.stdout.take().map(|mut output| {
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            let _ = std::io::Read::read_to_end(&mut output, &mut answer);
            answer
        })
    });
    let status = loop {
        match child
            .try_wait()
            .map_err(|error| failed(error.to_string()))?
        {
            Some(status) => break status,
            None if begun.elapsed() > HELPER_PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!(
                    "no answer within {} s",
                    HELPER_PATIENCE.as_secs()
                )));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let answer = reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    if !status.success() {
        let text = String::from_utf8_lossy(&answer);
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(format!("{status}: {}", text.trim())));
    }
    let answer: HelperAnswer =
        serde_json::from_slice(&answer).map_err(|_| failed("its answer is not JSON".to_owned()))?;
    let mut credentials = DockerCredentials {
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    };
    if answer.username == "<token>" {
        credentials.identitytoken = Some(answer.secret);
    } else {
        credentials.username = Some(answer.username);
        credentials.password = Some(answer.secret);
    }
    Ok(Some(credentials))
}

/// Where credentials may come from.
#[derive(Debug, Clone, Default)]
pub(super) struct CredentialSources {
    /// The runner's `credentials`.
    pub(super) flow: Option<Credentials>,
    /// The runner's `config`.
    pub(super) config: Option<ClientConfig>,
    /// Where the user's own configuration is.
    pub(super) environment: ClientEnvironment,
    /// Whether the engine is this machine's or the user's choice. One far away that a flow names gets what the flow itself holds, and
    /// nothing that is the user's: whoever runs it reads what is sent.
    pub(super) trusted: bool,
}

impl CredentialSources {
    /// The credentials to send for a registry: those of the flow, of the flow's `config`, of the user's configuration. May start a
    /// credential helper and wait for it.
    ///
    /// # Errors
    /// When one that is there cannot be used.
    pub(super) fn choose(&self, registry: &str) -> Result<Option<DockerCredentials>, String> {
        let flow = self.flow.as_ref().filter(|flow| !flow.is_empty());
        let is_for = |flow: &&Credentials| {
            let own = flow.registry.as_deref().filter(|own| !own.is_empty());
            own.is_none_or(|own| same(own, registry))
        };
        if let Some(flow) = flow.filter(is_for) {
            return resolve(flow, registry).map(Some);
        }
        if let Some(config) = &self.config
            && let Some(found) = self.of_flow(config)?.find(registry, &self.environment)?
        {
            return Ok(Some(found));
        }
        if !self.trusted {
            return Ok(None);
        }
        Registries::of_user(&self.environment)?.find(registry, &self.environment)
    }
}

impl CredentialSources {
    fn of_flow(&self, config: &ClientConfig) -> Result<Registries, String> {
        let mut registries = Registries::of_flow(config)?;
        if !self.trusted {
            // What helpers know is the user's.
            registries.store = None;
            registries.helpers.clear();
        }
        Ok(registries)
    }
}

/// How a registry is called in messages.
pub fn registry_name(registry: &str) -> &str {
    if registry == DOCKER_HUB {
        "docker.io"
    } else {
        host(registry)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn environment(folder: &std::path::Path, path: &str) -> ClientEnvironment {
        ClientEnvironment::new([
            ("DOCKER_CONFIG".to_owned(), folder.display().to_string()),
            ("PATH".to_owned(), path.to_owned()),
        ])
    }

    fn user_and_password(found: Option<DockerCredentials>) -> Option<(String, String)> {
        let found = found?;
        Some((found.username?, found.password?))
    }

    #[test]
    fn the_flow_beats_its_config_beats_the_users() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("config.json"),
            // user:of-file
            r#"{"auths":{"https://r.example/v1/":{"auth":"dXNlcjpvZi1maWxl"},"b.example":{"username":"b","password":"p"}}}"#,
        )
        .unwrap();
        let config = ClientConfig::from_json(
            r#"{"auths":{"r.example":{"username":"c","password":"of-config"}},"insecure-registries":["x"]}"#,
        )
        .unwrap();
        let flow = Credentials {
            registry: Some("r.example".to_owned()),
            username: Some("f".to_owned()),
            password: Some("of-flow".to_owned()),
            ..Credentials::default()
        };
        let check = |registry: &str,
                     flow: Option<&Credentials>,
                     config: Option<&ClientConfig>,
                     expected: Option<(&str, &str)>| {
            let sources = CredentialSources {
                flow: flow.cloned(),
                config: config.cloned(),
                environment: environment(folder.path(), "/usr/bin:/bin"),
                trusted: true,
            };
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(
                user_and_password(sources.choose(registry).unwrap()),
                expected,
                "{registry}"
            );
        };
        check(
            "r.example",
            Some(&flow),
            Some(&config),
            Some(("f", "of-flow")),
        );
        check("r.example", None, Some(&config), Some(("c", "of-config")));
        check("r.example", None, None, Some(("user", "of-file")));
        check("b.example", Some(&flow), Some(&config), Some(("b", "p")));
        check("c.example", Some(&flow), None, None);
    }

    #[test]
    fn helpers_are_asked_as_docker_asks_them() {
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join("docker-credential-mine");
        std::fs::write(
            &helper,
            "#!/bin/sh\nread registry || [ -n \"$registry\" ]\ncase $registry in\n\
             r.example) echo '{\"Username\":\"me\",\"Secret\":\"?>~s\"}';;\n\
             t.example) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}';;\n\
             bad.example) echo broken; exit 3;;\n\
             *) echo 'credentials not found in native keychain'; exit 1;;\nesac\n",
        )
        .unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(
            folder.path().join("config.json"),
            r#"{"credsStore":"mine"}"#,
        )
        .unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let mut sources = CredentialSources {
            environment: environment(folder.path(), &path),
            trusted: true,
            ..CredentialSources::default()
        };
        assert_eq!(
            user_and_password(sources.choose("r.example").unwrap()),
            Some(("me".to_owned(), "?>~s".to_owned()))
        );
        let token = sources.choose("t.example").unwrap().unwrap();
        assert_eq!(token.identitytoken.as_deref(), Some("tok"));
        assert_eq!(sources.choose("other.example").unwrap(), None);
        let error = sources.choose("bad.example").unwrap_err();
        assert!(error.contains("docker-credential-mine"), "{error}");
        // An engine far away that the flow names gets none of it, not even by the flow's own word.
        sources.trusted = false;
        sources.config = Some(ClientConfig::from_json(r#"{"credsStore":"mine"}"#).unwrap());
        assert_eq!(sources.choose("r.example").unwrap(), None);
    }

    #[test]
    fn a_broken_auth_is_told_and_not_shown() {
        let flow = Credentials {
            auth: Some("no-base64-secret!".to_owned()),
            ..Credentials::default()
        };
        let error = resolve(&flow, "r.example").unwrap_err();
        assert!(
            error.contains("r.example") && !error.contains("secret"),
            "{error}"
        );
    }
}
