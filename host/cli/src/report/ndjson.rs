//! A run for programs: one JSON document a line for each event, on standard output, and nothing else there, ever.

use serde_json::{Value, json};
use taffrail_core::diagnostic::to_json;
use taffrail_core::launch::TaskIdentity;
use taffrail_core::output::record::{RECORD_VERSION, RecordHead, append_records};
use taffrail_engine::drive::TaskOutput;
use taffrail_engine::event::{Event, Reporter};
use taffrail_engine::ports::{BoxFuture, Preparation};

use crate::outlet::{self, To};

/// Prints events as JSON lines.
pub struct NdjsonReporter {
    buffer: Vec<u8>,
    /// Number of the next event.
    seq: u64,
    /// The execution that something happens in, where it is not the one that was asked for.
    inside: Option<String>,
}

impl NdjsonReporter {
    /// A reporter that counts from 0.
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            seq: 0,
            inside: None,
        }
    }

    fn append(&mut self, event: &str, fields: Value) {
        let mut document = json!({ "v": RECORD_VERSION, "event": event, "seq": self.seq, "time": jiff::Timestamp::now().to_string() });
        if let (Some(target), Value::Object(fields)) = (document.as_object_mut(), fields) {
            if let Some(execution) = &self.inside {
                target.insert("inside".to_owned(), json!(execution));
            }
            target.extend(fields);
        }
        self.buffer
            .extend_from_slice(document.to_string().as_bytes());
        self.buffer.push(b'\n');
        self.seq += 1;
    }

    fn output(&mut self, identity: &TaskIdentity, output: &TaskOutput<'_>) {
        let (task, run) = (&identity.task, &identity.task_run);
        match output {
            TaskOutput::Lines {
                stream,
                bytes,
                continued,
            } => {
                let time = jiff::Timestamp::now().to_string();
                let head = RecordHead {
                    time: &time,
                    task,
                    stream: *stream,
                    inside: self.inside.as_deref(),
                };
                append_records(&mut self.buffer, &mut self.seq, head, bytes, *continued);
            }
            TaskOutput::Log { level, message } => {
                self.append(
                    "log",
                    json!({ "task": task, "taskRun": run, "level": level, "message": message }),
                );
            }
            TaskOutput::Warning(message) => {
                self.append(
                    "warning",
                    json!({ "task": task, "taskRun": run, "message": message }),
                );
            }
            TaskOutput::Metric(metric) => {
                self.append(
                    "metric",
                    json!({ "task": task, "taskRun": run, "metric": metric }),
                );
            }
        }
    }
}

impl Reporter for NdjsonReporter {
    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        outlet::room()
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Event::Inside {
            execution, event, ..
        } = event
        {
            let above = self.inside.replace((*execution).to_owned());
            self.event(event);
            self.inside = above;
            return;
        }
        match event {
            Event::Inside { .. } => {}
            Event::Queued { execution, flow, limit } => self.append(
                "execution-queued",
                json!({ "execution": execution, "flow": flow, "limit": limit }),
            ),
            Event::Anew { record, after } => self.append(
                "execution-retrying",
                json!({
                    "execution": record.id, "attempt": record.attempt,
                    "afterMs": u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                }),
            ),
            Event::ExecutionStarted { execution, namespace, flow, tasks } => self.append(
                "execution-started",
                json!({ "execution": execution, "namespace": namespace, "flow": flow, "tasks": tasks }),
            ),
            Event::TaskStarted { identity, task_type, values } => {
                let mut fields = json!({ "task": identity.task, "taskRun": identity.task_run, "type": task_type });
                if let Some(value) = values.last() {
                    fields["value"] = json!(value);
                }
                self.append("task-started", fields);
            }
            Event::Retrying { identity, failure, after } => self.append(
                "retrying",
                json!({
                    "task": identity.task, "taskRun": identity.task_run, "attempt": identity.attempt,
                    "failure": failure, "afterMs": u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                }),
            ),
            Event::Preparing { identity, what: Preparation::Pull(progress) } => {
                self.append("pulling", json!({
                    "task": identity.task, "taskRun": identity.task_run, "image": progress.image,
                    "layers": progress.layers, "layersDone": progress.layers_done,
                    "bytes": progress.bytes, "bytesTotal": progress.bytes_total, "done": progress.done,
                }));
            }
            Event::Preparing { identity, what: Preparation::Warning(message) } => {
                self.append("warning", json!({ "task": identity.task, "taskRun": identity.task_run, "message": message }));
            }
            Event::Launched { identity, runner } => {
                self.append("launched", json!({ "task": identity.task, "taskRun": identity.task_run, "runner": runner }));
            }
            Event::Output { identity, output } => self.output(identity, output),
            Event::OutputAgain { identity } => {
                self.append("output-again", json!({ "task": identity.task, "taskRun": identity.task_run }));
            }
            Event::Restored { record, .. } => self.append("task-restored", json!({ "record": record })),
            Event::TaskEnded { record, .. } => self.append("task-ended", json!({ "record": record })),
            Event::Diagnostics { task_run, source, diagnostics } => {
                let mut fields = json!({ "diagnostics": to_json(diagnostics, source) });
                if let Some(run) = task_run {
                    fields["taskRun"] = json!(run);
                }
                self.append("diagnostics", fields);
            }
            Event::ExecutionEnded { record } => self.append(
                "execution-ended",
                json!({
                    "execution": record.id,
                    "state": record.state,
                    "durationMs": record.duration_ms,
                    "outputs": record.outputs,
                    "failure": record.failure,
                    "directory": record.directory,
                }),
            ),
        }
        // A reader that has gone must not end the run.
        outlet::write(To::Stdout, &self.buffer);
        self.buffer.clear();
    }
}
