//! Where in shell text the tags of the expression language stand: outside quotes, inside them, in a comment.

use std::ops::Range;

/// The place of a tag as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside all quotes.
    Bare,
    /// Between double quotes, or in a here-document.
    Double,
    /// Between single quotes.
    Single,
    /// Where the shell reads nothing.
    Comment,
}

/// The output tags `{{ … }}` of a text, without those inside comments of the expression language.
pub(super) fn tags(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"{#" => {
                at = text[at..]
                    .find("#}")
                    .map_or(bytes.len(), |end| at + end + 2)
            }
            b"{%" => {
                at = text[at..]
                    .find("%}")
                    .map_or(bytes.len(), |end| at + end + 2)
            }
            b"{{" => {
                let end = tag_end(bytes, at + 2);
                found.push(at..end);
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// Where a tag ends whose inside begins here.
fn tag_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    let mut quote = None;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return at + 2,
            (None, _) => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The place of each tag.
pub(super) fn places(text: &str, tags: &[Range<usize>]) -> Vec<Place> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        tags,
        found: Vec::with_capacity(tags.len()),
        at: 0,
        stack: vec![Frame::Plain(None)],
        documents: Vec::new(),
    };
    reader.read();
    reader.found
}

#[derive(Clone, Copy, PartialEq)]
enum Frame {
    /// Commands, up to a closing letter where they are inside others.
    Plain(Option<u8>),
    /// Double quotes.
    Double,
}

struct Reader<'a> {
    bytes: &'a [u8],
    tags: &'a [Range<usize>],
    found: Vec<Place>,
    at: usize,
    stack: Vec<Frame>,
    /// The here-documents that begin after this line.
    documents: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self) {
        while self.at < self.bytes.len() {
            // A comment of the expression language is gone before the shell sees the text.
            if self.bytes[self.at..].starts_with(b"{#") {
                self.comment();
                continue;
            }
            let frame = *self.stack.last().unwrap_or(&Frame::Plain(None));
            let place = if frame == Frame::Double {
                Place::Double
            } else {
                Place::Bare
            };
            if self.tag(place) {
                continue;
            }
            let byte = self.bytes[self.at];
            self.at += 1;
            match (frame, byte) {
                (_, b'\\') => self.at += 1,
                (Frame::Double, b'"') => {
                    self.stack.pop();
                }
                (_, b'"') => self.stack.push(Frame::Double),
                (_, b'$') if self.bytes.get(self.at) == Some(&b'(') => {
                    self.at += 1;
                    self.stack.push(Frame::Plain(Some(b')')));
                }
                (Frame::Plain(Some(b'`')), b'`') => {
                    self.stack.pop();
                }
                (_, b'`') => self.stack.push(Frame::Plain(Some(b'`'))),
                (Frame::Plain(_), b'\'') => self.until(Place::Single, |byte| byte == b'\''),
                (Frame::Plain(_), b'#') if self.begins_word() => {
                    self.until(Place::Comment, |byte| byte == b'\n');
                    self.at -= 1;
                }
                (Frame::Plain(_), b'(') => self.stack.push(Frame::Plain(Some(b')'))),
                (Frame::Plain(Some(b')')), b')') => {
                    self.stack.pop();
                }
                (Frame::Plain(_), b'<') if self.bytes.get(self.at) == Some(&b'<') => {
                    self.document()
                }
                (Frame::Plain(_), b'\n') => self.bodies(),
                _ => {}
            }
        }
        self.found.resize(self.tags.len(), Place::Bare);
    }

    /// Steps over a tag that begins here.
    fn tag(&mut self, place: Place) -> bool {
        match self.tags.get(self.found.len()) {
            Some(tag) if tag.start <= self.at => {
                self.at = tag.end.max(self.at);
                self.found.push(place);
                true
            }
            _ => false,
        }
    }

    /// Steps behind the next such byte; whatever stands before it is text.
    fn until(&mut self, place: Place, ends: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() {
            if self.tag(place) {
                continue;
            }
            self.at += 1;
            if ends(self.bytes[self.at - 1]) {
                return;
            }
        }
        // So that stepping back by one from a comment stays inside.
        self.at = self.bytes.len() + usize::from(place == Place::Comment);
    }

    fn begins_word(&self) -> bool {
        self.at < 2
            || matches!(
                self.bytes[self.at - 2],
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'('
            )
    }

    fn comment(&mut self) {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"#}");
        self.at += end.map_or(rest.len(), |end| end + 2);
    }

    /// Notes the word that ends a here-document; `<<<` begins none.
    fn document(&mut self) {
        self.at += 1;
        if self.bytes.get(self.at) == Some(&b'<') {
            self.at += 1;
            return;
        }
        let rest = &self.bytes[self.at..];
        let word: Vec<u8> = rest
            .iter()
            .skip_while(|byte| matches!(byte, b'-' | b' ' | b'\t' | b'\'' | b'"' | b'\\'))
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .copied()
            .collect();
        if !word.is_empty() {
            self.documents
                .push(String::from_utf8_lossy(&word).into_owned());
            // Up to the end of the word: its quotes quote nothing else.
            let skipped = rest
                .iter()
                .take_while(|byte| matches!(byte, b'-' | b' ' | b'\t' | b'\'' | b'"' | b'\\'))
                .count();
            self.at += skipped + word.len();
            if matches!(self.bytes.get(self.at), Some(b'\'' | b'"')) {
                self.at += 1;
            }
        }
    }

    fn bodies(&mut self) {
        for word in std::mem::take(&mut self.documents) {
            while self.at < self.bytes.len() {
                let start = self.at;
                self.until(Place::Double, |byte| byte == b'\n');
                let end = self.at.min(self.bytes.len());
                let line = String::from_utf8_lossy(&self.bytes[start..end]);
                if line.trim() == word {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_has_the_place_that_the_shell_gives_it() {
        use Place::{Bare, Comment, Double, Single};
        let check = |text: &str, expected: &[Place]| {
            assert_eq!(places(text, &tags(text)), expected, "{text}");
        };
        check("echo {{ a }}", &[Bare]);
        check("echo \"{{ a }}\" {{ b }}", &[Double, Bare]);
        check("echo '{{ a }}' {{ b }}", &[Single, Bare]);
        check("echo \\\"{{ a }}", &[Bare]);
        check("echo \"\\\"{{ a }}\"", &[Double]);
        check("echo \"$(cat {{ a }})\"", &[Bare]);
        check("echo \"`cat {{ a }}`{{ b }}\"", &[Bare, Double]);
        check("# {{ a }}\necho {{ b }}", &[Comment, Bare]);
        check("echo a#{{ a }}", &[Bare]);
        check("echo # {{ a }}", &[Comment]);
        check(
            "cat <<EOF\n{{ a }} it's\nEOF\necho {{ b }}",
            &[Double, Bare],
        );
        check(
            "cat <<-'E' | wc\n\t{{ a }}\n\tE\necho {{ b }}",
            &[Double, Bare],
        );
        check("cat <<< {{ a }}", &[Bare]);
        check("(cd x && echo {{ a }}) \"{{ b }}\"", &[Bare, Double]);
        check("{# {{ no }} #}{% if x %}{{ a['}}'] }}{% endif %}", &[Bare]);
        check("{{ {'a': {'b': 1}} }} '", &[Bare]);
        check("it's {{ a", &[Single]);
    }
}
