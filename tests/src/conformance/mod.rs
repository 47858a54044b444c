//! Suites that anybody can run against an own implementation of a port.

pub use taffrail_wasm::conformance as plugin;

pub mod runner;
