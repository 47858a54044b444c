//! The task types that the host itself knows, flowables and small tasks of its own: one table with their names, old names, keys and
//! whether they do something here. The keys are described and read by the same types.

mod flowables;
mod legacy;
mod machine;
mod outputs;
mod small;
mod storage;
mod table;
mod transfer;

pub use flowables::{
    Batch, CacheKeys, CheckFrequency, DagKeys, EachParallelKeys, EachSequentialKeys,
    ForEachItemKeys, ForEachKeys, IfKeys, LoopUntilKeys, ParallelKeys, PauseBehavior, PauseKeys,
    SequentialKeys, SubflowKeys, SwitchKeys, WorkingDirectoryKeys,
};
pub use machine::{FileReadKeys, FileWriteKeys};
pub use small::{
    AssertKeys, EchoKeys, ExitKeys, ExitState, FailKeys, LabelPair, LabelsKeys, LabelsValue,
    LogKeys, OutputValuesKeys, PublishKeys, PublishedMetric, ReturnKeys, SetVariablesKeys,
    SleepKeys, Texts, UnsetVariablesKeys,
};
pub use storage::{
    ConcatKeys, DeduplicateItemsKeys, FileList, FilterItemsKeys, KvGetKeysKeys, KvKind, KvOneKeys,
    KvSetKeys, LocalFilesKeys, NamespaceConflict, NamespaceDeleteKeys, NamespaceDownloadKeys,
    NamespaceUploadKeys, ReverseKeys, SizeKeys, SplitKeys, StorageDeleteKeys, WriteKeys,
};
pub use table::{
    Availability, CoreKind, FlowableKind, LegacyKind, NativeKind, NativeType, all, find,
};
pub use transfer::{
    CloneKeys, DownloadKeys, HttpAuth, HttpAuthType, HttpMethod, HttpOptions, HttpSsl,
    HttpTimeouts, RequestKeys,
};
