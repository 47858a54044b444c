//! Directories of task runs that have ended and left no trace in them: further task runs take them. Many a file system takes longer to make
//! and to remove a directory than a short task runs.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::Errno;

use crate::confined::FileError;
use crate::workdir::{LEFT_OF_FILE, PRIVATE, PRIVATE_FILE, WORKING};

/// Beginning of the names of the empty directories that wait for further task runs, beside those in use. No task run is called so.
const SPARE: &str = ".spare";

/// So many sets of them are kept at most: those of task runs that have ended wait for the disk while others run.
const SPARES: usize = 32;

/// Access to a directory for the owner alone.
const PRIVATE_DIRECTORY: u32 = 0o700;

/// So many private files are left to the next task run at most, by their names alone.
const KEPT_FILES: usize = 4;

/// Where spare directories of a task run's root are, if they are there.
fn spares(root: &Path) -> impl Iterator<Item = PathBuf> {
    (0..SPARES).map(move |number| spare(root, number))
}

fn spare(root: &Path, number: usize) -> PathBuf {
    root.with_file_name(format!("{SPARE}-{number}"))
}

/// The number behind that of the set that was left last: where to look first.
static BEHIND: AtomicUsize = AtomicUsize::new(0);

/// How many sets this process has left and not taken again, of whatever execution: without any, there is none to look for.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Counts a set that is gone; an earlier host may have left it, which nobody counted.
fn one_less() {
    let less = |left: usize| left.checked_sub(1);
    let _ = LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
}

/// Makes a spare set that is there the one of this root, the one left last before others.
pub(crate) fn take(root: &Path) -> bool {
    if LEFT.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let behind = BEHIND.load(Ordering::Relaxed);
    (1..=SPARES).any(|back| {
        let number = (behind + SPARES - back) % SPARES;
        let taken = std::fs::rename(spare(root, number), root).is_ok();
        if taken {
            BEHIND.store(number, Ordering::Relaxed);
            one_less();
        }
        taken
    })
}

/// Makes the set of this root a spare one, where a name is free.
pub(crate) fn leave(root: &Path) -> bool {
    let behind = BEHIND.load(Ordering::Relaxed);
    (0..SPARES).any(|further| {
        let number = (behind + further) % SPARES;
        let left = std::fs::rename(root, spare(root, number)).is_ok();
        if left {
            BEHIND.store((number + 1) % SPARES, Ordering::Relaxed);
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
        left
    })
}

/// Removes the spare directories beside a task run's root, if there are any.
///
/// # Errors
/// When something cannot be removed; names the path.
pub(crate) fn remove_all(root: &Path) -> Result<(), FileError> {
    for spare in spares(root) {
        match std::fs::remove_dir_all(&spare) {
            Ok(()) => one_less(),
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::new("remove", spare, source));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Whether the directories below a task run's root are what they were when they were made, once the private files are taken away. Only for
/// a task run of which nothing runs any more.
pub(crate) fn is_as_new(root: &Path) -> bool {
    // Whatever stands in the way, they are not handed on.
    looked_over(root).unwrap_or(false)
}

/// What can be left to others is looked for below open handles: links that stand in a directory's place lead nowhere, and no path is gone
/// along twice.
fn looked_over(root: &Path) -> rustix::io::Result<bool> {
    let root = open_directory(CWD, root)?;
    let owner = rustix::process::geteuid();
    let is_ours =
        |found: &Stat, mode: u32| found.st_uid == owner.as_raw() && found.st_mode & 0o7777 == mode;
    let is_our_directory = |directory: &OwnedFd| {
        rustix::fs::fstat(directory).map(|found| is_ours(&found, PRIVATE_DIRECTORY))
    };
    let working = open_directory(&root, WORKING)?;
    if !is_our_directory(&root)? || !is_our_directory(&working)? || !entries(&working)?.is_empty() {
        return Ok(false);
    }
    for (name, _) in entries(&root)? {
        match name.to_bytes() {
            name if name == WORKING.as_bytes() => {}
            name if name == PRIVATE.as_bytes() => {
                let private = open_directory(&root, PRIVATE)?;
                if !is_our_directory(&private)? {
                    return Ok(false);
                }
                let files = entries(&private)?;
                let few = files.len() <= KEPT_FILES;
                for (name, kind) in files {
                    let left = few && kind == FileType::RegularFile && {
                        let is_ours =
                            |found: &Stat| found.st_nlink == 1 && is_ours(found, PRIVATE_FILE);
                        shorten(&private, &name, is_ours)?
                    };
                    if !left {
                        // What is no file stays, and with it the directory is not as new.
                        rustix::fs::unlinkat(&private, &name, AtFlags::empty())?;
                    }
                }
            }
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Opens a directory, not through a link.
fn open_directory(at: impl AsFd, path: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

/// Names and kinds of what is in a directory.
fn entries(directory: &OwnedFd) -> rustix::io::Result<Vec<(CString, FileType)>> {
    let mut found = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 2 * 1024];
    let mut listing = RawDir::new(directory, &mut buffer);
    while let Some(entry) = listing.next() {
        let entry = entry?;
        if ![c".", c".."].contains(&entry.file_name()) {
            found.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    Ok(found)
}

/// Takes out of a file what is in it, where it is ours. To remove it and make it again for the next task run takes ext4 longer the more files
/// were removed in the last seconds, as it passes over their inodes.
fn shorten(
    directory: &OwnedFd,
    name: &CStr,
    is_ours: impl FnOnce(&Stat) -> bool,
) -> rustix::io::Result<bool> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::ACCESS | Errno::PERM | Errno::TXTBSY) => return Ok(false),
        Err(error) => return Err(error),
    };
    if !is_ours(&rustix::fs::fstat(&file)?) {
        return Ok(false);
    }
    rustix::fs::ftruncate(&file, LEFT_OF_FILE)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use taffrail_core::name::RelPath;

    use super::*;
    use crate::confined::create_private_dir;
    use crate::workdir::{Places, Workdir};

    #[test]
    fn no_more_than_some_directories_wait() {
        let temp = tempfile::tempdir().unwrap();
        let root = |number: usize| temp.path().join(format!("{number}-a"));
        let used: Vec<Workdir> = (0..SPARES + 2)
            .map(|number| Workdir::create(&root(number)).unwrap())
            .collect();
        for workdir in used {
            workdir.retire().unwrap();
        }
        let there = || std::fs::read_dir(temp.path()).unwrap().count();
        assert_eq!(there(), SPARES);
        let again = Workdir::create(&root(0)).unwrap();
        assert_eq!(there(), SPARES);
        again.retire().unwrap();
        remove_all(&root(0)).unwrap();
        assert_eq!(there(), 0);
    }

    #[test]
    fn only_directories_without_a_trace_of_the_program_are_used_again() {
        let check = |left: fn(&Places), again: bool| {
            let temp = tempfile::tempdir().unwrap();
            let (first, second) = (temp.path().join("1-a"), temp.path().join("2-b"));
            let workdir = Workdir::create(&first).unwrap();
            let number =
                |path: &Path| std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap());
            let before = number(&workdir.places().working_dir);
            workdir
                .write_private(&RelPath::new("commands.sh").unwrap(), b"echo secret")
                .unwrap();
            left(workdir.places());
            workdir.retire().unwrap();
            assert!(!first.exists());
            assert_eq!(spares(&first).any(|spare| spare.exists()), again);

            let workdir = Workdir::create(&second).unwrap();
            // A new directory may get the number of the one that was removed.
            assert!(!again || number(&workdir.places().working_dir) == before);
            assert_eq!(workdir.working().files(10).unwrap(), []);
            let script = workdir.places().private_dir.join("commands.sh");
            assert!(std::fs::read(&script).unwrap_or_default().len() <= 1);
            let name = RelPath::new("commands.sh").unwrap();
            for text in ["echo a longer one", "echo", ""] {
                workdir.write_private(&name, text.as_bytes()).unwrap();
                assert_eq!(std::fs::read_to_string(&script).unwrap(), text);
            }
            workdir.retire().unwrap();
            remove_all(&second).unwrap();
            remove_all(&second).unwrap();
            assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
        };
        use std::os::unix::fs::{PermissionsExt, symlink};
        check(|_| {}, true);
        check(
            |places| std::fs::write(places.working_dir.join("x"), "x").unwrap(),
            false,
        );
        check(
            |places| std::fs::create_dir(places.working_dir.join("x")).unwrap(),
            false,
        );
        check(
            |places| std::fs::create_dir(places.private_dir.join("x")).unwrap(),
            false,
        );
        check(
            |places| std::fs::write(places.working_dir.with_file_name("x"), "x").unwrap(),
            false,
        );
        check(
            |places| {
                let open = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(&places.working_dir, open).unwrap();
            },
            false,
        );
        check(
            |places| {
                std::fs::remove_dir(&places.working_dir).unwrap();
                symlink("/", &places.working_dir).unwrap();
            },
            false,
        );
    }

    #[test]
    fn of_private_files_only_those_are_left_that_nobody_else_reads() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let check = |make: &dyn Fn(&Path, &Path), left: bool| {
            let temp = tempfile::tempdir().unwrap();
            let outside = temp.path().join("outside");
            let workdir = Workdir::create(&temp.path().join("1-a")).unwrap();
            let private = workdir.places().private_dir.clone();
            create_private_dir(&private).unwrap();
            make(&private, &outside);
            workdir.retire().unwrap();
            let root = temp.path().join("1-a");
            let found = spares(&root).flat_map(|spare| {
                let files = std::fs::read_dir(spare.join("private"));
                files.into_iter().flatten().flatten()
            });
            let lengths: Vec<u64> = found.map(|file| file.metadata().unwrap().len()).collect();
            let expected = if left { vec![LEFT_OF_FILE] } else { Vec::new() };
            assert_eq!(lengths, expected);
            if outside.exists() {
                assert_eq!(std::fs::read(&outside).unwrap(), b"secret");
            }
        };
        let write = |path: PathBuf, mode: u32| {
            std::fs::write(&path, "secret").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        check(
            &move |private, _| drop(write(private.join("x"), 0o600)),
            true,
        );
        check(
            &move |private, _| drop(write(private.join("x"), 0o640)),
            false,
        );
        check(
            &move |private, outside| {
                std::fs::hard_link(write(private.join("x"), 0o600), outside).unwrap();
            },
            false,
        );
        check(
            &move |private, outside| {
                symlink(write(outside.to_owned(), 0o600), private.join("x")).unwrap();
            },
            false,
        );
        check(
            &move |private, _| {
                for number in 0..=KEPT_FILES {
                    write(private.join(number.to_string()), 0o600);
                }
            },
            false,
        );
    }
}
