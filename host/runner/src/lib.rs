//! Backends that launch what the engine asks for; each is entered in one table by the name that flows use.

pub mod docker;
pub mod host;
pub mod process;
pub mod registry;
pub mod settings;
