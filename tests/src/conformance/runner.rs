//! What every backend must do, as cases that anybody's `Runner` can be put through; names no backend.
//!
//! The programs of the cases are POSIX `sh` scripts with the usual small tools. Cases that need more than a backend can do, by its
//! own word, are left out by [`Case::applies_to`].

mod ending;
mod files;
mod output;
mod start;
mod subject;

use std::future::Future;
use std::pin::Pin;

pub use subject::{Left, Ran, Signals, Subject};

/// What a case found: nothing, or what is wrong.
pub type Verdict = Result<(), String>;

type Play = for<'a> fn(&'a Subject) -> Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// One thing that a backend must do.
pub struct Case {
    /// The behaviour.
    pub name: &'static str,
    /// Whether it needs the program to run on this host's disk and in this host's table of processes.
    pub needs_shared_host: bool,
    play: Play,
}

impl Case {
    /// Whether the case makes sense for such a backend.
    pub fn applies_to(&self, subject: &Subject) -> bool {
        subject.on_this_host || !self.needs_shared_host
    }

    /// Puts the backend through it.
    ///
    /// # Errors
    /// What the backend did wrong.
    pub async fn check(&self, subject: &Subject) -> Verdict {
        (self.play)(subject).await
    }
}

/// Declares cases from async functions of one subject.
macro_rules! list {
    ($($(#[$mark:ident])? $name:ident),* $(,)?) => {
        &[$($crate::conformance::runner::Case {
            name: stringify!($name),
            needs_shared_host: $crate::conformance::runner::list!(@mark $($mark)?),
            play: |subject| Box::pin($name(subject)),
        }),*]
    };
    (@mark shared) => { true };
    (@mark) => { false };
}
use list;

/// Every case, in a good order to read.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    start::CASES
        .iter()
        .chain(output::CASES)
        .chain(files::CASES)
        .chain(ending::CASES)
}

/// Puts a backend through every case that applies to it, one after another, and gives those that failed with what was wrong.
pub async fn failures(subject: &Subject) -> Vec<(&'static str, String)> {
    let mut failed = Vec::new();
    for case in cases().filter(|case| case.applies_to(subject)) {
        if let Err(reason) = case.check(subject).await {
            failed.push((case.name, reason));
        }
    }
    failed
}

/// Fails with both values when they differ.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Verdict {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found:?}, expected {expected:?}"))
}

/// Fails with the text unless the condition holds.
fn must(condition: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if condition { Ok(()) } else { Err(otherwise()) }
}
