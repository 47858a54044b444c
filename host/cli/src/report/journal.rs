//! What an execution leaves on disk: its log, a frame for each thing that its tasks say, and `record.json`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use taffrail_core::launch::{Stream, TaskIdentity};
use taffrail_engine::drive::TaskOutput;
use taffrail_engine::event::{Event, Reporter};
use taffrail_store::log::{FILE, Frame, Kind, LogWriter};

use super::lines::Labels;

/// What a log says of a task run's attempt before anything that it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunHead {
    /// The task run.
    pub run: String,
    /// The task's id.
    pub task: String,
    /// What it is called where lines of several tasks are shown.
    pub label: String,
    /// From 1.
    pub attempt: u32,
}

/// The log of an execution, which is shared with whoever brings it to the disk. It is made when something is to be written.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    writer: Option<LogWriter>,
    /// The numbers of task runs and attempts in this log.
    numbers: HashMap<(String, u32), u32>,
    /// The greatest of them; 0 where there are none.
    last: u32,
    /// What could not be written first.
    failure: Arc<Mutex<Option<String>>>,
}

impl Log {
    /// The log of an execution whose directory is there. `failure` gets what could not be written.
    pub fn new(directory: &Path, failure: Arc<Mutex<Option<String>>>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            path: directory.join(FILE),
            writer: None,
            numbers: HashMap::new(),
            last: 0,
            failure,
        }))
    }

    /// What of it is not on the disk yet, if anything.
    pub fn unsynced(&mut self) -> io::Result<Option<File>> {
        self.writer.as_mut().map_or(Ok(None), LogWriter::unsynced)
    }

    fn append(&mut self, frame: Frame<'_>) {
        let written = match &mut self.writer {
            Some(writer) => writer.append(frame),
            None => self.open().and_then(|writer| writer.append(frame)),
        };
        if let Err(error) = written {
            // A full disk must not hold up the tasks; that something is missing is told at the end.
            fail(&self.failure, &self.path, &error);
        }
    }

    fn open(&mut self) -> io::Result<&mut LogWriter> {
        let (numbers, last) = (&mut self.numbers, &mut self.last);
        let writer = LogWriter::open(&self.path, &mut |frame| {
            // What an earlier host wrote.
            if frame.kind == Kind::Run
                && let Ok(head) = serde_json::from_slice::<RunHead>(frame.payload)
            {
                numbers.insert((head.run, head.attempt), frame.run);
                *last = frame.run.max(*last);
            }
        })?;
        Ok(self.writer.insert(writer))
    }

    /// The number of an attempt of a task run; one that is new is entered.
    fn number(&mut self, identity: &TaskIdentity, label: &str) -> u32 {
        if self.writer.is_none()
            && let Err(error) = self.open()
        {
            fail(&self.failure, &self.path, &error);
        }
        let key = (identity.task_run.clone(), identity.attempt);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        self.last += 1;
        let number = self.last;
        self.numbers.insert(key, number);
        let head = RunHead {
            run: identity.task_run.clone(),
            task: identity.task.clone(),
            label: label.to_owned(),
            attempt: identity.attempt,
        };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        self.append(frame(Kind::Run, number, &head));
        number
    }
}

fn frame(kind: Kind, run: u32, payload: &[u8]) -> Frame<'_> {
    Frame {
        kind,
        run,
        time: jiff::Timestamp::now().as_microsecond(),
        payload,
    }
}

fn fail(failure: &Mutex<Option<String>>, path: &Path, error: &io::Error) {
    let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
    failure.get_or_insert_with(|| format!("cannot write `{}`: {error}", path.display()));
}

/// Writes the log and the record below an execution's directory. A failure to write is kept and told once, and the run goes on: a
/// full disk must not block the tasks.
pub struct Journal {
    directory: PathBuf,
    labels: Labels,
    log: Arc<Mutex<Log>>,
    /// The attempt that said something last, and its number.
    last: Option<(String, u32, u32)>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Journal {
    /// A journal in a directory that is there. `failure` gets what could not be written.
    pub fn new(
        directory: &Path,
        log: Arc<Mutex<Log>>,
        failure: Arc<Mutex<Option<String>>>,
    ) -> Self {
        Self {
            directory: directory.to_owned(),
            labels: Labels::default(),
            log,
            last: None,
            failure,
        }
    }

    fn write(&mut self, identity: &TaskIdentity, kind: Kind, payload: &[u8]) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match &self.last {
            Some((run, attempt, number))
                if *run == identity.task_run && *attempt == identity.attempt =>
            {
                *number
            }
            _ => {
                let number = log.number(identity, self.labels.of(identity));
                self.last = Some((identity.task_run.clone(), identity.attempt, number));
                number
            }
        };
        log.append(frame(kind, number, payload));
    }

    fn output(&mut self, identity: &TaskIdentity, output: &TaskOutput<'_>) {
        match output {
            TaskOutput::Lines {
                stream,
                bytes,
                continued,
            } => {
                let kind = match (stream, continued) {
                    (Stream::Stdout, false) => Kind::Stdout,
                    (Stream::Stderr, false) => Kind::Stderr,
                    (Stream::Stdout, true) => Kind::StdoutPiece,
                    (Stream::Stderr, true) => Kind::StderrPiece,
                };
                self.write(identity, kind, bytes);
            }
            TaskOutput::Log { level, message } => {
                let said = format!("{} {message}", level.as_str());
                self.write(identity, Kind::Said, said.as_bytes());
            }
            TaskOutput::Warning(message) => {
                self.write(identity, Kind::Warning, message.as_bytes());
            }
            TaskOutput::Metric(metric) => {
                let text = metric_text(metric);
                self.write(identity, Kind::Metric, text.as_bytes());
            }
        }
    }
}

/// A metric in words.
pub fn metric_text(metric: &taffrail_core::output::Metric) -> String {
    let tags = metric.tags.iter();
    let tags: String = tags
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    format!("{} {}{tags}", metric.name, metric.value)
}

fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // One that was gone on with may have written it before.
    File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

impl Reporter for Journal {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Output { identity, output } => self.output(identity, output),
            Event::OutputAgain { identity } => self.write(identity, Kind::Again, b""),
            Event::TaskStarted {
                identity, values, ..
            } => self.labels.started(identity, values),
            Event::TaskEnded { record, .. } => {
                let said = self
                    .last
                    .as_ref()
                    .is_some_and(|(run, ..)| *run == record.identity.task_run);
                if said {
                    let state = record.state.as_str();
                    self.write(&record.identity, Kind::Ended, state.as_bytes());
                }
                self.labels.ended(&record.identity);
            }
            Event::ExecutionEnded { record } => {
                // Tasks that said nothing have a log, too.
                let state = record.state.as_str();
                let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                log.append(frame(Kind::Over, 0, state.as_bytes()));
                drop(log);
                let path = self.directory.join("record.json");
                let written = serde_json::to_vec_pretty(record)
                    .map_err(io::Error::from)
                    .and_then(|bytes| create(&path).and_then(|mut file| file.write_all(&bytes)));
                if let Err(error) = written {
                    fail(&self.failure, &path, &error);
                }
            }
            _ => {}
        }
    }
}
