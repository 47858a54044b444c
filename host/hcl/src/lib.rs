//! Flows of runflow, written in HCL, as the spanned document that flows in YAML give: everything after it is shared with them.
//!
//! Expressions become those of the host's own language, task types those of the host, references between tasks the `dependsOn` of a
//! `Dag`. Every node of the document has its place in the HCL text. Knows no files: what a flow says of other flows it asks [`Files`].

mod arguments;
mod builtins;
mod code;
mod constant;
mod expression;
mod flow;
mod functions;
mod imports;
mod loops;
mod names;
mod node;
mod private;
mod reader;
mod references;
mod scalar;
mod syntax;
mod tasks;
mod variables;

use std::path::Path;

pub use variables::variable_file;

use taffrail_core::yaml::Parsed;

/// Gives the texts of the flows that a flow runs by their paths.
pub trait Files {
    /// The text of a file, or why there is none.
    ///
    /// # Errors
    /// When it cannot be read; the text goes into a message after `cannot be read: `.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// Whether a file of this name holds a flow of runflow.
pub fn is_hcl(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "hcl")
}

/// Reads the text of a flow. Where something has no counterpart here the diagnostics say so, and there may still be a document that is
/// good to look for more mistakes in.
pub fn read(text: &str, files: &dyn Files) -> Parsed {
    flow::read(text, files)
}

/// The names of the variables that a flow declares; none of one that cannot be read.
pub fn variable_names(text: &str) -> Vec<String> {
    variables::names(text)
}
