//! Conformance suites that anybody's plugin or backend can be put through, and what drives the real program in the tests here.

pub mod cases;
pub mod cli;
pub mod conformance;
pub mod docker;
pub mod editor;
pub mod flows;
pub mod fuzz;
pub mod installed;
pub mod numbers;
pub mod python;
pub mod registry;
pub mod web;
pub mod wheel;
