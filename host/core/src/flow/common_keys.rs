//! The keys that every task has, and which of them do nothing here.

use super::task::{CommonKeys, TaskCache};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::output::LogLevel;
use crate::retry::Retry;
use crate::yaml::{Node, ScalarValue, push_key};

/// Reads the keys that every task has and says which of them do nothing here.
pub(super) fn common_keys(node: &Node, path: &str, found: &mut Vec<Diagnostic>) -> CommonKeys {
    let flag = |key: &str| {
        node.get(key).and_then(Node::scalar).is_some_and(|scalar| {
            scalar.value == ScalarValue::Bool(true) || &*scalar.text == "true"
        })
    };
    let mut say = |key: &str, message: &str, label: &str| {
        if let Some(entry) = node.entry(key).filter(|entry| !entry.value.is_null()) {
            let mut path = path.to_owned();
            push_key(&mut path, key);
            found.push(
                Diagnostic::new(
                    Code::NotRunHere,
                    Severity::Note,
                    Some(entry.key_span),
                    message,
                )
                .label(label)
                .path(path),
            );
        }
    };
    say(
        "workerGroup",
        "`workerGroup` is accepted and not applied here",
        "there is one worker here",
    );
    say(
        "assets",
        "`assets` is accepted and not applied here",
        "there is no catalogue of assets here",
    );
    let retry = node
        .get("retry")
        .filter(|retry| !retry.is_null())
        .and_then(|retry| read_retry(retry, path, found));
    CommonKeys {
        retry,
        old_outputs: false,
        log_to_file: flag("logToFile"),
        cache: task_cache(node),
        description: node.get("description").and_then(Node::text).map(Into::into),
        disabled: flag("disabled"),
        run_if: node.get("runIf").cloned(),
        allow_failure: flag("allowFailure"),
        allow_warning: flag("allowWarning"),
        timeout: node.get("timeout").filter(|node| !node.is_null()).cloned(),
        log_level: node
            .get("logLevel")
            .and_then(Node::text)
            .and_then(LogLevel::from_name),
    }
}

/// Reads a `retry` block, of a task or of the flow; what its schema cannot say is told here.
pub(super) fn read_retry(node: &Node, path: &str, found: &mut Vec<Diagnostic>) -> Option<Retry> {
    let mut path = path.to_owned();
    push_key(&mut path, "retry");
    match Retry::read(node) {
        Ok(retry) => {
            if retry.max_attempts.is_none() && retry.max_duration.is_none() {
                found.push(
                    Diagnostic::warning(Code::WrongValue, node.span, "this retry never gives up")
                        .label("it has neither `maxAttempts` nor `maxDuration`")
                        .path(path),
                );
            }
            Some(retry)
        }
        Err((key, message)) => {
            let span = node.get(&key).unwrap_or(node).span;
            // A value that is no duration at all, the schema has refused with the same place.
            if !found.iter().any(|known| known.span == Some(span)) {
                push_key(&mut path, &key);
                found.push(Diagnostic::error(Code::WrongValue, span, message).path(path));
            }
            None
        }
    }
}

fn task_cache(node: &Node) -> Option<TaskCache> {
    let cache = node.get("taskCache")?;
    let enabled = cache.get("enabled").and_then(Node::scalar)?;
    (&*enabled.text == "true").then(|| TaskCache {
        ttl: cache
            .get("ttl")
            .and_then(Node::text)
            .and_then(|text| crate::duration::parse(text).ok()),
    })
}
