//! Lines of a text as an author sees them: where they begin, what is indentation, where a value ends.

/// The borders of a line, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'text> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: &'text str,
}

impl<'text> Line<'text> {
    /// The line of a byte.
    pub(super) fn at(source: &'text str, offset: usize) -> Self {
        let offset = offset.min(source.len());
        let bytes = source.as_bytes();
        let start = memchr::memrchr(b'\n', &bytes[..offset]).map_or(0, |newline| newline + 1);
        let end =
            memchr::memchr(b'\n', &bytes[offset..]).map_or(source.len(), |next| offset + next);
        Self {
            start,
            end,
            text: &source[start..end],
        }
    }

    /// The nearest line above that is neither empty nor a comment.
    pub(super) fn above(self, source: &'text str) -> Option<Self> {
        let mut line = self;
        while line.start > 0 {
            line = Self::at(source, line.start - 1);
            let content = line.text.trim();
            if !content.is_empty() && !content.starts_with('#') {
                return Some(line);
            }
        }
        None
    }

    /// The line below.
    pub(super) fn below(self, source: &'text str) -> Option<Self> {
        (self.end < source.len()).then(|| Self::at(source, self.end + 1))
    }

    /// The first byte that is not blank.
    pub(super) fn content(self) -> usize {
        self.start + (self.text.len() - self.text.trim_start().len())
    }

    /// The blanks that the line begins with.
    pub(super) fn indentation(self) -> usize {
        self.content() - self.start
    }

    /// Whether the line ends with the header of a block scalar.
    pub(super) fn opens_block_text(self) -> bool {
        let text = &self.text[..self.trimmed_end() - self.start];
        let header =
            text.trim_end_matches(|sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '+'));
        let before = header.strip_suffix(['|', '>']);
        before.is_some_and(|before| before.ends_with([' ', ':']) || before.is_empty())
    }

    /// The first byte behind indentation and the dashes of list items.
    pub(super) fn key(self) -> usize {
        let mut at = self.content();
        while let Some(rest) = self.text[at - self.start..].strip_prefix("- ") {
            at += 2 + (rest.len() - rest.trim_start().len());
        }
        at
    }

    /// Where the line ends without blanks and comment.
    pub(super) fn trimmed_end(self) -> usize {
        let content = match comment(self.text) {
            Some(at) => &self.text[..at],
            None => self.text,
        };
        self.start + content.trim_end().len()
    }

    /// The number of the line, from 1.
    pub(super) fn number(self, source: &str) -> usize {
        memchr::memchr_iter(b'\n', &source.as_bytes()[..self.start]).count() + 1
    }

    /// The column of a byte of this line, in characters from 1.
    pub(super) fn column(self, source: &str, at: usize) -> usize {
        let before = source.get(self.start..at).unwrap_or_default();
        before.trim_start_matches('\u{feff}').chars().count() + 1
    }
}

/// Where the comment of a line begins, quotes respected where a value begins with them.
fn comment(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut quote = None;
    for (at, &byte) in bytes.iter().enumerate() {
        let after_blank = at == 0 || matches!(bytes[at - 1], b' ' | b'\t');
        match (quote, byte) {
            (None, b'"' | b'\'') if after_blank => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            (None, b'#') if after_blank => return Some(at),
            _ => {}
        }
    }
    None
}

/// Where the value that begins at `start` ends in its line, without a comment; inside brackets at what ends an entry.
pub(super) fn value_end(source: &str, start: usize, in_flow: bool) -> usize {
    let line = Line::at(source, start);
    let end = line.trimmed_end().max(start);
    if in_flow {
        let value = &source[start..end];
        let next = value.find([',', ']', '}']).unwrap_or(value.len());
        return start + value[..next].trim_end().len();
    }
    end
}
