//! Expressions that ask web servers are rendered on a thread of their own, so that the thread of the scheduler goes on with other tasks.
//! All others are rendered where they are needed: that is quicker by far.

use serde_json::Value;
use taffrail_core::flow::{Flow, Task};
use taffrail_core::input::InputDeclaration;
use taffrail_core::yaml::{Node, NodeKind};

use crate::execution::Execution;
use crate::render::{RenderError, Renderer};
use crate::scope::Scope;

/// Whether an expression of a task's own may ask a web server.
pub(crate) fn asks(execution: &Execution, task: &Task) -> bool {
    let own = |node: &Node| {
        node.entries()
            .iter()
            .any(|entry| !task.holds_tasks(&entry.key) && may_ask(&entry.value))
    };
    own(&task.node) && calls(execution.source.text())
}

/// Whether what a flow renders before its first task may ask a web server: its inputs and labels.
pub(crate) fn begins_by_asking(flow: &Flow) -> bool {
    let mut inputs = flow.inputs.iter().flat_map(InputDeclaration::expressions);
    inputs.any(may_ask) || labels_ask(flow)
}

/// Whether a label of a flow may ask a web server.
pub(crate) fn labels_ask(flow: &Flow) -> bool {
    flow.labels.iter().any(|label| may_ask(&label.value))
}

/// Whether an expression in a node may ask a web server: what it renders may come from elsewhere.
pub(crate) fn may_ask(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => calls(&scalar.text) || scalar.text.contains("render"),
        NodeKind::List(items) => items.iter().any(may_ask),
        NodeKind::Map(entries) => entries
            .iter()
            .any(|entry| calls(&entry.key) || may_ask(&entry.value)),
    }
}

/// Whether a text calls the function `http`.
pub(crate) fn calls(text: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), "http")
        .filter_map(|at| text.get(at + 4..))
        .any(|rest| rest.trim_start().starts_with('('))
}

/// Does something that blocks on another thread, and waits for it without keeping others waiting.
pub(crate) async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Renders a node, on another thread where it may ask a web server.
///
/// # Errors
/// The first expression that does not parse or fails, with its place.
pub(crate) async fn ask_for(scope: &Scope, node: &Node) -> Result<Value, RenderError> {
    if !may_ask(node) {
        return Renderer::new(scope).node(node);
    }
    let (scope, node) = (scope.clone(), node.clone());
    elsewhere(move || Renderer::new(&scope).node(&node)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found() {
        for (text, expected) in [
            ("{{ http('x') }}", true),
            ("{{ http ( 'x' ) }}", true),
            (
                "type: io.kestra.plugin.core.http.Request\nuri: http://x/(y)",
                false,
            ),
            ("http", false),
            ("https(", false),
        ] {
            assert_eq!(calls(text), expected, "{text}");
        }
    }
}
