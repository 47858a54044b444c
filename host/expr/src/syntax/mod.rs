//! From text to tree: tokens, expressions, tags. Knows the grammar and the names of the language,
//! nothing of values at run time.

pub(crate) mod expression;
pub(crate) mod lexer;
mod operand;
mod quotes;
pub(crate) mod reads;
pub(crate) mod scan;
pub(crate) mod tags;
pub(crate) mod tree;
