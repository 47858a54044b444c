//! Splits a text into plain pieces and tags, cutting out `raw`, `verbatim` and comments, trimming
//! where a dash asks for it, and going on after a broken tag so that all mistakes come at once.

use crate::error::{Span, SyntaxError};
use crate::syntax::lexer::{self, Spanned};

#[derive(Debug)]
pub(crate) enum Segment<'a> {
    Text(&'a str),
    Print(Vec<Spanned>),
    Execute(Vec<Spanned>),
    /// A tag whose content could not be read; its name keeps the blocks paired.
    Broken {
        name: &'a str,
        span: Span,
    },
}

/// Splits the text. The segments are usable even where there are errors.
pub(crate) fn segments(source: &str) -> (Vec<Segment<'_>>, Vec<SyntaxError>) {
    let mut scanner = Scanner {
        source,
        position: 0,
        segments: Vec::new(),
        errors: Vec::new(),
        trim_next: false,
    };
    while scanner.step() {}
    (scanner.segments, scanner.errors)
}

struct Scanner<'a> {
    source: &'a str,
    position: usize,
    segments: Vec<Segment<'a>>,
    errors: Vec<SyntaxError>,
    trim_next: bool,
}

impl<'a> Scanner<'a> {
    /// Takes the text up to the next tag and the tag; false at the end.
    fn step(&mut self) -> bool {
        let rest = &self.source[self.position..];
        let Some((offset, opening)) = next_opening(rest) else {
            self.text(rest, false);
            return false;
        };
        let start = self.position + offset;
        let mut inside = start + 2;
        // A dash trims only if space follows; otherwise it is a minus.
        let after_dash = self.source[inside..].strip_prefix('-');
        let trim_before = after_dash.is_some_and(|tail| tail.starts_with(char::is_whitespace));
        if let Some((content, end)) = raw(&self.source[start..]) {
            self.text(&rest[..offset], false);
            self.segments
                .push(Segment::Text(&self.source[start..][content]));
            self.position = start + end;
            return true;
        }
        self.text(&rest[..offset], trim_before);
        if trim_before {
            inside += 1;
        }
        match opening {
            b'#' => self.comment(start, inside),
            b'{' => self.tag(start, inside, "}}"),
            _ => {
                if !self.verbatim(start, inside) {
                    self.tag(start, inside, "%}");
                }
            }
        }
        true
    }

    fn text(&mut self, text: &'a str, trim_end: bool) {
        let mut text = text;
        if std::mem::take(&mut self.trim_next) {
            text = text.trim_start();
        }
        if trim_end {
            text = text.trim_end();
        }
        if !text.is_empty() {
            self.segments.push(Segment::Text(text));
        }
    }

    fn comment(&mut self, start: usize, inside: usize) {
        match self.source[inside..].find("#}") {
            Some(length) => {
                let content = &self.source[inside..inside + length];
                self.trim_next = content
                    .strip_suffix('-')
                    .is_some_and(|body| body.ends_with(char::is_whitespace));
                self.position = inside + length + 2;
            }
            None => {
                let error = SyntaxError::new(
                    Span::new(start, start + 2),
                    "this comment is never closed with `#}`",
                );
                self.errors.push(error.with_help(
                    "`{#` starts a comment; where a script needs it, wrap it in `{% raw %}` and `{% endraw %}`",
                ));
                self.position = self.source.len();
            }
        }
    }

    fn tag(&mut self, start: usize, inside: usize, close: &'static str) {
        match lexer::tag(self.source, inside, close) {
            Ok(tag) => {
                self.trim_next = tag.trim_after;
                self.position = tag.end;
                self.segments.push(match close {
                    "}}" => Segment::Print(tag.tokens),
                    _ => Segment::Execute(tag.tokens),
                });
            }
            Err(error) => {
                self.position = self.recover(inside, error.span.start, close);
                if close == "%}" {
                    let content = self.source[inside..].trim_start();
                    let length = content
                        .find(|character| !lexer::is_name_part(character))
                        .unwrap_or(content.len());
                    self.segments.push(Segment::Broken {
                        name: &content[..length],
                        span: Span::new(start, self.position),
                    });
                }
                self.errors.push(error);
            }
        }
    }

    /// Finds where to go on after a mistake: behind the next close that the mistake may be part of.
    fn recover(&self, inside: usize, mistake: usize, close: &str) -> usize {
        let from = if self.source[..mistake].ends_with('}') && mistake > inside {
            mistake - 1
        } else {
            mistake.max(inside)
        };
        self.source[from..]
            .find(close)
            .map_or(self.source.len(), |offset| from + offset + close.len())
    }

    fn verbatim(&mut self, start: usize, inside: usize) -> bool {
        let Some(opened) = word(&self.source[inside..], "verbatim") else {
            return false;
        };
        let from = inside + opened.length;
        for (offset, _) in self.source[from..].match_indices("{%") {
            let tail = &self.source[from + offset + 2..];
            let dashed = tail.strip_prefix('-');
            if let Some(closed) = word(dashed.unwrap_or(tail), "endverbatim") {
                let mut text = self.source[from..from + offset].trim_start();
                if dashed.is_some() {
                    text = text.trim_end();
                }
                if !text.is_empty() {
                    self.segments.push(Segment::Text(text));
                }
                self.trim_next = closed.dash;
                self.position = from + offset + 2 + usize::from(dashed.is_some()) + closed.length;
                return true;
            }
        }
        self.errors.push(SyntaxError::new(
            Span::new(start, from),
            "`verbatim` is never closed with `{% endverbatim %}`",
        ));
        self.position = self.source.len();
        true
    }
}

/// Finds the next `{{`, `{%` or `{#`.
fn next_opening(rest: &str) -> Option<(usize, u8)> {
    let bytes = rest.as_bytes();
    let mut from = 0;
    while let Some(offset) = rest[from..].find('{') {
        let at = from + offset;
        match bytes.get(at + 1) {
            Some(next @ (b'{' | b'%' | b'#')) => return Some((at, *next)),
            Some(_) => from = at + 1,
            None => return None,
        }
    }
    None
}

struct Word {
    length: usize,
    dash: bool,
}

/// Matches a tag's content that is one word, with the close.
fn word(content: &str, expected: &str) -> Option<Word> {
    let tail = content.trim_start().strip_prefix(expected)?.trim_start();
    let dashed = tail.strip_prefix('-');
    let end = dashed.unwrap_or(tail).strip_prefix("%}")?;
    Some(Word {
        length: content.len() - end.len(),
        dash: dashed.is_some(),
    })
}

/// Matches `{% raw %}content{% endraw %}` at the start; gives the content's range and the end.
fn raw(source: &str) -> Option<(std::ops::Range<usize>, usize)> {
    let start = raw_tag(source, "raw")?;
    for (offset, _) in source[start..].match_indices("{%") {
        let at = start + offset;
        if let Some(length) = raw_tag(&source[at..], "endraw") {
            return Some((start..at, at + length));
        }
    }
    None
}

fn raw_tag(source: &str, name: &str) -> Option<usize> {
    let tail = source.strip_prefix("{%")?;
    let tail = tail.trim_start_matches('-').trim_start();
    let tail = tail.strip_prefix(name)?.trim_start();
    let tail = tail.trim_start_matches('-').strip_prefix("%}")?;
    Some(source.len() - tail.len())
}
