//! Words for messages: what was allowed, and the nearest right name.

use taffrail_core::diagnostic::Diagnostic;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::yaml::Span;

/// The names in backticks, the last one behind `and`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// Adds the nearest right name, or, where nothing is near, all that are allowed.
pub(crate) fn with_nearest(
    diagnostic: Diagnostic,
    span: Span,
    wrong: &str,
    allowed: &[&str],
) -> Diagnostic {
    /// So many names are still worth reading.
    const SHOWN: usize = 12;
    match did_you_mean(wrong, allowed.iter().copied()) {
        Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), span, near.to_owned()),
        None if allowed.is_empty() => diagnostic,
        None => {
            let shown = list(allowed.iter().copied().take(SHOWN));
            let more = allowed.len().saturating_sub(SHOWN);
            match more {
                0 => diagnostic.label(format!("there are {shown}")),
                more => diagnostic.label(format!("there are {shown}, and {more} more")),
            }
        }
    }
}

/// The id of a task, or of a flow: what may not stand in one becomes a dash.
pub(crate) fn id(name: &str, also: &str) -> String {
    let id: String = name
        .chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() || letter == '_' || also.contains(letter) => {
                letter
            }
            _ => '-',
        })
        .collect();
    match id.chars().next() {
        Some(first) if first.is_ascii_alphanumeric() => id,
        _ => format!("x{id}"),
    }
}
