//! Projects of plugin authors, one folder each, in any of several languages: made from a template, built with whatever toolchain is there.

mod build;
mod c;
mod go;
mod javascript;
mod lang;
mod python;
mod rust;
mod template;
mod tools;
mod wrap;

pub use build::{Built, build};
pub use lang::Lang;
pub use template::{create, valid_id};
pub use tools::{Missing, Trouble, install};
