//! Any request to any web server, for whoever has reasons of their own to ask: no credentials of the machine go along, the answer is
//! given whatever its status.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{Method, Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error, ResponseExt};

use crate::error::FetchError;

/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 10;

/// One request.
#[derive(Debug)]
pub struct WebRequest {
    /// The method, in capitals.
    pub method: &'static str,
    /// The address.
    pub address: String,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: WebBody,
    /// The longest time until the connection stands.
    pub connect: Duration,
    /// The longest time in which nothing comes.
    pub idle: Duration,
    /// Whether redirects are followed; credentials go to the same host only.
    pub follow: bool,
    /// Whether the server must be who its certificate says.
    pub verify: bool,
    /// The most bytes that are taken.
    pub most: u64,
    /// Once this is true, reading ends.
    pub stop: Arc<AtomicBool>,
}

/// What is sent with a request.
#[derive(Debug)]
pub enum WebBody {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This file, from its beginning.
    File(File),
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct WebAnswer {
    /// The status.
    pub status: u16,
    /// Header lines, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The address that it came from, after redirects.
    pub address: String,
    /// The length of what came, in bytes.
    pub length: u64,
    /// What came: a file without a name, at its beginning.
    pub body: File,
}

/// Asks a web server.
///
/// # Errors
/// See [`FetchError`]: an address that is none, a server that does not answer, an answer that is too large.
pub fn ask(request: WebRequest) -> Result<WebAnswer, FetchError> {
    let WebRequest {
        method,
        address,
        headers,
        body,
        connect,
        idle,
        follow,
        verify,
        most,
        stop,
    } = request;
    let nonsense = |reason: String| FetchError::Nonsense {
        what: address.clone(),
        reason,
    };
    let tls = TlsConfig::builder()
        // The machine's own certificates: companies add theirs.
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(!verify)
        .build();
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("taffrail/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(connect))
        .timeout_recv_response(Some(idle))
        .timeout_per_read(Some(idle))
        .max_redirects(if follow { MOST_REDIRECTS } else { 0 })
        .max_redirects_will_error(follow)
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .tls_config(tls)
        .build()
        .new_agent();
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|error| nonsense(error.to_string()))?;
    let mut building = Request::builder().method(method).uri(&address);
    for (name, value) in &headers {
        building = building.header(name, value);
    }
    let answer = match body {
        WebBody::Nothing => building
            .body(())
            .map_err(Error::from)
            .and_then(|request| agent.run(request)),
        WebBody::Bytes(bytes) => building
            .body(bytes)
            .map_err(Error::from)
            .and_then(|request| agent.run(request)),
        WebBody::File(file) => building
            .body(file)
            .map_err(Error::from)
            .and_then(|request| agent.run(request)),
    };
    let response = answer.map_err(|error| match error {
        Error::Http(error) => nonsense(error.to_string()),
        Error::BadUri(reason) => nonsense(format!("it is no address: {reason}")),
        error => FetchError::Unreachable {
            what: address.clone(),
            reason: error.to_string(),
        },
    })?;
    take(&address, response, most, &stop)
}

fn take(
    what: &str,
    response: Response<Body>,
    most: u64,
    stop: &AtomicBool,
) -> Result<WebAnswer, FetchError> {
    let broken = |error: std::io::Error| FetchError::Unreachable {
        what: what.to_owned(),
        reason: error.to_string(),
    };
    let too_large = || FetchError::TooLarge {
        what: what.to_owned(),
        most,
    };
    let status = response.status().as_u16();
    let address = response.get_uri().to_string();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        })
        .collect();
    let length = response.body().content_length();
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut reader = response
        .into_body()
        .into_with_config()
        .limit(most.saturating_add(1))
        .reader();
    let mut body = tempfile::tempfile().map_err(broken)?;
    let mut taken = 0_u64;
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = reader.read(&mut piece).map_err(broken)?;
        if stop.load(Ordering::Relaxed) {
            return Err(broken(std::io::Error::other("stopped")));
        }
        if count == 0 {
            break;
        }
        taken += count as u64;
        if taken > most {
            return Err(too_large());
        }
        body.write_all(&piece[..count]).map_err(broken)?;
    }
    body.rewind().map_err(broken)?;
    Ok(WebAnswer {
        status,
        headers,
        address,
        length: taken,
        body,
    })
}
