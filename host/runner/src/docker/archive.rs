//! Reads the archive that an engine makes of a container's directory. What it holds is a container's doing, so every entry is looked at
//! by hand: regular files and directories only, below the working directory only, and no more than a limit.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::{Buf, Bytes};
use taffrail_core::collect::Patterns;
use taffrail_core::name::RelPath;
use taffrail_engine::confined::ConfinedDir;
use tokio::sync::mpsc;

use super::upload::Sent;

/// The most entries of one archive that are looked at.
const MAX_ENTRIES: usize = 1_000_000;

/// The most files that are brought back; the engine keeps no more than ten thousand as outputs.
const MAX_FILES: usize = 100_000;

/// The most bytes that are brought back.
const MAX_BYTES: u64 = 256 * 1024 * 1024 * 1024;

/// An engine ends an archive with two blocks of 512 zeros.
const END: usize = 1024;

/// What is wanted of one archive.
pub(super) struct Wanted {
    /// The path below the working directory that it is of; empty for the working directory itself.
    pub(super) place: String,
    pub(super) choice: Choice,
}

/// Which of its entries are wanted.
pub(super) enum Choice {
    /// Files that one of these patterns matches.
    Matching(Vec<String>),
    /// What is not as it was sent; empty where it is not known what that was.
    Changed(Vec<Sent>),
}

/// Writes the files and directories of an archive that lies in memory below a directory, as if a container had sent it.
///
/// # Errors
/// When the archive is broken or too large, or a file cannot be written.
pub fn read_archive_of(archive: &[u8], into: &Path) -> io::Result<Vec<RelPath>> {
    let (sender, pieces) = mpsc::channel(1);
    // The one piece has its place before anybody reads.
    let _ = sender.try_send(Ok(Bytes::copy_from_slice(archive)));
    drop(sender);
    let wanted = Wanted {
        place: String::new(),
        choice: Choice::Changed(Vec::new()),
    };
    read_archive(pieces, &wanted, into)
}

/// Writes what is wanted of an archive below a directory, and, where changes are wanted, removes what was sent and is not there any
/// more. Gives the paths of what was written.
pub(super) fn read_archive(
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    wanted: &Wanted,
    into: &Path,
) -> io::Result<Vec<RelPath>> {
    let (patterns, sent) = match &wanted.choice {
        Choice::Matching(patterns) => (
            Some(Patterns::new(patterns).map_err(io::Error::other)?),
            &[][..],
        ),
        Choice::Changed(sent) => (None, sent.as_slice()),
    };
    let sent: HashMap<&str, &Sent> = sent
        .iter()
        .map(|sent| (sent.found.path.as_str(), sent))
        .collect();
    let dir = ConfinedDir::open(into).map_err(io::Error::other)?;
    let mut archive = tar::Archive::new(PieceReader::new(pieces));
    let mut written = Vec::new();
    let mut there = HashSet::new();
    let mut bytes_left = MAX_BYTES;
    for (index, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if index >= MAX_ENTRIES {
            return Err(io::Error::other(format!(
                "there are more than {MAX_ENTRIES} entries"
            )));
        }
        let Some(path) = entry_path(&wanted.place, &entry.path_bytes()) else {
            continue;
        };
        let is_wanted = match &patterns {
            Some(patterns) => !patterns.matches(path.as_str()).is_empty(),
            None => {
                there.insert(path.as_str().to_owned());
                let sent = sent.get(path.as_str());
                sent.is_none_or(|sent| !is_as_sent(&entry, sent))
            }
        };
        if !is_wanted {
            continue;
        }
        let kind = entry.header().entry_type();
        if kind.is_dir() && patterns.is_none() {
            dir.create_dir(&path).map_err(file_error)?;
        }
        // Links, devices and the like are no outputs.
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        if written.len() == MAX_FILES {
            return Err(io::Error::other(format!(
                "there are more than {MAX_FILES} files"
            )));
        }
        let mode = entry.header().mode().unwrap_or(0o644) & 0o755 | 0o600;
        if patterns.is_none() {
            // One that is there would keep its mode.
            dir.remove_file(&path).map_err(file_error)?;
        }
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
    if let Choice::Changed(sent) = &wanted.choice {
        remove_gone(&dir, sent, &there)?;
    }
    Ok(written)
}

/// Whether an entry is as it was sent: its time, its size and its mode.
fn is_as_sent(entry: &tar::Entry<'_, PieceReader>, sent: &Sent) -> bool {
    let header = entry.header();
    if sent.found.is_dir {
        return header.entry_type().is_dir();
    }
    header.entry_type().is_file()
        && entry.size() == sent.found.size
        && header.mtime().ok() == Some(sent.time)
        && header.mode().ok().map(|mode| mode & 0o777) == Some(sent.mode())
}

/// Removes what was sent and is gone in the container, unless somebody changed it here meanwhile.
fn remove_gone(dir: &ConfinedDir, sent: &[Sent], there: &HashSet<String>) -> io::Result<()> {
    let gone: Vec<&Sent> = sent
        .iter()
        .filter(|sent| !there.contains(&sent.found.path))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let now = dir.entries(MAX_ENTRIES).map_err(file_error)?;
    let now: HashMap<&str, _> = now
        .iter()
        .map(|found| (found.path.as_str(), found))
        .collect();
    // A directory comes before what is in it, and goes after that.
    for sent in gone.into_iter().rev() {
        let path = RelPath::new(sent.found.path.as_str()).map_err(io::Error::other)?;
        if sent.found.is_dir {
            // Somebody may have put something there.
            let _ = dir.remove_dir(&path, false);
        } else if now.get(path.as_str()) == Some(&&sent.found) {
            dir.remove_file(&path).map_err(file_error)?;
        }
    }
    Ok(())
}

fn file_error(error: taffrail_engine::confined::FileError) -> io::Error {
    io::Error::other(taffrail_engine::scope::chain(&error))
}

/// The path below the working directory that an entry of the archive of `place` means. The archive calls its root by the last part of
/// the path that was asked for. None where it would leave the working directory or cannot be written as text.
fn entry_path(place: &str, name: &[u8]) -> Option<RelPath> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name);
    // So directories are written.
    let name = name.strip_suffix('/').unwrap_or(name);
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
    let mut file = dir.create_file(path, mode).map_err(file_error)?;
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
        check("", "work/a/b/", Some("a/b"));
        check("", "work/", None);
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
            choice: Choice::Matching(texts(patterns)),
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
                add(builder, "/absolute", Regular, b"no");
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

    #[test]
    fn changes_are_what_is_not_as_it_was_sent() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let write =
            |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
        let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).ok();
        std::fs::create_dir_all(folder.path().join("old/deep")).unwrap();
        for name in [
            "same",
            "larger",
            "touched",
            "mode",
            "gone",
            "gone-here-changed",
            "old/deep/x",
        ] {
            write(name, "here");
        }
        let found = ConfinedDir::open(folder.path())
            .unwrap()
            .entries(100)
            .unwrap();
        let sent = Sent::plan(found);
        let time = sent[0].time;
        // Meanwhile another task changes some of them.
        write("same", "by another");
        write("gone-here-changed", "by another");

        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |path: &str, kind: tar::EntryType, mode: u32, time: u64, text: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_mtime(time);
            header.set_size(text.len() as u64);
            builder
                .append_data(&mut header, format!("work/{path}"), text.as_bytes())
                .unwrap();
        };
        let (file, directory) = (tar::EntryType::Regular, tar::EntryType::Directory);
        add("", directory, 0o755, time, "");
        add("same", file, 0o644, time, "here");
        add("larger", file, 0o644, time, "larger");
        add("touched", file, 0o644, time + 11, "thus");
        add("mode", file, 0o755, time, "here");
        add("new", file, 0o600, time + 11, "new");
        add("empty/", directory, 0o755, time + 11, "");
        let bytes = builder.into_inner().unwrap();
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Ok(Bytes::from(bytes))).unwrap();
        drop(sender);
        let wanted = Wanted {
            place: String::new(),
            choice: Choice::Changed(sent),
        };
        let written = read_archive(receiver, &wanted, folder.path()).unwrap();
        let mut written: Vec<&str> = written.iter().map(RelPath::as_str).collect();
        written.sort_unstable();
        assert_eq!(written, ["larger", "mode", "new", "touched"]);
        assert_eq!(read("same").as_deref(), Some("by another"));
        assert_eq!(read("touched").as_deref(), Some("thus"));
        assert_eq!(read("gone"), None);
        assert_eq!(read("gone-here-changed").as_deref(), Some("by another"));
        assert!(!folder.path().join("old").exists() && folder.path().join("empty").is_dir());
        let mode = folder.path().join("mode").metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o755);
    }
}
