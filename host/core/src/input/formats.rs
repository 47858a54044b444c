//! The forms of text that inputs know: moments, times of day, addresses, patterns.

use jiff::{Timestamp, civil};
use regex::Regex;
use serde_json::Value;

/// An ISO 8601 moment; without a zone it counts as UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: civil::DateTime = text.parse().ok()?;
        text.contains('T')
            .then(|| local.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .flatten()
            .map(|zoned| zoned.timestamp())
    })
}

/// A time of day alone: no date before it and no zone behind it.
pub(super) fn time(text: &str) -> Option<civil::Time> {
    let digits_and_colons = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    (digits_and_colons && text.contains(':'))
        .then(|| text.parse().ok())
        .flatten()
}

/// Reads YAML; the error says what is wrong with it.
pub(super) fn yaml(text: &str) -> Result<Value, String> {
    let parsed = crate::yaml::parse(text, &crate::yaml::Limits::default());
    match (parsed.diagnostics.into_iter().next(), parsed.root) {
        (None, Some(root)) => Ok(root.to_json()),
        (Some(diagnostic), _) => Err(diagnostic.message),
        (None, None) => Ok(Value::Null),
    }
}

/// An address by which flows reach files: stored ones, those of namespaces, those of the machine.
pub(super) fn is_file_address(text: &str) -> bool {
    ["kestra:///", "nsfile://", "file://"]
        .iter()
        .any(|scheme| text.trim().starts_with(scheme))
}

/// A scheme, a colon and something without blanks.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme_good = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    scheme_good && !rest.is_empty() && !rest.contains(char::is_whitespace)
}

/// A name, an at sign and a host with a dot.
pub(super) fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let no_blank = !text.contains(char::is_whitespace);
    let host_good = host.split('.').count() > 1 && host.split('.').all(|part| !part.is_empty());
    no_blank && !name.is_empty() && host_good && !host.contains('@')
}

/// Whether the expression is one that this host can run; the error says why not.
pub(super) fn validator(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}
