//! Conformance suites that anybody's plugin or backend can be put through.

pub mod conformance;
