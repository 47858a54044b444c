//! An engine behind SSH: a private socket each of whose connections is handed to `docker system dial-stdio` over there, by the program
//! `ssh` and its own configuration. One connection of SSH carries them all, and everything ends with this process, however it ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the first connection may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether it is there.
const LOOK: Duration = Duration::from_millis(10);

/// How much of what `ssh` says is kept.
const WORDS: usize = 4096;

/// Where an engine is, as `ssh` wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// `user@host`, or the host alone.
    host: String,
    port: Option<u16>,
    /// The engine's socket over there, where it is not the usual one.
    socket: Option<String>,
}

impl Destination {
    /// Reads `ssh://[user@]host[:port][/path/of/socket]`. What `ssh` could take for an option is no host.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let rest = address.strip_prefix("ssh://")?;
        let (authority, socket) = match rest.find('/') {
            Some(at) if rest.len() > at + 1 => (&rest[..at], Some(rest[at..].to_owned())),
            Some(at) => (&rest[..at], None),
            None => (rest, None),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (authority, None),
        };
        let plain = |character: char| {
            character.is_alphanumeric() || "-_.@".contains(character) || "[]:%".contains(character)
        };
        let parts_are_none = host
            .split('@')
            .any(|part| part.is_empty() || part.starts_with('-'));
        if parts_are_none || !host.chars().all(plain) || host.matches('@').count() > 1 {
            return None;
        }
        let plain_path =
            |character: char| character.is_alphanumeric() || "-_./".contains(character);
        if !socket.iter().all(|path| path.chars().all(plain_path)) {
            return None;
        }
        Some(Destination {
            host: host.replace(['[', ']'], ""),
            port,
            socket,
        })
    }

    /// `ssh` through the control socket, up to the command.
    fn ssh(&self, control: &Path) -> Command {
        let mut command = Command::new("ssh");
        // Nobody is there to be asked for a password.
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-S"]);
        command.arg(control);
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        command.kill_on_drop(true);
        command
    }

    fn dial(&self) -> Vec<String> {
        let mut words = vec!["docker".to_owned()];
        if let Some(socket) = &self.socket {
            words.extend(["--host".to_owned(), format!("unix://{socket}")]);
        }
        words.extend(["system".to_owned(), "dial-stdio".to_owned()]);
        words
    }
}

/// The last words of `ssh` about a connection that gave nothing.
type Said = Arc<Mutex<String>>;

/// The socket, as long as this lives.
#[derive(Debug)]
pub(super) struct Relay {
    folder: PathBuf,
    accepting: JoinHandle<()>,
    said: Said,
    /// The connection that carries the others. It ends when its standard input does.
    _carrier: Child,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        // Nothing of value is in there.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Relay {
    /// Connects.
    ///
    /// # Errors
    /// Why it cannot, in the words of `ssh`.
    pub(super) async fn start(address: &str) -> Result<Arc<Relay>, String> {
        let destination = Destination::parse(address)
            .ok_or("an address over SSH is `ssh://[user@]host[:port][/path/of/the/socket]`")?;
        let folder = private_folder().map_err(|error| format!("cannot make a socket: {error}"))?;
        let control = folder.join("control");
        let mut carrier = destination
            .ssh(&control)
            // It lives as long as its input is open, so no longer than this process.
            .args(["-M", "--", &destination.host, "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start `ssh`: {error}"))?;
        let connected = wait_for(&mut carrier, &control).await;
        let listener = connected.and_then(|()| {
            UnixListener::bind(folder.join("engine"))
                .map_err(|error| format!("cannot make a socket: {error}"))
        });
        let listener = match listener {
            Ok(listener) => listener,
            Err(reason) => {
                let _ = std::fs::remove_dir_all(&folder);
                return Err(reason);
            }
        };
        let said = Said::default();
        let tell = Arc::clone(&said);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = carry(client, destination.clone(), control.clone());
                let tell = Arc::clone(&tell);
                tokio::spawn(async move {
                    if let Some(words) = connection.await {
                        *tell.lock().unwrap_or_else(PoisonError::into_inner) = words;
                    }
                });
            }
        });
        Ok(Arc::new(Relay {
            folder,
            accepting,
            said,
            _carrier: carrier,
        }))
    }

    /// Why the last connection that gave nothing did so, in the words of the other side.
    pub(super) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// The path of the socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("engine")
    }
}

/// A folder that only this user can enter.
fn private_folder() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let mut number = 0;
    loop {
        let name = format!("taffrail-ssh-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 100 => {
                number += 1;
            }
            made => return made.map(|()| folder),
        }
    }
}

/// Waits until others can be carried.
async fn wait_for(carrier: &mut Child, control: &Path) -> Result<(), String> {
    let begun = Instant::now();
    while !control.exists() {
        let ended = carrier.try_wait().map_err(|error| error.to_string())?;
        if ended.is_some() {
            let mut words = Vec::new();
            if let Some(stderr) = carrier.stderr.take() {
                let _ = stderr.take(WORDS as u64).read_to_end(&mut words).await;
            }
            let last = last_line(&words);
            return Err(format!("ssh: {}", last.as_deref().unwrap_or("it ended")));
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!(
                "ssh: no connection within {} s",
                PATIENCE.as_secs()
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
    // What it says from now on nobody reads, and it must not wait for that.
    drop(carrier.stderr.take());
    Ok(())
}

/// Hands one connection on, to its end. Gives what `ssh` said where nothing came back.
async fn carry(
    mut client: UnixStream,
    destination: Destination,
    control: PathBuf,
) -> Option<String> {
    let mut child = destination
        .ssh(&control)
        .args(["--", &destination.host])
        .args(destination.dial())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut engine = tokio::io::join(child.stdout.take()?, child.stdin.take()?);
    let carried = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
    if matches!(carried, Ok((_, came)) if came > 0) {
        return None;
    }
    let mut words = Vec::new();
    let read = child.stderr.take()?.take(WORDS as u64);
    let _ = tokio::time::timeout(LOOK, { read }.read_to_end(&mut words)).await;
    last_line(&words)
}

fn last_line(words: &[u8]) -> Option<String> {
    let words = String::from_utf8_lossy(words);
    let last = words.lines().rfind(|line| !line.trim().is_empty())?;
    Some(last.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_options_are_none() {
        let check = |address: &str, expected: Option<(&str, Option<u16>, Option<&str>)>| {
            let found = Destination::parse(address);
            let found = found
                .as_ref()
                .map(|found| (found.host.as_str(), found.port, found.socket.as_deref()));
            assert_eq!(found, expected, "{address}");
        };
        check("ssh://h", Some(("h", None, None)));
        check("ssh://me@h:22", Some(("me@h", Some(22), None)));
        check("ssh://h/", Some(("h", None, None)));
        check(
            "ssh://h:2/run/e.sock",
            Some(("h", Some(2), Some("/run/e.sock"))),
        );
        check("ssh://[::1]:22", Some(("::1", Some(22), None)));
        check("ssh://me@[::1]", Some(("me@::1", None, None)));
        for wrong in [
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-l@h",
            "ssh://a@-h",
            "ssh://h:x",
            "ssh://a b",
            "ssh://h;id",
            "ssh://h/a b",
            "ssh://h/$(id)",
            "ssh://a@b@c",
            "tcp://h",
            "ssh://@h",
        ] {
            check(wrong, None);
        }
    }
}
