//! Lengths of time as flows write them: ISO 8601, read as Java's `Duration` reads it.

use std::time::Duration;

use jiff::fmt::temporal::SpanParser;

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is not ISO 8601.
    #[error("`{0}` is not a duration; write for example `PT30S`, `PT5M`, `PT1H30M` or `P1D`")]
    Syntax(String),
    /// It is a calendar length, which depends on the day it starts at.
    #[error(
        "`{text}` counts in {unit}, whose length varies; write it in days, hours, minutes and seconds"
    )]
    Calendar {
        /// What was written.
        text: String,
        /// `years`, `months` or `weeks`.
        unit: &'static str,
    },
    /// It is less than nothing.
    #[error("`{0}` is negative")]
    Negative(String),
}

/// Reads a length of time. A day is 24 hours; years, months and weeks are refused.
///
/// # Errors
/// When it is not ISO 8601, counts in calendar units, or is negative.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let syntax = || DurationError::Syntax(text.to_owned());
    let span = SpanParser::new()
        .parse_span(text.trim())
        .map_err(|_| syntax())?;
    let calendar = [
        (i64::from(span.get_years()), "years"),
        (i64::from(span.get_months()), "months"),
        (i64::from(span.get_weeks()), "weeks"),
    ];
    if let Some((_, unit)) = calendar.into_iter().find(|(count, _)| *count != 0) {
        return Err(DurationError::Calendar {
            text: text.to_owned(),
            unit,
        });
    }
    let days = jiff::SignedDuration::from_hours(i64::from(span.get_days()) * 24);
    let rest = span
        .days(0)
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| syntax())?;
    let total = days.checked_add(rest).ok_or_else(syntax)?;
    Duration::try_from(total).map_err(|_| DurationError::Negative(text.to_owned()))
}

/// A pattern for schemas that lets through what [`parse`] reads, and nothing that looks different.
pub const PATTERN: &str = "^[+]?[Pp]([0-9]+[Dd])?([Tt](?=[0-9])([0-9]+[Hh])?([0-9]+[Mm])?([0-9]+([.,][0-9]{1,9})?[Ss])?)?$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expected: Result<u64, &str>| {
            let found = parse(text);
            match expected {
                Ok(milliseconds) => {
                    assert_eq!(found, Ok(Duration::from_millis(milliseconds)), "{text}");
                }
                Err(part) => {
                    let message = found.expect_err(text).to_string();
                    assert!(message.contains(part), "{text}: {message}");
                }
            }
        };
        check("PT0S", Ok(0));
        check("PT3S", Ok(3_000));
        check("PT0.25S", Ok(250));
        check("PT5M", Ok(300_000));
        check("PT1H30M", Ok(5_400_000));
        check("P1D", Ok(86_400_000));
        check("P2DT1S", Ok(172_801_000));
        check("pt1s", Ok(1_000));
        check("PT100H", Ok(360_000_000));
        check("-PT1S", Err("negative"));
        check("P1Y", Err("years"));
        check("P1M", Err("months"));
        check("P2W", Err("weeks"));
        check("", Err("not a duration"));
        check("5m", Err("not a duration"));
        check("30", Err("not a duration"));
        check("PT", Err("not a duration"));
        check("P1DT", Err("not a duration"));
        check("PT99999999999999999999S", Err("not a duration"));
    }
}
