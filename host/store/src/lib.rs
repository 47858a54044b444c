//! What is kept of executions, so that nothing is lost when a host dies: their states in a SQLite database that several processes
//! share, and their logs in framed files beside it.
//!
//! What is entered here holds no secret value: texts are masked, and values that later tasks need hold references to secrets.

mod check;
mod error;
mod ledger;
pub mod log;
mod queue;
mod read;
mod rows;
mod schema;
mod write;

pub use error::StoreError;
pub use read::{Reader, Selection};
pub use rows::{ExecutionRow, NewExecution, TaskRow};
pub use write::{Receipt, Store};

/// The database's file in the state folder.
pub const FILE: &str = "store.sqlite3";
