//! Brings the files of the working directory into the container's volume, in one archive that is made while it is sent.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::Stream;
use taffrail_engine::confined::{ConfinedDir, Found};
use taffrail_engine::ports::RunnerError;
use tokio::sync::mpsc;

use super::WORK_NAME;
use super::create::VOLUME_DIR;
use super::engine::{CallError, Engine};
use super::user::Owner;

/// The most files and directories that are sent.
const MAX_ENTRIES: usize = 1_000_000;

/// Size of the pieces in which the archive goes on its way, in bytes; a few of them are under way at a time.
const PIECE: usize = 128 * 1024;

/// How far back the times of files are set at least. What a program writes in a container gets a later one, even if it begins within
/// the same second, which is as fine as archives count: so it can be told what it wrote.
const BACK: Duration = Duration::from_secs(10);

/// Something of the working directory that is sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// As it was found on this host.
    pub(super) found: Found,
    /// Its time in the container, in seconds since 1970.
    pub(super) time: u64,
}

impl Sent {
    /// Decides on the times.
    pub(super) fn plan(found: Vec<Found>) -> Vec<Sent> {
        let latest = SystemTime::now() - BACK;
        let sent = found.into_iter().map(|found| {
            let time = found.modified.map_or(latest, |time| time.min(latest));
            let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            Sent {
                found,
                time: time.as_secs(),
            }
        });
        sent.collect()
    }

    /// The mode that it has in the container.
    pub(super) fn mode(&self) -> u32 {
        if self.found.is_dir {
            0o755
        } else {
            self.found.mode & 0o777
        }
    }
}

/// What lies in the working directory, before it is sent.
pub(super) fn contents(working_dir: &Path) -> Result<Vec<Found>, RunnerError> {
    let opened = ConfinedDir::open(working_dir);
    opened
        .and_then(|dir| dir.entries(MAX_ENTRIES))
        .map_err(|error| RunnerError::Lost(taffrail_engine::scope::chain(&error)))
}

/// Sends the working directory itself and all that was found in it, owned by the container's user.
///
/// # Errors
/// When a file cannot be read, or the engine does not take the archive. The container must not be started then.
pub(super) async fn upload(
    engine: &Engine,
    container: &str,
    working_dir: &Path,
    found: &Arc<Vec<Sent>>,
    owner: Owner,
) -> Result<(), RunnerError> {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    let path = working_dir.to_owned();
    let found = Arc::clone(found);
    let writer = tokio::task::spawn_blocking(move || write_archive(&path, &found, owner, sender));
    let options = UploadToContainerOptionsBuilder::default()
        .path(VOLUME_DIR)
        .build();
    let body = bollard::body_try_stream(Pieces(receiver));
    let sent = engine
        .client
        .upload_to_container(container, Some(options), body)
        .await;
    // A file that cannot be read is the cause of what the engine says.
    match writer.await {
        Ok(Err(error)) if !matches!(error.kind(), io::ErrorKind::BrokenPipe) => {
            return Err(RunnerError::Lost(format!(
                "the input files cannot be sent to the container: {error}"
            )));
        }
        Err(panic) => {
            return Err(RunnerError::Lost(format!(
                "the archive's writer failed: {panic}"
            )));
        }
        _ => {}
    }
    sent.map_err(|error| CallError::from(error).into_runner("take the input files"))
}

/// The archive's pieces as the client wants them.
struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// Sends what is written to it; a receiver that has gone is a broken pipe.
struct PieceWriter(mpsc::Sender<io::Result<Bytes>>);

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_archive(
    working_dir: &Path,
    found: &[Sent],
    owner: Owner,
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let result = try_write(working_dir, found, owner, &sender);
    if let Err(error) = &result {
        // An archive that just ended here would be taken for a whole one.
        let _ = sender.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
    }
    result
}

fn try_write(
    working_dir: &Path,
    found: &[Sent],
    owner: Owner,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let dir = ConfinedDir::open(working_dir).map_err(io::Error::other)?;
    let writer = io::BufWriter::with_capacity(PIECE, PieceWriter(sender.clone()));
    let mut builder = tar::Builder::new(writer);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    let mut header = header_of(owner, tar::EntryType::Directory, 0o755, now);
    builder.append_data(&mut header, WORK_NAME, io::empty())?;
    for entry in found {
        let path = format!("{WORK_NAME}/{}", entry.found.path);
        if entry.found.is_dir {
            let mut header = header_of(owner, tar::EntryType::Directory, entry.mode(), entry.time);
            builder.append_data(&mut header, &path, io::empty())?;
            continue;
        }
        let size = entry.found.size;
        let file = dir
            .open_found(&entry.found.path)
            .map_err(io::Error::other)?;
        let mut header = header_of(owner, tar::EntryType::Regular, entry.mode(), entry.time);
        header.set_size(size);
        let mut source = Exactly {
            file: file.take(size),
            left: size,
        };
        builder.append_data(&mut header, &path, &mut source)?;
    }
    builder.into_inner()?.flush()
}

fn header_of(owner: Owner, kind: tar::EntryType, mode: u32, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner.uid);
    header.set_gid(owner.gid);
    header.set_mtime(time);
    header.set_size(0);
    header
}

/// A file that must be as long as it was when it was found: a shorter one would shift all that follows in the archive.
struct Exactly<R> {
    file: io::Take<R>,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.left -= read as u64;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a file became shorter while it was sent",
            ));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use taffrail_core::name::RelPath;

    use super::*;

    fn archive(found: Vec<Found>, dir: &Path, owner: Owner) -> io::Result<Vec<u8>> {
        let (sender, mut receiver) = mpsc::channel(1000);
        write_archive(dir, &Sent::plan(found), owner, sender)?;
        let mut bytes = Vec::new();
        while let Some(piece) = receiver.blocking_recv() {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }

    fn now() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap().as_secs()
    }

    #[test]
    fn files_keep_their_modes_and_get_the_containers_owner() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ConfinedDir::open(folder.path()).unwrap();
        let long = format!("{}/{}.txt", "d".repeat(90), "f".repeat(90));
        for (path, mode) in [("a/run.sh", 0o700), ("b", 0o600), (long.as_str(), 0o644)] {
            dir.write(&RelPath::new(path).unwrap(), path.as_bytes(), mode)
                .unwrap();
        }
        std::fs::set_permissions(
            folder.path().join("b"),
            std::fs::Permissions::from_mode(0o4755),
        )
        .unwrap();
        let found = contents(folder.path()).unwrap();
        let owner = Owner { uid: 1000, gid: 50 };
        let bytes = archive(found, folder.path(), owner).unwrap();
        let mut read = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            assert_eq!(entry.header().uid().unwrap(), 1000, "{path}");
            assert_eq!(entry.header().gid().unwrap(), 50, "{path}");
            let mode = entry.header().mode().unwrap();
            let age = now() - entry.header().mtime().unwrap();
            assert!(path == "work" || age >= BACK.as_secs(), "{path}: {age}");
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            read.push((path, mode, text));
        }
        let file = |path: &str, mode| (format!("work/{path}"), mode, path.to_owned());
        assert!(
            read.contains(&("work".to_owned(), 0o755, String::new())),
            "{read:?}"
        );
        assert!(
            read.contains(&("work/a".to_owned(), 0o755, String::new())),
            "{read:?}"
        );
        assert!(read.contains(&file("a/run.sh", 0o700)), "{read:?}");
        assert!(read.contains(&file("b", 0o755)), "{read:?}");
        assert!(read.contains(&file(&long, 0o644)), "{read:?}");
    }

    #[test]
    fn a_file_that_became_shorter_breaks_the_upload() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "long enough").unwrap();
        let found = contents(folder.path()).unwrap();
        std::fs::write(folder.path().join("a"), "short").unwrap();
        let error = archive(found, folder.path(), Owner::default()).unwrap_err();
        assert!(error.to_string().contains("shorter"), "{error}");
    }
}
