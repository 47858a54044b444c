//! The events of a YAML text with byte places: the only file that knows the parser crate.

use std::borrow::Cow;

use saphyr_parser::{Event as Raw, Marker, Parser, StrInput};

use super::{ScalarStyle, Span};

/// What the parser met.
#[derive(Debug)]
pub(super) enum Event<'text> {
    DocumentStart,
    DocumentEnd,
    Scalar {
        text: Cow<'text, str>,
        style: ScalarStyle,
        properties: Properties,
    },
    ListStart(Properties),
    MapStart(Properties),
    /// The end of a list or map.
    End,
    /// The anchor's number.
    Alias(usize),
}

/// What may stand before a node.
#[derive(Debug, Default)]
pub(super) struct Properties {
    /// The anchor's number, 0 for none.
    pub(super) anchor: usize,
    pub(super) tag: Option<Tag>,
}

/// A tag before a node.
#[derive(Debug)]
pub(super) enum Tag {
    /// `!!name`, by its name.
    Standard(String),
    /// Any other, as text.
    Other(String),
}

/// Why the text is not YAML, in the parser's words, and where it noticed.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) reason: String,
}

/// The events of one text.
pub(super) struct Events<'text> {
    parser: Parser<'text, StrInput<'text>>,
    places: Places<'text>,
}

impl<'text> Events<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            places: Places::new(text),
        }
    }

    /// The next event with the span the parser gives it: it may be followed by blanks and a comment, and that of a block scalar
    /// begins at its first line. Nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Event<'text>, Span)>, SyntaxError> {
        loop {
            let (raw, span) = match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    return Err(SyntaxError {
                        offset: self.places.byte(*error.marker()),
                        reason: error.info().to_owned(),
                    });
                }
            };
            let event = match raw {
                Raw::Nothing | Raw::StreamStart => continue,
                Raw::StreamEnd => return Ok(None),
                Raw::DocumentStart(_) => Event::DocumentStart,
                Raw::DocumentEnd => Event::DocumentEnd,
                Raw::Alias(anchor) => Event::Alias(anchor),
                Raw::Scalar(text, style, anchor, tag) => Event::Scalar {
                    text,
                    style: scalar_style(style),
                    properties: properties(anchor, tag),
                },
                Raw::SequenceStart(anchor, tag) => Event::ListStart(properties(anchor, tag)),
                Raw::MappingStart(anchor, tag) => Event::MapStart(properties(anchor, tag)),
                Raw::SequenceEnd | Raw::MappingEnd => Event::End,
            };
            let start = self.places.byte(span.start);
            let end = self.places.byte(span.end).max(start);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the reader refuses texts that are larger"
            )]
            let span = Span {
                start: start as u32,
                end: end as u32,
            };
            return Ok(Some((event, span)));
        }
    }
}

fn properties(anchor: usize, tag: Option<Cow<'_, saphyr_parser::Tag>>) -> Properties {
    let tag = tag.map(|tag| {
        if tag.is_yaml_core_schema() {
            Tag::Standard(tag.suffix.clone())
        } else {
            Tag::Other(format!("{}{}", tag.handle, tag.suffix))
        }
    });
    Properties { anchor, tag }
}

fn scalar_style(style: saphyr_parser::ScalarStyle) -> ScalarStyle {
    match style {
        saphyr_parser::ScalarStyle::Plain => ScalarStyle::Plain,
        saphyr_parser::ScalarStyle::SingleQuoted => ScalarStyle::SingleQuoted,
        saphyr_parser::ScalarStyle::DoubleQuoted => ScalarStyle::DoubleQuoted,
        saphyr_parser::ScalarStyle::Literal => ScalarStyle::Literal,
        saphyr_parser::ScalarStyle::Folded => ScalarStyle::Folded,
    }
}

/// Turns the parser's places, which count characters, into bytes. Places come nearly in order, so a cursor walks along.
struct Places<'text> {
    text: &'text str,
    ascii: bool,
    character: usize,
    byte: usize,
}

impl<'text> Places<'text> {
    fn new(text: &'text str) -> Self {
        Self {
            text,
            ascii: text.is_ascii(),
            character: 0,
            byte: 0,
        }
    }

    fn byte(&mut self, marker: Marker) -> usize {
        let wanted = marker.index();
        if self.ascii {
            return wanted.min(self.text.len());
        }
        let bytes = self.text.as_bytes();
        if wanted >= self.character {
            let ahead = wanted - self.character;
            let rest = &bytes[self.byte..];
            if rest.get(..ahead).is_some_and(<[u8]>::is_ascii) {
                self.byte += ahead;
            } else {
                let step = self.text[self.byte..].char_indices().nth(ahead);
                self.byte += step.map_or(rest.len(), |(offset, _)| offset);
            }
        } else {
            for _ in 0..self.character - wanted {
                self.byte = self.text.floor_char_boundary(self.byte.saturating_sub(1));
            }
        }
        self.character = wanted;
        self.byte
    }
}
