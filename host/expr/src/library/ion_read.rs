//! Reads Ion's text form. What Ion has and expressions have not becomes the nearest they have: symbols and clobs are texts, blobs the
//! text of their Base64, S-expressions lists, decimals numbers; annotations are left out.

use std::sync::Arc;

use crate::value::{Map, Value};

/// Containers inside one another beyond this are refused.
const MAX_DEPTH: u32 = 100;

/// Reads the values of a text, at most so many of them.
///
/// # Errors
/// What is wrong and where, without a word of the text itself, as that may be secret.
pub(super) fn values(text: &str, most: usize) -> Result<Vec<Value>, String> {
    let mut reader = Reader { text, at: 0 };
    let mut values = Vec::new();
    while values.len() < most {
        reader.blank()?;
        if reader.at == text.len() {
            break;
        }
        if reader.take("$ion_1_0") {
            continue;
        }
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn error(&self, message: &str) -> String {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |last| last.chars().count())
            + 1;
        format!("{message} at line {line} column {column}")
    }

    /// Passes over blanks and comments.
    fn blank(&mut self) -> Result<(), String> {
        loop {
            let rest = self.rest();
            let trimmed =
                rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{b}', '\u{c}', '\u{feff}']);
            let length = if trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => end + 2,
                    None => return Err(self.error("a comment is never closed")),
                }
            } else {
                0
            };
            self.at += rest.len() - trimmed.len() + length;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("too many values inside one another"));
        }
        self.blank()?;
        match self.next() {
            None => Err(self.error("a value is missing")),
            Some(b'[') => {
                self.at += 1;
                self.list(']', true, depth)
            }
            Some(b'(') => {
                self.at += 1;
                self.list(')', false, depth)
            }
            Some(b'{') if self.rest().starts_with("{{") => self.lob(),
            Some(b'{') => self.structure(depth),
            Some(b'"') => {
                self.at += 1;
                self.quoted("\"").map(Value::text)
            }
            Some(b'\'') if self.rest().starts_with("'''") => self.long().map(Value::text),
            Some(b'\'') => {
                self.at += 1;
                let symbol = self.quoted("'")?;
                self.annotated(Value::text(symbol), depth)
            }
            Some(b'0'..=b'9' | b'-' | b'+') => self.number(),
            Some(byte) if is_letter(byte) => {
                let word = self.word();
                self.annotated(keyword(&word).unwrap_or_else(|| Value::text(word)), depth)
            }
            Some(_) => Err(self.error("no value begins with this character")),
        }
    }

    /// A symbol, or the value that it annotates.
    fn annotated(&mut self, symbol: Value, depth: u32) -> Result<Value, String> {
        let end = self.at;
        self.blank()?;
        if self.take("::") {
            return self.value(depth + 1);
        }
        self.at = end;
        Ok(symbol)
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        // A null may say of what type it is.
        let length = rest
            .bytes()
            .take_while(|byte| is_letter(*byte) || byte.is_ascii_digit())
            .count();
        let length = match rest[..length] == *"null" && rest[length..].starts_with('.') {
            true => {
                let kind = rest[length + 1..].bytes();
                length + 1 + kind.take_while(u8::is_ascii_lowercase).count()
            }
            false => length,
        };
        let word = rest[..length].to_owned();
        self.at += length;
        word
    }

    fn list(&mut self, closing: char, commas: bool, depth: u32) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            self.blank()?;
            if self.take(closing.encode_utf8(&mut [0; 4])) {
                return Ok(Value::list(items));
            }
            if self.at == self.text.len() {
                return Err(self.error("a list is never closed"));
            }
            let operators = self.operators();
            if !commas && operators > 0 {
                items.push(Value::text(&self.rest()[..operators]));
                self.at += operators;
                continue;
            }
            items.push(self.value(depth + 1)?);
            self.blank()?;
            if commas && !self.take(",") && self.next() != Some(closing as u8) {
                return Err(self.error("a comma or the end of the list is missing"));
            }
        }
    }

    /// How many signs stand here that are a symbol in an S-expression; a sign before a number belongs to it.
    fn operators(&self) -> usize {
        let rest = self.rest().as_bytes();
        let signed = matches!(rest, [b'+' | b'-', b'0'..=b'9' | b'i', ..]);
        match signed {
            true => 0,
            false => rest
                .iter()
                .take_while(|byte| b"!#%&*+-./;<=>?@^`|~".contains(byte))
                .count(),
        }
    }

    fn structure(&mut self, depth: u32) -> Result<Value, String> {
        self.at += 1;
        let mut entries = Map::new();
        loop {
            self.blank()?;
            if self.take("}") {
                return Ok(Value::map(entries));
            }
            let name: Arc<str> = match self.next() {
                Some(b'"') => {
                    self.at += 1;
                    self.quoted("\"")?.into()
                }
                Some(b'\'') if self.rest().starts_with("'''") => self.long()?.into(),
                Some(b'\'') => {
                    self.at += 1;
                    self.quoted("'")?.into()
                }
                Some(byte) if is_letter(byte) => self.word().into(),
                None => return Err(self.error("a struct is never closed")),
                Some(_) => return Err(self.error("the name of a field is missing")),
            };
            self.blank()?;
            if !self.take(":") {
                return Err(self.error("a colon is missing behind the name of a field"));
            }
            entries.insert(name, self.value(depth + 1)?);
            self.blank()?;
            if !self.take(",") && self.next() != Some(b'}') {
                return Err(self.error("a comma or the end of the struct is missing"));
            }
        }
    }

    /// A blob's Base64, or a clob's text.
    fn lob(&mut self) -> Result<Value, String> {
        self.at += 2;
        self.blank()?;
        let text = match self.next() {
            Some(b'"') => {
                self.at += 1;
                self.quoted("\"")?
            }
            Some(b'\'') if self.rest().starts_with("'''") => self.long()?,
            _ => {
                let rest = self.rest();
                let length = rest.find('}').unwrap_or(rest.len());
                let digits = rest[..length].split_whitespace().collect();
                self.at += length;
                digits
            }
        };
        self.blank()?;
        match self.take("}}") {
            true => Ok(Value::text(text)),
            false => Err(self.error("a blob is never closed")),
        }
    }

    /// Texts between three quotes each, which belong together.
    fn long(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            let end = self.at;
            self.blank()?;
            if !self.take("'''") {
                self.at = end;
                return Ok(text);
            }
            text.push_str(&self.quoted("'''")?);
        }
    }

    /// What stands before a closing quote, which is passed.
    fn quoted(&mut self, closing: &str) -> Result<String, String> {
        let mut text = String::new();
        loop {
            if self.take(closing) {
                return Ok(text);
            }
            match self.rest().chars().next() {
                None => return Err(self.error("a text is never closed")),
                Some('\n') if closing.len() == 1 => {
                    return Err(self.error("a text is not closed in its line"));
                }
                Some('\\') => {
                    self.at += 1;
                    self.escape(&mut text)?;
                }
                Some(character) => {
                    self.at += character.len_utf8();
                    text.push(character);
                }
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), String> {
        let Some(character) = self.rest().chars().next() else {
            return Err(self.error("a text is never closed"));
        };
        self.at += character.len_utf8();
        let digits = match character {
            '0' => return keep(text, '\0'),
            'a' => return keep(text, '\u{7}'),
            'b' => return keep(text, '\u{8}'),
            't' => return keep(text, '\t'),
            'n' => return keep(text, '\n'),
            'f' => return keep(text, '\u{c}'),
            'r' => return keep(text, '\r'),
            'v' => return keep(text, '\u{b}'),
            '?' | '"' | '\'' | '/' | '\\' => return keep(text, character),
            // The line goes on in the next one.
            '\n' => return Ok(()),
            '\r' => {
                self.take("\n");
                return Ok(());
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return Err(self.error("there is no such escape")),
        };
        let code = self.code(digits)?;
        // Half of a character; the other half follows.
        let code = match code {
            0xd800..0xdc00 if self.take("\\u") => {
                let low = self.code(4)?;
                0x10000 + ((code - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff)
            }
            _ => code,
        };
        match char::from_u32(code) {
            Some(character) => keep(text, character),
            None => Err(self.error("an escape is no character")),
        }
    }

    fn code(&mut self, digits: usize) -> Result<u32, String> {
        let code = self
            .rest()
            .get(..digits)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.error("an escape lacks its hexadecimal digits"))?;
        self.at += digits;
        Ok(code)
    }

    /// A number or a moment.
    fn number(&mut self) -> Result<Value, String> {
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-._:".contains(byte))
            .count();
        let token = &self.rest()[..length];
        let value = match token {
            "+inf" => Some(Value::float(f64::INFINITY)),
            "-inf" => Some(Value::float(f64::NEG_INFINITY)),
            _ if is_moment(token) => moment(token),
            _ => number(token),
        };
        let value = value.ok_or_else(|| self.error("a number or a moment is malformed"))?;
        self.at += length;
        Ok(value)
    }
}

fn keep(text: &mut String, character: char) -> Result<(), String> {
    text.push(character);
    Ok(())
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$'
}

fn keyword(word: &str) -> Option<Value> {
    match word {
        "true" => Some(Value::bool(true)),
        "false" => Some(Value::bool(false)),
        "nan" => Some(Value::float(f64::NAN)),
        "null" => Some(Value::null()),
        _ => word.strip_prefix("null.").map(|_| Value::null()),
    }
}

fn is_moment(token: &str) -> bool {
    let bytes = token.as_bytes();
    bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && matches!(bytes[4], b'-' | b'T')
}

/// A day, month or year stays a text; what has a time of day is a moment.
fn moment(token: &str) -> Option<Value> {
    let Some((date, time)) = token.split_once('T').filter(|(_, time)| !time.is_empty()) else {
        let date = token.trim_end_matches('T');
        let padded = match date.len() {
            4 => format!("{date}-01-01"),
            7 => format!("{date}-01"),
            _ => date.to_owned(),
        };
        return padded
            .parse::<jiff::civil::Date>()
            .ok()
            .map(|_| Value::text(date));
    };
    let sign = time.find(['Z', '+', '-'])?;
    let (clock, offset) = time.split_at(sign);
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    // An unknown offset, -00:00, is written in UTC.
    let text = format!("{date}T{clock}{seconds}{offset}");
    let instant: jiff::Timestamp = text.parse().ok()?;
    let zone = match offset {
        "Z" => jiff::tz::TimeZone::UTC,
        _ => {
            let digits = |range: std::ops::Range<usize>| offset.get(range)?.parse::<i32>().ok();
            let seconds = digits(1..3)? * 3600 + digits(4..6)? * 60;
            let seconds = if offset.starts_with('-') {
                -seconds
            } else {
                seconds
            };
            jiff::tz::Offset::from_seconds(seconds).ok()?.to_time_zone()
        }
    };
    Some(Value::datetime(instant.to_zoned(zone)))
}

fn number(token: &str) -> Option<Value> {
    let plain = token.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.as_str()),
    };
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return i64::from_str_radix(&format!("{sign}{digits}"), radix)
                .ok()
                .map(Value::int);
        }
    }
    // It is a value of its own elsewhere, and no number begins with it here.
    if !digits.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = plain.parse().map(Value::int);
        return whole.or_else(|_| plain.parse().map(Value::float)).ok();
    }
    let float = plain.replace(['d', 'D'], "e");
    float.parse().ok().map(Value::float)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn values_are_read() {
        let check = |text: &str, expected: Json| {
            let read = values(text, usize::MAX).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(Value::list(read).to_json(), expected, "{text}");
        };
        check("", json!([]));
        check("$ion_1_0 1 2", json!([1, 2]));
        check(
            "{date:2024-04-21T23:00:00.000Z, title:\"Main_Page\",views:109787}",
            json!([{"date": "2024-04-21T23:00:00Z", "title": "Main_Page", "views": 109787}]),
        );
        check(
            "{a:1}\n{a:2,}\n// note\n/* more */ {'b c': [1, 2,], \"d\"::e: f}"
                .replace("\"d\"::", "")
                .as_str(),
            json!([{"a": 1}, {"a": 2}, {"b c": [1, 2], "e": "f"}]),
        );
        check(
            "null null.string true false",
            json!([null, null, true, false]),
        );
        check(
            "-12 1_000 0xff -0x10 0b101 99999999999999999999",
            json!([-12, 1000, 255, -16, 5, 1e20]),
        );
        check(
            "1.5 -2.50 1.5e3 2d2 1.e0",
            json!([1.5, -2.5, 1500.0, 200.0, 1.0]),
        );
        check("unit::5 a::b::'c d'::[x]", json!([5, ["x"]]));
        check(
            r#""a\n\"\x41\u00e9\U0001F600\ud83d\ude00" '''one ''' '''two''' 'it\'s'"#,
            json!(["a\n\"Aé😀😀", "one two", "it's"]),
        );
        check("(+ 1 (a -2))", json!([["+", 1, ["a", -2]]]));
        check("{{aGk= }} {{\"clob\"}}", json!(["aGk=", "clob"]));
        check(
            "2024T 2024-02T 2024-02-29 2024-02-29T23:00Z 2024-02-29T23:00:00.5+02:00 2024-02-29T23:00-00:00",
            json!([
                "2024",
                "2024-02",
                "2024-02-29",
                "2024-02-29T23:00:00Z",
                "2024-02-29T23:00:00.500+02:00",
                "2024-02-29T23:00:00Z"
            ]),
        );
        assert_eq!(values("1 2 3 [", 2).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_ion_is_told_with_its_place_and_without_its_text() {
        let check = |text: &str, expected: &str| {
            let error = values(text, usize::MAX).unwrap_err();
            assert_eq!(error, expected, "{text}");
        };
        check(
            "{not: ion",
            "a comma or the end of the struct is missing at line 1 column 10",
        );
        check(
            "1\n[1 2]",
            "a comma or the end of the list is missing at line 2 column 4",
        );
        check("[1, ", "a list is never closed at line 1 column 5");
        check("\"abc", "a text is never closed at line 1 column 5");
        check(
            "\"a\nb\"",
            "a text is not closed in its line at line 1 column 3",
        );
        check("/* x", "a comment is never closed at line 1 column 1");
        check(
            "1.2.3",
            "a number or a moment is malformed at line 1 column 1",
        );
        check(
            "2024-13-01",
            "a number or a moment is malformed at line 1 column 1",
        );
        check("-", "a number or a moment is malformed at line 1 column 1");
        check(
            "]",
            "no value begins with this character at line 1 column 1",
        );
        check("{: 1}", "the name of a field is missing at line 1 column 2");
        check("\"\\q\"", "there is no such escape at line 1 column 4");
        check(
            &"[".repeat(200),
            "too many values inside one another at line 1 column 102",
        );
    }
}
