//! The secrets that flows name, held against those that are given.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::yaml::Span;

/// Says which of the named secrets were not given, at the place where each is named first. `source` is where the given ones come from.
pub fn secrets(
    named: &BTreeMap<String, Span>,
    given: &BTreeSet<String>,
    source: &str,
) -> Vec<Diagnostic> {
    named
        .iter()
        .filter(|(name, _)| !given.contains(*name))
        .map(|(name, span)| {
            let near = crate::suggest::did_you_mean(name, given.iter().map(String::as_str));
            let diagnostic = Diagnostic::new(
                Code::MissingSecret,
                Severity::Error,
                Some(*span),
                format!("the secret `{name}` was not given"),
            )
            .label(format!("`{source}` does not have it"));
            match near {
                Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), *span, near),
                None => diagnostic,
            }
        })
        .collect()
}
