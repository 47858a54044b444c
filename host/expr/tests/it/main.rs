//! Tests of the expression language: one program, as each takes its dependencies' code along.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bounds;
mod common;
mod java;
mod language;
mod mistakes;
mod probes;
mod reads;
mod secrets;
