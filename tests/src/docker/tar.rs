//! Writes tar archives, honest ones for images and files, and others that no honest program would write.

/// What an entry is, by the byte that stands for it in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A hard link to an earlier entry.
    Link,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Device,
    /// A directory.
    Folder,
    /// A named pipe.
    Pipe,
}

/// An entry in full.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its path, as it is to stand there.
    pub path: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Its permissions.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Where a link leads.
    pub target: &'a str,
    /// The size that the header claims, if not that of the contents.
    pub claimed: Option<u64>,
    /// What is in it.
    pub contents: &'a [u8],
}

impl Default for Entry<'_> {
    fn default() -> Self {
        Entry {
            path: "",
            kind: Kind::File,
            mode: 0o644,
            owner: (0, 0),
            target: "",
            claimed: None,
            contents: b"",
        }
    }
}

/// An archive in the making.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a regular file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, contents: &[u8]) -> Self {
        self.entry(Entry {
            path,
            mode,
            contents,
            ..Entry::default()
        })
    }

    /// With a directory.
    #[must_use]
    pub fn folder(self, path: &str, mode: u32) -> Self {
        let path = format!("{}/", path.trim_end_matches('/'));
        self.entry(Entry {
            path: &path,
            kind: Kind::Folder,
            mode,
            ..Entry::default()
        })
    }

    /// With a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(Entry {
            path,
            kind: Kind::Symlink,
            mode: 0o777,
            target,
            ..Entry::default()
        })
    }

    /// With any entry.
    #[must_use]
    pub fn entry(mut self, entry: Entry<'_>) -> Self {
        if entry.path.len() > 100 {
            self.header(
                &Entry {
                    path: "././@LongLink",
                    claimed: Some(entry.path.len() as u64 + 1),
                    ..Entry::default()
                },
                b'L',
            );
            self.bytes.extend_from_slice(entry.path.as_bytes());
            self.bytes.push(0);
            self.pad();
        }
        let flag = match entry.kind {
            Kind::File => b'0',
            Kind::Link => b'1',
            Kind::Symlink => b'2',
            Kind::Device => b'3',
            Kind::Folder => b'5',
            Kind::Pipe => b'6',
        };
        self.header(&entry, flag);
        self.bytes.extend_from_slice(entry.contents);
        self.pad();
        self
    }

    fn header(&mut self, entry: &Entry<'_>, flag: u8) {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, room: usize, bytes: &[u8]| {
            let count = bytes.len().min(room);
            header[at..at + count].copy_from_slice(&bytes[..count]);
        };
        let size = entry.claimed.unwrap_or(entry.contents.len() as u64);
        put(0, 100, entry.path.as_bytes());
        put(100, 8, format!("{:07o}", entry.mode).as_bytes());
        put(108, 8, format!("{:07o}", entry.owner.0).as_bytes());
        put(116, 8, format!("{:07o}", entry.owner.1).as_bytes());
        put(124, 12, format!("{size:011o}").as_bytes());
        put(136, 12, b"14000000000");
        put(148, 8, b"        ");
        put(156, 1, &[flag]);
        put(157, 100, entry.target.as_bytes());
        put(257, 8, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
    }

    fn pad(&mut self) {
        let rest = self.bytes.len() % 512;
        if rest > 0 {
            self.bytes.resize(self.bytes.len() + 512 - rest, 0);
        }
    }

    /// The archive up to here, without the two empty blocks at its end.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 1024, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// The system's own `tar` reads what is written here.
    #[test]
    fn archives_are_what_tar_reads() {
        let long = format!("folder/{}", "x".repeat(120));
        let archive = Archive::new()
            .folder("folder", 0o755)
            .file("folder/file", 0o640, b"text")
            .file(&long, 0o600, b"")
            .symlink("link", "folder/file")
            .finish();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, archive).unwrap();
        let listed = Command::new("tar")
            .arg("-tvf")
            .arg(path)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        for part in [
            "drwxr-xr-x",
            "-rw-r-----",
            " folder/file",
            &long,
            "link -> folder/file",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
