//! How grave a log line is.

use serde::{Deserialize, Serialize};

/// The level of a log line, from the least to the most grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What goes as it should.
    Info,
    /// Something to look at.
    Warn,
    /// Something that failed.
    Error,
}

impl LogLevel {
    /// The level as flows and records write it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Trace => "TRACE",
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warn => "WARN",
            LogLevel::Error => "ERROR",
        }
    }

    /// Reads a level in any case, with the names that the client libraries use besides (`WARNING`, `CRITICAL`, `FATAL`).
    pub fn from_name(name: &str) -> Option<LogLevel> {
        Some(match name.trim().to_ascii_uppercase().as_str() {
            "TRACE" => LogLevel::Trace,
            "DEBUG" => LogLevel::Debug,
            "INFO" => LogLevel::Info,
            "WARN" | "WARNING" => LogLevel::Warn,
            "ERROR" | "CRITICAL" | "FATAL" => LogLevel::Error,
            _ => return None,
        })
    }
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_are_levels() {
        let check = |name: &str, expected: Option<LogLevel>| {
            assert_eq!(LogLevel::from_name(name), expected, "{name}")
        };
        check("INFO", Some(LogLevel::Info));
        check("warning", Some(LogLevel::Warn));
        check("Critical", Some(LogLevel::Error));
        check(" trace ", Some(LogLevel::Trace));
        check("loud", None);
        check("", None);
    }
}
