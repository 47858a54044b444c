//! What an execution leaves on disk: `log.txt` with every line of every task, and `record.json`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use taffrail_engine::event::{Event, Reporter};

use super::lines::{Labels, LinePrefix};

/// How much is gathered before it is written; a task's end writes the rest.
const BUFFER: usize = 256 * 1024;

/// Writes the log and the record below an execution's directory. A failure to write is kept and told once, and the run goes on: a
/// full disk must not block the tasks.
pub struct Journal {
    directory: PathBuf,
    prefix: LinePrefix,
    labels: Labels,
    buffer: Vec<u8>,
    log: Option<File>,
    failure: std::sync::Arc<std::sync::Mutex<Option<String>>>,
}

impl Journal {
    /// A journal in a directory that is there. `failure` gets what could not be written.
    pub fn new(
        directory: &Path,
        prefix: LinePrefix,
        failure: std::sync::Arc<std::sync::Mutex<Option<String>>>,
    ) -> Self {
        Self {
            directory: directory.to_owned(),
            prefix,
            labels: Labels::default(),
            buffer: Vec::new(),
            log: None,
            failure,
        }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.write();
        }
    }

    fn write(&mut self) {
        let path = self.directory.join("log.txt");
        let result = match &mut self.log {
            Some(log) => log.write_all(&self.buffer),
            None => create(&path).and_then(|mut log| {
                log.write_all(&self.buffer)?;
                self.log = Some(log);
                Ok(())
            }),
        };
        self.buffer.clear();
        if let Err(error) = result {
            self.fail(&path, &error);
        }
    }

    fn fail(&self, path: &Path, error: &io::Error) {
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert_with(|| format!("cannot write `{}`: {error}", path.display()));
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .create_new(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

impl Reporter for Journal {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Output { identity, output } => {
                let label = self.labels.of(identity);
                self.prefix.append(label, output, &mut self.buffer);
                if self.buffer.len() >= BUFFER {
                    self.flush();
                }
            }
            Event::TaskStarted {
                identity, value, ..
            } => self.labels.started(identity, *value),
            Event::TaskEnded { record, .. } => {
                self.labels.ended(&record.identity);
                self.flush();
            }
            Event::ExecutionEnded { record } => {
                // Tasks that said nothing have a log, too: its path is what the report of a failure names.
                if self.log.is_none() || !self.buffer.is_empty() {
                    self.write();
                }
                let path = self.directory.join("record.json");
                let written = serde_json::to_vec_pretty(record)
                    .map_err(io::Error::from)
                    .and_then(|bytes| create(&path).and_then(|mut file| file.write_all(&bytes)));
                if let Err(error) = written {
                    self.fail(&path, &error);
                }
            }
            _ => {}
        }
    }
}
