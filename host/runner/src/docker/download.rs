//! Brings declared outputs back from a container. What an engine sends is what a container made of it, so every entry is looked at by
//! hand: regular files only, below the working directory only, and no more than a limit.

use std::io::{self, Read, Write};
use std::path::Path;

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use taffrail_core::collect::{Patterns, is_literal};
use taffrail_core::name::RelPath;
use taffrail_engine::confined::ConfinedDir;
use taffrail_engine::ports::RunnerError;
use tokio::sync::mpsc;

use super::engine::{CallError, Engine};
use super::settings::WORK_DIR;

/// The most entries of one archive that are looked at.
const MAX_ENTRIES: usize = 1_000_000;

/// The most files that are brought back; the engine keeps no more than ten thousand as outputs.
const MAX_FILES: usize = 100_000;

/// The most bytes that are brought back.
const MAX_BYTES: u64 = 256 * 1024 * 1024 * 1024;

/// With so many plain names, each is fetched alone; with more, the directory that holds them all is.
const MAX_SINGLE: usize = 3;

/// An engine ends an archive with two blocks of 512 zeros.
const END: usize = 1024;

/// Brings back what the patterns match, into a directory of this host. Gives the paths.
///
/// # Errors
/// When the engine cannot give the files, an archive is broken or too large, or a file cannot be written. Files that had come whole
/// stay.
pub(super) async fn download(
    engine: &Engine,
    container: &str,
    patterns: &[String],
    into: &Path,
) -> Result<Vec<RelPath>, RunnerError> {
    let mut all = Vec::new();
    for place in places(patterns) {
        all.extend(download_place(engine, container, &place, patterns, into).await?);
    }
    all.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    all.dedup();
    Ok(all)
}

/// The paths to ask for, relative to the working directory; the empty one is the working directory itself.
fn places(patterns: &[String]) -> Vec<String> {
    let bases: Vec<String> = patterns.iter().map(|pattern| base(pattern)).collect();
    let literal = patterns.iter().all(|pattern| is_literal(pattern));
    if literal && bases.len() <= MAX_SINGLE {
        let mut bases = bases;
        bases.sort_unstable();
        bases.dedup();
        return bases;
    }
    let mut common: Option<Vec<&str>> = None;
    for (base, pattern) in bases.iter().zip(patterns) {
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        if is_literal(pattern) {
            parts.pop();
        }
        common = Some(match common {
            None => parts,
            Some(common) => common
                .into_iter()
                .zip(parts)
                .take_while(|(one, other)| one == other)
                .map(|(one, _)| one)
                .collect(),
        });
    }
    vec![common.unwrap_or_default().join("/")]
}

/// The part of a pattern before anything that is not plain: a whole path for a plain name, else directories.
fn base(pattern: &str) -> String {
    let text = pattern.strip_prefix("glob:").unwrap_or(pattern);
    let text = text.strip_prefix("./").unwrap_or(text);
    if is_literal(pattern) {
        return text.trim_matches('/').to_owned();
    }
    if text.starts_with("regex:") {
        return String::new();
    }
    let plain = text
        .split(['*', '?', '[', ']', '{', '}', '\\'])
        .next()
        .unwrap_or("");
    plain
        .rsplit_once('/')
        .map_or(String::new(), |(directories, _)| directories.to_owned())
}

async fn download_place(
    engine: &Engine,
    container: &str,
    place: &str,
    patterns: &[String],
    into: &Path,
) -> Result<Vec<RelPath>, RunnerError> {
    let path = if place.is_empty() {
        WORK_DIR.to_owned()
    } else {
        format!("{WORK_DIR}/{place}")
    };
    let options = DownloadFromContainerOptionsBuilder::default()
        .path(&path)
        .build();
    let stream = engine
        .client
        .download_from_container(container, Some(options));
    let mut stream = std::pin::pin!(stream);
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(16);
    let reader = {
        let wanted = Wanted {
            place: place.to_owned(),
            patterns: patterns.to_vec(),
        };
        let into = into.to_owned();
        tokio::task::spawn_blocking(move || read_archive(receiver, &wanted, &into))
    };
    let mut refused = None;
    while let Some(piece) = stream.next().await {
        let piece = match piece {
            Ok(piece) => Ok(piece),
            Err(error) => {
                let error = CallError::from(error);
                let told = io::Error::other(error.to_string());
                refused = Some(error);
                Err(told)
            }
        };
        // The reader has stopped, and says why itself.
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    let read = reader
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(format!("the reader failed: {panic}"))));
    match refused {
        // What is not there is no output; which names were not found is told by who collects them.
        Some(error) if error.status() == Some(404) => return Ok(Vec::new()),
        Some(error) => {
            return Err(RunnerError::Lost(format!(
                "the output files cannot be fetched from the container: {error}"
            )));
        }
        None => {}
    }
    read.map_err(|error| {
        RunnerError::Lost(format!(
            "the output files cannot be fetched from the container: {error}"
        ))
    })
}

/// What is wanted of one archive.
struct Wanted {
    place: String,
    patterns: Vec<String>,
}

/// Writes what is wanted of an archive below a directory.
fn read_archive(
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    wanted: &Wanted,
    into: &Path,
) -> io::Result<Vec<RelPath>> {
    let patterns = Patterns::new(&wanted.patterns).map_err(io::Error::other)?;
    let dir = ConfinedDir::open(into).map_err(io::Error::other)?;
    let mut archive = tar::Archive::new(PieceReader::new(pieces));
    let mut written = Vec::new();
    let mut bytes_left = MAX_BYTES;
    for (index, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if index >= MAX_ENTRIES {
            return Err(io::Error::other(format!(
                "there are more than {MAX_ENTRIES} entries"
            )));
        }
        // Links, devices and the like are no outputs.
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let Some(path) = entry_path(&wanted.place, &entry.path_bytes()) else {
            continue;
        };
        if patterns.matches(path.as_str()).is_empty() {
            continue;
        }
        if written.len() == MAX_FILES {
            return Err(io::Error::other(format!(
                "there are more than {MAX_FILES} files"
            )));
        }
        let mode = entry.header().mode().unwrap_or(0o644) & 0o755 | 0o600;
        let size = entry.size();
        let copied = copy(&dir, &path, mode, (&mut entry, size), &mut bytes_left);
        if let Err(error) = copied {
            // Half a file must not be taken for an output.
            let _ = dir.remove_file(&path);
            return Err(error);
        }
        written.push(path);
    }
    archive.into_inner().expect_end()?;
    Ok(written)
}

/// The path below the working directory that an entry of the archive of `place` means. The archive calls its root by the last part of
/// the path that was asked for. None where it would leave the working directory or cannot be written as text.
fn entry_path(place: &str, name: &[u8]) -> Option<RelPath> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let (root, below) = name.split_once('/').unwrap_or((name, ""));
    if matches!(root, "" | "..") {
        return None;
    }
    let path = match (place, below) {
        ("", below) => below.to_owned(),
        (place, "") => place.to_owned(),
        (place, below) => format!("{place}/{below}"),
    };
    RelPath::new(path).ok()
}

fn copy(
    dir: &ConfinedDir,
    path: &RelPath,
    mode: u32,
    (entry, size): (&mut impl Read, u64),
    bytes_left: &mut u64,
) -> io::Result<()> {
    let mut file = dir
        .create_file(path, mode)
        .map_err(|error| io::Error::other(taffrail_engine::scope::chain(&error)))?;
    let mut limited = entry.take(bytes_left.saturating_add(1));
    let copied = io::copy(&mut limited, &mut file)?;
    if copied > *bytes_left {
        return Err(io::Error::other(format!(
            "the files are larger than {} GiB together",
            MAX_BYTES >> 30
        )));
    }
    // The archive's reader ends an entry without a word where the archive itself ends.
    if copied < size {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the archive was cut short",
        ));
    }
    *bytes_left -= copied;
    file.flush()
}

/// The pieces of an archive as one stream of bytes, with an eye on how it ends.
struct PieceReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    /// How many zeros came last, up to [`END`].
    zeros: usize,
}

impl PieceReader {
    fn new(pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        PieceReader {
            pieces,
            current: Bytes::new(),
            zeros: 0,
        }
    }

    /// Reads what is left and makes sure that the archive was whole.
    fn expect_end(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink())?;
        if self.zeros >= END {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive was cut short",
            ))
        }
    }
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        let (read, _) = buffer.split_at_mut(length);
        self.current.copy_to_slice(read);
        let trailing = read
            .iter()
            .rev()
            .take(END)
            .take_while(|byte| **byte == 0)
            .count();
        self.zeros = if trailing == read.len() {
            (self.zeros + trailing).min(END)
        } else {
            trailing
        };
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(patterns: &[&str]) -> Vec<String> {
        patterns
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect()
    }

    #[test]
    fn only_what_may_match_is_asked_for() {
        let check = |patterns: &[&str], expected: &[&str]| {
            assert_eq!(places(&texts(patterns)), texts(expected), "{patterns:?}");
        };
        check(&["out.txt"], &["out.txt"]);
        check(&["./a/out.txt", "b.txt"], &["a/out.txt", "b.txt"]);
        check(&["*.csv"], &[""]);
        check(&["out/*.csv"], &["out"]);
        check(&["out/a/**", "out/b.txt"], &["out"]);
        check(&["out/a/**", "in/b.txt"], &[""]);
        check(&["x/1", "x/2", "x/3", "x/4"], &["x"]);
        check(&["regex:out/.*"], &[""]);
        check(&["out{1,2}/a"], &[""]);
        check(&[".taffrail-output/**"], &[".taffrail-output"]);
    }

    #[test]
    fn entries_stay_below_the_working_directory() {
        let check = |place: &str, name: &str, expected: Option<&str>| {
            let path = entry_path(place, name.as_bytes());
            assert_eq!(
                path.as_ref().map(RelPath::as_str),
                expected,
                "{place} {name}"
            );
        };
        check("", "work/a/b", Some("a/b"));
        check("", "work", None);
        check("out", "out/a", Some("out/a"));
        check("x/out.txt", "out.txt", Some("x/out.txt"));
        check("", "work/../../etc/passwd", None);
        check("", "work//etc/passwd", None);
        check("out", "../x", None);
        check("out", "out/a\0b", None);
    }

    /// Reads an archive that was made by hand, cut at `cut` bytes.
    fn read(
        build: impl FnOnce(&mut tar::Builder<Vec<u8>>),
        patterns: &[&str],
        cut: Option<usize>,
    ) -> (io::Result<Vec<String>>, tempfile::TempDir) {
        let mut builder = tar::Builder::new(Vec::new());
        build(&mut builder);
        let mut bytes = builder.into_inner().unwrap();
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        let (sender, receiver) = mpsc::channel(1000);
        for piece in bytes.chunks(700) {
            sender.try_send(Ok(Bytes::copy_from_slice(piece))).unwrap();
        }
        drop(sender);
        let folder = tempfile::tempdir().unwrap();
        let wanted = Wanted {
            place: String::new(),
            patterns: texts(patterns),
        };
        let found = read_archive(receiver, &wanted, folder.path());
        let found = found.map(|paths| paths.iter().map(|path| path.as_str().to_owned()).collect());
        (found, folder)
    }

    fn add(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: tar::EntryType, contents: &[u8]) {
        let mut header = tar::Header::new_gnu();
        // Written by hand, as the library itself refuses such names.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o4777);
        header.set_size(contents.len() as u64);
        if kind == tar::EntryType::Symlink {
            header.as_old_mut().linkname[..4].copy_from_slice(b"/etc");
        }
        header.set_cksum();
        builder.append(&header, contents).unwrap();
    }

    #[test]
    fn hostile_entries_are_left_out() {
        use std::os::unix::fs::PermissionsExt;
        use tar::EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};
        let (found, folder) = read(
            |builder| {
                add(builder, "work", Directory, b"");
                add(builder, "work/good", Regular, b"yes");
                add(builder, "work/../../bad", Regular, b"no");
                add(builder, "/work/abs", Regular, b"no");
                add(builder, "work/link", Symlink, b"");
                add(
                    builder,
                    "work/link/passwd",
                    Regular,
                    b"below a link that was never made",
                );
                add(builder, "work/hard", Link, b"");
                add(builder, "work/char", Char, b"");
                add(builder, "work/block", Block, b"");
                add(builder, "work/fifo", Fifo, b"");
            },
            &["**"],
            None,
        );
        let found = found.unwrap();
        assert_eq!(found, texts(&["good", "link/passwd"]));
        let mode = std::fs::metadata(folder.path().join("good"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert!(folder.path().join("link").is_dir());
    }

    #[test]
    fn what_does_not_match_is_not_written() {
        let (found, folder) = read(
            |builder| {
                add(builder, "work/a.csv", tar::EntryType::Regular, b"1");
                add(builder, "work/b.txt", tar::EntryType::Regular, b"2");
            },
            &["*.csv"],
            None,
        );
        assert_eq!(found.unwrap(), texts(&["a.csv"]));
        assert!(!folder.path().join("b.txt").exists());
    }

    #[test]
    fn a_cut_archive_is_an_error_wherever_it_is_cut() {
        let build = |builder: &mut tar::Builder<Vec<u8>>| {
            add(builder, "work/a", tar::EntryType::Regular, &[b'x'; 1500]);
            add(builder, "work/b", tar::EntryType::Regular, b"whole");
        };
        // A header, three blocks, a header, and five bytes; what follows is filled up with zeros.
        let contents = 512 * (1 + 3 + 1) + 5;
        for cut in (1..contents).step_by(200) {
            let (found, folder) = read(build, &["**"], Some(cut));
            assert!(found.is_err(), "cut at {cut}");
            let half = std::fs::metadata(folder.path().join("a")).map(|metadata| metadata.len());
            assert!(
                half.is_err() || half.is_ok_and(|length| length == 1500),
                "cut at {cut}"
            );
        }
        assert!(read(build, &["**"], None).0.is_ok());
    }
}
