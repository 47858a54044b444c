//! A text with a name and its lines: turns byte offsets into lines and columns.

use std::sync::Arc;

use crate::yaml::Span;

/// The text that diagnostics speak of. Clones share it.
#[derive(Debug, Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// The first byte of each line.
    lines: Arc<[u32]>,
}

/// A place as people count: from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Source {
    /// A text under the name that messages show, for example the path as it was given.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "spans cannot point behind 4 GiB either"
        )]
        let lines = std::iter::once(0)
            .chain(newlines.map(|newline| newline as u32 + 1))
            .collect();
        Self {
            name: name.into().into(),
            text: text.into(),
            lines,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span; an offset that is not one of this text is moved to the nearest that is.
    pub fn slice(&self, span: Span) -> &str {
        let start = self.clamp(span.start);
        &self.text[start..self.clamp(span.end).max(start)]
    }

    /// Where a byte stands. Offsets behind the text count as its end, those inside a character as its start.
    pub fn position(&self, offset: u32) -> Position {
        let offset = self.clamp(offset);
        let line = self.line_index(offset);
        let start = self.lines[line] as usize;
        let before = self.text.get(start..offset).unwrap_or_default();
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        Position {
            line: line + 1,
            column: before.chars().count() + 1,
        }
    }

    /// The first byte and the text of the line that a byte stands in, without its end and without a byte order mark.
    pub fn line_at(&self, offset: u32) -> (u32, &str) {
        let line = self.line_index(self.clamp(offset));
        let mut start = self.lines[line];
        let end = self
            .lines
            .get(line + 1)
            .map_or(self.text.len(), |next| *next as usize - 1);
        let mut text = &self.text[start as usize..end];
        if line == 0 && text.starts_with('\u{feff}') {
            text = &text['\u{feff}'.len_utf8()..];
            start += 3;
        }
        (start, text.strip_suffix('\r').unwrap_or(text))
    }

    fn line_index(&self, offset: usize) -> usize {
        self.lines
            .partition_point(|start| *start as usize <= offset)
            - 1
    }

    fn clamp(&self, offset: u32) -> usize {
        self.text.floor_char_boundary(offset as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let text = "\u{feff}a: é\r\nb: 漢x\n\nend";
        let source = Source::new("flow.yaml", text);
        for (needle, line, column, shown) in [
            ("a", 1, 1, "a: é"),
            ("é", 1, 4, "a: é"),
            ("\r", 1, 5, "a: é"),
            ("b", 2, 1, "b: 漢x"),
            ("x", 2, 5, "b: 漢x"),
            ("\nend", 3, 1, ""),
            ("end", 4, 1, "end"),
        ] {
            let offset = u32::try_from(text.find(needle).unwrap()).unwrap();
            let expected = Position { line, column };
            assert_eq!(source.position(offset), expected, "{needle:?}");
            assert_eq!(source.line_at(offset).1, shown, "{needle:?}");
        }
        assert_eq!(source.position(u32::MAX), Position { line: 4, column: 4 });
        // Inside a character.
        assert_eq!(source.position(7), Position { line: 1, column: 4 });
    }

    #[test]
    fn an_empty_text_has_one_line() {
        let source = Source::new("-", "");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.line_at(0), (0, ""));
    }
}
