//! The file that holds all that one program said and how it ended, as it came. Records follow one another: a byte that says what it is,
//! the length, the bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use taffrail_core::launch::{ExitStatus, Stream};
use taffrail_engine::ports::Exit;
use taffrail_engine::workdir::LEFT_OF_FILE;

/// The beginning of the file; the last byte is the version of all that follows and of what supervisors understand.
const MAGIC: &[u8; 8] = b"TFSPOOL\x01";

/// What stands before a record's bytes: its kind and their number.
const HEADER: usize = 5;

/// A record of so many bytes is copied behind its header and written with it.
const TOGETHER: usize = 4 * 1024;

/// A record with more bytes than this was not written by a supervisor.
const LONGEST: usize = 16 * 1024 * 1024;

/// How much is read at once.
const BLOCK: usize = 64 * 1024;

/// How much output of one stream is given out in one piece.
const PIECE: usize = 256 * 1024;

const HEAD: u8 = 1;
const BEGUN: u8 = 2;
const STARTED: u8 = 3;
const STDOUT: u8 = 4;
const STDERR: u8 = 5;
const REFUSED: u8 = 6;
const OVER: u8 = 7;
const GAP: u8 = 8;

/// Who writes the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The name of the supervisor's socket.
    pub(super) supervisor: String,
    /// The run of the machine.
    pub(super) boot: String,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Over {
    /// Its code or signal, or why that is not known.
    pub(super) end: Result<Ended, String>,
    /// Whether all that stands before is on the disk.
    pub(super) synced: bool,
}

/// See [`Exit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) left_behind: Vec<String>,
    pub(super) timed_out: bool,
}

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        Exit {
            status: ended.status,
            left_behind: ended.left_behind,
            note: None,
            timed_out: ended.timed_out,
        }
    }
}

/// A record to write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record<'a> {
    /// The program is about to be started.
    Begun,
    /// It runs, since this time of the clock that only goes on, in nanoseconds.
    Started(u64),
    /// It wrote something.
    Output(Stream, &'a [u8]),
    /// It could not be started; why.
    Refused(&'a str),
    /// It has ended.
    Over(&'a Over),
    /// So many bytes that it wrote before are missing here, as there was no room for them.
    Gap(u64),
}

/// A record that was read. The bytes of output are elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Begun,
    Started(u64),
    Output(Stream),
    Refused(String),
    Over(Over),
    Gap(u64),
}

/// Writes to a spool.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    length: u64,
}

impl Spool {
    /// Makes the file, and the directory that it is in, for their owner alone; what may be left of an earlier one is written over. Gives
    /// what reads it behind its head.
    pub(super) fn create(path: &Path, head: &Head) -> io::Result<Reader> {
        let make = || {
            File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(path)
        };
        let file = match (make(), path.parent()) {
            (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
                make()?
            }
            (made, _) => made?,
        };
        let head = serde_json::to_vec(head)?;
        let beginning = [MAGIC, header_of(HEAD, &head)?.as_slice(), &head].concat();
        if file.metadata()?.len() > LEFT_OF_FILE {
            file.set_len(LEFT_OF_FILE)?;
        }
        file.write_all_at(&beginning, 0)?;
        Ok(Reader {
            file,
            block: Vec::new(),
            taken: 0,
            position: beginning.len() as u64,
        })
    }

    /// Opens a file that was made.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().write(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Spool { file, length })
    }

    /// How long it is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends a record. Where it cannot be written whole, the file is as before.
    pub(super) fn append(&mut self, record: &Record<'_>) -> io::Result<()> {
        match record {
            Record::Begun => self.put(BEGUN, b""),
            Record::Started(at) => self.put(STARTED, &at.to_le_bytes()),
            Record::Output(Stream::Stdout, bytes) => self.put(STDOUT, bytes),
            Record::Output(Stream::Stderr, bytes) => self.put(STDERR, bytes),
            Record::Refused(message) => self.put(REFUSED, message.as_bytes()),
            Record::Gap(missing) => self.put(GAP, &missing.to_le_bytes()),
            Record::Over(over) => self.put(OVER, &serde_json::to_vec(over)?),
        }
    }

    /// Waits until all of it is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn put(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let header = header_of(kind, bytes)?;
        let written = if bytes.len() <= TOGETHER {
            self.file
                .write_all_at(&[&header, bytes].concat(), self.length)
        } else {
            self.file
                .write_all_at(&header, self.length)
                .and_then(|()| self.file.write_all_at(bytes, self.length + HEADER as u64))
        };
        match written {
            Ok(()) => {
                self.length += (HEADER + bytes.len()) as u64;
                Ok(())
            }
            Err(error) => {
                // Half a record is no record to whoever reads the file later.
                let _ = self.file.set_len(self.length);
                Err(error)
            }
        }
    }
}

/// What stands before a record's bytes.
fn header_of(kind: u8, bytes: &[u8]) -> io::Result<[u8; HEADER]> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let [a, b, c, d] = length.to_le_bytes();
    Ok([kind, a, b, c, d])
}

/// Reads a spool, also one that grows.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    /// What was read ahead, and how much of it was given out.
    block: Vec<u8>,
    taken: usize,
    /// Where the first byte after the block is.
    position: u64,
}

impl Reader {
    /// Opens a spool and reads who writes it. None where there is no such file, or its maker died before it had said that.
    pub(super) fn open(path: &Path) -> io::Result<Option<(Self, Head)>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let mut magic = [0; MAGIC.len()];
        if length < MAGIC.len() as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut magic, 0)?;
        if magic != *MAGIC {
            return Err(invalid("it was written by another version of taffrail"));
        }
        let mut reader = Reader {
            file,
            block: Vec::new(),
            taken: 0,
            position: MAGIC.len() as u64,
        };
        let mut bytes = Vec::new();
        match reader.record(length, &mut bytes)? {
            Some(HEAD) => Ok(Some((reader, serde_json::from_slice(&bytes)?))),
            Some(_) => Err(invalid("it does not begin with its head")),
            None => Ok(None),
        }
    }

    /// How long the file is now.
    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// How many bytes were given out, the beginning included.
    pub(super) fn given(&self) -> u64 {
        self.position - (self.block.len() - self.taken) as u64
    }

    /// The next record of those that end at `limit` or before. Of output, the bytes replace what is in `bytes`.
    pub(super) fn next(&mut self, limit: u64, bytes: &mut Vec<u8>) -> io::Result<Option<Found>> {
        let Some(kind) = self.record(limit, bytes)? else {
            return Ok(None);
        };
        Ok(Some(match kind {
            BEGUN => Found::Begun,
            STARTED => Found::Started(number(bytes)?),
            GAP => Found::Gap(number(bytes)?),
            STDOUT | STDERR => {
                self.more_of(kind, bytes);
                Found::Output(match kind {
                    STDOUT => Stream::Stdout,
                    _ => Stream::Stderr,
                })
            }
            REFUSED => Found::Refused(String::from_utf8_lossy(bytes).into_owned()),
            OVER => Found::Over(serde_json::from_slice(bytes)?),
            _ => return Err(invalid("it has a record of no known kind")),
        }))
    }

    /// Appends what follows in the same stream, as far as it was read ahead.
    fn more_of(&mut self, kind: u8, bytes: &mut Vec<u8>) {
        while let Some((next, length)) = self.header() {
            let whole = self.taken + HEADER + length <= self.block.len();
            if next != kind || !whole || bytes.len() + length > PIECE {
                return;
            }
            self.taken += HEADER;
            bytes.extend_from_slice(&self.block[self.taken..self.taken + length]);
            self.taken += length;
        }
    }

    /// Kind and length of the record that comes next, where its header was read ahead.
    fn header(&self) -> Option<(u8, usize)> {
        let header: [u8; HEADER] = self.block[self.taken..].get(..HEADER)?.try_into().ok()?;
        let [kind, length @ ..] = header;
        Some((kind, u32::from_le_bytes(length) as usize))
    }

    /// Reads one record: gives its kind, and puts its bytes in place of those that are there.
    fn record(&mut self, limit: u64, bytes: &mut Vec<u8>) -> io::Result<Option<u8>> {
        let header = match self.header() {
            Some(header) => Some(header),
            None => {
                self.read_ahead(limit)?;
                self.header()
            }
        };
        let Some((kind, length)) = header else {
            return Ok(None);
        };
        if kind == 0 || length > LONGEST {
            return Err(invalid("it has a record that nobody wrote"));
        }
        if self.given() + (HEADER + length) as u64 > limit {
            return Ok(None);
        }
        self.taken += HEADER;
        bytes.clear();
        let ahead = length.min(self.block.len() - self.taken);
        bytes.extend_from_slice(&self.block[self.taken..self.taken + ahead]);
        self.taken += ahead;
        if ahead < length {
            bytes.resize(length, 0);
            self.file
                .read_exact_at(&mut bytes[ahead..], self.position)?;
            self.position += (length - ahead) as u64;
        }
        Ok(Some(kind))
    }

    fn read_ahead(&mut self, limit: u64) -> io::Result<()> {
        self.block.drain(..self.taken);
        self.taken = 0;
        let had = self.block.len();
        let room = usize::try_from(limit.saturating_sub(self.position)).unwrap_or(BLOCK);
        self.block.resize(had + room.min(BLOCK), 0);
        let mut filled = had;
        while filled < self.block.len() {
            match self.file.read_at(&mut self.block[filled..], self.position) {
                Ok(0) => break,
                Ok(length) => {
                    filled += length;
                    self.position += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.block.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.block.truncate(filled);
        Ok(())
    }
}

fn number(bytes: &[u8]) -> io::Result<u64> {
    let bytes = bytes
        .try_into()
        .map_err(|_| invalid("a record of it has a wrong length"))?;
    Ok(u64::from_le_bytes(bytes))
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head() -> Head {
        Head {
            supervisor: "somebody".to_owned(),
            boot: "first".to_owned(),
        }
    }

    fn over() -> Over {
        Over {
            end: Ok(Ended {
                status: ExitStatus::Code(3),
                left_behind: vec!["sleep (pid 17)".to_owned()],
                timed_out: true,
            }),
            synced: true,
        }
    }

    /// All that can be read, output of a stream in one piece where it followed itself.
    fn read_all(path: &Path, limit: Option<u64>) -> Vec<(Found, Vec<u8>)> {
        let (mut reader, _) = Reader::open(path).unwrap().unwrap();
        let limit = limit.unwrap_or_else(|| reader.length().unwrap());
        let (mut found, mut bytes): (Vec<(Found, Vec<u8>)>, _) = (Vec::new(), Vec::new());
        while let Some(record) = reader.next(limit, &mut bytes).unwrap() {
            let Found::Output(_) = record else {
                found.push((record, Vec::new()));
                continue;
            };
            match found.last_mut() {
                Some((last, all)) if *last == record => all.extend_from_slice(&bytes),
                _ => found.push((record, bytes.clone())),
            }
        }
        found
    }

    #[test]
    fn what_was_written_is_read_and_half_a_record_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private/spool");
        assert!(Reader::open(&path).unwrap().is_none());
        Spool::create(&path, &head()).unwrap();
        let (_, found) = Reader::open(&path).unwrap().unwrap();
        assert_eq!(found, head());
        let mut spool = Spool::open(&path).unwrap();
        let long = vec![b'x'; 3 * BLOCK];
        let over = over();
        let records = [
            Record::Begun,
            Record::Started(77),
            Record::Output(Stream::Stdout, b"one"),
            Record::Output(Stream::Stdout, b"two"),
            Record::Output(Stream::Stderr, b"err"),
            Record::Output(Stream::Stdout, &long),
            Record::Gap(300),
            Record::Over(&over),
        ];
        let mut ends = vec![spool.length()];
        for record in &records {
            spool.append(record).unwrap();
            ends.push(spool.length());
        }
        let expected = vec![
            (Found::Begun, vec![]),
            (Found::Started(77), vec![]),
            (Found::Output(Stream::Stdout), b"onetwo".to_vec()),
            (Found::Output(Stream::Stderr), b"err".to_vec()),
            (Found::Output(Stream::Stdout), long.clone()),
            (Found::Gap(300), vec![]),
            (Found::Over(over.clone()), vec![]),
        ];
        assert_eq!(read_all(&path, None), expected);
        let whole = std::fs::read(&path).unwrap();
        let mut counts = Vec::new();
        for length in (ends[0]..=ends[5]).chain([ends[6] - 1, ends[6], ends[8] - 1]) {
            std::fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
            counts.push(read_all(&path, None).len());
            assert!(expected.len() >= *counts.last().unwrap());
        }
        assert!(counts.is_sorted());
        assert_eq!(counts.last(), Some(&6));
        // What is announced is the limit, not what happens to be there.
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(read_all(&path, Some(ends[2])), expected[..2]);
    }

    #[test]
    fn a_file_that_grows_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        Spool::create(&path, &head()).unwrap();
        let mut spool = Spool::open(&path).unwrap();
        let (mut reader, _) = Reader::open(&path).unwrap().unwrap();
        let mut bytes = Vec::new();
        for round in 0..1_000_u32 {
            assert_eq!(reader.next(spool.length(), &mut bytes).unwrap(), None);
            let text = vec![b'a'; (round * 37 % 5_000) as usize + 1];
            spool
                .append(&Record::Output(Stream::Stderr, &text))
                .unwrap();
            let found = reader.next(spool.length(), &mut bytes).unwrap();
            assert_eq!(found, Some(Found::Output(Stream::Stderr)));
            assert_eq!(bytes, text);
            assert_eq!(reader.given(), spool.length());
        }
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        for (bytes, refused) in [
            (&b""[..], false),
            (b"TFSPOO", false),
            (b"TFSPOOL\x02.....", true),
            (b"TFSPOOL\x01\x00\x00\x00\x00\x00", true),
            (b"TFSPOOL\x01\x04\x00\x00\x00\x00", true),
            (b"TFSPOOL\x01\x01\xff\xff\xff\xff", true),
            (b"TFSPOOL\x01\x01\x09\x00\x00\x00{}", false),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let opened = Reader::open(&path);
            assert_eq!(opened.is_err(), refused, "{bytes:?}");
            assert!(opened.is_err() || opened.unwrap().is_none(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("spool");
            Spool::create(&path, &head()).unwrap();
            let whole = [std::fs::read(&path).unwrap(), bytes].concat();
            std::fs::write(&path, whole).unwrap();
            let (mut reader, _) = Reader::open(&path).unwrap().unwrap();
            let limit = reader.length().unwrap();
            let mut output = Vec::new();
            while let Ok(Some(_)) = reader.next(limit, &mut output) {}
        }
    }
}
