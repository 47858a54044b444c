//! Finds the true borders of nodes: the parser's spans may hold trailing blanks and comments, and miss the header of a block scalar.

use super::unquoted;
use super::{ScalarStyle, Span};

/// Walks along the source with the events.
pub(super) struct Cursor<'text> {
    text: &'text str,
    /// Where the last scalar or collection border ended.
    position: usize,
}

impl<'text> Cursor<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn move_to(&mut self, position: u32) {
        self.position = position as usize;
    }

    pub(super) fn slice(&self, span: Span) -> &'text str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// The line of a span, from 1.
    pub(super) fn line(&self, span: Span) -> usize {
        let before = &self.text.as_bytes()[..span.start as usize];
        memchr::memchr_iter(b'\n', before).count() + 1
    }

    /// The true span of a scalar, quotes and block header included, tag and anchor not.
    pub(super) fn scalar(&mut self, span: Span, style: ScalarStyle) -> Span {
        let bytes = self.text.as_bytes();
        let given = span.start as usize;
        let (start, end) = match style {
            ScalarStyle::Plain if span.start == span.end => {
                let at = self.empty(given);
                (at, at)
            }
            ScalarStyle::Plain | ScalarStyle::Made => {
                let start = skip_properties(bytes, given);
                (start, (span.end as usize).max(start))
            }
            ScalarStyle::SingleQuoted => {
                let start = skip_properties(bytes, given);
                (start, single_quoted_end(bytes, start))
            }
            ScalarStyle::DoubleQuoted => {
                let start = skip_properties(bytes, given);
                (start, double_quoted_end(bytes, start))
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let start = block_header(bytes, self.position).unwrap_or(given);
                let body = &self.text[start..(span.end as usize).max(start)];
                (start, start + body.trim_end().len())
            }
        };
        self.position = end;
        make_span(start, end)
    }

    /// Where a collection's first entry begins.
    pub(super) fn collection(&mut self, span: Span, list: bool) -> u32 {
        let bytes = self.text.as_bytes();
        let mut start = skip_properties(bytes, span.start as usize);
        // The parser says where a list without indentation goes on behind its first dash.
        if list && !matches!(bytes.get(start), Some(b'-' | b'[')) {
            let before = self.text[..start].trim_end();
            if before.ends_with('-') && before.len() > self.position {
                start = before.len() - 1;
            }
        }
        if let Some(b'[' | b'{') = bytes.get(start) {
            self.position = start + 1;
        }
        make_span(start, start).start
    }

    /// Where a collection ends: behind its bracket, or with its last entry.
    pub(super) fn close(&mut self, span: Span, last: u32) -> u32 {
        if span.start < span.end {
            self.position = span.start as usize + 1;
            span.start + 1
        } else {
            last
        }
    }

    /// The span of the tag among the properties that an event begins with.
    pub(super) fn tag(&self, span: Span) -> Span {
        let bytes = self.text.as_bytes();
        let from = span.start as usize;
        let start = memchr::memchr(b'!', &bytes[from..]).map_or(from, |offset| from + offset);
        make_span(start, word_end(bytes, start))
    }

    /// The whole value, where a map is an expression that lacks quotes.
    pub(super) fn unquoted(&self, span: Span, in_flow: bool) -> Option<Span> {
        let start = skip_properties(self.text.as_bytes(), span.start as usize);
        unquoted::begins(self.text, start).then(|| unquoted::value(self.text, start, in_flow))
    }

    /// Whether a bracket opens here.
    pub(super) fn is_bracket(&self, at: u32) -> bool {
        matches!(self.text.as_bytes().get(at as usize), Some(b'[' | b'{'))
    }

    /// Where nothing stands: behind the indicator that asks for a value.
    fn empty(&self, given: usize) -> usize {
        let behind = match self.text.as_bytes().get(given) {
            Some(b':' | b'-' | b'?') => given + 1,
            _ => given,
        };
        let from = self.position.min(behind);
        let (mut at, mut end) = (from, from);
        for line in self.text[from..behind].split_inclusive('\n') {
            let content = line.split('#').next().unwrap_or_default().trim_end();
            if !content.trim_start().is_empty() {
                end = at + content.len();
            }
            at += line.len();
        }
        end
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the reader refuses texts that are larger"
)]
pub(super) fn make_span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        end: end as u32,
    }
}

/// Skips anchors, tags and the blanks, comments and lines between them and the node.
fn skip_properties(bytes: &[u8], mut at: usize) -> usize {
    if !matches!(bytes.get(at), Some(b'&' | b'!')) {
        return at;
    }
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'&' | b'!' => at = word_end(bytes, at),
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => at = line_end(bytes, at),
            _ => break,
        }
    }
    at
}

/// Finds `|` or `>` behind the end of what came before it.
fn block_header(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'|' | b'>' => return Some(at),
            b'&' | b'!' => at = word_end(bytes, at),
            b'#' => at = line_end(bytes, at),
            _ => at += 1,
        }
    }
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter();
    at + rest.take_while(|byte| !byte.is_ascii_whitespace()).count()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |offset| at + offset)
}

pub(super) fn single_quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\'', rest)) {
        at += offset + 1;
        if bytes.get(at) != Some(&b'\'') {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

pub(super) fn double_quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(offset) = bytes
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += offset;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}
