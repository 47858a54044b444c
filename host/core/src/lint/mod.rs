//! What is allowed and will hurt later: inputs in shell text, images without a tag, plugins without a pin. `validate` says it; a run does not.

mod images;
mod pins;
mod quoting;
mod secrets;
mod shell;

pub use secrets::secrets;

use crate::diagnostic::Diagnostic;
use crate::flow::Flow;

/// What is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Whether also to ask for what is only good style: a version for every plugin, no input in quoted shell text either.
    pub strict: bool,
}

/// Looks at a flow; `source` is its text.
pub fn lint(flow: &Flow, source: &str, strictness: Strictness) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for task in flow.all_tasks() {
        if let Some(script_type) = task.script_type() {
            shell::check(flow, task, script_type, source, strictness, &mut found);
            images::check(task, &mut found);
            pins::check(task, script_type, source, strictness, &mut found);
        }
    }
    found
}
