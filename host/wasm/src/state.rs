//! What belongs to one call: the meter of what the guest uses, its log and, where it asked for one, its empty world.

use wasmtime::ResourceLimiter;

use crate::limits::TierLimits;
use crate::log::CallLog;
use crate::text::bytes;
use crate::wasi::EmptyWorld;

/// The data of a store.
pub(crate) struct State {
    pub(crate) log: CallLog,
    pub(crate) meter: Meter,
    world: Option<Box<EmptyWorld>>,
}

impl State {
    pub(crate) fn new(log: CallLog, limits: &TierLimits) -> Self {
        Self {
            log,
            meter: Meter::new(limits),
            world: None,
        }
    }

    /// The empty world, made when the guest first touches it.
    pub(crate) fn world(&mut self) -> &mut EmptyWorld {
        self.world
            .get_or_insert_with(|| Box::new(EmptyWorld::new(&self.log)))
    }
}

/// Adds up what all memories and tables of an instance use, and remembers which limit was reached.
///
/// The engine's own limiter counts each memory by itself, so that ten memories would get ten times the limit.
pub(crate) struct Meter {
    memory: usize,
    memory_most: usize,
    elements: usize,
    elements_most: usize,
    instances_most: usize,
    memories_most: usize,
    exceeded: Option<String>,
}

impl Meter {
    fn new(limits: &TierLimits) -> Self {
        Self {
            memory: 0,
            memory_most: limits.memory,
            elements: 0,
            elements_most: limits.table_elements,
            instances_most: limits.instances,
            memories_most: limits.memories,
            exceeded: None,
        }
    }

    /// Which limit ended the call, in words.
    pub(crate) fn exceeded(&self) -> Option<&str> {
        self.exceeded.as_deref()
    }

    fn refuse(&mut self, what: String) -> wasmtime::Result<bool> {
        // An error ends the call at once; a plain `false` would leave the guest to its own out-of-memory panic.
        let error = wasmtime::Error::msg(what.clone());
        self.exceeded = Some(what);
        Err(error)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_most {
            let most = bytes(self.memory_most as u64);
            return self.refuse(format!("asked for more than {most} of memory"));
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self
            .elements
            .saturating_add(desired.saturating_sub(current));
        if total > self.elements_most {
            let most = self.elements_most;
            return self.refuse(format!("asked for more than {most} table elements"));
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances_most
    }

    fn tables(&self) -> usize {
        self.instances_most
    }

    fn memories(&self) -> usize {
        self.memories_most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together() {
        let mut meter = Meter::new(&TierLimits {
            memory: 100,
            ..TierLimits::standard()
        });
        assert!(meter.memory_growing(0, 60, None).is_ok());
        assert!(meter.memory_growing(0, 40, None).is_ok());
        assert!(meter.memory_growing(40, 41, None).is_err());
        assert_eq!(
            meter.exceeded(),
            Some("asked for more than 100 bytes of memory")
        );
    }
}
