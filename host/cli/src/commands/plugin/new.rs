//! `taffrail plugin new`: the project of a new plugin, in any of the languages that this program can build.

use std::io::ErrorKind;
use std::path::PathBuf;

use taffrail_core::text::printable;
use taffrail_plugin_build::author::{create, valid_id};

use crate::args::{Global, PluginNewArgs};
use crate::exit::{Exit, Failed};
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When the id is none, the folder holds something, or the disk says no.
pub fn new(global: &Global, args: &PluginNewArgs) -> Result<Exit, Failed> {
    let id = &args.id;
    if !valid_id(id) {
        return Err(Failed::new(
            Exit::Usage,
            format!("`{id}` cannot be a plugin's id"),
        )
        .hint("write lower-case letters and digits, with single `-` between them, as in `open-cobol`"));
    }
    let folder = args.to.clone().unwrap_or_else(|| PathBuf::from(id));
    let shown = folder.display();
    let files = create(&folder, args.lang, id).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failed::new(
            Exit::Invalid,
            format!("cannot make a project in `{shown}`: {error}"),
        )
        .hint("name another folder with `--to`"),
        _ => Failed::new(
            Exit::Internal,
            format!("cannot make a project in `{shown}`: {error}"),
        ),
    })?;
    let text: String = files
        .iter()
        .map(|file| format!("{}\n", folder.join(file).display()))
        .collect();
    terminal::answer(&printable(&text))?;
    if !global.quiet {
        complain(&format!(
            "next: cd {shown} && taffrail plugin build\nthen: taffrail plugin test build/{id}.wasm --cases cases.yaml"
        ));
    }
    Ok(Exit::Ok)
}
