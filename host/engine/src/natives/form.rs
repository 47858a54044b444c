//! Forms as web servers take them: one text, or parts with files among them.

use std::fs::File;
use std::io::{Read, Seek, Write};

use serde_json::{Map, Value};
use taffrail_core::record::Failure;

use super::{Call, failed};
use crate::storage::URI_PREFIX;
use crate::web::Sent;

/// A form, encoded.
pub(super) struct Content {
    /// Its media type.
    pub kind: String,
    pub body: Sent,
}

/// Encodes fields: as parts where the media type says so or a field is a file, as one text otherwise.
pub(super) fn encode(
    call: &Call<'_>,
    fields: &Map<String, Value>,
    kind: Option<&str>,
) -> Result<Content, Failure> {
    let wants_parts = kind.is_some_and(|kind| kind.starts_with("multipart/"));
    if wants_parts || fields.values().any(is_file) {
        return parts(call, fields);
    }
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name), percent(&text(value))))
        .collect();
    Ok(Content {
        kind: "application/x-www-form-urlencoded".to_owned(),
        body: Sent::Bytes(pairs.join("&").into_bytes()),
    })
}

fn is_file(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with(URI_PREFIX),
        Value::Object(map) => map.contains_key("content"),
        _ => false,
    }
}

fn parts(call: &Call<'_>, fields: &Map<String, Value>) -> Result<Content, Failure> {
    let boundary = format!("taffrail-{}", ulid::Ulid::generate());
    let mut body = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    for (name, value) in fields {
        part(call, &mut body, &boundary, name, value)?;
    }
    write(&mut body, format!("--{boundary}--\r\n").as_bytes())?;
    body.rewind().map_err(|error| failed(error.to_string()))?;
    Ok(Content {
        kind: format!("multipart/form-data; boundary={boundary}"),
        body: Sent::File(body),
    })
}

fn part(
    call: &Call<'_>,
    body: &mut File,
    boundary: &str,
    name: &str,
    value: &Value,
) -> Result<(), Failure> {
    let (content, called, kind) = match value {
        Value::Object(map) => {
            let of = |key: &str| map.get(key).map(text);
            (
                of("content").unwrap_or_default(),
                of("name"),
                of("contentType"),
            )
        }
        other => (text(other), None, None),
    };
    let is_stored = content.starts_with(URI_PREFIX);
    let called = called.or_else(|| {
        let last = content.rsplit('/').next();
        is_stored.then(|| last.unwrap_or("file").to_owned())
    });
    let mut head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
        quoted(name)
    );
    if let Some(called) = &called {
        head.push_str(&format!("; filename=\"{}\"", quoted(called)));
    }
    match kind {
        Some(kind) => head.push_str(&format!("\r\nContent-Type: {}", quoted(&kind))),
        None if called.is_some() => head.push_str("\r\nContent-Type: application/octet-stream"),
        None => {}
    }
    head.push_str("\r\n\r\n");
    write(body, head.as_bytes())?;
    if is_stored {
        let mut file = call.open(&content)?;
        copy(&mut file, body)?;
    } else {
        write(body, content.as_bytes())?;
    }
    write(body, b"\r\n")
}

fn copy(from: &mut impl Read, to: &mut File) -> Result<(), Failure> {
    std::io::copy(from, to)
        .map(drop)
        .map_err(|error| failed(error.to_string()))
}

fn write(body: &mut File, bytes: &[u8]) -> Result<(), Failure> {
    body.write_all(bytes)
        .map_err(|error| failed(error.to_string()))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A text between quotes in a header line.
fn quoted(text: &str) -> String {
    text.replace(['\r', '\n'], " ").replace('"', "%22")
}

/// A text as a part of an address or of a form.
pub(crate) fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Bytes in base 64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
            } else {
                let index = (bits >> (18 - 6 * place)) & 63;
                text.push(char::from(LETTERS[index as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("user:pass", "dXNlcjpwYXNz"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(percent("a b&c=ü~"), "a%20b%26c%3D%C3%BC~");
    }
}
