//! Shares the text of keys that repeat, and finds the ones that stand twice in a map.

use std::collections::HashMap;
use std::sync::Arc;

use super::Entry;

const SLOTS: usize = 256;

/// A small direct-mapped cache: the keys of a flow are few and repeat in every task.
pub(super) struct Keys {
    slots: Vec<Option<Arc<str>>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            slots: vec![None; SLOTS],
        }
    }
}

impl Keys {
    /// The key's text, shared with an equal one where that is at hand.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        let bytes = text.as_bytes();
        let byte = |at: usize| bytes.get(at).map_or(0, |byte| usize::from(*byte));
        let hash = byte(0)
            .wrapping_mul(31)
            .wrapping_add(byte(bytes.len() / 2).wrapping_mul(17))
            .wrapping_add(byte(bytes.len().wrapping_sub(1)).wrapping_mul(7))
            .wrapping_add(bytes.len());
        let slot = &mut self.slots[hash % SLOTS];
        match slot {
            Some(shared) if **shared == *text => Arc::clone(shared),
            _ => Arc::clone(slot.insert(Arc::from(text))),
        }
    }
}

/// The keys of one map so far. Few are compared one by one, many are hashed.
#[derive(Default)]
pub(super) struct Seen {
    index: HashMap<Arc<str>, usize>,
}

impl Seen {
    const FEW: usize = 16;

    /// The index of an equal key among the entries; otherwise the key is taken as the next entry's.
    pub(super) fn insert(&mut self, key: &Arc<str>, entries: &[Entry]) -> Option<usize> {
        if entries.len() < Self::FEW {
            return entries.iter().position(|entry| entry.key == *key);
        }
        if self.index.is_empty() {
            let known = entries.iter().enumerate();
            self.index = known
                .map(|(at, entry)| (Arc::clone(&entry.key), at))
                .collect();
        }
        if let Some(&first) = self.index.get(key) {
            return Some(first);
        }
        self.index.insert(Arc::clone(key), entries.len());
        None
    }
}
