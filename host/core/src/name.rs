//! Names that cannot be built wrong: plugin ids, task types and paths that stay inside a directory.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Says why a text is not a name of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {rule}")]
pub struct NameError {
    /// What was wanted, for example `plugin id`.
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// The rule that the text breaks.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and keeps it.
            ///
            /// # Errors
            /// When the text breaks the rule of this kind of name; the error names the rule.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rule) => Err(NameError { what: $what, text, rule }),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A plugin's name, as flows, lock files and folders write it: `python`.
    PluginId,
    "plugin id",
    check_plugin_id
);
name!(
    /// What a flow writes after `type:`, for example `io.kestra.plugin.scripts.shell.Commands`.
    TaskType,
    "task type",
    check_task_type
);
name!(
    /// A relative path with `/` between its parts that cannot leave the directory it is resolved in.
    RelPath,
    "relative path",
    check_rel_path
);

impl RelPath {
    /// The parts between the slashes; never empty.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

fn check_plugin_id(text: &str) -> Result<(), &'static str> {
    const RULE: &str = "lower case letters and digits in words joined by `-`, starting with a letter, at most 64 characters";
    let words_good = text.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    if words_good && text.len() <= 64 && text.as_bytes()[0].is_ascii_lowercase() {
        Ok(())
    } else {
        Err(RULE)
    }
}

fn check_task_type(text: &str) -> Result<(), &'static str> {
    const RULE: &str =
        "words of letters, digits and `_` joined by `.`, at least two, at most 200 characters";
    let word_good = |word: &str| {
        word.bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if text.len() <= 200 && text.contains('.') && text.split('.').all(word_good) {
        Ok(())
    } else {
        Err(RULE)
    }
}

fn check_rel_path(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.contains('\0') {
        return Err("it holds a NUL character");
    }
    if text.starts_with('/') {
        return Err("it is absolute; write it relative to the working directory");
    }
    if text.len() > 4096 {
        return Err("it is longer than 4096 bytes");
    }
    for part in text.split('/') {
        match part {
            "" => return Err("it has an empty part"),
            "." => return Err("it has a `.` part"),
            ".." => return Err("it has a `..` part, which could leave the working directory"),
            _ if part.len() > 255 => return Err("one of its parts is longer than 255 bytes"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_ids() {
        for good in ["shell", "python", "r", "my-lang2"] {
            assert!(PluginId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-", "Shell", "2go", "a--b", "a_b", "a/b", "é"] {
            assert!(PluginId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn task_types() {
        for good in ["io.kestra.plugin.scripts.shell.Commands", "a.B_2"] {
            assert!(TaskType::new(good).is_ok(), "{good}");
        }
        for bad in ["", "Shell", "a..B", "a.2", ".a", "a.b ", "a.é"] {
            assert!(TaskType::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn relative_paths_stay_inside() {
        for good in ["a", "a/b.txt", "..a", "a..", ".hidden", "with space/ü"] {
            assert!(RelPath::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "a\0b",
        ] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
    }
}
