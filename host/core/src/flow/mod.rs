//! What a flow's author wrote, typed as far as that is certain, unrendered, every part with its place.

mod catalogue;
mod common_keys;
mod conflict;
mod defaults;
mod expressions;
mod nodes;
mod read;
mod read_task;
mod refusal;
mod task;
mod types;

pub(crate) use nodes::{for_each_text, to_json_with_text};
pub(crate) use read_task::wrong_version;
pub use task::{Branch, CommonKeys, CoreKind, FlowableKind, ScriptType, Task, TaskKind};
pub use types::{Flow, FlowOutput, Label, PluginDefault, Spanned};
