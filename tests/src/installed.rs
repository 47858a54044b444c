//! What tests need of other people's packages: fetched once for each build folder, with an end to the waiting.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::profile_folder;

/// How long one step may take before the registry counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(240);

/// The folder with the programs that `fill` puts into a new folder of this name; it is asked once for each build folder.
///
/// # Errors
/// Those of `fill`; nothing counts as installed then.
pub fn installed(
    name: &str,
    fill: impl FnOnce(&Path) -> Result<PathBuf, String>,
) -> Result<PathBuf, String> {
    let folder = profile_folder().join("taffrail-tests/packages").join(name);
    let done = folder.join("installed");
    if let Ok(bin) = std::fs::read_to_string(&done) {
        return Ok(PathBuf::from(bin));
    }
    let _ = std::fs::remove_dir_all(&folder);
    let bin = fill(&folder)?;
    std::fs::write(done, bin.to_string_lossy().as_bytes()).map_err(|error| error.to_string())?;
    Ok(bin)
}

/// Runs one step of an installation to its end.
///
/// # Errors
/// The last line of what it said, where it failed, or that it took too long.
pub fn step(command: &mut Command) -> Result<(), String> {
    let began = Instant::now();
    let log = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let output = || log.reopen().map_err(|error| error.to_string());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
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
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read_to_string(log.path()).unwrap_or_default();
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    Err(format!(
        "{command:?}: {}",
        last.unwrap_or("it said nothing")
    ))
}
