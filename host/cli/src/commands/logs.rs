//! `taffrail logs`: what the tasks of an execution said, from its log, as a run shows it.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use regex::bytes::Regex;
use serde_json::json;
use taffrail_core::launch::Stream;
use taffrail_core::output::record::{RECORD_VERSION, RecordHead, append_records};
use taffrail_core::text::{Colours, printable_bytes};
use taffrail_store::log::{FILE, Frame, Kind, LogReader, Read};

use crate::args::{Format, Global, LogsArgs};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::report::{LinePrefix, RunHead};
use crate::{executions, owner};

/// How often it is looked for more.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the command.
///
/// # Errors
/// When there is no such execution, or its log cannot be read.
pub fn logs(global: &Global, args: &LogsArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let reader = executions::reader(&folders.state)?;
    let row = executions::select(&reader, &args.execution)?;
    let wrong = |name: &str, error: String| Failed::new(Exit::Usage, format!("`{name}`: {error}"));
    let grep = args
        .grep
        .as_deref()
        .map(Regex::new)
        .transpose()
        .map_err(|error| wrong("--grep", error.to_string()))?;
    let since = args
        .since
        .as_deref()
        .map(since)
        .transpose()
        .map_err(|error| wrong("--since", error))?;
    drop(reader);
    let directory = executions::directory(&folders.state, &row.id);
    let path = directory.join(FILE);
    let unreadable = |error: &io::Error| {
        Failed::new(
            Exit::Internal,
            format!("cannot read the log `{}`: {error}", path.display()),
        )
    };
    let mut source = Source {
        args,
        grep,
        since,
        runs: HashMap::new(),
        again: HashMap::new(),
        prefix: LinePrefix::default(),
        inside_line: false,
        seq: 0,
        escape: io::stdout().is_terminal(),
    };
    loop {
        match LogReader::open(&path) {
            Ok(mut reader) => {
                source.look(&path).map_err(|error| unreadable(&error))?;
                return source
                    .print(&mut reader, args.follow.then_some(&*directory))
                    .map_err(|error| unreadable(&error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !args.follow || !owner::is_owned(&directory) {
                    return Ok(Exit::Ok);
                }
                std::thread::sleep(LOOK);
            }
            Err(error) => return Err(unreadable(&error)),
        }
    }
}

/// The time that an option names, in microseconds since 1970.
fn since(text: &str) -> Result<i64, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_microsecond());
    }
    let age = taffrail_core::duration::parse(text).map_err(|_| {
        format!("`{text}` is neither a duration such as `PT10M` nor a time such as `2026-01-31T12:00:00Z`")
    })?;
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Ok(jiff::Timestamp::now().as_microsecond().saturating_sub(age))
}

/// What of a log is shown, and how.
struct Source<'a> {
    args: &'a LogsArgs,
    grep: Option<Regex>,
    since: Option<i64>,
    /// The attempts of task runs by their numbers in the log.
    runs: HashMap<u32, RunHead>,
    /// How often the output of an attempt begins anew: what it said before does not count.
    again: HashMap<u32, usize>,
    prefix: LinePrefix,
    /// Whether what was printed last was no whole line.
    inside_line: bool,
    seq: u64,
    escape: bool,
}

impl Source<'_> {
    /// Looks through the log once, for what is said twice and for the longest label.
    fn look(&mut self, path: &Path) -> io::Result<()> {
        let mut reader = LogReader::open(path)?;
        let mut labels = Vec::new();
        while let Read::Frame(frame) = reader.read()? {
            match frame.kind {
                Kind::Again => *self.again.entry(frame.run).or_default() += 1,
                Kind::Run => {
                    if let Ok(head) = serde_json::from_slice::<RunHead>(frame.payload) {
                        labels.push(head.task);
                    }
                }
                _ => {}
            }
        }
        self.prefix = LinePrefix::for_ids(labels.iter().map(String::as_str));
        Ok(())
    }

    /// Prints frames to the end of the log; with a directory, to the end of the execution in it.
    fn print(&mut self, reader: &mut LogReader, follow: Option<&Path>) -> io::Result<Exit> {
        let mut out = Vec::new();
        loop {
            // Asked first: what is written between the last look and this question is still read.
            let lives = follow.is_some_and(owner::is_owned);
            loop {
                out.clear();
                match reader.read()? {
                    Read::Frame(frame) => self.frame(frame, &mut out),
                    Read::End | Read::Torn => break,
                }
                if !out.is_empty() && io::stdout().lock().write_all(&out).is_err() {
                    // Nobody reads any more.
                    return Ok(Exit::Ok);
                }
            }
            if !lives {
                return Ok(Exit::Ok);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        match frame.kind {
            Kind::Run => {
                if let Ok(head) = serde_json::from_slice(frame.payload) {
                    self.runs.insert(frame.run, head);
                }
                return;
            }
            Kind::Again => {
                if let Some(left) = self.again.get_mut(&frame.run) {
                    *left = left.saturating_sub(1);
                }
                return;
            }
            _ => {}
        }
        let comes_again = self.again.get(&frame.run).is_some_and(|left| *left > 0);
        if comes_again || self.since.is_some_and(|since| frame.time < since) {
            return;
        }
        let Some(head) = self.runs.get(&frame.run).cloned() else {
            return;
        };
        let tasks = &self.args.tasks;
        if !tasks.is_empty() && !tasks.contains(&head.task) {
            return;
        }
        let is_stderr = matches!(frame.kind, Kind::Stderr | Kind::StderrPiece);
        if self.args.stderr && !is_stderr {
            return;
        }
        let found;
        let payload = match &self.grep {
            None => frame.payload,
            Some(grep) => {
                found = grepped(grep, frame);
                if found.is_empty() {
                    return;
                }
                &found
            }
        };
        let frame = Frame { payload, ..frame };
        match self.args.format {
            Format::Json => self.records(&head, frame, out),
            Format::Text => self.lines(&head, frame, out),
        }
    }

    fn lines(&mut self, head: &RunHead, frame: Frame<'_>, out: &mut Vec<u8>) {
        let mut text = Vec::new();
        match frame.kind {
            Kind::Gap => {
                let bytes = String::from_utf8_lossy(frame.payload);
                let said = format!("{bytes} bytes of output could not be written here");
                self.prefix
                    .append_frame(&head.label, Kind::Warning, said.as_bytes(), &mut text);
            }
            kind => self
                .prefix
                .append_frame(&head.label, kind, frame.payload, &mut text),
        }
        if self.escape {
            text = printable_bytes(&text, Colours::Escape).into_owned().into();
        }
        if !self.args.timestamps {
            out.append(&mut text);
            return;
        }
        let time = time(frame.time);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            if !self.inside_line {
                out.extend_from_slice(time.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(line);
            self.inside_line = !line.ends_with(b"\n");
        }
    }

    fn records(&mut self, head: &RunHead, frame: Frame<'_>, out: &mut Vec<u8>) {
        let time = time(frame.time);
        let stream = match frame.kind {
            Kind::Stdout | Kind::StdoutPiece => Stream::Stdout,
            Kind::Stderr | Kind::StderrPiece => Stream::Stderr,
            kind => {
                let event = match kind {
                    Kind::Said => "log",
                    Kind::Warning => "warning",
                    Kind::Metric => "metric",
                    Kind::Gap => "gap",
                    _ => return,
                };
                let text = String::from_utf8_lossy(frame.payload);
                let mut record = json!({
                    "v": RECORD_VERSION, "event": event, "seq": self.seq, "time": time, "task": head.task, "taskRun": head.run,
                });
                if let (Kind::Said, Some((level, message))) = (kind, text.split_once(' ')) {
                    record["level"] = json!(level);
                    record["message"] = json!(message);
                } else {
                    record["message"] = json!(text);
                }
                self.seq += 1;
                out.extend_from_slice(format!("{record}\n").as_bytes());
                return;
            }
        };
        let head = RecordHead {
            time: &time,
            task: &head.task,
            stream,
            inside: None,
        };
        let continued = matches!(frame.kind, Kind::StdoutPiece | Kind::StderrPiece);
        append_records(out, &mut self.seq, head, frame.payload, continued);
    }
}

/// The lines in which something is found. A piece of an overlong line counts as one.
fn grepped(grep: &Regex, frame: Frame<'_>) -> Vec<u8> {
    frame
        .payload
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| grep.is_match(line.strip_suffix(b"\n").unwrap_or(line)))
        .flatten()
        .copied()
        .collect()
}

fn time(microseconds: i64) -> String {
    jiff::Timestamp::from_microsecond(microseconds)
        .map_or_else(|_| microseconds.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_or_an_age_says_since_when() {
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(1_000_000));
        let before = jiff::Timestamp::now().as_microsecond();
        let hour = before - since("PT1H").unwrap();
        let later = jiff::Timestamp::now().as_microsecond() - before;
        assert!(
            (3_600_000_000 - later..=3_600_000_000).contains(&hour),
            "{hour}"
        );
        assert!(since("yesterday").is_err());
        assert_eq!(time(1_500_000), "1970-01-01T00:00:01.500Z");
    }

    #[test]
    fn only_the_lines_in_which_something_is_found_are_left() {
        let frame = Frame {
            kind: Kind::Stdout,
            run: 1,
            time: 0,
            payload: b"one\ntwo\nthree\n",
        };
        let grep = Regex::new("^t.*[eo]$").unwrap();
        assert_eq!(grepped(&grep, frame), b"two\nthree\n");
    }
}
