//! Blocks of task output as text: each line behind its task's id and a mark for its stream.

use std::collections::HashMap;
use std::sync::Arc;

use taffrail_core::launch::{Stream, TaskIdentity};
use taffrail_engine::drive::TaskOutput;
use taffrail_store::log::Kind;

use super::journal::metric_text;

/// How much of a loop's value stands in a label, in characters.
const MAX_VALUE: usize = 32;

/// What task runs are called where several of one task may run at once: by the task's id, in a loop with the value, `load[b]`, in a loop
/// within a loop with both, `load[b][1]`, in an execution that another task called for behind that task, `call[1]/load[b]`.
#[derive(Debug, Default)]
pub struct Labels {
    /// Of the runs in loops and in other executions.
    labels: HashMap<(String, String), String>,
    /// What the tasks are called that called for the executions in which something happens now, the outermost first.
    inside: Vec<String>,
}

impl Labels {
    /// A task run begins.
    pub fn started(&mut self, identity: &TaskIdentity, values: &[Arc<str>]) {
        if values.is_empty() && self.inside.is_empty() {
            return;
        }
        let mut own = identity.task.clone();
        for value in values {
            let value: String = value
                .chars()
                .map(|letter| if letter.is_control() { ' ' } else { letter })
                .collect();
            own.push_str(&format!(
                "[{}]",
                taffrail_core::text::clip(&value, MAX_VALUE)
            ));
        }
        let label = match self.inside.last() {
            Some(caller) => format!("{caller}/{own}"),
            None => own,
        };
        self.labels.insert(key(identity), label);
    }

    /// What a task run is called.
    pub fn of<'l>(&'l self, identity: &'l TaskIdentity) -> &'l str {
        self.labels
            .get(&key(identity))
            .map_or(&identity.task, String::as_str)
    }

    /// A task run has ended; it is not asked for any more.
    pub fn ended(&mut self, identity: &TaskIdentity) {
        self.labels.remove(&key(identity));
    }

    /// From here on things happen in an execution that a task run called for.
    pub fn enter(&mut self, identity: &TaskIdentity) {
        let label = self.of(identity).to_owned();
        self.inside.push(label);
    }

    /// From here on things happen where they did before.
    pub fn leave(&mut self) {
        self.inside.pop();
    }

    /// What the task is called whose execution things happen in, where it is not the one that was asked for.
    pub fn caller(&self) -> Option<&str> {
        self.inside.last().map(String::as_str)
    }
}

/// Ids of task runs are unique in their execution only.
fn key(identity: &TaskIdentity) -> (String, String) {
    (identity.execution.clone(), identity.task_run.clone())
}

/// Puts a task's id and a mark before each line: `|` for standard output, `!` for standard error, `:` for what came through the
/// protocol. The mark makes the stream readable without colour.
#[derive(Debug, Default)]
pub struct LinePrefix {
    width: usize,
    task: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The stream whose last block ended inside a line, where nothing came between.
    open: Option<Stream>,
}

impl LinePrefix {
    /// Prefixes as wide as the longest of the ids.
    pub fn for_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        // Beyond that a long id would push all lines aside.
        let width = ids.map(|id| id.chars().count()).max().unwrap_or(0).min(24);
        Self {
            width,
            ..Self::default()
        }
    }

    /// Appends a task's output as text.
    pub fn append(&mut self, task: &str, output: &TaskOutput<'_>, text: &mut Vec<u8>) {
        self.at(task, text);
        match output {
            TaskOutput::Lines {
                stream,
                bytes,
                continued,
            } => self.lines(*stream, bytes, *continued, text),
            TaskOutput::Log { level, message } => self.said(level.as_str(), message, text),
            TaskOutput::Warning(message) => self.said("warning", message, text),
            TaskOutput::Metric(metric) => self.said("metric", &metric_text(metric), text),
        }
    }

    /// What follows is a task's.
    fn at(&mut self, task: &str, text: &mut Vec<u8>) {
        if self.task != task {
            self.task = task.to_owned();
            self.stdout = format!("{task:<width$} | ", width = self.width).into_bytes();
            self.stderr = format!("{task:<width$} ! ", width = self.width).into_bytes();
            self.close(text);
        }
    }

    /// Appends what the log of an execution holds of a task's output, as [`LinePrefix::append`] would have.
    pub fn append_frame(&mut self, task: &str, kind: Kind, payload: &[u8], text: &mut Vec<u8>) {
        let said;
        let lines = |stream, continued| TaskOutput::Lines {
            stream,
            bytes: payload,
            continued,
        };
        let output = match kind {
            Kind::Stdout => lines(Stream::Stdout, false),
            Kind::Stderr => lines(Stream::Stderr, false),
            Kind::StdoutPiece => lines(Stream::Stdout, true),
            Kind::StderrPiece => lines(Stream::Stderr, true),
            Kind::Warning => {
                said = String::from_utf8_lossy(payload);
                TaskOutput::Warning(&said)
            }
            Kind::Said => {
                let said = String::from_utf8_lossy(payload);
                let (level, message) = said.split_once(' ').unwrap_or((&said, ""));
                self.at(task, text);
                return self.said(level, message, text);
            }
            Kind::Metric => {
                self.at(task, text);
                return self.said("metric", &String::from_utf8_lossy(payload), text);
            }
            _ => return,
        };
        self.append(task, &output, text);
    }

    fn lines(&mut self, stream: Stream, bytes: &[u8], continued: bool, text: &mut Vec<u8>) {
        if self.open != Some(stream) {
            self.close(text);
        }
        let prefix = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        let mut inside = self.open.is_some();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |position| position + 1);
            if !inside {
                text.extend_from_slice(prefix);
            }
            inside = false;
            text.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
        self.open = continued.then_some(stream);
    }

    /// Ends a line that somebody else interrupts; what is left of it gets a prefix of its own.
    fn close(&mut self, text: &mut Vec<u8>) {
        if self.open.take().is_some() {
            text.push(b'\n');
        }
    }

    fn said(&mut self, word: &str, message: &str, text: &mut Vec<u8>) {
        self.close(text);
        for line in message.lines().chain(message.is_empty().then_some("")) {
            text.extend_from_slice(
                format!(
                    "{:<width$} : {word} {line}\n",
                    self.task,
                    width = self.width
                )
                .as_bytes(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use taffrail_core::output::LogLevel;

    use super::*;

    #[test]
    fn every_line_has_its_task_and_stream() {
        let mut prefix = LinePrefix::for_ids(["a", "long"].into_iter());
        let mut text = Vec::new();
        let lines = |stream, bytes, continued| TaskOutput::Lines {
            stream,
            bytes,
            continued,
        };
        prefix.append(
            "a",
            &lines(Stream::Stdout, b"one\n\ntwo\n", false),
            &mut text,
        );
        prefix.append("a", &lines(Stream::Stderr, b"oops\n", false), &mut text);
        prefix.append("a", &lines(Stream::Stdout, b"piece ", true), &mut text);
        prefix.append("a", &lines(Stream::Stderr, b"between\n", false), &mut text);
        prefix.append("a", &lines(Stream::Stdout, b"end\n", false), &mut text);
        prefix.append(
            "long",
            &TaskOutput::Log {
                level: LogLevel::Warn,
                message: "x\ny",
            },
            &mut text,
        );
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a    | one\na    | \na    | two\na    ! oops\na    | piece \na    ! between\na    | end\nlong : WARN x\nlong : WARN y\n"
        );
    }
}
