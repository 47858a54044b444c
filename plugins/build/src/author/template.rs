//! New projects: the templates of this program, with the plugin's id put in.

use std::path::Path;
use std::{fs, io};

use super::lang::Lang;

include!(concat!(env!("OUT_DIR"), "/author.rs"));

/// The SDK's manifest without the workspace of this repository.
const SDK_MANIFEST: &str = include_str!(concat!(env!("OUT_DIR"), "/sdk.toml"));
/// The contract, for tools that read it.
pub(super) const CONTRACT: &str = include_str!("../../../../wit/v1.0/plugin.wit");

/// Whether a text may be a plugin's id: what the descriptor's schema says of it.
pub fn valid_id(id: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !part.is_empty() && part.bytes().all(plain)
    };
    id.len() <= 64
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.split('-').all(part)
}

/// Makes a project in a folder, which must not exist or be empty. Returns the paths of its own files: not those of the SDK, which it
/// only carries.
///
/// # Errors
/// When the folder holds something, or the disk says no.
pub fn create(folder: &Path, lang: Lang, id: &str) -> io::Result<Vec<String>> {
    match fs::read_dir(folder).map(|mut entries| entries.next()) {
        Ok(None) => {}
        Ok(Some(_)) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is not empty",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut shown = Vec::new();
    let write = |path: &str, bytes: &[u8]| {
        let target = folder.join(path);
        fs::create_dir_all(target.parent().unwrap_or(folder))?;
        fs::write(target, bytes)
    };
    for (path, bytes) in TEMPLATES {
        let Some(path) = ["common", lang.name()]
            .iter()
            .find_map(|from| path.strip_prefix(from)?.strip_prefix('/'))
        else {
            continue;
        };
        let path = if path == "gitignore" {
            ".gitignore"
        } else {
            path
        };
        let text = String::from_utf8_lossy(bytes)
            .replace("__ID__", id)
            .replace("__TYPE__", &family(id))
            .replace("__SOURCE__", &format!("`{}`", lang.source()));
        write(path, text.as_bytes())?;
        shown.push(path.to_owned());
    }
    match lang {
        Lang::Rust => {
            for (path, bytes) in SDK {
                write(&format!("sdk/{path}"), bytes)?;
            }
            write("sdk/Cargo.toml", SDK_MANIFEST.as_bytes())?;
        }
        Lang::Python | Lang::Js => write("wit/plugin.wit", CONTRACT.as_bytes())?,
        Lang::Go | Lang::C => {}
    }
    shown.sort();
    Ok(shown)
}

/// What the names of the plugin's task types begin with: a part of a name has no `-`.
fn family(id: &str) -> String {
    format!("com.example.{}", id.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_descriptor() {
        for id in ["a", "cobol", "open-cobol", "x86-64"] {
            assert!(valid_id(id), "{id}");
        }
        for id in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "1a",
            "a_b",
            "é",
            &"a".repeat(65),
        ] {
            assert!(!valid_id(id), "{id}");
        }
    }

    #[test]
    fn every_language_gets_its_source_and_no_placeholder_is_left() {
        for lang in Lang::ALL {
            let folder = tempfile::tempdir().unwrap();
            let project = folder.path().join("open-cobol");
            let files = create(&project, lang, "open-cobol").unwrap();
            assert!(files.iter().any(|file| file == lang.source()), "{files:?}");
            assert!(files.iter().any(|file| file == ".gitignore"), "{files:?}");
            assert_eq!(Lang::of(&project), Some(lang));
            for file in files {
                let text = fs::read_to_string(project.join(&file)).unwrap();
                for mark in ["__ID__", "__TYPE__", "__SOURCE__"] {
                    assert!(!text.contains(mark), "{file}: {mark}");
                }
            }
            let again = create(&project, lang, "open-cobol").unwrap_err();
            assert_eq!(again.to_string(), "it is not empty");
        }
    }

    #[test]
    fn the_carried_sdk_stands_by_itself() {
        assert!(!SDK_MANIFEST.contains("workspace"), "{SDK_MANIFEST}");
        assert!(SDK.iter().any(|(path, _)| *path == "wit/plugin.wit"));
        assert!(SDK.iter().all(|(path, _)| !path.starts_with("tests/")));
    }
}
