//! When a failed task is tried again: the policy as flows write it, and the time to wait, as pure functions.

use std::time::Duration;

use crate::yaml::Node;

/// How often and after which time something is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How the time between two attempts is found.
    pub delay: Delay,
    /// How many times it is tried at most, the first included.
    pub max_attempts: Option<u32>,
    /// How long it is tried at most, from the start of the first attempt.
    pub max_duration: Option<Duration>,
    /// Whether a success after a retry ends as a warning.
    pub warning_on_retry: bool,
    /// Whether a whole new execution is made instead.
    pub new_execution: bool,
}

/// How the time between two attempts is found.
#[derive(Debug, Clone, PartialEq)]
pub enum Delay {
    /// The same each time.
    Constant(Duration),
    /// The interval times the factor, once more for each further attempt.
    Exponential {
        /// The first time.
        interval: Duration,
        /// The longest.
        max: Option<Duration>,
        /// What it is multiplied with.
        factor: f64,
    },
    /// Any time between two.
    Random {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
}

impl Retry {
    /// Reads a checked `retry` block.
    ///
    /// # Errors
    /// What is missing or no duration, with the key.
    pub fn read(node: &Node) -> Result<Retry, (String, String)> {
        let text = |key: &str| {
            node.get(key)
                .and_then(Node::scalar)
                .map(|scalar| scalar.text.trim())
        };
        let time = |key: &str| match text(key) {
            None => Ok(None),
            Some(written) => crate::duration::parse(written)
                .map(Some)
                .map_err(|error| (key.to_owned(), error.to_string())),
        };
        let kind = text("type").unwrap_or("constant");
        let needed = |key: &str| {
            time(key)?.ok_or_else(|| {
                (
                    "type".to_owned(),
                    format!("a retry of type `{kind}` needs the key `{key}`"),
                )
            })
        };
        let delay = match kind {
            "exponential" => Delay::Exponential {
                interval: needed("interval")?,
                max: time("maxInterval")?,
                factor: match text("delayFactor") {
                    None => 2.0,
                    Some(written) => written
                        .parse::<f64>()
                        .ok()
                        .filter(|factor| *factor >= 1.0 && factor.is_finite())
                        .ok_or_else(|| {
                            let message = format!(
                                "`delayFactor` must be a number of at least 1, not `{written}`"
                            );
                            ("delayFactor".to_owned(), message)
                        })?,
                },
            },
            "random" => {
                let (min, max) = (needed("minInterval")?, needed("maxInterval")?);
                if min > max {
                    let message = "`minInterval` must not be longer than `maxInterval`".to_owned();
                    return Err(("minInterval".to_owned(), message));
                }
                Delay::Random { min, max }
            }
            _ => Delay::Constant(needed("interval")?),
        };
        Ok(Retry {
            delay,
            max_attempts: ["maxAttempts", "maxAttempt"]
                .into_iter()
                .find_map(|key| text(key)?.parse().ok()),
            max_duration: time("maxDuration")?,
            warning_on_retry: text("warningOnRetry") == Some("true"),
            new_execution: text("behavior") == Some("CREATE_NEW_EXECUTION"),
        })
    }

    /// The time until the next attempt, or nothing where there is none: `attempts` have been made, `elapsed` since the start of the
    /// first, and `random` is anything from 0 to 1.
    pub fn next(&self, attempts: u32, elapsed: Duration, random: f64) -> Option<Duration> {
        if self.max_attempts.is_some_and(|most| attempts >= most) {
            return None;
        }
        let wait = self.delay.after(attempts, random);
        match self.max_duration {
            Some(most) if elapsed.saturating_add(wait) > most => None,
            _ => Some(wait),
        }
    }
}

impl Delay {
    fn after(&self, attempts: u32, random: f64) -> Duration {
        match self {
            Delay::Constant(interval) => *interval,
            Delay::Exponential {
                interval,
                max,
                factor,
            } => {
                let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
                let seconds = interval.as_secs_f64() * factor.powi(exponent);
                // Longer than any run; what cannot be a duration is capped.
                let wait = Duration::try_from_secs_f64(seconds)
                    .unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
                max.map_or(wait, |max| wait.min(max))
            }
            Delay::Random { min, max } => *min + (*max - *min).mul_f64(random.clamp(0.0, 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    fn retry(text: &str) -> Result<Retry, (String, String)> {
        Retry::read(&parse(text, &Limits::default()).root.expect("YAML"))
    }

    #[test]
    fn waits() {
        let check = |text: &str, random: f64, expected: &[Option<u64>]| {
            let retry = retry(text).expect(text);
            let mut elapsed = Duration::ZERO;
            for (attempt, expected) in expected.iter().enumerate() {
                let wait = retry.next(attempt as u32 + 1, elapsed, random);
                assert_eq!(
                    wait,
                    expected.map(Duration::from_millis),
                    "{text}, attempt {attempt}"
                );
                elapsed += wait.unwrap_or_default();
            }
        };
        let s = |seconds: u64| Some(seconds * 1000);
        check(
            "{type: constant, interval: PT2S, maxAttempts: 3}",
            0.0,
            &[s(2), s(2), None],
        );
        check(
            "{type: constant, interval: PT2S, maxAttempt: 2}",
            0.0,
            &[s(2), None],
        );
        check(
            "{type: constant, interval: PT2S, maxDuration: PT5S}",
            0.0,
            &[s(2), s(2), None],
        );
        check(
            "{type: exponential, interval: PT1S, maxInterval: PT5S}",
            0.0,
            &[s(1), s(2), s(4), s(5), s(5)],
        );
        check(
            "{type: exponential, interval: PT1S, delayFactor: 3}",
            0.0,
            &[s(1), s(3), s(9), s(27)],
        );
        check(
            "{type: random, minInterval: PT1S, maxInterval: PT3S}",
            0.5,
            &[s(2), s(2)],
        );
        check(
            "{type: random, minInterval: PT1S, maxInterval: PT3S}",
            7.0,
            &[s(3)],
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let check = |text: &str, key: &str, part: &str| {
            let (found, message) = retry(text).expect_err(text);
            assert_eq!(found, key, "{text}");
            assert!(message.contains(part), "{text}: {message}");
        };
        check("{type: constant}", "type", "needs the key `interval`");
        check(
            "{type: random, minInterval: PT1S}",
            "type",
            "needs the key `maxInterval`",
        );
        check(
            "{type: random, minInterval: PT3S, maxInterval: PT1S}",
            "minInterval",
            "longer",
        );
        check(
            "{type: constant, interval: 5s}",
            "interval",
            "not a duration",
        );
        check(
            "{type: exponential, interval: PT1S, delayFactor: 0}",
            "delayFactor",
            "at least 1",
        );
    }

    #[test]
    fn a_huge_exponent_is_capped() {
        let retry = retry("{type: exponential, interval: PT1S}").unwrap();
        assert!(retry.next(5000, Duration::ZERO, 0.0).is_some());
    }
}
