//! What the tests of validation share: a checker over the official plugins, and diagnostics as one line each.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taffrail_core::descriptor::Descriptor;
use taffrail_core::diagnostic::{Diagnostic, Severity};
use taffrail_core::validate::Checker;
use taffrail_runner::registry;

/// The descriptors of the official plugins, as their folders have them.
pub fn plugins() -> Vec<Arc<Descriptor>> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut files: Vec<PathBuf> = std::fs::read_dir(plugins)
        .expect("the folder of plugins")
        .map(|entry| entry.expect("an entry").path().join("descriptor.json"))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file).expect("a descriptor");
            let descriptor: Descriptor = serde_json::from_str(&text).expect("a good descriptor");
            Arc::new(descriptor)
        })
        .collect()
}

/// A checker over the official plugins and runners.
pub fn checker() -> Checker {
    Checker::new(plugins(), registry::fragments())
}

/// The severity and code: `error[TF0101]`.
pub fn code(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    format!("{severity}[{}]", diagnostic.code)
}

/// Message, label and help in one line.
pub fn words(diagnostic: &Diagnostic) -> String {
    let mut words = diagnostic.message.clone();
    if !diagnostic.label.is_empty() {
        write!(words, " ({})", diagnostic.label).expect("a string");
    }
    if let Some(help) = &diagnostic.help {
        write!(words, "; help: {}", help.message).expect("a string");
    }
    words.replace(['\n', '\t'], " ")
}
