//! Runs the real `taffrail` program in a world of its own, and shows all that it printed where it did not do what was expected.
//!
//! It knows nothing of the host's crates: what is tested here is what a user gets.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The longest that one invocation may take before it counts as hung.
const LIMIT: Duration = Duration::from_secs(180);
/// The options that every command takes, in the order of their folders in a world.
const FOLDERS: [(&str, &str); 3] = [
    ("TAFFRAIL_STATE_DIR", "state"),
    ("TAFFRAIL_CACHE_DIR", "cache"),
    ("TAFFRAIL_PLUGIN_DIR", "plugins"),
];

/// The program under test: `TAFFRAIL_BIN`, or what `cargo build -p taffrail` puts beside this test, built once for each test process.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("TAFFRAIL_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

/// The folder of this test's build profile, `target/debug` and the like.
pub fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    let folder = test.parent().expect("a file has a folder");
    let profile = if folder.ends_with("deps") {
        folder.parent()
    } else {
        Some(folder)
    };
    profile.expect("`deps` has a parent").to_owned()
}

fn build() -> PathBuf {
    let folder = profile_folder();
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let profile = match name.as_deref() {
        Some("debug") | None => "dev".to_owned(),
        Some(name) => name.to_owned(),
    };
    let target = folder.parent().expect("a profile's folder has a parent");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "taffrail",
            "--profile",
            &profile,
            "--target-dir",
        ])
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo starts");
    assert!(
        built.status.success(),
        "`cargo build -p taffrail` failed:\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
    folder.join("taffrail")
}

/// Compiled plugins, and the key that marks them, shared by all tests of this build: compiling takes longer than most tests.
fn warm() -> &'static Path {
    static WARM: OnceLock<PathBuf> = OnceLock::new();
    WARM.get_or_init(|| {
        let shared = profile_folder().join("taffrail-tests");
        std::fs::create_dir_all(&shared).expect("the build folder can be written");
        let world = World::cold();
        world.write(
            "warm.yaml",
            "{id: warm, namespace: test, tasks: [\
             {id: sh, type: io.kestra.plugin.scripts.shell.Commands, commands: ['true']}, \
             {id: py, type: io.kestra.plugin.scripts.python.Script, script: 'pass'}]}",
        );
        let run = world.command(["run", "warm.yaml", "--runner", "process"]);
        run.env("TAFFRAIL_STATE_DIR", shared.join("state"))
            .env("TAFFRAIL_CACHE_DIR", shared.join("cache"))
            .finish()
            .exits(0);
        shared
    })
}

/// A world of its own for one test: a working directory, a home, and folders for state, cache and plugins.
#[derive(Debug)]
pub struct World {
    root: TempDir,
    cache: Option<PathBuf>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Where no container engine answers.
pub const NO_ENGINE: &str = "unix:///nowhere/docker.sock";

impl World {
    /// A world whose plugins are compiled already.
    pub fn new() -> Self {
        let warm = warm();
        let mut world = Self::cold();
        world.cache = Some(warm.join("cache"));
        let state = world.state();
        std::fs::create_dir(&state).expect("a new folder");
        std::fs::set_permissions(&state, PermissionsExt::from_mode(0o700)).expect("own folder");
        std::fs::copy(
            warm.join("state/plugin-cache.key"),
            state.join("plugin-cache.key"),
        )
        .expect("the key of the cache");
        world
    }

    /// A world where taffrail has never run: none of its folders is there.
    pub fn cold() -> Self {
        let root = tempfile::Builder::new()
            .prefix("taffrail-test-")
            .tempdir()
            .expect("a temporary folder");
        std::fs::create_dir(root.path().join("here")).expect("a new folder");
        Self { root, cache: None }
    }

    /// The folder that commands run in.
    pub fn here(&self) -> PathBuf {
        self.root.path().join("here")
    }

    /// The folder of all of it.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    /// The folder of the only execution that there was.
    pub fn execution(&self) -> PathBuf {
        let folder = self.state().join("executions");
        let found = listing(&folder)
            .into_iter()
            .filter(|name| !name.contains('/'))
            .collect::<Vec<_>>();
        assert_eq!(
            found.len(),
            1,
            "executions in {}: {found:?}",
            folder.display()
        );
        folder.join(&found[0])
    }

    /// What the tasks of the only execution that there was said, as `taffrail logs` prints it.
    pub fn log(&self) -> String {
        self.execution();
        let finished = self.taffrail(["logs", "@last"]);
        finished.exits(0);
        finished.stdout.clone()
    }

    /// Writes a file below the working directory.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.here().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder"))
            .expect("a folder can be made");
        std::fs::write(&path, contents).expect("a file can be written");
        path
    }

    /// A command line of taffrail, not yet started.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Invocation {
        let mut command = Command::new(program());
        let arguments: Vec<OsString> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        command.args(&arguments);
        let words: Vec<String> = arguments
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        self.invocation(command, format!("taffrail {}", words.join(" ")))
    }

    /// A line for `sh` in which `$TAFFRAIL` is the program, not yet started.
    pub fn sh(&self, line: &str) -> Invocation {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        self.invocation(command, line.to_owned())
            .env("TAFFRAIL", program())
    }

    fn invocation(&self, mut command: Command, line: String) -> Invocation {
        command.current_dir(self.here()).env_clear();
        command.env("HOME", self.root.path().join("home"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Whether this machine has an engine changes nothing, unless a test names one.
        command.env("DOCKER_HOST", NO_ENGINE);
        for (variable, folder) in FOLDERS {
            command.env(variable, self.root.path().join(folder));
        }
        if let Some(cache) = &self.cache {
            command.env("TAFFRAIL_CACHE_DIR", cache);
        }
        Invocation {
            command,
            stdin: Vec::new(),
            line,
        }
    }

    /// Runs a command line of taffrail to its end.
    pub fn taffrail<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Finished {
        self.command(arguments).finish()
    }
}

/// Every path below a folder, relative to it, in order; empty where there is no such folder.
pub fn listing(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                walk(&entry.path(), &format!("{name}/"), found);
            }
            found.push(name);
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort();
    found
}

/// A command line that can still be changed.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    stdin: Vec<u8>,
    line: String,
}

impl Invocation {
    /// With this on standard input, which is empty otherwise.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without an environment variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// With another search path before this one.
    #[must_use]
    pub fn path_first(self, folder: &Path) -> Self {
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        self.env("PATH", path)
    }

    /// Starts it, in a process group of its own.
    pub fn start(self) -> Running {
        let mut running = self.start_unread();
        running.read();
        running
    }

    /// The same, and nobody reads its standard output before [`Running::read`]; the pipe stays open.
    pub fn start_unread(mut self) -> Running {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let began = Instant::now();
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program().display()));
        let mut pipe = child.stdin.take().expect("piped");
        let text = self.stdin;
        // A program that ends without reading it all is no failure of the test.
        std::thread::spawn(move || pipe.write_all(&text));
        let unread = child.stdout.take();
        let stderr = drain(child.stderr.take().expect("piped"));
        Running {
            child,
            line: self.line,
            began,
            unread,
            stdout: channel().1,
            stderr,
            printed: [Vec::new(), Vec::new()],
        }
    }

    /// Runs it to its end.
    pub fn finish(self) -> Finished {
        self.start().finish()
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send(buffer[..count].to_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A started program.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    began: Instant,
    unread: Option<ChildStdout>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    printed: [Vec<u8>; 2],
}

impl Running {
    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, `INT` or `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "cannot send {name} to {}",
            self.line
        );
    }

    /// Ends the program and then its children as `kill -9` does, before any of them can notice.
    pub fn kill_with_children(self) -> Finished {
        let id = self.id();
        let children = std::fs::read_dir(format!("/proc/{id}/task"))
            .expect("it runs")
            .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
            .collect::<String>();
        self.signal("KILL");
        let sent = Command::new("kill")
            .arg("-KILL")
            .args(children.split_whitespace())
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "cannot kill the children {children}"
        );
        self.finish()
    }

    /// Begins to read its standard output.
    pub fn read(&mut self) {
        if let Some(pipe) = self.unread.take() {
            self.stdout = drain(pipe);
        }
    }

    /// Closes the reading end of standard output, as `head` does once it has enough.
    pub fn stop_reading(&mut self) {
        // The thread ends, and closes the pipe, once it has something that nobody takes.
        self.stdout = channel().1;
    }

    /// Waits until the program has printed a text on standard output.
    pub fn wait_for_stdout(&mut self, text: &str) {
        self.wait_for(0, text);
    }

    /// Waits until the program has printed a text on standard error.
    pub fn wait_for_stderr(&mut self, text: &str) {
        self.wait_for(1, text);
    }

    fn wait_for(&mut self, stream: usize, text: &str) {
        let mut searched = 0;
        loop {
            if contains(&self.printed[stream][searched..], text.as_bytes()) {
                return;
            }
            // The text may begin in what is there and end in what comes next.
            searched = self.printed[stream].len().saturating_sub(text.len());
            let source = if stream == 0 {
                &self.stdout
            } else {
                &self.stderr
            };
            let left = LIMIT.saturating_sub(self.began.elapsed());
            match source.recv_timeout(left) {
                Ok(more) => self.printed[stream].extend(more),
                Err(error) => {
                    let _ = self.child.kill();
                    let printed = String::from_utf8_lossy(&self.printed[stream]);
                    panic!(
                        "`{}` did not print {text:?} ({error}), but:\n{printed}",
                        self.line
                    );
                }
            }
        }
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Finished {
        let status = loop {
            match self.child.try_wait().expect("an own child") {
                Some(status) => break Some(status),
                None if self.began.elapsed() > LIMIT => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let took = self.began.elapsed();
        self.read();
        let [stdout, stderr] = &mut self.printed;
        for (source, printed) in [(&self.stdout, stdout), (&self.stderr, stderr)] {
            // Somebody who was left behind may hold the pipe; what there is to read is there by then.
            while let Ok(more) = source.recv_timeout(Duration::from_secs(2)) {
                printed.extend(more);
            }
        }
        let [stdout, stderr] = self
            .printed
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let finished = Finished {
            line: self.line,
            status,
            stdout,
            stderr,
            took,
        };
        assert!(
            finished.status.is_some(),
            "it hung and was killed: {finished}"
        );
        assert!(
            !finished.stderr.contains("panicked"),
            "it panicked: {finished}"
        );
        finished
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What an invocation did.
#[derive(Debug, Clone)]
pub struct Finished {
    line: String,
    status: Option<ExitStatus>,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Finished {
    /// The exit code; none where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    /// Asserts the whole of standard output.
    #[track_caller]
    pub fn prints(&self, stdout: &str) -> &Self {
        assert_eq!(self.stdout, stdout, "{self}");
        self
    }

    /// Asserts that standard output has every one of the texts.
    #[track_caller]
    pub fn answers<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> &Self {
        for text in texts {
            assert!(
                self.stdout.contains(text),
                "standard output lacks {text:?}: {self}"
            );
        }
        self
    }

    /// Asserts that standard error has every one of the texts.
    #[track_caller]
    pub fn says<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> &Self {
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "standard error lacks {text:?}: {self}"
            );
        }
        self
    }

    /// Asserts that neither stream has any of the texts.
    #[track_caller]
    pub fn never_prints<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> &Self {
        for text in texts {
            assert!(
                !self.stdout.contains(text) && !self.stderr.contains(text),
                "it printed {text:?}: {self}"
            );
        }
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}): {self}"))
    }

    /// Standard output as one JSON document a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("not JSON ({error}): {line}\n{self}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = match self.status {
            None => "did not end".to_owned(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, signal) => format!("signal {signal:?}"),
            },
        };
        write!(
            formatter,
            "\n$ {}\n{ended} after {:?}\n--- stdout\n{}--- stderr\n{}---",
            self.line, self.took, self.stdout, self.stderr
        )
    }
}
