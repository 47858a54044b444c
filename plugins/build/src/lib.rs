//! Builds the plugins of this repository into components: finds a toolchain, compiles, wraps, checks, and keeps `plugins/bundled`.
//! It knows the contract and the plugins' folders, and nothing of the host.

pub mod bundle;
pub mod component;
pub mod guest;
pub mod project;
pub mod toolchain;
