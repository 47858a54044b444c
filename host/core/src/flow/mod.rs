//! What a flow's author wrote, typed as far as that is certain, unrendered, every part with its place.

mod catalogue;
mod defaults;
mod expressions;
mod locate;
mod nodes;
mod read;
mod read_task;
mod task;
mod types;

pub(crate) use nodes::{for_each_text, to_json_with_text};
pub use task::{Branch, CommonKeys, CoreKind, FlowableKind, ScriptType, Task, TaskKind};
pub use types::{Flow, FlowOutput, Label, PluginDefault, Spanned};
