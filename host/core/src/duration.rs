//! Lengths of time as flows write them: ISO 8601, read as Java's `Duration` reads it.

use std::time::Duration;

use jiff::fmt::temporal::SpanParser;

/// Hours, minutes and seconds, in this order and at least one of them.
macro_rules! time {
    () => {
        "([0-9]+[Hh]([0-9]+[Mm])?([0-9]+([.,][0-9]{1,9})?[Ss])?|[0-9]+[Mm]([0-9]+([.,][0-9]{1,9})?[Ss])?|[0-9]+([.,][0-9]{1,9})?[Ss])"
    };
}

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

/// A pattern for schemas that lets through what [`parse`] reads, and nothing that looks different. It looks nowhere ahead: the validator's
/// linear engine reads it, and a schema with one pattern that it cannot read is compiled twice.
pub const PATTERN: &str = concat!(
    "^[+]?[Pp]([0-9]+[Dd]([Tt]",
    time!(),
    ")?|[Tt]",
    time!(),
    ")$"
);

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

    #[test]
    fn the_pattern_lets_through_what_is_read() {
        let pattern = regex::Regex::new(PATTERN).unwrap();
        for good in [
            "PT0S", "PT0.25S", "PT1,5S", "PT5M", "PT1H30M", "PT1H5S", "PT1M2S", "PT1H2M3S", "P1D",
            "P2DT1S", "pt1s", "+PT1S",
        ] {
            assert!(pattern.is_match(good) && parse(good).is_ok(), "{good}");
        }
        for wrong in [
            "", "P", "PT", "P1DT", "PT1", "PT1S1M", "PT1M1H", "P1Y", "P1M", "P2W", "5m", "30",
            "1S", "PT.5S", "PT1.S", " PT1S", "PT1S ",
        ] {
            assert!(!pattern.is_match(wrong), "{wrong}");
        }
    }
}
