//! As much of Python's lexical rules as is needed to tell a name from a text, and where a statement ends.

/// What a piece of the script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword.
    Word,
    /// A text literal with its prefix; `formatted` ones hold expressions.
    Text {
        /// Whether its prefix says `f` or `t`.
        formatted: bool,
    },
    /// A comment, without its line break.
    Comment,
    /// A line break outside of all brackets.
    Newline,
    /// Everything else: operators and numbers.
    Other,
}

/// One piece, by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    pub(crate) fn text<'a>(&self, script: &'a str) -> &'a str {
        piece(script, self.start, self.end)
    }
}

/// The script from byte to byte. Tokens start and end beside ASCII or at an end, so it is never none; an index would bring its
/// panic along, with all that writes its message.
pub(crate) fn piece(script: &str, start: usize, end: usize) -> &str {
    script.get(start..end).unwrap_or_default()
}

/// Walks over a script. It never fails: what is no Python comes out as some tokens, and Python itself will complain.
#[derive(Clone)]
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    offset: usize,
    depth: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at a byte of the script that is the start of a line or of a statement.
    pub(crate) fn new(script: &'a str, offset: usize) -> Self {
        Lexer {
            bytes: script.as_bytes(),
            offset,
            depth: 0,
        }
    }

    fn at(&self, offset: usize) -> u8 {
        self.bytes.get(offset).copied().unwrap_or(0)
    }

    fn take_while(&mut self, accepts: impl Fn(u8) -> bool) {
        while self
            .bytes
            .get(self.offset)
            .is_some_and(|byte| accepts(*byte))
        {
            self.offset += 1;
        }
    }

    /// The length of the line break at an offset; 0 where there is none.
    fn line_break(&self, offset: usize) -> usize {
        match (self.at(offset), self.at(offset + 1)) {
            (b'\r', b'\n') => 2,
            (b'\r' | b'\n', _) => 1,
            _ => 0,
        }
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'));
            let continued = if self.at(self.offset) == b'\\' {
                self.line_break(self.offset + 1)
            } else {
                0
            };
            let inner = if self.depth > 0 {
                self.line_break(self.offset)
            } else {
                0
            };
            match (continued, inner) {
                (0, 0) => return,
                (0, inner) => self.offset += inner,
                (continued, _) => self.offset += 1 + continued,
            }
        }
    }

    /// Reads a text literal from its first quote to its last, or to where an unfinished one ends.
    fn literal(&mut self) {
        let quote = self.at(self.offset);
        let triple = self.at(self.offset + 1) == quote && self.at(self.offset + 2) == quote;
        self.offset += if triple { 3 } else { 1 };
        while let Some(&byte) = self.bytes.get(self.offset) {
            if byte == b'\\' {
                self.offset = (self.offset + 2).min(self.bytes.len());
                self.leave_character();
            } else if byte == quote && !triple {
                self.offset += 1;
                return;
            } else if byte == quote
                && self.at(self.offset + 1) == quote
                && self.at(self.offset + 2) == quote
            {
                self.offset += 3;
                return;
            } else if !triple && matches!(byte, b'\r' | b'\n') {
                return;
            } else {
                self.offset += 1;
            }
        }
    }

    /// A backslash may have jumped into the middle of a character.
    fn leave_character(&mut self) {
        self.take_while(|byte| byte & 0xc0 == 0x80);
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether a word right before a quote is its prefix, and whether that one makes it a formatted text.
fn prefix(word: &[u8]) -> Option<bool> {
    let lower = |index: usize| word.get(index).map(u8::to_ascii_lowercase);
    match (word.len(), lower(0), lower(1)) {
        (1, Some(b'r' | b'u' | b'b'), _) => Some(false),
        (1, Some(b'f' | b't'), _) => Some(true),
        (2, Some(b'r'), Some(b'b')) | (2, Some(b'b'), Some(b'r')) => Some(false),
        (2, Some(b'r'), Some(b'f' | b't')) | (2, Some(b'f' | b't'), Some(b'r')) => Some(true),
        _ => None,
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_space();
        let start = self.offset;
        let kind = match *self.bytes.get(start)? {
            b'\r' | b'\n' => {
                self.offset += self.line_break(start);
                Kind::Newline
            }
            b'#' => {
                self.take_while(|byte| !matches!(byte, b'\r' | b'\n'));
                Kind::Comment
            }
            b'"' | b'\'' => {
                self.literal();
                Kind::Text { formatted: false }
            }
            // A number takes its letters along: `0xfalse` holds no name.
            b'0'..=b'9' => {
                self.take_while(is_word);
                Kind::Other
            }
            byte if is_word(byte) => {
                self.take_while(is_word);
                match prefix(&self.bytes[start..self.offset]) {
                    Some(formatted) if matches!(self.at(self.offset), b'"' | b'\'') => {
                        self.literal();
                        Kind::Text { formatted }
                    }
                    _ => Kind::Word,
                }
            }
            byte => {
                match byte {
                    b'(' | b'[' | b'{' => self.depth += 1,
                    b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.offset += 1;
                Kind::Other
            }
        };
        Some(Token {
            kind,
            start,
            end: self.offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_comments_and_line_breaks_are_told_apart() {
        let check = |script: &str, expected: &[(&str, char)]| {
            let letter = |token: Token| match token.kind {
                Kind::Word => 'w',
                Kind::Text { formatted: false } => 't',
                Kind::Text { formatted: true } => 'f',
                Kind::Comment => 'c',
                Kind::Newline => 'n',
                Kind::Other => 'o',
            };
            let got: Vec<(&str, char)> = Lexer::new(script, 0)
                .map(|token| (token.text(script), letter(token)))
                .collect();
            assert_eq!(got, expected, "{script:?}");
        };
        check("", &[]);
        check(
            "a = 1e5 # x\r\n",
            &[
                ("a", 'w'),
                ("=", 'o'),
                ("1e5", 'o'),
                ("# x", 'c'),
                ("\r\n", 'n'),
            ],
        );
        check(
            "(a,\n# c\nb)\n",
            &[
                ("(", 'o'),
                ("a", 'w'),
                (",", 'o'),
                ("# c", 'c'),
                ("b", 'w'),
                (")", 'o'),
                ("\n", 'n'),
            ],
        );
        check("a \\\n  b", &[("a", 'w'), ("b", 'w')]);
        check(
            r#"'a\'b' "c" x"#,
            &[("'a\\'b'", 't'), ("\"c\"", 't'), ("x", 'w')],
        );
        check("'''a\n'b''' é", &[("'''a\n'b'''", 't'), ("é", 'w')]);
        check(
            "f'{x}' Rb\"y\" rx'z'",
            &[("f'{x}'", 'f'), ("Rb\"y\"", 't'), ("rx", 'w'), ("'z'", 't')],
        );
        check("'open\nx", &[("'open", 't'), ("\n", 'n'), ("x", 'w')]);
        check("'''open\nx", &[("'''open\nx", 't')]);
        check("'\\é' x", &[("'\\é'", 't'), ("x", 'w')]);
        check("'\\", &[("'\\", 't')]);
    }
}
