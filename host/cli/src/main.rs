//! The `taffrail` program: reads the command line, puts the crates together, prints, and picks the exit code.
//!
//! Nothing else of the host reads the environment or the home directory, prints or exits.

mod args;
mod commands;
mod config;
mod descriptors;
mod detach;
mod diff;
mod document;
mod executions;
mod exit;
mod flow_folder;
mod folders;
mod given;
mod kept_source;
mod load;
mod locking;
mod log_sync;
mod outlet;
mod owner;
mod people;
mod places;
mod progress;
mod report;
mod runners;
mod runtime;
mod secrets;
mod signals;
mod started;
mod store_id;
mod terminal;
mod underway;
mod web;
mod zone;

use std::os::fd::AsFd;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use taffrail_runner::process::ARGUMENT;

use crate::args::{Cli, Command};
use crate::exit::{Exit, Failed};
use crate::report::complain;

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == ARGUMENT)
    {
        return supervise();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
            // Environment variables count as arguments to the parser, so that it would only say that a command is missing.
            if error.kind() == clap::error::ErrorKind::MissingSubcommand
                && std::env::args_os().len() == 1
            {
                complain(&Cli::command().render_help().to_string());
            } else {
                let _ = error.print();
            }
            return exit.into();
        }
    };
    terminal::start_diagnostics(&cli.global);
    hide();
    if let Err(message) = choose_failpoint() {
        complain(&format!("error: TAFFRAIL_FAILPOINT: {message}"));
        return Exit::Usage.into();
    }
    let global = &cli.global;
    let result = match &cli.command {
        Command::Run(args) => commands::run::run(global, args),
        Command::Validate(args) => commands::validate::validate(global, args),
        Command::Plan(args) => commands::plan::plan(global, args),
        Command::Schema(args) => commands::schema::schema(global, args),
        Command::Compat(args) => commands::compat::show(global, args),
        Command::Convert(args) => commands::convert::convert(global, args),
        Command::Explain(args) => commands::explain::explain(args),
        Command::Init(args) => commands::init::init(global, args),
        Command::Plugin(command) => commands::plugin::plugin(global, command),
        Command::Doctor(args) => commands::doctor::doctor(global, args),
        Command::Ps(args) => commands::ps::ps(global, args),
        Command::Show(args) => commands::show::show(global, args),
        Command::Logs(args) => commands::logs::logs(global, args),
        Command::Outputs(args) => commands::outputs::outputs(global, args),
        Command::Resume(args) => commands::resume::resume(global, args),
        Command::Retry(args) => commands::resume::retry(global, args),
        Command::Kill(args) => commands::kill::kill(global, args),
        Command::Rm(args) => commands::rm::rm(global, args),
        Command::Prune(args) => commands::prune::prune(global, args),
        Command::Lock(args) => commands::lock::lock(global, args),
        Command::Eval(args) => commands::eval::eval(global, args),
    };
    let exit = result.unwrap_or_else(|failed| {
        tell(&failed);
        failed.exit
    });
    outlet::settle();
    exit.into()
}

/// Runs as the supervisor of another taffrail's tasks.
fn supervise() -> ExitCode {
    hide();
    if choose_failpoint().is_err() {
        return Exit::Usage.into();
    }
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    match socket.and_then(taffrail_runner::process::serve) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            complain(&format!(
                "error: taffrail calls `{ARGUMENT}` itself: {error}"
            ));
            Exit::Usage.into()
        }
    }
}

/// A child of the same user could read secrets in this program's memory and environment otherwise.
fn hide() {
    if let Err(error) =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::debug!("this program can be looked into by others of its user: {error}");
    }
}

fn choose_failpoint() -> Result<(), String> {
    match std::env::var_os(commands::run::FAILPOINT) {
        Some(point) => taffrail_engine::failpoint::choose(&point.to_string_lossy()),
        None => Ok(()),
    }
}

fn tell(failed: &Failed) {
    if !failed.message.is_empty() {
        complain(&format!(
            "error: {}",
            taffrail_core::text::printable(&failed.message)
        ));
    }
    if let Some(hint) = &failed.hint {
        complain(&format!("hint: {hint}"));
    }
}
