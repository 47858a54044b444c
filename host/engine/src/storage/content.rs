//! Contents by their digest, and the names that link to them. A content without a name is nobody's and may go at any time; whoever is about
//! to link to one writes it anew where it has gone.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};
use taffrail_core::name::RelPath;

use super::{StorageError, confined};
use crate::confined::{ConfinedDir, FileError};

/// The folder of contents in that of a namespace. No flow is called so.
const CONTENT: &str = ".content";
/// How often a content may go between the look for it and the link to it.
const TRIES: usize = 16;
/// The most contents that are looked at at once.
const MAX_FILES: usize = 10_000_000;

/// Keeps what a reader gives under a name, in the place of what has it.
pub(super) fn put(
    root: &ConfinedDir,
    namespace: &str,
    name: &RelPath,
    source: &mut impl Read,
) -> Result<(), StorageError> {
    let fresh = confined(&format!(
        "{namespace}/{CONTENT}/new-{}",
        ulid::Ulid::generate()
    ))?;
    let written = write(root, &fresh, source);
    let entered = written.and_then(|(digest, length)| {
        let content = place(namespace, &digest)?;
        enter(root, &fresh, (&content, length), name)
    });
    // It is there still where the same content was before, or something went wrong.
    let removed = root.remove_file(&fresh).map_err(StorageError::from);
    entered.and(removed)
}

fn place(namespace: &str, digest: &str) -> Result<RelPath, StorageError> {
    let (first, rest) = digest.split_at(2);
    confined(&format!("{namespace}/{CONTENT}/{first}/{rest}"))
}

/// Writes a file; gives the digest and the length of what is in it.
fn write(
    root: &ConfinedDir,
    path: &RelPath,
    source: &mut impl Read,
) -> Result<(String, u64), StorageError> {
    let mut file = root.create_file(path, 0o600)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = source.read(&mut piece).and_then(|count| {
            digest.update(&piece[..count]);
            file.write_all(&piece[..count]).map(|()| count)
        });
        match read {
            Ok(0) => return Ok((hex(digest), length)),
            Ok(count) => length += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let path = root.path().join(path.as_str());
                return Err(FileError::new("write", path, error).into());
            }
        }
    }
}

fn hex(digest: Sha256) -> String {
    let digest = digest.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a name a link to a content, which `fresh` becomes where it is not there, or not whole.
fn enter(
    root: &ConfinedDir,
    fresh: &RelPath,
    (content, length): (&RelPath, u64),
    name: &RelPath,
) -> Result<(), StorageError> {
    let beside = confined(&format!("{name}.{}", ulid::Ulid::generate()))?;
    for _ in 0..TRIES {
        let whole = root
            .length_and_names(content)
            .is_some_and(|(known, _)| known == length);
        if !whole {
            root.rename(fresh, content)?;
        }
        match root.link(content, &beside) {
            Ok(()) => {
                root.rename(&beside, name)?;
                // Where both were names of the same file, renaming does nothing.
                return Ok(root.remove_file(&beside)?);
            }
            // Somebody removed it as nobody's; where it was ours, it is gone for good.
            Err(error) if error.is_absent() && root.length_and_names(fresh).is_some() => {}
            Err(error) => {
                // A file system without links, or a file with too many: then it lies twice.
                let from = if root.length_and_names(fresh).is_some() {
                    fresh
                } else {
                    content
                };
                return root.rename(from, name).map_err(|_| error.into());
            }
        }
    }
    Ok(root.rename(fresh, name)?)
}

/// Removes a name, and the content where it was the last one. That it is not there is no error.
pub(super) fn remove(
    root: &ConfinedDir,
    namespace: &str,
    name: &RelPath,
) -> Result<(), StorageError> {
    let last = matches!(root.length_and_names(name), Some((_, 2)));
    let digest = match last {
        true => digest_of(root, name).ok(),
        false => None,
    };
    root.remove_file(name)?;
    if let Some(digest) = digest {
        let content = place(namespace, &digest)?;
        if matches!(root.length_and_names(&content), Some((_, 1))) {
            root.remove_file(&content)?;
        }
    }
    Ok(())
}

fn digest_of(root: &ConfinedDir, path: &RelPath) -> Result<String, FileError> {
    let mut file = root.open_file(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(digest)),
            Ok(count) => digest.update(&piece[..count]),
            Err(error) => return Err(FileError::new("read", path.as_str(), error)),
        }
    }
}

/// Removes the contents of a namespace that have no name any more, but for those that are being written.
pub(super) fn sweep(root: &ConfinedDir, namespace: &str) -> Result<(), StorageError> {
    let folder = format!("{namespace}/{CONTENT}");
    let Ok(found) = ConfinedDir::open(&root.path().join(&folder)) else {
        return Ok(());
    };
    for (path, _) in found.files(MAX_FILES)? {
        if path.starts_with("new-") {
            continue;
        }
        let path = confined(&path)?;
        if matches!(found.length_and_names(&path), Some((_, 1))) {
            found.remove_file(&path)?;
        }
    }
    Ok(())
}
