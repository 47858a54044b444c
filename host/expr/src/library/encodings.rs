//! Hashes, Base64 and URL encoding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::Parameters::None as Nothing;
use super::{Filter, Invocation};
use crate::error::Fail;
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "base64decode",
        parameters: Nothing,
        run: base64_decode,
    },
    Filter {
        name: "base64encode",
        parameters: Nothing,
        run: base64_encode,
    },
    Filter {
        name: "md5",
        parameters: Nothing,
        run: hash::<Md5>,
    },
    Filter {
        name: "sha1",
        parameters: Nothing,
        run: hash::<Sha1>,
    },
    Filter {
        name: "sha256",
        parameters: Nothing,
        run: hash::<Sha256>,
    },
    Filter {
        name: "sha512",
        parameters: Nothing,
        run: hash::<Sha512>,
    },
    Filter {
        name: "urldecode",
        parameters: Nothing,
        run: url_decode,
    },
    Filter {
        name: "urlencode",
        parameters: Nothing,
        run: url_encode,
    },
];

fn hash<Algorithm: Digest>(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let digest = Algorithm::digest(call.text()?.as_bytes());
    let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Value::text(hexadecimal))
}

fn base64_encode(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    Ok(Value::text(STANDARD.encode(call.printed().as_bytes())))
}

fn base64_decode(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let text = call.text()?;
    // Java's decoder takes a text without its padding too.
    let unpadded = text.trim_end_matches('=');
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(unpadded.as_bytes())
        .map_err(|error| Fail::value(format!("the text is not Base64: {}", described(&error))))?;
    Ok(Value::text(String::from_utf8_lossy(&decoded).into_owned()))
}

fn described(error: &base64::DecodeError) -> String {
    match error {
        base64::DecodeError::InvalidByte(place, _)
        | base64::DecodeError::InvalidLastSymbol(place, _) => {
            format!("character {} does not belong there", place + 1)
        }
        _ => "it is cut off".to_owned(),
    }
}

fn url_encode(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let mut encoded = String::new();
    for byte in call.text()?.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(Value::text(encoded))
}

fn url_decode(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let text = call.text()?;
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                match (digit(bytes.next()), digit(bytes.next())) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => {
                        return Err(Fail::value(
                            "the text is not URL-encoded: `%` must be followed by two hexadecimal digits",
                        ));
                    }
                }
            }
            other => other,
        });
    }
    Ok(Value::text(String::from_utf8_lossy(&decoded).into_owned()))
}
