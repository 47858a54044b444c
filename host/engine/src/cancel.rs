//! The wish to end something, which only ever grows: first ask, then kill.

use std::sync::Arc;

use tokio::sync::watch;

/// How urgent the wish is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelLevel {
    /// Nobody wants anything to end.
    None,
    /// End, with the grace period.
    Ask,
    /// End now.
    Kill,
}

/// A cancellation that is shared by all who can ask for it and all who heed it. Clones are the same cancellation.
#[derive(Debug, Clone)]
pub struct Cancel {
    level: Arc<watch::Sender<CancelLevel>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Cancel {
            level: Arc::new(watch::Sender::new(CancelLevel::None)),
        }
    }
}

impl Cancel {
    /// A cancellation that nobody has asked for yet.
    pub fn new() -> Self {
        Cancel::default()
    }

    /// What is wanted now.
    pub fn level(&self) -> CancelLevel {
        *self.level.borrow()
    }

    /// Wants at least this; a lower level than before changes nothing.
    pub fn raise(&self, to: CancelLevel) {
        self.level.send_if_modified(|level| {
            let higher = to > *level;
            if higher {
                *level = to;
            }
            higher
        });
    }

    /// One more Ctrl-C: none becomes ask, ask becomes kill. Gives the new level.
    pub fn press(&self) -> CancelLevel {
        let mut now = CancelLevel::Kill;
        self.level.send_modify(|level| {
            *level = if *level == CancelLevel::None {
                CancelLevel::Ask
            } else {
                CancelLevel::Kill
            };
            now = *level;
        });
        now
    }

    /// Waits until more is wanted than `seen`, and gives what. Cancel-safe.
    pub async fn beyond(&self, seen: CancelLevel) -> CancelLevel {
        let mut receiver = self.level.subscribe();
        let reached = receiver.wait_for(|level| *level > seen).await;
        // What is borrowed must not be held while waiting.
        match reached.map(|level| *level) {
            Ok(level) => level,
            // The sender lives in `self`, so this is unreachable; waiting for ever is its harmless meaning.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_wish_only_grows() {
        let cancel = Cancel::new();
        assert_eq!(cancel.level(), CancelLevel::None);
        assert_eq!(cancel.press(), CancelLevel::Ask);
        assert_eq!(cancel.clone().press(), CancelLevel::Kill);
        cancel.raise(CancelLevel::Ask);
        assert_eq!(cancel.level(), CancelLevel::Kill);
        assert_eq!(cancel.press(), CancelLevel::Kill);
    }

    #[tokio::test]
    async fn a_waiter_sees_the_next_level_however_it_comes() {
        let cancel = Cancel::new();
        let (level, ()) = tokio::join!(cancel.beyond(CancelLevel::None), async {
            cancel.raise(CancelLevel::Kill)
        });
        assert_eq!(level, CancelLevel::Kill);
        assert_eq!(cancel.beyond(CancelLevel::Ask).await, CancelLevel::Kill);
    }
}
