//! The directories of one task run: where the program runs, and a private one beside it for what the host hands it.

use std::path::{Path, PathBuf};

use taffrail_core::name::RelPath;

use crate::confined::{ConfinedDir, FileError, create_private_dir};
use crate::spare;

/// Name of the directory, inside the working directory, all of whose files are outputs.
const OUTPUT_DIR: &str = ".taffrail-output";

/// Name of the working directory below a task run's root.
pub(crate) const WORKING: &str = "work";

/// Name of the private directory beside it.
pub(crate) const PRIVATE: &str = "private";

/// Access to a private file: for the owner alone.
pub(crate) const PRIVATE_FILE: u32 = 0o600;

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
        let working_dir = root.join(WORKING);
        Self {
            output_dir: working_dir.join(OUTPUT_DIR),
            working_dir,
            private_dir: root.join(PRIVATE),
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
        let working = if spare::take(root) {
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
                private_dir: root.join(PRIVATE),
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
        let private = match ConfinedDir::open(&self.places.private_dir) {
            Err(error) if error.is_absent() => ConfinedDir::create(&self.places.private_dir),
            found => found,
        }?;
        private.write_over(name, contents, PRIVATE_FILE)?;
        Ok(self.places.private_dir.join(name.as_str()))
    }

    /// Leaves the directories to the next task run where the program left nothing in them, and removes them otherwise. Only for a
    /// program of which nothing runs any more.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn retire(self) -> Result<(), FileError> {
        if self.borrowed {
            return self.remove();
        }
        // A name that is taken stands for directories that are not empty, which nothing replaces.
        let kept = spare::is_as_new(&self.root) && spare::leave(&self.root);
        if kept { Ok(()) } else { self.remove() }
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
