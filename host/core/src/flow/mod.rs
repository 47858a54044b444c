//! What a flow's author wrote, typed as far as that is certain, unrendered, every part with its place.

mod calls;
mod catalogue;
mod common_keys;
mod conflict;
mod dag;
mod defaults;
mod expressions;
mod flow_outputs;
mod guess;
mod ignored;
mod legacy;
mod loops;
mod modern;
mod nodes;
mod outputs;
mod paths;
mod promises;
mod read;
mod read_task;
mod refusal;
mod task;
mod task_version;
mod types;

pub use crate::native::{CoreKind, FlowableKind};
pub use calls::{Called, check_calls};
pub(crate) use nodes::{for_each_text, to_json_with_text};
pub use task::{Branch, CommonKeys, ScriptType, Task, TaskCache, TaskKind};
pub(crate) use task_version::wrong_version;
pub use types::{
    Broken, Concurrency, Excess, Flow, FlowOutput, Label, PluginDefault, Promise, PromiseKind,
    Spanned,
};
