//! The text of a flow as the document that everything else works on, whichever language it is written in: the file's name tells.

use std::io::Read;
use std::path::Path;

use taffrail_core::diagnostic::{Diagnostic, Source};
use taffrail_core::resolve::Locking;
use taffrail_core::validate::{Checked, Checker, check_parsed};
use taffrail_core::yaml::{Limits, Parsed, parse};
use taffrail_hcl::Files;

/// The largest flow that another one runs, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Whether a text is a flow of runflow.
pub fn is_hcl(source: &Source) -> bool {
    taffrail_hcl::is_hcl(Path::new(source.name()))
}

/// Reads the text of a flow into a tree with places.
pub fn read(source: &Source) -> Parsed {
    if is_hcl(source) {
        taffrail_hcl::read(source.text(), &Here)
    } else {
        parse(source.text(), &Limits::default())
    }
}

/// Checks the text of a flow for the plugins that were locked.
pub fn check(source: &Source, checker: &Checker, locking: Locking<'_>) -> Checked {
    let mut checked = check_parsed(read(source), source.text(), checker, locking);
    if is_hcl(source) {
        for diagnostic in &mut checked.diagnostics {
            without_yaml(diagnostic);
        }
    }
    checked
}

/// Takes away paths in the document, which nobody wrote, and what would be put into the text: all but the reader of HCL itself speaks
/// YAML.
fn without_yaml(diagnostic: &mut Diagnostic) {
    diagnostic.path.clear();
    if let Some(help) = &mut diagnostic.help
        && !help.message.starts_with("did you mean")
    {
        help.replacement = None;
        help.also.clear();
    }
}

/// The files that a flow of runflow names: their paths are of the folder in which the program was started, as runflow has it.
struct Here;

impl Files for Here {
    fn read(&self, path: &str) -> Result<String, String> {
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        let read = file
            .take(LARGEST + 1)
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
        if read as u64 > LARGEST {
            return Err(format!("it is larger than {LARGEST} bytes"));
        }
        Ok(text)
    }
}
