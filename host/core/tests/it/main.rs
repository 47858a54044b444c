//! Tests of flows, their mistakes, their schema: one program, as each takes its dependencies' code along.

mod common;
mod corpus;
mod examples;
mod lint;
mod mistakes;
mod pages;
mod random;
mod references;
mod runner_settings;
mod schema;
mod settle;
mod versions;
