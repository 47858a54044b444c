//! Lines of output as JSON records, one per line, fast enough for a flood.

use crate::launch::Stream;

use super::line::lines;

/// The version of the record's shape; grows when a field changes its meaning.
pub const RECORD_VERSION: u32 = 1;

/// What all records of a block have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead<'a> {
    /// When the block arrived, RFC 3339.
    pub time: &'a str,
    /// The task's id.
    pub task: &'a str,
    /// Where the lines were written.
    pub stream: Stream,
    /// The execution that it happens in, where it is one that a task of another called for.
    pub inside: Option<&'a str>,
}

/// Appends one record and a line end for each line of a block:
/// `{"v":1,"event":"line","seq":7,"time":"…","task":"…","stream":"stdout","line":"…"}`.
///
/// `seq` is the number of the next record and is counted up. A piece of an overlong line (`continued`) gets `"continued":true`:
/// the next record of the task and stream goes on with it. Bytes that are not UTF-8 become U+FFFD, as a JSON text has no other
/// way to hold them.
pub fn append_records(
    out: &mut Vec<u8>,
    seq: &mut u64,
    head: RecordHead<'_>,
    block: &[u8],
    continued: bool,
) {
    let mut middle = Vec::with_capacity(128);
    middle.extend_from_slice(b",\"time\":");
    append_text(&mut middle, head.time.as_bytes());
    if let Some(execution) = head.inside {
        middle.extend_from_slice(b",\"inside\":");
        append_text(&mut middle, execution.as_bytes());
    }
    middle.extend_from_slice(b",\"task\":");
    append_text(&mut middle, head.task.as_bytes());
    middle.extend_from_slice(match head.stream {
        Stream::Stdout => b",\"stream\":\"stdout\",\"line\":",
        Stream::Stderr => b",\"stream\":\"stderr\",\"line\":",
    });
    let beginning = format!("{{\"v\":{RECORD_VERSION},\"event\":\"line\",\"seq\":");
    for line in lines(block) {
        // One reservation for the whole record; only a line with characters to escape needs more.
        out.reserve(beginning.len() + 20 + middle.len() + line.len() + 24);
        out.extend_from_slice(beginning.as_bytes());
        append_number(out, *seq);
        *seq += 1;
        out.extend_from_slice(&middle);
        append_text(out, line);
        out.extend_from_slice(if continued {
            b",\"continued\":true}\n"
        } else {
            b"}\n"
        });
    }
}

/// Appends a JSON text with its quotes.
pub fn append_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        for chunk in text.utf8_chunks() {
            append_escaped(out, chunk.valid().as_bytes());
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{FFFD}".as_bytes());
            }
        }
    }
    out.push(b'"');
}

/// Whether the bytes are ASCII with nothing to escape. Written without a way out of the loop, so that it is compiled to vector
/// instructions.
fn is_plain(text: &[u8]) -> bool {
    let mut special = false;
    for &byte in text {
        special |= !(0x20..0x7F).contains(&byte) | (byte == b'"') | (byte == b'\\');
    }
    !special
}

/// Appends valid UTF-8, in as large pieces as there are between two bytes to escape.
fn append_escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut given = 0;
    for (position, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[given..position]);
        given = position + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&text[given..]);
}

fn append_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = number;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HEAD: RecordHead<'_> = RecordHead {
        time: "2026-11-21T08:00:00Z",
        task: "ta\"sk",
        stream: Stream::Stderr,
        inside: None,
    };

    #[test]
    fn every_line_is_one_record() {
        let mut out = Vec::new();
        let mut seq = 9;
        append_records(&mut out, &mut seq, HEAD, b"one\n\nthree\r\n", false);
        append_records(&mut out, &mut seq, HEAD, b"piece", true);
        assert_eq!(seq, 13);
        let text = String::from_utf8(out).unwrap();
        let records: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let common = |seq: u64, line: &str| json!({"v": 1, "event": "line", "seq": seq, "time": HEAD.time, "task": HEAD.task, "stream": "stderr", "line": line});
        let mut last = common(12, "piece");
        last["continued"] = json!(true);
        assert_eq!(
            records,
            vec![common(9, "one"), common(10, ""), common(11, "three"), last]
        );
        assert!(text.starts_with(r#"{"v":1,"event":"line","seq":9,"time":"2026-11-21T08:00:00Z","task":"ta\"sk","stream":"stderr","line":"one"}"#));
    }

    #[test]
    fn any_bytes_come_back_as_text() {
        let check = |bytes: &[u8]| {
            let mut out = Vec::new();
            append_text(&mut out, bytes);
            let back: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(back, String::from_utf8_lossy(bytes), "{bytes:?}");
        };
        check(b"");
        check(b"plain");
        check("üñí 🙂 \u{7f} \u{2028}".as_bytes());
        check(b"\"quoted\\\" \x00\x01\x1f\t\r\n");
        check(b"\xff\xfe half \xe2\x82");
        let all: Vec<u8> = (0..=255).collect();
        for start in 0..all.len() {
            check(&all[start..(start + 37).min(256)]);
        }
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            let mut out = Vec::new();
            append_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
