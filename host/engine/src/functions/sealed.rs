//! `encrypt` and `decrypt`: AES in GCM under a key in base 64, with the nonce before what is sealed, all in base 64, as the original
//! does it.

use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use taffrail_expr::{Arguments, Value};

/// Bytes of a nonce.
const NONCE: usize = 12;

pub(super) fn encrypt(arguments: &Arguments) -> Result<Value, String> {
    let (key, plain) = given(arguments, "plaintext")?;
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| "the system has no random bytes".to_owned())?;
    let mut bytes = plain.into_bytes();
    key.seal(&nonce, &mut bytes)
        .map_err(|_| "the text is too long to be sealed".to_owned())?;
    Ok(Value::text(BASE64.encode([&nonce[..], &bytes].concat())))
}

pub(super) fn decrypt(arguments: &Arguments) -> Result<Value, String> {
    let (key, sealed) = given(arguments, "encrypted")?;
    let bytes = BASE64
        .decode(sealed.trim())
        .map_err(|_| "`encrypted` is not base 64".to_owned())?;
    let (nonce, sealed) = bytes
        .split_first_chunk::<NONCE>()
        .ok_or("`encrypted` is too short to be sealed text")?;
    let mut sealed = sealed.to_vec();
    key.open(nonce, &mut sealed)
        .map_err(|_| "`encrypted` was not sealed with this key, or was changed since".to_owned())?;
    String::from_utf8(sealed)
        .map(Value::text)
        .map_err(|_| "what was sealed is no text".to_owned())
}

/// A key of one of the sizes that AES has.
enum Key {
    Short(Box<Aes128Gcm>),
    Middle(Box<AesGcm<Aes192, U12>>),
    Long(Box<Aes256Gcm>),
}

impl Key {
    fn new(bytes: &[u8]) -> Option<Self> {
        Some(match bytes.len() {
            16 => Self::Short(Box::new(Aes128Gcm::new_from_slice(bytes).ok()?)),
            24 => Self::Middle(Box::new(AesGcm::new_from_slice(bytes).ok()?)),
            32 => Self::Long(Box::new(Aes256Gcm::new_from_slice(bytes).ok()?)),
            _ => return None,
        })
    }

    fn seal(&self, nonce: &[u8; NONCE], bytes: &mut Vec<u8>) -> Result<(), aes_gcm::Error> {
        let nonce = Nonce::from_slice(nonce);
        match self {
            Self::Short(key) => key.encrypt_in_place(nonce, b"", bytes),
            Self::Middle(key) => key.encrypt_in_place(nonce, b"", bytes),
            Self::Long(key) => key.encrypt_in_place(nonce, b"", bytes),
        }
    }

    fn open(&self, nonce: &[u8; NONCE], bytes: &mut Vec<u8>) -> Result<(), aes_gcm::Error> {
        let nonce = Nonce::from_slice(nonce);
        match self {
            Self::Short(key) => key.decrypt_in_place(nonce, b"", bytes),
            Self::Middle(key) => key.decrypt_in_place(nonce, b"", bytes),
            Self::Long(key) => key.decrypt_in_place(nonce, b"", bytes),
        }
    }
}

/// The key, and the text of the other argument. No message shows either.
fn given(arguments: &Arguments, other: &str) -> Result<(Key, String), String> {
    let word = |index, name: &str| {
        arguments
            .get(index, name)
            .and_then(|value| value.as_str())
            .ok_or_else(|| format!("it needs a text as `{name}`"))
    };
    let bytes = BASE64
        .decode(word(0, "key")?.trim())
        .map_err(|_| "`key` is not base 64".to_owned())?;
    let key = Key::new(&bytes).ok_or_else(|| {
        let length = bytes.len();
        format!("`key` has {length} bytes; AES takes keys of 16, 24 or 32")
    })?;
    Ok((key, word(1, other)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    fn arguments(texts: &[&str]) -> Arguments {
        Arguments {
            positional: texts.iter().map(|text| Value::text(*text)).collect(),
            named: Vec::new(),
        }
    }

    #[test]
    fn what_is_sealed_is_opened_with_the_same_key_only() {
        let seal = |text: &str| encrypt(&arguments(&[KEY, text])).unwrap().render_text();
        let sealed = seal("a sëcret");
        assert_ne!(sealed, seal("a sëcret"), "a nonce is used once");
        let open = |key: &str, sealed: &str| decrypt(&arguments(&[key, sealed]));
        assert_eq!(open(KEY, &sealed).unwrap().as_str(), Some("a sëcret"));
        // Made elsewhere, with a nonce of zeros.
        let made = "AAAAAAAAAAAAAAAAa+22og/8BfNHXSkDTKocyPo2KMOf";
        let opened = open("AAAAAAAAAAAAAAAAAAAAAA==", made).unwrap();
        assert_eq!(opened.as_str(), Some("hello"));
        let middle = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
        let sealed_so = encrypt(&arguments(&[middle, "24 bytes"])).unwrap();
        let opened = open(middle, &sealed_so.render_text()).unwrap();
        assert_eq!(opened.as_str(), Some("24 bytes"));
        let made = "AAAAAAAAAAAAAAAA8IJIEGiSYNdkpc84j10mOtBUPogJ";
        let opened = open("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", made).unwrap();
        assert_eq!(opened.as_str(), Some("hello"));
        for (key, sealed, part) in [
            ("eA==", sealed.as_str(), "1 bytes"),
            ("?", sealed.as_str(), "`key` is not base 64"),
            (KEY, "!", "`encrypted` is not base 64"),
            (KEY, "eA==", "too short"),
            (
                "AAAAAAAAAAAAAAAAAAAAAA==",
                sealed.as_str(),
                "was not sealed",
            ),
        ] {
            let error = open(key, sealed).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
