//! `taffrail plugin`: what plugins there are, where they come from, and how they are made.

mod add;
mod build;
mod compile;
mod dev;
mod new;
mod preview;
mod publish;
mod remove;
mod show;
mod source;
mod test;
mod update;
mod vendor;
mod verify;

use crate::args::{Global, PluginCommand};
use crate::exit::{Exit, Failed};
use crate::load::Host;

/// Runs the command.
///
/// # Errors
/// When what was asked for cannot be done; the exit code says of which kind the obstacle is.
pub fn plugin(global: &Global, command: &PluginCommand) -> Result<Exit, Failed> {
    match command {
        PluginCommand::List { format } => show::list(&Host::open_to_list(global)?, *format),
        PluginCommand::Info { plugin, format } => show::info(&Host::open(global)?, plugin, *format),
        PluginCommand::Add(args) => add::add(global, args),
        PluginCommand::Remove(args) => remove::remove(global, args),
        PluginCommand::Update(args) => update::update(global, args),
        PluginCommand::Verify(args) => verify::verify(global, args),
        PluginCommand::Vendor(args) => vendor::vendor(global, args),
        PluginCommand::Publish(args) => publish::publish(global, args),
        PluginCommand::New(args) => new::new(global, args),
        PluginCommand::Build(args) => build::build(global, args),
        PluginCommand::Dev(args) => dev::dev(global, args),
        PluginCommand::Test(args) => test::test(global, args),
        PluginCommand::Compile => compile::child(global),
    }
}
