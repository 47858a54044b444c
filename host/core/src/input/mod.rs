//! The inputs of a flow: what is declared, and what a given text is worth as a value of that type.

mod declaration;

pub use declaration::{InputDeclaration, InputType, ItemType};
