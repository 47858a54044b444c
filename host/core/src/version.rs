//! Which version of a plugin an author asks for. What is installed, and which of it is chosen, is `resolve`'s business.

use std::fmt;

use semver::{Version, VersionReq};

/// A wish for a version, read from the text as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionPin {
    text: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rule {
    /// The newest release.
    Latest,
    /// The oldest release.
    Oldest,
    /// `1` or `1.2`: any release that begins so.
    Prefix { major: u64, minor: Option<u64> },
    /// `1.2.3` or `1.1.0-SNAPSHOT`: exactly that.
    Exact(Version),
    /// `^1.2`, `>=1, <3`: as cargo reads it.
    Requirement(VersionReq),
}

/// Why a text is no version wish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version")]
pub struct VersionPinError {
    /// What was written.
    pub text: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl VersionPin {
    /// What may be written, in words.
    pub const ALLOWED: &'static str = "`1`, `1.2`, `1.2.3`, `1.2.3-qualifier`, `LATEST`, `OLDEST`, or operators such as `^1.2` and `>=1.1, <2`";

    /// Reads a wish. Give it the *source text* of the scalar: unquoted, `1.10` is a number to YAML, and would come back as `1.1`.
    ///
    /// # Errors
    /// When it is none of [`VersionPin::ALLOWED`]; the error has a suggestion where the meaning is clear.
    pub fn parse(text: &str) -> Result<Self, VersionPinError> {
        let trimmed = text.trim();
        let rule = if trimmed.eq_ignore_ascii_case("latest") || trimmed == "*" {
            Some(Rule::Latest)
        } else if trimmed.eq_ignore_ascii_case("oldest") {
            Some(Rule::Oldest)
        } else if trimmed.starts_with(['^', '~', '>', '<', '=']) || trimmed.contains(',') {
            VersionReq::parse(trimmed).ok().map(Rule::Requirement)
        } else {
            bare(trimmed)
        };
        rule.map(|rule| Self {
            text: trimmed.to_owned(),
            rule,
        })
        .ok_or_else(|| VersionPinError {
            text: text.to_owned(),
            suggestion: suggestion(trimmed),
        })
    }

    /// Whether this version may be chosen. Releases that differ from the wish only in build metadata do not count as the same.
    pub fn matches(&self, version: &Version) -> bool {
        match &self.rule {
            Rule::Latest | Rule::Oldest => version.pre.is_empty(),
            Rule::Prefix { major, minor } => {
                version.pre.is_empty()
                    && version.major == *major
                    && minor.is_none_or(|minor| version.minor == minor)
            }
            Rule::Exact(exact) => version == exact,
            Rule::Requirement(requirement) => requirement.matches(version),
        }
    }

    /// Whether the lowest of the matching versions is wanted; otherwise it is the highest.
    pub fn wants_oldest(&self) -> bool {
        self.rule == Rule::Oldest
    }

    /// The exact version, where one was named.
    pub fn exact(&self) -> Option<&Version> {
        match &self.rule {
            Rule::Exact(version) => Some(version),
            _ => None,
        }
    }

    /// What would satisfy the wish, in words that follow on "wanted is".
    pub fn wanted(&self) -> String {
        match &self.rule {
            Rule::Latest => "the newest release".to_owned(),
            Rule::Oldest => "the oldest release".to_owned(),
            Rule::Prefix { major, minor: None } => format!("any release {major}.x.y"),
            Rule::Prefix {
                major,
                minor: Some(minor),
            } => format!("any release {major}.{minor}.x"),
            Rule::Exact(version) => format!("exactly {version}"),
            Rule::Requirement(requirement) => format!("a release that fits `{requirement}`"),
        }
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for VersionPin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn bare(text: &str) -> Option<Rule> {
    if let Ok(version) = Version::parse(text) {
        return version.build.is_empty().then_some(Rule::Exact(version));
    }
    let (major, minor) = match text.split_once('.') {
        Some((major, minor)) => (number(major)?, Some(number(minor)?)),
        None => (number(text)?, None),
    };
    Some(Rule::Prefix { major, minor })
}

fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (plain && canonical).then(|| text.parse().ok()).flatten()
}

fn suggestion(text: &str) -> Option<String> {
    let without_v = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let without_build = without_v.split('+').next()?;
    let without_wildcard = without_build.trim_end_matches(".x").trim_end_matches(".*");
    let without_zeros = without_wildcard
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            stripped => stripped,
        })
        .collect::<Vec<_>>()
        .join(".");
    (without_zeros != text && bare(&without_zeros).is_some()).then_some(without_zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_choose_as_kestra_does() {
        let installed = [
            "0.3.1",
            "1.0.0",
            "1.1.0-ALPHA",
            "1.1.0-SNAPSHOT",
            "1.1.0-rc.1",
            "1.1.0",
            "1.2.0",
            "1.2.3",
            "1.2.4",
            "1.3.0",
            "1.10.0",
            "2.0.0-rc.1",
            "2.0.0",
        ];
        let check = |pin: &str, expected: &str| {
            let pin = VersionPin::parse(pin).expect(pin);
            let chosen: Vec<_> = installed
                .into_iter()
                .filter(|version| pin.matches(&Version::parse(version).expect(version)))
                .collect();
            assert_eq!(chosen.join(" "), expected, "{pin}");
        };
        check("1", "1.0.0 1.1.0 1.2.0 1.2.3 1.2.4 1.3.0 1.10.0");
        check("1.2", "1.2.0 1.2.3 1.2.4");
        check("1.10", "1.10.0");
        check("1.1", "1.1.0");
        check("1.2.3", "1.2.3");
        check("1.1.0-SNAPSHOT", "1.1.0-SNAPSHOT");
        check("=1.2", "1.2.0 1.2.3 1.2.4");
        check("0.3", "0.3.1");
        check("3", "");
        check("^1.2", "1.2.0 1.2.3 1.2.4 1.3.0 1.10.0");
        check("~1.2", "1.2.0 1.2.3 1.2.4");
        check(">=1.3, <2", "1.3.0 1.10.0");
        check(
            "*",
            "0.3.1 1.0.0 1.1.0 1.2.0 1.2.3 1.2.4 1.3.0 1.10.0 2.0.0",
        );
        check(
            "latest",
            "0.3.1 1.0.0 1.1.0 1.2.0 1.2.3 1.2.4 1.3.0 1.10.0 2.0.0",
        );
        check(
            "OLDEST",
            "0.3.1 1.0.0 1.1.0 1.2.0 1.2.3 1.2.4 1.3.0 1.10.0 2.0.0",
        );
    }

    #[test]
    fn what_is_no_version_says_what_was_meant() {
        let check = |text: &str, suggestion: Option<&str>| {
            let error = VersionPin::parse(text).expect_err(text);
            assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
        };
        check("v1.2", Some("1.2"));
        check("V1.2.3", Some("1.2.3"));
        check("01.2", Some("1.2"));
        check("1.02", Some("1.2"));
        check("1.2.3+b1", Some("1.2.3"));
        check("1.x", Some("1"));
        check("1.2.*", Some("1.2"));
        check("", None);
        check("newest", None);
        check("1.2.3.4", None);
        check("1.2-rc1", None);
        check("^x", None);
    }
}
