//! What is shown to a registry: the credentials that `docker login` keeps, as the schemes of HTTP want them.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use taffrail_logins::{Login, Logins, LoginsError};

/// Where credentials are looked up, at the moment when somebody asks for some.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    file: Option<PathBuf>,
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

    /// A token to get a token with comes before a password.
    fn of(login: Login) -> Option<Self> {
        match (login.identity_token, login.user, login.password) {
            (Some(token), ..) => Some(Secret::Identity(token)),
            (None, Some(user), Some(password)) => Some(Secret::Password { user, password }),
            _ => None,
        }
    }
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
    pub(crate) fn find(&self, host: &str) -> Result<Option<Secret>, LoginsError> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let login = Logins::read(path)?.find(host, None)?;
        Ok(login.and_then(Secret::of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_before_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let ada = BASE64_STANDARD.encode("ada:pass");
        let text = format!(
            r#"{{"auths": {{"a": {{"auth": "{ada}"}}, "b": {{"auth": "{ada}", "identitytoken": "token"}}, "c": {{}}}}}}"#
        );
        std::fs::write(&file, text).unwrap();
        let find = |host: &str| Credentials::of(file.clone()).find(host).unwrap();
        let secret = find("a").unwrap();
        assert_eq!(secret.basic(), Some(format!("Basic {ada}")));
        assert_eq!(secret.shown(), "the credentials of `ada`");
        assert_eq!(find("b"), Some(Secret::Identity("token".to_owned())));
        assert_eq!(find("b").unwrap().basic(), None);
        assert_eq!((find("c"), find("d")), (None, None));
        assert_eq!(Credentials::none().find("a").unwrap(), None);
    }
}
