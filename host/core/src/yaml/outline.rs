//! A rough look at the stretch of text between what was understood and a syntax error: which brackets and quotes are open, and
//! whether an expression without quotes stands there.

use super::source::{double_quoted_end, single_quoted_end};
use super::unquoted;

/// What stands in the stretch.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Where the brackets begin that are open at its end.
    pub(super) brackets: Vec<usize>,
    /// The last quoted text that begins in it: its first byte and one past its last.
    pub(super) quoted: Option<(usize, usize)>,
    /// The first value that begins with an expression, or inside brackets holds one, and whether it stands inside brackets.
    pub(super) expression: Option<(usize, bool)>,
    /// The first value inside brackets that has another bracket in its text: where the value begins, and the bracket.
    pub(super) bracket_in_text: Option<(usize, usize)>,
}

/// Looks from `from` on, or from the last of the brackets that are open there, at what begins before `to`.
pub(super) fn outline(text: &str, from: usize, to: usize, brackets: &[usize]) -> Outline {
    let bytes = text.as_bytes();
    let mut outline = Outline {
        brackets: brackets.to_vec(),
        ..Outline::default()
    };
    // A value that the parser has taken for complete may be the beginning of a longer one.
    let mut at = brackets.last().map_or(from, |bracket| bracket + 1);
    // Quotes, brackets and expressions mean something only where a value may begin; inside brackets, brackets always do.
    let mut begins = true;
    let mut plain = None;
    while at < to && at < bytes.len() {
        let in_flow = !outline.brackets.is_empty();
        let next_is_blank = matches!(bytes.get(at + 1), None | Some(b' ' | b'\n' | b'\r' | b'\t'));
        match bytes[at] {
            b'\n' => {
                begins = true;
                plain = None;
            }
            b' ' | b'\t' | b'\r' => {}
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |offset| at + offset);
                continue;
            }
            b'{' if (begins || in_flow) && unquoted::begins(text, at) => {
                let start = plain.unwrap_or(at);
                outline.expression = Some((start, in_flow));
                return outline;
            }
            b'{' | b'[' if begins => outline.brackets.push(at),
            b'{' | b'[' if in_flow && plain.is_some() => {
                outline.bracket_in_text = plain.map(|start| (start, at));
                return outline;
            }
            b'}' | b']' if in_flow => {
                outline.brackets.pop();
                begins = false;
                plain = None;
            }
            b',' if in_flow => {
                begins = true;
                plain = None;
            }
            b':' if next_is_blank => {
                begins = true;
                plain = None;
            }
            b'-' | b'?' if begins && next_is_blank => {}
            b'"' if begins => {
                let end = double_quoted_end(bytes, at);
                outline.quoted = Some((at, end));
                at = end;
                begins = false;
                plain = None;
                continue;
            }
            b'\'' if begins => {
                let end = single_quoted_end(bytes, at);
                outline.quoted = Some((at, end));
                at = end;
                begins = false;
                plain = None;
                continue;
            }
            b'|' | b'>' if begins && !in_flow => {
                at = block_end(bytes, at);
                begins = true;
                continue;
            }
            _ => {
                if begins {
                    plain = Some(at);
                }
                begins = false;
            }
        }
        at += 1;
    }
    outline
}

/// The first line behind a block scalar: the next that is not empty and not indented deeper than the line of the header.
fn block_end(bytes: &[u8], header: usize) -> usize {
    let line_start = memchr::memrchr(b'\n', &bytes[..header]).map_or(0, |newline| newline + 1);
    let indentation = |at: usize| bytes[at..].iter().take_while(|byte| **byte == b' ').count();
    let own = indentation(line_start);
    let mut at = header;
    while let Some(offset) = memchr::memchr(b'\n', &bytes[at..]) {
        at += offset + 1;
        let text = at + indentation(at);
        let empty = matches!(bytes.get(text), None | Some(b'\n' | b'\r'));
        if !empty && text - at <= own {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_quotes_and_expressions_are_found() {
        for (text, brackets, quoted, expression) in [
            (": [a, {b: c", vec![2, 6], None, None),
            (": [a, {b: c}]", vec![], None, None),
            (": \"a 'b\" c", vec![], Some((2, 8)), None),
            (": it's \"q", vec![], None, None),
            (": {{ x }}", vec![], None, Some((2, false))),
            (": [a, {{ x }}", vec![2], None, Some((6, true))),
            (": echo {{ x }}", vec![], None, None),
            (
                ": |\n  {{ x }}\n\n  {{ y }}\nb: {{ z }}",
                vec![],
                None,
                Some((28, false)),
            ),
            (": 1 # {{ x }}\nb: '{{ x }}'", vec![], Some((17, 26)), None),
            (": [b, a {{ x }}", vec![2], None, Some((6, true))),
            (": [\"b\" {{ x }}", vec![2], Some((3, 6)), Some((7, true))),
        ] {
            let found = outline(text, 0, text.len(), &[]);
            assert_eq!(found.brackets, brackets, "{text}");
            assert_eq!(found.quoted, quoted, "{text}");
            assert_eq!(found.expression, expression, "{text}");
        }
    }

    #[test]
    fn a_bracket_in_a_text_is_known_by_the_text_before_it() {
        for (text, from, expected) in [
            ("a: [b, c d{e", 4, Some((7, 10))),
            ("a: [b, c d{e", 10, Some((7, 10))),
            ("a: {b: c [d", 8, Some((7, 9))),
            ("a: {b: c [d", 4, Some((7, 9))),
            ("a: [b, [c", 4, None),
            ("a: [b, [c", 6, None),
            ("a: ['b' [c", 8, None),
            ("a: [[b] [c", 8, None),
        ] {
            let found = outline(text, from, text.len(), &[3]);
            assert_eq!(found.bracket_in_text, expected, "{text} {from}");
        }
    }
}
