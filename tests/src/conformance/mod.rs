//! Suites that anybody can run against an own implementation of a port.

pub mod plugin;
pub mod runner;
