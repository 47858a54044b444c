//! What the terminals are like: colour, width, and the host's own diagnostics on standard error.

use std::io::{IsTerminal, Write};

use taffrail_core::diagnostic::Style;

use crate::args::{Color, Global};
use crate::exit::{Exit, Failed};
use crate::outlet::{To, Writer};

/// How diagnostics are drawn on standard error.
pub fn style(global: &Global) -> Style {
    let width = rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0);
    let plain = Style::default();
    Style {
        colour: colours(global, std::io::stderr().is_terminal()),
        width: width.unwrap_or(plain.width),
        ..plain
    }
}

/// Whether to colour, by the option, then by the conventions of NO_COLOR, CLICOLOR_FORCE and TERM.
fn colours(global: &Global, terminal: bool) -> bool {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if set("CLICOLOR_FORCE") => true,
        Color::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// Sends the host's own diagnostics to standard error, as `-v` or `TAFFRAIL_LOG` ask for.
pub fn start_diagnostics(global: &Global) {
    use tracing_subscriber::EnvFilter;
    let by_option = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info,taffrail=info",
        (false, 2) => "info,taffrail=debug",
        (false, _) => "trace",
    };
    let filter = match std::env::var("TAFFRAIL_LOG") {
        Ok(filter) => EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(by_option)),
        Err(_) => EnvFilter::new(by_option),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Writer(To::Stderr))
        .with_ansi(colours(global, std::io::stderr().is_terminal()))
        .without_time()
        .with_target(false)
        .finish();
    // A second call can only come from a test in the same process, and the first subscriber serves it too.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Writes the answer to standard output.
///
/// # Errors
/// When it cannot be written. A reader that has gone is no error: it has what it wanted.
pub fn answer(text: &str) -> Result<(), Failed> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failed::new(
            Exit::Internal,
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}
