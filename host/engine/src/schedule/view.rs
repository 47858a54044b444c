//! What a flowable can look up while it decides.

use std::time::Duration;

use super::Scheduler;
use super::kinds::View;

/// The clock of one node.
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
    fn elapsed(&self) -> Duration {
        self.scheduler.nodes[self.id]
            .as_ref()
            .map_or(Duration::ZERO, |node| node.attempt_clock.elapsed())
    }
}
