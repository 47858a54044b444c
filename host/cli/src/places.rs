//! How many executions of a flow run at once on this machine: a lock file for each place, and a line of those who wait, in the order
//! in which they came. The system lets go of all locks of a process that ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use taffrail_engine::confined::create_private_dir;
use taffrail_engine::flows;

/// A stand in the line. Its file is locked as long as it is stood in, and sorts by the time of its coming.
pub struct Line {
    folder: PathBuf,
    limit: u32,
    own: PathBuf,
    _locked: File,
}

/// A place that was taken.
struct Place {
    _locked: File,
}

impl Line {
    /// Stands in the line of a folder, which is made.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be made.
    pub fn stand(folder: &Path, limit: u32, execution: &str) -> io::Result<Self> {
        let waiting = folder.join("waiting");
        create_private_dir(&waiting).map_err(io::Error::other)?;
        // Seen by others only once it is locked: an unlocked one is that of a process that has ended.
        let hidden = folder.join(format!("{execution}.new"));
        let file = open(&hidden)?;
        file.lock()?;
        // Ids of executions sort by their time.
        let own = waiting.join(execution);
        std::fs::rename(&hidden, &own)?;
        Ok(Self {
            folder: folder.to_owned(),
            limit,
            own,
            _locked: file,
        })
    }

    /// Whether nobody who still waits came before.
    fn is_first(&self) -> io::Result<bool> {
        for entry in std::fs::read_dir(self.folder.join("waiting"))? {
            let path = entry?.path();
            if path >= self.own {
                continue;
            }
            match File::open(&path).map(|file| file.try_lock_shared()) {
                Ok(Err(TryLockError::WouldBlock)) => return Ok(false),
                Ok(Ok(())) => {
                    // Whoever stood there is gone; that somebody else has removed the file is as good.
                    let _ = std::fs::remove_file(&path);
                }
                Ok(Err(TryLockError::Error(error))) => return Err(error),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn take(&self) -> io::Result<Option<Place>> {
        if !self.is_first()? {
            return Ok(None);
        }
        for number in 0..self.limit {
            let file = open(&self.folder.join(format!("{number}.lock")))?;
            match file.try_lock() {
                Ok(()) => return Ok(Some(Place { _locked: file })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}

impl flows::Line for Line {
    fn try_enter(&mut self) -> Result<Option<Box<dyn Send>>, String> {
        let place = self.take().map_err(|error| {
            format!(
                "cannot look for a place in `{}`: {error}",
                self.folder.display()
            )
        })?;
        Ok(place.map(|place| Box::new(place) as Box<dyn Send>))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // One that stays is as good as none: nobody holds its lock.
        let _ = std::fs::remove_file(&self.own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_the_order_of_coming_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let stand = |name: &str| Line::stand(folder.path(), 2, name).unwrap();
        let (a, b, c, d) = (stand("01a"), stand("01b"), stand("01c"), stand("01d"));
        assert!(d.take().unwrap().is_none(), "others came before");
        let first = a.take().unwrap().expect("a place is free");
        assert!(
            b.take().unwrap().is_none(),
            "the first still stands in the line"
        );
        drop(a);
        let second = b.take().unwrap().expect("the second place is free");
        drop(b);
        assert!(c.take().unwrap().is_none(), "both places are taken");
        drop(first);
        assert!(d.take().unwrap().is_none(), "it is not its turn");
        let third = c.take().unwrap().expect("a place came back");
        drop((c, second, third));
        assert!(d.take().unwrap().is_some());
    }

    #[test]
    fn who_has_gone_without_a_word_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("waiting")).unwrap();
        std::fs::write(folder.path().join("waiting/00gone"), "").unwrap();
        std::fs::write(folder.path().join("0.lock"), "").unwrap();
        let line = Line::stand(folder.path(), 1, "01a").unwrap();
        assert!(line.take().unwrap().is_some());
        assert!(!folder.path().join("waiting/00gone").exists());
    }
}
