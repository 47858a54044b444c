//! Cuts a file's lines into parts: by number, by size, into so many, or by what a pattern finds in each line.

use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

/// How lines become parts.
#[derive(Debug)]
pub(crate) enum Cut {
    /// So many lines each.
    Rows(u64),
    /// At most so many bytes each; a longer line stands alone.
    Bytes(u64),
    /// Into so many parts, one line to each in turn.
    Partitions(u64),
    /// One part for each text that the first group matches, in the order of their first lines; other lines are dropped.
    Pattern(Regex),
}

impl Cut {
    /// Takes what an author wrote.
    ///
    /// # Errors
    /// When nothing or too much was written, or it cannot be read.
    pub(crate) fn new(
        rows: Option<u64>,
        bytes: Option<&Value>,
        partitions: Option<u64>,
        pattern: Option<&str>,
    ) -> Result<Cut, String> {
        let positive = |name: &str, number: u64| match number {
            0 => Err(format!("`{name}` must be at least 1")),
            number => Ok(number),
        };
        match (rows, bytes, partitions, pattern) {
            (Some(rows), None, None, None) => positive("rows", rows).map(Cut::Rows),
            (None, Some(size), None, None) => {
                let text = size
                    .as_str()
                    .map_or_else(|| size.to_string(), str::to_owned);
                let size = read_size(&text)
                    .ok_or_else(|| format!("`{text}` is no size such as `10MB`"))?;
                positive("bytes", size).map(Cut::Bytes)
            }
            (None, None, Some(parts), None) => positive("partitions", parts).map(Cut::Partitions),
            (None, None, None, Some(pattern)) => Regex::new(pattern)
                .map_err(|error| error.to_string())
                .and_then(|regex| match regex.captures_len() {
                    1 => Err(format!("`{pattern}` has no group to split by")),
                    _ => Ok(Cut::Pattern(regex)),
                }),
            (None, None, None, None) => {
                Err("one of `rows`, `bytes`, `partitions` and `regexPattern` is needed".to_owned())
            }
            _ => Err(
                "only one of `rows`, `bytes`, `partitions` and `regexPattern` can be used"
                    .to_owned(),
            ),
        }
    }

    /// The parts, each with whole lines. An empty text has none.
    pub(crate) fn parts(&self, text: &str, separator: &str) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut rows = 0;
        for (index, line) in lines(text, separator).enumerate() {
            match self {
                Cut::Rows(most) => {
                    if rows == 0 {
                        parts.push(String::new());
                    }
                    rows = (rows + 1) % most;
                    append(&mut parts, usize::MAX, line);
                }
                Cut::Bytes(most) => {
                    let fits = parts
                        .last()
                        .is_some_and(|part| (part.len() + line.len()) as u64 <= *most);
                    if !fits {
                        parts.push(String::new());
                    }
                    append(&mut parts, usize::MAX, line);
                }
                Cut::Partitions(count) => {
                    let place = index % usize::try_from(*count).unwrap_or(usize::MAX);
                    if place == parts.len() {
                        parts.push(String::new());
                    }
                    append(&mut parts, place, line);
                }
                Cut::Pattern(pattern) => {
                    let found = pattern.captures(line).and_then(|captures| captures.get(1));
                    if let Some(found) = found {
                        let place = *places.entry(found.as_str()).or_insert_with(|| {
                            parts.push(String::new());
                            parts.len() - 1
                        });
                        append(&mut parts, place, line);
                    }
                }
            }
        }
        parts
    }
}

fn append(parts: &mut [String], place: usize, line: &str) {
    let place = place.min(parts.len().saturating_sub(1));
    if let Some(part) = parts.get_mut(place) {
        part.push_str(line);
    }
}

/// The lines of a text, each with what ends it.
pub(crate) fn lines<'a>(text: &'a str, separator: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    if text.is_empty() {
        return Box::new(std::iter::empty());
    }
    if separator.is_empty() {
        return Box::new(std::iter::once(text));
    }
    let separator = separator.to_owned();
    let mut rest = text;
    Box::new(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .find(&separator)
            .map_or(rest.len(), |at| at + separator.len());
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    }))
}

/// A size in bytes; units count in 1024s.
fn read_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let factor: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts() {
        let check = |cut: Result<Cut, String>, text: &str, expected: &[&str]| {
            assert_eq!(cut.unwrap().parts(text, "\n"), expected, "{text:?}");
        };
        let rows = |count| Cut::new(Some(count), None, None, None);
        check(rows(2), "a\nb\nc\n", &["a\nb\n", "c\n"]);
        check(rows(1), "a\nb", &["a\n", "b"]);
        check(rows(5), "", &[]);
        let parts = |count| Cut::new(None, None, Some(count), None);
        check(parts(2), "a\nb\nc\n", &["a\nc\n", "b\n"]);
        check(parts(3), "a\n", &["a\n"]);
        let size = json!("4B");
        check(
            Cut::new(None, Some(&size), None, None),
            "a\nb\nlonger\nc\n",
            &["a\nb\n", "longer\n", "c\n"],
        );
        let by = Cut::new(None, None, None, Some(r"\[(\w+)\]"));
        check(
            by,
            "[x] 1\n[y] 2\n[x] 3\nnone\n",
            &["[x] 1\n[x] 3\n", "[y] 2\n"],
        );
        assert_eq!(lines("a--b", "--").collect::<Vec<_>>(), ["a--", "b"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |cut: Result<Cut, String>, part: &str| {
            let message = cut.unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        check(Cut::new(None, None, None, None), "is needed");
        check(Cut::new(Some(1), None, Some(1), None), "only one");
        check(Cut::new(Some(0), None, None, None), "at least 1");
        check(Cut::new(None, Some(&json!("lots")), None, None), "no size");
        check(Cut::new(None, None, None, Some("abc")), "no group");
    }
}
