//! Brings stored files to the disk: what is in them, and the folders that name them.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use crate::confined::{ConfinedDir, FileError};

/// With more files than this, the whole file system is brought to the disk at once: each file would wait for the disk on its own.
const MANY: usize = 16;

/// Waits until files below a directory, named by their paths, are on the disk. One that is gone already needs nothing.
///
/// # Errors
/// When the disk refuses; names the path. Nobody knows then what is on it.
pub(super) fn sync(root: &Path, paths: &BTreeSet<String>) -> Result<(), FileError> {
    let opened = ConfinedDir::open(root)?;
    if paths.len() > MANY {
        let failed = |error: rustix::io::Errno| FileError::new("sync", root, error.into());
        let folder =
            std::fs::File::open(root).map_err(|error| FileError::new("open", root, error))?;
        return rustix::fs::syncfs(folder.as_fd()).map_err(failed);
    }
    let mut folders = BTreeSet::from([String::new()]);
    for path in paths {
        if !one(opened.file_or_folder(path), &root.join(path))? {
            continue;
        }
        let mut above = path.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            folders.insert(folder.to_owned());
            above = folder;
        }
    }
    // The innermost first: a name counts only once what it names is there.
    for folder in folders.iter().rev() {
        let folder = if folder.is_empty() { "." } else { folder };
        one(opened.file_or_folder(folder), &root.join(folder))?;
    }
    Ok(())
}

/// Says whether it is there.
fn one(opened: io::Result<cap_std::fs::File>, path: &Path) -> Result<bool, FileError> {
    let synced = opened.and_then(|file| file.sync_all());
    match synced {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::new("sync", path, error)),
    }
}
