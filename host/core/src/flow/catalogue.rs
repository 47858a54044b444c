//! The task types of the original that this host knows by name: flowables, core tasks, old names, and whose the others are.

use super::task::FlowableKind;

/// What a type name is, when no installed plugin has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Holds other tasks.
    Flowable(FlowableKind),
    /// One of the original's own small tasks; the current name.
    Core(&'static str),
    /// A script task of the time before plugins; the type to use instead.
    LegacyScript(&'static str),
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

/// Flowables by the last part of their name, with the keys that hold their children.
const FLOWABLES: [(&str, FlowableKind); 15] = [
    ("AllowFailure", FlowableKind::AllowFailure),
    ("Dag", FlowableKind::Dag),
    ("EachParallel", FlowableKind::EachParallel),
    ("EachSequential", FlowableKind::EachSequential),
    ("ForEach", FlowableKind::ForEach),
    ("ForEachItem", FlowableKind::ForEachItem),
    ("If", FlowableKind::If),
    ("LoopUntil", FlowableKind::LoopUntil),
    ("Parallel", FlowableKind::Parallel),
    ("Pause", FlowableKind::Pause),
    ("Sequential", FlowableKind::Sequential),
    ("Subflow", FlowableKind::Subflow),
    ("Switch", FlowableKind::Switch),
    ("Template", FlowableKind::Template),
    ("WorkingDirectory", FlowableKind::WorkingDirectory),
];

/// Core tasks by their current names.
const CORE_TASKS: [&str; 55] = [
    "io.kestra.plugin.core.debug.Echo",
    "io.kestra.plugin.core.debug.Return",
    "io.kestra.plugin.core.execution.Assert",
    "io.kestra.plugin.core.execution.Count",
    "io.kestra.plugin.core.execution.Delete",
    "io.kestra.plugin.core.execution.Exit",
    "io.kestra.plugin.core.execution.Fail",
    "io.kestra.plugin.core.execution.Labels",
    "io.kestra.plugin.core.execution.PurgeExecutions",
    "io.kestra.plugin.core.execution.Query",
    "io.kestra.plugin.core.execution.Resume",
    "io.kestra.plugin.core.execution.SetVariables",
    "io.kestra.plugin.core.execution.UnsetVariables",
    "io.kestra.plugin.core.flow.Sleep",
    "io.kestra.plugin.core.http.Download",
    "io.kestra.plugin.core.http.Request",
    "io.kestra.plugin.core.http.SseRequest",
    "io.kestra.plugin.core.kv.Delete",
    "io.kestra.plugin.core.kv.Get",
    "io.kestra.plugin.core.kv.GetKeys",
    "io.kestra.plugin.core.kv.PurgeKV",
    "io.kestra.plugin.core.kv.Set",
    "io.kestra.plugin.core.kv.Version",
    "io.kestra.plugin.core.log.Fetch",
    "io.kestra.plugin.core.log.Log",
    "io.kestra.plugin.core.log.PurgeLogs",
    "io.kestra.plugin.core.metric.Publish",
    "io.kestra.plugin.core.namespace.DeleteFiles",
    "io.kestra.plugin.core.namespace.DownloadFiles",
    "io.kestra.plugin.core.namespace.PurgeFiles",
    "io.kestra.plugin.core.namespace.UploadFiles",
    "io.kestra.plugin.core.namespace.Version",
    "io.kestra.plugin.core.output.OutputValues",
    "io.kestra.plugin.core.state.Delete",
    "io.kestra.plugin.core.state.Get",
    "io.kestra.plugin.core.state.Set",
    "io.kestra.plugin.core.storage.Concat",
    "io.kestra.plugin.core.storage.DeduplicateItems",
    "io.kestra.plugin.core.storage.Delete",
    "io.kestra.plugin.core.storage.FilterItems",
    "io.kestra.plugin.core.storage.LocalFiles",
    "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles",
    "io.kestra.plugin.core.storage.Reverse",
    "io.kestra.plugin.core.storage.Size",
    "io.kestra.plugin.core.storage.Split",
    "io.kestra.plugin.core.storage.Write",
    "io.kestra.plugin.core.templating.TemplatedTask",
    "io.kestra.plugin.core.trigger.Toggle",
    "io.kestra.plugin.core.dashboard.data.Executions",
    "io.kestra.plugin.core.dashboard.data.Flows",
    "io.kestra.plugin.core.dashboard.data.Logs",
    "io.kestra.plugin.core.dashboard.data.Metrics",
    "io.kestra.plugin.core.execution.PurgeTaskRuns",
    "io.kestra.plugin.core.flow.Loop",
    "io.kestra.plugin.core.purge.Purge",
];

/// Old names of core tasks, and the current ones. Flowables keep the last part of their name.
const OLD_CORE: [(&str, &str); 31] = [
    (
        "io.kestra.core.tasks.debugs.Echo",
        "io.kestra.plugin.core.debug.Echo",
    ),
    (
        "io.kestra.core.tasks.debugs.Return",
        "io.kestra.plugin.core.debug.Return",
    ),
    (
        "io.kestra.core.tasks.executions.Counts",
        "io.kestra.plugin.core.execution.Count",
    ),
    (
        "io.kestra.core.tasks.executions.Fail",
        "io.kestra.plugin.core.execution.Fail",
    ),
    (
        "io.kestra.core.tasks.executions.Labels",
        "io.kestra.plugin.core.execution.Labels",
    ),
    (
        "io.kestra.core.tasks.executions.Resume",
        "io.kestra.plugin.core.execution.Resume",
    ),
    (
        "io.kestra.core.tasks.log.Fetch",
        "io.kestra.plugin.core.log.Fetch",
    ),
    (
        "io.kestra.core.tasks.log.Log",
        "io.kestra.plugin.core.log.Log",
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
        "io.kestra.core.tasks.storages.Concat",
        "io.kestra.plugin.core.storage.Concat",
    ),
    (
        "io.kestra.core.tasks.storages.DeduplicateItems",
        "io.kestra.plugin.core.storage.DeduplicateItems",
    ),
    (
        "io.kestra.core.tasks.storages.Delete",
        "io.kestra.plugin.core.storage.Delete",
    ),
    (
        "io.kestra.core.tasks.storages.FilterItems",
        "io.kestra.plugin.core.storage.FilterItems",
    ),
    (
        "io.kestra.core.tasks.storages.LocalFiles",
        "io.kestra.plugin.core.storage.LocalFiles",
    ),
    (
        "io.kestra.core.tasks.storages.Purge",
        "io.kestra.plugin.core.purge.Purge",
    ),
    (
        "io.kestra.core.tasks.storages.PurgeExecution",
        "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles",
    ),
    (
        "io.kestra.core.tasks.storages.Reverse",
        "io.kestra.plugin.core.storage.Reverse",
    ),
    (
        "io.kestra.core.tasks.storages.Size",
        "io.kestra.plugin.core.storage.Size",
    ),
    (
        "io.kestra.core.tasks.storages.Split",
        "io.kestra.plugin.core.storage.Split",
    ),
    (
        "io.kestra.core.tasks.templating.TemplatedTask",
        "io.kestra.plugin.core.templating.TemplatedTask",
    ),
    (
        "io.kestra.core.tasks.trigger.Toggle",
        "io.kestra.plugin.core.trigger.Toggle",
    ),
    (
        "io.kestra.core.tasks.flows.Flow",
        "io.kestra.plugin.core.flow.Subflow",
    ),
    (
        "io.kestra.plugin.fs.http.Download",
        "io.kestra.plugin.core.http.Download",
    ),
    (
        "io.kestra.plugin.fs.http.Request",
        "io.kestra.plugin.core.http.Request",
    ),
    (
        "io.kestra.plugin.fs.http.SseRequest",
        "io.kestra.plugin.core.http.SseRequest",
    ),
    (
        "io.kestra.core.tasks.outputs.OutputValues",
        "io.kestra.plugin.core.output.OutputValues",
    ),
    (
        "io.kestra.core.tasks.kv.Get",
        "io.kestra.plugin.core.kv.Get",
    ),
    (
        "io.kestra.core.tasks.kv.Set",
        "io.kestra.plugin.core.kv.Set",
    ),
    (
        "io.kestra.core.tasks.scripts.LocalFiles",
        "io.kestra.plugin.core.storage.LocalFiles",
    ),
];

const LEGACY_SCRIPTS: [(&str, &str); 3] = [
    (
        "io.kestra.core.tasks.scripts.Bash",
        "io.kestra.plugin.scripts.shell.Commands",
    ),
    (
        "io.kestra.core.tasks.scripts.Node",
        "io.kestra.plugin.scripts.node.Script",
    ),
    (
        "io.kestra.core.tasks.scripts.Python",
        "io.kestra.plugin.scripts.python.Script",
    ),
];

/// Looks a type name up.
pub(super) fn find(type_name: &str) -> Known {
    if let Some((_, current)) = LEGACY_SCRIPTS.iter().find(|(old, _)| *old == type_name) {
        return Known::LegacyScript(current);
    }
    let flowable = type_name
        .strip_prefix("io.kestra.plugin.core.flow.")
        .or_else(|| type_name.strip_prefix("io.kestra.core.tasks.flows."))
        .map(|last| if last == "Flow" { "Subflow" } else { last });
    if let Some(last) = flowable
        && let Some((_, kind)) = FLOWABLES.iter().find(|(name, _)| *name == last)
    {
        return Known::Flowable(*kind);
    }
    if let Some((_, current)) = OLD_CORE.iter().find(|(old, _)| *old == type_name) {
        return Known::Core(current);
    }
    if let Some(current) = CORE_TASKS.iter().find(|name| **name == type_name) {
        return Known::Core(current);
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

/// Every name that the table knows, for suggestions.
pub(super) fn names() -> impl Iterator<Item = String> {
    FLOWABLES
        .iter()
        .map(|(name, _)| format!("io.kestra.plugin.core.flow.{name}"))
        .chain(CORE_TASKS.iter().map(|name| (*name).to_owned()))
}

impl FlowableKind {
    /// Whether its `tasks` are wrapped: `- task: {…}`, `dependsOn: […]`.
    pub(super) fn wraps_tasks(self) -> bool {
        self == FlowableKind::Dag
    }

    /// Whether a key of this name holds tasks in it.
    pub(super) fn holds_tasks(self, key: &str) -> bool {
        match key {
            "then" | "else" => self == FlowableKind::If,
            "defaults" => self == FlowableKind::Switch,
            "tasks" | "errors" | "finally" => {
                !matches!(self, FlowableKind::Subflow | FlowableKind::Template)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised() {
        let check = |name: &str, expected: Known| assert_eq!(find(name), expected, "{name}");
        check(
            "io.kestra.plugin.core.flow.ForEach",
            Known::Flowable(FlowableKind::ForEach),
        );
        check(
            "io.kestra.core.tasks.flows.WorkingDirectory",
            Known::Flowable(FlowableKind::WorkingDirectory),
        );
        check(
            "io.kestra.core.tasks.flows.Flow",
            Known::Flowable(FlowableKind::Subflow),
        );
        check(
            "io.kestra.plugin.core.log.Log",
            Known::Core("io.kestra.plugin.core.log.Log"),
        );
        check(
            "io.kestra.core.tasks.log.Log",
            Known::Core("io.kestra.plugin.core.log.Log"),
        );
        check(
            "io.kestra.plugin.fs.http.Download",
            Known::Core("io.kestra.plugin.core.http.Download"),
        );
        check(
            "io.kestra.core.tasks.scripts.Bash",
            Known::LegacyScript("io.kestra.plugin.scripts.shell.Commands"),
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
            Known::Core("io.kestra.plugin.core.trigger.Toggle"),
        );
        check("io.kestra.plugin.core.runner.Process", Known::Runner);
        check(
            "io.kestra.plugin.git.Clone",
            Known::Plugin("git".to_owned()),
        );
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
            .chain(OLD_CORE.iter().map(|(old, _)| (*old).to_owned()))
            .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
