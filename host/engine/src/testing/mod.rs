//! Fakes of the ports, stricter than the real thing: they panic when the engine breaks a contract.

mod runner;

pub use runner::{Act, Calls, FakeRunner, scripted};
