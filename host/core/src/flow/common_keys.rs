//! The keys that every task has, and which of them do nothing here.

use super::task::CommonKeys;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::output::LogLevel;
use crate::yaml::{Node, ScalarValue, push_key};

/// Reads the keys that every task has and says which of them do nothing here.
pub(super) fn common_keys(node: &Node, path: &str, found: &mut Vec<Diagnostic>) -> CommonKeys {
    let flag = |key: &str| {
        node.get(key).and_then(Node::scalar).is_some_and(|scalar| {
            scalar.value == ScalarValue::Bool(true) || &*scalar.text == "true"
        })
    };
    let mut say = |key: &str, severity: Severity, code: Code, message: &str, label: &str| {
        if let Some(entry) = node.entry(key).filter(|entry| !entry.value.is_null()) {
            let mut path = path.to_owned();
            push_key(&mut path, key);
            found.push(
                Diagnostic::new(code, severity, Some(entry.key_span), message)
                    .label(label)
                    .path(path),
            );
        }
    };
    say(
        "retry",
        Severity::Error,
        Code::NotYet,
        "`retry` is not supported yet",
        "the task would be tried once only",
    );
    if flag("logToFile") {
        say(
            "logToFile",
            Severity::Warning,
            Code::NotYet,
            "`logToFile` is not supported yet",
            "the log is shown as usual",
        );
    }
    if node
        .get("taskCache")
        .and_then(|cache| cache.get("enabled"))
        .and_then(Node::scalar)
        .is_some_and(|scalar| scalar.value == ScalarValue::Bool(true))
    {
        say(
            "taskCache",
            Severity::Warning,
            Code::NotYet,
            "`taskCache` is not supported yet",
            "the task runs every time",
        );
    }
    say(
        "pluginDefaultsRef",
        Severity::Error,
        Code::NotYet,
        "`pluginDefaultsRef` is not supported yet",
        "the defaults would be missing",
    );
    say(
        "workerGroup",
        Severity::Note,
        Code::NotRunHere,
        "`workerGroup` is accepted and not applied here",
        "there is one worker here",
    );
    say(
        "assets",
        Severity::Note,
        Code::NotRunHere,
        "`assets` is accepted and not applied here",
        "there is no catalogue of assets here",
    );
    CommonKeys {
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
