//! Runs a tree: expressions and operators here, blocks, macros and `render()` beside it.

mod calls;
mod evaluator;
mod operators;
mod pieces;
mod undefined;

pub(crate) use evaluator::Evaluator;
