//! From a range of a scalar's text to the place in the source where it was written.

use std::ops::Range;

use crate::yaml::{Node, ScalarStyle, Span};

/// The place of a range of bytes of the node's text. Where escapes or folding come between, the whole scalar.
pub(super) fn locate(source: &str, node: &Node, range: &Range<usize>) -> Span {
    exact(source, node, range).unwrap_or(node.span)
}

fn exact(source: &str, node: &Node, range: &Range<usize>) -> Option<Span> {
    let scalar = node.scalar()?;
    let written = source.get(node.span.start as usize..node.span.end as usize)?;
    let text: &str = &scalar.text;
    let offset = |at: usize| -> Option<usize> {
        match scalar.style {
            ScalarStyle::Plain => (written == text).then_some(at),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let inner = written.get(1..written.len().checked_sub(1)?)?;
                (inner == text).then_some(at + 1)
            }
            ScalarStyle::Literal => literal(written, text, at),
            ScalarStyle::Folded => None,
        }
    };
    let start = offset(range.start)?;
    let end = offset(range.end.max(range.start))?;
    let base = node.span.start;
    Some(Span {
        start: base + u32::try_from(start).ok()?,
        end: base + u32::try_from(end).ok()?,
    })
}

/// A literal block keeps its lines; each stands behind the same indentation.
fn literal(written: &str, text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let line = before.matches('\n').count();
    let column = at - before.rfind('\n').map_or(0, |newline| newline + 1);
    let (first_number, first) = text
        .lines()
        .enumerate()
        .find(|(_, line)| !line.trim().is_empty())?;
    let body = |number: usize| -> Option<(usize, &str)> {
        let mut start = 0;
        for (index, line) in written.split_inclusive('\n').enumerate() {
            if index == number + 1 {
                return Some((start, line));
            }
            start += line.len();
        }
        None
    };
    let (_, first_written) = body(first_number)?;
    let indent = first_written.find(first)?;
    let (start, line_text) = body(line)?;
    let place = start + (indent + column).min(line_text.trim_end_matches(['\n', '\r']).len());
    written.is_char_boundary(place).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    #[test]
    fn ranges_are_found_in_the_source() {
        let check = |source: &str, wanted: &str, expected: Option<&str>| {
            let root = parse(source, &Limits::default()).root.expect("YAML");
            let node = root.get("k").expect("the key");
            let text = &node.scalar().expect("a scalar").text;
            let at = text.find(wanted).expect("the wanted part");
            let span = locate(source, node, &(at..at + wanted.len()));
            let found = &source[span.start as usize..span.end as usize];
            let whole = &source[node.span.start as usize..node.span.end as usize];
            assert_eq!(found, expected.unwrap_or(whole), "{source}");
        };
        check("k: a {{ b }}\n", "b", Some("b"));
        check("k: \"a {{ b }}\"\n", "b", Some("b"));
        check("k: 'a {{ b }}'\n", "{{ b }}", Some("{{ b }}"));
        check("k: \"a\\t{{ b }}\"\n", "b", None);
        check(
            "x: 1\nk: |\n  é one\n    two {{ b }}\n\n  three {{ c }}\n",
            "b",
            Some("b"),
        );
        check(
            "x: 1\nk: |-\n  one\n    two {{ b }}\n\n  three {{ c }}\n",
            "c",
            Some("c"),
        );
        check("k: |\n\n    one {{ c }}\n", "c", Some("c"));
        check("k: >\n  one\n  two {{ b }}\n", "b", None);
    }
}
