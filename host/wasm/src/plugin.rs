//! One component, from its bytes to its answers: judged, compiled or revived, linked, asked.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use taffrail_core::plan::{Plan, PlanRefusal, PlanRequest};
use wasmtime::component::Component;

use crate::anatomy::Anatomy;
use crate::api::{Adapter, Answer};
use crate::cache::Cache;
use crate::check;
use crate::interface::Interface;
use crate::limits::Tier;
use crate::log::Speaker;
use crate::sandbox::{Call, Machine, Sandbox};
use crate::text::{bytes, harmless};

/// Why a component cannot be loaded, in words that follow on its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub(crate) String);

/// Why a loaded plugin gave no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It works, and said no.
    #[error("{0}")]
    Refused(PlanRefusal),
    /// It trapped, ran into a limit or answered with what the contract does not allow.
    #[error("{0}")]
    Faulty(String),
}

/// A component that is ready to be asked. Every call gets a fresh instance.
pub struct Plugin {
    sandbox: Arc<Sandbox>,
    tier: Tier,
    adapter: Adapter,
    interface: Interface,
    speaker: OnceLock<Arc<Speaker>>,
    digest: String,
    /// Whether a plan has taken longer than a moment.
    slow: AtomicBool,
    /// How many plans were asked for in a moment.
    asked: AtomicU32,
    /// The same machine code in the engine for what is [asked often](Sandbox::pooled), where it fits there.
    pooled: OnceLock<Option<Adapter>>,
}

/// After so many plans, a plugin is worth an engine that keeps the memory of its instances.
const OFTEN: u32 = 32;

/// What describes a component without running it, as the cache keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// The plugin API that it speaks.
    pub(crate) api: String,
    /// Whether the same request always gives the same plan.
    pub(crate) reproducible: bool,
    /// What `describe` returned.
    pub(crate) descriptor: String,
}

impl Plugin {
    /// Compiles a component, without any cache.
    ///
    /// # Errors
    /// When it is no plugin that this host can run; says why.
    pub fn load(sandbox: &Arc<Sandbox>, component: &[u8]) -> Result<Self, LoadError> {
        let digest = digest(component);
        let bytes = || Ok(Cow::Borrowed(component));
        Self::obtain(
            sandbox,
            &Cache::off(),
            component.len() as u64,
            &digest,
            bytes,
        )
        .map_err(LoadError)
    }

    /// Takes a component's machine code from the cache, or compiles it and puts it there. `component` gives its bytes, which are
    /// only asked for where they are needed.
    pub(crate) fn obtain<'a>(
        sandbox: &Arc<Sandbox>,
        cache: &Cache,
        size: u64,
        digest: &str,
        component: impl FnOnce() -> Result<Cow<'a, [u8]>, String>,
    ) -> Result<Self, String> {
        let limits = sandbox.limits();
        let tier = limits
            .tier(size)
            .ok_or_else(|| too_large(size, limits.largest_file()))?;
        let machine = sandbox
            .machine(tier)
            .map_err(|error| format!("it {error}"))?;
        let name = code_name(digest, machine);
        if let Some((component, interface)) = revived(machine, cache, &name) {
            return Self::link(sandbox, tier, &component, interface, digest);
        }
        let bytes = component()?;
        let anatomy = Anatomy::read(&bytes, machine.limits()).map_err(|error| error.to_string())?;
        let interface = Interface::of(&anatomy).map_err(|error| error.to_string())?;
        let component = machine.compile(&bytes)?;
        let plugin = Self::link(sandbox, tier, &component, interface, digest)?;
        match component.serialize() {
            Ok(code) => cache.write(&name, &code),
            Err(error) => tracing::warn!("machine code of a plugin cannot be kept: {error:#}"),
        }
        Ok(plugin)
    }

    fn link(
        sandbox: &Arc<Sandbox>,
        tier: Tier,
        component: &Component,
        interface: Interface,
        digest: &str,
    ) -> Result<Self, String> {
        let machine = sandbox.machine(tier)?;
        let adapter = Adapter::new(machine.engine(), component, &interface).map_err(|error| {
            format!(
                "it does not fit plugin API {}: {}",
                interface.api.name(),
                harmless(&format!("{error:#}"))
            )
        })?;
        Ok(Self {
            sandbox: Arc::clone(sandbox),
            tier,
            adapter,
            interface,
            speaker: OnceLock::new(),
            digest: digest.to_owned(),
            slow: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            pooled: OnceLock::new(),
        })
    }

    /// SHA-256 of the component, lower case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The plugin API that it speaks, for example `0.1`.
    pub fn api(&self) -> &'static str {
        self.interface.api.name()
    }

    /// What it reaches, in words: `nothing`, or `clock, random (WASI 0.2, empty)`.
    pub fn reach(&self) -> &str {
        &self.interface.reach
    }

    /// Whether the same request always gives the same plan; not so where it can ask for the time or for random numbers.
    pub fn is_reproducible(&self) -> bool {
        self.interface.reproducible
    }

    /// Names the plugin in its log lines from now on. The first name holds.
    pub(crate) fn name(&self, id: &str, version: &str) {
        self.speaker.get_or_init(|| {
            Arc::new(Speaker {
                plugin: id.to_owned(),
                version: version.to_owned(),
            })
        });
    }

    /// Asks for the descriptor, as the plugin wrote it.
    ///
    /// # Errors
    /// When the call trapped or ran into a limit; the text follows on "the plugin".
    pub fn describe(&self) -> Result<String, CallError> {
        let machine = self.machine()?;
        let call = self.call(machine.limits().describe);
        machine
            .run(call, async |store| self.adapter.describe(store).await)
            .map_err(|reason| CallError::Faulty(format!("{reason} while it described itself")))
    }

    /// Asks for the plan of one task. The answer was checked; see [`CallError`].
    ///
    /// # Errors
    /// When it said no, trapped, ran into a limit or planned what the contract does not allow.
    pub fn plan(&self, request: &PlanRequest) -> Result<Plan, CallError> {
        let machine = self.machine()?;
        let call = self.call(machine.limits().plan);
        judged(machine.run(call, async |store| self.adapter.plan(store, request).await))
    }

    /// The same on this thread where that takes a moment only: none for a plugin that takes longer, or did once.
    pub(crate) fn plan_in_a_moment(
        &self,
        cache: &Cache,
        request: &PlanRequest,
    ) -> Option<Result<Plan, CallError>> {
        if matches!(self.tier, Tier::Large) || self.slow.load(Ordering::Relaxed) {
            return None;
        }
        let (machine, adapter) = match self.pooled(cache) {
            Some(pooled) => pooled,
            None => (self.machine().ok()?, &self.adapter),
        };
        let call = self.call(machine.limits().plan);
        let answer =
            machine.run_in_a_moment(call, async |store| adapter.plan(store, request).await);
        self.slow.store(answer.is_none(), Ordering::Relaxed);
        answer.map(judged)
    }

    /// The engine for plugins that are asked often, once this is one of them.
    fn pooled(&self, cache: &Cache) -> Option<(&Machine, &Adapter)> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < OFTEN {
            return None;
        }
        let machine = self.sandbox.pooled()?;
        let adapter = self.pooled.get_or_init(|| {
            let name = code_name(&self.digest, machine);
            let (component, interface) = revived(machine, cache, &name)?;
            Adapter::new(machine.engine(), &component, &interface).ok()
        });
        Some((machine, adapter.as_ref()?))
    }

    /// The description, from the cache or from the plugin.
    pub(crate) fn description(&self, cache: &Cache) -> Result<Description, String> {
        if let Some(description) = kept_description(cache, &self.digest) {
            return Ok(description);
        }
        let description = Description {
            api: self.api().to_owned(),
            reproducible: self.is_reproducible(),
            descriptor: self.describe().map_err(|error| format!("it {error}"))?,
        };
        // Once: what is kept passed it. What breaks another rule is refused by whoever reads it.
        if let Ok(descriptor) = check::descriptor(&description.descriptor, &[]) {
            check::schemas(&descriptor).map_err(|reason| format!("its descriptor {reason}"))?;
        }
        keep_description(cache, &self.digest, &description);
        Ok(description)
    }

    fn machine(&self) -> Result<&Machine, CallError> {
        self.sandbox.machine(self.tier).map_err(CallError::Faulty)
    }

    fn call(&self, deadline: std::time::Duration) -> Call {
        let speaker = self.speaker.get().map_or_else(
            || {
                Arc::new(Speaker {
                    plugin: format!("sha256:{}", &self.digest[..12]),
                    version: String::new(),
                })
            },
            Arc::clone,
        );
        Call {
            speaker,
            deadline,
            waits: self.interface.wasi,
        }
    }
}

/// What a plugin's answer comes to.
fn judged(answer: Result<Answer, String>) -> Result<Plan, CallError> {
    match answer.map_err(CallError::Faulty)? {
        Answer::Plan(plan) => check::plan(plan).map_err(CallError::Faulty),
        Answer::Refused(refusal) => {
            Err(check::refusal(refusal).map_or_else(CallError::Faulty, CallError::Refused))
        }
        Answer::Breach(reason) => Err(CallError::Faulty(reason)),
    }
}

/// The description of a component as an earlier run kept it; starts no engine.
pub(crate) fn kept_description(cache: &Cache, digest: &str) -> Option<Description> {
    let entry = cache.read(&description_name(digest))?;
    serde_json::from_slice(entry.content()).ok()
}

fn keep_description(cache: &Cache, digest: &str, description: &Description) {
    match serde_json::to_vec(description) {
        Ok(bytes) => cache.write(&description_name(digest), &bytes),
        Err(error) => tracing::warn!("a plugin's description cannot be kept: {error}"),
    }
}

/// What machine code of a component is kept as.
fn code_name(digest: &str, machine: &Machine) -> String {
    format!("{digest}-{}.cwasm", machine.fingerprint())
}

fn description_name(digest: &str) -> String {
    format!("{digest}.describe")
}

/// Machine code from the cache, with the names that it was compiled from.
fn revived(machine: &Machine, cache: &Cache, name: &str) -> Option<(Component, Interface)> {
    let entry = cache.read(name)?;
    let component = entry
        .revive(machine.engine())
        .inspect_err(|reason| tracing::warn!("a cached plugin is compiled again: {reason}"))
        .ok()?;
    let names = component.component_type();
    let engine = machine.engine();
    let anatomy = Anatomy {
        imports: names
            .imports(engine)
            .map(|(name, _)| name.to_owned())
            .collect(),
        exports: names
            .exports(engine)
            .map(|(name, _)| name.to_owned())
            .collect(),
    };
    let interface = Interface::of(&anatomy).ok()?;
    Some((component, interface))
}

/// SHA-256, lower case hexadecimal.
pub(crate) fn digest(component: &[u8]) -> String {
    Sha256::digest(component)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Says that a file is larger than a plugin may be.
pub(crate) fn too_large(size: u64, most: u64) -> String {
    format!(
        "it has {}, and at most {} are allowed for a plugin",
        bytes(size),
        bytes(most)
    )
}
