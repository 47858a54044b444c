//! Refuses the characters that YAML does not allow in a file, with the place of each.

use super::Span;
use super::source::make_span;
use crate::diagnostic::{Code, Diagnostic};

/// One diagnostic for each forbidden character up to so many, and how many more there are.
pub(super) fn forbidden(text: &str, most: usize) -> (Vec<Diagnostic>, usize) {
    let mut found = Vec::new();
    let mut further = 0;
    let mut from = 0;
    while let Some((at, character)) = next(text, from) {
        from = at + character.len_utf8();
        if found.len() < most {
            found.push(diagnostic(character, make_span(at, from)));
        } else {
            further += 1;
        }
    }
    (found, further)
}

fn diagnostic(character: char, span: Span) -> Diagnostic {
    let code = u32::from(character);
    let message = format!("the control character U+{code:04X} is not allowed in YAML");
    Diagnostic::error(Code::YamlUnsupported, span, message).help(if code == 0 {
        "remove it; a file in UTF-16 has to be saved as UTF-8"
    } else {
        "remove it, or write it as an escape in double quotes"
    })
}

const BULK: usize = 64;

fn next(text: &str, from: usize) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        // Without branches inside, so that the compiler checks many bytes at once.
        let rest = bytes.get(at..)?;
        let clean = rest
            .chunks_exact(BULK)
            .take_while(|chunk| {
                !chunk
                    .iter()
                    .fold(false, |any, byte| any | is_suspect(*byte))
            })
            .count();
        at += clean * BULK;
        let near = &bytes[at..bytes.len().min(at + BULK)];
        match near.iter().position(|byte| is_suspect(*byte)) {
            None => {
                at += near.len();
                if at >= bytes.len() {
                    return None;
                }
            }
            Some(offset) => {
                at += offset;
                let character = text[at..].chars().next()?;
                if is_forbidden(character) {
                    return Some((at, character));
                }
                at += character.len_utf8();
            }
        }
    }
}

/// Control characters, and the first bytes of C1 characters and of U+FFFE and U+FFFF.
#[inline]
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\n') & (byte != b'\t') & (byte != b'\r')
        | (byte == 0x7f)
        | (byte == 0xc2)
        | (byte == 0xef)
}

fn is_forbidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_found() {
        for (text, places) in [
            ("a: b\r\n\tc: é\u{a0}\u{85}\u{feff}", vec![]),
            ("a\0b", vec![1]),
            ("\u{1b}[31m\u{7f}", vec![0, 5]),
            ("é\u{80}\u{ffff}", vec![2, 4]),
        ] {
            let padding = " ".repeat(200);
            let text = format!("{padding}{text}");
            let found: Vec<_> = forbidden(&text, 2)
                .0
                .iter()
                .filter_map(|diagnostic| diagnostic.span)
                .map(|span| span.start as usize - padding.len())
                .collect();
            assert_eq!(found, places, "{text:?}");
        }
    }
}
