//! Who owns an execution: the process that holds the lock on a file in its directory. The system lets go of the lock when that process
//! ends, however it ends. The file holds the flow's text, and goes with its owner; one that is left is of an owner that died.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file in the execution's directory.
const FILE: &str = "lock";

/// The ownership of an execution; it ends, and its file goes, when this is dropped.
#[derive(Debug)]
pub struct Owner {
    path: PathBuf,
    locked: File,
    /// Whether the file stays, for the next one who inherits it.
    stays: bool,
}

impl Owner {
    /// Says that the execution goes on, so that its end is that of the file, too.
    pub fn goes_on(mut self) -> Self {
        self.stays = false;
        self
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        // One that stays is as good as none: nobody holds its lock.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Becomes the owner of a new execution whose directory is there.
///
/// # Errors
/// When the file cannot be made, or another process is the owner.
pub fn own(directory: &Path, flow: &str) -> io::Result<Owner> {
    let mut owner = lock(directory, true)?;
    owner.locked.set_len(0)?;
    owner.locked.rewind()?;
    owner.locked.write_all(flow.as_bytes())?;
    Ok(owner)
}

/// Becomes the owner of an execution whose owner died, and gives the text of its flow. Its file stays until [`Owner::goes_on`].
///
/// # Errors
/// When it has no file, that is, it ended in good order or never was; or another process is the owner.
pub fn inherit(directory: &Path) -> io::Result<(Owner, String)> {
    let mut owner = lock(directory, false)?;
    let mut flow = String::new();
    owner.locked.read_to_string(&mut flow)?;
    Ok((owner, flow))
}

fn lock(directory: &Path, make: bool) -> io::Result<Owner> {
    let path = directory.join(FILE);
    let file = File::options()
        .create(make)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Owner {
            path,
            locked: file,
            stays: !make,
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
        let owner = own(folder.path(), "id: a").unwrap();
        assert!(is_owned(folder.path()));
        for second in [
            own(folder.path(), "id: b"),
            inherit(folder.path()).map(|(owner, _)| owner),
        ] {
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        }
        drop(owner);
        assert!(!is_owned(folder.path()));
        own(folder.path(), "id: c").unwrap();
    }

    #[test]
    fn what_an_owner_that_died_leaves_is_inherited() {
        let folder = tempfile::tempdir().unwrap();
        let none = inherit(folder.path()).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
        let owner = own(folder.path(), "id: a").unwrap();
        // As when the process is killed: nothing of it is dropped, and the system closes the file.
        let died = owner.locked.try_clone().unwrap();
        std::mem::forget(owner);
        died.unlock().unwrap();
        let (heir, flow) = inherit(folder.path()).unwrap();
        assert_eq!(flow, "id: a");
        assert!(is_owned(folder.path()));
        drop(heir);
        let (heir, _) = inherit(folder.path()).unwrap();
        drop(heir.goes_on());
        assert!(inherit(folder.path()).is_err());
    }
}
