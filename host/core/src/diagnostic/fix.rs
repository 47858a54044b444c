//! Makes the changes that are certain, and nothing else: every byte that no change names stays as it is.

use std::collections::HashSet;

use super::{Diagnostic, Severity};
use crate::yaml::Span;

/// After so many rounds something goes in a circle.
const MAX_ROUNDS: usize = 200;

/// A text after its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The text.
    pub text: String,
    /// How many mistakes were corrected.
    pub count: usize,
}

/// Corrects what is certain. `check` is asked again after every round, as one change may show what another hid, and a change after which
/// the flow has more errors than before is taken back.
pub fn fix(source: &str, check: &dyn Fn(&str) -> Vec<Diagnostic>) -> Fixed {
    let mut text = source.to_owned();
    let mut count = 0;
    let mut refused: HashSet<(super::Code, String)> = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        let found = check(&text);
        let key = |diagnostic: &Diagnostic| (diagnostic.code, diagnostic.message.clone());
        let wanted: Vec<&Diagnostic> = super::sorted(&found)
            .into_iter()
            .filter(|diagnostic| diagnostic.help.as_ref().is_some_and(|help| help.certain))
            .filter(|diagnostic| !refused.contains(&key(diagnostic)))
            .collect();
        if wanted.is_empty() {
            break;
        }
        let before = errors(&found);
        let (changed, made) = apply(&text, &wanted);
        if errors(&check(&changed)) <= before {
            text = changed;
            count += made;
            continue;
        }
        // One of them does harm: each by itself shows which.
        let first = wanted[0];
        let (changed, made) = apply(&text, &[first]);
        if errors(&check(&changed)) <= before {
            text = changed;
            count += made;
        } else {
            refused.insert(key(first));
        }
    }
    Fixed { text, count }
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count()
}

/// Makes the changes of these, in order; one that touches what another changed waits for the next round.
fn apply(text: &str, wanted: &[&Diagnostic]) -> (String, usize) {
    let mut chosen: Vec<(Span, &str)> = Vec::new();
    let mut made = 0;
    for diagnostic in wanted {
        let Some(help) = &diagnostic.help else {
            continue;
        };
        let changes: Vec<(Span, &str)> = help
            .replacement
            .iter()
            .chain(&help.also)
            .map(|(span, text)| (*span, text.as_str()))
            .collect();
        let free = changes.iter().all(|(span, _)| {
            text.get(span.start as usize..span.end as usize).is_some()
                && chosen
                    .iter()
                    .all(|(other, _)| span.end < other.start || other.end < span.start)
        });
        if free {
            chosen.extend(changes);
            made += 1;
        }
    }
    chosen.sort_by_key(|(span, _)| (span.start, span.end));
    let mut changed = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (span, replacement) in chosen {
        changed.push_str(&text[at..span.start as usize]);
        changed.push_str(replacement);
        at = span.end as usize;
    }
    changed.push_str(&text[at..]);
    (changed, made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn replace_all(text: &str, from: &str, to: &str, severity: Severity) -> Vec<Diagnostic> {
        text.match_indices(from)
            .map(|(at, _)| {
                let start = u32::try_from(at).expect("short");
                let span = Span {
                    start,
                    end: start + u32::try_from(from.len()).expect("short"),
                };
                Diagnostic::new(
                    Code::Deprecated,
                    severity,
                    Some(span),
                    format!("{from}{at}"),
                )
                .fix("better", span, to)
                .certain()
            })
            .collect()
    }

    #[test]
    fn only_what_is_named_changes() {
        let check = |text: &str| replace_all(text, "old", "new", Severity::Warning);
        let fixed = fix("a: old # old\r\n\tb: öld\n", &check);
        assert_eq!(fixed.text, "a: new # new\r\n\tb: öld\n");
        assert_eq!(fixed.count, 2);
        assert_eq!(fix("", &check).count, 0);
    }

    #[test]
    fn what_touches_waits_and_what_harms_is_taken_back() {
        let touching = |text: &str| replace_all(text, "aa", "b", Severity::Warning);
        assert_eq!(fix("aaaa", &touching).text, "bb");
        let harmful = |text: &str| {
            let mut found = replace_all(text, "good", "bad", Severity::Warning);
            found.extend(
                replace_all(text, "bad", "bad", Severity::Error)
                    .into_iter()
                    .map(|mut diagnostic| {
                        diagnostic.help = None;
                        diagnostic
                    }),
            );
            found
        };
        assert_eq!(fix("good", &harmful).text, "good");
        let endless = |text: &str| replace_all(text, "x", "x", Severity::Warning);
        assert_eq!(fix("x", &endless).text, "x");
    }
}
