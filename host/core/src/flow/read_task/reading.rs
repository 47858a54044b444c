//! Which keys of a task hold expressions of its own, and of what these are.

use super::Seen;
use crate::native::{self, CoreKind, FlowableKind, NativeKind};
use crate::yaml::Entry;

/// Keys of a task whose text is not rendered.
const NOT_RENDERED: [&str; 4] = ["id", "type", "version", "description"];

impl Seen<'_> {
    /// Whether the key's value belongs to this task itself and is rendered.
    pub(in super::super) fn reads(&self, entry: &Entry) -> bool {
        let child = self.flowable.is_some_and(|kind| {
            kind.holds_tasks(&entry.key)
                || (kind == FlowableKind::Switch && &*entry.key == "cases")
                || (kind == FlowableKind::Pause && matches!(&*entry.key, "onPause" | "onResume"))
                // These expressions are about the flow that is called.
                || (kind == FlowableKind::Subflow && &*entry.key == "outputs")
        });
        !child && !NOT_RENDERED.contains(&&*entry.key)
    }

    /// Whether the key's expression is evaluated for each item of a file.
    pub(in super::super) fn is_of_items(&self, key: &str) -> bool {
        let kind = self
            .type_name
            .and_then(native::find)
            .map(|native| native.kind);
        match kind {
            Some(NativeKind::Core(CoreKind::FilterItems)) => key == "filterCondition",
            Some(NativeKind::Core(CoreKind::DeduplicateItems)) => key == "expr",
            _ => false,
        }
    }
}
