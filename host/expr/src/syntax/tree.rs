//! The parsed form of templates. Filters and tests are resolved to their implementations already.

use std::sync::{Arc, OnceLock};

use crate::error::Span;
use crate::library::jq::Program;
use crate::library::{Filter, Test};
use crate::syntax::lexer::Operator;
use crate::value::Value;

/// An expression with its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) expression: Expression,
    pub(crate) span: Span,
    /// The height of the tree below, bounded by the parser.
    pub(crate) height: u16,
}

#[derive(Debug)]
pub(crate) enum Expression {
    Literal(Value),
    Variable(Arc<str>),
    Attribute {
        target: Box<Node>,
        key: Box<Node>,
    },
    Not(Box<Node>),
    Sign {
        negative: bool,
        operand: Box<Node>,
    },
    Binary {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    Ternary {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    /// The parts of an interpolated literal.
    Interpolation(Vec<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Filter {
        input: Box<Node>,
        call: FilterCall,
    },
    Test {
        negated: bool,
        input: Box<Node>,
        test: &'static Test,
    },
    Call {
        name: Arc<str>,
        arguments: ArgumentNodes,
    },
}

#[derive(Debug)]
pub(crate) struct FilterCall {
    pub(crate) filter: &'static Filter,
    pub(crate) arguments: ArgumentNodes,
    pub(crate) span: Span,
    /// The compiled jq program, where it is a literal.
    pub(crate) program: OnceLock<Arc<Program>>,
}

#[derive(Debug, Default)]
pub(crate) struct ArgumentNodes {
    pub(crate) positional: Vec<Node>,
    pub(crate) named: Vec<(Arc<str>, Node)>,
}

impl ArgumentNodes {
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.positional
            .iter()
            .chain(self.named.iter().map(|(_, node)| node))
    }
}

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(Arc<str>),
    Print(Node),
    If {
        branches: Vec<(Node, Vec<Piece>)>,
        otherwise: Vec<Piece>,
    },
    For {
        variable: Arc<str>,
        items: Node,
        body: Vec<Piece>,
        otherwise: Vec<Piece>,
    },
    Set {
        variable: Arc<str>,
        value: Node,
    },
    Filter {
        calls: Vec<FilterCall>,
        body: Vec<Piece>,
    },
    /// A named part, by its place among those of the template.
    Block(usize),
}

/// A named part of a template, which may be shown again by its name.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) name: Arc<str>,
    pub(crate) body: Vec<Piece>,
}

/// A macro: a named piece of template with parameters.
#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) name: Arc<str>,
    pub(crate) parameters: Vec<(Arc<str>, Option<Node>)>,
    pub(crate) body: Vec<Piece>,
}

/// A whole template.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) macros: Vec<Macro>,
    pub(crate) blocks: Vec<Block>,
}
