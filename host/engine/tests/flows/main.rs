//! The scheduler with tasks that need no program: what runs in which order, what it comes to, what expressions see of it.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

mod calls;
mod executions;
mod limits;
mod loops;
mod order;
mod stores;
mod world;
