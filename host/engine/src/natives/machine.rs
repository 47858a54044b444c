//! Files of the machine that runs the flow.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use taffrail_core::launch::Stream;
use taffrail_core::native::{FileReadKeys, FileWriteKeys};
use taffrail_core::record::{Failure, FailureKind};

use super::{Call, Done, failed};
use crate::drive::TaskOutput;
use crate::event::Event;
use crate::reach;

/// The largest file whose content becomes an output, in bytes.
const LARGEST: u64 = 10 * 1024 * 1024;

pub(super) async fn read(call: &Call<'_>, keys: FileReadKeys) -> Result<Done, Failure> {
    let path = keys.path;
    allowed(call, reach::of_file(call.task, &path))?;
    let bytes = aside(move || {
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(|error| cannot("read", &path, &error))?;
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| cannot("read", &path, &error))?;
        if bytes.len() as u64 > LARGEST {
            return Err(failed(format!(
                "`{path}` is larger than {} MiB",
                LARGEST / 1024 / 1024
            )));
        }
        Ok(bytes)
    })
    .await?;
    let encoded = STANDARD.encode(&bytes);
    let content = String::from_utf8(bytes).map_or(Value::Null, Value::String);
    Ok(Done::with([
        ("content", content),
        ("base64Content", encoded.into()),
    ]))
}

pub(super) async fn write(call: &mut Call<'_>, keys: FileWriteKeys) -> Result<Done, Failure> {
    let content = match (keys.content, keys.base64_content) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(encoded)) => STANDARD
            .decode(encoded.trim())
            .map_err(|error| failed(format!("`base64Content` is not base64: {error}")))?,
        (None, None) => return Err(failed("one of `content` and `base64Content` must be there")),
        (Some(_), Some(_)) => {
            return Err(failed(
                "only one of `content` and `base64Content` may be there",
            ));
        }
    };
    match keys.path.as_str() {
        "" => return Err(failed("the path of the file is empty")),
        "/dev/stdout" => print(call, Stream::Stdout, &content),
        "/dev/stderr" => print(call, Stream::Stderr, &content),
        _ => {
            let path = keys.path;
            allowed(call, reach::of_file(call.task, &path))?;
            let folders = keys.create_directories == Some(true);
            aside(move || {
                if let Some(parent) = Path::new(&path).parent().filter(|_| folders) {
                    fs::create_dir_all(parent)
                        .map_err(|error| cannot("make the folder of", &path, &error))?;
                }
                fs::write(&path, content).map_err(|error| cannot("write", &path, &error))
            })
            .await?;
        }
    }
    Ok(Done::default())
}

/// Whether the host gives what is asked of the machine to a flow whose tasks all run elsewhere. What stands in the flow as it is was
/// refused before anything began; it may also come from an expression.
pub(super) fn allowed(
    call: &Call<'_>,
    asks: impl IntoIterator<Item = reach::Reach>,
) -> Result<(), Failure> {
    let execution = call.execution;
    let runner = execution.runner_override.as_deref();
    for reach in asks {
        if let Some(refusal) = execution.runners.refuses_files(runner, &reach.what) {
            return Err(Failure {
                kind: FailureKind::Refused,
                message: format!("{}; {}", refusal.message, refusal.help),
            });
        }
    }
    Ok(())
}

/// Shows a text as what the task prints.
fn print(call: &mut Call<'_>, stream: Stream, content: &[u8]) {
    let text = String::from_utf8_lossy(content);
    let mut text = call.execution.masker.mask_text(&text).into_owned();
    if text.is_empty() {
        return;
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    call.reporter.event(&Event::Output {
        identity: call.identity,
        output: TaskOutput::Lines {
            stream,
            bytes: text.as_bytes(),
            continued: false,
        },
    });
}

/// Does what may block on a thread of its own: a path may be that of a pipe or of a disk far away.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| failed(format!("the host panicked: {panic}")))?
}

fn cannot(verb: &str, path: &str, error: &io::Error) -> Failure {
    failed(format!("cannot {verb} `{path}`: {error}"))
}
