//! Flows of runflow, written in HCL, by the real program: what its documentation shows, on the machine and in containers.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

mod arguments;
mod containers;
mod examples;
mod mistakes;
