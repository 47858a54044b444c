//! The spellings under which one secret value may turn up in output.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::MIN_SECRET;

/// Every spelling of a value that is looked for: raw, line by line, JSON, URL, shell, base64 and hexadecimal. Each is at
/// least [`MIN_SECRET`] bytes long; some may be equal.
pub(super) fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut spell = |value: &str| {
        found.push(value.into());
        if value.contains('\n') && !value.contains('\r') {
            found.push(value.replace('\n', "\r\n").into());
        }
        found.extend(json(value).into_iter().map(String::into_bytes));
        found.extend(url(value).into_iter().map(String::into_bytes));
        found.extend(shell(value).into_iter().map(String::into_bytes));
        found.extend(base64(value.as_bytes()));
        found.push(hex(value.as_bytes(), b"0123456789abcdef"));
        found.push(hex(value.as_bytes(), b"0123456789ABCDEF"));
    };
    spell(value);
    // A value read from a file ends in a line end that a script drops before it uses it.
    let trimmed = value.trim_end_matches(['\r', '\n']);
    if trimmed.len() < value.len() {
        spell(trimmed);
    }
    if value.contains('\n') {
        found.extend(value.lines().map(|line| line.as_bytes().to_vec()));
    }
    found.retain(|form| form.len() >= MIN_SECRET);
    found
}

/// Inside a JSON text: as most write it, with ASCII only (Python), with `/` escaped (PHP), with `<`, `>` and `&` escaped (Go).
fn json(value: &str) -> Vec<String> {
    let plain = serde_json::Value::from(value).to_string();
    let plain = &plain[1..plain.len() - 1];
    let mut ascii = String::new();
    for character in plain.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    let go = plain
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    vec![
        plain.replace('/', "\\/"),
        ascii.replace('/', "\\/"),
        plain.to_owned(),
        ascii,
        go,
    ]
}

/// Percent-encoded, with the sets of plain characters and the spellings of a blank that are in use.
fn url(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    for plain in ["-._~", "-._~/", "-._~!'()*", "-._*", "-._"] {
        for blank in ["%20", "+"] {
            for upper in [true, false] {
                let mut text = String::new();
                for &byte in value.as_bytes() {
                    if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
                        text.push(char::from(byte));
                    } else if byte == b' ' {
                        text.push_str(blank);
                    } else if upper {
                        text.push_str(&format!("%{byte:02X}"));
                    } else {
                        text.push_str(&format!("%{byte:02x}"));
                    }
                }
                found.push(text);
            }
        }
    }
    found
}

/// Inside single quotes (two ways), inside double quotes, and with backslashes; without the outer quotes.
fn shell(value: &str) -> Vec<String> {
    let escaped = |special: &str| {
        let mut text = String::new();
        for character in value.chars() {
            if special.contains(character) {
                text.push('\\');
            }
            text.push(character);
        }
        text
    };
    vec![
        value.replace('\'', "'\\''"),
        value.replace('\'', "'\"'\"'"),
        escaped("\\\"$`"),
        escaped("\\\"$`!"),
        escaped(" \t!\"#$&'()*,;<>?[\\]^`{|}~"),
        escaped("\\'").replace('\n', "\\n").replace('\t', "\\t"),
    ]
}

/// Both alphabets at the three places that a value can have in a group of three bytes, without the characters that depend on what
/// stands before and after it; and the lines into which encoders wrap a long text.
fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        let start = (before * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        for text in [
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            let certain = text.as_bytes()[start..end].to_vec();
            if before == 0 {
                for width in [64, 76] {
                    if certain.len() > width {
                        found.extend(certain.chunks(width).map(<[u8]>::to_vec));
                    }
                }
            }
            found.push(certain);
        }
    }
    found
}

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    value
        .iter()
        .flat_map(|byte| {
            [
                digits[usize::from(byte >> 4)],
                digits[usize::from(byte & 15)],
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_every_spelling() {
        let check = |value: &str, spelling: &str| {
            let found = forms(value);
            assert!(
                found.contains(&spelling.as_bytes().to_vec()),
                "{value:?} as {spelling:?}"
            );
        };
        check("hunter2", "hunter2");
        check("hunter2", "68756e74657232");
        check("s\u{fc}\u{df}er7", "73C3BCC39F657237");
        check("pass\"word", "pass\\\"word");
        check("geh\u{e9}im/", "geh\\u00e9im/");
        check("p&ssword", "p\\u0026ssword");
        check("pass word", "pass%20word");
        check("pass word", "pass+word");
        check("it's mine", "it'\\''s mine");
        check("it's mine", "it'\"'\"'s mine");
        check("it's mine", "it\\'s\\ mine");
        check("money$$$", "money\\$\\$\\$");
        check("secret\n", "secret");
        check("line one\nab\nline two", "line one\r\nab\r\nline two");
        check("line one\nab\nline two", "line two");
        check("secret", "c2VjcmV0");
        // `xsecret` is `eHNlY3JldA`, `xysecret` is `eHlzZWNyZXQ`.
        check("secret", "NlY3Jld");
        check("secret", "zZWNyZX");
    }

    #[test]
    fn short_lines_of_a_long_value_do_not_hide_ordinary_text() {
        let found = forms("first line\n{\nlast line");
        assert!(!found.contains(&b"{".to_vec()));
        assert!(found.iter().all(|form| form.len() >= MIN_SECRET));
    }
}
