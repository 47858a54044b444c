//! Runs plugin components in a sandbox and answers the engine's questions to them; the only crate that names wasmtime.
//!
//! It knows no runner, no flow and no terminal. [`WasmPlugins`] is what a program uses; [`Plugin`] and [`inspect`] look at a single
//! component.

mod anatomy;
mod api;
mod cache;
mod check;
pub mod conformance;
mod inspection;
mod interface;
mod limits;
mod log;
mod parallel;
mod plugin;
mod plugins;
mod sandbox;
mod source;
mod state;
mod store;
mod text;
mod ticker;
mod wasi;

pub use cache::Cache;
pub use inspection::{Inspection, fits, inspect, prepare};
pub use limits::{CompileLimits, Limits, TierLimits};
pub use plugin::{CallError, LoadError, Plugin};
pub use plugins::{Bundled, Options, Problem, WasmPlugins};
pub use sandbox::Sandbox;
pub use store::{Installed, Origin, Store, StoreError};
