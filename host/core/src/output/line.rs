//! Bytes of one stream in chunks of any size, whole lines out; knows nothing of what a line means.

use memchr::{memchr, memrchr};

/// The longest line that is kept in one piece, in bytes and without its end.
pub const MAX_LINE: usize = 1 << 20;

/// How much of an emptied buffer is kept for the next line.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Some bytes of a stream, cut where a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// One or more whole lines, each ending in `\n`; where `continued`, one piece of a line without its end. Never empty.
    pub bytes: &'a [u8],
    /// Whether this is a piece of a line longer than the limit, which goes on in the next block of the stream.
    pub continued: bool,
}

/// Cuts one stream into whole lines across chunk borders.
///
/// The blocks of a stream, joined, are the bytes of the stream; only a last line without `\n` gets one. A chunk that ends at
/// a line end is given out without being copied.
#[derive(Debug)]
pub struct LineSplitter {
    partial: Vec<u8>,
    limit: usize,
}

impl Default for LineSplitter {
    fn default() -> Self {
        LineSplitter::with_limit(MAX_LINE)
    }
}

impl LineSplitter {
    /// A splitter that cuts lines longer than `limit` bytes into pieces; `limit` is raised to at least 8.
    pub fn with_limit(limit: usize) -> Self {
        LineSplitter {
            partial: Vec::new(),
            limit: limit.max(8),
        }
    }

    /// Takes the next chunk and gives out every line that is now complete.
    pub fn push(&mut self, chunk: &[u8], mut give: impl FnMut(Block<'_>)) {
        let mut rest = chunk;
        while !self.partial.is_empty() {
            let room = self.limit - self.partial.len();
            let window = &rest[..rest.len().min(room + 1)];
            if let Some(end) = memchr(b'\n', window) {
                self.partial.extend_from_slice(&rest[..=end]);
                rest = &rest[end + 1..];
                give(Block {
                    bytes: &self.partial,
                    continued: false,
                });
                self.partial.clear();
                self.partial.shrink_to(KEPT_CAPACITY);
            } else if rest.len() > room {
                self.partial.extend_from_slice(&rest[..room]);
                rest = &rest[room..];
                let cut = self.limit - unfinished_character(&self.partial);
                give(Block {
                    bytes: &self.partial[..cut],
                    continued: true,
                });
                self.partial.drain(..cut);
            } else {
                self.partial.extend_from_slice(rest);
                return;
            }
        }
        loop {
            let window = &rest[..rest.len().min(self.limit + 1)];
            if let Some(end) = memrchr(b'\n', window) {
                give(Block {
                    bytes: &rest[..=end],
                    continued: false,
                });
                rest = &rest[end + 1..];
            } else if rest.len() > self.limit {
                let cut = self.limit - unfinished_character(&rest[..self.limit]);
                give(Block {
                    bytes: &rest[..cut],
                    continued: true,
                });
                rest = &rest[cut..];
            } else {
                self.partial.extend_from_slice(rest);
                return;
            }
        }
    }

    /// The stream has ended: gives out a last line that had no end.
    pub fn finish(&mut self, mut give: impl FnMut(Block<'_>)) {
        if !self.partial.is_empty() {
            self.partial.push(b'\n');
            give(Block {
                bytes: &self.partial,
                continued: false,
            });
            self.partial = Vec::new();
        }
    }
}

/// How many bytes at the end belong to a UTF-8 character that is not complete, so that a cut does not tear it.
fn unfinished_character(bytes: &[u8]) -> usize {
    for (back, &byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => 1,
        };
        return if length > back + 1 { back + 1 } else { 0 };
    }
    0
}

/// The lines of a block without their ends (`\n` or `\r\n`).
pub fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let block = block.strip_suffix(b"\n").unwrap_or(block);
    let mut rest = Some(block);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let line = match memchr(b'\n', bytes) {
            Some(end) => {
                rest = Some(&bytes[end + 1..]);
                &bytes[..end]
            }
            None => {
                rest = None;
                bytes
            }
        };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]], limit: usize) -> Vec<(String, bool)> {
        let mut splitter = LineSplitter::with_limit(limit);
        let mut found = Vec::new();
        let mut give = |block: Block<'_>| {
            found.push((
                String::from_utf8_lossy(block.bytes).into_owned(),
                block.continued,
            ));
        };
        for chunk in chunks {
            splitter.push(chunk, &mut give);
        }
        splitter.finish(&mut give);
        found
    }

    fn check(chunks: &[&str], expected: &[(&str, bool)]) {
        let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
        let expected: Vec<(String, bool)> = expected
            .iter()
            .map(|(text, cut)| (text.to_string(), *cut))
            .collect();
        assert_eq!(split(&chunks, 8), expected, "{chunks:?}");
    }

    #[test]
    fn whole_lines_come_out_of_any_chunks() {
        check(&["a\nb\n"], &[("a\nb\n", false)]);
        check(&["a\nb"], &[("a\n", false), ("b\n", false)]);
        check(&["a", "b\nc", "\n"], &[("ab\n", false), ("c\n", false)]);
        check(&["\n\n", "\n"], &[("\n\n", false), ("\n", false)]);
        check(&["a\r\nb\rc\n"], &[("a\r\nb\rc\n", false)]);
        check(&["", ""], &[]);
    }

    #[test]
    fn a_line_over_the_limit_comes_in_pieces() {
        check(&["12345678\n"], &[("12345678\n", false)]);
        check(
            &["123456789\nx\n"],
            &[("12345678", true), ("9\nx\n", false)],
        );
        check(&["1234", "5678", "\n"], &[("12345678\n", false)]);
        check(&["1234", "56789"], &[("12345678", true), ("9\n", false)]);
        check(
            &["1234", "5678901234567890"],
            &[("12345678", true), ("90123456", true), ("7890\n", false)],
        );
        check(
            &["a\n12345678901\nb"],
            &[
                ("a\n", false),
                ("12345678", true),
                ("901\n", false),
                ("b\n", false),
            ],
        );
    }

    #[test]
    fn a_cut_does_not_tear_a_character() {
        check(&["1234567é\n"], &[("1234567", true), ("é\n", false)]);
        check(&["12345", "6€90\n"], &[("123456", true), ("€90\n", false)]);
        check(&["🙂🙂🙂\n"], &[("🙂🙂", true), ("🙂\n", false)]);
    }

    #[test]
    fn joined_blocks_are_the_stream_at_every_chunk_size() {
        let text = b"one\n\n\r\ntwo three four five\nsix\rseven\n\xff\xfe\x80\x80\x80\x80\x80\x80\x80\x80\x80\nlast\n";
        for size in 1..=text.len() {
            let mut splitter = LineSplitter::with_limit(8);
            let mut joined = Vec::new();
            for chunk in text.chunks(size) {
                splitter.push(chunk, |block| {
                    assert_eq!(block.continued, block.bytes.last() != Some(&b'\n'));
                    assert!(lines(block.bytes).all(|line| line.len() <= 9));
                    joined.extend_from_slice(block.bytes);
                });
            }
            splitter.finish(|_| panic!("the text ends in a line end"));
            assert_eq!(joined, text, "chunks of {size}");
        }
    }

    #[test]
    fn lines_lose_their_ends_only() {
        let check = |block: &str, expected: &[&str]| {
            let found: Vec<&[u8]> = lines(block.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(found, expected, "{block:?}");
        };
        check("a\nb\n", &["a", "b"]);
        check("\n\n", &["", ""]);
        check("a\r\n\r\nb\rc\n", &["a", "", "b\rc"]);
        check("piece", &["piece"]);
    }
}
