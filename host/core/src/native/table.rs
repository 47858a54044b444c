//! The table itself: each type once, with its kind, so that the compiler lists who must know of a new one.

use serde_json::{Map, Value};

use super::{flowables, legacy, machine, small, storage, transfer};
use crate::schema::schema_of;

/// A task type that the host runs without any plugin.
#[derive(Debug)]
pub struct NativeType {
    /// Its current name.
    pub name: &'static str,
    /// Older names of the same type.
    pub aliases: &'static [&'static str],
    /// One short line for completion lists.
    pub title: &'static str,
    /// What it is.
    pub kind: NativeKind,
    /// Whether it does something here.
    pub availability: Availability,
    keys: fn() -> Map<String, Value>,
}

impl NativeType {
    /// The schema of its own keys: a closed object, without the keys that every task has.
    pub fn keys(&self) -> Map<String, Value> {
        (self.keys)()
    }

    /// Every older name, those of the time when flowables had another package included.
    pub fn old_names(&self) -> Vec<String> {
        let moved = self
            .name
            .strip_prefix(FLOW[0])
            .map(|last| format!("{}{last}", FLOW[1]))
            .filter(|name| !self.aliases.contains(&name.as_str()));
        let aliases = self.aliases.iter().map(|alias| (*alias).to_owned());
        aliases.chain(moved).collect()
    }
}

/// What a native type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NativeKind {
    /// It holds other tasks and decides which of them run.
    Flowable(FlowableKind),
    /// It does something itself.
    Core(CoreKind),
    /// It is a script task from before there were plugins, and is read as the task of its language.
    Legacy(LegacyKind),
}

/// Whether a native type does something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It does what it says.
    Runs,
    /// It is accepted and does nothing; why.
    Idle(&'static str),
    /// This version does not run it yet.
    NotYet,
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is the type of the same name")]
        pub enum $name { $($variant,)* }
    };
}

kinds! {
    /// The tasks that hold other tasks, or start other flows.
    FlowableKind {
        AllowFailure, Dag, EachParallel, EachSequential, ForEach, ForEachItem, If, LoopUntil, Parallel, Pause, Sequential, Subflow,
        Switch, WorkingDirectory,
    }
}

kinds! {
    /// The tasks that the host does itself.
    CoreKind {
        Assert, Clone, Concat, DeduplicateItems, Download, Echo, Exit, Fail, FileRead,
        FileWrite, FilterItems, KvDelete, KvGet, KvGetKeys, KvSet, Labels,
        LocalFiles, Log, NamespaceDelete, NamespaceDownload, NamespaceUpload, OutputValues, Publish, PurgeExecutionFiles,
        PurgeExecutions, PurgeLogs, Request, Return, Reverse, SetVariables, Size, Sleep, Split, StorageDelete, UnsetVariables, Write,
    }
}

kinds! {
    /// The script tasks from before there were plugins.
    LegacyKind { Bash, Node, Python, }
}

const FLOW: [&str; 2] = ["io.kestra.plugin.core.flow.", "io.kestra.core.tasks.flows."];

macro_rules! table {
    ($($kind:ident::$variant:ident $(idle $why:literal)? $(later $later:tt)? = $name:literal [$($alias:literal),*] $title:literal $keys:ty;)*) => {
        static TABLE: &[NativeType] = &[
            $(NativeType {
                name: $name,
                aliases: &[$($alias),*],
                title: $title,
                kind: NativeKind::$kind(table!(@kind $kind $variant)),
                availability: table!(@availability $($why)? $($later)?),
                keys: schema_of::<$keys>,
            },)*
        ];
    };
    (@kind Flowable $variant:ident) => { FlowableKind::$variant };
    (@kind Core $variant:ident) => { CoreKind::$variant };
    (@kind Legacy $variant:ident) => { LegacyKind::$variant };
    (@availability) => { Availability::Runs };
    (@availability ()) => { Availability::NotYet };
    (@availability $why:literal) => { Availability::Idle($why) };
}

table! {
    Flowable::AllowFailure = "io.kestra.plugin.core.flow.AllowFailure" [] "Tasks whose failure is a warning" flowables::SequentialKeys;
    Flowable::Dag = "io.kestra.plugin.core.flow.Dag" [] "Tasks in the order of what they need" flowables::DagKeys;
    Flowable::EachParallel = "io.kestra.plugin.core.flow.EachParallel" [] "Old form of ForEach with all values at once" flowables::EachParallelKeys;
    Flowable::EachSequential = "io.kestra.plugin.core.flow.EachSequential" [] "Old form of ForEach with one value after the other" flowables::EachSequentialKeys;
    Flowable::ForEach = "io.kestra.plugin.core.flow.ForEach" [] "Tasks once for each of some values" flowables::ForEachKeys;
    Flowable::ForEachItem = "io.kestra.plugin.core.flow.ForEachItem" [] "A flow once for each batch of a file's lines" flowables::ForEachItemKeys;
    Flowable::If = "io.kestra.plugin.core.flow.If" [] "Tasks when a condition holds, others when not" flowables::IfKeys;
    Flowable::LoopUntil = "io.kestra.plugin.core.flow.LoopUntil" ["io.kestra.plugin.core.flow.WaitFor"] "Tasks again and again until a condition holds" flowables::LoopUntilKeys;
    Flowable::Parallel = "io.kestra.plugin.core.flow.Parallel" [] "Tasks at the same time" flowables::ParallelKeys;
    Flowable::Pause = "io.kestra.plugin.core.flow.Pause" [] "A pause: some time, or until somebody says go on" flowables::PauseKeys;
    Flowable::Sequential = "io.kestra.plugin.core.flow.Sequential" [] "Tasks one after the other" flowables::SequentialKeys;
    Flowable::Subflow = "io.kestra.plugin.core.flow.Subflow" ["io.kestra.plugin.core.flow.Flow", "io.kestra.core.tasks.flows.Flow", "io.kestra.core.tasks.flows.Subflow"] "Another flow of the same folder" flowables::SubflowKeys;
    Flowable::Switch = "io.kestra.plugin.core.flow.Switch" [] "The tasks of the case that a value names" flowables::SwitchKeys;
    Flowable::WorkingDirectory = "io.kestra.plugin.core.flow.WorkingDirectory" [] "Tasks that share one working directory" flowables::WorkingDirectoryKeys;
    Core::Assert = "io.kestra.plugin.core.execution.Assert" [] "Fail unless conditions hold" small::AssertKeys;
    Core::Clone = "io.kestra.plugin.git.Clone" [] "Clone a Git repository into the working directory" transfer::CloneKeys;
    Core::Concat = "io.kestra.plugin.core.storage.Concat" ["io.kestra.core.tasks.storages.Concat"] "Join stored files" storage::ConcatKeys;
    Core::DeduplicateItems = "io.kestra.plugin.core.storage.DeduplicateItems" ["io.kestra.core.tasks.storages.DeduplicateItems"] "Keep the last line of each key of a stored file" storage::DeduplicateItemsKeys;
    Core::Download = "io.kestra.plugin.core.http.Download" ["io.kestra.plugin.fs.http.Download"] "Download a file by HTTP" transfer::DownloadKeys;
    Core::Echo = "io.kestra.plugin.core.debug.Echo" ["io.kestra.core.tasks.debugs.Echo"] "Old form of Log" small::EchoKeys;
    Core::Exit = "io.kestra.plugin.core.execution.Exit" [] "End the execution in a state" small::ExitKeys;
    Core::Fail = "io.kestra.plugin.core.execution.Fail" ["io.kestra.core.tasks.executions.Fail"] "Fail, on a condition or always" small::FailKeys;
    Core::FileRead = "taffrail.file.Read" [] "Read a file of this machine" machine::FileReadKeys;
    Core::FileWrite = "taffrail.file.Write" [] "Write a file of this machine" machine::FileWriteKeys;
    Core::FilterItems = "io.kestra.plugin.core.storage.FilterItems" ["io.kestra.core.tasks.storages.FilterItems"] "Keep or drop lines of a stored file" storage::FilterItemsKeys;
    Core::KvDelete = "io.kestra.plugin.core.kv.Delete" ["io.kestra.core.tasks.kv.Delete"] "Delete a key of the key-value store" storage::KvOneKeys;
    Core::KvGet = "io.kestra.plugin.core.kv.Get" ["io.kestra.core.tasks.kv.Get"] "Read a value of the key-value store" storage::KvOneKeys;
    Core::KvGetKeys = "io.kestra.plugin.core.kv.GetKeys" ["io.kestra.core.tasks.kv.GetKeys"] "List keys of the key-value store" storage::KvGetKeysKeys;
    Core::KvSet = "io.kestra.plugin.core.kv.Set" ["io.kestra.core.tasks.kv.Set"] "Write a value to the key-value store" storage::KvSetKeys;
    Core::Labels = "io.kestra.plugin.core.execution.Labels" ["io.kestra.core.tasks.executions.Labels"] "Add labels to the execution" small::LabelsKeys;
    Core::LocalFiles = "io.kestra.plugin.core.storage.LocalFiles" ["io.kestra.core.tasks.storages.LocalFiles", "io.kestra.core.tasks.scripts.LocalFiles"] "Old form of the inputFiles and outputFiles of WorkingDirectory" storage::LocalFilesKeys;
    Core::Log = "io.kestra.plugin.core.log.Log" ["io.kestra.core.tasks.log.Log"] "Log one or more messages" small::LogKeys;
    Core::NamespaceDelete = "io.kestra.plugin.core.namespace.DeleteFiles" [] "Delete files of the namespace" storage::NamespaceDeleteKeys;
    Core::NamespaceDownload = "io.kestra.plugin.core.namespace.DownloadFiles" [] "Store files of the namespace for later tasks" storage::NamespaceDownloadKeys;
    Core::NamespaceUpload = "io.kestra.plugin.core.namespace.UploadFiles" [] "Put files into the namespace" storage::NamespaceUploadKeys;
    Core::OutputValues = "io.kestra.plugin.core.output.OutputValues" ["io.kestra.core.tasks.outputs.OutputValues"] "Hand out values" small::OutputValuesKeys;
    Core::Publish = "io.kestra.plugin.core.metric.Publish" [] "Publish metrics" small::PublishKeys;
    Core::PurgeExecutionFiles = "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles" ["io.kestra.plugin.core.storage.PurgeExecution", "io.kestra.core.tasks.storages.PurgeExecution"] "Delete the stored files of this execution" small::NoKeys;
    Core::PurgeExecutions idle "executions are kept until you delete them" = "io.kestra.plugin.core.execution.PurgeExecutions" ["io.kestra.plugin.core.storage.Purge", "io.kestra.core.tasks.storages.Purge", "io.kestra.plugin.core.purge.Purge"] "Delete old executions of a server" small::PurgeExecutionsKeys;
    Core::PurgeLogs idle "logs are kept until you delete them" = "io.kestra.plugin.core.log.PurgeLogs" [] "Delete old logs of a server" small::PurgeLogsKeys;
    Core::Request = "io.kestra.plugin.core.http.Request" ["io.kestra.plugin.fs.http.Request"] "Ask an HTTP server" transfer::RequestKeys;
    Core::Return = "io.kestra.plugin.core.debug.Return" ["io.kestra.core.tasks.debugs.Return"] "Hand out one value" small::ReturnKeys;
    Core::Reverse = "io.kestra.plugin.core.storage.Reverse" ["io.kestra.core.tasks.storages.Reverse"] "Reverse the lines of a stored file" storage::ReverseKeys;
    Core::SetVariables = "io.kestra.plugin.core.execution.SetVariables" [] "Set variables of the execution" small::SetVariablesKeys;
    Core::Size = "io.kestra.plugin.core.storage.Size" ["io.kestra.core.tasks.storages.Size"] "Size of a stored file" storage::SizeKeys;
    Core::Sleep = "io.kestra.plugin.core.flow.Sleep" [] "Wait for some time" small::SleepKeys;
    Core::Split = "io.kestra.plugin.core.storage.Split" ["io.kestra.core.tasks.storages.Split"] "Split a stored file by lines" storage::SplitKeys;
    Core::StorageDelete = "io.kestra.plugin.core.storage.Delete" ["io.kestra.core.tasks.storages.Delete"] "Delete a stored file" storage::StorageDeleteKeys;
    Core::UnsetVariables = "io.kestra.plugin.core.execution.UnsetVariables" [] "Remove variables of the execution" small::UnsetVariablesKeys;
    Core::Write = "io.kestra.plugin.core.storage.Write" [] "Store a text as a file" storage::WriteKeys;
    Legacy::Bash = "io.kestra.core.tasks.scripts.Bash" [] "Old form of the tasks for shell lines" legacy::BashKeys;
    Legacy::Node = "io.kestra.core.tasks.scripts.Node" [] "Old form of the tasks for Node" legacy::NodeKeys;
    Legacy::Python = "io.kestra.core.tasks.scripts.Python" [] "Old form of the tasks for Python" legacy::PythonKeys;
}

/// Every native type, in the order of the table.
pub fn all() -> &'static [NativeType] {
    TABLE
}

/// The native type of this name, current or old. Flowables had another package once and kept the last part of their name.
pub fn find(name: &str) -> Option<&'static NativeType> {
    let current = name
        .strip_prefix(FLOW[1])
        .map(|last| format!("{}{last}", FLOW[0]));
    let wanted = current.as_deref().unwrap_or(name);
    TABLE.iter().find(|native| {
        native.name == wanted
            || native
                .aliases
                .iter()
                .any(|alias| *alias == name || *alias == wanted)
    })
}

impl NativeKind {
    /// The row of the table.
    ///
    /// # Panics
    /// Never: every kind has a row, which a test holds.
    pub fn native_type(self) -> &'static NativeType {
        TABLE
            .iter()
            .find(|native| native.kind == self)
            .expect("every kind has a row")
    }
}

impl FlowableKind {
    /// Whether its `tasks` are wrapped: `- task: {…}`, `dependsOn: […]`.
    pub(crate) fn wraps_tasks(self) -> bool {
        self == FlowableKind::Dag
    }

    /// Whether a key of this name holds tasks in it.
    pub(crate) fn holds_tasks(self, key: &str) -> bool {
        match key {
            "then" | "else" => self == FlowableKind::If,
            "defaults" => self == FlowableKind::Switch,
            "tasks" => !matches!(self, FlowableKind::Subflow | FlowableKind::ForEachItem),
            "errors" | "finally" => self != FlowableKind::Subflow,
            _ => false,
        }
    }

    /// Whether the tasks of a list run in the order of the source, each after the one before.
    pub(crate) fn keeps_order(self, key: &str) -> bool {
        match self {
            FlowableKind::Parallel | FlowableKind::Dag => key != "tasks",
            // A later round may read what a later task of an earlier round left.
            FlowableKind::LoopUntil
            | FlowableKind::ForEach
            | FlowableKind::EachParallel
            | FlowableKind::EachSequential => false,
            _ => true,
        }
    }

    /// Whether its tasks run once for each value, so that they have a `taskrun.value`.
    pub fn has_items(self) -> bool {
        matches!(
            self,
            FlowableKind::ForEach | FlowableKind::EachParallel | FlowableKind::EachSequential
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_and_every_row_is_found_by_its_kind() {
        let mut names: Vec<&str> = TABLE
            .iter()
            .flat_map(|native| std::iter::once(native.name).chain(native.aliases.iter().copied()))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for native in TABLE {
            assert_eq!(native.kind.native_type().name, native.name);
            for name in std::iter::once(&native.name).chain(native.aliases) {
                assert_eq!(
                    find(name).map(|found| found.name),
                    Some(native.name),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn old_packages_of_flowables_are_known() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(find(name).map(|native| native.name), expected, "{name}");
        };
        check(
            "io.kestra.core.tasks.flows.Switch",
            Some("io.kestra.plugin.core.flow.Switch"),
        );
        check(
            "io.kestra.core.tasks.flows.Flow",
            Some("io.kestra.plugin.core.flow.Subflow"),
        );
        check("io.kestra.core.tasks.flows.Worker", None);
        check("io.kestra.plugin.core.flow.Forech", None);
    }

    #[test]
    fn keys_are_closed_objects() {
        for native in TABLE {
            let keys = native.keys();
            assert_eq!(
                keys.get("additionalProperties"),
                Some(&Value::Bool(false)),
                "{}",
                native.name
            );
        }
    }
}
