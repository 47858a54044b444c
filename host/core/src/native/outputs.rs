//! What the tasks that the host does itself hand out: names that expressions may read, and no others.

use super::{CoreKind, FlowableKind};

impl CoreKind {
    /// The names of its outputs. Not every run has all of them.
    pub fn outputs(self) -> &'static [&'static str] {
        match self {
            CoreKind::Assert => &["failed", "success"],
            CoreKind::Clone => &["directory"],
            CoreKind::Concat | CoreKind::Reverse | CoreKind::Write => &["uri"],
            CoreKind::DeduplicateItems | CoreKind::FilterItems => {
                &["uri", "processedItemsTotal", "droppedItemsTotal"]
            }
            CoreKind::Download => &["uri", "code", "length", "headers"],
            CoreKind::FileRead => &["content", "base64Content"],
            CoreKind::KvDelete => &["deleted"],
            CoreKind::KvGet | CoreKind::Return => &["value"],
            CoreKind::KvGetKeys => &["keys"],
            CoreKind::LocalFiles | CoreKind::Split => &["uris"],
            CoreKind::NamespaceDelete => &["deleted"],
            CoreKind::NamespaceDownload | CoreKind::NamespaceUpload => &["files"],
            CoreKind::OutputValues => &["values"],
            CoreKind::PurgeExecutionFiles => &["uris", "count"],
            CoreKind::PurgeExecutions => &[
                "executionsCount",
                "logsCount",
                "metricsCount",
                "storagesCount",
            ],
            CoreKind::PurgeLogs => &["count"],
            CoreKind::Request => &["uri", "code", "headers", "body"],
            CoreKind::Size => &["size"],
            CoreKind::StorageDelete => &["uri", "deleted"],
            CoreKind::Echo
            | CoreKind::Exit
            | CoreKind::Fail
            | CoreKind::FileWrite
            | CoreKind::KvSet
            | CoreKind::Labels
            | CoreKind::Log
            | CoreKind::Publish
            | CoreKind::SetVariables
            | CoreKind::Sleep
            | CoreKind::UnsetVariables => &[],
        }
    }
}

impl FlowableKind {
    /// The names of its own outputs; those of the tasks inside are theirs.
    pub fn outputs(self) -> &'static [&'static str] {
        match self {
            FlowableKind::ForEachItem => &["numberOfBatches", "iterations", "subflowOutputs"],
            FlowableKind::If => &["evaluationResult"],
            FlowableKind::LoopUntil => &["iterationCount"],
            FlowableKind::Pause => &["onResume"],
            FlowableKind::Subflow => &["executionId", "state", "outputs"],
            FlowableKind::Switch => &["value", "defaults"],
            FlowableKind::WorkingDirectory => &["outputFiles"],
            FlowableKind::AllowFailure
            | FlowableKind::Dag
            | FlowableKind::EachParallel
            | FlowableKind::EachSequential
            | FlowableKind::ForEach
            | FlowableKind::Parallel
            | FlowableKind::Sequential => &[],
        }
    }
}
