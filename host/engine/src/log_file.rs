//! `logToFile`: what a task run says goes to a file in the execution's directory instead of the log view.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use taffrail_core::flow::Task;
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::TaskRecord;

use crate::drive::TaskOutput;
use crate::event::{Event, Reporter, Shared};
use crate::execution::Execution;

/// The way of a task run's events to the reporter, with a detour for its output where the task wants one.
pub(crate) struct LogFile<'a> {
    reporter: Shared<'a>,
    detour: Option<Detour<'a>>,
}

struct Detour<'a> {
    reporter: Shared<'a>,
    path: PathBuf,
    file: Option<File>,
    failure: Option<String>,
}

impl<'a> LogFile<'a> {
    pub(crate) fn new(
        task: &Task,
        execution: &Execution,
        identity: &TaskIdentity,
        reporter: Shared<'a>,
    ) -> Self {
        let detour = task.common.log_to_file.then(|| Detour {
            reporter,
            path: execution
                .directory
                .join(format!("{}.log", identity.task_run)),
            file: None,
            failure: None,
        });
        Self { reporter, detour }
    }

    pub(crate) fn reporter(&mut self) -> &mut (dyn Reporter + 'a) {
        match &mut self.detour {
            Some(detour) => detour,
            None => &mut self.reporter,
        }
    }

    /// Says in the record where the log is, or why it is not there.
    pub(crate) fn close(self, record: &mut TaskRecord) {
        let Some(detour) = self.detour else { return };
        if detour.file.is_some() {
            record.log_file = Some(detour.path.display().to_string());
        }
        record.warnings.extend(detour.failure);
    }
}

impl Detour<'_> {
    fn write(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let written = match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => create(&self.path).and_then(|mut file| {
                file.write_all(bytes)?;
                self.file = Some(file);
                Ok(())
            }),
        };
        if let Err(error) = written {
            // The task must not wait for a disk that is full.
            self.failure = Some(format!("cannot write `{}`: {error}", self.path.display()));
        }
    }
}

fn create(path: &std::path::Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Further attempts add to the log of the first.
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

impl Reporter for Detour<'_> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Output { output, .. } => match output {
                TaskOutput::Lines { bytes, .. } => self.write(bytes),
                TaskOutput::Log { level, message } => {
                    self.write(format!("{} {message}\n", level.as_str()).as_bytes());
                }
                TaskOutput::Warning(message) => {
                    self.write(format!("warning {message}\n").as_bytes())
                }
                TaskOutput::Metric(_) => self.reporter.tell(event),
            },
            other => self.reporter.tell(other),
        }
    }
}
