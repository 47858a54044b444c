//! The text of a flow as the store keeps it: whole, so that its execution can be gone on with whatever becomes of the file; but only the
//! digest where it may hold credentials in plain text, which are written nowhere.

use std::path::Path;

use sha2::{Digest, Sha256};
use taffrail_core::diagnostic::Source;

use crate::exit::{Exit, Failed};
use crate::load::read_source;

/// Words that stand beside credentials, in small letters. One too many costs no more than a copy.
const TELLING: [&str; 5] = [
    "credentials",
    "auths",
    "password",
    "registrytoken",
    "identitytoken",
];

/// Begins what stands for a text that is not kept; no flow is written so.
const MARK: &str = "sha256:";

/// What is kept of a text.
pub fn kept(text: &str) -> String {
    let small = text.to_lowercase();
    if TELLING.iter().any(|word| small.contains(word)) {
        digest(text)
    } else {
        text.to_owned()
    }
}

/// The text that was kept, or that of the file where no more than a digest was.
///
/// # Errors
/// When the file cannot be read or is not what it was.
pub fn source(kept: &str, name: &str, file: &Path) -> Result<Source, Failed> {
    if !kept.starts_with(MARK) {
        return Ok(Source::new(name, kept));
    }
    let hint = "it may hold credentials in plain text, so that no copy of it was kept; `secret()` keeps them out of flows";
    if file == Path::new("-") {
        return Err(Failed::new(
            Exit::Invalid,
            "the flow came by standard input and is not there any more",
        )
        .hint(hint));
    }
    let source = read_source(file)?;
    if digest(source.text()) != kept {
        return Err(Failed::new(
            Exit::Invalid,
            format!(
                "the flow `{}` has changed since the execution began",
                file.display()
            ),
        )
        .hint(hint));
    }
    // Under its old name, which the places of its mistakes and the language it is written in go by.
    Ok(Source::new(name, source.text()))
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MARK}{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_unless_it_may_hold_credentials() {
        let plain = "id: a\nnamespace: b\n";
        assert_eq!(kept(plain), plain);
        for telling in [
            "credentials: {username: a}",
            "config: '{\"auths\": {}}'",
            "registryToken: x",
            "docker_run: { registry_password: x }",
        ] {
            let kept = kept(telling);
            assert!(
                kept.starts_with(MARK) && kept.len() == MARK.len() + 64,
                "{kept}"
            );
        }
    }

    #[test]
    fn what_was_not_kept_is_read_again_if_it_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let text = "id: a # its password is elsewhere\n";
        std::fs::write(&file, text).unwrap();
        let read = || source(&kept(text), "a.yaml", &file);
        assert_eq!(read().unwrap().text(), text);
        std::fs::write(&file, "id: b\n").unwrap();
        assert!(read().unwrap_err().message.contains("has changed"));
        std::fs::remove_file(&file).unwrap();
        read().unwrap_err();
        source(&kept(text), "<stdin>", Path::new("-")).unwrap_err();
        assert_eq!(
            source("id: c\n", "c.yaml", &file).unwrap().text(),
            "id: c\n"
        );
    }
}
