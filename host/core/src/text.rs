//! The one sanitiser for text that comes from outside and goes to a terminal or a log: it makes control characters visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What may pass besides printable characters, line feeds and tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// Nothing.
    #[default]
    Escape,
    /// Colour and weight sequences (`ESC [ … m`). Whoever prints the text ends it with [`RESET`].
    Keep,
}

/// Ends every colour and weight.
pub const RESET: &str = "\u{1b}[0m";

/// Makes control characters (all but line feed and tab, DEL and C1 included) and bidirectional overrides visible: `\x1b`,
/// `\u{202e}`. Borrows where there are none, which is checked in bulk.
pub fn printable(text: &str) -> Cow<'_, str> {
    printable_with(text, Colours::Escape)
}

/// As [`printable`], with a word on colours.
pub fn printable_with(text: &str, colours: Colours) -> Cow<'_, str> {
    match next_suspect(text, 0, colours) {
        None => Cow::Borrowed(text),
        Some(first) => Cow::Owned(escape(text, first, colours)),
    }
}

/// As [`printable_with`] for bytes: what is not UTF-8 becomes U+FFFD.
pub fn printable_bytes(bytes: &[u8], colours: Colours) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => printable_with(text, colours),
        Cow::Owned(text) => match printable_with(&text, colours) {
            Cow::Borrowed(_) => Cow::Owned(text),
            Cow::Owned(escaped) => Cow::Owned(escaped),
        },
    }
}

/// Cuts a text to so many characters, the last one an ellipsis where something is missing.
pub fn clip(text: &str, characters: usize) -> Cow<'_, str> {
    if text.len() <= characters {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(characters) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept = text.char_indices().nth(characters.saturating_sub(1));
            let end = kept.map_or(0, |(end, _)| end);
            Cow::Owned(format!("{}…", &text[..end]))
        }
    }
}

fn escape(text: &str, first: usize, colours: Colours) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut copied = 0;
    let mut suspect = Some(first);
    while let Some(at) = suspect {
        escaped.push_str(&text[copied..at]);
        let Some(character) = text[at..].chars().next() else {
            break;
        };
        copied = at + character.len_utf8();
        // Writing into a string does not fail.
        let _ = match u32::from(character) {
            code @ 0..=0xff => write!(escaped, "\\x{code:02x}"),
            code => write!(escaped, "\\u{{{code:x}}}"),
        };
        suspect = next_suspect(text, copied, colours);
    }
    escaped.push_str(&text[copied..]);
    escaped
}

/// The next character from `from` on that must not be printed as it is.
fn next_suspect(text: &str, from: usize, colours: Colours) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = next_candidate(bytes, at) {
        match bytes[found] {
            0x1b if colours == Colours::Keep => match colour_end(bytes, found) {
                Some(end) => at = end,
                None => return Some(found),
            },
            0x80.. => {
                let character = text[found..].chars().next()?;
                if matches!(character, '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                {
                    return Some(found);
                }
                at = found + character.len_utf8();
            }
            _ => return Some(found),
        }
    }
    None
}

const BULK: usize = 64;

/// The next byte that is a control character or may begin a character that must not pass.
fn next_candidate(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        // Without branches inside, so that the compiler checks many bytes at once.
        let rest = bytes.get(at..)?;
        let plain = rest
            .chunks_exact(BULK)
            .take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | !is_plain(*byte)))
            .count();
        at += plain * BULK;
        let rest = &bytes[at..];
        let near = &rest[..rest.len().min(BULK)];
        if let Some(offset) = near.iter().position(|byte| is_candidate(*byte)) {
            return Some(at + offset);
        }
        at += near.len();
        if at >= bytes.len() {
            return None;
        }
    }
}

#[inline]
fn is_plain(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) | (byte == b'\n') | (byte == b'\t')
}

/// C1 characters begin with 0xc2, bidirectional overrides with 0xe2.
#[inline]
fn is_candidate(byte: u8) -> bool {
    !is_plain(byte) && (byte < 0x80 || byte == 0xc2 || byte == 0xe2)
}

/// The end of a colour sequence that begins here.
fn colour_end(bytes: &[u8], start: usize) -> Option<usize> {
    const LONGEST: usize = 40;
    let parameters = bytes.get(start + 1..)?.strip_prefix(b"[")?;
    let length = parameters
        .iter()
        .take(LONGEST)
        .position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (parameters[length] == b'm').then_some(start + 2 + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_become_visible() {
        for (text, expected) in [
            ("", ""),
            ("plain\ttext\n", "plain\ttext\n"),
            ("é漢字🎉", "é漢字🎉"),
            ("\u{a0}\u{200b}\u{2028}", "\u{a0}\u{200b}\u{2028}"),
            ("a\0b", "a\\x00b"),
            ("\u{1b}[31mred\u{1b}[0m", "\\x1b[31mred\\x1b[0m"),
            ("a\rb", "a\\x0db"),
            ("\u{7f}", "\\x7f"),
            ("\u{85}\u{9b}31m", "\\x85\\x9b31m"),
            (
                "a\u{202e}b\u{2066}c\u{2069}",
                "a\\u{202e}b\\u{2066}c\\u{2069}",
            ),
            ("…\u{202f}–", "…\u{202f}–"),
        ] {
            assert_eq!(printable(text), expected, "{text:?}");
            assert_eq!(printable_bytes(text.as_bytes(), Colours::Escape), expected);
        }
    }

    #[test]
    fn only_colours_pass_where_they_may() {
        for (text, expected) in [
            ("\u{1b}[1;31mred\u{1b}[m", "\u{1b}[1;31mred\u{1b}[m"),
            ("\u{1b}[38:5:1mred", "\u{1b}[38:5:1mred"),
            ("\u{1b}[2J", "\\x1b[2J"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("\u{1b}[31", "\\x1b[31"),
            ("\u{1b}", "\\x1b"),
            ("\u{1b}[0m\u{1b}[?25l", "\u{1b}[0m\\x1b[?25l"),
        ] {
            assert_eq!(printable_with(text, Colours::Keep), expected, "{text:?}");
        }
        let endless = format!("\u{1b}[{}m", "1;".repeat(100));
        assert!(printable_with(&endless, Colours::Keep).starts_with("\\x1b["));
    }

    #[test]
    fn clean_text_is_borrowed() {
        let long = "0123456789é\n".repeat(100);
        assert!(matches!(printable(&long), Cow::Borrowed(_)));
        let bytes = long.as_bytes();
        assert!(matches!(
            printable_bytes(bytes, Colours::Escape),
            Cow::Borrowed(_)
        ));
        assert_eq!(
            printable_bytes(b"a\xffb\x1b", Colours::Escape),
            "a\u{fffd}b\\x1b"
        );
    }

    #[test]
    fn clipped_text_says_so() {
        for (text, characters, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("ééé", 3, "ééé"),
            ("éééé", 3, "éé…"),
            ("ab", 1, "…"),
        ] {
            assert_eq!(clip(text, characters), expected);
        }
    }

    fn is_safe(character: char) -> bool {
        matches!(character, '\n' | '\t')
            || !(character.is_control()
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    }

    proptest! {
        #[test]
        fn nothing_unsafe_passes(bytes: Vec<u8>, padding in 0..130usize) {
            let mut padded = vec![b'x'; padding];
            padded.extend(bytes);
            prop_assert!(printable_bytes(&padded, Colours::Escape).chars().all(is_safe));
        }

        #[test]
        fn safe_text_is_unchanged(text: String) {
            let safe: String = text.chars().filter(|character| is_safe(*character)).collect();
            prop_assert_eq!(printable(&safe), safe.as_str());
        }
    }
}
