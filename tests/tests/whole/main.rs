//! Whole flows by the real program: flows that call for others, several executions of one, the web, Git, and the collected flows.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

mod calls;
mod compat;
mod corpus;
mod executions;
mod functions;
mod git;
mod legacy;
mod machine;
mod stored;
mod web;
