//! A run for people: what tasks print on standard output, what taffrail has to say on standard error.

use std::collections::HashSet;
use std::time::Duration;

use taffrail_core::diagnostic::{Code, Diagnostic, Severity, Source, Style, render_text};
use taffrail_core::flow::Task;
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State, TaskRecord};
use taffrail_core::text::{Colours, printable, printable_bytes};
use taffrail_engine::event::{Event, Reporter};
use taffrail_engine::ports::{BoxFuture, Preparation};

use super::lines::{Labels, LinePrefix};
use super::pull::PullLines;
use crate::outlet::{self, To};

/// Prints a run as text.
pub struct TextReporter {
    prefix: LinePrefix,
    /// Where the tasks' lines go: to standard error where standard output has the answer.
    lines_to: To,
    /// Whether what is printed may go to a terminal, which obeys control characters.
    escape: bool,
    quiet: bool,
    style: Style,
    labels: Labels,
    buffer: Vec<u8>,
    /// The task runs whose failure has been told with its place in the flow.
    told: HashSet<(Option<String>, String)>,
    pulls: PullLines,
}

impl TextReporter {
    /// A reporter for the tasks of a flow.
    pub fn new(prefix: LinePrefix, lines_to: To, escape: bool, quiet: bool, style: Style) -> Self {
        Self {
            prefix,
            lines_to,
            escape,
            quiet,
            style,
            labels: Labels::default(),
            buffer: Vec::new(),
            told: HashSet::new(),
            pulls: PullLines::new(),
        }
    }

    fn lines(&mut self, identity: &TaskIdentity, output: &taffrail_engine::drive::TaskOutput<'_>) {
        self.buffer.clear();
        let label = self.labels.of(identity);
        self.prefix.append(label, output, &mut self.buffer);
        let shown;
        let bytes = if self.escape {
            shown = printable_bytes(&self.buffer, Colours::Escape);
            shown.as_bytes()
        } else {
            &self.buffer
        };
        // A reader that has gone (`| head -1`) or a terminal that was closed must not end the run.
        outlet::write(self.lines_to, bytes);
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            complain(text);
        }
    }

    fn task_ended(&mut self, record: &TaskRecord, task: &Task, source: &Source) {
        let label = self.labels.of(&record.identity).to_owned();
        let caller = self.labels.caller().map(str::to_owned);
        let told = self
            .told
            .remove(&(caller, record.identity.task_run.clone()));
        self.labels.ended(&record.identity);
        for warning in &record.warnings {
            self.say(&format!("warning: task `{label}`: {warning}"));
        }
        if let Some(log) = &record.log_file {
            self.say(&format!("{label}: its log is in {log}"));
        }
        let took = duration(Duration::from_millis(record.duration_ms));
        match (&record.failure, record.state) {
            (None, State::Skipped) => self.say(&format!("{label}: skipped")),
            (None, state) if record.cached => self.say(&format!(
                "{label}: {}, as an earlier run with the same inputs",
                state.as_str().to_lowercase()
            )),
            (None, state) => self.say(&format!(
                "{label}: {} in {took}",
                state.as_str().to_lowercase()
            )),
            (Some(failure), State::Failed | State::Killed) => {
                // Its diagnostics have been shown already, or those of the task inside that failed.
                if !told && failure.kind != FailureKind::Child {
                    let diagnostic = failed(record, &label, task);
                    complain(render_text(&[diagnostic], source, self.style).trim_end());
                }
            }
            (Some(failure), state) => {
                let word = if state == State::Warning {
                    "warning"
                } else {
                    "success"
                };
                self.say(&format!(
                    "{label}: {word} in {took}, as its failure is allowed: {}",
                    failure.message
                ));
            }
        }
    }

    fn execution_ended(&self, record: &ExecutionRecord) {
        let took = duration(Duration::from_millis(record.duration_ms));
        let tasks = match record.tasks.len() {
            1 => "1 task".to_owned(),
            count => format!("{count} tasks"),
        };
        let behind = self.labels.caller();
        let behind = behind.map_or_else(String::new, |caller| format!("{caller}/"));
        let line = format!(
            "{behind}{} {}: {} in {took}",
            record.flow,
            record.id,
            record.state.as_str().to_lowercase() + ", " + &tasks
        );
        let bad = !record.state.goes_on();
        if bad && self.labels.caller().is_some() {
            // The task that called for it fails with what was wrong, unless that does not matter to it.
            self.say(&line);
        } else if bad {
            // What was wrong with a task was told with the task.
            let own =
                |failure: &&Failure| record.tasks.is_empty() || failure.kind == FailureKind::Host;
            if let Some(failure) = record.failure.as_ref().filter(own) {
                complain(&format!("error: {}", failure.message));
            }
            complain(&line);
            if let Some(directory) = &record.directory {
                complain(&format!(
                    "  log: `taffrail logs {}`\n  record: {directory}/record.json",
                    record.id
                ));
            }
        } else {
            self.say(&line);
        }
    }
}

/// The diagnostic of a failed task: what ended it, where it stands, its last words, where to look.
fn failed(record: &TaskRecord, label: &str, task: &Task) -> Diagnostic {
    let failure = record.failure.as_ref();
    let message = failure
        .map(|failure| failure.message.as_str())
        .unwrap_or_default();
    let tries = match record.attempts.len() {
        0 => String::new(),
        before => format!(" in {} attempts", before + 1),
    };
    let what = match record.state {
        State::Killed => format!("task `{label}` was cancelled"),
        _ => format!("task `{label}` failed{tries}: {message}"),
    };
    let mut diagnostic = Diagnostic::error(Code::TaskFailed, task.id.span, what);
    if let Some(command) = command(task) {
        diagnostic = diagnostic.label(command);
    }
    if let Some(status) = record.exit
        && let Some(signal) = status.signal_in_code()
    {
        diagnostic = diagnostic.note(format!(
            "{status} is what a shell or a container says of a program that {signal} ended"
        ));
    }
    if !record.stderr_tail.is_empty() {
        let (count, tail) = (record.stderr_lines, &record.stderr_tail);
        let shown = &tail[tail.len().saturating_sub(10)..];
        let heading = if count as usize > shown.len() {
            format!("stderr, last {} of {count} lines:", shown.len())
        } else {
            "stderr:".to_owned()
        };
        let lines: String = shown
            .iter()
            .map(|line| format!("\n  {}", printable(line)))
            .collect();
        diagnostic = diagnostic.note(format!("{heading}{lines}"));
    }
    match failure.map(|failure| failure.kind) {
        Some(FailureKind::Timeout) => {
            diagnostic.help("raise `timeout`, or look at what it waits for")
        }
        Some(FailureKind::Interrupted) => {
            diagnostic.help("nothing is known to be wrong with the task itself; run it again")
        }
        Some(FailureKind::Start) => {
            diagnostic.help("`taffrail plan` shows what is started, with its environment")
        }
        // Where there was a program.
        Some(FailureKind::Exit) if record.exit.is_some() => diagnostic.help(
            "`taffrail plan` shows what is started; `run --keep` keeps its working directory",
        ),
        _ => diagnostic,
    }
}

/// What the author wrote to be run, on one line.
fn command(task: &Task) -> Option<String> {
    let node = task
        .node
        .get("commands")
        .or_else(|| task.node.get("script"))?;
    let first = |text: &str| {
        text.lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let text = match node.items() {
        [] => first(node.scalar()?.text.as_ref()),
        [only] => first(only.scalar()?.text.as_ref()),
        [one, ..] => format!(
            "one of {} commands, from `{}`",
            node.items().len(),
            first(one.scalar()?.text.as_ref())
        ),
    };
    Some(taffrail_core::text::clip(&text, 80).into_owned())
}

fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Writes a line to standard error; that nobody reads it is no error.
pub fn complain(text: &str) {
    outlet::write(To::Stderr, format!("{text}\n").as_bytes());
}

impl Reporter for TextReporter {
    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        outlet::room()
    }

    fn event(&mut self, event: &Event<'_>) {
        if !matches!(
            event,
            Event::Preparing {
                what: Preparation::Pull(_),
                ..
            }
        ) {
            self.pulls.step_aside();
        }
        match event {
            Event::Output { identity, output } => self.lines(identity, output),
            Event::TaskEnded {
                record,
                task,
                source,
            } => self.task_ended(record, task, source),
            Event::Restored { record, values } => {
                self.labels.started(&record.identity, values);
                let label = self.labels.of(&record.identity);
                let state = record.state.as_str().to_lowercase();
                self.say(&format!("{label}: {state} before, and not run again"));
                self.labels.ended(&record.identity);
            }
            Event::TaskStarted {
                identity, values, ..
            } => self.labels.started(identity, values),
            Event::Retrying {
                identity,
                failure,
                after,
            } => {
                let label = self.labels.of(identity);
                let wait = duration(*after);
                self.say(&format!(
                    "{label}: attempt {} failed: {}; again in {wait}",
                    identity.attempt, failure.message
                ));
            }
            Event::Diagnostics {
                task_run,
                source,
                diagnostics,
            } => {
                let wrong = diagnostics
                    .iter()
                    .any(|diagnostic| diagnostic.severity == Severity::Error);
                if let Some(run) = task_run.filter(|_| wrong) {
                    let caller = self.labels.caller().map(str::to_owned);
                    self.told.insert((caller, run.to_owned()));
                }
                complain(render_text(diagnostics, source, self.style).trim_end());
            }
            Event::ExecutionEnded { record } => self.execution_ended(record),
            Event::Queued { flow, limit, .. } => self.say(&format!(
                "{flow}: waits, as {limit} of its executions run already"
            )),
            Event::Anew { record, after } => self.say(&format!(
                "{}: execution {} failed; a new one in {}",
                record.flow,
                record.attempt,
                duration(*after)
            )),
            Event::Inside {
                identity, event, ..
            } => {
                self.labels.enter(identity);
                self.event(event);
                self.labels.leave();
            }
            Event::Preparing {
                identity,
                what: Preparation::Pull(progress),
            } => {
                if !self.quiet {
                    self.pulls.show(self.labels.of(identity), progress);
                }
            }
            // Warnings are told with the task's end.
            Event::Preparing { .. }
            | Event::ExecutionStarted { .. }
            | Event::OutputAgain { .. }
            | Event::Launched { .. } => {}
        }
    }
}
