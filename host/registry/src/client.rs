//! One HTTP client for everything: deadlines, size limits, no step down from encryption, and words for what went wrong.

use std::io::Read;
use std::time::Duration;

use ureq::http::{Request, Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{FetchError, excerpt};

/// Is told of every piece: bytes so far, and of how many where that is known.
pub type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// The largest answer that is not a component, in bytes.
pub(crate) const SMALL: u64 = 4 << 20;

/// Fetches and publishes.
pub struct Client {
    agent: Agent,
    secure: Agent,
    pub(crate) credentials: Credentials,
}

impl Client {
    /// A client that shows these credentials to registries that ask for some.
    pub fn new(credentials: Credentials) -> Self {
        let agent = |https_only: bool| {
            Agent::config_builder()
                .http_status_as_error(false)
                .https_only(https_only)
                .user_agent(concat!("taffrail/", env!("CARGO_PKG_VERSION")))
                .timeout_connect(Some(Duration::from_secs(20)))
                .timeout_recv_response(Some(Duration::from_secs(60)))
                .timeout_per_read(Some(Duration::from_secs(60)))
                .max_redirects(5)
                .tls_config(
                    // The machine's own certificates: companies add theirs.
                    TlsConfig::builder()
                        .root_certs(RootCerts::PlatformVerifier)
                        .build(),
                )
                .build()
                .new_agent()
        };
        Self {
            agent: agent(false),
            secure: agent(true),
            credentials,
        }
    }

    /// Fetches what lies at a web address, at most so many bytes, and compares its digest.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn download(
        &self,
        address: &str,
        digest: Option<&Digest>,
        most: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<u8>, FetchError> {
        let request = Request::get(address)
            .body(())
            .map_err(|error| nonsense(address, &error.to_string()))?;
        let response = self.send(address, request)?;
        if !response.status().is_success() {
            return Err(refused(address, response, None));
        }
        let bytes = body(address, response, most, progress)?;
        match digest {
            Some(digest) => checked(address, bytes, digest),
            None => Ok(bytes),
        }
    }

    /// Sends a request. An address with encryption is not left for one without.
    pub(crate) fn send<B: ureq::AsSendBody>(
        &self,
        what: &str,
        request: Request<B>,
    ) -> Result<Response<Body>, FetchError> {
        let secure = request.uri().scheme_str() == Some("https");
        let agent = if secure { &self.secure } else { &self.agent };
        agent.run(request).map_err(|error| failed(what, &error))
    }
}

/// The body of an answer.
pub(crate) fn body(
    what: &str,
    response: Response<Body>,
    most: u64,
    progress: Progress<'_>,
) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::TooLarge {
        what: what.to_owned(),
        most,
    };
    let length = response.body().content_length();
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut reader = response
        .into_body()
        .into_with_config()
        .limit(most + 1)
        .reader();
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = reader
            .read(&mut piece)
            .map_err(|error| FetchError::Unreachable {
                what: what.to_owned(),
                reason: error.to_string(),
            })?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&piece[..count]);
        if bytes.len() as u64 > most {
            return Err(too_large());
        }
        progress(bytes.len() as u64, length);
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        return Err(FetchError::Unreachable {
            what: what.to_owned(),
            reason: "the connection ended too early".to_owned(),
        });
    }
    Ok(bytes)
}

/// The bytes, if they have this digest.
pub(crate) fn checked(what: &str, bytes: Vec<u8>, digest: &Digest) -> Result<Vec<u8>, FetchError> {
    let found = Digest::of(&bytes);
    if found == *digest {
        return Ok(bytes);
    }
    Err(FetchError::WrongDigest {
        what: what.to_owned(),
        found: found.to_string(),
        expected: digest.to_string(),
    })
}

pub(crate) fn nonsense(what: &str, reason: &str) -> FetchError {
    FetchError::Nonsense {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What an answer that is no success means. `shown` says which credentials were shown.
pub(crate) fn refused(what: &str, response: Response<Body>, shown: Option<&str>) -> FetchError {
    let status = response.status();
    let said = body(what, response, 16 << 10, &mut |_, _| {})
        .ok()
        .map(|bytes| message(&String::from_utf8_lossy(&bytes)))
        .filter(|said| !said.is_empty());
    let behind = said
        .as_ref()
        .map_or(String::new(), |said| format!(": {said}"));
    let what = what.to_owned();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Denied {
            what,
            reason: format!(
                "{}{behind}",
                shown.map_or(
                    "it asks for credentials, and there are none for it".to_owned(),
                    |shown| { format!("it refuses {shown}") }
                )
            ),
        },
        StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::NotFound {
            what,
            reason: behind,
        },
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            FetchError::Unreachable {
                what,
                reason: format!("it answers {status}{behind}"),
            }
        }
        status => FetchError::Nonsense {
            what,
            reason: format!("{status}{behind}"),
        },
    }
}

/// The words in a registry's error document, or the text itself.
fn message(text: &str) -> String {
    let document: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let words = document.as_ref().and_then(|document| {
        let error = document.get("errors")?.get(0)?;
        error.get("message")?.as_str()
    });
    match (
        words,
        document.is_some() || text.trim_start().starts_with('<'),
    ) {
        (Some(words), _) => excerpt(words),
        // A page for people says nothing on a terminal.
        (None, true) => String::new(),
        (None, false) => excerpt(text),
    }
}

fn failed(what: &str, error: &Error) -> FetchError {
    match error {
        Error::BadUri(_) | Error::Http(_) => nonsense(what, "it is no address"),
        Error::RequireHttpsOnly(address) => nonsense(
            what,
            &format!("it leads to `{address}`, without encryption"),
        ),
        error => FetchError::Unreachable {
            what: what.to_owned(),
            reason: error.to_string(),
        },
    }
}
