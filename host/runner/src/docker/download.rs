//! Brings files back from a container: declared outputs, or all that it changed. Decides what to ask for; `archive` reads the answers.

use std::io;
use std::path::Path;

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use taffrail_core::collect::is_literal;
use taffrail_core::name::RelPath;
use taffrail_engine::ports::RunnerError;
use tokio::sync::mpsc;

use super::archive::{Choice, Wanted, read_archive};
use super::engine::{CallError, Engine};
use super::settings::WORK_DIR;
use super::upload::Sent;

/// With so many plain names, each is fetched alone; with more, the directory that holds them all is.
const MAX_SINGLE: usize = 3;

/// Brings back what the patterns match, into a directory of this host. Gives the paths.
///
/// # Errors
/// When the engine cannot give the files, an archive is broken or too large, or a file cannot be written. Files that had come whole
/// stay.
pub(super) async fn download(
    engine: &Engine,
    container: &str,
    patterns: &[String],
    into: &Path,
) -> Result<Vec<RelPath>, RunnerError> {
    let mut all = Vec::new();
    for place in places(patterns) {
        let wanted = Wanted {
            place,
            choice: Choice::Matching(patterns.to_vec()),
        };
        all.extend(download_place(engine, container, wanted, into).await?);
    }
    all.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    all.dedup();
    Ok(all)
}

/// Makes a directory of this host what the container made of it: what is not as it was sent is written, what is gone is removed.
///
/// # Errors
/// As above.
pub(super) async fn download_changes(
    engine: &Engine,
    container: &str,
    sent: &[Sent],
    into: &Path,
) -> Result<Vec<RelPath>, RunnerError> {
    let wanted = Wanted {
        place: String::new(),
        choice: Choice::Changed(sent.to_vec()),
    };
    download_place(engine, container, wanted, into).await
}

/// The paths to ask for, relative to the working directory; the empty one is the working directory itself.
fn places(patterns: &[String]) -> Vec<String> {
    let bases: Vec<String> = patterns.iter().map(|pattern| base(pattern)).collect();
    let literal = patterns.iter().all(|pattern| is_literal(pattern));
    if literal && bases.len() <= MAX_SINGLE {
        let mut bases = bases;
        bases.sort_unstable();
        bases.dedup();
        return bases;
    }
    let mut common: Option<Vec<&str>> = None;
    for (base, pattern) in bases.iter().zip(patterns) {
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        if is_literal(pattern) {
            parts.pop();
        }
        common = Some(match common {
            None => parts,
            Some(common) => common
                .into_iter()
                .zip(parts)
                .take_while(|(one, other)| one == other)
                .map(|(one, _)| one)
                .collect(),
        });
    }
    vec![common.unwrap_or_default().join("/")]
}

/// The part of a pattern before anything that is not plain: a whole path for a plain name, else directories.
fn base(pattern: &str) -> String {
    let text = pattern.strip_prefix("glob:").unwrap_or(pattern);
    let text = text.strip_prefix("./").unwrap_or(text);
    if is_literal(pattern) {
        return text.trim_matches('/').to_owned();
    }
    if text.starts_with("regex:") {
        return String::new();
    }
    let plain = text
        .split(['*', '?', '[', ']', '{', '}', '\\'])
        .next()
        .unwrap_or("");
    plain
        .rsplit_once('/')
        .map_or(String::new(), |(directories, _)| directories.to_owned())
}

/// Brings back what is wanted of one archive.
pub(super) async fn download_place(
    engine: &Engine,
    container: &str,
    wanted: Wanted,
    into: &Path,
) -> Result<Vec<RelPath>, RunnerError> {
    let path = if wanted.place.is_empty() {
        WORK_DIR.to_owned()
    } else {
        format!("{WORK_DIR}/{}", wanted.place)
    };
    let options = DownloadFromContainerOptionsBuilder::default()
        .path(&path)
        .build();
    let stream = engine
        .client
        .download_from_container(container, Some(options));
    let mut stream = std::pin::pin!(stream);
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(16);
    let reader = {
        let into = into.to_owned();
        tokio::task::spawn_blocking(move || read_archive(receiver, &wanted, &into))
    };
    let mut refused = None;
    while let Some(piece) = stream.next().await {
        let piece = match piece {
            Ok(piece) => Ok(piece),
            Err(error) => {
                let error = CallError::from(error);
                let told = io::Error::other(error.to_string());
                refused = Some(error);
                Err(told)
            }
        };
        // The reader has stopped, and says why itself.
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    let read = reader
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(format!("the reader failed: {panic}"))));
    match refused {
        // What is not there is no output; which names were not found is told by who collects them.
        Some(error) if error.status() == Some(404) => return Ok(Vec::new()),
        Some(error) => {
            return Err(RunnerError::Lost(format!(
                "the output files cannot be fetched from the container: {error}"
            )));
        }
        None => {}
    }
    read.map_err(|error| {
        RunnerError::Lost(format!(
            "the output files cannot be fetched from the container: {error}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(patterns: &[&str]) -> Vec<String> {
        patterns
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect()
    }

    #[test]
    fn only_what_may_match_is_asked_for() {
        let check = |patterns: &[&str], expected: &[&str]| {
            assert_eq!(places(&texts(patterns)), texts(expected), "{patterns:?}");
        };
        check(&["out.txt"], &["out.txt"]);
        check(&["./a/out.txt", "b.txt"], &["a/out.txt", "b.txt"]);
        check(&["*.csv"], &[""]);
        check(&["out/*.csv"], &["out"]);
        check(&["out/a/**", "out/b.txt"], &["out"]);
        check(&["out/a/**", "in/b.txt"], &[""]);
        check(&["x/1", "x/2", "x/3", "x/4"], &["x"]);
        check(&["regex:out/.*"], &[""]);
        check(&["out{1,2}/a"], &[""]);
        check(&[".taffrail-output/**"], &[".taffrail-output"]);
    }
}
