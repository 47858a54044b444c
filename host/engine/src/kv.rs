//! The key-value store of this host: one small file for each key of a namespace, written whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::confined::{FileError, create_private_dir};

/// The store below a directory, or one in which there is nothing and into which nothing goes.
#[derive(Debug, Clone, Default)]
pub struct KvStore {
    root: Option<PathBuf>,
}

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KvEntry {
    /// The key itself: the file's name is only a digest of it.
    pub key: String,
    /// The value.
    pub value: Value,
    /// The moment after which it counts as deleted, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<i64>,
}

impl KvStore {
    /// The store below a directory, which is made when something is written.
    pub fn below(root: &Path) -> Self {
        Self {
            root: Some(root.to_owned()),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn get(&self, namespace: &str, key: &str) -> Result<Option<Value>, FileError> {
        let Some(path) = self.path(namespace, key) else {
            return Ok(None);
        };
        Ok(read(&path)?
            .filter(|entry| entry.key == key)
            .map(|entry| entry.value))
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// When it cannot be written, or there is no store.
    pub fn set(&self, namespace: &str, entry: &KvEntry) -> Result<(), FileError> {
        let Some(path) = self.path(namespace, &entry.key) else {
            let source = io::Error::new(io::ErrorKind::Unsupported, "there is no store here");
            return Err(FileError::new("write", &entry.key, source));
        };
        if let Some(folder) = path.parent() {
            create_private_dir(folder)?;
        }
        let fresh = path.with_extension(format!("{}.new", ulid::Ulid::generate()));
        let bytes = serde_json::to_vec(entry).map_err(io::Error::from);
        bytes
            .and_then(|bytes| std::fs::write(&fresh, bytes))
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|source| FileError::new("write", path, source))
    }

    /// Forgets a key. Says whether it was there.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn delete(&self, namespace: &str, key: &str) -> Result<bool, FileError> {
        let Some(path) = self.path(namespace, key) else {
            return Ok(false);
        };
        let known = self.get(namespace, key)?.is_some();
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(FileError::new("remove", path, source))
            }
            _ => Ok(known),
        }
    }

    /// All keys of a namespace, sorted.
    ///
    /// # Errors
    /// When the folder or a file of it cannot be read.
    pub fn keys(&self, namespace: &str) -> Result<Vec<String>, FileError> {
        let Some(root) = &self.root else {
            return Ok(Vec::new());
        };
        let folder = root.join(namespace);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(FileError::new("read", folder, source)),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|source| FileError::new("read", &folder, source))?
                .path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && let Some(entry) = read(&path)?
            {
                keys.push(entry.key);
            }
        }
        keys.sort();
        Ok(keys)
    }

    fn path(&self, namespace: &str, key: &str) -> Option<PathBuf> {
        let digest: String = Sha256::digest(key.as_bytes())[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.root
            .as_ref()
            .map(|root| root.join(namespace).join(format!("{digest}.json")))
    }
}

fn read(path: &Path) -> Result<Option<KvEntry>, FileError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::new("read", path, source)),
    };
    let entry: KvEntry = serde_json::from_slice(&bytes)
        .map_err(|error| FileError::new("read", path, io::Error::from(error)))?;
    let now = jiff::Timestamp::now().as_second();
    Ok(Some(entry).filter(|entry| entry.expires.is_none_or(|expires| now < expires)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(key: &str, value: Value, expires: Option<i64>) -> KvEntry {
        KvEntry {
            key: key.to_owned(),
            value,
            expires,
        }
    }

    #[test]
    fn what_is_set_can_be_got_in_its_namespace_until_it_expires() {
        let temp = tempfile::tempdir().unwrap();
        let store = KvStore::below(temp.path());
        assert_eq!(store.get("a.b", "k").unwrap(), None);
        assert_eq!(store.keys("a.b").unwrap(), Vec::<String>::new());
        store
            .set("a.b", &entry("../k", json!({"x": 1}), None))
            .unwrap();
        store.set("a.b", &entry("old", json!(1), Some(1))).unwrap();
        assert_eq!(store.get("a.b", "../k").unwrap(), Some(json!({"x": 1})));
        assert_eq!(store.get("a.b", "old").unwrap(), None);
        assert_eq!(store.get("a", "../k").unwrap(), None);
        assert_eq!(store.keys("a.b").unwrap(), ["../k"]);
        assert!(store.delete("a.b", "../k").unwrap());
        assert!(!store.delete("a.b", "../k").unwrap());
        assert!(
            KvStore::default()
                .set("a", &entry("k", json!(1), None))
                .is_err()
        );
    }
}
