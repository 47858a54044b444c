//! The expression parser: precedence climbing over the tokens of one tag.

use std::sync::{Arc, OnceLock};

use crate::error::{Span, SyntaxError};
use crate::library::names;
use crate::syntax::lexer::{Operator, Spanned, Token};
use crate::syntax::tree::{ArgumentNodes, Expression, FilterCall, Node};

/// Trees higher than this are refused, so that no stack can overflow while running or dropping.
const MAX_HEIGHT: u16 = 200;
/// Calls of the parser within one another; a level of brackets takes several.
const MAX_CALLS: u32 = 150;

pub(super) const UNARY: u8 = 200;

/// How tightly a binary operator binds; gaps as in the table of the crate's documentation.
fn precedence(operator: Operator) -> Option<u8> {
    Some(match operator {
        Operator::Or => 10,
        Operator::And => 15,
        Operator::Is | Operator::IsNot | Operator::Contains | Operator::In => 20,
        Operator::Equal
        | Operator::NotEqual
        | Operator::Greater
        | Operator::Less
        | Operator::GreaterEqual
        | Operator::LessEqual => 30,
        Operator::Plus | Operator::Minus => 40,
        Operator::Times | Operator::Divide | Operator::Modulo => 60,
        Operator::Pipe => 100,
        Operator::Join => 110,
        Operator::Range | Operator::Coalesce | Operator::CoalesceUndefined => 120,
        Operator::Not => return None,
    })
}

/// Reads the tokens of one tag.
pub(crate) struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Spanned],
    index: usize,
    calls: u32,
}

pub(super) type Parsed<T> = Result<T, SyntaxError>;

impl<'a> Parser<'a> {
    /// The last token must be the end.
    pub(crate) fn new(source: &'a str, tokens: &'a [Spanned]) -> Parser<'a> {
        Parser {
            source,
            tokens,
            index: 0,
            calls: 0,
        }
    }

    pub(super) fn at(&self, offset: usize) -> &'a Spanned {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.index + offset).min(last)]
    }

    pub(crate) fn token(&self) -> &'a Token {
        &self.at(0).token
    }

    pub(crate) fn span(&self) -> Span {
        self.at(0).span
    }

    pub(crate) fn advance(&mut self) -> Span {
        let span = self.span();
        self.index += 1;
        span
    }

    pub(crate) fn text(&self) -> &'a str {
        &self.source[self.span().range()]
    }

    pub(super) fn is_punctuation(&self, character: u8) -> bool {
        *self.token() == Token::Punctuation(character)
    }

    pub(super) fn eat_punctuation(&mut self, character: u8) -> bool {
        let found = self.is_punctuation(character);
        if found {
            self.index += 1;
        }
        found
    }

    pub(super) fn expect_punctuation(&mut self, character: u8, why: &str) -> Parsed<Span> {
        if self.is_punctuation(character) {
            Ok(self.advance())
        } else {
            Err(self.unexpected(&format!("expected `{}` {why}", char::from(character))))
        }
    }

    /// An error at the current token that says what was expected instead.
    pub(crate) fn unexpected(&self, expected: &str) -> SyntaxError {
        let found = match self.token() {
            Token::End => "the end of the tag".to_owned(),
            Token::Text(_) | Token::QuoteOpen => "text".to_owned(),
            _ => format!("`{}`", self.text()),
        };
        SyntaxError::new(self.span(), format!("{expected}, found {found}"))
    }

    /// A name being introduced by `for`, `set`, a macro or an argument.
    pub(crate) fn new_name(&mut self, what: &str) -> Parsed<Arc<str>> {
        match self.token() {
            Token::Name => {
                let name = self.text();
                if ["true", "false", "null", "none"].contains(&name) {
                    return Err(SyntaxError::new(
                        self.span(),
                        format!("`{name}` is a fixed value and cannot be {what}"),
                    ));
                }
                self.advance();
                Ok(Arc::from(name))
            }
            _ => Err(self.unexpected(&format!("expected {what}"))),
        }
    }

    pub(crate) fn expect_end(&self) -> Parsed<()> {
        if *self.token() == Token::End {
            return Ok(());
        }
        let error = self.unexpected("expected an operator or the end of the tag");
        Err(match self.token() {
            Token::Punctuation(b'=') => error.with_help("write `==` to compare"),
            Token::Punctuation(b'?') => {
                error.with_help("put a `? :` that is not at the start of an expression in brackets")
            }
            Token::Punctuation(b'[' | b'.') => error.with_help(
                "a list or map literal cannot be indexed directly; `{% set %}` it first",
            ),
            Token::Text(_) if self.touches_text() => {
                error.with_help("inside quotes, write a quote as `\\'`")
            }
            Token::Name if self.text() == "if" => error.with_help("write `condition ? yes : no`"),
            Token::Operator(Operator::Not) => error.with_help("write `not` before the condition"),
            _ => error,
        })
    }

    fn touches_text(&self) -> bool {
        self.index > 0 && matches!(self.tokens[self.index - 1].token, Token::Text(_))
    }

    /// A whole expression, a ternary allowed.
    pub(crate) fn expression(&mut self) -> Parsed<Node> {
        let condition = self.binary(0)?;
        if !self.eat_punctuation(b'?') {
            return Ok(condition);
        }
        self.enter()?;
        let then = self.expression()?;
        self.expect_punctuation(b':', "between the two outcomes of `?`")?;
        let otherwise = self.expression()?;
        self.calls -= 1;
        let span = condition.span.to(otherwise.span);
        let height = condition.height.max(then.height).max(otherwise.height);
        self.node(
            Expression::Ternary {
                condition: Box::new(condition),
                then: Box::new(then),
                otherwise: Box::new(otherwise),
            },
            span,
            height,
        )
    }

    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(SyntaxError::new(
                self.span(),
                "this expression is nested too deeply",
            ));
        }
        Ok(())
    }

    pub(super) fn node(&self, expression: Expression, span: Span, below: u16) -> Parsed<Node> {
        if below >= MAX_HEIGHT {
            return Err(SyntaxError::new(
                span,
                format!("this expression has more than {MAX_HEIGHT} operators in a row"),
            )
            .with_help("split it with `{% set %}`"));
        }
        Ok(Node {
            expression,
            span,
            height: below + 1,
        })
    }

    pub(super) fn leaf(&self, expression: Expression, span: Span) -> Node {
        Node {
            expression,
            span,
            height: 1,
        }
    }

    pub(super) fn binary(&mut self, minimum: u8) -> Parsed<Node> {
        self.enter()?;
        let mut left = self.operand()?;
        loop {
            let operator = match self.token() {
                Token::Operator(operator) => *operator,
                // Not an operator for the lexer, since `for x in list` has it too.
                Token::Name if self.text() == "in" => Operator::In,
                _ => break,
            };
            let Some(binds) = precedence(operator).filter(|binds| *binds >= minimum) else {
                break;
            };
            self.advance();
            left = match operator {
                Operator::Pipe => {
                    let call = self.filter_call()?;
                    let span = left.span.to(call.span);
                    let below = call
                        .arguments
                        .nodes()
                        .map(|node| node.height)
                        .fold(left.height, u16::max);
                    let input = Box::new(left);
                    self.node(Expression::Filter { input, call }, span, below)?
                }
                Operator::Is | Operator::IsNot => self.test(left, operator)?,
                _ => {
                    let right = self.binary(binds + 1)?;
                    let span = left.span.to(right.span);
                    let below = left.height.max(right.height);
                    let (left, right) = (Box::new(left), Box::new(right));
                    self.node(
                        Expression::Binary {
                            operator,
                            left,
                            right,
                        },
                        span,
                        below,
                    )?
                }
            };
        }
        self.calls -= 1;
        Ok(left)
    }

    /// The name and arguments after `|`.
    pub(crate) fn filter_call(&mut self) -> Parsed<FilterCall> {
        let span = self.span();
        if *self.token() != Token::Name {
            let error = self.unexpected("expected a filter after `|`");
            return Err(if *self.token() == Token::Operator(Operator::Pipe) {
                error.with_help("write `or` instead of `||`")
            } else {
                error
            });
        }
        let name = self.text();
        self.advance();
        let Some(filter) = names::find_filter(name) else {
            return Err(names::unknown_filter(name, span));
        };
        let (arguments, end) = if self.is_punctuation(b'(') {
            self.arguments()?
        } else {
            (ArgumentNodes::default(), span)
        };
        Ok(FilterCall {
            filter,
            arguments,
            span: span.to(end),
            program: OnceLock::new(),
        })
    }

    fn test(&mut self, input: Node, operator: Operator) -> Parsed<Node> {
        let span = self.span();
        if *self.token() != Token::Name {
            return Err(self.unexpected("expected a test after `is`"));
        }
        let name = self.text();
        self.advance();
        let Some(test) = names::find_test(name) else {
            return Err(names::unknown_test(name, span));
        };
        let mut end = span;
        if self.is_punctuation(b'(') {
            end = self.arguments()?.1;
        }
        let (span, below) = (input.span.to(end), input.height);
        self.node(
            Expression::Test {
                negated: operator == Operator::IsNot,
                input: Box::new(input),
                test,
            },
            span,
            below,
        )
    }

    /// The `=` of a `set`.
    pub(crate) fn expect_equals(&mut self) -> Parsed<Span> {
        self.expect_punctuation(b'=', "after the name")
    }
}
