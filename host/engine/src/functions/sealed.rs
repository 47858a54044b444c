//! `encrypt` and `decrypt`: AES in GCM under a key in base 64, with the nonce before what is sealed, all in base 64, as the original
//! does it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use taffrail_expr::{Arguments, Value};

pub(super) fn encrypt(arguments: &Arguments) -> Result<Value, String> {
    let (key, plain) = given(arguments, "plaintext")?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new()
        .fill(&mut nonce)
        .map_err(|_| "the system has no random bytes".to_owned())?;
    let mut bytes = plain.into_bytes();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut bytes,
    )
    .map_err(|_| "the text is too long to be sealed".to_owned())?;
    Ok(Value::text(BASE64.encode([&nonce[..], &bytes].concat())))
}

pub(super) fn decrypt(arguments: &Arguments) -> Result<Value, String> {
    let (key, sealed) = given(arguments, "encrypted")?;
    let bytes = BASE64
        .decode(sealed.trim())
        .map_err(|_| "`encrypted` is not base 64".to_owned())?;
    let (nonce, sealed) = bytes
        .split_first_chunk::<NONCE_LEN>()
        .ok_or("`encrypted` is too short to be sealed text")?;
    let mut sealed = sealed.to_vec();
    let plain = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::empty(),
            &mut sealed,
        )
        .map_err(|_| "`encrypted` was not sealed with this key, or was changed since".to_owned())?;
    String::from_utf8(plain.to_vec())
        .map(Value::text)
        .map_err(|_| "what was sealed is no text".to_owned())
}

/// The key, and the text of the other argument. No message shows either.
fn given(arguments: &Arguments, other: &str) -> Result<(LessSafeKey, String), String> {
    let word = |index, name: &str| {
        arguments
            .get(index, name)
            .and_then(|value| value.as_str())
            .ok_or_else(|| format!("it needs a text as `{name}`"))
    };
    let bytes = BASE64
        .decode(word(0, "key")?.trim())
        .map_err(|_| "`key` is not base 64".to_owned())?;
    let algorithm = match bytes.len() {
        16 => &AES_128_GCM,
        32 => &AES_256_GCM,
        length => {
            return Err(format!(
                "`key` has {length} bytes; AES takes keys of 16 or 32 here"
            ));
        }
    };
    let key = UnboundKey::new(algorithm, &bytes).map_err(|_| "`key` is no key".to_owned())?;
    Ok((LessSafeKey::new(key), word(1, other)?.to_owned()))
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
