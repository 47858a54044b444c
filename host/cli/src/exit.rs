//! The exit codes: a promise to scripts. The kind of what happened alone picks one.

use std::process::ExitCode;

/// How the program ends, and the number that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// Our bug, or something that nobody expected.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A flow, a plugin's answer or an input is invalid.
    Invalid = 3,
    /// A task failed.
    TaskFailed = 4,
    /// An engine or an image cannot be reached, or an engine fails.
    Unreachable = 5,
    /// A plugin is missing, or is not the one that was locked.
    Plugin = 6,
    /// A task took longer than its timeout.
    Timeout = 7,
    /// What was named does not exist.
    NotFound = 8,
    /// The host's policy refused.
    Policy = 9,
    /// Interrupted from the terminal (SIGINT).
    Interrupted = 130,
    /// Told to end (SIGTERM).
    Terminated = 143,
}

impl Exit {
    /// Every code with the sentence that `--help` prints.
    pub const TABLE: &'static [(Exit, &'static str)] = &[
        (Exit::Ok, "all is well"),
        (
            Exit::Internal,
            "internal error: our bug, or nobody expected it",
        ),
        (Exit::Usage, "the command line is wrong"),
        (Exit::Invalid, "a flow, a plugin or an input is invalid"),
        (Exit::TaskFailed, "a task failed"),
        (
            Exit::Unreachable,
            "an engine or an image cannot be reached, or an engine fails",
        ),
        (
            Exit::Plugin,
            "a plugin is missing, or is not the one that was locked",
        ),
        (Exit::Timeout, "a task took longer than its timeout"),
        (Exit::NotFound, "what was named does not exist"),
        (Exit::Policy, "the host's policy refused"),
        (Exit::Interrupted, "interrupted (SIGINT)"),
        (Exit::Terminated, "told to end (SIGTERM)"),
    ];

    /// The code of this number.
    pub fn of_code(code: i32) -> Option<Exit> {
        let all = Self::TABLE.iter().map(|(exit, _)| *exit);
        all.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error that carries the exit code of its kind.
#[derive(Debug)]
pub struct Failed {
    /// How the program ends.
    pub exit: Exit,
    /// What is printed; empty where it has been printed already.
    pub message: String,
    /// A way out, printed on a line of its own.
    pub hint: Option<String>,
}

impl Failed {
    /// A failure with a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// A failure whose message has been printed already.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// With a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Internal, format!("{error:#}"))
    }
}
