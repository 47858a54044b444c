//! Lines of a file, one after the other, and parts of it that grow at once, without the whole in memory.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Cursor, Read, Write};

use tempfile::TempDir;

/// The longest line that is taken into memory, in bytes.
const MAX_LINE: u64 = 64 * 1024 * 1024;
/// As much of parts is held in memory, in bytes.
const HELD: usize = 4 * 1024 * 1024;

/// The lines of a source.
pub(super) struct Lines<'a> {
    source: &'a mut dyn BufRead,
    separator: &'a [u8],
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead, separator: &'a str) -> Self {
        Self {
            source,
            separator: separator.as_bytes(),
            line: Vec::new(),
            number: 0,
        }
    }

    /// The number of the line that was given last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line, with what ends it; nothing at the end. Without a separator the whole is one line.
    ///
    /// # Errors
    /// When reading fails, or a line is too long.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        self.number += 1;
        loop {
            let left = MAX_LINE + 1 - self.line.len() as u64;
            let mut source = self.source.take(left);
            let read = match self.separator.last() {
                Some(last) => source.read_until(*last, &mut self.line)?,
                None => source.read_to_end(&mut self.line)?,
            };
            if self.line.len() as u64 > MAX_LINE {
                let message = format!("line {} is longer than 64 MiB", self.number);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let ends = !self.separator.is_empty() && self.line.ends_with(self.separator);
            if read == 0 || ends {
                return Ok((!self.line.is_empty()).then_some(self.line.as_slice()));
            }
        }
    }
}

/// Parts that grow at once: what is too much for memory goes to files.
#[derive(Default)]
pub(super) struct Parts {
    parts: Vec<Part>,
    held: usize,
    folder: Option<TempDir>,
}

#[derive(Default)]
struct Part {
    held: Vec<u8>,
    /// Whether the beginning lies in a file.
    spilled: bool,
}

impl Parts {
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Begins another part; gives its place.
    pub(super) fn begin(&mut self) -> usize {
        self.parts.push(Part::default());
        self.parts.len() - 1
    }

    /// Adds to a part.
    ///
    /// # Errors
    /// When what is too much for memory cannot be written.
    pub(super) fn add(&mut self, place: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(part) = self.parts.get_mut(place) else {
            return Ok(());
        };
        part.held.extend_from_slice(bytes);
        self.held += bytes.len();
        if self.held > HELD {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::tempdir()?),
        };
        for (place, part) in self.parts.iter_mut().enumerate() {
            if part.held.is_empty() {
                continue;
            }
            let path = folder.path().join(place.to_string());
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(&part.held)?;
            part.spilled = true;
            // Many parts with room for what they once held would be much.
            part.held = Vec::new();
        }
        self.held = 0;
        Ok(())
    }

    /// Takes what a part has, from its beginning.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(super) fn take(&mut self, place: usize) -> io::Result<Box<dyn Read>> {
        let Some(part) = self.parts.get_mut(place) else {
            return Ok(Box::new(io::empty()));
        };
        let part = std::mem::take(part);
        self.held -= part.held.len();
        let held = Cursor::new(part.held);
        match &self.folder {
            Some(folder) if part.spilled => {
                let path = folder.path().join(place.to_string());
                let file = File::open(&path)?;
                // It stays readable, and needs no place once it has been read.
                std::fs::remove_file(path)?;
                Ok(Box::new(file.chain(held)))
            }
            _ => Ok(Box::new(held)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_their_separator() {
        let check = |text: &str, separator: &str, expected: &[&str]| {
            let mut source = text.as_bytes();
            let mut lines = Lines::new(&mut source, separator);
            let mut found = Vec::new();
            while let Some(line) = lines.next().unwrap() {
                found.push(String::from_utf8(line.to_vec()).unwrap());
            }
            assert_eq!(found, expected, "{text:?} {separator:?}");
        };
        check("", "\n", &[]);
        check("a\nb", "\n", &["a\n", "b"]);
        check("a\n\nb\n", "\n", &["a\n", "\n", "b\n"]);
        check("a-b--c-", "--", &["a-b--", "c-"]);
        check("a\nb", "", &["a\nb"]);
    }

    #[test]
    fn parts_are_whole_whether_they_were_spilled_or_not() {
        let mut parts = Parts::default();
        let (one, two) = (parts.begin(), parts.begin());
        let piece = vec![b'x'; 1024 * 1024];
        for _ in 0..10 {
            parts.add(one, &piece).unwrap();
            parts.add(two, b"y").unwrap();
        }
        assert!(parts.held <= HELD + piece.len());
        let mut length = |place| {
            let mut found = Vec::new();
            parts.take(place).unwrap().read_to_end(&mut found).unwrap();
            found.len()
        };
        assert_eq!((length(one), length(two)), (10 * 1024 * 1024, 10));
    }
}
