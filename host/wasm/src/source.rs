//! Finds plugin files in folders and reads them without being led astray by links, pipes and devices.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use taffrail_core::name::PluginId;
use taffrail_engine::ports::PluginKey;

use crate::cache::Cache;
use crate::plugin::{digest, too_large};
use crate::text::harmless;

/// A plugin's file in a version's folder.
pub(crate) const FILE_NAME: &str = "plugin.wasm";

/// A plugin file, and what its place says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The file.
    pub(crate) path: PathBuf,
    /// What the names of its folders promise; none for a file that was named by itself.
    pub(crate) promised: Option<PluginKey>,
}

/// An entry that is no plugin, and why.
pub(crate) type Odd = (PathBuf, String);

/// Lists `<folder>/<id>/<version>/plugin.wasm`, in order. A folder that does not exist is empty; names that start with a dot are
/// passed over.
pub(crate) fn scan(folder: &Path) -> (Vec<Found>, Vec<Odd>) {
    let mut found = Vec::new();
    let mut odd = Vec::new();
    for (id_name, id_path) in subfolders(folder, &mut odd) {
        let id = match PluginId::new(id_name) {
            Ok(id) => id,
            Err(error) => {
                odd.push((
                    id_path,
                    format!("its name is not a plugin id: {}", error.rule),
                ));
                continue;
            }
        };
        for (version_name, version_path) in subfolders(&id_path, &mut odd) {
            let path = version_path.join(FILE_NAME);
            match semver::Version::parse(&version_name) {
                Ok(version) if version.build.is_empty() => found.push(Found {
                    path,
                    promised: Some(PluginKey {
                        id: id.clone(),
                        version,
                    }),
                }),
                _ => odd.push((
                    version_path,
                    "its name is not a version such as `1.2.3`".to_owned(),
                )),
            }
        }
    }
    (found, odd)
}

/// The names and paths of real folders in a folder, in order.
fn subfolders(folder: &Path, odd: &mut Vec<Odd>) -> Vec<(String, PathBuf)> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            odd.push((folder.to_owned(), error.to_string()));
            return Vec::new();
        }
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                odd.push((folder.to_owned(), error.to_string()));
                continue;
            }
        };
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            odd.push((path, "its name is not UTF-8".to_owned()));
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        // The type of the entry itself: a link to a folder is a link.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folders.push((name, path)),
            Ok(_) => odd.push((path, "it is not a folder".to_owned())),
            Err(error) => odd.push((path, error.to_string())),
        }
    }
    folders.sort();
    folders
}

/// An open plugin file.
pub(crate) struct PluginFile {
    file: File,
    metadata: Metadata,
    path: PathBuf,
}

impl PluginFile {
    /// Opens a file; its size is checked before a byte is read.
    pub(crate) fn open(path: &Path, largest: u64) -> Result<Self, String> {
        // Neither follows a link nor waits for the other end of a named pipe.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.cast_signed())
            .open(path)
            .map_err(|error| {
                if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
                    "it is a symbolic link".to_owned()
                } else {
                    error.to_string()
                }
            })?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        if metadata.len() > largest {
            return Err(too_large(metadata.len(), largest));
        }
        Ok(Self {
            file,
            metadata,
            path: path.to_owned(),
        })
    }

    pub(crate) fn size(&self) -> u64 {
        self.metadata.len()
    }

    /// The whole content, at most as long as the file was when it was opened.
    pub(crate) fn read(&mut self) -> Result<Vec<u8>, String> {
        let size = self.size();
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        Read::by_ref(&mut self.file)
            .take(size)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// The digest that an earlier run found for this very state of the file.
    pub(crate) fn kept_digest(&self, cache: &Cache) -> Option<String> {
        let entry = cache.read(&self.stamp())?;
        String::from_utf8(entry.content().to_vec()).ok()
    }

    /// Computes the digest, and keeps it for the next run.
    pub(crate) fn digest(&self, cache: &Cache, content: &[u8]) -> String {
        let digest = digest(content);
        // A file that changes twice within one step of its file system's clock keeps its stamp, so a fresh one is not kept.
        let settled = self
            .metadata
            .modified()
            .ok()
            .and_then(|modified| SystemTime::now().duration_since(modified).ok())
            .is_some_and(|age| age > Duration::from_secs(2));
        if settled {
            cache.write(&self.stamp(), digest.as_bytes());
        }
        digest
    }

    /// Names this state of the file; the change time is in it, which no program can set.
    fn stamp(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.path.as_os_str().as_encoded_bytes());
        for number in [
            self.metadata.dev(),
            self.metadata.ino(),
            self.metadata.len(),
            self.metadata.mtime().cast_unsigned(),
            self.metadata.mtime_nsec().cast_unsigned(),
            self.metadata.ctime().cast_unsigned(),
            self.metadata.ctime_nsec().cast_unsigned(),
        ] {
            hasher.update(&number.to_le_bytes());
        }
        format!("{}.stamp", hasher.finalize().to_hex())
    }
}

/// A path as a message may show it.
pub(crate) fn shown(path: &Path) -> String {
    harmless(&path.display().to_string())
}
