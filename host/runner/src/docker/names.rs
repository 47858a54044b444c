//! What containers and volumes of a task run are called and marked with, so that they can be found again by the host that made them
//! and by nobody else.

use std::collections::BTreeMap;

use taffrail_core::launch::TaskIdentity;

/// Marks what belongs to a taffrail at all.
pub const MANAGED: &str = "taffrail.schema";
/// Whose store it belongs to.
pub const STORE: &str = "taffrail.store";
/// The execution.
pub const EXECUTION: &str = "taffrail.execution";
/// The task run.
pub const TASK_RUN: &str = "taffrail.taskrun";
/// The attempt.
pub const ATTEMPT: &str = "taffrail.attempt";
/// Keyed digest of what was asked for.
pub const SPEC: &str = "taffrail.spec";

/// The longest name that is given, so that it also fits where names are host names' parts or file names.
const MAX_NAME: usize = 128;

/// The name of the container and of the volume of a task run's attempt. The same attempt always has the same name, and a second
/// container of that name cannot be made: the name is the lock.
pub fn container_name(store: &str, identity: &TaskIdentity) -> String {
    let text = format!(
        "{}{}-{}-{}",
        prefix(store),
        identity.execution,
        identity.task_run,
        identity.attempt
    );
    let name: String = text
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || "_.-".contains(character) {
                character
            } else {
                '_'
            }
        })
        .collect();
    if name.len() <= MAX_NAME && name == text {
        return name;
    }
    let digest = blake3::hash(text.as_bytes()).to_hex();
    let kept = name.len().min(MAX_NAME - 17);
    format!("{}-{}", &name[..kept], &digest.as_str()[..16])
}

/// What the names of all that belongs to a store begin with.
fn prefix(store: &str) -> String {
    // The end of the id is its random part.
    format!("taffrail-{}-", &store[store.len().saturating_sub(8)..])
}

/// The execution and the task run that a name of [`container_name`] tells, if it is one of this store's. Of a long name the task run is
/// told as far as it is there.
pub fn read_name(store: &str, name: &str) -> Option<(String, String)> {
    let rest = name.strip_prefix(&prefix(store))?;
    let (execution, rest) = rest.split_once('-')?;
    let (task_run, _attempt) = rest.rsplit_once('-')?;
    Some((execution.to_owned(), task_run.to_owned()))
}

/// The labels of a task run, ours and those that tools for Kestra look for. No secret, no command, no path.
pub fn labels(store: &str, identity: &TaskIdentity) -> BTreeMap<String, String> {
    let attempt = identity.attempt.to_string();
    let own = [
        (MANAGED, "1"),
        (STORE, store),
        (EXECUTION, &identity.execution),
        (TASK_RUN, &identity.task_run),
        (ATTEMPT, &attempt),
        ("taffrail.flow", &identity.flow),
        ("taffrail.namespace", &identity.namespace),
        ("taffrail.task", &identity.task),
    ];
    let kestra = [
        ("kestra.io/namespace", identity.namespace.as_str()),
        ("kestra.io/flow-id", &identity.flow),
        ("kestra.io/task-id", &identity.task),
        ("kestra.io/execution-id", &identity.execution),
        ("kestra.io/taskrun-id", &identity.task_run),
        ("kestra.io/taskrun-attempt", &attempt),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let kestra = kestra.map(|(name, value)| (name.to_owned(), label_value(value)));
    own.into_iter().chain(kestra).collect()
}

/// Kestra cuts label values at 63 characters and ends them in no punctuation.
fn label_value(value: &str) -> String {
    let cut: String = value.chars().take(63).collect();
    cut.trim_end_matches('-')
        .trim_end_matches('.')
        .trim_end_matches('_')
        .to_owned()
}

/// The digest of what was asked for, keyed by the store's id: a plain one of a text with a weak secret could be guessed.
pub fn spec_digest(store: &str, body: &[u8]) -> String {
    let key = blake3::derive_key("taffrail docker spec digest v1", store.as_bytes());
    blake3::keyed_hash(&key, body).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(task_run: &str) -> TaskIdentity {
        TaskIdentity {
            namespace: "company.team".to_owned(),
            flow: "hello".to_owned(),
            execution: "01k".to_owned(),
            task: "one".to_owned(),
            task_run: task_run.to_owned(),
            attempt: 2,
        }
    }

    #[test]
    fn names_are_fit_and_tell_task_runs_apart() {
        let name = |task_run: &str| container_name("abcdefghijkl", &identity(task_run));
        assert_eq!(name("0001-one"), "taffrail-efghijkl-01k-0001-one-2");
        assert_ne!(name("0001-a/b"), name("0001-a_b"));
        let long = name(&"x".repeat(300));
        assert_eq!(long.len(), MAX_NAME);
        assert_ne!(long, name(&"x".repeat(301)));
        let odd = name("ä ö/..");
        assert!(
            odd.chars()
                .all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character)),
            "{odd}"
        );
    }

    #[test]
    fn names_tell_whose_they_are() {
        let read = |store: &str, name: &str| read_name(store, name);
        let whose = Some(("01k".to_owned(), "0001-one".to_owned()));
        let name = container_name("abcdefghijkl", &identity("0001-one"));
        assert_eq!(read("abcdefghijkl", &name), whose);
        assert_eq!(read("abcdefghijkx", &name), None);
        let long = container_name("abcdefghijkl", &identity(&"x".repeat(300)));
        let read_of_long = read("abcdefghijkl", &long);
        assert_eq!(
            read_of_long.map(|(execution, _)| execution),
            whose.map(|(execution, _)| execution)
        );
        for other in ["", "taffrail-efghijkl-", "taffrail-efghijkl-01k", "mine"] {
            assert_eq!(read("abcdefghijkl", other), None, "{other}");
        }
    }

    #[test]
    fn labels_name_the_task_run_twice() {
        let labels = labels("store", &identity(&"a-".repeat(40)));
        assert_eq!(labels[STORE], "store");
        assert_eq!(labels[ATTEMPT], "2");
        assert_eq!(labels[TASK_RUN].len(), 80);
        assert_eq!(labels["kestra.io/taskrun-id"].len(), 63);
        assert_eq!(label_value("a.-_-"), "a.-");
        assert_eq!(label_value("a_.-"), "a");
    }

    #[test]
    fn the_digest_needs_the_store() {
        assert_ne!(spec_digest("a", b"body"), spec_digest("b", b"body"));
        assert_eq!(spec_digest("a", b"body"), spec_digest("a", b"body"));
    }
}
