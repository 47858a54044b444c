//! The pure part of taffrail: what a flow says, what a plugin plans, what a task printed and what may be shown of it.
//!
//! Nothing here waits, reads a file, asks a clock or looks at the environment: the same input gives the same bytes. The edges
//! (terminal, disk, Wasm, processes) live in the crates beside this one.

pub mod coerce;
pub mod collect;
pub mod compat;
pub mod descriptor;
pub mod diagnostic;
pub mod duration;
pub mod flow;
pub mod image_name;
pub mod input;
pub mod launch;
pub mod lint;
pub mod lock;
pub mod name;
pub mod native;
pub mod output;
pub mod plan;
pub mod policy;
pub mod record;
pub mod resolve;
pub mod retry;
pub mod schema;
pub mod schema_text;
pub mod script;
pub mod suggest;
pub mod text;
pub mod validate;
pub mod version;
pub mod yaml;
