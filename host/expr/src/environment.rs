//! The one port from expressions to the world: variables by name, the host's functions, a zone.

use std::sync::Arc;

use crate::value::Value;

/// What an expression may see and call. Everything else is pure.
///
/// Called in the order in which the expression is evaluated, as often as a name occurs; nothing is
/// cached on this side.
pub trait Environment {
    /// Gives a variable, null being a value and `None` meaning that there is no such name.
    fn variable(&self, name: &str) -> Option<Value>;

    /// Lists the names of all variables, for near misses in messages.
    fn names(&self) -> Vec<String>;

    /// Calls a function of the host (`secret`, `read`, `kv`, `now`, …).
    ///
    /// `None` means that the function is not offered here; the text of an error is what was wrong,
    /// without the function's name. A value from a secret must be marked with
    /// [`Value::tainted`]; the marks of the arguments are added on this side.
    fn function(&self, name: &str, arguments: &Arguments) -> Option<Result<Value, String>>;

    /// Lists the host's functions that [`Environment::function`] answers, for near misses.
    fn function_names(&self) -> Vec<String>;

    /// Gives the zone in which dates without one are read and printed; UTC unless overridden.
    fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::UTC
    }
}

/// The evaluated arguments of a call.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Those without a name, in order.
    pub positional: Vec<Value>,
    /// Those with one, in order.
    pub named: Vec<(Arc<str>, Value)>,
}

impl Arguments {
    /// Finds an argument by its place or, failing that, by its name.
    pub fn get(&self, index: usize, name: &str) -> Option<&Value> {
        self.positional.get(index).or_else(|| self.named(name))
    }

    /// Finds an argument by its name alone.
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.named
            .iter()
            .find(|(known, _)| known.as_ref() == name)
            .map(|(_, value)| value)
    }

    /// Counts the arguments.
    pub fn len(&self) -> usize {
        self.positional.len() + self.named.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values, those without a name first.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.positional
            .iter()
            .chain(self.named.iter().map(|(_, value)| value))
    }
}
