//! Judges what a plugin said: its descriptor and its plans. Nothing here runs or compiles anything.

mod descriptor;
mod plan;
mod schema;

pub(crate) use descriptor::{descriptor, schemas};
pub(crate) use plan::{plan, refusal};
