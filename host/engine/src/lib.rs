//! The order of events: one task from its settings to its record, and a flow from its first task to its last.
//!
//! The engine knows ports, not adapters: it never names a backend, a language, a terminal or a file format.

mod aside;
pub mod cancel;
pub mod confined;
pub mod drive;
pub mod event;
pub mod execution;
pub mod failpoint;
mod files;
pub mod flow;
pub mod flows;
mod functions;
mod host_variables;
pub mod inputs;
pub mod kv;
pub mod leaving;
pub mod ledger;
pub mod local_files;
mod log_file;
mod natives;
pub mod perform;
pub mod ports;
pub mod prepare;
pub mod prepare_runner;
mod reach;
pub mod reads;
pub mod references;
pub mod render;
pub mod schedule;
pub mod scope;
mod spare;
pub mod storage;
pub mod task;
mod task_cache;
#[cfg(feature = "testing")]
pub mod testing;
pub mod web;
pub mod workdir;
