//! What waits for the writer: messages in order, and a thread that is woken when somebody waits for the disk and not for each of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::write::{Haste, Message};

/// So long may pass until that is on disk of which nobody waits for it to be.
const LINGER: Duration = Duration::from_millis(10);

/// Messages on their way to one thread.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    linger: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            linger: LINGER,
        }
    }
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    /// How many of them somebody waits for.
    awaited: usize,
    closed: bool,
    /// Whether there is no thread any more.
    abandoned: bool,
    sleeps: Sleep,
}

/// What wakes the thread.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    /// It is awake, or looks by itself.
    #[default]
    Not,
    /// Any message.
    UntilAny,
    /// One that somebody waits for.
    UntilAwaited,
}

impl Queue {
    /// Hands a message on. Where nobody takes it any more, it is dropped, and with it what tells that it was written.
    pub(crate) fn send(&self, message: Message) {
        let mut state = self.lock();
        if state.abandoned {
            return;
        }
        let awaited = matches!(message, Message::Settle(_, Haste::Now));
        state.messages.push(message);
        state.awaited += usize::from(awaited);
        let wakes = match state.sleeps {
            Sleep::Not => false,
            Sleep::UntilAny => true,
            Sleep::UntilAwaited => awaited,
        };
        if wakes {
            state.sleeps = Sleep::Not;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// No more messages come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Nobody takes messages any more.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        state.messages.clear();
    }

    /// The messages that belong together, at least one; none when no more come.
    pub(crate) fn next(&self) -> Option<Vec<Message>> {
        let mut state = self.lock();
        while state.messages.is_empty() {
            if state.closed {
                return None;
            }
            state.sleeps = Sleep::UntilAny;
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + self.linger;
        while state.awaited == 0 && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.sleeps = Sleep::UntilAwaited;
            state = self
                .wake
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.sleeps = Sleep::Not;
        state.awaited = 0;
        Some(std::mem::take(&mut state.messages))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_nobody_waits_for_waits_a_moment_for_what_somebody_does() {
        let queue = Queue::default();
        let settle = |haste| Message::Settle(oneshot::channel().0, haste);
        queue.send(settle(Haste::Soon));
        let begun = Instant::now();
        assert_eq!(queue.next().unwrap().len(), 1);
        assert!(begun.elapsed() >= LINGER);

        let queue = Queue {
            linger: Duration::from_secs(600),
            ..Queue::default()
        };
        let begun = Instant::now();
        std::thread::scope(|scope| {
            queue.send(settle(Haste::Soon));
            scope.spawn(|| {
                // It sleeps by now, and is not woken by the first of these.
                while queue.lock().sleeps != Sleep::UntilAwaited {
                    std::thread::yield_now();
                }
                queue.send(settle(Haste::Soon));
                assert!(queue.lock().sleeps == Sleep::UntilAwaited);
                queue.send(settle(Haste::Now));
            });
            assert_eq!(queue.next().unwrap().len(), 3);
        });
        assert!(begun.elapsed() < Duration::from_secs(300), "nobody woke it");
        queue.send(settle(Haste::Now));
        queue.close();
        assert_eq!(queue.next().unwrap().len(), 1);
        assert!(queue.next().is_none());
    }
}
