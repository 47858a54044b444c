//! `taffrail doctor`: what of this machine runs need, and whether it is there. Changes nothing.

use std::path::Path;

use serde_json::{Value, json};
use taffrail_core::text::printable;
use taffrail_engine::ports::Planner;
use taffrail_runner::process;
use taffrail_store::Reader;

use crate::args::{DoctorArgs, Format, Global};
use crate::executions::Status;
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::load::Host;
use crate::{runners, terminal};

/// Less free space than this is told, in bytes.
const LITTLE: u64 = 1 << 30;

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Good,
    /// Some runs will miss it.
    Warning,
    /// No run will work.
    Bad,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Health::Good => "ok",
            Health::Warning => "warning",
            Health::Bad => "bad",
        }
    }
}

struct Finding {
    what: &'static str,
    health: Health,
    says: String,
}

/// Runs the command.
///
/// # Errors
/// When the answer cannot be printed. What is bad is exit code 1, and no error.
pub fn doctor(global: &Global, args: &DoctorArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let mut findings = vec![store(&folders.state), disk(&folders.state)];
    findings.push(engine(&folders.state));
    findings.push(control_groups());
    findings.push(plugins(global));
    findings.push(credentials());
    let text = match args.format {
        Format::Json => {
            let all: Vec<Value> = findings
                .iter()
                .map(|finding| {
                    json!({ "what": finding.what, "health": finding.health.word(), "says": finding.says })
                })
                .collect();
            format!("{:#}\n", json!({ "v": 1, "findings": all }))
        }
        Format::Text => {
            let lines: String = findings
                .iter()
                .map(|finding| {
                    format!(
                        "{:<8} {:<12} {}\n",
                        finding.health.word(),
                        finding.what,
                        finding.says
                    )
                })
                .collect();
            printable(&lines).into_owned()
        }
    };
    terminal::answer(&text)?;
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { Exit::Internal } else { Exit::Ok })
}

fn store(state: &Path) -> Finding {
    let (health, says) = match Reader::open(state) {
        Ok(None) => (
            Health::Good,
            format!("nothing was run with `{}` yet", state.display()),
        ),
        Ok(Some(reader)) => match looked_through(&reader, state) {
            Ok(found) => found,
            Err(error) => (Health::Bad, format!("{}: {error}", error.code())),
        },
        Err(error) => (
            Health::Bad,
            format!(
                "{}: {error}; the logs in `{}` can be read without it",
                error.code(),
                state.join("executions").display()
            ),
        ),
    };
    Finding {
        what: "store",
        health,
        says,
    }
}

fn looked_through(
    reader: &Reader,
    state: &Path,
) -> Result<(Health, String), taffrail_store::StoreError> {
    let faults = reader.faults()?;
    // Each is read on its own: one that is damaged must not hide the others.
    let count = reader.newest(usize::MAX).map(|rows| rows.len());
    if !faults.is_empty() {
        let saved = match count {
            Ok(count) => format!("{count} executions can be read"),
            Err(_) => "its executions cannot be read".to_owned(),
        };
        return Ok((
            Health::Bad,
            format!("TF1002: it is damaged ({}); {saved}", faults.join("; ")),
        ));
    }
    let interrupted: Vec<String> = reader
        .unfinished()?
        .into_iter()
        .filter(|row| Status::of(state, row) == Status::Interrupted && row.caller.is_none())
        .map(|row| row.id)
        .collect();
    let path = state.join(taffrail_store::FILE);
    let says = format!("{} executions in `{}`", count?, path.display());
    Ok(if interrupted.is_empty() {
        (Health::Good, says)
    } else {
        let which = interrupted.join(", ");
        (
            Health::Warning,
            format!("{says}; interrupted, for `taffrail resume`: {which}"),
        )
    })
}

fn disk(state: &Path) -> Finding {
    // The folder need not be there yet.
    let there = state.ancestors().find(|path| path.exists());
    let (health, says) = match there.map(rustix::fs::statvfs) {
        Some(Ok(found)) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let mebibytes = free >> 20;
            let health = if free < LITTLE {
                Health::Warning
            } else {
                Health::Good
            };
            (
                health,
                format!("{mebibytes} MiB free below the state folder"),
            )
        }
        Some(Err(error)) => (
            Health::Warning,
            format!("how full it is is not known: {error}"),
        ),
        None => (Health::Bad, format!("`{}` is nowhere", state.display())),
    };
    Finding {
        what: "disk",
        health,
        says,
    }
}

fn engine(state: &Path) -> Finding {
    let engines = runners::engines(state);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let found = match &runtime {
        Ok(runtime) => runtime
            .block_on(engines.engine(None))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match found {
        Ok(engine) => Finding {
            what: "engine",
            health: Health::Good,
            says: engine.describe(),
        },
        // Tasks by Process need none.
        Err(says) => Finding {
            what: "engine",
            health: Health::Warning,
            says,
        },
    }
}

fn control_groups() -> Finding {
    let says = match process::place_of_groups() {
        Some(place) => format!(
            "version 2; each task by Process has one of its own below `{}`",
            place.display()
        ),
        None => "no group of version 2 can be made here; processes of tasks are found by their parents and their environment"
            .to_owned(),
    };
    // Most of what they give is there without them.
    Finding {
        what: "cgroups",
        health: Health::Good,
        says,
    }
}

fn plugins(global: &Global) -> Finding {
    let (health, says) = match Host::open_to_list(global) {
        Err(failed) => (Health::Bad, failed.message),
        Ok(host) => {
            let count = host.plugins.plugins().len();
            let broken: Vec<String> = host
                .plugins
                .problems()
                .iter()
                .map(|problem| {
                    format!("`{}` is broken: {}", problem.path.display(), problem.reason)
                })
                .collect();
            let health = if broken.is_empty() {
                Health::Good
            } else {
                Health::Warning
            };
            let broken: String = broken.iter().map(|text| format!("; {text}")).collect();
            (health, format!("{count} can be used{broken}"))
        }
    };
    Finding {
        what: "plugins",
        health,
        says,
    }
}

/// Whether what `docker login` keeps can be read; no name and no password of it is told.
fn credentials() -> Finding {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(std::path::PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".docker")));
    let path = folder.map(|folder| folder.join("config.json"));
    let (health, says) = match path {
        Some(path) if path.exists() => match std::fs::read(&path) {
            Ok(text) => match serde_json::from_slice::<Value>(&text) {
                Ok(Value::Object(_)) => (Health::Good, format!("`{}` can be read", path.display())),
                Ok(_) => (
                    Health::Warning,
                    format!("`{}` holds no map of credentials", path.display()),
                ),
                // What is wrong would quote what is written there.
                Err(error) => (
                    Health::Warning,
                    format!("`{}` is not JSON in line {}", path.display(), error.line()),
                ),
            },
            Err(error) => (
                Health::Warning,
                format!("`{}` cannot be read: {error}", path.display()),
            ),
        },
        _ => (
            Health::Good,
            "none are kept; images and plugins that are public need none".to_owned(),
        ),
    };
    Finding {
        what: "credentials",
        health,
        says,
    }
}
