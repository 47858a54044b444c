//! The parser's lower half: literals, names, lists, maps, paths, calls and their arguments.

use std::sync::Arc;

use crate::error::{Span, SyntaxError};
use crate::library::names;
use crate::syntax::expression::{Parsed, Parser, UNARY};
use crate::syntax::lexer::{Operator, Token};
use crate::syntax::tree::{ArgumentNodes, Expression, Node};
use crate::value::Value;

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Parsed<Node> {
        let start = self.span();
        match self.token() {
            Token::Operator(operator @ (Operator::Not | Operator::Plus | Operator::Minus)) => {
                self.advance();
                let operand = Box::new(self.binary(UNARY)?);
                let (span, height) = (start.to(operand.span), operand.height);
                let expression = match operator {
                    Operator::Not => Expression::Not(operand),
                    _ => Expression::Sign {
                        negative: *operator == Operator::Minus,
                        operand,
                    },
                };
                self.node(expression, span, height)
            }
            Token::Punctuation(b'(') => {
                self.advance();
                let mut inner = self.expression()?;
                let end = self.expect_punctuation(b')', "to close the bracket")?;
                inner.span = start.to(end);
                self.postfix(inner)
            }
            Token::Punctuation(b'[') => self.list(),
            Token::Punctuation(b'{') => self.map(),
            _ => self.simple(),
        }
    }

    fn simple(&mut self) -> Parsed<Node> {
        let span = self.span();
        let expression = match self.token() {
            Token::Name => {
                let name = self.text();
                self.advance();
                match name {
                    "true" | "TRUE" => Expression::Literal(Value::bool(true)),
                    "false" | "FALSE" => Expression::Literal(Value::bool(false)),
                    "null" | "NULL" | "none" | "NONE" => Expression::Literal(Value::null()),
                    _ if self.is_punctuation(b'(') => {
                        let (arguments, end) = self.arguments()?;
                        let below = arguments.nodes().map(|node| node.height).max();
                        let call = self.node(
                            Expression::Call {
                                name: Arc::from(name),
                                arguments,
                            },
                            span.to(end),
                            below.unwrap_or(0),
                        )?;
                        return self.postfix(call);
                    }
                    _ => Expression::Variable(Arc::from(name)),
                }
            }
            Token::Int(number) => {
                self.advance();
                Expression::Literal(Value::int(*number))
            }
            Token::Float(number) => {
                self.advance();
                Expression::Literal(Value::float(*number))
            }
            Token::Text(text) => {
                self.advance();
                Expression::Literal(Value::text(text.as_str()))
            }
            Token::QuoteOpen => {
                let node = self.interpolated()?;
                return self.postfix(node);
            }
            Token::End => {
                return Err(SyntaxError::new(
                    span,
                    "expected an expression, found the end of the tag",
                ));
            }
            Token::Operator(operator) => {
                let error = self.unexpected("expected an expression");
                return Err(match operator {
                    Operator::Pipe => error.with_help("write `or` instead of `||`"),
                    Operator::Divide => error.with_help(
                        "`/` already divides whole numbers without a rest; there is no `//`",
                    ),
                    _ => error,
                });
            }
            Token::Punctuation(b'=') => {
                return Err(self
                    .unexpected("expected an expression")
                    .with_help("write `==` to compare"));
            }
            _ => return Err(self.unexpected("expected an expression")),
        };
        let leaf = self.leaf(expression, span);
        self.postfix(leaf)
    }

    fn interpolated(&mut self) -> Parsed<Node> {
        let start = self.advance();
        let mut parts = Vec::new();
        loop {
            let span = self.span();
            match self.token() {
                Token::QuoteText(text) => {
                    self.advance();
                    let literal = Expression::Literal(Value::text(text.as_str()));
                    parts.push(self.leaf(literal, span));
                }
                Token::InterpolationOpen => {
                    self.advance();
                    parts.push(self.expression()?);
                    if *self.token() != Token::InterpolationClose {
                        return Err(self.unexpected("expected `}` to close `#{`"));
                    }
                    self.advance();
                }
                _ => {
                    let end = self.advance();
                    let below = parts.iter().map(|part| part.height).max().unwrap_or(0);
                    return self.node(Expression::Interpolation(parts), start.to(end), below);
                }
            }
        }
    }

    fn list(&mut self) -> Parsed<Node> {
        let start = self.advance();
        let mut items = Vec::new();
        if !self.is_punctuation(b']') {
            loop {
                items.push(self.expression()?);
                if !self.eat_punctuation(b',') {
                    break;
                }
            }
        }
        let end = self.expect_punctuation(b']', "or `,` in the list")?;
        let below = items.iter().map(|item| item.height).max().unwrap_or(0);
        self.node(Expression::List(items), start.to(end), below)
    }

    fn map(&mut self) -> Parsed<Node> {
        let start = self.advance();
        let mut entries = Vec::new();
        if !self.is_punctuation(b'}') {
            loop {
                let key = self.expression()?;
                self.expect_punctuation(b':', "between a key and its value")?;
                entries.push((key, self.expression()?));
                if !self.eat_punctuation(b',') {
                    break;
                }
            }
        }
        let end = self.expect_punctuation(b'}', "or `,` in the map")?;
        let below = entries
            .iter()
            .map(|(key, value)| key.height.max(value.height))
            .max()
            .unwrap_or(0);
        self.node(Expression::Map(entries), start.to(end), below)
    }

    fn postfix(&mut self, mut node: Node) -> Parsed<Node> {
        loop {
            let (key, end) = match self.token() {
                Token::Punctuation(b'.') => {
                    self.advance();
                    let span = self.span();
                    let name = self.text();
                    match self.token() {
                        Token::Name => {}
                        Token::Operator(_) if name.starts_with(|c: char| c.is_alphabetic()) => {
                            return Err(SyntaxError::new(
                                span,
                                format!("`{name}` is an operator and cannot follow a dot"),
                            )
                            .with_help(format!("write `['{name}']` instead of `.{name}`")));
                        }
                        Token::Int(_) => {
                            return Err(self
                                .unexpected("expected a name after `.`")
                                .with_help(format!("write `[{name}]` to take an element")));
                        }
                        _ => return Err(self.unexpected("expected a name after `.`")),
                    }
                    self.advance();
                    if self.is_punctuation(b'(') {
                        return Err(method(name, span));
                    }
                    let key = Expression::Literal(Value::text(name));
                    (self.leaf(key, span), span)
                }
                Token::Punctuation(b'[') => {
                    self.advance();
                    let key = self.expression()?;
                    let end = self.expect_punctuation(b']', "to close the subscript")?;
                    (key, end)
                }
                Token::Punctuation(b'(') => {
                    return Err(SyntaxError::new(
                        self.span(),
                        "only a function or macro name can be called",
                    ));
                }
                _ => return Ok(node),
            };
            let span = node.span.to(end);
            let below = node.height.max(key.height);
            let (target, key) = (Box::new(node), Box::new(key));
            node = self.node(Expression::Attribute { target, key }, span, below)?;
        }
    }

    pub(super) fn arguments(&mut self) -> Parsed<(ArgumentNodes, Span)> {
        let mut arguments = ArgumentNodes::default();
        self.advance();
        if self.is_punctuation(b')') {
            return Ok((arguments, self.advance()));
        }
        loop {
            let named =
                *self.token() == Token::Name && self.at(1).token == Token::Punctuation(b'=');
            if named {
                let name = self.new_name("the name of an argument")?;
                self.advance();
                arguments.named.push((name, self.expression()?));
            } else {
                let node = self.expression()?;
                if !arguments.named.is_empty() {
                    return Err(SyntaxError::new(
                        node.span,
                        "an argument without a name cannot follow one with a name",
                    ));
                }
                arguments.positional.push(node);
            }
            if !self.eat_punctuation(b',') {
                break;
            }
        }
        let end = self.expect_punctuation(b')', "or `,` after an argument")?;
        Ok((arguments, end))
    }

    /// The parameters of a macro: names with optional values.
    pub(crate) fn parameters(&mut self) -> Parsed<Vec<(Arc<str>, Option<Node>)>> {
        self.expect_punctuation(b'(', "after the name of the macro")?;
        let mut parameters = Vec::new();
        if self.eat_punctuation(b')') {
            return Ok(parameters);
        }
        loop {
            let name = self.new_name("the name of a parameter")?;
            let value = if self.eat_punctuation(b'=') {
                Some(self.expression()?)
            } else {
                None
            };
            parameters.push((name, value));
            if !self.eat_punctuation(b',') {
                break;
            }
        }
        self.expect_punctuation(b')', "or `,` after a parameter")?;
        Ok(parameters)
    }
}

fn method(name: &str, span: Span) -> SyntaxError {
    let error = SyntaxError::new(
        span,
        format!("`.{name}()`: methods of Java objects do not exist here"),
    );
    match names::METHOD_HINTS
        .iter()
        .find(|(method, _)| *method == name)
    {
        Some((_, instead)) => error.with_help(format!("write `{instead}`")),
        None => match names::find_filter(name) {
            Some(_) => error.with_help(format!("write `| {name}`")),
            None => error,
        },
    }
}
