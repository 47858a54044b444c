//! Who owns an execution: the process that holds the lock on a file in its directory. The system lets go of the lock when that process
//! ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file in the execution's directory.
const FILE: &str = "lock";

/// The ownership of an execution; it ends, and its file goes, when this is dropped.
#[derive(Debug)]
pub struct Owner {
    path: PathBuf,
    _locked: File,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // One that stays is as good as none: nobody holds its lock.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Becomes the owner of an execution whose directory is there.
///
/// # Errors
/// When the file cannot be made, or another process is the owner.
pub fn own(directory: &Path) -> io::Result<Owner> {
    let path = directory.join(FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Owner {
            path,
            _locked: file,
        }),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another process runs this execution",
        )),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a process owns the execution now. One whose directory is gone has no owner.
pub fn is_owned(directory: &Path) -> bool {
    match File::open(directory.join(FILE)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_owner_as_long_as_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_owned(folder.path()));
        let owner = own(folder.path()).unwrap();
        assert!(is_owned(folder.path()));
        let second = own(folder.path()).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        drop(owner);
        assert!(!is_owned(folder.path()));
        own(folder.path()).unwrap();
    }
}
