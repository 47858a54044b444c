//! Finding other people's tools, starting them, and saying which is missing and how it is had.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

/// Why a project was not built.
#[derive(Debug)]
pub enum Trouble {
    /// A tool is not there.
    Missing(Missing),
    /// Something went wrong, in words.
    Failed(String),
}

/// A tool that is not there.
#[derive(Debug)]
pub struct Missing {
    /// What it is.
    pub tool: String,
    /// Ways to get it for the whole machine, in words.
    pub ways: &'static str,
    /// Command lines that get it, started in the project's folder, without rights over anything outside of it where that is possible.
    pub commands: Vec<Vec<String>>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Missing(missing) => write!(formatter, "{} is missing", missing.tool),
            Trouble::Failed(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for Trouble {}

/// Shortens `map_err`.
pub(super) fn failed(reason: impl fmt::Display) -> Trouble {
    Trouble::Failed(reason.to_string())
}

/// Gets a missing tool by its commands.
///
/// # Errors
/// What the first command that failed said.
pub fn install(folder: &Path, missing: &Missing) -> Result<(), Trouble> {
    for line in &missing.commands {
        let (program, arguments) = line
            .split_first()
            .ok_or_else(|| failed("an empty command"))?;
        run(Command::new(program).args(arguments).current_dir(folder))?;
    }
    Ok(())
}

/// Runs a tool to its end; what it says is only of use where it failed.
pub(super) fn run(command: &mut Command) -> Result<String, Trouble> {
    let name = command.get_program().to_string_lossy().into_owned();
    // Cargo's own library path, where this program was started by it, is not for other programs.
    let output = command
        .env_remove("LD_LIBRARY_PATH")
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| failed(format!("cannot start `{name}`: {error}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = [text(&output.stdout), text(&output.stderr)];
    let said: Vec<&str> = said
        .iter()
        .map(String::as_str)
        .filter(|said| !said.is_empty())
        .collect();
    Err(failed(format!(
        "`{name}` ended with {}\n{}",
        output.status,
        said.join("\n")
    )))
}

/// A program of the project's own environment, else one of the PATH.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let own = folder.join(".venv/bin").join(name);
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(own)
        .chain(env::split_paths(&path).map(|folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// The commands that put packages of PyPI into the project's own environment.
pub(super) fn into_venv(folder: &Path, package: &str) -> Vec<Vec<String>> {
    let line = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    if find(folder, "uv").is_some() {
        let mut commands = vec![];
        if !folder.join(".venv/pyvenv.cfg").is_file() {
            commands.push(line(&["uv", "venv", "--quiet", ".venv"]));
        }
        commands.push(line(&[
            "uv", "pip", "install", "--quiet", "--python", ".venv", package,
        ]));
        return commands;
    }
    vec![
        line(&["python3", "-m", "venv", ".venv"]),
        line(&[
            ".venv/bin/python3",
            "-m",
            "pip",
            "install",
            "--quiet",
            package,
        ]),
    ]
}

/// What a program prints about itself; none where it cannot be started or fails.
pub(super) fn say(program: &Path, arguments: &[&str]) -> Option<String> {
    run(Command::new(program).args(arguments.iter().map(OsStr::new))).ok()
}
