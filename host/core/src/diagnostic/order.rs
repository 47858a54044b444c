//! Diagnostics in the order of the file, once each, and their number in words.

use std::collections::HashSet;

use super::{Diagnostic, Severity};

/// The diagnostics by place, those of the whole file first, without those that say the same of the same place again.
pub fn sorted(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| {
        (
            diagnostic.span.map(|span| (span.start, span.end)),
            diagnostic.severity,
            diagnostic.code,
        )
    });
    let mut seen = HashSet::new();
    // One place may lack two properties: the message belongs to what is compared.
    sorted
        .retain(|diagnostic| seen.insert((diagnostic.span, diagnostic.code, &diagnostic.message)));
    sorted
}

/// The first diagnostics in the order of the file, at most so many; a last one says how many more there are. Errors come before
/// warnings where not all fit.
pub fn limited(diagnostics: Vec<Diagnostic>, most: usize) -> Vec<Diagnostic> {
    limited_of(diagnostics, 0, most)
}

/// As [`limited`], where there are further errors of which only the number is known.
pub(crate) fn limited_of(
    diagnostics: Vec<Diagnostic>,
    further: usize,
    most: usize,
) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = sorted(&diagnostics).into_iter().cloned().collect();
    if kept.len() <= most && further == 0 {
        return kept;
    }
    kept.sort_by_key(|diagnostic| diagnostic.severity);
    let left_out = kept.split_off(most.min(kept.len()));
    kept.sort_by_key(|diagnostic| diagnostic.span);
    if let Some(next) = left_out.first().or(kept.last()) {
        let message = format!("and {} more", count(&left_out, further));
        let span = kept.last().and_then(|last| last.span);
        let more = Diagnostic::new(next.code, next.severity, span, message);
        kept.push(more.label("shown up to here"));
    }
    kept
}

/// One line: `2 errors, 1 warning in flow.yaml`, or `no errors in flow.yaml`.
pub fn summary(diagnostics: &[Diagnostic], name: &str) -> String {
    let sorted: Vec<Diagnostic> = sorted(diagnostics).into_iter().cloned().collect();
    format!("{} in {}", count(&sorted, 0), crate::text::printable(name))
}

fn count(diagnostics: &[Diagnostic], further: usize) -> String {
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let known = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count();
        let number = known
            + if severity == Severity::Error {
                further
            } else {
                0
            };
        if number > 0 {
            let plural = if number == 1 { "" } else { "s" };
            parts.push(format!("{number} {}{plural}", severity.as_str()));
        }
    }
    if parts.is_empty() {
        parts.push("no errors".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::yaml::Span;

    fn error(start: u32, message: &str) -> Diagnostic {
        let span = Span {
            start,
            end: start + 1,
        };
        Diagnostic::error(Code::WrongType, span, message)
    }

    #[test]
    fn order_is_that_of_the_file() {
        let whole = Diagnostic::new(Code::Input, Severity::Warning, None, "whole");
        let given = [
            error(9, "b"),
            error(2, "a"),
            error(9, "b"),
            error(9, "c"),
            whole,
        ];
        let messages: Vec<_> = sorted(&given)
            .iter()
            .map(|one| one.message.clone())
            .collect();
        assert_eq!(messages, ["whole", "a", "b", "c"]);
        assert_eq!(summary(&given, "f.yaml"), "3 errors, 1 warning in f.yaml");
        assert_eq!(summary(&[], "f.yaml"), "no errors in f.yaml");
        assert_eq!(summary(&given[..1], "f\u{1b}"), "1 error in f\\x1b");
    }

    #[test]
    fn too_many_are_counted() {
        let many: Vec<_> = (0..50).map(|at| error(at, "x")).collect();
        let kept = limited(many, 20);
        assert_eq!(kept.len(), 21);
        assert_eq!(kept[20].message, "and 30 errors more");
        assert_eq!(kept[20].span, kept[19].span);
        assert_eq!(limited(kept[..20].to_vec(), 20).len(), 20);
    }
}
