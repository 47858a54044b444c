//! The part of a source line that is shown under a message: cut where the line is long, with control characters made visible.

use std::ops::Range;

use super::source::Source;
use crate::text::printable;
use crate::yaml::Span;

/// A line of fewer bytes is shown whole.
const WHOLE: usize = 240;
/// Bytes kept on each side of a long line's mark; of a long mark itself twice as many.
const SIDE: usize = 100;

/// A shown line and the bytes of it that are marked.
pub(super) struct Window {
    pub(super) text: String,
    pub(super) marked: Range<usize>,
}

impl Window {
    /// The line in which the span begins, marked to the span's end or its own.
    pub(super) fn of(source: &Source, span: Span) -> Self {
        let (line_start, line) = source.line_at(span.start);
        let within = |offset: u32| {
            let offset = offset.saturating_sub(line_start) as usize;
            line.floor_char_boundary(offset.min(line.len()))
        };
        let start = within(span.start);
        let end = within(span.end).max(start);
        let (mut before, mut marked, mut after) = (&line[..start], &line[start..end], &line[end..]);
        let (mut cut_before, mut cut_marked, mut cut_after) = (false, false, false);
        if line.len() > WHOLE {
            (before, cut_before) = keep_end(before, SIDE);
            (marked, cut_marked) = keep_start(marked, 2 * SIDE);
            (after, cut_after) = keep_start(after, SIDE);
            if cut_marked {
                (after, cut_after) = ("", false);
            }
        }
        let mut text = String::new();
        if cut_before {
            text.push('…');
        }
        text.push_str(&printable(before));
        let from = text.len();
        text.push_str(&printable(marked));
        let marked = from..text.len();
        text.push_str(&printable(after));
        if cut_after || cut_marked {
            text.push('…');
        }
        Self { text, marked }
    }
}

fn keep_start(text: &str, bytes: usize) -> (&str, bool) {
    (&text[..text.floor_char_boundary(bytes)], text.len() > bytes)
}

fn keep_end(text: &str, bytes: usize) -> (&str, bool) {
    let start = text.ceil_char_boundary(text.len().saturating_sub(bytes));
    (&text[start..], start > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_round_the_mark() {
        let long = format!("{}MARK{}", "é".repeat(300), "b".repeat(300));
        let side = |letter: &str| letter.repeat(SIDE / letter.len());
        for (text, needle, expected, marked) in [
            ("a: b\nc: d\n", "c", "c: d".to_owned(), "c"),
            ("a: \u{1b}x", "x", "a: \\x1bx".to_owned(), "x"),
            ("one\ntwo", "ne\ntw", "one".to_owned(), "ne"),
            (
                &long,
                "MARK",
                format!("…{}MARK{}…", side("é"), side("b")),
                "MARK",
            ),
        ] {
            let start = text.find(needle).unwrap();
            let span = Span {
                start: u32::try_from(start).unwrap(),
                end: u32::try_from(start + needle.len()).unwrap(),
            };
            let window = Window::of(&Source::new("f", text), span);
            assert_eq!(window.text, expected);
            assert_eq!(&window.text[window.marked], marked);
        }
    }
}
