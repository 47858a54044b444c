//! Installed plugins on disk: components by their digest, and the folders `<id>/<version>` that lead to them.
//!
//! Several programs may add and remove at once: everything becomes visible, or vanishes, by one renaming. Nothing is compiled here.
//!
//! ```text
//! <folder>/.sha256/<digest>.wasm            the component, once
//! <folder>/<id>/<version>/plugin.wasm       a second name of it
//! <folder>/<id>/<version>/origin.json       where it came from
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use taffrail_engine::ports::PluginKey;

use crate::plugin::digest;
use crate::source::FILE_NAME;

const ORIGIN: &str = "origin.json";
const BLOBS: &str = ".sha256";
/// What is being put together, and what is being taken apart; both begin with a dot, so nobody takes them for plugins.
const NEW: &str = ".new-";
const OLD: &str = ".old-";
/// Largest note of an origin that is read, in bytes.
const LARGEST_ORIGIN: u64 = 1 << 20;
/// Leftovers of a program that was killed are swept away once they are this old.
const STALE: Duration = Duration::from_secs(3600);

/// A folder of installed plugins.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Where an installed plugin came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The file, address or reference.
    pub source: String,
    /// SHA-256 of the component, lower case hexadecimal.
    pub digest: String,
    /// Whether others can get it from there, too.
    #[serde(default)]
    pub public: bool,
    /// The text of its signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The trusted key that made the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

/// What an installation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It was not there before.
    New,
    /// The very same component was there.
    Same,
    /// Another build of the same pre-release was there.
    Replaced,
}

/// Why something was not installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("cannot {doing} `{path}`")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// Another component is installed under the same name.
    #[error(
        "`{key}` is installed with other content (sha256:{installed}); a released version never changes"
    )]
    Changed {
        /// The name.
        key: PluginKey,
        /// SHA-256 of what is installed.
        installed: String,
    },
}

fn disk<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError::Disk {
        doing,
        path: path.to_owned(),
        source,
    }
}

impl Store {
    /// The store in this folder, which is made when something is installed.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The file of an installed plugin.
    pub fn file(&self, key: &PluginKey) -> PathBuf {
        self.place(key).join(FILE_NAME)
    }

    /// Where an installed plugin came from; none where it was put there by hand.
    pub fn origin(&self, key: &PluginKey) -> Option<Origin> {
        let path = self.place(key).join(ORIGIN);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() || metadata.len() > LARGEST_ORIGIN {
            return None;
        }
        serde_json::from_slice(&fs::read(&path).ok()?).ok()
    }

    /// Installs a component under its name. Only a pre-release may take the place of another build of itself.
    ///
    /// # Errors
    /// When the disk says no, or a release is installed with other content.
    pub fn install(
        &self,
        key: &PluginKey,
        component: &[u8],
        origin: &Origin,
    ) -> Result<Installed, StoreError> {
        let target = self.place(key);
        let parent = self.folder.join(key.id.as_str());
        self.sweep(&parent);
        // Whoever adds or removes the same plugin meanwhile may win; then the world has changed, and is looked at again.
        for _ in 0..10 {
            let before = match fs::read(self.file(key)) {
                Ok(installed) => Some(digest(&installed)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(disk("read", &self.file(key))(error)),
            };
            match &before {
                Some(installed) if *installed == origin.digest => return Ok(Installed::Same),
                Some(installed) if key.version.pre.is_empty() => {
                    return Err(StoreError::Changed {
                        key: key.clone(),
                        installed: installed.clone(),
                    });
                }
                _ => {}
            }
            fs::create_dir_all(&parent).map_err(disk("make", &parent))?;
            let Some(staged) = self.stage(&parent, component, origin)? else {
                continue;
            };
            if before.is_some() || target.exists() {
                self.vanish(&parent, &target)?;
            }
            match fs::rename(staged.path(), &target) {
                Ok(()) => {
                    // The folder has another name now; there is nothing left to remove.
                    let _ = staged.keep();
                    let _ = File::open(&parent).and_then(|folder| folder.sync_all());
                    return Ok(if before.is_some() {
                        Installed::Replaced
                    } else {
                        Installed::New
                    });
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::AlreadyExists
                            | io::ErrorKind::DirectoryNotEmpty
                            | io::ErrorKind::NotFound
                    ) => {}
                Err(error) => return Err(disk("make", &target)(error)),
            }
        }
        Err(disk("make", &target)(io::Error::other(
            "others keep changing it",
        )))
    }

    /// Removes an installed plugin; says whether it was there.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn remove(&self, key: &PluginKey) -> Result<bool, StoreError> {
        let parent = self.folder.join(key.id.as_str());
        let digest = self.origin(key).map(|origin| origin.digest);
        let removed = self.vanish(&parent, &self.place(key))?;
        self.sweep(&parent);
        // It stays while another version is in there.
        let _ = fs::remove_dir(&parent);
        if let Some(digest) =
            digest.filter(|digest| digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            let blob = self.blob(&digest);
            // The last name of a component is its own.
            if fs::symlink_metadata(&blob).is_ok_and(|metadata| metadata.nlink() == 1) {
                let _ = fs::remove_file(&blob);
            }
        }
        Ok(removed)
    }

    fn place(&self, key: &PluginKey) -> PathBuf {
        self.folder
            .join(key.id.as_str())
            .join(key.version.to_string())
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join(BLOBS).join(format!("{digest}.wasm"))
    }

    /// Puts everything together under a name that nobody looks for; nothing where somebody swept it away meanwhile.
    fn stage(
        &self,
        parent: &Path,
        component: &[u8],
        origin: &Origin,
    ) -> Result<Option<tempfile::TempDir>, StoreError> {
        let blob = self.blob(&origin.digest);
        let blobs = self.folder.join(BLOBS);
        fs::create_dir_all(&blobs).map_err(disk("make", &blobs))?;
        if !blob.is_file() {
            write(&blobs, &blob, component)?;
        }
        let staged = match tempfile::Builder::new().prefix(NEW).tempdir_in(parent) {
            Ok(staged) => staged,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(disk("make", parent)(error)),
        };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(staged.path(), open).map_err(disk("open", staged.path()))?;
        let file = staged.path().join(FILE_NAME);
        match fs::hard_link(&blob, &file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Not every file system lets a file have two names.
            Err(_) => write(staged.path(), &file, component)?,
        }
        let note = serde_json::to_vec_pretty(origin)
            .map_err(|error| disk("write", &file)(io::Error::other(error)))?;
        write(staged.path(), &staged.path().join(ORIGIN), &note)?;
        Ok(Some(staged))
    }

    /// Takes a version's folder away in one step.
    fn vanish(&self, parent: &Path, target: &Path) -> Result<bool, StoreError> {
        let away = match tempfile::Builder::new().prefix(OLD).tempdir_in(parent) {
            Ok(away) => away,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(disk("change", parent)(error)),
        };
        match fs::rename(target, away.path().join("gone")) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(disk("remove", target)(error)),
        }
    }

    fn sweep(&self, parent: &Path) {
        let Ok(entries) = fs::read_dir(parent) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let stale = || {
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                modified.is_ok_and(|modified| {
                    SystemTime::now()
                        .duration_since(modified)
                        .is_ok_and(|age| age > STALE)
                })
            };
            if (name.starts_with(NEW) || name.starts_with(OLD)) && stale() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Writes a file so that it is there as a whole, after a power cut, too.
fn write(folder: &Path, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let written = || {
        let mut file = tempfile::Builder::new()
            .prefix(NEW)
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(disk("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use taffrail_core::name::PluginId;

    fn key(version: &str) -> PluginKey {
        PluginKey {
            id: PluginId::new("echo").unwrap(),
            version: version.parse().unwrap(),
        }
    }

    fn origin(component: &[u8]) -> Origin {
        Origin {
            source: "a file".to_owned(),
            digest: digest(component),
            ..Origin::default()
        }
    }

    fn install(store: &Store, version: &str, component: &[u8]) -> Result<Installed, StoreError> {
        store.install(&key(version), component, &origin(component))
    }

    /// All names below a folder.
    fn names(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                found.extend(
                    names(&entry.path())
                        .into_iter()
                        .map(|inner| format!("{name}/{inner}")),
                );
            } else {
                found.push(name);
            }
        }
        found.sort();
        found
    }

    #[test]
    fn a_component_lies_there_once_and_goes_with_its_last_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert_eq!(install(&store, "1.0.0", b"one").unwrap(), Installed::New);
        assert_eq!(install(&store, "1.0.0", b"one").unwrap(), Installed::Same);
        assert_eq!(install(&store, "1.1.0", b"one").unwrap(), Installed::New);
        let blob = format!(".sha256/{}.wasm", digest(b"one"));
        assert_eq!(
            names(folder.path()),
            [
                blob.as_str(),
                "echo/1.0.0/origin.json",
                "echo/1.0.0/plugin.wasm",
                "echo/1.1.0/origin.json",
                "echo/1.1.0/plugin.wasm",
            ]
        );
        assert_eq!(store.origin(&key("1.1.0")), Some(origin(b"one")));
        assert_eq!(fs::read(store.file(&key("1.1.0"))).unwrap(), b"one");
        assert!(store.remove(&key("1.0.0")).unwrap());
        assert!(!store.remove(&key("1.0.0")).unwrap());
        assert!(folder.path().join(&blob).exists());
        assert!(store.remove(&key("1.1.0")).unwrap());
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn only_a_pre_release_may_change() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        install(&store, "1.0.0", b"one").unwrap();
        let error = install(&store, "1.0.0", b"two").unwrap_err().to_string();
        assert!(
            error.contains("`echo 1.0.0` is installed with other content"),
            "{error}"
        );
        install(&store, "1.1.0-SNAPSHOT", b"one").unwrap();
        assert_eq!(
            install(&store, "1.1.0-SNAPSHOT", b"two").unwrap(),
            Installed::Replaced
        );
        assert_eq!(
            fs::read(store.file(&key("1.1.0-SNAPSHOT"))).unwrap(),
            b"two"
        );
    }

    #[test]
    fn many_may_add_and_remove_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let store = Store::new(folder.path());
                scope.spawn(move || {
                    for _ in 0..20 {
                        install(&store, "1.0.0", b"shared").unwrap();
                        let own = format!("2.0.{number}");
                        install(&store, &own, b"shared").unwrap();
                        // What is seen is seen whole.
                        if let Ok(found) = fs::read(store.file(&key("1.0.0"))) {
                            assert_eq!(found, b"shared");
                        }
                        store.remove(&key(&own)).unwrap();
                        if number == 0 {
                            store.remove(&key("1.0.0")).unwrap();
                        }
                    }
                });
            }
        });
        let store = Store::new(folder.path());
        install(&store, "1.0.0", b"shared").unwrap();
        assert_eq!(
            names(&folder.path().join("echo")),
            ["1.0.0/origin.json", "1.0.0/plugin.wasm"]
        );
    }

    #[test]
    fn leftovers_are_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let old = folder.path().join("echo/.new-old");
        let fresh = folder.path().join("echo/.new-fresh");
        fs::create_dir_all(&old).unwrap();
        fs::create_dir_all(&fresh).unwrap();
        let past = SystemTime::now() - STALE - Duration::from_secs(60);
        File::open(&old).unwrap().set_modified(past).unwrap();
        install(&store, "1.0.0", b"one").unwrap();
        assert!(!old.exists() && fresh.exists());
    }
}
