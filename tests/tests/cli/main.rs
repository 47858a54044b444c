//! The real program from its command line to its exit code: only what is wired together there is proved here.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../guests/mod.rs"]
mod guests;

mod cases;
mod checks;
mod corpus;
mod crashes;
mod disk;
mod eval;
mod executions;
mod exits;
mod faults;
mod files;
mod folders;
mod hostile;
mod inputs;
mod life;
mod lock;
mod plan;
mod plugins;
mod policy;
mod properties;
mod random_kills;
mod secrets;
mod streams;
mod stuck_reader;
mod supervision;
mod validate;
