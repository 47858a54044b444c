//! The template parser: pairs the tags into blocks and builds the tree.

use std::sync::Arc;

use crate::error::{Span, SyntaxError};
use crate::library::names;
use crate::syntax::expression::Parser;
use crate::syntax::lexer::{Operator, Spanned, Token};
use crate::syntax::scan::{self, Segment};
use crate::syntax::tree::{Block as Part, Expression, FilterCall, Macro, Node, Piece, Tree};

/// Blocks within blocks beyond this are refused.
const MAX_BLOCKS: usize = 64;

/// Parses a text; all its mistakes come together, in order.
pub(crate) fn parse(source: &str) -> Result<Tree, Vec<SyntaxError>> {
    match parse_partly(source) {
        (tree, errors) if errors.is_empty() => Ok(tree),
        (_, errors) => Err(errors),
    }
}

/// The same with what is good of a text that has mistakes.
pub(crate) fn parse_partly(source: &str) -> (Tree, Vec<SyntaxError>) {
    let (segments, errors) = scan::segments(source);
    let mut builder = Builder {
        source,
        errors,
        open: Vec::new(),
        pieces: Vec::new(),
        tree: Tree::default(),
    };
    for segment in segments {
        builder.segment(segment);
        if builder.open.len() > MAX_BLOCKS {
            builder.give_up();
            break;
        }
    }
    builder.finish()
}

/// A block that is still open, with what stood before it.
struct Open {
    block: Block,
    span: Span,
    outer: Vec<Piece>,
}

enum Block {
    If {
        condition: Option<Node>,
        branches: Vec<(Node, Vec<Piece>)>,
        in_else: bool,
    },
    For {
        head: Option<(Arc<str>, Node)>,
        body: Option<Vec<Piece>>,
    },
    Filter(Vec<FilterCall>),
    Macro {
        name: Arc<str>,
        parameters: Vec<(Arc<str>, Option<Node>)>,
    },
    /// A named part.
    Part(Arc<str>),
}

impl Block {
    fn tag(&self) -> &'static str {
        match self {
            Block::If { .. } => "if",
            Block::For { .. } => "for",
            Block::Filter(_) => "filter",
            Block::Macro { .. } => "macro",
            Block::Part(_) => "block",
        }
    }
}

struct Builder<'a> {
    source: &'a str,
    errors: Vec<SyntaxError>,
    open: Vec<Open>,
    pieces: Vec<Piece>,
    tree: Tree,
}

impl<'a> Builder<'a> {
    fn segment(&mut self, segment: Segment<'a>) {
        match segment {
            Segment::Text(text) => self.pieces.push(Piece::Text(Arc::from(text))),
            Segment::Print(tokens) => {
                let mut parser = Parser::new(self.source, &tokens);
                let parsed = parser.expression().and_then(|node| {
                    parser.expect_end()?;
                    Ok(node)
                });
                if let Some(node) = self.keep(parsed) {
                    self.pieces.push(Piece::Print(node));
                }
            }
            Segment::Execute(tokens) => self.execute(&tokens),
            Segment::Broken { name, span } => match name {
                "if" => self.open_block(
                    Block::If {
                        condition: None,
                        branches: Vec::new(),
                        in_else: false,
                    },
                    span,
                ),
                "for" => self.open_block(
                    Block::For {
                        head: None,
                        body: None,
                    },
                    span,
                ),
                "filter" => self.open_block(Block::Filter(Vec::new()), span),
                "macro" => self.open_block(
                    Block::Macro {
                        name: Arc::from(""),
                        parameters: Vec::new(),
                    },
                    span,
                ),
                "block" => self.open_block(Block::Part(Arc::from("")), span),
                _ => {}
            },
        }
    }

    fn keep<T>(&mut self, parsed: Result<T, SyntaxError>) -> Option<T> {
        parsed.map_err(|error| self.errors.push(error)).ok()
    }

    fn open_block(&mut self, block: Block, span: Span) {
        self.open.push(Open {
            block,
            span,
            outer: std::mem::take(&mut self.pieces),
        });
    }

    /// Ends at the block that is one too deep; what follows could only repeat the complaint.
    fn give_up(&mut self) {
        if let Some(open) = self.open.last() {
            self.errors.push(SyntaxError::new(
                open.span,
                format!("more than {MAX_BLOCKS} blocks inside one another"),
            ));
        }
        self.open.clear();
    }

    fn execute(&mut self, tokens: &[Spanned]) {
        let mut parser = Parser::new(self.source, tokens);
        let span = parser.span();
        if *parser.token() != Token::Name {
            let error = parser.unexpected("expected the name of a tag");
            self.errors.push(error);
            return;
        }
        let name = parser.text();
        parser.advance();
        let outcome = match name {
            "if" => {
                let condition = parser.expression();
                let condition = self.keep(condition);
                let ended = if condition.is_some() {
                    parser.expect_end()
                } else {
                    Ok(())
                };
                self.open_block(
                    Block::If {
                        condition,
                        branches: Vec::new(),
                        in_else: false,
                    },
                    span,
                );
                ended
            }
            "elseif" => self.else_if(&mut parser, span),
            "else" => self.else_tag(&parser, span),
            "for" => {
                let head = for_head(&mut parser);
                let head = self.keep(head);
                self.open_block(Block::For { head, body: None }, span);
                Ok(())
            }
            "filter" => {
                let calls = filter_calls(&mut parser);
                let calls = self.keep(calls).unwrap_or_default();
                self.open_block(Block::Filter(calls), span);
                Ok(())
            }
            "macro" => {
                let head = macro_head(&mut parser);
                let (name, parameters) = self
                    .keep(head)
                    .unwrap_or_else(|| (Arc::from(""), Vec::new()));
                self.open_block(Block::Macro { name, parameters }, span);
                Ok(())
            }
            "block" => {
                let name = block_name(&mut parser).and_then(|name| {
                    parser.expect_end()?;
                    Ok(name)
                });
                let name = self.keep(name).unwrap_or_else(|| Arc::from(""));
                self.open_block(Block::Part(name), span);
                Ok(())
            }
            "endblock" => self.end_block(&mut parser, span),
            "set" => set(&mut parser).map(|piece| self.pieces.push(piece)),
            "endif" | "endfor" | "endfilter" | "endmacro" => self.end(name, &parser, span),
            "raw" => Err(SyntaxError::new(
                span,
                "`raw` is never closed with `{% endraw %}`",
            )),
            "endraw" | "endverbatim" => Err(SyntaxError::new(
                span,
                format!("`{name}` without its opening tag"),
            )),
            _ => names::unknown_tag(name, span),
        };
        self.keep(outcome);
    }

    fn else_if(&mut self, parser: &mut Parser<'_>, span: Span) -> Result<(), SyntaxError> {
        let condition = parser.expression().and_then(|node| {
            parser.expect_end()?;
            Ok(node)
        });
        let condition = self.keep(condition);
        match self.open.last_mut().map(|open| &mut open.block) {
            Some(Block::If {
                condition: current,
                branches,
                in_else: false,
            }) => {
                let body = std::mem::take(&mut self.pieces);
                if let Some(earlier) = std::mem::replace(current, condition) {
                    branches.push((earlier, body));
                }
                Ok(())
            }
            Some(Block::If { .. }) => Err(SyntaxError::new(span, "`elseif` after `else`")),
            _ => Err(SyntaxError::new(span, "`elseif` outside of `if`")),
        }
    }

    fn else_tag(&mut self, parser: &Parser<'_>, span: Span) -> Result<(), SyntaxError> {
        let ended = parser.expect_end().map_err(|error| {
            if parser.text() == "if" {
                error.with_help("write `elseif` in one word")
            } else {
                error
            }
        });
        self.keep(ended);
        match self.open.last_mut().map(|open| &mut open.block) {
            Some(Block::If {
                condition,
                branches,
                in_else: in_else @ false,
            }) => {
                let body = std::mem::take(&mut self.pieces);
                if let Some(earlier) = condition.take() {
                    branches.push((earlier, body));
                }
                *in_else = true;
                Ok(())
            }
            Some(Block::For {
                body: body @ None, ..
            }) => {
                *body = Some(std::mem::take(&mut self.pieces));
                Ok(())
            }
            Some(Block::If { .. } | Block::For { .. }) => {
                Err(SyntaxError::new(span, "a second `else`"))
            }
            _ => Err(SyntaxError::new(span, "`else` outside of `if` and `for`")),
        }
    }

    fn end(&mut self, name: &str, parser: &Parser<'_>, span: Span) -> Result<(), SyntaxError> {
        let ended = parser.expect_end();
        self.keep(ended);
        let wanted = &name["end".len()..];
        match self.open.last() {
            Some(open) if open.block.tag() == wanted => {}
            Some(open) => {
                let tag = open.block.tag();
                let error = SyntaxError::new(
                    span,
                    format!("expected `end{tag}` to close `{tag}`, found `{name}`"),
                );
                // The block that is meant may be further out: close what is in between.
                if let Some(index) = self
                    .open
                    .iter()
                    .rposition(|open| open.block.tag() == wanted)
                {
                    while self.open.len() > index {
                        self.close();
                    }
                }
                return Err(error);
            }
            None => {
                return Err(SyntaxError::new(
                    span,
                    format!("`{name}` without an open `{wanted}`"),
                ));
            }
        }
        self.close();
        Ok(())
    }

    /// `endblock`, which may repeat the name.
    fn end_block(&mut self, parser: &mut Parser<'_>, span: Span) -> Result<(), SyntaxError> {
        if let Some(Block::Part(name)) = self.open.last().map(|open| &open.block)
            && !name.is_empty()
            && parser.expect_end().is_err()
        {
            let place = parser.span();
            let repeated = block_name(parser)?;
            if repeated != *name {
                let error = SyntaxError::new(
                    place,
                    format!(
                        "expected `{name}`, the name of the block that ends here, found `{repeated}`"
                    ),
                );
                self.close();
                return Err(error);
            }
        }
        self.end("endblock", parser, span)
    }

    /// Closes the innermost block and adds it to what stood before it.
    fn close(&mut self) {
        let Some(open) = self.open.pop() else {
            return;
        };
        let last = std::mem::replace(&mut self.pieces, open.outer);
        match open.block {
            Block::If {
                condition,
                mut branches,
                in_else,
            } => {
                let mut otherwise = Vec::new();
                if in_else {
                    otherwise = last;
                } else if let Some(condition) = condition {
                    branches.push((condition, last));
                }
                self.pieces.push(Piece::If {
                    branches,
                    otherwise,
                });
            }
            Block::For {
                head: Some((variable, items)),
                body,
            } => {
                let (body, otherwise) = match body {
                    Some(body) => (body, last),
                    None => (last, Vec::new()),
                };
                self.pieces.push(Piece::For {
                    variable,
                    items,
                    body,
                    otherwise,
                });
            }
            Block::For { head: None, .. } => {}
            Block::Filter(calls) => self.pieces.push(Piece::Filter { calls, body: last }),
            Block::Part(name) => {
                let known = &self.tree.blocks;
                if known.iter().any(|known| known.name == name) && !name.is_empty() {
                    self.errors.push(SyntaxError::new(
                        open.span,
                        format!("the block `{name}` exists already"),
                    ));
                }
                self.pieces.push(Piece::Block(known.len()));
                self.tree.blocks.push(Part { name, body: last });
            }
            Block::Macro { name, parameters } => {
                if self.tree.macros.iter().any(|known| known.name == name) && !name.is_empty() {
                    self.errors.push(SyntaxError::new(
                        open.span,
                        format!("the macro `{name}` exists already"),
                    ));
                }
                self.tree.macros.push(Macro {
                    name,
                    parameters,
                    body: last,
                });
            }
        }
    }

    fn finish(mut self) -> (Tree, Vec<SyntaxError>) {
        while let Some(open) = self.open.last() {
            let tag = open.block.tag();
            self.errors.push(SyntaxError::new(
                open.span,
                format!("this `{tag}` is never closed with `{{% end{tag} %}}`"),
            ));
            self.close();
        }
        self.tree.pieces = self.pieces;
        crate::syntax::reads::check_calls(&self.tree, &mut self.errors);
        self.errors.sort_by_key(|error| error.span.start);
        (self.tree, self.errors)
    }
}

fn for_head(parser: &mut Parser<'_>) -> Result<(Arc<str>, Node), SyntaxError> {
    let variable = parser.new_name("a variable for the elements")?;
    if *parser.token() != Token::Name || parser.text() != "in" {
        let error = parser.unexpected("expected `in` after the variable");
        return Err(if *parser.token() == Token::Punctuation(b',') {
            error.with_help("there is one variable; a map's entries have `.key` and `.value`")
        } else {
            error
        });
    }
    parser.advance();
    let items = parser.expression()?;
    parser.expect_end()?;
    Ok((variable, items))
}

/// The name of a block: a word or a text.
fn block_name(parser: &mut Parser<'_>) -> Result<Arc<str>, SyntaxError> {
    if *parser.token() == Token::Name {
        let name = Arc::from(parser.text());
        parser.advance();
        return Ok(name);
    }
    if parser.expect_end().is_ok() {
        return Err(parser.unexpected("expected the name of the block"));
    }
    let place = parser.span();
    let node = parser.expression()?;
    match &node.expression {
        Expression::Literal(value) if value.as_str().is_some_and(|name| !name.is_empty()) => {
            Ok(Arc::from(value.as_str().unwrap_or_default()))
        }
        _ => Err(SyntaxError::new(place, "expected the name of the block")),
    }
}

fn filter_calls(parser: &mut Parser<'_>) -> Result<Vec<FilterCall>, SyntaxError> {
    let mut calls = vec![parser.filter_call()?];
    while *parser.token() == Token::Operator(Operator::Pipe) {
        parser.advance();
        calls.push(parser.filter_call()?);
    }
    parser.expect_end()?;
    Ok(calls)
}

type MacroHead = (Arc<str>, Vec<(Arc<str>, Option<Node>)>);

fn macro_head(parser: &mut Parser<'_>) -> Result<MacroHead, SyntaxError> {
    let name = parser.new_name("the name of the macro")?;
    let parameters = parser.parameters()?;
    parser.expect_end()?;
    Ok((name, parameters))
}

fn set(parser: &mut Parser<'_>) -> Result<Piece, SyntaxError> {
    let variable = parser.new_name("a variable to set")?;
    parser.expect_equals()?;
    let value = parser.expression()?;
    parser.expect_end()?;
    Ok(Piece::Set { variable, value })
}
