//! What a WorkingDirectory keeps for the next execution: files by pattern, one folder for each task and each way of values to it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use taffrail_core::collect::Patterns;
use taffrail_core::flow::Task;
use taffrail_core::native::CacheKeys;

use crate::confined::{ConfinedDir, FileError};
use crate::execution::Execution;
use crate::files;
use crate::scope::chain;

/// Where the cache of a task lies for these values of the loops around it; nowhere where nothing is kept at all.
pub(super) fn place(execution: &Execution, task: &Task, values: &[Arc<str>]) -> Option<PathBuf> {
    let mut name = task.id.value.to_string();
    if !values.is_empty() {
        // A value may be any text, of any length.
        let mut hash = Sha256::new();
        for value in values {
            hash.update(value.len().to_le_bytes());
            hash.update(value.as_bytes());
        }
        let digest = hash.finalize();
        name.push('@');
        name.extend(digest[..16].iter().map(|byte| format!("{byte:02x}")));
    }
    let cache = execution.cache.as_ref()?;
    let flow = execution.folder.of_flow();
    Some(cache.join("directories").join(flow).join(name))
}

/// Copies what was kept into the directory, unless it has become too old.
///
/// # Errors
/// In words.
pub(super) fn bring(
    place: Option<PathBuf>,
    cache: &CacheKeys,
    working: &ConfinedDir,
) -> Result<(), String> {
    let Some(path) = place.filter(|path| counts(path, cache)) else {
        return Ok(());
    };
    let kept = ConfinedDir::open(&path).map_err(|error| chain(&error))?;
    files::copy_all(&kept, working, None).map_err(|error| chain(&error))
}

/// Keeps what matches. What is the same as before stays as it is, so that it becomes too old however often it is used.
///
/// # Errors
/// In words.
pub(super) fn keep(
    place: Option<PathBuf>,
    cache: &CacheKeys,
    working: &ConfinedDir,
    execution: &str,
) -> Result<(), String> {
    let Some(path) = place else {
        return Ok(());
    };
    let patterns = Patterns::new(&cache.patterns).map_err(|error| error.to_string())?;
    if counts(&path, cache) && is_same(&path, working, &patterns).map_err(|error| chain(&error))? {
        return Ok(());
    }
    // Written beside it first: a cache is whole or not there.
    let beside = |ending: &str| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{execution}.{ending}"));
        path.with_file_name(name)
    };
    let (fresh, old) = (beside("new"), beside("old"));
    let target = ConfinedDir::create(&fresh).map_err(|error| chain(&error))?;
    files::copy_all(working, &target, Some(&patterns)).map_err(|error| chain(&error))?;
    drop(target);
    let _ = std::fs::rename(&path, &old);
    std::fs::rename(&fresh, &path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let _ = std::fs::remove_dir_all(&old);
    Ok(())
}

/// Whether something is kept there that is not too old.
fn counts(path: &Path, cache: &CacheKeys) -> bool {
    let longest = cache.ttl.as_deref().map(taffrail_core::duration::parse);
    match longest {
        Some(Ok(longest)) => age(path).is_some_and(|age| age <= longest),
        _ => path.is_dir(),
    }
}

fn age(path: &Path) -> Option<Duration> {
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    SystemTime::now().duration_since(written).ok()
}

/// Whether the directory has just the files that were kept, with the same contents.
fn is_same(path: &Path, working: &ConfinedDir, patterns: &Patterns) -> Result<bool, FileError> {
    let kept = ConfinedDir::open(path)?;
    let of = |directory: &ConfinedDir| {
        let mut found = directory.files(files::MAX_FILES)?;
        found.retain(|(path, _)| !patterns.matches(path).is_empty());
        found.sort_unstable();
        Ok::<_, FileError>(found)
    };
    let found = of(working)?;
    if found != of(&kept)? {
        return Ok(false);
    }
    for (path, _) in &found {
        if !equal(working.open_found(path)?, kept.open_found(path)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two files of one length hold the same. What cannot be read is written anew.
fn equal(mut one: cap_std::fs::File, mut other: cap_std::fs::File) -> bool {
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let Ok(count) = one.read(&mut left) else {
            return false;
        };
        if count == 0 {
            return true;
        }
        if other.read_exact(&mut right[..count]).is_err() || left[..count] != right[..count] {
            return false;
        }
    }
}
