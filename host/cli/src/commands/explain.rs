//! `taffrail explain`: the page of a diagnostic code, or the list of all.

use taffrail_core::diagnostic::Code;

use crate::args::ExplainArgs;
use crate::exit::{Exit, Failed};
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When there is no such code.
pub fn explain(args: &ExplainArgs) -> Result<Exit, Failed> {
    let Some(text) = &args.code else {
        let list: String = Code::ALL
            .iter()
            .map(|code| format!("{code}  {}\n", code.title()))
            .collect();
        terminal::answer(&list)?;
        return Ok(Exit::Ok);
    };
    let Some(code) = Code::find(text) else {
        return Err(
            Failed::new(Exit::NotFound, format!("there is no code `{text}`"))
                .hint("`taffrail explain` lists them all"),
        );
    };
    let (heading, rest) = code.page().split_once('\n').unwrap_or((code.page(), ""));
    let heading = heading.trim_start_matches("# ");
    terminal::answer(&format!("# {code}: {heading}\n{rest}"))?;
    Ok(Exit::Ok)
}
