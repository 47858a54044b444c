//! How much one rendering may do, and the account that is kept of it.

use crate::error::{EvalErrorKind, Fail};
use crate::value::Value;

/// Bounds on one rendering, so that no expression can run or grow without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: every part of an expression, every turn of a loop, every 16 bytes made.
    pub steps: u64,
    /// How deep `render()` and macros may call one another.
    pub depth: u32,
    /// The size of the rendered text, in bytes.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            steps: 1_000_000,
            depth: 32,
            output_bytes: 1024 * 1024,
        }
    }
}

/// Containers within containers beyond this are refused, as printing and dropping them recurses.
const MAX_NESTING: u16 = 100;
/// Values with more parts than this are refused; a part is an element or 16 bytes of text.
const MAX_WEIGHT: u64 = 8 * 1024 * 1024;
/// Evaluations within evaluations beyond this are refused: the guard of the stack where a macro
/// calls a macro from deep inside an expression.
const MAX_RECURSION: u32 = 300;

#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    steps_left: u64,
    pub(crate) depth: u32,
    recursion: u32,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Budget {
        Budget {
            limits: *limits,
            steps_left: limits.steps,
            depth: 0,
            recursion: 0,
        }
    }

    pub(crate) fn charge(&mut self, steps: u64) -> Result<(), Fail> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.steps_left = 0;
                Err(Fail::limit(format!(
                    "this takes more than {} steps",
                    self.limits.steps
                )))
            }
        }
    }

    pub(crate) fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// Accounts for text about to be made.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<(), Fail> {
        self.charge(bytes as u64 / 16)
    }

    /// Accounts for elements about to be made.
    pub(crate) fn charge_items(&mut self, items: usize) -> Result<(), Fail> {
        self.charge(items as u64)
    }

    /// Refuses a value that is nested too deeply or would print far larger than it is.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Fail> {
        if value.nesting() > MAX_NESTING {
            return Err(Fail::limit(format!(
                "more than {MAX_NESTING} lists and maps inside one another"
            )));
        }
        if value.weight() > MAX_WEIGHT {
            return Err(Fail::limit("this value is too large"));
        }
        Ok(())
    }

    /// Accounts for a look through all of a value.
    pub(crate) fn charge_visit(&mut self, value: &Value) -> Result<(), Fail> {
        self.charge(value.weight() / 4)
    }

    pub(crate) fn descend(&mut self) -> Result<(), Fail> {
        if self.recursion == MAX_RECURSION {
            return Err(Fail::limit("this is nested too deeply"));
        }
        self.recursion += 1;
        self.charge(1)
    }

    pub(crate) fn ascend(&mut self) {
        self.recursion -= 1;
    }

    /// Enters a macro or a `render()`; pair with lowering `depth`.
    pub(crate) fn enter_call(&mut self) -> Result<(), Fail> {
        if self.depth == self.limits.depth {
            return Err(Fail {
                kind: EvalErrorKind::Limit,
                message: format!(
                    "macros and `render()` call one another more than {} levels deep",
                    self.limits.depth
                ),
                help: None,
            });
        }
        self.depth += 1;
        Ok(())
    }
}
