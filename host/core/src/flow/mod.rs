//! What a flow's author wrote, typed as far as that is certain, unrendered, every part with its place.

mod task;
mod types;

pub use task::{Branch, CommonKeys, CoreKind, FlowableKind, LogLevel, ScriptType, Task, TaskKind};
pub use types::{Flow, FlowOutput, Label, PluginDefault, Spanned};
