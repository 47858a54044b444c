//! What waits for the writer: messages in order, and a thread that is woken when somebody waits for the disk and not for each of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::write::{Haste, Message};

/// So long may pass until that is on disk of which nobody waits for it to be.
const LINGER: Duration = Duration::from_millis(10);

/// So long a commit is put off where task runs come close after one another, so that several of them share it.
const TOGETHER: Duration = Duration::from_millis(1);

/// So many that wait for one commit without any waiting for each other come close after one another.
const CLOSE: usize = 3;

/// After so many commits that were put off for a single one, none is any more.
const IN_VAIN: u32 = 3;

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

    /// The messages that belong together, at least one; none when no more come. `crowd` is what the last ones were like.
    pub(crate) fn next(&self, crowd: &mut Crowd) -> Option<Vec<Message>> {
        if crowd.is_close() {
            std::thread::sleep(TOGETHER);
        }
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
        crowd.saw(std::mem::take(&mut state.awaited));
        Some(std::mem::take(&mut state.messages))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether task runs come so close after one another that it is worth while to put a commit off for more of them. Those that run one after
/// the other never do, as each waits for the commit before.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    close: bool,
    in_vain: u32,
}

impl Crowd {
    fn is_close(&self) -> bool {
        self.close
    }

    /// So many waited for the last commit.
    fn saw(&mut self, awaited: usize) {
        match (self.close, awaited) {
            (false, _) => *self = Self::from(awaited >= CLOSE),
            (true, 2..) => self.in_vain = 0,
            (true, _) => {
                self.in_vain += 1;
                self.close = self.in_vain < IN_VAIN;
            }
        }
    }
}

impl From<bool> for Crowd {
    fn from(close: bool) -> Self {
        Self { close, in_vain: 0 }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn commits_are_put_off_while_that_brings_more() {
        let check = |awaited: &[usize], close: bool| {
            let mut crowd = Crowd::default();
            awaited.iter().for_each(|awaited| crowd.saw(*awaited));
            assert_eq!(crowd.is_close(), close, "{awaited:?}");
        };
        check(&[], false);
        // One after the other, or two by turns.
        check(&[1; 100], false);
        check(&[2; 100], false);
        check(&[1, 3], true);
        check(&[3, 1, 1], true);
        check(&[3, 1, 1, 2, 1, 1], true);
        check(&[3, 1, 0, 1], false);
        check(&[3, 1, 1, 1, 2, 1], false);
        check(&[3, 1, 1, 1, 4], true);
    }

    #[test]
    fn what_nobody_waits_for_waits_a_moment_for_what_somebody_does() {
        let queue = Queue::default();
        let settle = |haste| Message::Settle(oneshot::channel().0, haste);
        let mut crowd = Crowd::default();
        queue.send(settle(Haste::Soon));
        let begun = Instant::now();
        assert_eq!(queue.next(&mut crowd).unwrap().len(), 1);
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
            assert_eq!(queue.next(&mut crowd).unwrap().len(), 3);
        });
        assert!(begun.elapsed() < Duration::from_secs(300), "nobody woke it");
        queue.send(settle(Haste::Now));
        queue.close();
        assert_eq!(queue.next(&mut crowd).unwrap().len(), 1);
        assert!(queue.next(&mut crowd).is_none());
    }
}
