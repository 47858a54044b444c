//! A small client of the Engine API for tests: one connection a request, the whole answer at once.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// The longest that an engine may be silent within one call.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Unix(PathBuf),
    Tcp(String),
}

/// An engine to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    address: Address,
}

/// What an engine answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// An answer whose head has come.
pub struct Pending {
    /// The HTTP status.
    pub status: u16,
    length: Option<u64>,
    chunked: bool,
    reader: BufReader<Box<dyn Connection>>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.status, self.text())
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts that the call was done.
    #[track_caller]
    pub fn done(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:?}");
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

impl Api {
    /// The engine at `unix://PATH` or `tcp://HOST:PORT`.
    ///
    /// # Errors
    /// Another kind of address.
    pub fn new(url: &str) -> Result<Self, String> {
        let address = match (url.strip_prefix("unix://"), url.strip_prefix("tcp://")) {
            (Some(path), _) => Address::Unix(path.into()),
            (_, Some(host)) => Address::Tcp(host.to_owned()),
            _ => return Err(format!("the tests cannot talk to `{url}`")),
        };
        Ok(Api { address })
    }

    fn connect(&self) -> io::Result<Box<dyn Connection>> {
        match &self.address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
            Address::Tcp(host) => {
                let stream = TcpStream::connect(host)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection failed, or what came back is no HTTP.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &mut dyn Read,
    ) -> io::Result<Answer> {
        self.begin(method, path, headers, body)?.finish()
    }

    /// Sends a request and reads the head of the answer.
    ///
    /// # Errors
    /// The connection failed, or what came back is no HTTP.
    pub fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &mut dyn Read,
    ) -> io::Result<Pending> {
        let mut connection = self.connect()?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: engine\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !head.contains("Connection:") {
            head.push_str("Connection: close\r\n");
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut count = body.read(&mut buffer)?;
        // Some calls are refused with a body, even with an empty one.
        let empty = count == 0;
        head.push_str(if empty {
            "Content-Length: 0\r\n\r\n"
        } else {
            "Transfer-Encoding: chunked\r\n\r\n"
        });
        connection.write_all(head.as_bytes())?;
        if !empty {
            loop {
                connection.write_all(format!("{count:x}\r\n").as_bytes())?;
                connection.write_all(&buffer[..count])?;
                connection.write_all(b"\r\n")?;
                if count == 0 {
                    break;
                }
                count = body.read(&mut buffer)?;
            }
        }
        read_head(BufReader::with_capacity(64 * 1024, connection))
    }

    /// Asks for something and expects JSON.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.call("GET", path).done().json()
    }

    /// A request without a body.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, &[], &mut io::empty())
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// A request with a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let text = body.to_string();
        self.send(
            "POST",
            path,
            &[("Content-Type", "application/json")],
            &mut text.as_bytes(),
        )
        .unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// A request with an archive as its body.
    #[track_caller]
    pub fn upload(&self, method: &str, path: &str, archive: &mut dyn Read) -> Answer {
        self.send(
            method,
            path,
            &[("Content-Type", "application/x-tar")],
            archive,
        )
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Whether it answers.
    pub fn answers(&self) -> bool {
        self.send("GET", "/_ping", &[], &mut io::empty())
            .is_ok_and(|answer| answer.status == 200)
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    reader.read_line(&mut text)?;
    Ok(text.trim_end().to_owned())
}

fn read_head(mut reader: BufReader<Box<dyn Connection>>) -> io::Result<Pending> {
    let first = line(&mut reader)?;
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| invalid(&format!("no status in `{first}`")))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        let header = line(&mut reader)?.to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse::<u64>().ok(),
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    Ok(Pending {
        status,
        length,
        chunked,
        reader,
    })
}

impl Pending {
    /// Reads the rest.
    ///
    /// # Errors
    /// The connection failed, or what came back is no HTTP.
    pub fn finish(mut self) -> io::Result<Answer> {
        let mut body = Vec::new();
        if self.chunked {
            loop {
                let size = line(&mut self.reader)?;
                let size = u64::from_str_radix(&size, 16)
                    .map_err(|_| invalid(&format!("no chunk size in `{size}`")))?;
                (&mut self.reader).take(size).read_to_end(&mut body)?;
                line(&mut self.reader)?;
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = self.length {
            (&mut self.reader).take(length).read_to_end(&mut body)?;
        } else if self.status != 204 && self.status != 304 {
            self.reader.read_to_end(&mut body)?;
        }
        Ok(Answer {
            status: self.status,
            body,
        })
    }
}

impl Read for Pending {
    /// What comes on the connection, as it comes.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

/// A text as a part of a path or query.
pub fn quoted(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The payloads of both streams in what `attach` and `logs` give.
pub fn frames(mut bytes: &[u8]) -> [Vec<u8>; 2] {
    let mut streams = [Vec::new(), Vec::new()];
    while let [kind, _, _, _, a, b, c, d, rest @ ..] = bytes {
        let size = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).min(rest.len());
        streams[usize::from(*kind == 2)].extend_from_slice(&rest[..size]);
        bytes = &rest[size..];
    }
    streams
}
