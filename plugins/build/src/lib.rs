//! Builds plugins into components: those of this repository, which `plugins/bundled` keeps, and the projects of other authors
//! ([`author`]). It finds toolchains, compiles, wraps and checks; it knows the contract, and nothing of the host.

pub mod author;
pub mod bundle;
pub mod component;
pub mod guest;
pub mod project;
pub mod toolchain;
