//! Shares of processors, percentages and lengths of time.

use std::time::Duration;

use taffrail_core::duration;

use super::scalar::{Scalar, scalar_type};
use super::size::decimal;

/// A number of processors, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus(i64);

impl Cpus {
    /// Processors times 10⁹, as the engine's interface has it.
    pub fn nano(self) -> i64 {
        self.0
    }
}

impl Scalar for Cpus {
    const WHAT: &'static str = "a number of processors such as `1.5`, at least `0.01`";

    fn read(text: &str) -> Result<Self, String> {
        let nano = decimal(text.trim(), 1_000_000_000).ok_or_else(String::new)?;
        match i64::try_from(nano) {
            Ok(nano) if nano >= 10_000_000 => Ok(Cpus(nano)),
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    Cpus,
    ["number", "string"],
    r"^\s*[0-9]+([.][0-9]+)?\s*$",
    "Write a number of processors, for example 1.5.",
    [1, "1.5"]
);

/// A share of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// From 0 to 100.
    pub fn value(self) -> u8 {
        self.0
    }
}

impl Scalar for Percent {
    const WHAT: &'static str = "a whole number from 0 to 100";

    fn read(text: &str) -> Result<Self, String> {
        match i64::read(text).map(u8::try_from) {
            Ok(Ok(value)) if value <= 100 => Ok(Percent(value)),
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    Percent,
    ["string", "integer"],
    r"^\s*([0-9]|[1-9][0-9]|100)\s*$",
    "Write a whole number from 0 to 100.",
    [60]
);

/// A length of time as flows write it: `PT30S`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period(Duration);

impl Period {
    /// The length of time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Scalar for Period {
    const WHAT: &'static str = "a duration such as `PT30S`, `PT5M` or `PT1H30M`";

    fn read(text: &str) -> Result<Self, String> {
        duration::parse(text)
            .map(Period)
            .map_err(|error| match error {
                duration::DurationError::Syntax(_) => String::new(),
                other => other.to_string(),
            })
    }
}

scalar_type!(
    Period,
    "string",
    duration::PATTERN,
    "Write a duration as PT30S, PT5M, PT1H30M or P1D.",
    ["PT10S"]
);

/// A length of time as flows or as users of the engine write it: `PT30S`, `30s`, `1m30s`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(Duration);

impl Interval {
    /// In billionths of a second, as the engine's interface has it.
    pub fn nanoseconds(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }

    /// The length of time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Scalar for Interval {
    const WHAT: &'static str =
        "a duration such as `PT30S`, `30s`, `1m30s` or `500ms`, at least a millisecond";

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let length = match duration::parse(text) {
            Ok(length) => length,
            Err(_) => short_units(text).ok_or_else(String::new)?,
        };
        if length < Duration::from_millis(1) {
            return Err(String::new());
        }
        Ok(Interval(length))
    }
}

scalar_type!(
    Interval,
    "string",
    r"^\s*([+]?[Pp][0-9DdTtHhMmSs.,]+|([0-9]+([.][0-9]+)?(h|ms|m|s|us|ns))+)\s*$",
    "Write a duration as PT30S, 30s, 1m30s or 500ms.",
    ["30s", "PT1M"]
);

/// Numbers with units in a row, the way the engine's own command line has them.
fn short_units(text: &str) -> Option<Duration> {
    let mut nanoseconds: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        nanoseconds = nanoseconds.checked_add(decimal(number, factor)?)?;
        rest = tail;
    }
    let nanoseconds = u64::try_from(nanoseconds).ok()?;
    (!text.is_empty()).then_some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_billionths_and_exact() {
        let check = |text: &str, nano: Option<i64>| {
            assert_eq!(Cpus::read(text).ok().map(Cpus::nano), nano, "{text:?}");
        };
        check("1", Some(1_000_000_000));
        check("1.5", Some(1_500_000_000));
        check("0.1", Some(100_000_000));
        check("0.01", Some(10_000_000));
        check("0.009", None);
        check("0", None);
        check("-1", None);
        check("half", None);
        check("1e1", None);
        check("99999999999999", None);
        check("", None);
    }

    #[test]
    fn percentages_end_at_a_hundred() {
        let check = |text: &str, value: Option<u8>| {
            assert_eq!(
                Percent::read(text).ok().map(Percent::value),
                value,
                "{text:?}"
            );
        };
        check("0", Some(0));
        check("100", Some(100));
        check("101", None);
        check("-1", None);
        check("1.5", None);
        check("10MB", None);
    }

    #[test]
    fn intervals_are_read_in_both_ways() {
        let check = |text: &str, milliseconds: Option<u128>| {
            let found = Interval::read(text).ok();
            assert_eq!(
                found.map(|found| found.duration().as_millis()),
                milliseconds,
                "{text:?}"
            );
        };
        check("PT30S", Some(30_000));
        check("30s", Some(30_000));
        check("1m30s", Some(90_000));
        check("1.5h", Some(5_400_000));
        check("500ms", Some(500));
        check("500000us", Some(500));
        check("0s", None);
        check("1ns", None);
        check("30", None);
        check("s", None);
        check("30 s", None);
        check("1x", None);
        check("1..5s", None);
        check("99999999999999999999h", None);
        check("", None);
    }

    #[test]
    fn periods_are_those_of_flows() {
        assert_eq!(
            Period::read("PT0S").map(Period::duration),
            Ok(Duration::ZERO)
        );
        assert!(Period::read("10s").is_err());
        assert!(Period::read("-PT1S").is_err());
        assert!(Period::read("P1M").unwrap_err().contains("months"));
    }
}
