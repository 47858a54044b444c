//! The events of a YAML text with byte places: the only file that knows the parser crate.

use std::borrow::Cow;
use std::cell::Cell;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Event as Raw, Input, Marker, Parser, StrInput};

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

/// Why there are no more events, and where the parser noticed.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
    /// The text is not YAML, in the parser's words.
    Syntax(String),
    /// A bracket holds more than the parser may keep.
    TooLarge,
}

/// The tokens between two events.
pub(super) type Meter = Cell<usize>;

/// The events of one text.
pub(super) struct Events<'text> {
    parser: Parser<'text, Metered<'text>>,
    meter: &'text Meter,
    most: usize,
    places: Places<'text>,
}

impl<'text> Events<'text> {
    /// The parser keeps the tokens of a bracket until it is closed where the whole could be a key; more than `most` it may not keep.
    pub(super) fn new(text: &'text str, meter: &'text Meter, most: usize) -> Self {
        meter.set(0);
        let input = Metered {
            text: StrInput::new(text),
            meter,
            most,
        };
        Self {
            parser: Parser::new(input),
            meter,
            most,
            places: Places::new(text),
        }
    }

    /// The next event with the span the parser gives it: it may be followed by blanks and a comment, and that of a block scalar
    /// begins at its first line. Nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Event<'text>, Span)>, SyntaxError> {
        loop {
            let next = self.parser.next_event();
            let too_large = self.meter.replace(0) > self.most;
            let (raw, span) = match next {
                None => return Ok(None),
                Some(Ok((_, span))) if too_large => {
                    return Err(self.error(span.start, Reason::TooLarge));
                }
                Some(Err(error)) if too_large => {
                    return Err(self.error(*error.marker(), Reason::TooLarge));
                }
                Some(Err(error)) => {
                    let reason = Reason::Syntax(error.info().to_owned());
                    return Err(self.error(*error.marker(), reason));
                }
                Some(Ok(event)) => event,
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

    fn error(&mut self, marker: Marker, reason: Reason) -> SyntaxError {
        let offset = self.places.byte(marker);
        SyntaxError { offset, reason }
    }
}

/// The text, with a count of the tokens that the scanner makes of it.
struct Metered<'text> {
    text: StrInput<'text>,
    meter: &'text Meter,
    most: usize,
}

macro_rules! delegate {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(#[inline]
        fn $name(&self $(, $argument: $kind)*) -> $result {
            self.text.$name($($argument),*)
        })*
    };
    (mut $($name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)?;)*) => {
        $(#[inline]
        fn $name(&mut self $(, $argument: $kind)*) $(-> $result)? {
            self.text.$name($($argument),*)
        })*
    };
}

impl Input for Metered<'_> {
    /// The scanner asks for a byte order mark once for each token and nowhere else. To say that there is one ends its work, as none
    /// may stand inside a bracket. A test counts on this.
    #[inline]
    fn next_char_is(&self, character: char) -> bool {
        if character == '\u{feff}' {
            let tokens = self.meter.get() + 1;
            self.meter.set(tokens);
            if tokens > self.most {
                return true;
            }
        }
        self.text.next_char_is(character)
    }

    delegate! {
        buflen() -> usize;
        bufmaxlen() -> usize;
        buf_is_empty() -> bool;
        peek() -> char;
        peek_nth(n: usize) -> char;
        peek_opt() -> Option<char>;
        nth_char_is(n: usize, character: char) -> bool;
        next_2_are(first: char, second: char) -> bool;
        next_3_are(first: char, second: char, third: char) -> bool;
        next_is_document_indicator() -> bool;
        next_is_document_start() -> bool;
        next_is_document_end() -> bool;
        next_can_be_plain_scalar(in_flow: bool) -> bool;
        next_is_blank_or_break() -> bool;
        next_is_blank_or_breakz() -> bool;
        next_is_blank() -> bool;
        next_is_break() -> bool;
        next_is_breakz() -> bool;
        next_is_z() -> bool;
        next_is_flow() -> bool;
        next_is_digit() -> bool;
        next_is_alpha() -> bool;
    }

    delegate! { mut
        lookahead(count: usize);
        raw_read_ch() -> char;
        raw_read_non_breakz_ch() -> Option<char>;
        skip();
        skip_n(count: usize);
        look_ch() -> char;
        skip_ws_to_eol(tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>);
        skip_while_non_breakz() -> usize;
        skip_while_blank() -> usize;
        fetch_while_is_alpha(out: &mut String) -> usize;
        fetch_while_is_yaml_non_space(out: &mut String) -> usize;
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
