//! The commands, one file each: they put the crates together and pick the exit code.

pub mod compat;
pub mod eval;
pub mod explain;
pub mod init;
pub mod lock;
pub mod plan;
pub mod plugin;
pub mod prune;
pub mod run;
pub mod schema;
pub mod validate;
