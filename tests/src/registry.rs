//! A real OCI registry as a process of this test, on the loopback address; Debian's `docker-registry`.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The account of a registry that asks for one.
pub const ACCOUNT: (&str, &str) = ("ada", "open sesame");
/// The same, as the registry keeps it.
const HTPASSWD: &str = "ada:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";

/// A running registry; it ends when this is dropped.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    /// What references begin with: `127.0.0.1:PORT`.
    pub host: String,
    folder: TempDir,
}

impl Registry {
    /// Starts one; with `locked`, it gives nothing and takes nothing without [`ACCOUNT`].
    ///
    /// # Errors
    /// When the program is not installed.
    pub fn start(locked: bool) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        for _ in 0..20 {
            // The port may be taken by somebody else before the registry takes it; then it ends, and the next one is tried.
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .map_err(|error| error.to_string())?
                .port();
            if let Some(registry) = Self::listen(&folder, port, locked)? {
                let (child, host) = registry;
                return Ok(Self {
                    child,
                    host,
                    folder,
                });
            }
        }
        Err("no port was free".to_owned())
    }

    fn listen(
        folder: &TempDir,
        port: u16,
        locked: bool,
    ) -> Result<Option<(Child, String)>, String> {
        let host = format!("127.0.0.1:{port}");
        let data = folder.path().join("data");
        let htpasswd = folder.path().join("htpasswd");
        let config = folder.path().join("config.yml");
        let log = folder.path().join("log");
        let mut text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
            data.display()
        );
        if locked {
            text.push_str(&format!(
                "auth: {{htpasswd: {{realm: tests, path: {}}}}}\n",
                htpasswd.display()
            ));
        }
        let io = |error: std::io::Error| error.to_string();
        fs::write(&config, text).map_err(io)?;
        fs::write(&htpasswd, HTPASSWD).map_err(io)?;
        let output = fs::File::create(&log).map_err(io)?;
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env_remove("REGISTRY_HTTP_ADDR")
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(io)?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("`docker-registry` does not start: {error}"))?;
        let begun = Instant::now();
        loop {
            if fs::read_to_string(&log).is_ok_and(|log| log.contains("listening on")) {
                return Ok(Some((child, host)));
            }
            if child.try_wait().map_err(io)?.is_some() {
                return Ok(None);
            }
            if begun.elapsed() > Duration::from_secs(30) {
                let _ = child.kill();
                let _ = child.wait();
                let log = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("`docker-registry` does not listen:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it said so far, a line a request.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The files that hold what was put into it.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        self.folder
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(hex)
            .join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
