//! Cuts a file's lines into parts: by number, by size, into so many, or by what a pattern finds in each line.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use regex::Regex;
use serde_json::Value;
use taffrail_core::record::Failure;

use super::failed;
use super::lines::{Lines, Parts};

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

    /// Cuts a source into parts, each of whole lines, and gives each to `keep`, in order. An empty source has none. Of what is cut as much
    /// is in memory as a part that is being made, at most some MiB.
    ///
    /// # Errors
    /// When the source cannot be read, or a part not be kept.
    pub(crate) fn split(
        &self,
        source: &mut dyn BufRead,
        separator: &str,
        keep: &mut dyn FnMut(usize, &mut dyn Read) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        let broken = |error: std::io::Error| failed(error.to_string());
        let mut lines = Lines::new(source, separator);
        let mut parts = Parts::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        // Of the part that is being made, where there is one at a time.
        let (mut rows, mut bytes) = (0, 0);
        loop {
            let number = lines.number();
            let Some(line) = lines.next().map_err(broken)? else {
                break;
            };
            let place = match self {
                Cut::Rows(most) => {
                    rows = rows % most + 1;
                    parts.len().checked_sub(1).filter(|_| rows > 1)
                }
                Cut::Bytes(most) => {
                    let fits = bytes > 0 && bytes + line.len() as u64 <= *most;
                    bytes = if fits { bytes } else { 0 } + line.len() as u64;
                    parts.len().checked_sub(1).filter(|_| fits)
                }
                Cut::Partitions(count) => usize::try_from(number % count)
                    .ok()
                    .filter(|place| *place < parts.len()),
                Cut::Pattern(pattern) => {
                    let line = std::str::from_utf8(line)
                        .map_err(|_| failed(format!("line {} is not UTF-8 text", number + 1)))?;
                    let found = pattern.captures(line).and_then(|captures| captures.get(1));
                    let Some(found) = found else { continue };
                    match places.get(found.as_str()) {
                        Some(place) => Some(*place),
                        None => {
                            places.insert(found.as_str().to_owned(), parts.len());
                            None
                        }
                    }
                }
            };
            let one_at_a_time = matches!(self, Cut::Rows(_) | Cut::Bytes(_));
            let place = match place {
                Some(place) => place,
                None => {
                    let place = parts.begin();
                    if let (true, Some(before)) = (one_at_a_time, place.checked_sub(1)) {
                        keep(before, &mut parts.take(before).map_err(broken)?)?;
                    }
                    place
                }
            };
            parts.add(place, line).map_err(broken)?;
        }
        let first = match self {
            Cut::Rows(_) | Cut::Bytes(_) => parts.len().saturating_sub(1),
            Cut::Partitions(_) | Cut::Pattern(_) => 0,
        };
        for place in first..parts.len() {
            keep(place, &mut parts.take(place).map_err(broken)?)?;
        }
        Ok(parts.len())
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
            let mut found = Vec::new();
            let mut keep = |place: usize, part: &mut dyn Read| {
                assert_eq!(place, found.len());
                let mut kept = String::new();
                part.read_to_string(&mut kept).unwrap();
                found.push(kept);
                Ok(())
            };
            let count = cut
                .unwrap()
                .split(&mut text.as_bytes(), "\n", &mut keep)
                .unwrap();
            assert_eq!(found, expected, "{text:?}");
            assert_eq!(count, expected.len());
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
