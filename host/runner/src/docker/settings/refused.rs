//! What users of other tools would write here and what is not taken, each with the reason. Editors and messages tell it.

use serde_json::{Map, Value, json};

/// A key that is refused by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The key.
    pub name: &'static str,
    /// Why not, and what to write instead.
    pub reason: &'static str,
}

const fn refused(name: &'static str, reason: &'static str) -> Refused {
    Refused { name, reason }
}

/// All keys that are refused by name.
pub const REFUSED: &[Refused] = &[
    refused("image", "the image is `containerImage` of the task"),
    refused(
        "containerImage",
        "the image is `containerImage` of the task, beside `taskRunner`",
    ),
    refused(
        "command",
        "what runs are the `commands` or the `script` of the task",
    ),
    refused("entrypoint", "it is written `entryPoint`"),
    refused(
        "env",
        "variables are `env` of the task, beside `taskRunner`",
    ),
    refused(
        "environment",
        "variables are `env` of the task, beside `taskRunner`",
    ),
    refused(
        "name",
        "the host names the container after the task run, so that it can be found again; give it `labels`",
    ),
    refused(
        "autoRemove",
        "the engine would remove the container before its exit code is read; `delete` removes it after that",
    ),
    refused(
        "remove",
        "it is written `delete`, which is `true` where absent",
    ),
    refused("detach", "it is written `wait: false`"),
    refused(
        "restartPolicy",
        "a task ends once; `retry` of the task runs it again",
    ),
    refused(
        "tty",
        "a terminal mixes standard output with standard error and changes ends of lines",
    ),
    refused("stdinOpen", "the standard input of a task is empty"),
    refused("stdout", "standard output is always read"),
    refused("stderr", "standard error is always read"),
    refused("stream", "output is always shown as it comes"),
    refused(
        "network",
        "it is written `networkMode`, which takes the name of a network",
    ),
    refused("ports", "it is written `portBindings`: `8080:80`"),
    refused("nanoCpus", "it is written `cpu.cpus`: `1.5`"),
    refused("memLimit", "it is written `memory.memory`"),
    refused("memswapLimit", "it is written `memory.memorySwap`"),
    refused("memReservation", "it is written `memory.memoryReservation`"),
    refused("memSwappiness", "it is written `memory.memorySwappiness`"),
    refused(
        "gpus",
        "it is written `deviceRequests`: `- capabilities: [[gpu]]`",
    ),
    refused(
        "cpuCount",
        "engines on Windows know it, those on Linux do not; write `cpu.cpus`",
    ),
    refused(
        "cpuPercent",
        "engines on Windows know it, those on Linux do not; write `cpu.cpus`",
    ),
    refused(
        "isolation",
        "engines on Windows know it, those on Linux do not",
    ),
    refused(
        "initPath",
        "engines have dropped it; `init` switches on the one that they bring",
    ),
    refused("lxcConf", "engines have dropped it together with LXC"),
    refused(
        "apiVersion",
        "the version of the engine's interface is found out by asking the engine",
    ),
];

/// Why a key is refused, if it is.
pub fn reason(name: &str) -> Option<&'static str> {
    REFUSED
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| entry.reason)
}

/// Names them in the schema of the settings, so that editors and validation tell the reason.
pub fn describe(schema: &mut Map<String, Value>) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for entry in REFUSED {
            let text = format!("Not taken here: {}", entry.reason);
            properties.insert(
                entry.name.to_owned(),
                json!({
                    "errorMessage": text,
                    "doNotSuggest": true,
                    "not": {},
                    "x-refused": entry.reason,
                }),
            );
        }
    }
}
