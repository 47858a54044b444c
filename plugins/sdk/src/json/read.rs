//! The reader: RFC 8259 and nothing more, with the byte of every mistake.

use std::fmt;

use super::Value;

/// How deep lists and objects may nest: a bound for the stack of a sandbox that has 512 KiB of it.
pub const MAX_DEPTH: usize = 128;

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong, lower case, no full stop.
    pub message: &'static str,
    /// The byte, from 0, at which the reader stopped.
    pub offset: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.message, self.offset)
    }
}

impl std::error::Error for Error {}

pub(super) fn parse(text: &str) -> Result<Value, Error> {
    let mut reader = Reader { text, offset: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.offset < text.len() {
        return Err(reader.error("something follows the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    offset: usize,
}

impl Reader<'_> {
    fn error(&self, message: &'static str) -> Error {
        Error {
            message,
            offset: self.offset,
        }
    }

    /// The text from `start` to here. Both stand beside ASCII, so it is never none; an index would bring its panic along.
    fn since(&self, start: usize) -> &str {
        self.text.get(start..self.offset).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.offset += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.offset += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.skip_space();
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.text()?)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, Error> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ];
        for (word, value) in words {
            if self.text.as_bytes()[self.offset..].starts_with(word.as_bytes()) {
                self.offset += word.len();
                return Ok(value);
            }
        }
        Err(self.error("a value was expected"))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Error> {
        self.offset += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `]` was expected"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        self.offset += 1;
        let mut entries = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key was expected"));
            }
            let key = self.text()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.error("`:` was expected"));
            }
            entries.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Object(entries));
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `}` was expected"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.offset;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Value::Number(self.since(start).to_owned()))
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.error("a digit was expected"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        Ok(())
    }

    fn text(&mut self) -> Result<String, Error> {
        self.offset += 1;
        let mut text = String::new();
        loop {
            // Whole runs are copied: a script of a megabyte is a few slices, not a million pushes.
            let start = self.offset;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.offset += 1;
            }
            text.push_str(self.since(start));
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.offset += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return Err(self.error("a control character stands in a text")),
                None => return Err(self.error("a text does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.offset += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.error("an unknown escape")),
        };
        self.offset += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.four_hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if !(self.take(b'\\') && self.take(b'u')) {
                return Err(self.error("half of a surrogate pair"));
            }
            let second = self.four_hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.error("half of a surrogate pair"));
            }
            0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair"))
    }

    fn four_hex(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte @ b'0'..=b'9') => byte - b'0',
                Some(byte @ b'a'..=b'f') => byte - b'a' + 10,
                Some(byte @ b'A'..=b'F') => byte - b'A' + 10,
                _ => return Err(self.error("four hexadecimal digits were expected")),
            };
            code = code * 16 + u32::from(digit);
            self.offset += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_read() {
        let check = |text: &str, expected: Value| assert_eq!(parse(text), Ok(expected), "{text}");
        check(" null ", Value::Null);
        check("[]", Value::List(vec![]));
        check("{ }", Value::Object(vec![]));
        check("-0.5e+10", Value::Number("-0.5e+10".into()));
        check(
            "[true,\tfalse\n]",
            Value::List(vec![Value::Bool(true), Value::Bool(false)]),
        );
        check(r#"{"b":1,"a":[2]}"#, {
            let two = Value::List(vec![Value::Number("2".into())]);
            Value::Object(vec![
                ("b".into(), Value::Number("1".into())),
                ("a".into(), two),
            ])
        });
        check(
            r#""\u00e9\ud83d\ude00\n\/\"\\\b\f\r\t""#,
            "é😀\n/\"\\\u{8}\u{c}\r\t".into(),
        );
        check("\"ünïcode 😀\"", "ünïcode 😀".into());
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_byte() {
        let check = |text: &str, message: &'static str, offset: usize| {
            assert_eq!(parse(text), Err(Error { message, offset }), "{text}");
        };
        check("", "a value was expected", 0);
        check("nul", "a value was expected", 0);
        check("1 2", "something follows the value", 2);
        check("01", "something follows the value", 1);
        check("-", "a digit was expected", 1);
        check("1.", "a digit was expected", 2);
        check("[1,]", "a value was expected", 3);
        check("[1", "`,` or `]` was expected", 2);
        check("{1:2}", "a key was expected", 1);
        check("{\"a\" 2}", "`:` was expected", 5);
        check("{\"a\":2", "`,` or `}` was expected", 6);
        check("\"a", "a text does not end", 2);
        check("\"\n\"", "a control character stands in a text", 1);
        check(r#""\x""#, "an unknown escape", 2);
        check(r#""\u12g4""#, "four hexadecimal digits were expected", 5);
        check(r#""\ud800""#, "half of a surrogate pair", 7);
        check(r#""\udc00""#, "half of a surrogate pair", 7);
        check(&"[".repeat(100_000), "nested too deeply", MAX_DEPTH + 1);
    }

    #[test]
    fn deep_nesting_within_the_bound_is_read() {
        let text = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(parse(&text).is_ok());
    }
}
