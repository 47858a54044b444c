//! Who owns an execution: the process that holds the lock on a file in its directory. The system lets go of the lock when that process
//! ends, however it ends. The file says who it is; it goes with its owner, and one that is left is of an owner that died.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file in the execution's directory.
const FILE: &str = "lock";

/// The process that owns an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it started, in ticks since the machine did: numbers are given again, and this tells two of one number apart.
    pub started: u64,
    /// Since when it owns the execution, ISO-8601 in UTC.
    pub since: String,
}

impl Process {
    fn this() -> Self {
        let pid = rustix::process::getpid().as_raw_pid();
        Self {
            pid,
            started: started(pid).unwrap_or(0),
            since: jiff::Timestamp::now().to_string(),
        }
    }

    /// Whether the process of this number is still this one.
    pub fn is_still_there(&self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

/// When a process started.
fn started(pid: i32) -> Option<u64> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, blanks and brackets among it.
    let (_, fields) = line.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

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
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another process runs this execution",
            ));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // An owner that went a moment ago has taken the file with it.
    if !same_file(&file, &path)? {
        return own(directory);
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(&Process::this())?.as_bytes())?;
    Ok(Owner {
        path,
        _locked: file,
    })
}

fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((held.dev(), held.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a process owns the execution now. One whose directory is gone has no owner.
pub fn is_owned(directory: &Path) -> bool {
    match File::open(directory.join(FILE)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

/// The process that owns the execution now, if any does.
pub fn of(directory: &Path) -> Option<Process> {
    if !is_owned(directory) {
        return None;
    }
    let mut text = String::new();
    let mut file = File::open(directory.join(FILE)).ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_owner_as_long_as_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_owned(folder.path()));
        assert_eq!(of(folder.path()), None);
        let owner = own(folder.path()).unwrap();
        assert!(is_owned(folder.path()));
        let process = of(folder.path()).unwrap();
        assert_eq!(process.pid, i32::try_from(std::process::id()).unwrap());
        assert!(process.is_still_there());
        let second = own(folder.path()).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        drop(owner);
        assert!(!is_owned(folder.path()));
        own(folder.path()).unwrap();
    }

    #[test]
    fn what_an_owner_that_died_leaves_is_inherited() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(FILE),
            "{\"pid\":1,\"started\":2,\"since\":\"\"}",
        )
        .unwrap();
        assert_eq!(of(folder.path()), None, "nobody holds the lock");
        let owner = own(folder.path()).unwrap();
        assert_ne!(of(folder.path()).unwrap().pid, 1);
        drop(owner);
        assert!(!folder.path().join(FILE).exists());
    }

    #[test]
    fn a_number_that_was_given_again_is_another_process() {
        let mut process = Process::this();
        process.started += 1;
        assert!(!process.is_still_there());
    }
}
