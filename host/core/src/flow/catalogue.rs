//! The task types of the original that this host knows by name and does not run: whose they are, and what stands in their place.

use crate::native;

/// What a type name is, when no installed plugin has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// One of the original's own tasks that need its server; the current name.
    Server(&'static str),
    /// A script task that runs inside the original's Java process; the language.
    InProcess(String),
    /// A trigger where a task should stand.
    Trigger,
    /// A task runner where a task should stand.
    Runner,
    /// A script language of the original; `Script` or `Commands`.
    Language(String),
    /// A task of another plugin of the original; the plugin's name.
    Plugin(String),
    /// Nothing that looks like a type of the original.
    Unknown,
}

const CORE: &str = "io.kestra.plugin.core.";
const LEGACY: &str = "io.kestra.core.tasks.";
const SCRIPTS: &str = "io.kestra.plugin.scripts.";
const PLUGINS: &str = "io.kestra.plugin.";
const ENTERPRISE: &str = "io.kestra.plugin.ee.";

/// Core tasks that look into a server or change one: there is none here. By their current names.
const SERVER_TASKS: [&str; 22] = [
    "io.kestra.plugin.core.dashboard.data.Executions",
    "io.kestra.plugin.core.dashboard.data.Flows",
    "io.kestra.plugin.core.dashboard.data.Logs",
    "io.kestra.plugin.core.dashboard.data.Metrics",
    "io.kestra.plugin.core.execution.Count",
    "io.kestra.plugin.core.execution.Delete",
    "io.kestra.plugin.core.execution.PurgeTaskRuns",
    "io.kestra.plugin.core.execution.Query",
    "io.kestra.plugin.core.execution.Resume",
    "io.kestra.plugin.core.flow.Loop",
    "io.kestra.plugin.core.flow.Template",
    "io.kestra.plugin.core.http.SseRequest",
    "io.kestra.plugin.core.kv.PurgeKV",
    "io.kestra.plugin.core.kv.Version",
    "io.kestra.plugin.core.log.Fetch",
    "io.kestra.plugin.core.namespace.PurgeFiles",
    "io.kestra.plugin.core.namespace.Version",
    "io.kestra.plugin.core.state.Delete",
    "io.kestra.plugin.core.state.Get",
    "io.kestra.plugin.core.state.Set",
    "io.kestra.plugin.core.templating.TemplatedTask",
    "io.kestra.plugin.core.trigger.Toggle",
];

/// Old names of those, and the current ones.
const OLD_SERVER_TASKS: [(&str, &str); 9] = [
    (
        "io.kestra.core.tasks.executions.Counts",
        "io.kestra.plugin.core.execution.Count",
    ),
    (
        "io.kestra.core.tasks.executions.Resume",
        "io.kestra.plugin.core.execution.Resume",
    ),
    (
        "io.kestra.core.tasks.flows.Template",
        "io.kestra.plugin.core.flow.Template",
    ),
    (
        "io.kestra.core.tasks.log.Fetch",
        "io.kestra.plugin.core.log.Fetch",
    ),
    (
        "io.kestra.core.tasks.states.Delete",
        "io.kestra.plugin.core.state.Delete",
    ),
    (
        "io.kestra.core.tasks.states.Get",
        "io.kestra.plugin.core.state.Get",
    ),
    (
        "io.kestra.core.tasks.states.Set",
        "io.kestra.plugin.core.state.Set",
    ),
    (
        "io.kestra.core.tasks.templating.TemplatedTask",
        "io.kestra.plugin.core.templating.TemplatedTask",
    ),
    (
        "io.kestra.core.tasks.trigger.Toggle",
        "io.kestra.plugin.core.trigger.Toggle",
    ),
];

/// Looks a type name up.
pub(super) fn find(type_name: &str) -> Known {
    if let Some((_, current)) = OLD_SERVER_TASKS.iter().find(|(old, _)| *old == type_name) {
        return Known::Server(current);
    }
    if let Some(current) = SERVER_TASKS.iter().find(|name| **name == type_name) {
        return Known::Server(current);
    }
    if type_name.starts_with("io.kestra.plugin.core.trigger.")
        || type_name.ends_with("Trigger")
        || type_name.starts_with("io.kestra.core.models.triggers.")
    {
        return Known::Trigger;
    }
    if type_name.contains(".runner.") {
        return Known::Runner;
    }
    if let Some(rest) = type_name.strip_prefix(SCRIPTS) {
        return match rest.split_once('.') {
            Some((language, "Eval" | "FileTransform")) => Known::InProcess(language.to_owned()),
            Some((language, "Script" | "Commands"))
                if language
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) =>
            {
                Known::Language(language.to_owned())
            }
            _ => Known::Unknown,
        };
    }
    if type_name.starts_with(CORE) || type_name.starts_with(LEGACY) {
        return Known::Unknown;
    }
    let family = type_name
        .strip_prefix(ENTERPRISE)
        .or_else(|| type_name.strip_prefix(PLUGINS))
        .and_then(|rest| rest.split_once('.'));
    match family {
        Some((family, rest)) if !rest.is_empty() => Known::Plugin(family.to_owned()),
        _ => Known::Unknown,
    }
}

/// Every name that the tables know, for suggestions.
pub(super) fn names() -> impl Iterator<Item = String> {
    native::all()
        .iter()
        .map(|native| native.name)
        .chain(SERVER_TASKS)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised() {
        let check = |name: &str, expected: Known| assert_eq!(find(name), expected, "{name}");
        check(
            "io.kestra.plugin.core.execution.Count",
            Known::Server("io.kestra.plugin.core.execution.Count"),
        );
        check(
            "io.kestra.core.tasks.flows.Template",
            Known::Server("io.kestra.plugin.core.flow.Template"),
        );
        check(
            "io.kestra.plugin.scripts.groovy.Eval",
            Known::InProcess("groovy".to_owned()),
        );
        check(
            "io.kestra.plugin.scripts.bun.Script",
            Known::Language("bun".to_owned()),
        );
        check(
            "io.kestra.plugin.scripts.shell.CommandsTrigger",
            Known::Trigger,
        );
        check("io.kestra.plugin.core.trigger.Schedule", Known::Trigger);
        check(
            "io.kestra.plugin.core.trigger.Toggle",
            Known::Server("io.kestra.plugin.core.trigger.Toggle"),
        );
        check("io.kestra.plugin.core.runner.Process", Known::Runner);
        check("io.kestra.plugin.git.Push", Known::Plugin("git".to_owned()));
        check("io.kestra.plugin.ee.aws.runner.Batch", Known::Runner);
        check(
            "io.kestra.plugin.ee.git.Push",
            Known::Plugin("git".to_owned()),
        );
        check("io.kestra.plugin.core.flow.Forech", Known::Unknown);
        check("shell", Known::Unknown);
        check("io.kestra.plugin.", Known::Unknown);
    }

    #[test]
    fn no_name_stands_twice() {
        let mut all: Vec<String> = names()
            .chain(OLD_SERVER_TASKS.iter().map(|(old, _)| (*old).to_owned()))
            .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
