//! Python environments with packages from the index, for the tests that need other people's programs.

use std::path::PathBuf;
use std::process::Command;

use crate::installed::{installed, step};

/// The folder with the programs of an environment that has these packages; made once for each build folder, under this name.
///
/// # Errors
/// Why it cannot be made.
pub fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    installed(name, |folder| {
        step(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let bin = folder.join("bin");
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
        Ok(bin)
    })
}
