//! Maps places in a scalar's decoded text back to the source: through quotes, escapes, folded lines and indentation.

use std::ops::Range;

use super::source::make_span;
use super::{Node, ScalarStyle, Span};

/// Where a byte of the scalar's text was written. What lies behind the text is its end; for a node that is no scalar of this source
/// the answer is the node's start.
pub fn scalar_offset_to_source(source: &str, node: &Node, offset_in_text: usize) -> u32 {
    scalar_span_to_source(source, node, offset_in_text..offset_in_text).start
}

/// Where a range of the scalar's text was written, as far as it reaches.
pub fn scalar_span_to_source(source: &str, node: &Node, range: Range<usize>) -> Span {
    let start = make_span(node.span.start as usize, node.span.start as usize);
    let (Some(scalar), Some(written)) = (
        node.scalar(),
        source.get(node.span.start as usize..node.span.end as usize),
    ) else {
        return start;
    };
    let base = node.span.start as usize;
    let text = &*scalar.text;
    if scalar.style == ScalarStyle::Made {
        return node.span;
    }
    if scalar.style == ScalarStyle::Plain && written == text {
        let end = text.len();
        let from = range.start.min(end);
        return make_span(base + from, base + range.end.clamp(from, end));
    }
    let mut walk = Walk {
        written,
        at: 0,
        decoded: 0,
        pieces: Vec::new(),
    };
    match scalar.style {
        ScalarStyle::Plain | ScalarStyle::Made => walk.flow(written.len(), None),
        ScalarStyle::SingleQuoted => walk.quoted('\''),
        ScalarStyle::DoubleQuoted => walk.quoted('"'),
        ScalarStyle::Literal => walk.block(text, false),
        ScalarStyle::Folded => walk.block(text, true),
    }
    let from = walk.start_of(range.start);
    let to = if range.end > range.start {
        walk.end_of(range.end).max(from)
    } else {
        from
    };
    make_span(base + from, base + to)
}

/// A stretch of the written text and the stretch of decoded text it stands for; of equal length where it stands for itself.
#[derive(Debug)]
struct Piece {
    written: Range<usize>,
    decoded: Range<usize>,
}

struct Walk<'source> {
    written: &'source str,
    at: usize,
    decoded: usize,
    pieces: Vec<Piece>,
}

impl<'source> Walk<'source> {
    fn start_of(&self, offset: usize) -> usize {
        for piece in &self.pieces {
            if offset < piece.decoded.end {
                return if piece.written.len() == piece.decoded.len() {
                    piece.written.start + (offset - piece.decoded.start)
                } else {
                    piece.written.start
                };
            }
        }
        self.pieces
            .last()
            .map_or(self.at, |piece| piece.written.end)
    }

    fn end_of(&self, offset: usize) -> usize {
        for piece in &self.pieces {
            if offset <= piece.decoded.end {
                return if piece.written.len() == piece.decoded.len() {
                    piece.written.start + (offset - piece.decoded.start)
                } else {
                    piece.written.end
                };
            }
        }
        self.pieces
            .last()
            .map_or(self.at, |piece| piece.written.end)
    }

    /// Takes the next `written` bytes for `decoded` bytes of text.
    fn take(&mut self, written: usize, decoded: usize) {
        let (start, from) = (self.at, self.decoded);
        self.at += written;
        self.decoded += decoded;
        if decoded == 0 {
            return;
        }
        if let Some(last) = self.pieces.last_mut()
            && written == decoded
            && last.written.len() == last.decoded.len()
            && last.written.end == start
        {
            last.written.end = self.at;
            last.decoded.end = self.decoded;
            return;
        }
        self.pieces.push(Piece {
            written: start..self.at,
            decoded: from..self.decoded,
        });
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.written.as_bytes().get(at).copied()
    }

    fn quoted(&mut self, quote: char) {
        self.at = 1;
        let end = if self.written.len() > 1 && self.written.ends_with(quote) {
            self.written.len() - 1
        } else {
            self.written.len()
        };
        self.flow(end, Some(quote));
    }

    /// Plain and quoted text: line breaks fold, blanks round them vanish.
    fn flow(&mut self, end: usize, quote: Option<char>) {
        while self.at < end {
            match self.byte(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.blanks(end, false),
                Some(b'\'') if quote == Some('\'') => self.take(2, 1),
                Some(b'\\') if quote == Some('"') => self.escape(end),
                Some(_) => self.character(),
                None => return,
            }
        }
    }

    fn character(&mut self) {
        let character = self.written[self.at..].chars().next();
        let length = character.map_or(1, char::len_utf8);
        self.take(length, length);
    }

    /// A run of blanks and line breaks. One break is a blank, of more all but the first stay; where the first was escaped all do.
    fn blanks(&mut self, end: usize, escaped: bool) {
        let run = self.written[self.at..end]
            .find(|letter| !matches!(letter, ' ' | '\t' | '\r' | '\n'))
            .map_or(end, |length| self.at + length);
        let breaks = self.written[self.at..run].matches('\n').count();
        if breaks == 0 && !escaped {
            self.take(run - self.at, run - self.at);
            return;
        }
        let mut seen = 0;
        while self.at < run {
            let is_break = self.byte(self.at) == Some(b'\n');
            seen += usize::from(is_break);
            let stays = is_break && (escaped || breaks == 1 || seen > 1);
            self.take(1, usize::from(stays));
        }
    }

    fn escape(&mut self, end: usize) {
        let rest = &self.written[self.at + 1..];
        let letter = rest.chars().next();
        if let Some('\r' | '\n') = letter {
            self.take(1 + usize::from(letter == Some('\r')) + 1, 0);
            self.blanks(end, true);
            return;
        }
        let (digits, decoded) = match letter {
            Some('x') => (2, None),
            Some('u') => (4, None),
            Some('U') => (8, None),
            Some('N' | '_') => (0, Some(2)),
            Some('L' | 'P') => (0, Some(3)),
            _ => (0, Some(1)),
        };
        let decoded = decoded.unwrap_or_else(|| {
            let code = rest
                .get(1..=digits)
                .and_then(|code| u32::from_str_radix(code, 16).ok());
            code.and_then(char::from_u32).map_or(1, char::len_utf8)
        });
        self.take(1 + letter.map_or(0, char::len_utf8) + digits, decoded);
    }

    /// Literal and folded text: the indentation of each line vanishes, and of folded text the breaks between lines of one paragraph.
    fn block(&mut self, text: &str, folded: bool) {
        let header = self
            .written
            .find('\n')
            .map_or(self.written.len(), |newline| newline + 1);
        self.at = header;
        let indentation = {
            let first = |text: &str| {
                let line = text.lines().find(|line| !line.trim().is_empty());
                line.map_or(0, |line| line.len() - line.trim_start_matches(' ').len())
            };
            first(&self.written[header..]).saturating_sub(first(text))
        };
        while self.at < self.written.len() && self.decoded < text.len() {
            let line = self.line();
            let skipped = line.len() - line.trim_start_matches(' ').len();
            self.take(skipped.min(indentation), 0);
            let content = self.line();
            self.take(content.len(), content.len());
            let blank_here = content.starts_with([' ', '\t']);
            let was_content = !content.is_empty();
            if !folded || !was_content || blank_here {
                self.line_break(1);
                continue;
            }
            // The break behind a line of a paragraph is a blank, or nothing where empty lines follow; it stays before a line that
            // is indented deeper, and at the end.
            let behind = self.at + self.break_length();
            let rest = &self.written[behind..];
            let mut next = rest.split('\n').map(|line| {
                let blanks = line.len() - line.trim_start_matches(' ').len();
                line[blanks.min(indentation)..].trim_end_matches('\r')
            });
            let first = next.next().unwrap_or_default();
            let following = if first.is_empty() {
                next.find(|line| !line.is_empty())
            } else {
                Some(first)
            };
            let stays = following.is_none_or(|line| line.starts_with([' ', '\t']));
            let fold_to_blank = !first.is_empty();
            self.line_break(usize::from(stays || fold_to_blank));
        }
    }

    /// The rest of the line, without its break.
    fn line(&self) -> &'source str {
        let rest = &self.written[self.at..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn break_length(&self) -> usize {
        match (self.byte(self.at), self.byte(self.at + 1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(_), _) => 1,
            (None, _) => 0,
        }
    }

    fn line_break(&mut self, decoded: usize) {
        self.take(self.break_length(), decoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    /// Finds `needle` in the decoded text of the value of `a` and expects its place in the source to be that of `written`, the
    /// last such text in the source.
    fn check(source: &str, needle: &str, written: &str) {
        let parsed = parse(source, &Limits::default());
        let root = parsed
            .root
            .unwrap_or_else(|| panic!("{source}: {:?}", parsed.diagnostics));
        let node = root.get("a").unwrap();
        let text = &node.scalar().unwrap().text;
        let at = text
            .rfind(needle)
            .unwrap_or_else(|| panic!("{needle:?} is not in {text:?}"));
        let span = scalar_span_to_source(source, node, at..at + needle.len());
        let start = source.rfind(written).unwrap();
        let expected = start..start + written.len();
        let found = span.start as usize..span.end as usize;
        let draw = |range: &Range<usize>| {
            let line = source[..range.start]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            let end = source[line..]
                .find('\n')
                .map_or(source.len(), |length| line + length);
            let blanks = source[line..range.start].chars().count();
            let carets = source[range.start..range.end.min(end).max(range.start)]
                .chars()
                .count();
            format!(
                "{}\n{}{}",
                &source[line..end],
                " ".repeat(blanks),
                "^".repeat(carets.max(1))
            )
        };
        assert_eq!(
            found,
            expected,
            "{text:?}\nfound\n{}\nexpected\n{}",
            draw(&found),
            draw(&expected)
        );
        assert_eq!(
            scalar_offset_to_source(source, node, at) as usize,
            expected.start
        );
    }

    #[test]
    fn places_in_text() {
        for (source, needle, written) in [
            ("a: plain x y", "x", "x"),
            ("a: é x\nb: 1", "x", "x"),
            ("a: one\n  two x\n\n  three y\n", "x", "x"),
            ("a: one\n  two x\n\n  three y\n", "y", "y"),
            ("a: one\n  two", "two", "two"),
            ("a: 'it''s x'", "x", "x"),
            ("a: 'it''s x'", "'", "''"),
            ("a: 'one  \n   two\n\n  x'", "x", "x"),
            ("a: \"x\"", "x", "x"),
            ("a: \"\\t\\u00e9\\x41 x\"", "x", "x"),
            ("a: \"\\t\\u00e9\\x41 x\"", "é", "\\u00e9"),
            ("a: \"\\U0001F389x\\\"y\"", "y", "y"),
            ("a: \"\\U0001F389x\\\"y\"", "\"", "\\\""),
            ("a: \"\\N\\_\\L\\P\\/x\"", "x", "x"),
            ("a: \"one \\\n   two\\\n\n  x\"", "x", "x"),
            ("a: \"one\n\n\n  two x\"", "x", "x"),
            ("a: \"one \r\n  two x\"", "x", "x"),
            ("a: |\n  one\n  two x\n", "x", "x"),
            ("a: |\n  one\n    two\n\n  é x\n", "two", "two"),
            ("a: |\n  one\n    two\n\n  é x\n", "x", "x"),
            ("a: |-  # why x\n\n   \n   one x", "x", "x"),
            ("a: |2\n    one\n  x\n", "x", "x"),
            ("a: |2\n    one\n  x\n", "one", "one"),
            ("a: |+\n  x\n\n\nb: 1", "x\n\n", "x"),
            ("a: |\r\n  one\r\n  two x\r\n", "x", "x"),
            ("a: >\n  one\n  two x\n", "x", "x"),
            ("a: >\n  one\n  two x\n", "one two", "one\n  two"),
            ("a: >\n  one\n\n  two x\n", "x", "x"),
            ("a: >\n  one\n\n\n  two\n  x\n", "x", "x"),
            ("a: >\n\n  one\n    more\n    deep\n  x\n", "deep", "deep"),
            ("a: >\n\n  one\n    more\n    deep\n  x\n", "x", "x"),
            ("a: >\n  one\n\n    more\n\n  y\n  x\n", "more", "more"),
            ("a: >\n  one\n\n    more\n\n  y\n  x\n", "x", "x"),
            ("a: >-\r\n  one\r\n  x\r\n", "x", "x"),
            ("a: &b !!str 'x'", "x", "x"),
        ] {
            check(source, needle, written);
        }
    }

    #[test]
    fn decoded_lengths_agree_with_the_parser() {
        for source in [
            "a: >+\n  one\n  two\n\n   deep\n  three\n\n\n",
            "a: |+\n\n  one\n   two\n\n",
            "a: \"x \\\n\n\n   y\\n\\\n  z  \n  \"",
            "a: '\n  one\n\n  two '",
            "a: one\n\n\n  two\n  three",
        ] {
            let parsed = parse(source, &Limits::default());
            let root = parsed.root.unwrap();
            let node = root.get("a").unwrap();
            let text = &node.scalar().unwrap().text;
            // Each word of the text is found in the source.
            for (at, word) in text
                .split_whitespace()
                .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
            {
                let span = scalar_span_to_source(source, node, at..at + word.len());
                assert_eq!(
                    &source[span.start as usize..span.end as usize],
                    word,
                    "{source:?} {text:?}"
                );
            }
        }
    }

    #[test]
    fn odd_questions_have_an_answer() {
        let source = "a: \"é\\n\"\nb: [1]\n";
        let root = parse(source, &Limits::default()).root.unwrap();
        let (text, list) = (root.get("a").unwrap(), root.get("b").unwrap());
        for offset in 0..20 {
            let place = scalar_offset_to_source(source, text, offset);
            assert!(place <= text.span.end, "{offset}: {place}");
            assert_eq!(
                scalar_offset_to_source(source, list, offset),
                list.span.start
            );
            assert_eq!(scalar_offset_to_source("", text, offset), text.span.start);
        }
    }
}
