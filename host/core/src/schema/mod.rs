//! One truth for shapes: JSON Schema of the host's own keys, of runners and of plugins, folded together by pure functions.
//!
//! A *strict* schema says what a value is once it is rendered; [`dynamic`] adds the expressions that may stand in its place.

mod check;
mod compose;
mod descend;
mod dynamic;
mod explain;
mod inputs;
mod keys;
mod print;
mod runners;
mod surely;
mod task;
mod tidy;
mod words;

pub use check::{Shape, Where};
pub use compose::{compose, excerpt};
pub use dynamic::dynamic;
pub use inputs::{INPUT_TYPES, input_schema};
pub use keys::flow_schema;
pub(crate) use keys::{Level, duration};
pub use print::print;
pub use runners::{RunnerFragment, SettingError};
pub(crate) use task::{common_schema, docker_block_schema, script_key_names};
pub use task::{host_property_names, native_schema, runner_schema, task_schema};
pub use tidy::schema_of;
