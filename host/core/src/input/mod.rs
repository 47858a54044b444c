//! The inputs of a flow: what is declared, and what a given text is worth as a value of that type.

mod convert;
mod declaration;
mod formats;
mod read;
mod resolve;

pub use convert::{InputValue, convert, convert_output};
pub use declaration::{DependsOn, InputDeclaration, InputType, ItemType};
pub use read::read_inputs;
pub use resolve::{Given, InputError, RenderDefault, resolve_inputs};
