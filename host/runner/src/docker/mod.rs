//! Runs a task in a container.

pub mod settings;
