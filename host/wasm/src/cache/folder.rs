//! Files that only their owner can touch: made, exchanged whole and read without following a link. It knows no content.

use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Makes the folder if need be, and checks that nobody else can put anything into it.
pub(super) fn prepare(folder: &Path) -> Result<(), String> {
    let metadata = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .and_then(|()| fs::metadata(folder)),
        other => other,
    }
    .map_err(|error| format!("{}: {error}", folder.display()))?;
    let wrong = if !metadata.is_dir() {
        "it is not a directory"
    } else if !is_own(&metadata) {
        "it belongs to another user"
    } else if metadata.mode() & 0o022 != 0 {
        "others can write to it; take that away with `chmod go-w`"
    } else {
        return Ok(());
    };
    Err(format!("{}: {wrong}", folder.display()))
}

/// Reads a whole file; none where there is no such file.
///
/// # Errors
/// When it is no regular file of this user alone, or larger than allowed.
pub(super) fn read(path: &Path, largest: u64) -> Result<Option<Vec<u8>>, String> {
    // Neither follows a link nor waits for the other end of a named pipe.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if !is_own(&metadata) {
        return Err("it belongs to another user".to_owned());
    }
    if metadata.mode() & 0o077 != 0 {
        return Err("others can open it".to_owned());
    }
    if metadata.len() > largest {
        return Err(format!("it is larger than {largest} bytes"));
    }
    // One read of the length that was checked, where a buffer that grows step by step takes six or more.
    let length = usize::try_from(metadata.len()).map_err(|error| error.to_string())?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}

/// Puts a file into the folder, in one step, in place of what stood there.
pub(super) fn replace(folder: &Path, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
    // Not synced to the disk: after a power cut the mark is wrong and the entry is made again.
    temporary(folder, pieces)?
        .persist(folder.join(name))
        .map_err(|error| error.error)?;
    Ok(())
}

/// Puts a file into the folder unless there is one of this name; says whether it did.
pub(super) fn create(folder: &Path, name: &str, content: &[u8]) -> io::Result<bool> {
    match temporary(folder, &[content])?.persist_noclobber(folder.join(name)) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// A file with this content and a name that nobody looks for, which only the owner can open.
fn temporary(folder: &Path, pieces: &[&[u8]]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    for piece in pieces {
        file.write_all(piece)?;
    }
    Ok(file)
}

fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}
