//! A directory that nothing leaves: every path that a flow, a plugin or a task names is resolved below an open handle, so that
//! neither `..` nor a symbolic link, not even one that is swapped in while we look, reaches anything outside.

use std::io;
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, PermissionsExt as _};
use taffrail_core::name::RelPath;

/// What went wrong with which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", .path.display())]
pub struct FileError {
    /// What was being done, for example `write`.
    pub action: &'static str,
    /// The path on this host.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// An error of an action on a path.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self {
            action,
            path: path.into(),
            source,
        }
    }

    /// Whether there is nothing at the path.
    pub fn is_absent(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// A directory or regular file below a [`ConfinedDir`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Relative path.
    pub path: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Size of a file in bytes, when it was looked at; 0 for a directory.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// When its contents were changed last, where the file system tells.
    pub modified: Option<std::time::SystemTime>,
}

/// An open directory and the path that it had when it was opened, for messages.
#[derive(Debug)]
pub struct ConfinedDir {
    dir: Dir,
    path: PathBuf,
}

impl ConfinedDir {
    /// Opens an existing directory.
    ///
    /// # Errors
    /// When it cannot be opened; names the path.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|source| FileError::new("open", path, source))?;
        Ok(Self {
            dir,
            path: path.to_owned(),
        })
    }

    /// Makes the directory with its parents, for the owner alone, and opens it.
    ///
    /// # Errors
    /// When it cannot be made or opened; names the path.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        create_private_dir(path)?;
        Self::open(path)
    }

    /// Opens a directory right inside this one; none where there is no directory of this name, or a link to one.
    pub fn open_dir(&self, name: &str) -> Option<Self> {
        let dir = self.dir.open_dir_nofollow(name).ok()?;
        Some(Self {
            dir,
            path: self.path.join(name),
        })
    }

    /// The path that the directory had when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, its parent directories made as needed; a file that stands there is overwritten.
    ///
    /// # Errors
    /// When the path leads outside through a link, or the system refuses; names the path.
    pub fn write(&self, path: &RelPath, contents: &[u8], mode: u32) -> Result<(), FileError> {
        let mut file = self.create_file(path, mode)?;
        io::Write::write_all(&mut file, contents)
            .map_err(|source| self.error("write", path, source))
    }

    /// The same for a file that may stand there from before: it is not emptied first, which costs more than to write over it.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn write_over(
        &self,
        path: &RelPath,
        contents: &[u8],
        mode: u32,
    ) -> Result<(), FileError> {
        let mut file = self.open_to_write(path, mode, false)?;
        let written = file.metadata().and_then(|before| {
            io::Write::write_all(&mut file, contents)?;
            let length = contents.len() as u64;
            match before.len() > length {
                true => file.set_len(length),
                false => Ok(()),
            }
        });
        written.map_err(|source| self.error("write", path, source))
    }

    /// Makes a file, its parent directories made as needed; a file that stands there is emptied.
    ///
    /// # Errors
    /// When the path leads outside through a link, or the system refuses; names the path.
    pub fn create_file(&self, path: &RelPath, mode: u32) -> Result<File, FileError> {
        self.open_to_write(path, mode, true)
    }

    fn open_to_write(&self, path: &RelPath, mode: u32, empty: bool) -> Result<File, FileError> {
        use cap_std::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(empty).mode(mode);
        let open = || self.dir.open_with(path.as_str(), &options);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some((parent, _)) = path.as_str().rsplit_once('/') {
                    self.dir
                        .create_dir_all(parent)
                        .map_err(|source| self.error("make the directory of", path, source))?;
                }
                open()
            }
            other => other,
        };
        file.map_err(|source| self.error("write", path, source))
    }

    /// Opens a regular file for reading. A link inside the directory is followed as long as it stays inside.
    ///
    /// # Errors
    /// When there is no such file, it is no regular file, or it leads outside; names the path.
    pub fn open_file(&self, path: &RelPath) -> Result<File, FileError> {
        self.open_regular(path.as_str(), FollowSymlinks::Yes)
            .map_err(|source| self.error("read", path, source))
    }

    /// Opens a regular file or a directory, to bring it to the disk.
    pub(crate) fn file_or_folder(&self, path: &str) -> io::Result<File> {
        self.dir.open(path)
    }

    /// Every regular file below the directory, as sorted relative paths with their sizes. Symbolic links, sockets, pipes and devices
    /// are not files; links are not followed. Names that are not UTF-8 cannot be named by a flow and are left out.
    ///
    /// # Errors
    /// When a directory cannot be read, or there are more than `limit` entries.
    pub fn files(&self, limit: usize) -> Result<Vec<(String, u64)>, FileError> {
        let found = self.entries(limit)?.into_iter();
        Ok(found
            .filter(|entry| !entry.is_dir)
            .map(|entry| (entry.path, entry.size))
            .collect())
    }

    /// Every directory and regular file below the directory, sorted by path, so that a directory comes before what is in it. The same
    /// things are left out as by [`ConfinedDir::files`].
    ///
    /// # Errors
    /// When a directory cannot be read, or there are more than `limit` entries.
    pub fn entries(&self, limit: usize) -> Result<Vec<Found>, FileError> {
        let mut found = Vec::new();
        let mut seen = 0;
        walk(&self.dir, "", &mut found, &mut seen, limit).map_err(|(path, source)| {
            FileError::new("look through", self.path.join(path), source)
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// Opens a regular file found by [`ConfinedDir::files`]; a link that took its place meanwhile is refused.
    ///
    /// # Errors
    /// When it is gone or no regular file any more; names the path.
    pub fn open_found(&self, path: &str) -> Result<File, FileError> {
        self.open_regular(path, FollowSymlinks::No)
            .map_err(|source| FileError::new("read", self.path.join(path), source))
    }

    /// Removes one file; that it is not there is no error.
    ///
    /// # Errors
    /// When the system refuses; names the path.
    pub fn remove_file(&self, path: &RelPath) -> Result<(), FileError> {
        match self.dir.remove_file(path.as_str()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(self.error("remove", path, source))
            }
            _ => Ok(()),
        }
    }

    /// Makes a directory with its parents; one that stands there is left as it is.
    ///
    /// # Errors
    /// When the path leads outside through a link, or the system refuses; names the path.
    pub fn create_dir(&self, path: &RelPath) -> Result<(), FileError> {
        self.dir
            .create_dir_all(path.as_str())
            .map_err(|source| self.error("make the directory", path, source))
    }

    /// Removes an empty directory, or one with all that is in it; links are removed, not followed. That it is not there is no error.
    ///
    /// # Errors
    /// When the system refuses, or something is in one that has to be empty; names the path.
    pub fn remove_dir(&self, path: &RelPath, with_contents: bool) -> Result<(), FileError> {
        let removed = if with_contents {
            self.dir.remove_dir_all(path.as_str())
        } else {
            self.dir.remove_dir(path.as_str())
        };
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(self.error("remove", path, source))
            }
            _ => Ok(()),
        }
    }

    /// Gives a file a second name; neither may stand there before. The directories of the name are made as needed.
    ///
    /// # Errors
    /// When the system refuses; names the second path.
    pub fn link(&self, from: &RelPath, to: &RelPath) -> Result<(), FileError> {
        self.with_parents(to, || {
            self.dir.hard_link(from.as_str(), &self.dir, to.as_str())
        })
        .map_err(|source| self.error("link", to, source))
    }

    /// Gives a file another name, in the place of what has it. The directories of the name are made as needed.
    ///
    /// # Errors
    /// When the system refuses; names the new path.
    pub fn rename(&self, from: &RelPath, to: &RelPath) -> Result<(), FileError> {
        self.with_parents(to, || {
            self.dir.rename(from.as_str(), &self.dir, to.as_str())
        })
        .map_err(|source| self.error("rename", to, source))
    }

    /// The length of a file and the number of its names; nothing where there is no file.
    pub fn length_and_names(&self, path: &RelPath) -> Option<(u64, u64)> {
        use cap_std::fs::MetadataExt;
        let metadata = self.dir.symlink_metadata(path.as_str()).ok()?;
        metadata
            .is_file()
            .then(|| (metadata.len(), metadata.nlink()))
    }

    fn with_parents(&self, path: &RelPath, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some((parent, _)) = path.as_str().rsplit_once('/') {
                    self.dir.create_dir_all(parent)?;
                }
                work()
            }
            other => other,
        }
    }

    fn open_regular(&self, path: &str, follow: FollowSymlinks) -> io::Result<File> {
        use cap_std::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        // Without it, opening a pipe that nobody writes to would wait for ever.
        options
            .read(true)
            .follow(follow)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        let file = self.dir.open_with(path, &options)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ))
        }
    }

    fn error(&self, action: &'static str, path: &RelPath, source: io::Error) -> FileError {
        FileError::new(action, self.path.join(path.as_str()), source)
    }
}

/// Makes a directory with its parents, for the owner alone.
///
/// # Errors
/// When it cannot be made; names the path.
pub fn create_private_dir(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| FileError::new("make the directory", path, source))
}

fn walk(
    dir: &Dir,
    prefix: &str,
    found: &mut Vec<Found>,
    seen: &mut usize,
    limit: usize,
) -> Result<(), (String, io::Error)> {
    let here = |source| (prefix.to_owned(), source);
    for entry in dir.entries().map_err(here)? {
        let entry = entry.map_err(here)?;
        *seen += 1;
        if *seen > limit {
            return Err(here(io::Error::other(format!(
                "there are more than {limit} files and directories"
            ))));
        }
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            // It was removed while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err((path, error)),
        };
        if !(kind.is_dir() || kind.is_file()) {
            continue;
        }
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err((path, error)),
        };
        found.push(Found {
            path: path.clone(),
            is_dir: kind.is_dir(),
            size: if kind.is_dir() { 0 } else { metadata.len() },
            mode: metadata.permissions().mode() & 0o7777,
            modified: metadata
                .modified()
                .ok()
                .map(cap_std::time::SystemTime::into_std),
        });
        if kind.is_dir() {
            match entry.open_dir() {
                Ok(sub) => walk(&sub, &path, found, seen, limit)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((path, error)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn rel(path: &str) -> RelPath {
        RelPath::new(path).unwrap()
    }

    #[test]
    fn files_are_written_and_found() {
        let temp = tempfile::tempdir().unwrap();
        let dir = ConfinedDir::create(&temp.path().join("w")).unwrap();
        dir.write(&rel("a/b/c.txt"), b"one", 0o600).unwrap();
        dir.write(&rel("z.sh"), b"two", 0o700).unwrap();
        dir.write(&rel("z.sh"), b"2", 0o700).unwrap();
        assert_eq!(
            dir.files(100).unwrap(),
            [("a/b/c.txt".to_owned(), 3), ("z.sh".to_owned(), 1)]
        );
        let mode = std::fs::metadata(temp.path().join("w/z.sh"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(
            std::fs::metadata(temp.path().join("w"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
    }

    #[test]
    fn links_out_are_refused_and_links_are_no_outputs() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("outside"), "secret").unwrap();
        let dir = ConfinedDir::create(&temp.path().join("w")).unwrap();
        symlink(temp.path(), temp.path().join("w/up")).unwrap();
        symlink(temp.path().join("outside"), temp.path().join("w/leak")).unwrap();
        symlink("../outside", temp.path().join("w/leak2")).unwrap();
        for path in ["up/outside", "leak", "leak2"] {
            assert!(dir.open_file(&rel(path)).is_err(), "{path}");
            assert!(dir.write(&rel(path), b"x", 0o600).is_err(), "{path}");
        }
        assert_eq!(
            std::fs::read_to_string(temp.path().join("outside")).unwrap(),
            "secret"
        );
        assert_eq!(dir.files(100).unwrap(), []);
    }

    #[test]
    fn a_file_that_became_a_link_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = ConfinedDir::create(&temp.path().join("w")).unwrap();
        dir.write(&rel("target"), b"t", 0o600).unwrap();
        symlink("target", temp.path().join("w/link")).unwrap();
        assert!(dir.open_found("link").is_err());
        let mut text = String::new();
        dir.open_file(&rel("link"))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "t");
    }

    #[test]
    fn a_pipe_is_no_file_and_hangs_nobody() {
        let temp = tempfile::tempdir().unwrap();
        let dir = ConfinedDir::create(&temp.path().join("w")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            temp.path().join("w/pipe"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        assert!(dir.open_file(&rel("pipe")).is_err());
        assert_eq!(dir.files(100).unwrap(), []);
    }

    proptest::proptest! {
        /// Whatever a flow calls a file, with links out of the directory standing about, nothing outside is written or read.
        #[test]
        fn no_name_leads_outside(parts in proptest::collection::vec(
            proptest::sample::select(vec!["..", ".", "", "a", "up", "leak", "/", "\0", "out.txt", "~", "a/..", "ü"]), 1..6
        )) {
            let temp = tempfile::tempdir().unwrap();
            std::fs::write(temp.path().join("leaked"), "secret").unwrap();
            let dir = ConfinedDir::create(&temp.path().join("w")).unwrap();
            symlink(temp.path(), temp.path().join("w/up")).unwrap();
            symlink("../leaked", temp.path().join("w/leak")).unwrap();
            if let Ok(path) = RelPath::new(parts.join("/")) {
                let _ = dir.write(&path, b"overwritten", 0o600);
                if let Ok(mut file) = dir.open_file(&path) {
                    let mut text = String::new();
                    file.read_to_string(&mut text).unwrap();
                    assert_ne!(text, "secret");
                }
                let _ = dir.remove_file(&path);
            }
            assert_eq!(std::fs::read_to_string(temp.path().join("leaked")).unwrap(), "secret");
            let outside: Vec<_> = std::fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(outside.len(), 2, "{outside:?}");
        }
    }

    #[test]
    fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
        let temp = tempfile::tempdir().unwrap();
        let outside = temp.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("f"), "secret").unwrap();
        let dir = ConfinedDir::create(&temp.path().join("w")).unwrap();
        let (inside, parked) = (temp.path().join("w/d"), temp.path().join("w/parked"));
        dir.write(&rel("d/f"), b"mine", 0o600).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    std::fs::rename(&inside, &parked).unwrap();
                    symlink(&outside, &inside).unwrap();
                    std::fs::remove_file(&inside).unwrap();
                    std::fs::rename(&parked, &inside).unwrap();
                }
            });
            for _ in 0..2_000 {
                if let Ok(mut file) = dir.open_file(&rel("d/f")) {
                    let mut text = String::new();
                    file.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "mine");
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn too_many_files_are_an_error_and_not_a_flood() {
        let temp = tempfile::tempdir().unwrap();
        let dir = ConfinedDir::create(temp.path()).unwrap();
        for index in 0..11 {
            dir.write(&rel(&format!("f{index}")), b"", 0o600).unwrap();
        }
        assert!(dir.files(11).is_ok());
        let error = dir.files(10).unwrap_err();
        assert!(
            std::error::Error::source(&error)
                .unwrap()
                .to_string()
                .contains("more than 10"),
            "{error}"
        );
    }
}
