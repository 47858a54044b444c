//! What a flowable can look up while it decides.

use std::time::Duration;

use serde_json::Value;
use taffrail_core::record::Failure;
use taffrail_core::yaml::Node as Written;

use super::Scheduler;
use super::kinds::{View, invalid};
use crate::render::Renderer;

/// The scope and the clock of one node.
pub(super) struct NodeView<'v, 'a, 't> {
    scheduler: &'v Scheduler<'a, 't>,
    id: usize,
}

impl<'v, 'a, 't> NodeView<'v, 'a, 't> {
    pub(super) fn new(scheduler: &'v Scheduler<'a, 't>, id: usize) -> Self {
        Self { scheduler, id }
    }
}

impl View for NodeView<'_, '_, '_> {
    fn render(&self, node: &Written) -> Result<Value, Failure> {
        let context = self.scheduler.context;
        let scope = self.scheduler.scope(self.id);
        Renderer::new(&scope).node(node).map_err(|error| {
            let diagnostic = error.diagnostic(context.execution.source.text(), node);
            let message = diagnostic.message.clone();
            let run = self.scheduler.nodes[self.id]
                .as_ref()
                .map(|node| node.run.clone());
            context.show(run.as_deref(), vec![diagnostic]);
            invalid(message)
        })
    }

    fn elapsed(&self) -> Duration {
        self.scheduler.nodes[self.id]
            .as_ref()
            .map_or(Duration::ZERO, |node| node.attempt_clock.elapsed())
    }
}
