//! Compiles a component in a process of its own, with limits on memory and processor time: a compiler cannot be stopped from inside.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use taffrail_core::schema::host_property_names;
use taffrail_core::text::printable;
use taffrail_wasm::{Cache, CompileLimits, Inspection, Limits, Sandbox, prepare};

use crate::args::Global;
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::progress::{Progress, size};
use crate::terminal;

/// How often the process is looked at.
const GLANCE: Duration = Duration::from_millis(20);
/// As much of what a process complains of as is kept, in bytes.
const MOST_WORDS: u64 = 64 << 10;

/// What the process answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    Good(Box<Inspection>),
    Bad(String),
}

/// Compiles a component and lets it describe itself; what was found is kept for later runs. `name` is for messages.
///
/// # Errors
/// When this host cannot run it: exit code 6, with the reason.
pub fn compile(global: &Global, component: &[u8], name: &str) -> Result<Inspection, Failed> {
    let refused = |reason: &str| {
        Failed::new(
            Exit::Plugin,
            format!("`{name}` is not a plugin for this host: {reason}"),
        )
    };
    let length = component.len() as u64;
    let Some(limits) = Limits::default().compilation(length) else {
        return Err(refused(&format!(
            "it has {}, and at most {} are allowed for a plugin",
            size(length),
            size(Limits::default().largest_file())
        )));
    };
    let internal = |doing: &str, error: std::io::Error| {
        Failed::new(
            Exit::Internal,
            format!("cannot {doing} the compiler: {error}"),
        )
    };
    let mut child = command(global)?
        .spawn()
        .map_err(|error| internal("start", error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut progress = Progress::new(global);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A process that ended early does not read to the end; its answer says why.
            let _ = stdin.map(|mut stdin| stdin.write_all(component));
        });
        let read = |stream: Option<Box<dyn Read + Send>>, most: u64| {
            scope.spawn(move || {
                let mut text = Vec::new();
                if let Some(mut stream) = stream {
                    let _ = stream.by_ref().take(most).read_to_end(&mut text);
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                }
                text
            })
        };
        let answer = read(stdout.map(|stream| Box::new(stream) as Box<_>), 64 << 20);
        let words = read(stderr.map(|stream| Box::new(stream) as Box<_>), MOST_WORDS);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => std::thread::sleep(GLANCE),
                Err(error) => return Err(internal("wait for", error)),
            }
            progress.say(&format!(
                "compiling {name} ({}): {} s",
                size(length),
                progress.elapsed().as_secs()
            ));
        };
        let answer = answer.join().unwrap_or_default();
        let words = words.join().unwrap_or_default();
        match serde_json::from_slice(&answer) {
            Ok(Answer::Good(inspection)) if status.success() => Ok(*inspection),
            Ok(Answer::Bad(reason)) => Err(refused(&reason)),
            _ => Err(refused(&ended(status, &words, limits))),
        }
    })
}

fn command(global: &Global) -> Result<Command, Failed> {
    let program = std::env::current_exe().map_err(|error| {
        Failed::new(Exit::Internal, format!("cannot find this program: {error}"))
    })?;
    let folders = Folders::choose(global)?;
    let mut command = Command::new(program);
    command
        .arg("--state-dir")
        .arg(&folders.state)
        .arg("--cache-dir")
        .arg(&folders.cache)
        .arg("--plugin-dir")
        .arg(&folders.plugins)
        .args(["plugin", "compile"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Why there is no answer.
fn ended(status: ExitStatus, words: &[u8], limits: CompileLimits) -> String {
    let words = String::from_utf8_lossy(words);
    let memory = format!(
        "compiling it takes more than {} of memory",
        size(limits.memory)
    );
    let time = format!(
        "compiling it takes more than {} s of processor time",
        limits.time.as_secs()
    );
    // The numbers are those of Linux and of the systems that came before it.
    match status.signal() {
        Some(24) => time,
        Some(9) if !words.contains("memory") => time,
        Some(6) | Some(9) if words.contains("memory") => memory,
        _ => {
            let last = words.lines().last().unwrap_or("it said nothing");
            format!("its compiler ended with {status}: {}", printable(last))
        }
    }
}

/// The process itself: takes the component from standard input, puts on its limits, and answers.
///
/// # Errors
/// When it cannot read or answer.
pub fn child(global: &Global) -> Result<Exit, Failed> {
    let limits = Limits::default();
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        .take(limits.largest_file() + 1)
        .read_to_end(&mut component)
        .map_err(|error| Failed::new(Exit::Internal, format!("no component: {error}")))?;
    let Some(compilation) = limits.compilation(component.len() as u64) else {
        return Err(Failed::new(Exit::Plugin, "the component is too large"));
    };
    confine(compilation).map_err(|error| {
        Failed::new(
            Exit::Internal,
            format!("cannot limit the compiler: {error}"),
        )
    })?;
    let folders = Folders::choose(global)?;
    let cache = Cache::new(&folders.cache.join("plugins"), &folders.state);
    let sandbox = std::sync::Arc::new(Sandbox::new(limits));
    let answer = match prepare(&sandbox, &cache, &component, &host_property_names()) {
        Ok(inspection) => Answer::Good(Box::new(inspection)),
        Err(error) => Answer::Bad(error.to_string()),
    };
    let text = serde_json::to_string(&answer)
        .map_err(|error| Failed::new(Exit::Internal, format!("no answer: {error}")))?;
    terminal::answer(&text)?;
    Ok(Exit::Ok)
}

/// Limits this process for good. What memory a sandbox reserves without using it does not count.
fn confine(limits: CompileLimits) -> rustix::io::Result<()> {
    let most = |value: u64| Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(Resource::Data, most(limits.memory))?;
    setrlimit(Resource::Core, most(0))?;
    let seconds = limits.time.as_secs();
    setrlimit(
        Resource::Cpu,
        Rlimit {
            current: Some(seconds),
            maximum: Some(seconds + 1),
        },
    )
}
