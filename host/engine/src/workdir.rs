//! The directories of one task run: where the program runs, and a private one beside it for what the host hands it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use taffrail_core::name::RelPath;

use crate::confined::{ConfinedDir, FileError, create_private_dir};

/// Name of the directory, inside the working directory, all of whose files are outputs.
const OUTPUT_DIR: &str = ".taffrail-output";

/// Beginning of the names of the empty directories that wait for further task runs, beside those in use. No task run is called so.
const SPARE: &str = ".spare";

/// So many sets of them are kept at most: those of task runs that have ended wait for the disk while others run.
const SPARES: usize = 32;

/// Access for the owner alone.
const PRIVATE: u32 = 0o700;

/// The same for a file.
const PRIVATE_FILE: u32 = 0o600;

/// So many private files are left to the next task run at most, by their names alone.
const KEPT_FILES: usize = 4;

/// What is left of a private file, in bytes. ext4 puts a file that was once cut to nothing on the disk whenever it is closed, so that one
/// byte is cheaper than none.
pub const LEFT_OF_FILE: u64 = 1;

/// Paths of the directories of a task run, whether or not they exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Where the program runs.
    pub working_dir: PathBuf,
    /// The output directory, inside the working directory.
    pub output_dir: PathBuf,
    /// What only the host and the started program read.
    pub private_dir: PathBuf,
}

impl Places {
    /// The places of a task run below its own root.
    pub fn below(root: &Path) -> Self {
        let working_dir = root.join("work");
        Self {
            output_dir: working_dir.join(OUTPUT_DIR),
            working_dir,
            private_dir: root.join("private"),
        }
    }
}

/// The directories of a task run while they exist. Dropped, it leaves them; [`Workdir::remove`] is how they go.
#[derive(Debug)]
pub struct Workdir {
    root: PathBuf,
    places: Places,
    working: ConfinedDir,
    /// Whether the working directory is somebody else's.
    borrowed: bool,
}

/// Name of the output directory of a task run, below that of the working directory where several task runs share one.
fn output_dir_of(root: &Path) -> String {
    let run = root.file_name().unwrap_or_default().to_string_lossy();
    format!("{OUTPUT_DIR}/{run}")
}

impl Workdir {
    /// Makes the working directory below a root of its own, or takes the spare one that is there.
    ///
    /// # Errors
    /// When it cannot be made; names the path.
    pub fn create(root: &Path) -> Result<Self, FileError> {
        let places = Places::below(root);
        let working = if take_spare(root) {
            ConfinedDir::open(&places.working_dir)?
        } else {
            ConfinedDir::create(&places.working_dir)?
        };
        Ok(Self {
            root: root.to_owned(),
            places,
            working,
            borrowed: false,
        })
    }

    /// The same working directory for a further task run, which has a private directory of its own below its root.
    ///
    /// # Errors
    /// When it cannot be opened; names the path.
    pub fn share(&self, root: &Path) -> Result<Self, FileError> {
        Ok(Self {
            root: root.to_owned(),
            places: Places {
                private_dir: root.join("private"),
                // Those beside it have outputs, too.
                output_dir: self.places.working_dir.join(output_dir_of(root)),
                working_dir: self.places.working_dir.clone(),
            },
            working: ConfinedDir::open(&self.places.working_dir)?,
            borrowed: true,
        })
    }

    /// Removes all that is there of it, and makes it anew.
    ///
    /// # Errors
    /// When something cannot be removed or made; names the path.
    pub fn renew(self) -> Result<Self, FileError> {
        let root = self.root.clone();
        self.remove()?;
        Self::create(&root)
    }

    /// Matches every file of the output directory, as seen from the working directory.
    pub fn output_pattern(&self) -> String {
        format!("{}/**", self.output_name())
    }

    /// The output directory, as seen from the working directory.
    fn output_name(&self) -> String {
        if self.borrowed {
            output_dir_of(&self.root)
        } else {
            OUTPUT_DIR.to_owned()
        }
    }

    /// The paths.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The working directory, confined.
    pub fn working(&self) -> &ConfinedDir {
        &self.working
    }

    /// Makes the output directory.
    ///
    /// # Errors
    /// When it cannot be made; names the path.
    pub fn create_output_dir(&self) -> Result<(), FileError> {
        if self.borrowed {
            // What an earlier task put in its place must lead nowhere.
            return self.working.create_dir(&self.output_path()?);
        }
        create_private_dir(&self.places.output_dir)
    }

    /// The output directory, confined, where it is there; what the program put in its place is not.
    pub fn output(&self) -> Option<ConfinedDir> {
        let output = self.working.open_dir(OUTPUT_DIR)?;
        match self.output_name().split_once('/') {
            Some((_, run)) => output.open_dir(run),
            None => Some(output),
        }
    }

    fn output_path(&self) -> Result<RelPath, FileError> {
        RelPath::new(self.output_name()).map_err(|error| {
            let error = std::io::Error::other(error.to_string());
            FileError::new("name the directory", self.places.output_dir.clone(), error)
        })
    }

    /// Whether a path, as seen from the working directory, is inside an output directory.
    pub fn is_in_output_dir(path: &str) -> bool {
        path.strip_prefix(OUTPUT_DIR)
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Writes a file for the owner alone beside the working directory.
    ///
    /// # Errors
    /// When it cannot be written; names the path.
    pub fn write_private(&self, name: &RelPath, contents: &[u8]) -> Result<PathBuf, FileError> {
        let private = ConfinedDir::create(&self.places.private_dir)?;
        private.write_over(name, contents, PRIVATE_FILE)?;
        Ok(self.places.private_dir.join(name.as_str()))
    }

    /// Leaves the directories to the next task run where the program left nothing in them, and removes them otherwise. Only for a
    /// program of which nothing runs any more. Many a file system takes longer to remove a directory than a short task runs.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn retire(self) -> Result<(), FileError> {
        if self.borrowed {
            return self.remove();
        }
        // A name that is taken stands for directories that are not empty, which nothing replaces.
        let kept = is_as_new(&self.root, &self.places) && leave_spare(&self.root);
        if kept { Ok(()) } else { self.remove() }
    }

    /// Removes the spare directories beside a task run's root, if there are any.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn remove_spares(root: &Path) -> Result<(), FileError> {
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

    /// Removes what an earlier host left of task runs beside this root, that is, of those that had ended when it died.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn remove_left(root: &Path) -> Result<(), FileError> {
        match root.parent().filter(|folder| folder.exists()) {
            Some(folder) => remove_tree(folder),
            None => Ok(()),
        }
    }

    /// Removes the directories of a working directory that others shared and have left.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn remove_all(&self) -> Result<(), FileError> {
        remove_tree(&self.root)
    }

    /// Removes the directories with all that is in them; links are removed, not followed.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn remove(self) -> Result<(), FileError> {
        if self.borrowed {
            // The output directory is this task run's own.
            if self.output().is_some() {
                self.working.remove_dir(&self.output_path()?, true)?;
            }
            return match std::fs::remove_dir_all(&self.root) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    Err(FileError::new("remove", self.root, source))
                }
                _ => Ok(()),
            };
        }
        drop(self.working);
        remove_tree(&self.root)
    }
}

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
fn take_spare(root: &Path) -> bool {
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
fn leave_spare(root: &Path) -> bool {
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

fn remove_tree(root: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(root) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            // The program took the permissions away from its own directories.
            unlock(root);
            std::fs::remove_dir_all(root).map_err(|source| FileError::new("remove", root, source))
        }
        Err(source) => Err(FileError::new("remove", root, source)),
    }
}

/// Whether the directories are what they were when they were made, once the private files are taken away.
fn is_as_new(root: &Path, places: &Places) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let is_ours = |path: &Path| {
        // Not through a link that stands in its place.
        std::fs::symlink_metadata(path).is_ok_and(|found| {
            let ours = found.uid() == rustix::process::geteuid().as_raw();
            found.is_dir() && ours && found.permissions().mode() & 0o7777 == PRIVATE
        })
    };
    let is_our_file = |path: &Path| {
        std::fs::symlink_metadata(path).is_ok_and(|found| {
            let ours = found.uid() == rustix::process::geteuid().as_raw();
            let private = found.permissions().mode() & 0o7777 == PRIVATE_FILE;
            found.is_file() && found.nlink() == 1 && ours && private
        })
    };
    let entries = |path: &Path| -> Option<Vec<PathBuf>> {
        let entries = std::fs::read_dir(path).ok()?;
        entries
            .map(|entry| entry.map(|entry| entry.path()).ok())
            .collect()
    };
    if !is_ours(root) || !is_ours(&places.working_dir) {
        return false;
    }
    let Some(inside) = entries(root) else {
        return false;
    };
    inside.iter().all(|path| {
        let private = *path == places.private_dir && is_ours(path);
        if !private && *path != places.working_dir {
            return false;
        }
        // A file is emptied or removed; what is none stays, and with it the directory is not as new.
        entries(path).is_some_and(|files| {
            let few = files.len() <= KEPT_FILES;
            files.iter().all(|file| {
                let emptied = || few && is_our_file(file) && shorten(file).is_ok();
                private && (emptied() || std::fs::remove_file(file).is_ok())
            })
        })
    })
}

/// Takes out of a file what is in it. To remove it and make it again for the next task run takes ext4 longer the more files were removed
/// in the last seconds, as it passes over their inodes.
fn shorten(file: &Path) -> std::io::Result<()> {
    let file = std::fs::File::options().write(true).open(file)?;
    file.set_len(LEFT_OF_FILE)
}

/// Gives the owner all rights on a directory and those below it, as far as that goes.
fn unlock(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).is_err() {
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        Workdir::remove_spares(&root(0)).unwrap();
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
            Workdir::remove_spares(&second).unwrap();
            Workdir::remove_spares(&second).unwrap();
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

    #[test]
    fn those_who_share_a_directory_have_outputs_of_their_own() {
        let temp = tempfile::tempdir().unwrap();
        let shared = Workdir::create(&temp.path().join("0001-all")).unwrap();
        let one = shared.share(&temp.path().join("0002-one")).unwrap();
        let two = shared.share(&temp.path().join("0003-two")).unwrap();
        for (workdir, name) in [(&one, "one"), (&two, "two")] {
            workdir.create_output_dir().unwrap();
            std::fs::write(workdir.places().output_dir.join(name), name).unwrap();
        }
        let files = |workdir: &Workdir| workdir.output().unwrap().files(10).unwrap();
        assert_eq!(files(&one), [("one".to_owned(), 3)]);
        assert_eq!(two.output_pattern(), ".taffrail-output/0003-two/**");
        one.remove().unwrap();
        assert_eq!(files(&two), [("two".to_owned(), 3)]);

        // What stands where outputs should is not followed, neither to make them nor to remove them.
        two.remove().unwrap();
        let outside = temp.path().join("outside");
        std::fs::create_dir_all(outside.join("0004-three")).unwrap();
        std::fs::remove_dir(shared.places().output_dir.clone()).unwrap();
        std::os::unix::fs::symlink(&outside, &shared.places().output_dir).unwrap();
        let three = shared.share(&temp.path().join("0004-three")).unwrap();
        assert!(three.create_output_dir().is_err());
        assert!(three.output().is_none());
        three.remove().unwrap();
        assert!(outside.join("0004-three").is_dir());
        shared.remove_all().unwrap();
    }

    #[test]
    fn a_link_in_place_of_the_output_directory_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let workdir = Workdir::create(&temp.path().join("run")).unwrap();
        assert!(workdir.output().is_none());
        for target in ["/etc", "..", "."] {
            std::os::unix::fs::symlink(target, &workdir.places().output_dir).unwrap();
            assert!(workdir.output().is_none(), "{target}");
            std::fs::remove_file(&workdir.places().output_dir).unwrap();
        }
        workdir.create_output_dir().unwrap();
        assert!(workdir.output().is_some());
    }

    #[test]
    fn all_is_removed_and_links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("keep"), "x").unwrap();
        let workdir = Workdir::create(&temp.path().join("run")).unwrap();
        workdir
            .working()
            .write(&RelPath::new("a/b/c").unwrap(), b"x", 0o600)
            .unwrap();
        std::os::unix::fs::symlink(temp.path(), workdir.places().working_dir.join("link")).unwrap();
        std::fs::set_permissions(
            workdir.places().working_dir.join("a/b"),
            std::os::unix::fs::PermissionsExt::from_mode(0o000),
        )
        .unwrap();
        let private = workdir
            .write_private(&RelPath::new("script").unwrap(), b"echo")
            .unwrap();
        assert_eq!(std::fs::read(&private).unwrap(), b"echo");
        workdir.remove().unwrap();
        assert!(!temp.path().join("run").exists());
        assert!(temp.path().join("keep").exists());
    }
}
