//! Python environments with packages from the index, for the tests that need other people's programs.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::cli::profile_folder;

/// How long one step of the installation may take before the index counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(90);

/// The folder with the programs of an environment that has these packages; made once for each build folder, under this name.
///
/// # Errors
/// Why it cannot be made.
pub fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = profile_folder().join("taffrail-tests").join(name);
    let (bin, done) = (folder.join("bin"), folder.join("installed"));
    if done.exists() {
        return Ok(bin);
    }
    let _ = std::fs::remove_dir_all(&folder);
    step(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let options = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--timeout",
        "15",
    ];
    step(
        Command::new(bin.join("python3"))
            .args(options)
            .args(packages),
    )?;
    std::fs::write(done, "").map_err(|error| error.to_string())?;
    Ok(bin)
}

fn step(command: &mut Command) -> Result<(), String> {
    let began = Instant::now();
    let log = tempfile::tempfile().map_err(|error| error.to_string())?;
    let output = log.try_clone().map_err(|error| error.to_string())?;
    let mut child = command
        .stdin(std::process::Stdio::null())
        .stdout(output.try_clone().map_err(|error| error.to_string())?)
        .stderr(output)
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if began.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{command:?} took longer than {PATIENCE:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.success() {
        return Ok(());
    }
    use std::io::{Read, Seek};
    let (mut log, mut text) = (log, String::new());
    let _ = log.rewind().and_then(|()| log.read_to_string(&mut text));
    Err(format!(
        "{command:?}: {}",
        text.lines().last().unwrap_or("it said nothing")
    ))
}
