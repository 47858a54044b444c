//! Keeps what is dear to compute and cheap to check: compiled components, descriptors, digests of files.
//!
//! A compiled component is native code, so nothing is believed that does not carry the mark of a key that only this user can
//! read. A cache that cannot be used costs time and a warning, never a failure.

mod folder;
mod key;
mod revive;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use key::Key;

/// The start of every entry: what it is, in which version.
const MAGIC: &[u8; 16] = b"taffrail cache 1";
/// Bytes before an entry's content: the magic and the mark.
const HEADER: usize = MAGIC.len() + blake3::OUT_LEN;
/// Largest entry that is read, in bytes; a compiled interpreter has 40 MB.
const LARGEST: u64 = 256 << 20;

/// A cache folder, opened when it is first used.
pub struct Cache {
    places: Option<Places>,
    open: OnceLock<Option<Open>>,
    write_failed: AtomicBool,
}

/// Where the cache and its key are.
struct Places {
    cache: PathBuf,
    state: PathBuf,
}

/// A usable cache.
struct Open {
    folder: PathBuf,
    key: Key,
}

/// The content of an entry whose mark was right.
pub(crate) struct Entry(Vec<u8>);

impl Entry {
    pub(crate) fn content(&self) -> &[u8] {
        &self.0[HEADER..]
    }
}

impl Cache {
    /// A cache in one folder, with its key in another. Both are made when first needed, readable by this user only.
    pub fn new(cache: &Path, state: &Path) -> Self {
        Self {
            places: Some(Places {
                cache: cache.to_owned(),
                state: state.to_owned(),
            }),
            open: OnceLock::new(),
            write_failed: AtomicBool::new(false),
        }
    }

    /// A cache that remembers nothing.
    pub fn off() -> Self {
        Self {
            places: None,
            open: OnceLock::new(),
            write_failed: AtomicBool::new(false),
        }
    }

    /// The entry of this name, if there is one and its mark is right.
    pub(crate) fn read(&self, name: &str) -> Option<Entry> {
        let open = self.open()?;
        let path = open.folder.join(name);
        match folder::read(&path, LARGEST) {
            Ok(None) => None,
            Ok(Some(bytes)) => match open.check(name, bytes) {
                Ok(entry) => Some(entry),
                Err(reason) => bad(&path, reason),
            },
            Err(reason) => bad(&path, &reason),
        }
    }

    /// Keeps an entry. A reader sees the old one, the new one or none, never half of one.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let Some(open) = self.open() else {
            return;
        };
        let mark = open.key.mark(name, content);
        if let Err(error) = folder::replace(&open.folder, name, &[MAGIC, mark.as_bytes(), content])
            && !self.write_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "nothing can be kept in the plugin cache {}: {error}",
                open.folder.display()
            );
        }
    }

    fn open(&self) -> Option<&Open> {
        self.open
            .get_or_init(|| {
                let places = self.places.as_ref()?;
                Open::new(places)
                    .inspect_err(|reason| {
                        tracing::warn!("working without a plugin cache: {reason}")
                    })
                    .ok()
            })
            .as_ref()
    }
}

impl Open {
    fn new(places: &Places) -> Result<Self, String> {
        folder::prepare(&places.cache)?;
        folder::prepare(&places.state)?;
        Ok(Self {
            folder: places.cache.clone(),
            key: Key::obtain(&places.state)?,
        })
    }

    fn check(&self, name: &str, bytes: Vec<u8>) -> Result<Entry, &'static str> {
        let (magic, rest) = bytes
            .split_first_chunk::<16>()
            .ok_or("it is shorter than its header")?;
        let (mark, content) = rest
            .split_first_chunk::<{ blake3::OUT_LEN }>()
            .ok_or("it is shorter than its header")?;
        if magic != MAGIC {
            return Err("it was not written by this version of taffrail");
        }
        // This comparison takes the same time wherever the two differ.
        if self.key.mark(name, content) != *mark {
            return Err("its mark is wrong: it was damaged, exchanged or made with another key");
        }
        Ok(Entry(bytes))
    }
}

fn bad(path: &Path, reason: &str) -> Option<Entry> {
    tracing::warn!(
        "the plugin cache entry {} is not used and will be made again: {reason}",
        path.display()
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Fixture {
        directory: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                directory: tempfile::tempdir().unwrap(),
            }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn cache(&self) -> Cache {
            Cache::new(&self.at("cache"), &self.at("state"))
        }

        fn content(&self, name: &str) -> Option<Vec<u8>> {
            Some(self.cache().read(name)?.content().to_vec())
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_was_kept_is_found_and_only_the_user_can_read_it() {
        let fixture = Fixture::new();
        assert!(fixture.content("a").is_none());
        fixture.cache().write("a", b"content");
        assert_eq!(fixture.content("a").unwrap(), b"content");
        fixture.cache().write("a", b"other");
        assert_eq!(fixture.content("a").unwrap(), b"other");
        assert_eq!(mode(&fixture.at("cache")), 0o700);
        assert_eq!(mode(&fixture.at("cache/a")), 0o600);
        assert_eq!(mode(&fixture.at("state")), 0o700);
        assert_eq!(mode(&fixture.at("state/plugin-cache.key")), 0o600);
        assert_eq!(fs::read_dir(fixture.at("cache")).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_entry_is_not_believed() {
        type Harm = fn(&Fixture);
        let harms: &[(&str, Harm)] = &[
            ("one bit", |it| {
                let mut bytes = fs::read(it.at("cache/a")).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(it.at("cache/a"), bytes).unwrap();
            }),
            ("truncated", |it| {
                let bytes = fs::read(it.at("cache/a")).unwrap();
                fs::write(it.at("cache/a"), &bytes[..bytes.len() - 1]).unwrap();
            }),
            ("truncated in the header", |it| {
                fs::write(it.at("cache/a"), b"taffrail cache 1abc").unwrap();
            }),
            ("empty", |it| fs::write(it.at("cache/a"), b"").unwrap()),
            ("another entry's content", |it| {
                it.cache().write("b", b"foreign");
                fs::copy(it.at("cache/b"), it.at("cache/a")).unwrap();
            }),
            ("another version", |it| {
                let mut bytes = fs::read(it.at("cache/a")).unwrap();
                bytes[15] = b'2';
                fs::write(it.at("cache/a"), bytes).unwrap();
            }),
            ("another key", |it| {
                fs::remove_file(it.at("state/plugin-cache.key")).unwrap();
            }),
            ("a key of the wrong length", |it| {
                fs::write(it.at("state/plugin-cache.key"), b"short").unwrap();
            }),
            ("a key that others can read", |it| {
                let open = fs::Permissions::from_mode(0o644);
                fs::set_permissions(it.at("state/plugin-cache.key"), open).unwrap();
            }),
            ("an entry that others can write", |it| {
                let open = fs::Permissions::from_mode(0o622);
                fs::set_permissions(it.at("cache/a"), open).unwrap();
            }),
            ("a link", |it| {
                fs::rename(it.at("cache/a"), it.at("elsewhere")).unwrap();
                symlink(it.at("elsewhere"), it.at("cache/a")).unwrap();
            }),
            ("a directory", |it| {
                fs::remove_file(it.at("cache/a")).unwrap();
                fs::create_dir(it.at("cache/a")).unwrap();
            }),
        ];
        for (name, harm) in harms {
            let fixture = Fixture::new();
            fixture.cache().write("a", b"content");
            harm(&fixture);
            assert!(fixture.content("a").is_none(), "{name}");
            if *name != "a directory" {
                fixture.cache().write("a", b"made again");
                assert_eq!(fixture.content("a").unwrap(), b"made again", "{name}");
            }
        }
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_used() {
        for folder in ["cache", "state"] {
            let fixture = Fixture::new();
            fixture.cache().write("a", b"content");
            let open = fs::Permissions::from_mode(0o777);
            fs::set_permissions(fixture.at(folder), open).unwrap();
            assert!(fixture.content("a").is_none(), "{folder}");
            fixture.cache().write("b", b"content");
            assert!(!fixture.at("cache/b").exists(), "{folder}");
        }
    }

    #[test]
    fn an_unusable_place_is_survived() {
        let fixture = Fixture::new();
        fs::write(fixture.at("file"), b"").unwrap();
        for cache in [
            Cache::new(&fixture.at("file/cache"), &fixture.at("state")),
            Cache::new(&fixture.at("cache"), &fixture.at("file/state")),
            Cache::off(),
        ] {
            cache.write("a", b"content");
            assert!(cache.read("a").is_none());
        }
    }

    #[test]
    fn many_at_once_agree_on_one_key() {
        let fixture = Fixture::new();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let fixture = &fixture;
                scope.spawn(move || {
                    let cache = fixture.cache();
                    for round in 0..20 {
                        cache.write("shared", &[round; 10_000]);
                        cache.write(&format!("own-{number}"), b"own");
                        let entry = cache.read("shared").expect("whole at any time");
                        assert_eq!(entry.content().len(), 10_000);
                    }
                });
            }
        });
        for number in 0..8 {
            assert_eq!(fixture.content(&format!("own-{number}")).unwrap(), b"own");
        }
    }
}
