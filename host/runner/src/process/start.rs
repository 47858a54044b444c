//! Starts the leader of a task: program, environment, pipes, process group.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit};
use taffrail_core::launch::{LaunchSpec, TaskIdentity};
use taffrail_engine::ports::RunnerError;

use super::descendants::Descendants;
use super::enclosure::Enclosure;
use super::refused::{self, Asked};
use super::{program, table};
use crate::host::HostProfile;

/// How long to wait before the next try of a start that may work a moment later.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// A program to start.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What its processes are known by; see [`table::TASK_RUN_VARIABLE`].
    pub(super) task_run: String,
    pub(super) argv: Vec<String>,
    /// The whole of it.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
    /// The soft and hard limit of open files, where they are not this process's own.
    pub(super) open_files: Option<(Option<u64>, Option<u64>)>,
}

impl Wanted {
    /// What a launch asks for.
    pub(super) fn new(spec: &LaunchSpec, directory: &Path, host: &HostProfile) -> Self {
        let task_run = task_run(&spec.identity);
        Wanted {
            argv: spec.argv.clone(),
            environment: environment(spec, host, &task_run),
            directory: directory.to_owned(),
            open_files: host.open_files_limit(),
            task_run,
        }
    }
}

/// A started leader.
pub(super) struct Started {
    pub(super) pid: Pid,
    /// Readable once the leader has ended.
    pub(super) end: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) descendants: Descendants,
}

/// Starts what was asked for. On error nothing runs.
pub(super) async fn start(wanted: Wanted) -> Result<Started, RunnerError> {
    let Wanted {
        task_run,
        argv,
        environment,
        directory,
        open_files,
    } = wanted;
    let directory = directory.as_path();
    let Some(name) = argv.first() else {
        return Err(RunnerError::Start(
            "there is no program to start: the argument vector is empty".to_owned(),
        ));
    };
    let path = environment
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value.as_os_str());
    if !directory.is_dir() {
        return Err(RunnerError::Start(format!(
            "`{name}` cannot be started: the working directory `{}` is not there",
            directory.display()
        )));
    }
    let program = program::find(name, path, directory).map_err(RunnerError::Start)?;

    let (stdout, stdout_writer) = pipe()?;
    let (stderr, stderr_writer) = pipe()?;
    let mut command = Command::new(&program);
    command
        .arg0(name)
        .args(&argv[1..])
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::from(stdout_writer))
        .stderr(Stdio::from(stderr_writer));

    let mut pauses = PAUSES.into_iter();
    let descendants = loop {
        let (started, again) = spawn(command, task_run.clone()).await?;
        command = again;
        match started {
            Ok(descendants) => break descendants,
            Err(error) => match pauses.next().filter(|_| refused::is_passing(&error)) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    let asked = Asked {
                        program: &program,
                        argv: &argv,
                        environment: &environment,
                        working_dir: directory,
                    };
                    return Err(RunnerError::Start(refused::explain(&error, &asked)));
                }
            },
        }
    };
    // The child's ends of the pipes must not stay open here, or their end would never be seen.
    drop(command);

    let pid = descendants.leader();
    if let Some((soft, hard)) = open_files {
        // A program that asks at once may still see the host's limit; there is no safe way to set it before the start.
        let limit = Rlimit {
            current: soft,
            maximum: hard,
        };
        let _ = rustix::process::prlimit(Some(pid), Resource::Nofile, limit);
    }
    match rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(end) => Ok(Started {
            pid,
            end,
            stdout,
            stderr,
            descendants,
        }),
        Err(error) => Err(RunnerError::Start(format!(
            "`{name}` was started but cannot be watched: {error}"
        ))),
    }
}

/// Starts the child, and gives the command back for another try. The calling thread stands still until the child's program is
/// loaded; where the last one took [long](SLOW), that is left to another thread. Whoever drops the future leaves nothing running: what
/// comes back too late ends the child when it is dropped.
async fn spawn(
    mut command: Command,
    task_run: String,
) -> Result<(io::Result<Descendants>, Command), RunnerError> {
    static LAST_WAS_SLOW: AtomicBool = AtomicBool::new(false);
    let start = move || {
        let begun = Instant::now();
        let spawn = || command.spawn().map(|child| Pid::from_child(&child));
        let started = Enclosure::start(&task_run, spawn);
        LAST_WAS_SLOW.store(begun.elapsed() > SLOW, Ordering::Relaxed);
        (
            started.map(|(leader, enclosure)| Descendants::new(leader, task_run, enclosure)),
            command,
        )
    };
    if !LAST_WAS_SLOW.load(Ordering::Relaxed) {
        return Ok(start());
    }
    let started = tokio::task::spawn_blocking(start).await;
    started.map_err(|error| {
        RunnerError::Start(format!("the thread that starts programs failed: {error}"))
    })
}

/// A start that takes longer would hold up the other tasks. Most take less than it costs to hand them to another thread.
const SLOW: Duration = Duration::from_millis(20);

/// What the variable [`table::TASK_RUN_VARIABLE`] holds.
pub(super) fn task_run(identity: &TaskIdentity) -> String {
    format!(
        "{}/{}/{}",
        identity.execution, identity.task_run, identity.attempt
    )
}

/// The inherited part of the host's environment, what was asked for on top, and the task's own variable.
fn environment(spec: &LaunchSpec, host: &HostProfile, task_run: &str) -> Vec<(OsString, OsString)> {
    let mut found: Vec<(OsString, OsString)> =
        Vec::with_capacity(host.environment().len() + spec.env.len() + 1);
    let mut set =
        |name: &OsStr, value: &OsStr| match found.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value.to_owned(),
            None => found.push((name.to_owned(), value.to_owned())),
        };
    for (name, value) in host.environment() {
        set(name, value);
    }
    for variable in &spec.env {
        set(variable.name.as_ref(), variable.value.as_ref());
    }
    set(table::TASK_RUN_VARIABLE.as_ref(), task_run.as_ref());
    found
}

fn pipe() -> Result<(OwnedFd, OwnedFd), RunnerError> {
    let failed = |error: rustix::io::Errno| {
        RunnerError::Start(format!("no pipe for the output of the task: {error}"))
    };
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    rustix::io::ioctl_fionbio(&reader, true).map_err(failed)?;
    Ok((reader, writer))
}
