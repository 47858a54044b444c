//! What an engine says of itself in the answer to a ping. It takes a millisecond, where asking for the version makes engines start
//! programs: Docker takes some ten milliseconds for that, an older Podman several seconds.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::create::ApiVersion;

/// The longest head of an answer that is read.
const MAX_HEAD: usize = 16 * 1024;

/// What the head of the answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) api: ApiVersion,
    pub(super) podman: bool,
    pub(super) os: String,
    /// The engine's own version.
    pub(super) version: String,
}

impl Hello {
    /// Asks the engine at a socket. Nothing where its answer does not tell.
    ///
    /// # Errors
    /// The connection failed.
    pub(super) async fn ask(socket: &Path) -> io::Result<Option<Hello>> {
        let mut stream = UnixStream::connect(socket).await?;
        stream
            .write_all(b"GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        // Not to the end of the connection: who is in between may keep it open.
        while answer.len() < MAX_HEAD && !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        Ok(Hello::read(&String::from_utf8_lossy(&answer)))
    }

    fn read(answer: &str) -> Option<Hello> {
        let (head, _) = answer.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        if lines.next()?.split(' ').nth(1)? != "200" {
            return None;
        }
        let headers: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let header = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found
                .map(|(_, value)| *value)
                .filter(|value| !value.is_empty())
        };
        let (major, minor) = header("api-version")?.split_once('.')?;
        // `Docker/20.10.24 (linux)`, `Libpod/4.3.1 (linux)`
        let server = header("server")?;
        let (_, rest) = server.split_once('/')?;
        let version = rest.split(' ').next()?;
        let named = server
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(os, _)| os);
        Some(Hello {
            api: ApiVersion {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            },
            podman: header("libpod-api-version").is_some(),
            os: header("ostype").or(named).unwrap_or("linux").to_owned(),
            version: version.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_introduce_themselves() {
        let docker = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nOstype: linux\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\n\r\nOK";
        let hello = Hello::read(docker).unwrap();
        assert_eq!(
            (hello.api.major, hello.api.minor, hello.podman),
            (1, 41, false)
        );
        assert_eq!(
            (hello.os.as_str(), hello.version.as_str()),
            ("linux", "20.10.24+dfsg1")
        );
        let podman = "HTTP/1.1 200 OK\r\nAPI-Version: 1.41\r\nLibpod-API-Version: 4.3.1\r\nServer: Libpod/4.3.1 (linux)\r\n\r\nOK";
        let hello = Hello::read(podman).unwrap();
        assert_eq!((hello.podman, hello.version.as_str()), (true, "4.3.1"));
        for strange in [
            "",
            "HTTP/1.1 200 OK\r\n\r\nOK",
            "HTTP/1.1 500 No\r\nApi-Version: 1.41\r\nServer: Docker/1 (linux)\r\n\r\n",
            "HTTP/1.1 200 OK\r\nApi-Version: x.y\r\nServer: Docker/1 (linux)\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            assert_eq!(Hello::read(strange), None, "{strange:?}");
        }
    }
}
