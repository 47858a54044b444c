//! The Docker runner on a real engine: what every backend must do, every property, whole flows, and all that can go wrong on the way.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what a helper cannot do fails the test, and what a test saw is told with its failure"
)]

mod command_line;
mod conformance;
mod crashes;
mod far;
mod faults;
mod flows;
mod harness;
mod holders;
mod inside;
mod large;
mod only_engine;
mod properties;
mod pulls;
mod random_kills;
mod reach;
mod refusals;
mod resume;
mod shared_dir;
mod stopping;
mod support;
mod together;
mod unprivileged;
