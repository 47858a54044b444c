//! The expression language of flows: Pebble-compatible templates, pure and bounded.

mod environment;
mod error;
mod eval;
mod library;
mod limits;
mod print;
mod syntax;
mod template;
mod value;

pub use environment::{Arguments, Environment};
pub use error::{EvalError, EvalErrorKind, SyntaxError};
pub use library::names::{filter_names, function_names, host_function_names, nearest, test_names};
pub use limits::Limits;
pub use syntax::reads::{ReadPath, Reads, Segment};
pub use template::{Rendered, Template};
pub use value::{Kind, Map, Value};
