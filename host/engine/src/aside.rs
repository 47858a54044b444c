//! Expressions that ask web servers are rendered on a thread of their own, so that the thread of the scheduler goes on with other tasks.
//! All others are rendered where they are needed: that is quicker by far.

use taffrail_core::flow::Task;
use taffrail_core::yaml::{Node, NodeKind};

use crate::execution::Execution;

/// Whether an expression of a task's own may ask a web server.
pub(crate) fn asks(execution: &Execution, task: &Task) -> bool {
    let own = |node: &Node| {
        node.entries()
            .iter()
            .any(|entry| !task.holds_tasks(&entry.key) && may_ask(&entry.value))
    };
    // Most flows never do, which one look at the text tells.
    calls(execution.source.text()) && own(&task.node)
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
