//! Which files of a working directory are outputs: Java-style glob patterns against relative paths.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use regex::Regex;

/// The most alternatives that the braces of one pattern may stand for.
const MAX_ALTERNATIVES: usize = 1000;

/// Compiled output patterns.
#[derive(Debug)]
pub struct Patterns {
    texts: Vec<String>,
    globs: GlobSet,
    /// For each glob of the set the index of its text.
    glob_texts: Vec<usize>,
    regexes: Vec<(usize, Regex)>,
}

/// A pattern that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a usable file pattern: {reason}")]
pub struct PatternError {
    /// Which of the patterns, from 0.
    pub index: usize,
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Patterns {
    /// Compiles patterns: `*` stops at `/`, `**` does not, `{a,b}` and `[a-z]` as usual, a leading dot is nothing special, `glob:` and
    /// `regex:` prefixes as in Java.
    ///
    /// # Errors
    /// The first pattern that is malformed, absolute, or could leave the working directory.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, PatternError> {
        let mut globs = GlobSetBuilder::new();
        let mut glob_texts = Vec::new();
        let mut regexes = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let pattern = pattern.as_ref();
            let fail = |reason: String| PatternError {
                index,
                pattern: pattern.to_owned(),
                reason,
            };
            if let Some(regex) = pattern.strip_prefix("regex:") {
                let anchored = format!("^(?:{regex})$");
                regexes.push((
                    index,
                    Regex::new(&anchored).map_err(|error| fail(last_line(&error.to_string())))?,
                ));
            } else {
                let text = pattern.strip_prefix("glob:").unwrap_or(pattern);
                globs.add(glob(text).map_err(fail)?);
                glob_texts.push(index);
            }
        }
        let globs = globs.build().map_err(|error| PatternError {
            index: 0,
            pattern: patterns
                .first()
                .map(|pattern| pattern.as_ref().to_owned())
                .unwrap_or_default(),
            reason: error.to_string(),
        })?;
        let texts = patterns
            .iter()
            .map(|pattern| pattern.as_ref().to_owned())
            .collect();
        Ok(Self {
            texts,
            globs,
            glob_texts,
            regexes,
        })
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Which patterns match a relative path, by their index.
    pub fn matches(&self, path: &str) -> Vec<usize> {
        let mut found: Vec<usize> = self
            .globs
            .matches(path)
            .into_iter()
            .map(|glob| self.glob_texts[glob])
            .collect();
        found.extend(
            self.regexes
                .iter()
                .filter(|(_, regex)| regex.is_match(path))
                .map(|(index, _)| *index),
        );
        found
    }

    /// The patterns as they were written.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// Whether a pattern is a plain name: no character of it means anything but itself.
pub fn is_literal(pattern: &str) -> bool {
    !pattern.starts_with("regex:")
        && !pattern.starts_with("glob:")
        && !pattern.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

fn glob(text: &str) -> Result<Glob, String> {
    let text = text.strip_prefix("./").unwrap_or(text);
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with('/') {
        return Err("it is absolute; patterns are relative to the working directory".to_owned());
    }
    if text.split('/').any(|part| part == "..") {
        return Err("it has a `..` part, which could leave the working directory".to_owned());
    }
    if alternatives(text) > MAX_ALTERNATIVES {
        return Err(format!(
            "its braces stand for more than {MAX_ALTERNATIVES} alternatives"
        ));
    }
    GlobBuilder::new(&spread_stars(text))
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| error.kind().to_string())
}

/// Java lets `**` cross directories wherever it stands (`**.csv`), globset only where it is a whole part of the path. The same is said
/// with alternatives.
fn spread_stars(text: &str) -> String {
    let mut spread = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find("**") {
        let (before, from) = rest.split_at(position);
        let after = &from[2..];
        spread.push_str(before);
        let whole_part = (spread.is_empty() || spread.ends_with('/'))
            && (after.is_empty() || after.starts_with('/'));
        spread.push_str(if whole_part { "**" } else { "{*,*/**/*}" });
        rest = after;
    }
    spread.push_str(rest);
    spread
}

/// An upper bound of the alternatives that the braces of a pattern stand for.
fn alternatives(text: &str) -> usize {
    let mut total: usize = 1;
    let mut open: Vec<usize> = Vec::new();
    for character in text.chars() {
        match character {
            '{' => open.push(1),
            ',' => {
                if let Some(count) = open.last_mut() {
                    *count += 1;
                }
            }
            '}' => {
                if let Some(count) = open.pop() {
                    total = total.saturating_mul(count);
                }
            }
            _ => {}
        }
    }
    total
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_java_globs_do() {
        let cases: &[(&str, &str, bool)] = &[
            ("*.csv", "a.csv", true),
            ("*.csv", ".hidden.csv", true),
            ("*.csv", "dir/a.csv", false),
            ("**/*.csv", "dir/a.csv", true),
            ("**.csv", "dir/sub/a.csv", true),
            ("out/**", "out/a/b.txt", true),
            ("out/**", "outer/a", false),
            ("**.csv", "a.csv", true),
            ("out/**.txt", "out/a/b/c.txt", true),
            // Java asks for at least one directory here, which nobody means.
            ("**/*.csv", "a.csv", true),
            ("./a.txt", "a.txt", true),
            ("{a,b}.txt", "b.txt", true),
            ("[a-c].txt", "c.txt", true),
            ("?.txt", "d.txt", true),
            ("a b.txt", "a b.txt", true),
            ("glob:*.txt", "a.txt", true),
            ("regex:[ab]+\\.txt", "abba.txt", true),
            ("regex:[ab]+", "abc", false),
        ];
        for (pattern, path, expected) in cases {
            let patterns = Patterns::new(&[pattern]).expect(pattern);
            assert_eq!(
                !patterns.matches(path).is_empty(),
                *expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn unusable_patterns_say_why() {
        let cases = [
            ("", "it is empty"),
            (
                "/etc/passwd",
                "it is absolute; patterns are relative to the working directory",
            ),
            (
                "../x",
                "it has a `..` part, which could leave the working directory",
            ),
            (
                "a/../../b",
                "it has a `..` part, which could leave the working directory",
            ),
            ("a[", "unclosed character class; missing ']'"),
        ];
        for (pattern, reason) in cases {
            assert_eq!(Patterns::new(&[pattern]).expect_err(pattern).reason, reason);
        }
        let bomb = "{a,b}".repeat(11);
        assert!(
            Patterns::new(&[bomb])
                .expect_err("bomb")
                .reason
                .contains("alternatives")
        );
        assert!(Patterns::new(&["regex:("]).is_err());
    }

    #[test]
    fn literal_names() {
        assert!(is_literal("out.txt"));
        assert!(!is_literal("*.txt"));
        assert!(!is_literal("regex:a"));
    }
}
