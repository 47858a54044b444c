//! Gives a mounted working directory back to this host's user, who may not read and remove what a container's user made there.
//!
//! Only the engine may change that, and it does when it unpacks an archive over the directories: those that this user cannot use get
//! the mode of an open one, and files that cannot be read are fetched. Their parents are this user's alone, so nobody else gets in.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use taffrail_engine::ports::RunnerError;

use super::archive::{Choice, Wanted};
use super::download::download_place;
use super::engine::{CALL, Engine, call};
use super::settings::WORK_DIR;

/// How deep directories are looked for that lie in one another and cannot be entered.
const MAX_DEPTH: usize = 64;

/// The mode of a directory that every user can use; its set-user-id and sticky bits are off.
const OPEN: u32 = 0o777;

/// Makes all of it readable and removable, once the container has ended.
///
/// # Errors
/// Why it is not.
pub(super) async fn reclaim(
    engine: &Engine,
    container: &str,
    working_dir: &Path,
) -> Result<(), RunnerError> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Ok(());
    }
    for _ in 0..MAX_DEPTH {
        let place = working_dir.to_owned();
        let looked = tokio::task::spawn_blocking(move || Foreign::below(&place, user.as_raw()));
        let looked = looked
            .await
            .unwrap_or_else(|panic| Err(io::Error::other(panic)));
        let foreign = looked.map_err(|error| {
            RunnerError::Lost(format!(
                "cannot look through `{}`: {error}",
                working_dir.display()
            ))
        })?;
        if foreign.closed.is_empty() {
            return fetch(engine, container, foreign.unreadable, working_dir).await;
        }
        let archive = archive_of(&foreign.closed)
            .map_err(|error| RunnerError::Lost(format!("cannot make an archive: {error}")))?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(WORK_DIR)
            .build();
        let body = bollard::body_full(archive.into());
        let sent = engine
            .client
            .upload_to_container(container, Some(options), body);
        call(CALL, sent)
            .await
            .map_err(|error| error.into_runner("open directories that the container made"))?;
    }
    Err(RunnerError::Lost(format!(
        "the container made more than {MAX_DEPTH} directories in one another that this user cannot enter"
    )))
}

/// Puts files in the places of those that cannot be read.
async fn fetch(
    engine: &Engine,
    container: &str,
    unreadable: Vec<String>,
    working_dir: &Path,
) -> Result<(), RunnerError> {
    for place in unreadable {
        let wanted = Wanted {
            place,
            choice: Choice::Changed(Vec::new()),
        };
        download_place(engine, container, wanted, working_dir).await?;
    }
    Ok(())
}

/// What belongs to other users, by its path below the working directory.
#[derive(Debug, Default, PartialEq)]
struct Foreign {
    /// Directories that not everybody may use.
    closed: Vec<String>,
    /// Files that this user cannot read.
    unreadable: Vec<String>,
}

impl Foreign {
    fn below(root: &Path, user: u32) -> io::Result<Self> {
        let mut found = Foreign::default();
        let mut waiting = vec![String::new()];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                // What has no name in letters is no output, and its parent is enough to remove it.
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let path = match folder.as_str() {
                    "" => name,
                    folder => format!("{folder}/{name}"),
                };
                // Does not follow links.
                let metadata = entry.metadata()?;
                let is_foreign = metadata.uid() != user;
                if metadata.is_dir() {
                    if is_foreign && metadata.mode() & OPEN != OPEN {
                        found.closed.push(path);
                    } else {
                        waiting.push(path);
                    }
                } else if metadata.is_file() && is_foreign && !is_readable(&entry.path()) {
                    found.unreadable.push(path);
                }
            }
        }
        Ok(found)
    }
}

fn is_readable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::READ_OK).is_ok()
}

/// Directories alone, which an engine unpacks by giving those that are there this mode.
fn archive_of(folders: &[String]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    for folder in folders {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(OPEN);
        // The container's root, which is this user where the engine runs without rights.
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        header.set_mtime(now.as_ref().map_or(0, |now| now.as_secs()));
        builder.append_data(&mut header, format!("{folder}/"), io::empty())?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn closed_directories_of_others_are_found_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (name, mode) in [("open", 0o777), ("open/closed", 0o755), ("closed", 0o700)] {
            std::fs::create_dir(root.join(name)).unwrap();
            std::fs::set_permissions(root.join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        std::fs::create_dir(root.join("closed/inside")).unwrap();
        std::fs::write(root.join("open/file"), "").unwrap();
        std::os::unix::fs::symlink("/etc", root.join("open/link")).unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(Foreign::below(root, me).unwrap(), Foreign::default());
        let mut found = Foreign::below(root, me + 1).unwrap();
        found.closed.sort();
        assert_eq!(found.closed, ["closed", "open/closed"]);
        assert_eq!(found.unreadable, [""; 0]);
    }

    #[test]
    fn the_archive_opens_each_directory() {
        let bytes = archive_of(&["a".to_owned(), "a b/c".to_owned()]).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap())
        });
        let entries: Vec<(String, u32)> = entries.collect();
        assert_eq!(
            entries,
            [("a/".to_owned(), OPEN), ("a b/c/".to_owned(), OPEN)]
        );
    }
}
