//! Reads frames from the beginning, and further ones as they come.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::Path;

use super::HEAD;
use super::frame::{FRAME_HEAD, Frame};

/// What is read from the disk at once.
const BUFFER: usize = 256 * 1024;

/// What comes next in a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// Nothing more is there now.
    End,
    /// What is there is no whole frame: it is being written now, or a crash cut it short.
    Torn,
}

/// Reads a log.
#[derive(Debug)]
pub struct LogReader {
    file: BufReader<File>,
    /// Where the next frame begins.
    position: u64,
    body: Vec<u8>,
}

impl LogReader {
    /// Opens a log at its beginning.
    ///
    /// # Errors
    /// When it cannot be read, or is no log.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(BUFFER, file);
        let mut head = [0; HEAD.len()];
        let length = fill(&mut file, &mut head)?;
        if head[..length] != HEAD[..length] {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is not a log of taffrail, or of another version",
            ));
        }
        Ok(Self {
            file,
            position: HEAD.len() as u64,
            body: Vec::new(),
        })
    }

    /// Where the next frame begins, in bytes: all before it is whole.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next frame. After [`Read::End`] and [`Read::Torn`] it may be asked again, once more has been written.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self) -> io::Result<Read<'_>> {
        let mut head = [0; FRAME_HEAD];
        match fill(&mut self.file, &mut head)? {
            0 => return Ok(Read::End),
            FRAME_HEAD => {}
            _ => return self.torn(),
        }
        let Some(length) = Frame::body_length(&head) else {
            return self.torn();
        };
        self.body.resize(length, 0);
        if fill(&mut self.file, &mut self.body)? < length
            || Frame::parse(&head, &self.body).is_none()
        {
            return self.torn();
        }
        self.position += (FRAME_HEAD + length) as u64;
        // Parsed again for the borrow's sake; it was good a moment ago.
        Ok(Frame::parse(&head, &self.body).map_or(Read::Torn, Read::Frame))
    }

    fn torn(&mut self) -> io::Result<Read<'static>> {
        self.file.seek(SeekFrom::Start(self.position))?;
        Ok(Read::Torn)
    }
}

/// Reads until the buffer is full or the file ends; gives how much there was.
fn fill(file: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
