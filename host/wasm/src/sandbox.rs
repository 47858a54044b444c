//! The engine as plugins meet it: what is switched on, how a call is fenced in, and what its end means in words.
//!
//! It knows nothing of the plugin API: a call is any future over a fresh store.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolConcurrencyLimitError,
    PoolingAllocationConfig, Store, Trap,
};
use wasmtime_wasi::I32Exit;

use crate::limits::{Limits, Tier, TierLimits};
use crate::log::{CallLog, Speaker};
use crate::state::State;
use crate::text::{bytes, harmless};
use crate::ticker::{Ticker, ticks};

/// What a thread that serves others may wait for a call; one that takes longer gets a thread of its own.
const MOMENT: Duration = Duration::from_millis(10);

/// Runs plugins within limits. Making one costs nothing; an engine starts with the first component of its tier.
pub struct Sandbox {
    limits: Limits,
    standard: OnceLock<Result<Machine, String>>,
    large: OnceLock<Result<Machine, String>>,
    pooled: OnceLock<Option<Machine>>,
}

impl Sandbox {
    /// A sandbox with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            standard: OnceLock::new(),
            large: OnceLock::new(),
            pooled: OnceLock::new(),
        }
    }

    /// The limits that hold in it.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether an engine was started.
    pub fn is_running(&self) -> bool {
        self.standard.get().is_some() || self.large.get().is_some()
    }

    /// The engine of a tier, started if need be.
    pub(crate) fn machine(&self, tier: Tier) -> Result<&Machine, String> {
        let cell = match tier {
            Tier::Standard => &self.standard,
            Tier::Large => &self.large,
        };
        let limits = || self.limits.of(tier).clone();
        cell.get_or_init(|| Machine::start(limits(), config))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// A further engine for small plugins that are asked often, one call at a time: it keeps the memory of an instance for the next one,
    /// cleared, where to map it anew takes longer than most calls. Machine code is the same for both. None where the system does not give
    /// it the addresses.
    pub(crate) fn pooled(&self) -> Option<&Machine> {
        let start = || Machine::start(self.limits.standard.clone(), pooled_config).ok();
        self.pooled.get_or_init(start).as_ref()
    }
}

/// What is switched on.
fn config(limits: &TierLimits) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack)
        .wasm_backtrace_max_frames(None)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .shared_memory(false)
        .wasm_memory64(false);
    config
}

/// The same with room for one instance that is kept. A component that does not fit in it is run without.
fn pooled_config(limits: &TierLimits) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(1)
        .total_core_instances(16)
        .total_memories(1)
        .total_tables(8)
        .max_tables_per_module(4)
        .table_elements(limits.table_elements)
        .max_memory_size(limits.memory)
        .table_keep_resident(KEPT_TABLE);
    // Only where the kernel tells which pages were written: to clear all that an instance could have written takes longer than to map it.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEPT_MEMORY);
    }
    let mut config = config(limits);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// So much of an instance's memory is kept and cleared, in bytes; what is beyond is given back.
const KEPT_MEMORY: usize = 4 << 20;

/// The same of a table.
const KEPT_TABLE: usize = 64 << 10;

/// An engine with what keeps its calls in time.
pub(crate) struct Machine {
    engine: Engine,
    ticker: Ticker,
    limits: TierLimits,
}

/// How a call is to be run.
pub(crate) struct Call {
    /// Who answers.
    pub(crate) speaker: Arc<Speaker>,
    /// How long it may take.
    pub(crate) deadline: Duration,
    /// Whether host functions may wait, which epochs do not end.
    pub(crate) waits: bool,
}

impl Machine {
    fn start(
        limits: TierLimits,
        config: impl FnOnce(&TierLimits) -> Config,
    ) -> Result<Self, String> {
        tracing::debug!("a sandbox starts");
        let config = config(&limits);
        let engine =
            Engine::new(&config).map_err(|error| format!("has no engine to run in: {error:#}"))?;
        Ok(Self {
            engine,
            ticker: Ticker::new(),
            limits,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn limits(&self) -> &TierLimits {
        &self.limits
    }

    /// Names this engine's version, settings and processor: machine code is exchangeable where it is equal.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = Hashing(Sha256::new());
        self.engine
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        hasher.0.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Compiles a component. Its size was checked before; time and memory are not limited here.
    pub(crate) fn compile(&self, component: &[u8]) -> Result<Component, String> {
        catch_unwind(AssertUnwindSafe(|| {
            Component::from_binary(&self.engine, component)
        }))
        .map_err(|panic| format!("it {}", host_fault("compiled", panic.as_ref())))?
        .map_err(|error| format!("it does not compile: {}", harmless(&format!("{error:#}"))))
    }

    /// Runs one call in a fresh store.
    ///
    /// # Errors
    /// What ended the call instead of an answer, in words that follow on "the plugin".
    pub(crate) fn run<T: Send>(
        &self,
        call: Call,
        body: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T> + Send,
    ) -> Result<T, String> {
        let running = self
            .ticker
            .run(|| self.engine.weak())
            .map_err(|error| format!("was not run: no thread to keep its time ({error})"))?;
        let outcome = if call.waits {
            self.run_waiting(&call, body)
        } else {
            catch_unwind(AssertUnwindSafe(|| self.run_at_once(&call, body)))
                .unwrap_or_else(|panic| Err(host_fault("called", panic.as_ref())))
        };
        drop(running);
        outcome
    }

    /// Runs one call in a fresh store on this very thread, unless it takes longer than [`MOMENT`], or so long that it might: then there
    /// is no answer, and it is as if it had never been asked.
    pub(crate) fn run_in_a_moment<T>(
        &self,
        call: Call,
        body: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Option<Result<T, String>> {
        if call.waits || !has_room(self.limits.stack) {
            return None;
        }
        let running = self.ticker.run(|| self.engine.weak()).ok()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut store = self.store(&call);
            store.set_epoch_deadline(ticks(MOMENT.min(call.deadline)));
            store.data().log.hold();
            match polled(&mut store, body) {
                Err(Ended::Late) => None,
                Err(Ended::Error(error))
                    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt)
                        || error.is::<PoolConcurrencyLimitError>() =>
                {
                    None
                }
                outcome => Some(self.close(&call, &store, outcome)),
            }
        }))
        .unwrap_or_else(|panic| Some(Err(host_fault("called", panic.as_ref()))));
        drop(running);
        outcome
    }

    fn store(&self, call: &Call) -> Store<State> {
        let log = CallLog::new(Arc::clone(&call.speaker), &self.limits);
        let mut store = Store::new(&self.engine, State::new(log, &self.limits));
        store.limiter(|state| &mut state.meter);
        store.set_epoch_deadline(ticks(call.deadline));
        store.set_hostcall_fuel(self.limits.copied);
        store
    }

    /// No host function of such a component waits, so the future is ready when it is first asked; no thread and no fiber is needed.
    fn run_at_once<T>(
        &self,
        call: &Call,
        body: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, String> {
        let mut store = self.store(call);
        let outcome = polled(&mut store, body);
        self.close(call, &store, outcome)
    }

    /// Epochs do not reach into host calls, and a WASI guest can wait there for an hour: a timeout goes round the whole call.
    /// It runs on a thread of its own, since nobody can wait for a future on a thread that serves other futures.
    fn run_waiting<T: Send>(
        &self,
        call: &Call,
        body: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T> + Send,
    ) -> Result<T, String> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("plugin-call".to_owned())
                .spawn_scoped(scope, || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .map_err(|error| format!("got no runtime to run in: {error}"))?;
                    let mut store = self.store(call);
                    let outcome = runtime.block_on(async {
                        tokio::time::timeout(call.deadline, body(&mut store)).await
                    });
                    runtime.shutdown_background();
                    let outcome = match outcome {
                        Ok(outcome) => outcome.map_err(Ended::Error),
                        Err(_) => Err(Ended::Late),
                    };
                    self.close(call, &store, outcome)
                })
                .map_err(|error| format!("got no thread to run in: {error}"))?;
            thread
                .join()
                .unwrap_or_else(|panic| Err(host_fault("called", panic.as_ref())))
        })
    }

    fn close<T>(
        &self,
        call: &Call,
        store: &Store<State>,
        outcome: Result<T, Ended>,
    ) -> Result<T, String> {
        store.data().log.finish();
        outcome.map_err(|ended| self.explain(call, store.data(), &ended))
    }

    /// Says in words why there is no answer.
    fn explain(&self, call: &Call, state: &State, ended: &Ended) -> String {
        let late = || format!("took longer than {}", humane(call.deadline));
        let error = match ended {
            Ended::Late => return late(),
            Ended::Error(error) => error,
        };
        if let Some(exceeded) = state.meter.exceeded() {
            return exceeded.to_owned();
        }
        if let Some(I32Exit(code)) = error.downcast_ref() {
            return format!("called exit({code})");
        }
        let complaint = state.log.complaint();
        match (error.downcast_ref::<Trap>(), complaint) {
            (Some(Trap::Interrupt), _) => late(),
            (Some(Trap::StackOverflow), _) => {
                format!("ran out of stack ({})", bytes(self.limits.stack as u64))
            }
            (Some(Trap::UnreachableCodeReached), Some(text)) => format!("panicked: {text}"),
            (Some(Trap::UnreachableCodeReached), None) => {
                "panicked without a word (it reached an `unreachable` instruction)".to_owned()
            }
            (Some(trap), complaint) => {
                let trap = trap.to_string();
                let trap = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
                match complaint {
                    Some(text) => format!("trapped ({trap}): {text}"),
                    None => format!("trapped: {trap}"),
                }
            }
            (None, _) => {
                let text = format!("{:#}", error);
                if text.contains("fuel allocated for hostcalls") {
                    format!(
                        "handed over more than {} of data",
                        bytes(self.limits.copied as u64)
                    )
                } else {
                    format!("broke the rules of the boundary: {}", harmless(&text))
                }
            }
        }
    }
}

/// Whether the main thread's stack (`ulimit -s`) surely has so many bytes for a guest beside what the host itself has on it; other threads
/// have what they were made with.
fn has_room(guest: usize) -> bool {
    let stack = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
    stack.is_none_or(|stack| stack >= 4 * guest as u64)
}

/// What comes of a body that is ready when it is first asked.
fn polled<T>(
    store: &mut Store<State>,
    body: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T, Ended> {
    let future = pin!(body(store));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.map_err(Ended::Error),
        Poll::Pending => Err(Ended::Late),
    }
}

/// Why a call ended without an answer.
enum Ended {
    Late,
    Error(wasmtime::Error),
}

/// A panic on this side of the boundary.
fn host_fault(done: &str, panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    format!(
        "could not be {done}: taffrail itself failed ({}); this is a fault of taffrail, please report it together with the plugin's digest",
        harmless(text)
    )
}

/// A duration as people write it: `250 ms`, `1 s`.
fn humane(duration: Duration) -> String {
    match duration.as_millis() {
        whole if whole.is_multiple_of(1_000) => format!("{} s", whole / 1_000),
        milliseconds => format!("{milliseconds} ms"),
    }
}

/// Lets what only implements `Hash` be digested by a function whose result does not change between two builds.
struct Hashing(Sha256);

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(waits: bool) -> Call {
        Call {
            speaker: Arc::default(),
            deadline: Duration::from_secs(10),
            waits,
        }
    }

    #[test]
    fn a_panic_on_this_side_is_a_report_and_hurts_no_later_call() {
        let sandbox = Sandbox::new(Limits::default());
        let machine = sandbox.machine(Tier::Standard).unwrap();
        for waits in [false, true] {
            let error = machine
                .run(call(waits), async |_| -> wasmtime::Result<()> {
                    panic!("a text\x1b")
                })
                .unwrap_err();
            assert!(
                error.starts_with("could not be called: taffrail itself failed (a text\\u{1b})"),
                "{error}"
            );
            let answer = machine.run(call(waits), async |_| Ok(7));
            assert_eq!(answer, Ok(7));
        }
    }

    #[test]
    fn what_never_becomes_ready_is_late() {
        let sandbox = Sandbox::new(Limits::default());
        let machine = sandbox.machine(Tier::Standard).unwrap();
        for waits in [false, true] {
            let hasty = Call {
                deadline: Duration::from_millis(20),
                ..call(waits)
            };
            let error = machine
                .run(hasty, async |_| {
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .unwrap_err();
            assert_eq!(error, "took longer than 20 ms");
        }
    }

    #[test]
    fn two_engines_with_the_same_settings_share_machine_code() {
        let fingerprint = || {
            let sandbox = Sandbox::new(Limits::default());
            sandbox.machine(Tier::Standard).unwrap().fingerprint()
        };
        assert_eq!(fingerprint(), fingerprint());
        assert_eq!(fingerprint().len(), 16);
    }
}
