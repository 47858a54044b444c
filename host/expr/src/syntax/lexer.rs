//! Cuts one tag, from after its opening `{{` or `{%` to its close, into tokens with places.

use crate::error::{Span, SyntaxError};

/// Brackets within brackets beyond this are refused, so that no stack can overflow.
pub(crate) const MAX_BRACKETS: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name,
    Operator(Operator),
    Int(i64),
    Float(f64),
    /// A whole literal without interpolation, unescaped.
    Text(String),
    /// A double-quoted literal with `#{ }` parts: open, then texts and bracketed expressions.
    QuoteOpen,
    QuoteText(String),
    InterpolationOpen,
    InterpolationClose,
    QuoteClose,
    Punctuation(u8),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Not,
    Is,
    IsNot,
    Contains,
    In,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    Pipe,
    Join,
    Range,
    Coalesce,
    CoalesceUndefined,
}

impl Operator {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Not => "not",
            Operator::Is => "is",
            Operator::IsNot => "is not",
            Operator::Contains => "contains",
            Operator::In => "in",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Greater => ">",
            Operator::Less => "<",
            Operator::GreaterEqual => ">=",
            Operator::LessEqual => "<=",
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Times => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
            Operator::Pipe => "|",
            Operator::Join => "~",
            Operator::Range => "..",
            Operator::Coalesce => "??",
            Operator::CoalesceUndefined => "???",
        }
    }
}

/// Longest first, as the first match wins.
const SYMBOLS: &[(&str, Operator)] = &[
    ("???", Operator::CoalesceUndefined),
    ("??", Operator::Coalesce),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("..", Operator::Range),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("+", Operator::Plus),
    ("-", Operator::Minus),
    ("*", Operator::Times),
    ("/", Operator::Divide),
    ("%", Operator::Modulo),
    ("|", Operator::Pipe),
    ("~", Operator::Join),
];

#[derive(Clone, Debug)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) span: Span,
}

/// How a tag ended: its tokens, where the text after it starts, whether that text is trimmed.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) tokens: Vec<Spanned>,
    pub(crate) end: usize,
    pub(crate) trim_after: bool,
}

pub(crate) struct Lexer<'a> {
    pub(super) source: &'a str,
    pub(super) position: usize,
    close: &'static str,
    tokens: Vec<Spanned>,
    pub(super) brackets: Vec<(u8, usize)>,
}

/// Reads the tokens of a tag whose content starts at `start`; `close` is `}}` or `%}`.
pub(crate) fn tag(source: &str, start: usize, close: &'static str) -> Result<Tag, SyntaxError> {
    let mut lexer = Lexer {
        source,
        position: start,
        close,
        tokens: Vec::new(),
        brackets: Vec::new(),
    };
    let trim_after = lexer.run(start)?;
    Ok(Tag {
        tokens: lexer.tokens,
        end: lexer.position,
        trim_after,
    })
}

impl<'a> Lexer<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.source[self.position..]
    }

    pub(super) fn push(&mut self, token: Token, start: usize) {
        self.tokens.push(Spanned {
            token,
            span: Span::new(start, self.position),
        });
    }

    pub(super) fn error(
        &self,
        start: usize,
        length: usize,
        message: impl Into<String>,
    ) -> SyntaxError {
        SyntaxError::new(Span::new(start, start + length), message)
    }

    fn run(&mut self, start: usize) -> Result<bool, SyntaxError> {
        loop {
            let trimmed = self.rest().trim_start();
            self.position = self.source.len() - trimmed.len();
            if self.brackets.is_empty() {
                let dashed = trimmed.strip_prefix('-').unwrap_or(trimmed);
                if dashed.starts_with(self.close) {
                    let at = self.position;
                    self.position = self.source.len() - dashed.len() + self.close.len();
                    self.tokens.push(Spanned {
                        token: Token::End,
                        span: Span::new(at, self.position),
                    });
                    return Ok(dashed.len() != trimmed.len());
                }
            }
            if trimmed.is_empty() {
                return Err(match self.brackets.last() {
                    Some((bracket, at)) => self.error(
                        *at,
                        1,
                        format!("this `{}` is never closed", char::from(*bracket)),
                    ),
                    None => self.error(
                        start.saturating_sub(2),
                        2,
                        format!("this tag is never closed with `{}`", self.close),
                    ),
                });
            }
            self.token()?;
        }
    }

    /// Reads one token at a non-empty rest without leading space.
    pub(super) fn token(&mut self) -> Result<(), SyntaxError> {
        let start = self.position;
        let rest = self.rest();
        if let Some((symbol, operator)) =
            SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol))
        {
            self.position += symbol.len();
            self.push(Token::Operator(*operator), start);
            return Ok(());
        }
        let first = rest.chars().next().unwrap_or(' ');
        if is_name_start(first) {
            self.word(rest);
            return Ok(());
        }
        if first.is_ascii_digit() {
            return self.number(rest);
        }
        match first {
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(),
            '(' | '[' | '{' => {
                if self.brackets.len() >= MAX_BRACKETS {
                    return Err(self.error(
                        start,
                        1,
                        format!("more than {MAX_BRACKETS} brackets inside one another"),
                    ));
                }
                self.brackets.push((first as u8, start));
                self.position += 1;
                self.push(Token::Punctuation(first as u8), start);
                Ok(())
            }
            ')' | ']' | '}' => self.closing_bracket(first as u8),
            '?' | ':' | '.' | ',' | '=' => {
                self.position += 1;
                self.push(Token::Punctuation(first as u8), start);
                Ok(())
            }
            other => {
                let error = self.error(
                    start,
                    other.len_utf8(),
                    format!("unexpected character `{other}`"),
                );
                Err(match other {
                    '&' => error.with_help("write `and` instead of `&&`"),
                    '!' => error.with_help("write `not` instead of `!`"),
                    '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => {
                        error.with_help("use straight quotes, `'` or `\"`")
                    }
                    _ => error,
                })
            }
        }
    }

    fn word(&mut self, rest: &str) {
        let start = self.position;
        let length = rest
            .find(|character| !is_name_part(character))
            .unwrap_or(rest.len());
        self.position += length;
        let operator = match &rest[..length] {
            "or" => Operator::Or,
            "and" => Operator::And,
            "not" => Operator::Not,
            "contains" => Operator::Contains,
            "equals" => Operator::Equal,
            "isIn" => Operator::In,
            "is" => {
                let after = rest[length..].trim_start();
                let spaced = after.len() < rest.len() - length;
                let continues = after
                    .strip_prefix("not")
                    .is_some_and(|tail| !tail.starts_with(is_name_part));
                if spaced && continues {
                    self.position = self.source.len() - after.len() + "not".len();
                    Operator::IsNot
                } else {
                    Operator::Is
                }
            }
            _ => {
                self.push(Token::Name, start);
                return;
            }
        };
        self.push(Token::Operator(operator), start);
    }

    fn number(&mut self, rest: &str) -> Result<(), SyntaxError> {
        let start = self.position;
        let whole = digits(rest);
        let tail = &rest[whole..];
        if tail.starts_with('L') {
            self.position += whole + 1;
        } else {
            let fraction = tail.strip_prefix('.').map_or(0, digits);
            if fraction > 0 {
                let length = whole + 1 + fraction;
                self.position += length;
                let number = rest[..length].parse().unwrap_or(f64::NAN);
                self.push(Token::Float(number), start);
                return Ok(());
            }
            self.position += whole;
        }
        match rest[..whole].parse() {
            Ok(number) => {
                self.push(Token::Int(number), start);
                Ok(())
            }
            Err(_) => Err(self.error(
                start,
                whole,
                format!("`{}` is larger than 64 bits can hold", &rest[..whole]),
            )),
        }
    }

    fn closing_bracket(&mut self, bracket: u8) -> Result<(), SyntaxError> {
        let start = self.position;
        let expected = match bracket {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        match self.brackets.last() {
            Some((open, _)) if *open == expected => {
                self.brackets.pop();
                self.position += 1;
                self.push(Token::Punctuation(bracket), start);
                Ok(())
            }
            Some((open, at)) if *open != b'"' => Err(self.error(
                *at,
                1,
                format!(
                    "this `{}` is not closed before `{}`",
                    char::from(*open),
                    char::from(bracket)
                ),
            )),
            _ => Err(self.error(
                start,
                1,
                format!("unexpected `{}`: nothing is open here", char::from(bracket)),
            )),
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

pub(crate) fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Vec<Token> {
        tag(source, 0, "}}")
            .unwrap()
            .tokens
            .into_iter()
            .map(|spanned| spanned.token)
            .collect()
    }

    #[test]
    fn operators_are_read_longest_first() {
        assert_eq!(
            tokens("a ??? b ?? c .. d}}"),
            vec![
                Token::Name,
                Token::Operator(Operator::CoalesceUndefined),
                Token::Name,
                Token::Operator(Operator::Coalesce),
                Token::Name,
                Token::Operator(Operator::Range),
                Token::Name,
                Token::End,
            ]
        );
        assert_eq!(
            tokens("organ is not isnot}}"),
            vec![
                Token::Name,
                Token::Operator(Operator::IsNot),
                Token::Name,
                Token::End
            ]
        );
    }

    #[test]
    fn numbers_stop_before_a_range() {
        assert_eq!(
            tokens("1..5 2.5 7L}}"),
            vec![
                Token::Int(1),
                Token::Operator(Operator::Range),
                Token::Int(5),
                Token::Float(2.5),
                Token::Int(7),
                Token::End,
            ]
        );
    }

    #[test]
    fn quotes_follow_the_language() {
        let check = |source: &str, expected: &str| {
            assert_eq!(tokens(source)[0], Token::Text(expected.to_owned()));
        };
        check(r"'it\'s'}}", "it's");
        check(r#""say \"x\""}}"#, "say \"x\"");
        check(r"'a\nb'}}", r"a\nb");
        check("'}}'}}", "}}");
        assert_eq!(
            tokens("\"a#{x}b\"}}"),
            vec![
                Token::QuoteOpen,
                Token::QuoteText("a".to_owned()),
                Token::InterpolationOpen,
                Token::Name,
                Token::InterpolationClose,
                Token::QuoteText("b".to_owned()),
                Token::QuoteClose,
                Token::End,
            ]
        );
    }

    #[test]
    fn a_brace_pair_inside_brackets_does_not_close_the_tag() {
        assert_eq!(tag("{'a': {'b': 1}} }}x", 0, "}}").unwrap().end, 18);
    }

    #[test]
    fn mistakes_are_placed() {
        let check = |source: &str, span: std::ops::Range<usize>, message: &str| {
            let error = tag(source, 0, "}}").unwrap_err();
            assert_eq!(
                (error.span, error.message.as_str()),
                (span, message),
                "{source}"
            );
        };
        check("a && b}}", 2..3, "unexpected character `&`");
        check("'abc}}", 0..1, "this `'` is never closed");
        check("f(1]}}", 1..2, "this `(` is not closed before `]`");
        check("1)}}", 1..2, "unexpected `)`: nothing is open here");
        check("a.b", 0..2, "this tag is never closed with `}}`");
        check("\"a#{1 ", 2..4, "this `#{` is never closed");
        check(
            "99999999999999999999}}",
            0..20,
            "`99999999999999999999` is larger than 64 bits can hold",
        );
    }
}
