//! A container engine for tests: the one that `tests/run.sh` started, a private one, or what answers on this machine.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, quoted};
use super::skipped;

/// Names the engine that all tests of a run share.
pub const VARIABLE: &str = "TAFFRAIL_TEST_ENGINE";

/// The longest that a private engine may take to do what it was told.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Docker Engine.
    Docker,
    /// Podman's service of the same interface.
    Podman,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Docker => "docker",
            Kind::Podman => "podman",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Kind::Docker => "dockerd",
            Kind::Podman => "podman",
        }
    }
}

/// An engine that answers. A private one ends, with all that is in it, when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Engine {
    /// Which program it is.
    pub kind: Kind,
    url: String,
    api: Api,
    keeper: Option<Mutex<Keeper>>,
}

/// The shell script that holds a private engine: it lives as long as its standard input is open.
#[derive(Debug)]
struct Keeper {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Engine {
    /// The Docker engine that the tests of this process share; none where there is none, and then it is said that this was left out.
    pub fn shared(what: &str) -> Option<&'static Engine> {
        static SHARED: OnceLock<Result<Engine, String>> = OnceLock::new();
        found(what, SHARED.get_or_init(Engine::find))
    }

    /// The Podman service that the tests of this process share; none where there is none, and then it is said that this was left out.
    pub fn podman(what: &str) -> Option<&'static Engine> {
        static SHARED: OnceLock<Result<Engine, String>> = OnceLock::new();
        found(
            what,
            SHARED.get_or_init(|| Engine::private(Kind::Podman, &[])),
        )
    }

    fn find() -> Result<Engine, String> {
        if let Ok(url) = std::env::var(VARIABLE) {
            return Engine::at(&url)
                .map_err(|reason| format!("{VARIABLE} names `{url}`, but {reason}"));
        }
        // A private one comes first: nobody's own images and containers are touched.
        let private = match Engine::private(Kind::Docker, &[]) {
            Ok(engine) => return Ok(engine),
            Err(reason) => reason,
        };
        let named = std::env::var("DOCKER_HOST").ok();
        let url = named.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        Engine::at(&url)
            .map_err(|reason| format!("no private engine ({private}), and at `{url}` {reason}"))
    }

    fn at(url: &str) -> Result<Engine, String> {
        let api = Api::new(url)?;
        if !api.answers() {
            return Err("nobody answers".to_owned());
        }
        Ok(Engine {
            kind: Kind::Docker,
            url: url.to_owned(),
            api,
            keeper: None,
        })
    }

    /// Starts an engine of its own.
    ///
    /// # Errors
    /// Why it cannot be had here.
    pub fn private(kind: Kind, options: &[&str]) -> Result<Engine, String> {
        Self::private_with(kind, options, None)
    }

    /// Starts an engine of its own that finds this folder empty, as one on another machine would.
    ///
    /// # Errors
    /// Why it cannot be had here.
    pub fn elsewhere(kind: Kind, hidden: &Path) -> Result<Engine, String> {
        Self::private_with(kind, &[], Some(hidden))
    }

    fn private_with(kind: Kind, options: &[&str], hidden: Option<&Path>) -> Result<Engine, String> {
        if !can_start(kind) {
            return Err(format!(
                "`{}` is not installed, or this user may not start it",
                kind.program()
            ));
        }
        static NEXT: AtomicU32 = AtomicU32::new(1);
        // The last part of the name is also that of the control group. The keeper makes the folder and removes it, as this process
        // may be gone by then.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("taffrail-engine-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let mut command = Command::new("sh");
        if let Some(hidden) = hidden {
            command.env("TAFFRAIL_ENGINE_HIDES", hidden);
        }
        let mut child = command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("engine.sh"))
            .arg(kind.name())
            .arg(&folder)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (Some(commands), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut keeper = Keeper {
            child,
            commands: Some(commands),
            answers,
        };
        keeper.expect("ready")?;
        let url = format!("unix://{}/engine.sock", folder.display());
        let api = Api::new(&url)?;
        let engine = Engine {
            kind,
            url,
            api,
            keeper: Some(Mutex::new(keeper)),
        };
        if !engine.api.answers() {
            return Err(format!("it does not answer:\n{}", engine.log()));
        }
        Ok(engine)
    }

    /// Its address, for `DOCKER_HOST`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of its socket.
    #[track_caller]
    pub fn socket(&self) -> PathBuf {
        let path = self.url.strip_prefix("unix://");
        path.expect("an engine of these tests listens on a socket")
            .into()
    }

    /// A client for it.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// What it said so far, where it is private.
    pub fn log(&self) -> String {
        let Some(folder) = self.socket().parent().map(Path::to_owned) else {
            return String::new();
        };
        ["engine.log", "engine.log.new"]
            .map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default())
            .concat()
    }

    /// Ends a private engine as a crash does; its containers are left to themselves.
    #[track_caller]
    pub fn kill(&self) {
        self.tell("kill", "gone");
    }

    /// Ends a private engine and its containers, as when its machine loses power.
    #[track_caller]
    pub fn crash(&self) {
        self.tell("crash", "gone");
    }

    /// Ends a private engine as its host does when it goes down.
    #[track_caller]
    pub fn stop(&self) {
        self.tell("stop", "gone");
    }

    /// Starts a private engine again.
    #[track_caller]
    pub fn start(&self) {
        self.tell("start", "ready");
    }

    /// Lets a private engine hang.
    #[track_caller]
    pub fn pause(&self) {
        self.tell("pause", "paused");
    }

    /// Lets a private engine go on.
    #[track_caller]
    pub fn resume(&self) {
        self.tell("resume", "ready");
    }

    #[track_caller]
    fn tell(&self, command: &str, answer: &str) {
        let keeper = self.keeper.as_ref().expect("the engine is private");
        let mut keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = keeper.commands.as_mut().expect("it was not ended");
        writeln!(commands, "{command}").expect("the keeper listens");
        let done = keeper.expect(answer);
        assert!(done.is_ok(), "{command}: {done:?}");
    }

    /// What is there of an execution: its containers and volumes, by whatever of theirs holds the execution's id.
    #[track_caller]
    pub fn left_of(&self, execution: &str) -> Vec<String> {
        let names = |entry: &Value| {
            entry["Names"].as_array().map_or_else(
                || format!("volume {}", entry["Name"]),
                |names| format!("container {} ({})", names[0], entry["State"]),
            )
        };
        let containers = self.api.get("/containers/json?all=1");
        let volumes = self.api.get("/volumes");
        let lists = [containers.as_array(), volumes["Volumes"].as_array()];
        let all = lists.into_iter().flatten().flatten();
        all.filter(|entry| entry.to_string().contains(execution))
            .map(names)
            .collect()
    }

    /// Runs a program in a container of the tests' own, and gives what it wrote and its exit code.
    #[track_caller]
    pub fn run(&self, image: &str, argv: &[&str], host_config: &Value) -> (String, i64) {
        let body =
            json!({ "Image": image, "Entrypoint": [], "Cmd": argv, "HostConfig": host_config });
        let created = self.api.post("/containers/create", &body).done().json();
        let id = created["Id"].as_str().unwrap_or_default().to_owned();
        self.api
            .call("POST", &format!("/containers/{id}/start"))
            .done();
        let waited = self
            .api
            .call("POST", &format!("/containers/{id}/wait"))
            .done()
            .json();
        let logs = self
            .api
            .call("GET", &format!("/containers/{id}/logs?stdout=1&stderr=1"))
            .done();
        self.remove(&id);
        let [stdout, stderr] = super::api::frames(&logs.body);
        (
            String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned(),
            waited["StatusCode"].as_i64().unwrap_or(-1),
        )
    }

    /// Removes a container, whatever it does.
    pub fn remove(&self, id: &str) {
        let path = format!("/containers/{}?force=1&v=1", quoted(id));
        let _ = self.api.send("DELETE", &path, &[], &mut std::io::empty());
    }
}

fn found(what: &str, engine: &'static Result<Engine, String>) -> Option<&'static Engine> {
    match engine {
        Ok(engine) => Some(engine),
        Err(reason) => {
            skipped(what, reason);
            None
        }
    }
}

/// Whether the program is there and this user may give it namespaces.
fn can_start(kind: Kind) -> bool {
    let script = format!(
        "command -v {} && unshare --net --pid --mount --fork true",
        kind.program()
    );
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Keeper {
    fn expect(&mut self, answer: &str) -> Result<(), String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) if line == answer => Ok(()),
            Ok(line) => Err(line),
            Err(error) => Err(format!("it does not say `{answer}`: {error}")),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Closing its input ends it and all that is in it.
        self.commands = None;
        let _ = self.child.wait();
    }
}
