//! The key that marks this user's cache entries; it never leaves this file.

use std::path::Path;

use super::folder;

const NAME: &str = "plugin-cache.key";

/// A random key of this user.
pub(super) struct Key([u8; blake3::KEY_LEN]);

impl Key {
    /// Reads the key, or makes one. Several processes that come at once get the same.
    pub(super) fn obtain(state: &Path) -> Result<Self, String> {
        let path = state.join(NAME);
        let reason = match read(&path) {
            Ok(Some(key)) => return Ok(Self(key)),
            Ok(None) => None,
            Err(reason) => Some(reason),
        };
        let mut key = [0; blake3::KEY_LEN];
        getrandom::fill(&mut key)
            .map_err(|error| format!("there are no random bytes for a key: {error}"))?;
        let cannot = |error: std::io::Error| format!("cannot keep {}: {error}", path.display());
        if let Some(reason) = reason {
            tracing::warn!(
                "the key {} is replaced, and compiled plugins are made again: {reason}",
                path.display()
            );
            folder::replace(state, NAME, &[&key]).map_err(cannot)?;
            return Ok(Self(key));
        }
        if folder::create(state, NAME, &key).map_err(cannot)? {
            return Ok(Self(key));
        }
        match read(&path)? {
            Some(key) => Ok(Self(key)),
            None => Err(format!("{} comes and goes", path.display())),
        }
    }

    /// The mark of an entry: it binds the content to its name.
    pub(super) fn mark(&self, name: &str, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(content);
        hasher.finalize()
    }
}

fn read(path: &Path) -> Result<Option<[u8; blake3::KEY_LEN]>, String> {
    match folder::read(path, 1 << 10)? {
        None => Ok(None),
        Some(bytes) => <[u8; blake3::KEY_LEN]>::try_from(bytes)
            .map(Some)
            .map_err(|bytes| {
                format!(
                    "it has {} bytes instead of {}",
                    bytes.len(),
                    blake3::KEY_LEN
                )
            }),
    }
}
