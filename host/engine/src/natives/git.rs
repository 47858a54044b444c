//! Clones Git repositories with the program `git`: it speaks every protocol, knows the machine's certificates and proxies, and is
//! where scripts that use a clone need it anyway. It runs as a task's own program would: cancelled, masked and cleaned up alike.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use taffrail_core::launch::{ExitStatus, LaunchSpec};
use taffrail_core::name::RelPath;
use taffrail_core::native::CloneKeys;
use taffrail_core::plan::EnvVar;
use taffrail_core::record::{Failure, FailureKind};
use taffrail_core::script::PROCESS;
use tokio::time::Instant;

use super::http::without_credentials;
use super::{Call, Done, failed, machine};
use crate::drive::{DriveSettings, EndedBy, drive};
use crate::ports::{LaunchContext, Runner};
use crate::prepare::task_root;
use crate::reach;
use crate::scope::chain;
use crate::task::Sink;
use crate::workdir::Workdir;

/// Answers git when it asks who clones; what it answers comes from the environment, which only this user can read.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$TAFFRAIL_GIT_USERNAME\" \"$TAFFRAIL_GIT_PASSWORD\"; }; f";
/// The same for ssh and the passphrase of a key.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$TAFFRAIL_GIT_PASSPHRASE\"\n";

/// Clones into the working directory. Watches cancellation and time itself, as git must be ended and not left.
pub(super) async fn clone(
    call: &mut Call<'_>,
    keys: CloneKeys,
    timeout: Option<Duration>,
) -> Result<Done, Failure> {
    let asks = reach::of_clone(call.task, Some(&keys.url), keys.git_config.as_ref());
    machine::allowed(call, asks)?;
    let root = task_root(&call.execution.directory, &call.identity.task_run);
    let created = match &call.execution.shared {
        Some(shared) => shared.share(&root),
        None => Workdir::create(&root),
    };
    let mut workdir = created.map_err(|error| host(chain(&error)))?;
    if call.execution.resumed() && call.execution.shared.is_none() {
        workdir = workdir.renew().map_err(|error| host(chain(&error)))?;
    }
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let done = clone_into(call, &keys, &workdir, deadline, timeout).await;
    let removed = workdir.remove();
    let mut done = done?;
    if call.execution.shared.is_none() {
        done.warnings.push(
            "the clone is gone with the task; put the task into a WorkingDirectory to use it"
                .to_owned(),
        );
    }
    if let Err(error) = removed {
        done.warnings.push(chain(&error));
    }
    Ok(done)
}

async fn clone_into(
    call: &mut Call<'_>,
    keys: &CloneKeys,
    workdir: &Workdir,
    deadline: Option<Instant>,
    timeout: Option<Duration>,
) -> Result<Done, Failure> {
    let working = workdir.places().working_dir.clone();
    let private = workdir.places().private_dir.clone();
    let target = match keys.directory.as_deref().filter(|text| !text.is_empty()) {
        None => working.clone(),
        Some(directory) => {
            let path = RelPath::new(directory.trim_end_matches('/'))
                .map_err(|error| invalid(format!("`directory`: {error}")))?;
            working.join(path.as_str())
        }
    };
    let runner = call
        .execution
        .runners
        .make(PROCESS, &Map::new())
        .map_err(|error| host(error.to_string()))?;
    if call.execution.has_begun() {
        // It may go on still.
        let ended = runner.end_left(call.identity).await;
        ended.map_err(|error| host(error.to_string()))?;
    }
    let git = Git {
        runner: runner.as_ref(),
        private: &private,
        env: environment(call, keys, workdir)?,
        working: &working,
        deadline,
        timeout,
    };
    let target = target.display().to_string();
    let depth = keys.depth.unwrap_or(1);
    if depth == 0 {
        return Err(invalid("`depth` must be at least 1"));
    }
    let depth = format!("--depth={depth}");
    let mut arguments = vec!["clone", depth.as_str()];
    if let Some(name) = keys.tag.as_deref().or(keys.branch.as_deref()) {
        arguments.extend(["--branch", name]);
    }
    if keys.clone_submodules == Some(true) {
        arguments.extend(["--recurse-submodules", "--shallow-submodules"]);
    }
    if keys.commit.is_some() {
        arguments.push("--no-checkout");
    }
    let url = keys.url.trim();
    arguments.extend(["--", url, &target]);
    git.run(call, &arguments).await?;
    if let Some(commit) = keys.commit.as_deref() {
        if commit.starts_with('-') {
            return Err(invalid(format!("`{commit}` is no commit")));
        }
        // Not every server gives a commit by its name; then the whole history is asked for.
        let fetched = git
            .run(call, &["-C", &target, "fetch", &depth, "origin", commit])
            .await;
        if let Err(failure) = fetched {
            if failure.kind != FailureKind::Exit {
                return Err(failure);
            }
            git.run(call, &["-C", &target, "fetch", "--unshallow", "origin"])
                .await?;
        }
        git.run(call, &["-C", &target, "checkout", "--detach", commit])
            .await?;
        if keys.clone_submodules == Some(true) {
            let update = [
                "-C",
                &target,
                "submodule",
                "update",
                "--init",
                "--recursive",
            ];
            git.run(call, &update).await?;
        }
    }
    Ok(Done::with([("directory", json!(target))]))
}

fn host(message: String) -> Failure {
    Failure {
        kind: FailureKind::Host,
        message,
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure {
        kind: FailureKind::Invalid,
        message: message.into(),
    }
}

/// The variables of git: its settings, and who clones. What is secret in them is hidden from here on.
fn environment(
    call: &Call<'_>,
    keys: &CloneKeys,
    workdir: &Workdir,
) -> Result<Vec<EnvVar>, Failure> {
    let masker = &call.execution.masker;
    let url = keys.url.trim();
    let mut env: Vec<(String, String)> = [
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ADVICE", "0"),
        ("LC_ALL", "C"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    // Where a flow may not reach for the machine, what it clones may not, either: submodules have addresses of their own.
    let execution = call.execution;
    let runner = execution.runner_override.as_deref();
    if execution.runners.refuses_files(runner, "").is_some() {
        let servers = (
            "GIT_ALLOW_PROTOCOL".to_owned(),
            "https:http:ssh:git".to_owned(),
        );
        env.push(servers);
    }
    let mut config: Vec<(String, String)> = vec![
        ("advice.detachedHead".to_owned(), "false".to_owned()),
        ("credential.helper".to_owned(), String::new()),
    ];
    if let Some((_, password)) = credentials_in(url) {
        masker.add([password]);
    }
    if let Some(password) = &keys.password {
        masker.add([password.as_str()]);
        env.push((
            "TAFFRAIL_GIT_USERNAME".to_owned(),
            keys.username.clone().unwrap_or_default(),
        ));
        env.push(("TAFFRAIL_GIT_PASSWORD".to_owned(), password.clone()));
        // No other server is told, wherever this one leads.
        config.push((
            format!("credential.{}.helper", origin(url)),
            HELPER.to_owned(),
        ));
    }
    if let Some(key) = &keys.private_key {
        env.extend(ssh(call, keys, key, workdir)?);
    }
    if let Some(settings) = &keys.git_config {
        flatten("", settings, &mut config);
    }
    env.push(("GIT_CONFIG_COUNT".to_owned(), config.len().to_string()));
    for (number, (key, value)) in config.into_iter().enumerate() {
        env.push((format!("GIT_CONFIG_KEY_{number}"), key));
        env.push((format!("GIT_CONFIG_VALUE_{number}"), value));
    }
    Ok(env
        .into_iter()
        .map(|(name, value)| EnvVar { name, value })
        .collect())
}

fn ssh(
    call: &Call<'_>,
    keys: &CloneKeys,
    key: &str,
    workdir: &Workdir,
) -> Result<Vec<(String, String)>, Failure> {
    let write = |name: &str, content: &str| {
        let name = RelPath::new(name).map_err(|error| host(error.to_string()))?;
        workdir
            .write_private(&name, content.as_bytes())
            .map_err(|error| host(chain(&error)))
    };
    call.execution.masker.add([key.trim()]);
    // A key without an end of its last line is none for ssh.
    let path = write("git-key", &format!("{}\n", key.trim_end()))?;
    let mut options = format!(
        "ssh -i '{}' -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new",
        path.display()
    );
    let mut env = Vec::new();
    match &keys.passphrase {
        None => options.push_str(" -o BatchMode=yes"),
        Some(passphrase) => {
            call.execution.masker.add([passphrase.as_str()]);
            let script = write("git-askpass", ASKPASS)?;
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700))
                .map_err(|error| host(format!("`{}`: {error}", script.display())))?;
            env.push(("SSH_ASKPASS".to_owned(), script.display().to_string()));
            env.push(("SSH_ASKPASS_REQUIRE".to_owned(), "force".to_owned()));
            env.push(("TAFFRAIL_GIT_PASSPHRASE".to_owned(), passphrase.clone()));
        }
    }
    env.push(("GIT_SSH_COMMAND".to_owned(), options));
    Ok(env)
}

/// Settings of Git as its own names: maps in maps become names with dots.
fn flatten(prefix: &str, value: &Value, config: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&name, value, config);
            }
        }
        Value::String(text) => config.push((prefix.to_owned(), text.clone())),
        Value::Null => {}
        other => config.push((prefix.to_owned(), other.to_string())),
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> String {
    let shown = without_credentials(url);
    match shown.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            format!("{scheme}://{host}")
        }
        None => shown,
    }
}

/// User and password that stand in an address.
fn credentials_in(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    user.split_once(':')
}

/// How git is run.
struct Git<'a> {
    runner: &'a dyn Runner,
    private: &'a Path,
    env: Vec<EnvVar>,
    working: &'a Path,
    deadline: Option<Instant>,
    timeout: Option<Duration>,
}

impl Git<'_> {
    /// Runs one command of git to its end. Its output is the task's.
    async fn run(&self, call: &mut Call<'_>, arguments: &[&str]) -> Result<(), Failure> {
        let spec = LaunchSpec {
            identity: call.identity.clone(),
            argv: std::iter::once("git")
                .chain(arguments.iter().copied())
                .map(str::to_owned)
                .collect(),
            env: self.env.clone(),
            working_dir: self.working.to_owned(),
            private_dir: self.private.to_owned(),
            image: None,
            moves_files: false,
        };
        let launched = self
            .runner
            .launch(&spec, LaunchContext::unattended())
            .await
            .map_err(|error| Failure {
                kind: error.failure_kind(),
                message: format!("the program `git` is needed on this machine: {error}"),
            })?;
        let mut sink = Sink {
            identity: call.identity,
            level: call
                .task
                .common
                .log_level
                .unwrap_or(taffrail_core::output::LogLevel::Trace),
            reporter: call.reporter,
        };
        let settings = DriveSettings {
            deadline: self
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now())),
            grace: self.runner.kill_grace_period(),
            cancel: call.execution.cancel.clone(),
            masker: call.execution.masker.clone(),
            capture: false,
            fetch: None,
        };
        let driven = drive(launched, settings, &mut sink).await;
        match driven.ended_by {
            EndedBy::Timeout => {
                return Err(Failure {
                    kind: FailureKind::Timeout,
                    message: format!("timed out after {:?}", self.timeout.unwrap_or_default()),
                });
            }
            EndedBy::Cancel => {
                return Err(Failure {
                    kind: FailureKind::Cancelled,
                    message: "cancelled".to_owned(),
                });
            }
            EndedBy::Itself => {}
        }
        let status = driven.exit.map(|exit| exit.status);
        if status == Some(ExitStatus::Code(0)) {
            return Ok(());
        }
        let said = driven
            .stderr_tail
            .iter()
            .find(|line| line.starts_with("fatal:") || line.starts_with("error:"))
            .or(driven.stderr_tail.last())
            .map_or_else(String::new, |line| format!(": {line}"));
        let command = arguments
            .iter()
            .find(|argument| ["clone", "fetch", "checkout", "submodule"].contains(argument))
            .unwrap_or(&"git");
        Err(match (status, driven.failure) {
            (Some(status), _) => failed(format!("`git {command}` ended with {status}{said}")),
            (None, Some(error)) => Failure {
                kind: error.failure_kind(),
                message: error.to_string(),
            },
            (None, None) => host("what became of `git` is not known".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_addresses() {
        let mut config = Vec::new();
        let written = json!({ "http": { "sslVerify": false, "extra": null }, "user.name": "x" });
        flatten("", &written, &mut config);
        assert_eq!(
            config,
            [
                ("http.sslVerify".to_owned(), "false".to_owned()),
                ("user.name".to_owned(), "x".to_owned())
            ]
        );
        assert_eq!(origin("https://u:p@h:8443/a/b.git"), "https://h:8443");
        assert_eq!(credentials_in("https://u:p@h/a"), Some(("u", "p")));
        assert_eq!(credentials_in("https://h/a@b"), None);
    }
}
