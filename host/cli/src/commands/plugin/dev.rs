//! `taffrail plugin dev`: builds a plugin's project and plans flows with it, again whenever a file of either is saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use taffrail_core::text::printable;

use super::build::built;
use super::compile::compile;
use super::preview::{compared, text};
use crate::args::{GivenArgs, Global, PluginDevArgs};
use crate::commands::plan::{self, Asked, descriptions};
use crate::commands::validate::flow_files;
use crate::exit::{Exit, Failed};
use crate::given::Given;
use crate::load::{Host, checked_flow};
use crate::report::complain;
use crate::terminal;

/// How often the files are looked at.
const GLANCE: Duration = Duration::from_millis(200);
/// Folders that tools write into.
const NOT_WATCHED: [&str; 5] = ["build", "target", "node_modules", "sdk", "__pycache__"];

/// What the flows' tasks would run: by flow and task.
type Plans = BTreeMap<(PathBuf, String), Value>;

/// Runs the command. Ends when it is told to.
///
/// # Errors
/// When there is no project at all, or nothing can be printed.
pub fn dev(global: &Global, args: &PluginDevArgs) -> Result<Exit, Failed> {
    let flows = if args.flows.is_empty() {
        vec![args.folder.join("flow.yaml")]
    } else {
        args.flows.clone()
    };
    let mut before: Option<Plans> = None;
    loop {
        let seen = files(&args.folder, &flows);
        let began = Instant::now();
        match plans(global, args, &flows) {
            Ok(plans) => {
                show(before.as_ref(), &plans)?;
                complain(&format!(
                    "planned {} in {:.1} s; waiting for a file to be saved",
                    counted(plans.len()),
                    began.elapsed().as_secs_f64()
                ));
                before = Some(plans);
            }
            // A mistake is mended while this goes on; what is no project never becomes one.
            Err(failed) if failed.exit == Exit::NotFound && before.is_none() => return Err(failed),
            Err(failed) => {
                if !failed.message.is_empty() {
                    complain(&format!("error: {}", printable(&failed.message)));
                }
                complain("waiting for a file to be saved");
            }
        }
        while files(&args.folder, &flows) == seen {
            std::thread::sleep(GLANCE);
        }
    }
}

/// Builds the project and plans all tasks of the flows with it.
fn plans(global: &Global, args: &PluginDevArgs, flows: &[PathBuf]) -> Result<Plans, Failed> {
    let component = built(global, &args.folder, false)?.path;
    let bytes = std::fs::read(&component).map_err(|error| {
        Failed::new(
            Exit::Internal,
            format!("cannot read `{}`: {error}", component.display()),
        )
    })?;
    compile(global, &bytes, &component.display().to_string())?;
    let host = Host::open_with(global, vec![component.clone()])?;
    if let Some(problem) = host
        .plugins
        .problems()
        .iter()
        .find(|problem| problem.path == component)
    {
        return Err(Failed::new(
            Exit::Plugin,
            format!("`{}`: {}", component.display(), problem.reason),
        ));
    }
    let mut found = Vec::new();
    for path in flows {
        flow_files(path, &mut found)?;
    }
    let mut plans = Plans::new();
    for file in found {
        let (source, flow) = checked_flow(global, &host, &file.display().to_string())?;
        let given = Given::read(&GivenArgs::default(), Some(&file))?;
        let asked = Asked {
            given: &given,
            task: None,
            runner: args.runner,
            policy: host.config.policy(&[]),
        };
        let (planned, _) = descriptions(global, &host, &source, &flow, asked)?;
        for plan in planned {
            let task = plan["task"].as_str().unwrap_or_default().to_owned();
            plans.insert((file.clone(), task), plan);
        }
    }
    Ok(plans)
}

/// Shows whole plans at first and for new tasks, and afterwards what has changed.
fn show(before: Option<&Plans>, after: &Plans) -> Result<(), Failed> {
    let mut pieces = Vec::new();
    let mut changed = 0;
    for ((file, task), plan) in after {
        match before.and_then(|before| before.get(&(file.clone(), task.clone()))) {
            None => pieces.push(plan::text(plan)),
            Some(old) => {
                if let Some(change) = compared(&file.display().to_string(), old, plan) {
                    changed += 1;
                    pieces.push(text(&change));
                }
            }
        }
    }
    terminal::answer(&printable(&pieces.join("\n")))?;
    if before.is_some() {
        complain(&format!("{} changed", counted(changed)));
    }
    Ok(())
}

fn counted(tasks: usize) -> String {
    let noun = if tasks == 1 { "task" } else { "tasks" };
    format!("{tasks} {noun}")
}

/// The files of the project and the flows, with when they were written.
fn files(folder: &Path, flows: &[PathBuf]) -> BTreeMap<PathBuf, (SystemTime, u64)> {
    let mut found = BTreeMap::new();
    for path in flows.iter().map(PathBuf::as_path).chain([folder]) {
        walk(path, &mut found);
    }
    found
}

fn walk(path: &Path, found: &mut BTreeMap<PathBuf, (SystemTime, u64)>) {
    let Ok(about) = std::fs::metadata(path) else {
        return;
    };
    if !about.is_dir() {
        let when = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        found.insert(path.to_owned(), (when, about.len()));
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !NOT_WATCHED.contains(&&*name) {
            walk(&entry.path(), found);
        }
    }
}
