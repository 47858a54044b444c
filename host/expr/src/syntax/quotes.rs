//! The lexer's part for quoted text: escapes, and expressions inside double quotes.

use crate::error::SyntaxError;
use crate::syntax::lexer::{Lexer, MAX_BRACKETS, Token};

impl Lexer<'_> {
    pub(super) fn single_quoted(&mut self) -> Result<(), SyntaxError> {
        let start = self.position;
        match self.quoted_end('\'', start + 1) {
            Some(end) => {
                let text = self.source[start + 1..end].replace("\\'", "'");
                self.position = end + 1;
                self.push(Token::Text(text), start);
                Ok(())
            }
            None => Err(self.error(start, 1, "this `'` is never closed")),
        }
    }

    /// Finds the closing quote; a backslash takes the next character along.
    fn quoted_end(&self, quote: char, from: usize) -> Option<usize> {
        let mut escaped = false;
        for (offset, character) in self.source[from..].char_indices() {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == quote {
                return Some(from + offset);
            }
        }
        None
    }

    /// A literal without `#` is taken whole and its quotes are unescaped; one with `#` is read in
    /// pieces and keeps its backslashes. That is the language's rule, odd as it is.
    pub(super) fn double_quoted(&mut self) -> Result<(), SyntaxError> {
        let start = self.position;
        if let Some(end) = self.quoted_end('"', start + 1)
            && !self.source[start + 1..end].contains('#')
        {
            let text = self.source[start + 1..end].replace("\\\"", "\"");
            self.position = end + 1;
            self.push(Token::Text(text), start);
            return Ok(());
        }
        self.position += 1;
        self.push(Token::QuoteOpen, start);
        if self.brackets.len() >= MAX_BRACKETS {
            return Err(self.error(
                start,
                1,
                format!("more than {MAX_BRACKETS} brackets inside one another"),
            ));
        }
        self.brackets.push((b'"', start));
        loop {
            let piece_start = self.position;
            let (length, found) = quoted_piece(self.rest());
            if length > 0 {
                let text = self.rest()[..length].to_owned();
                self.position += length;
                self.push(Token::QuoteText(text), piece_start);
            }
            let at = self.position;
            match found {
                Piece::Close => {
                    self.position += 1;
                    self.push(Token::QuoteClose, at);
                    self.brackets.pop();
                    return Ok(());
                }
                Piece::Interpolation => {
                    self.position += 2;
                    self.push(Token::InterpolationOpen, at);
                    self.interpolation(at)?;
                }
                Piece::Unclosed => {
                    return Err(self.error(start, 1, "this `\"` is never closed"));
                }
            }
        }
    }

    fn interpolation(&mut self, start: usize) -> Result<(), SyntaxError> {
        let depth = self.brackets.len();
        loop {
            let trimmed = self.rest().trim_start();
            self.position = self.source.len() - trimmed.len();
            if self.brackets.len() == depth && trimmed.starts_with('}') {
                let at = self.position;
                self.position += 1;
                self.push(Token::InterpolationClose, at);
                return Ok(());
            }
            if trimmed.is_empty() {
                return Err(self.error(start, 2, "this `#{` is never closed"));
            }
            self.token()?;
        }
    }
}

enum Piece {
    Close,
    Interpolation,
    Unclosed,
}

/// Measures the plain text before the next `#{` or closing quote.
fn quoted_piece(rest: &str) -> (usize, Piece) {
    let bytes = rest.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        match bytes[index] {
            b'\\' => index += 1,
            b'"' => return (index, Piece::Close),
            b'#' if bytes.get(index + 1) == Some(&b'{') => return (index, Piece::Interpolation),
            _ => {}
        }
        index += 1;
    }
    (0, Piece::Unclosed)
}
