//! The Docker runner on a real engine: what every backend must do, every property, whole flows, and all that can go wrong on the way.

mod command_line;
mod harness;
