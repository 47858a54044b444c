//! Appends frames. What cannot be written is counted, and said where it is missing once there is space again: a full disk must not
//! hold up the tasks.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::HEAD;
use super::frame::{BODY_HEAD, Frame, Kind, MAX_BODY};
use super::reader::{LogReader, Read};

/// Appends to a log.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    /// Where the next frame goes: all before it is whole.
    end: u64,
    /// How many bytes of payload are missing at the end.
    missing: u64,
    /// Whether anything was written since it was asked for the last time.
    dirty: bool,
}

impl LogWriter {
    /// Opens a log, or makes it for its owner alone, and looks at every frame that is there. What is left of a frame that was being
    /// written when a host died is cut.
    ///
    /// # Errors
    /// When it cannot be opened, or is no log.
    pub fn open(path: &Path, look: &mut dyn FnMut(Frame<'_>)) -> io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        let length = file.metadata()?.len();
        let mut writer = Self {
            file,
            end: 0,
            missing: 0,
            dirty: true,
        };
        if length < HEAD.len() as u64 {
            // New, or cut in its very first bytes.
            LogReader::new(writer.file.try_clone()?)?;
            writer.cut()?;
            writer.file.write_all(HEAD)?;
            writer.end = HEAD.len() as u64;
            return Ok(writer);
        }
        io::Seek::rewind(&mut writer.file)?;
        let mut reader = LogReader::new(writer.file.try_clone()?)?;
        while let Read::Frame(frame) = reader.read()? {
            look(frame);
        }
        writer.end = reader.position();
        if writer.end < length {
            tracing::warn!(
                "the log `{}` ended in the middle of a frame; {} bytes of it are cut",
                path.display(),
                length - writer.end
            );
        }
        writer.cut()?;
        Ok(writer)
    }

    /// Appends a frame; one that is too long becomes several pieces.
    ///
    /// # Errors
    /// When it cannot be written whole. The log then ends as before, and the next frame that can be written follows a note of how much
    /// is missing.
    pub fn append(&mut self, frame: Frame<'_>) -> io::Result<()> {
        if self.missing > 0 {
            let missing = self.missing.to_string();
            self.write(Frame {
                kind: Kind::Gap,
                payload: missing.as_bytes(),
                ..frame
            })?;
            self.missing = 0;
        }
        for payload in pieces(frame.payload) {
            self.write(Frame { payload, ..frame })?;
        }
        Ok(())
    }

    fn write(&mut self, frame: Frame<'_>) -> io::Result<()> {
        let head = frame.head();
        let length = head.len() + frame.payload.len();
        self.dirty = true;
        match write_all(&mut self.file, &head, frame.payload) {
            Ok(()) => {
                self.end += length as u64;
                Ok(())
            }
            Err(error) => {
                if frame.kind != Kind::Gap {
                    self.missing += frame.payload.len() as u64;
                }
                self.cut()?;
                Err(error)
            }
        }
    }

    /// Ends the file where the last whole frame ends.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.end))?;
        Ok(())
    }

    /// The file, where anything was written since the last time: whoever asked brings it to the disk.
    ///
    /// # Errors
    /// When it cannot be opened once more.
    pub fn unsynced(&mut self) -> io::Result<Option<File>> {
        match std::mem::take(&mut self.dirty) {
            true => self.file.try_clone().map(Some),
            false => Ok(None),
        }
    }
}

fn pieces(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let longest = MAX_BODY - BODY_HEAD;
    let empty = payload.is_empty().then_some(payload);
    empty.into_iter().chain(payload.chunks(longest))
}

fn write_all(file: &mut File, head: &[u8], payload: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < head.len() {
        let slices = [IoSlice::new(&head[written..]), IoSlice::new(payload)];
        match file.write_vectored(&slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => written += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.write_all(&payload[written - head.len()..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (Kind, u32, i64, Vec<u8>);

    fn read_all(path: &Path) -> (Vec<Owned>, bool) {
        let mut reader = LogReader::open(path).unwrap();
        let mut found = Vec::new();
        loop {
            match reader.read().unwrap() {
                Read::Frame(frame) => {
                    found.push((frame.kind, frame.run, frame.time, frame.payload.to_vec()));
                }
                Read::End => return (found, false),
                Read::Torn => return (found, true),
            }
        }
    }

    fn frame(kind: Kind, payload: &[u8]) -> Frame<'_> {
        Frame {
            kind,
            run: 7,
            time: -3,
            payload,
        }
    }

    #[test]
    fn a_log_that_was_cut_at_any_byte_has_all_frames_before_the_cut_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writer = LogWriter::open(&path, &mut |_| {}).unwrap();
        let mut ends = vec![HEAD.len() as u64];
        for payload in [&b"one\n"[..], b"", b"three\nlines\nof it\n", &[0xff; 40]] {
            writer.append(frame(Kind::Stdout, payload)).unwrap();
            ends.push(std::fs::metadata(&path).unwrap().len());
        }
        drop(writer);
        let whole = std::fs::read(&path).unwrap();
        let (all, _) = read_all(&path);
        assert_eq!(all.len(), 4);
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let kept = ends.iter().filter(|end| **end <= length as u64).count();
            let kept = kept.saturating_sub(1);
            let (found, torn) = read_all(&path);
            assert_eq!(found, all[..kept], "cut at {length}");
            let clean = length < HEAD.len() || ends.contains(&(length as u64));
            assert_eq!(torn, !clean, "cut at {length}");
            let mut writer = LogWriter::open(&path, &mut |_| {}).unwrap();
            writer.append(frame(Kind::Over, b"SUCCESS")).unwrap();
            let (found, torn) = read_all(&path);
            assert!(!torn, "cut at {length}");
            assert_eq!(found.len(), kept + 1, "cut at {length}");
            assert_eq!(found[..kept], all[..kept], "cut at {length}");
        }
    }

    #[test]
    fn a_changed_byte_is_never_taken_for_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writer = LogWriter::open(&path, &mut |_| {}).unwrap();
        for payload in [&b"one\n"[..], b"two\n", b"three\n"] {
            writer.append(frame(Kind::Stderr, payload)).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        let (all, _) = read_all(&path);
        for position in HEAD.len()..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x10;
            std::fs::write(&path, &changed).unwrap();
            let (found, torn) = read_all(&path);
            assert!(torn, "at {position}");
            assert_eq!(found, all[..found.len()], "at {position}");
        }
        std::fs::write(&path, b"TFLOG\x00\x09\nxxxxxxx").unwrap();
        assert!(LogReader::open(&path).is_err());
        assert!(
            LogWriter::open(&path, &mut |_| {}).is_err(),
            "another's file stays as it is"
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"TFLOG\x00\x09\nxxxxxxx");
    }

    #[test]
    fn what_does_not_fit_into_one_frame_goes_into_several() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writer = LogWriter::open(&path, &mut |_| {}).unwrap();
        let long = vec![b'x'; 2 * MAX_BODY + 5];
        writer.append(frame(Kind::StdoutPiece, &long)).unwrap();
        let (found, torn) = read_all(&path);
        assert!(!torn);
        assert_eq!(found.len(), 3);
        let joined: Vec<u8> = found.into_iter().flat_map(|frame| frame.3).collect();
        assert_eq!(joined, long);
    }

    #[test]
    fn what_is_written_later_is_read_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writer = LogWriter::open(&path, &mut |_| {}).unwrap();
        let mut reader = LogReader::open(&path).unwrap();
        assert_eq!(reader.read().unwrap(), Read::End);
        for payload in [&b"a\n"[..], b"b\n"] {
            writer.append(frame(Kind::Stdout, payload)).unwrap();
            assert_eq!(
                reader.read().unwrap(),
                Read::Frame(frame(Kind::Stdout, payload))
            );
            assert_eq!(reader.read().unwrap(), Read::End);
        }
        // Half a frame is one that is being written.
        let before = std::fs::read(&path).unwrap();
        writer.append(frame(Kind::Stdout, b"c\n")).unwrap();
        let after = std::fs::read(&path).unwrap();
        std::fs::write(&path, &after[..before.len() + 11]).unwrap();
        assert_eq!(reader.read().unwrap(), Read::Torn);
        std::fs::write(&path, &after).unwrap();
        assert_eq!(
            reader.read().unwrap(),
            Read::Frame(frame(Kind::Stdout, b"c\n"))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            std::fs::write(&path, [&HEAD[..], &bytes].concat()).unwrap();
            read_all(&path);
        }
    }
}
