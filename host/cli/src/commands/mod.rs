//! The commands, one file each: they put the crates together and pick the exit code.

pub mod compat;
pub mod convert;
pub mod doctor;
pub mod eval;
pub mod explain;
pub mod init;
pub mod kill;
pub mod lock;
pub mod logs;
pub mod outputs;
pub mod plan;
pub mod plugin;
pub mod prune;
pub mod ps;
pub mod resume;
pub mod rm;
pub mod run;
pub mod schema;
pub mod show;
pub mod validate;
