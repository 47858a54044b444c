//! `taffrail plugin build`: from a plugin's project to its component, with whatever toolchain there is.

use std::path::Path;

use taffrail_core::text::printable;
use taffrail_plugin_build::author::{self, Built, Trouble};

use crate::args::{Global, PluginBuildArgs};
use crate::exit::{Exit, Failed};
use crate::progress::{Progress, size};
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When it is no project, a tool is missing, or the project does not build.
pub fn build(global: &Global, args: &PluginBuildArgs) -> Result<Exit, Failed> {
    let built = built(global, &args.folder, args.install)?;
    let line = format!(
        "built {}  {}, by {}\n",
        shown(&built.path),
        size(built.size),
        built.tool
    );
    terminal::answer(&printable(&line))?;
    Ok(Exit::Ok)
}

/// Builds a project; `install` gets what is missing.
///
/// # Errors
/// When it is no project, a tool is missing and may not or cannot be installed, or the project does not build.
pub fn built(global: &Global, folder: &Path, install: bool) -> Result<Built, Failed> {
    let build = |word: &str| patient(global, word, || author::build(folder));
    match build("building") {
        Err(Trouble::Missing(missing)) if install && !missing.commands.is_empty() => {
            let word = format!("installing {}", missing.tool);
            patient(global, &word, || author::install(folder, &missing)).map_err(|trouble| {
                Failed::new(
                    Exit::NotFound,
                    format!("{} cannot be had: {trouble}", missing.tool),
                )
            })?;
            build("building").map_err(failed)
        }
        other => other.map_err(failed),
    }
}

/// Does something that takes its time, and says so meanwhile.
fn patient<T: Send>(global: &Global, word: &str, step: impl FnOnce() -> T + Send) -> T {
    let mut progress = Progress::new(global);
    std::thread::scope(|scope| {
        let step = scope.spawn(step);
        while !step.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            progress.say(&format!("{word}: {} s", progress.elapsed().as_secs()));
        }
        match step.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn failed(trouble: Trouble) -> Failed {
    match trouble {
        Trouble::Failed(reason) => Failed::new(Exit::Invalid, reason),
        Trouble::Missing(missing) => {
            let mut hint = missing.ways.to_owned();
            if !missing.commands.is_empty() {
                let commands: Vec<String> =
                    missing.commands.iter().map(|line| line.join(" ")).collect();
                hint.push_str(&format!(
                    "; or add `--install`, which runs `{}` in the project",
                    commands.join(" && ")
                ));
            }
            Failed::new(Exit::NotFound, format!("{} is missing", missing.tool)).hint(hint)
        }
    }
}

/// A path from here where it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize);
    let short = here.ok().and_then(|here| path.strip_prefix(here).ok());
    short.unwrap_or(path).display().to_string()
}
