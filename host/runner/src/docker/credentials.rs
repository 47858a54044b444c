//! Who asks a registry: credentials of the flow, of a client configuration, or of a credential helper. Never written anywhere.

use bollard::auth::DockerCredentials;
use taffrail_logins::{DOCKER_HUB, Login, Logins, LoginsError, decode, host, is_same};

use super::address::ClientEnvironment;
use super::settings::{ClientConfig, Credentials};

fn of_flow(config: &ClientConfig) -> Result<Logins, String> {
    Logins::parse(
        serde_json::Value::Object(config.as_map().clone())
            .to_string()
            .as_bytes(),
    )
    .map_err(|error| format!("the runner's `config`: {error}"))
}

/// The configuration of this user; an empty one where there is none.
fn of_user(environment: &ClientEnvironment) -> Result<Logins, String> {
    match environment.config_dir() {
        Some(folder) => {
            Logins::read(&folder.join("config.json")).map_err(|error| error.to_string())
        }
        None => Ok(Logins::default()),
    }
}

/// What is sent for this registry, of what a file or a helper knows.
fn known(login: Login, registry: &str) -> DockerCredentials {
    DockerCredentials {
        username: login.user,
        password: login.password,
        identitytoken: login.identity_token,
        registrytoken: login.registry_token,
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    }
}

/// What is sent for this registry, of what the flow says.
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
            let registry = registry.to_owned();
            LoginsError::Auth { registry }.to_string()
        })?;
        credentials.username = Some(username);
        credentials.password = Some(password);
    }
    Ok(credentials)
}

/// Where credentials may come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
            own.is_none_or(|own| is_same(own, registry))
        };
        if let Some(flow) = flow.filter(is_for) {
            return resolve(flow, registry).map(Some);
        }
        let path = self.environment.get("PATH");
        let find = |logins: Logins| {
            let found = logins.find(registry, path);
            found.map(|login| login.map(|login| known(login, registry)))
        };
        if let Some(config) = &self.config {
            let logins = of_flow(config)?;
            let logins = if self.trusted {
                logins
            } else {
                // What helpers know is the user's.
                logins.without_helpers()
            };
            if let Some(found) = find(logins).map_err(|error| error.to_string())? {
                return Ok(Some(found));
            }
        }
        if !self.trusted {
            return Ok(None);
        }
        find(of_user(&self.environment)?).map_err(|error| error.to_string())
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
    fn an_engine_far_away_gets_nothing_of_the_users() {
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join("docker-credential-mine");
        std::fs::write(
            &helper,
            "#!/bin/sh\necho '{\"Username\":\"me\",\"Secret\":\"?>~s\"}'\n",
        )
        .unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let text = r#"{"credsStore":"mine"}"#;
        std::fs::write(folder.path().join("config.json"), text).unwrap();
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
        // Not even by the flow's own word.
        sources.trusted = false;
        sources.config = Some(ClientConfig::from_json(text).unwrap());
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
