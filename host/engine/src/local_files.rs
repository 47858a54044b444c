//! Files of the machine behind `file:///` addresses: those below folders that whoever runs the host names, and no others. A folder is opened
//! and the rest of the path resolved inside it, so that neither `..` nor a link leads out.

use std::path::{Component, Path, PathBuf};

use cap_std::fs::File;
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::Flow;
use taffrail_core::name::RelPath;

use crate::confined::ConfinedDir;
use crate::reads;
use crate::scope::chain;
use crate::storage::decode;

/// The scheme of files of the machine; an absolute path follows.
pub const FILE: &str = "file://";

/// What would allow a file.
const HELP: &str = "whoever runs the host allows a folder with `--allow-files DIR`, or with `local-files.allowed-paths` in the host's configuration";

/// The folders whose files flows may read; at first none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalFiles {
    folders: Vec<PathBuf>,
}

/// Why there is no file behind an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalFileError {
    /// It is the address of no file.
    #[error(
        "`{0}` is the address of no file of this machine: an absolute path without `..` follows on `file://`"
    )]
    NotAnAddress(String),
    /// It lies in no folder that the host names.
    #[error("`{address}` is a file of this machine, and {}", allowed(.folders))]
    Refused {
        /// The address.
        address: String,
        /// The folders that may be read.
        folders: Vec<PathBuf>,
    },
    /// It cannot be read.
    #[error("{0}")]
    File(String),
}

impl LocalFileError {
    /// What would allow it, where that is what is missing.
    pub fn help(&self) -> Option<&'static str> {
        matches!(self, Self::Refused { .. }).then_some(HELP)
    }
}

/// With the way out in the same sentence, for where there is no other place for it.
impl From<LocalFileError> for String {
    fn from(error: LocalFileError) -> String {
        match error.help() {
            Some(help) => format!("{error}; {help}"),
            None => error.to_string(),
        }
    }
}

fn allowed(folders: &[PathBuf]) -> String {
    if folders.is_empty() {
        return "this host does not let flows read those".to_owned();
    }
    let listed: Vec<String> = folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    format!(
        "this host lets flows read only those below {}",
        listed.join(", ")
    )
}

impl LocalFiles {
    /// The files below these folders, whose paths are absolute.
    pub fn below(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// Opens the file behind a `file:///` address.
    ///
    /// # Errors
    /// See [`LocalFileError`].
    pub fn open(&self, address: &str) -> Result<File, LocalFileError> {
        let path = path(address)?;
        let mut last = None;
        for (folder, rest) in self.ways(&path) {
            let opened = ConfinedDir::open(&folder).and_then(|folder| folder.open_file(&rest));
            match opened {
                Ok(file) => return Ok(file),
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(error) => LocalFileError::File(chain(&error)),
            None => self.refused(address),
        })
    }

    /// Why the host does not let flows read what is behind an address, whatever is there.
    ///
    /// # Errors
    /// See [`LocalFileError`].
    pub fn check(&self, address: &str) -> Result<(), LocalFileError> {
        let path = path(address)?;
        match self.ways(&path).is_empty() {
            true => Err(self.refused(address)),
            false => Ok(()),
        }
    }

    fn refused(&self, address: &str) -> LocalFileError {
        LocalFileError::Refused {
            address: address.to_owned(),
            folders: self.folders.clone(),
        }
    }

    /// The folders that a path is below, each with the rest of the path: as it is written, and as it is without links, as a folder may
    /// be named by a link to it or lie behind one.
    fn ways(&self, path: &Path) -> Vec<(PathBuf, RelPath)> {
        let mut ways = Vec::new();
        let without_links = path.canonicalize().ok();
        for path in std::iter::once(path).chain(without_links.as_deref()) {
            for folder in &self.folders {
                let real = folder.canonicalize().ok();
                for folder in std::iter::once(folder).chain(real.as_ref()) {
                    let rest = path.strip_prefix(folder).ok().and_then(relative);
                    if let Some(rest) = rest {
                        let way = (folder.clone(), rest);
                        if !ways.contains(&way) {
                            ways.push(way);
                        }
                    }
                }
            }
        }
        ways
    }
}

/// The rest of a path below a folder; none where it is the folder itself.
fn relative(path: &Path) -> Option<RelPath> {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    RelPath::new(parts?.join("/")).ok()
}

/// The path behind an address.
fn path(address: &str) -> Result<PathBuf, LocalFileError> {
    let wrong = || LocalFileError::NotAnAddress(address.to_owned());
    let rest = address.strip_prefix(FILE).ok_or_else(wrong)?;
    // The machine itself may be named.
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = decode(rest).filter(|path| path.starts_with('/') && !path.contains('\0'));
    let path = path.ok_or_else(wrong)?;
    match path.split('/').any(|part| part == "..") {
        true => Err(wrong()),
        false => Ok(PathBuf::from(path)),
    }
}

/// The files of the machine that a flow names literally and may not read, each at its place, so that it is refused before anything starts.
/// `source` is the flow's text.
pub fn refused(files: &LocalFiles, flow: &Flow, source: &str) -> Vec<Diagnostic> {
    let named = reads::local_files(flow, source).into_iter();
    let refused = named.filter_map(|(span, address)| {
        let error = files.check(&address).err()?;
        let diagnostic = match &error {
            LocalFileError::Refused { .. } => {
                Diagnostic::error(Code::Refused, span, error.to_string())
            }
            _ => Diagnostic::error(Code::WrongValue, span, error.to_string()),
        };
        Some(match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    });
    refused.collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn text(files: &LocalFiles, address: &str) -> Result<String, LocalFileError> {
        let mut text = String::new();
        let mut file = files.open(address)?;
        file.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn only_what_lies_below_a_folder_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        let at = |path: &str| format!("{FILE}{}/{path}", root.display());
        std::fs::create_dir_all(root.join("open/sub")).unwrap();
        std::fs::create_dir(root.join("opened")).unwrap();
        std::fs::write(root.join("open/sub/a b.txt"), "inside").unwrap();
        std::fs::write(root.join("secret.txt"), "outside").unwrap();
        std::fs::write(root.join("opened/x.txt"), "outside").unwrap();
        symlink(root.join("secret.txt"), root.join("open/link.txt")).unwrap();
        symlink("sub/a b.txt", root.join("open/near.txt")).unwrap();
        symlink("..", root.join("open/up")).unwrap();
        symlink(root.join("open"), root.join("alias")).unwrap();
        let files = LocalFiles::below(vec![root.join("open")]);
        assert_eq!(text(&files, &at("open/sub/a%20b.txt")).unwrap(), "inside");
        assert_eq!(text(&files, &at("open/near.txt")).unwrap(), "inside");
        assert_eq!(text(&files, &at("open//sub/./a b.txt")).unwrap(), "inside");
        assert_eq!(text(&files, &at("alias/near.txt")).unwrap(), "inside");
        let local = at("open/near.txt").replace(FILE, "file://localhost");
        assert_eq!(text(&files, &local).unwrap(), "inside");
        for address in ["secret.txt", "opened/x.txt", "open", "none.txt"] {
            let error = files.open(&at(address)).unwrap_err();
            assert!(matches!(error, LocalFileError::Refused { .. }), "{error}");
            assert_eq!(files.check(&at(address)), Err(error));
        }
        for address in [
            "open/link.txt",
            "open/up/secret.txt",
            "open/none.txt",
            "open/sub",
        ] {
            let error = files.open(&at(address)).unwrap_err();
            assert!(
                matches!(error, LocalFileError::File(_)),
                "{address}: {error}"
            );
        }
        for address in [
            at("open/../secret.txt"),
            at("open/%2e%2e/secret.txt"),
            "file://a/b".to_owned(),
            "file:///a%00b".to_owned(),
            "file:///%zz".to_owned(),
            "file://".to_owned(),
            "/a".to_owned(),
        ] {
            let error = files.open(&address).unwrap_err();
            assert!(
                matches!(error, LocalFileError::NotAnAddress(_)),
                "{address}: {error}"
            );
        }
        // Named by a link, a folder is the one that the link leads to.
        let files = LocalFiles::below(vec![root.join("alias")]);
        assert_eq!(text(&files, &at("open/near.txt")).unwrap(), "inside");
        assert!(files.open(&at("open/link.txt")).is_err());
        let everything = LocalFiles::below(vec![PathBuf::from("/")]);
        assert_eq!(text(&everything, &at("secret.txt")).unwrap(), "outside");
    }

    #[test]
    fn nothing_is_read_where_nothing_is_allowed() {
        let error = LocalFiles::default()
            .open("file:///etc/hostname")
            .unwrap_err();
        let told = String::from(error);
        assert!(told.contains("does not let flows read those"), "{told}");
        assert!(told.contains("`--allow-files DIR`"), "{told}");
        assert!(told.contains("`local-files.allowed-paths`"), "{told}");
    }
}
