//! A real image registry, with or without a password, on the loopback address that the engine sees.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;

use super::api::{Answer, frames, quoted};
use super::engine::Engine;
use super::images;
use super::tar::Archive;

const IMAGE: &str = "taffrail-test/registry:1";

/// A registry that runs in a container of the engine. It ends when this is dropped.
#[derive(Debug)]
pub struct Registry<'a> {
    engine: &'a Engine,
    container: String,
    /// What image names begin with: `127.0.0.1:PORT`.
    pub host: String,
    account: Option<(String, String)>,
}

/// The header that carries credentials to the engine.
pub fn auth_header(user: &str, password: &str) -> String {
    URL_SAFE.encode(json!({ "username": user, "password": password }).to_string())
}

impl<'a> Registry<'a> {
    /// Starts one; with an account, it takes nothing and gives nothing without it.
    ///
    /// # Errors
    /// What is missing on this machine.
    pub fn start(engine: &'a Engine, account: Option<(&str, &str)>) -> Result<Self, String> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        image(engine)?;
        let hashed = match account {
            Some((user, password)) => Some(htpasswd(user, password)?),
            None => None,
        };
        for _ in 0..20 {
            let spread = std::process::id() as u16 ^ NEXT.fetch_add(37, Ordering::Relaxed);
            let port = 20_000 + spread % 12_000;
            if let Some(registry) = Registry::listen(engine, account, hashed.as_deref(), port)? {
                return Ok(registry);
            }
        }
        Err("no free port was found".to_owned())
    }

    fn listen(
        engine: &'a Engine,
        account: Option<(&str, &str)>,
        hashed: Option<&str>,
        port: u16,
    ) -> Result<Option<Self>, String> {
        let host = format!("127.0.0.1:{port}");
        let mut config = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: false}}}}\n\
             storage: {{filesystem: {{rootdirectory: /data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"{host}\"}}\n"
        );
        if hashed.is_some() {
            config.push_str("auth: {htpasswd: {realm: tests, path: /htpasswd}}\n");
        }
        let body = json!({
            "Image": IMAGE,
            "Cmd": ["/registry", "serve", "/config.yml"],
            "HostConfig": { "NetworkMode": "host" },
        });
        let api = engine.api();
        let created = api.post("/containers/create", &body).done().json();
        let registry = Registry {
            engine,
            container: created["Id"].as_str().unwrap_or_default().to_owned(),
            host,
            account: account.map(|(user, password)| (user.to_owned(), password.to_owned())),
        };
        let files = Archive::new()
            .file("config.yml", 0o644, config.as_bytes())
            .file("htpasswd", 0o644, hashed.unwrap_or_default().as_bytes())
            .finish();
        let id = &registry.container;
        api.upload(
            "PUT",
            &format!("/containers/{id}/archive?path=/"),
            &mut files.as_slice(),
        )
        .done();
        api.call("POST", &format!("/containers/{id}/start")).done();
        let begun = Instant::now();
        loop {
            let log = registry.log();
            if log.contains("listening on") {
                return Ok(Some(registry));
            }
            let state = &api.get(&format!("/containers/{id}/json"))["State"];
            if state["Running"] == false {
                if log.contains("address already in use") {
                    return Ok(None);
                }
                return Err(format!("the registry ended:\n{log}"));
            }
            if begun.elapsed() > Duration::from_secs(30) {
                return Err(format!("the registry does not listen:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it said so far, a line a request.
    pub fn log(&self) -> String {
        let path = format!("/containers/{}/logs?stdout=1&stderr=1", self.container);
        let answer = self.engine.api().call("GET", &path);
        frames(&answer.body)
            .map(|stream| String::from_utf8_lossy(&stream).into_owned())
            .concat()
    }

    /// Puts a new image into it, which the engine does not keep, and gives its full name.
    #[track_caller]
    pub fn publish(&self, name: &str, size: usize) -> String {
        let full = format!("{}/{name}", self.host);
        images::unique(self.engine, &full, size);
        let answer = self.push(&full);
        assert!(
            answer.status == 200 && !answer.text().contains("errorDetail"),
            "{full} was not pushed: {answer:?}"
        );
        images::untag(self.engine, &full);
        full
    }

    fn push(&self, full: &str) -> Answer {
        let (repository, tag) = full.rsplit_once(':').expect("a name with a tag");
        let header = match &self.account {
            Some((user, password)) => auth_header(user, password),
            None => auth_header("", ""),
        };
        let path = format!("/images/{repository}/push?tag={}", quoted(tag));
        self.engine
            .api()
            .send(
                "POST",
                &path,
                &[("X-Registry-Auth", &header)],
                &mut std::io::empty(),
            )
            .expect("the engine answers")
    }
}

impl Drop for Registry<'_> {
    fn drop(&mut self) {
        self.engine.remove(&self.container);
    }
}

/// A line of a password file.
fn htpasswd(user: &str, password: &str) -> Result<String, String> {
    let mut child = Command::new("htpasswd")
        .args(["-niBC", "4", user])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| "`htpasswd` is missing (Debian: apache2-utils)".to_owned())?;
    if let Some(mut pipe) = child.stdin.take() {
        let _ = pipe.write_all(password.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// This machine's registry program and the libraries that it names, as an image.
fn image(engine: &Engine) -> Result<(), String> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    if images::has(engine, IMAGE) {
        return Ok(());
    }
    let program = images::which("docker-registry")
        .ok_or("`docker-registry` is missing (Debian: docker-registry)")?;
    let bytes = std::fs::read(&program).map_err(|error| error.to_string())?;
    let mut archive = Archive::new()
        .folder("data", 0o755)
        .file("registry", 0o755, &bytes);
    let listed = Command::new("ldd")
        .arg(&program)
        .output()
        .map_err(|error| format!("ldd: {error}"))?;
    for word in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
        if word.starts_with('/') {
            let library = std::fs::read(word).map_err(|error| format!("{word}: {error}"))?;
            archive = archive.file(word.trim_start_matches('/'), 0o755, &library);
        }
    }
    images::import(engine, IMAGE, &[], &mut archive.finish().as_slice());
    Ok(())
}
