//! Advances an engine's epoch while calls are under way, and sleeps without a wake-up while there are none.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::EngineWeak;

/// Time between two ticks; deadlines are exact to about one of these.
const TICK: Duration = Duration::from_millis(10);

/// The number of ticks after which a call of this length is certainly over its time.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    // The first tick may come at once, as it does not know when the call began.
    u64::try_from(deadline.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2) + 1
}

/// Owns the thread that ticks; the thread starts with the first call.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: usize,
    /// Whether the thread sleeps until it is woken, and not until the next tick.
    resting: bool,
    over: bool,
}

impl Ticker {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::default(),
            thread: Mutex::default(),
        }
    }

    /// Ticks until the returned guard is dropped.
    ///
    /// # Errors
    /// When there is no thread to tick on; nothing may run then, as nothing would end it.
    pub(crate) fn run(
        &self,
        engine: impl FnOnce() -> EngineWeak,
    ) -> Result<Running<'_>, std::io::Error> {
        {
            let mut state = lock(&self.shared.state);
            state.calls += 1;
            if state.resting {
                state.resting = false;
                self.shared.changed.notify_one();
            }
        }
        let running = Running {
            shared: &self.shared,
        };
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let engine = engine();
            let ticking = std::thread::Builder::new()
                .name("plugin-ticker".to_owned())
                .stack_size(64 << 10)
                .spawn(move || tick(&shared, &engine))?;
            *thread = Some(ticking);
        }
        Ok(running)
    }

    /// Whether the thread sleeps without a next tick.
    #[cfg(test)]
    fn rests(&self) -> bool {
        lock(&self.shared.state).resting
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        lock(&self.shared.state).over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of the ticker has nothing more to say here.
            drop(thread.join());
        }
    }
}

/// A call under way.
pub(crate) struct Running<'a> {
    shared: &'a Shared,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.shared.state).calls -= 1;
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut state = lock(&shared.state);
    while !state.over {
        if state.calls == 0 {
            state.resting = true;
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        state = shared
            .changed
            .wait_timeout(state, TICK)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_when_no_call_is_under_way() {
        let engine = wasmtime::Engine::default();
        let ticker = Ticker::new();
        for _ in 0..3 {
            drop(ticker.run(|| engine.weak()).unwrap());
            while !ticker.rests() {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn deadlines_round_up() {
        for (milliseconds, expected) in [(0, 1), (1, 2), (10, 2), (250, 26), (1_000, 101)] {
            assert_eq!(ticks(Duration::from_millis(milliseconds)), expected);
        }
    }
}
