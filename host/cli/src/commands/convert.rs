//! `taffrail convert`: a flow of runflow as YAML, which runs the same.

use taffrail_core::diagnostic::{Severity, render_text};
use taffrail_core::resolve::Locking;

use crate::args::{ConvertArgs, Global};
use crate::document;
use crate::exit::{Exit, Failed};
use crate::load::{Host, exit_of, read_source};
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When the flow cannot be read, is not written in HCL, or has mistakes.
pub fn convert(global: &Global, args: &ConvertArgs) -> Result<Exit, Failed> {
    let source = read_source(&args.flow)?;
    if !document::is_hcl(&source) {
        return Err(Failed::new(
            Exit::Usage,
            format!(
                "`{}` is no flow in HCL: its name does not end in `.hcl`",
                source.name()
            ),
        ));
    }
    let host = Host::open_untouched(global)?;
    let mut found = document::check(&source, &host.checker, Locking::default()).diagnostics;
    found.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let root = document::read(&source).root;
    let Some(root) = root.filter(|_| found.is_empty()) else {
        complain(render_text(&found, &source, terminal::style(global)).trim_end());
        return Err(Failed::silent(exit_of(&found)));
    };
    let yaml = serde_yaml::to_string(&root.to_json())
        .map_err(|error| Failed::new(Exit::Internal, format!("it cannot be written: {error}")))?;
    terminal::answer(&yaml)?;
    Ok(Exit::Ok)
}
