//! Finds and reads the `taffrail.lock` that holds for a flow: the one beside it, or in the nearest folder above.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taffrail_core::diagnostic::{Source, render_text};
use taffrail_core::lock::{LOCK_FILE, Lock};
use taffrail_core::resolve::Locking;

use crate::args::Global;
use crate::exit::{Exit, Failed};
use crate::report::complain;
use crate::terminal;

/// The largest lock file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The lock files of a command, each read once.
pub struct Locks<'a> {
    global: &'a Global,
    strict: bool,
    by_folder: HashMap<PathBuf, Option<Arc<Lock>>>,
}

impl<'a> Locks<'a> {
    /// `strict` asks for a lock beside every flow, and for nothing that is not in it.
    pub fn new(global: &'a Global, strict: bool) -> Self {
        Self {
            global,
            strict,
            by_folder: HashMap::new(),
        }
    }

    /// The lock that holds for a flow, by its path; `-` counts as a file of the current folder.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged, and when there is none but has to be one.
    pub fn of(&mut self, flow: &Path) -> Result<Option<Arc<Lock>>, Failed> {
        let folder = folder_of(flow);
        let found = match self.by_folder.get(&folder) {
            Some(found) => found.clone(),
            None => {
                let found = match nearest(&folder) {
                    Some(path) => Some(read(self.global, &path)?),
                    None => None,
                };
                self.by_folder.insert(folder, found.clone());
                found
            }
        };
        if found.is_none() && self.strict {
            return Err(Failed::new(
                Exit::Plugin,
                format!(
                    "there is no `{LOCK_FILE}` beside `{}` or above it, and `--locked` asks for one",
                    flow.display()
                ),
            )
            .hint("write one with `taffrail lock`"));
        }
        Ok(found)
    }

    /// What the resolver is told.
    pub fn locking<'b>(&self, found: Option<&'b Arc<Lock>>) -> Locking<'b> {
        Locking {
            lock: found.map(Arc::as_ref),
            strict: self.strict,
        }
    }
}

/// The absolute folder that a flow lies in.
pub fn folder_of(flow: &Path) -> PathBuf {
    let absolute = std::path::absolute(flow).unwrap_or_else(|_| flow.to_owned());
    absolute
        .parent()
        .map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

/// The lock file of a folder or of the nearest one above it; a repository does not look beyond its root.
pub fn nearest(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let path = folder.join(LOCK_FILE);
        if path.is_file() {
            return Some(path);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Reads a lock file.
///
/// # Errors
/// When it cannot be read or is damaged; what is wrong has been told at its place then.
pub fn read(global: &Global, path: &Path) -> Result<Arc<Lock>, Failed> {
    let name = path.display().to_string();
    let unreadable =
        |reason: String| Failed::new(Exit::Plugin, format!("cannot read `{name}`: {reason}"));
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if metadata.len() > LARGEST {
        return Err(unreadable(format!("it is larger than {LARGEST} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    match Lock::parse(&text) {
        Ok(lock) => Ok(Arc::new(lock)),
        Err(diagnostics) => {
            let source = Source::new(name, text);
            complain(render_text(&diagnostics, &source, terminal::style(global)).trim_end());
            Err(Failed::silent(Exit::Plugin))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_lock_within_the_repository_holds() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("repository/flows/daily")).expect("folders");
        std::fs::create_dir_all(at("plain/flows")).expect("folders");
        std::fs::create_dir(at("repository/.git")).expect("a folder");
        std::fs::write(at(LOCK_FILE), "").expect("a file");
        assert_eq!(nearest(&at("plain/flows")), Some(at(LOCK_FILE)));
        assert_eq!(nearest(&at("repository/flows/daily")), None);
        let lock = at("repository/taffrail.lock");
        std::fs::write(&lock, "").expect("a file");
        assert_eq!(nearest(&at("repository/flows/daily")), Some(lock));
    }
}
