//! The registry crate's HTTP client behind the engine's port.

use taffrail_engine::web::{Answer, Ask, Sent, Web, WebError};
use taffrail_registry::{FetchError, WebBody, WebRequest, ask};

/// Asks web servers by the one HTTP client of this program.
pub struct Ureq;

impl Web for Ureq {
    fn ask(&self, wanted: Ask) -> Result<Answer, WebError> {
        let most = wanted.most;
        let answer = ask(WebRequest {
            method: wanted.method,
            address: wanted.address,
            headers: wanted.headers,
            body: match wanted.body {
                Sent::Nothing => WebBody::Nothing,
                Sent::Bytes(bytes) => WebBody::Bytes(bytes),
                Sent::File(file) => WebBody::File(file),
            },
            connect: wanted.connect,
            idle: wanted.idle,
            follow: wanted.follow,
            verify: wanted.verify,
            most,
            stop: wanted.stop,
        })
        .map_err(|error| match error {
            FetchError::TooLarge { .. } => WebError::TooLarge(most),
            FetchError::Nonsense { reason, .. } => WebError::Invalid(reason),
            FetchError::Unreachable { reason, .. } => WebError::Unreachable(reason),
            other => WebError::Unreachable(other.to_string()),
        })?;
        Ok(Answer {
            status: answer.status,
            headers: answer.headers,
            address: answer.address,
            length: answer.length,
            body: answer.body,
        })
    }
}
