//! The one place that turns kept bytes back into machine code; it takes only what the cache has found genuine.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::Entry;

impl Entry {
    /// Takes up machine code that an earlier run of this host compiled.
    ///
    /// # Errors
    /// When another version, target or setting of the engine made it.
    pub(crate) fn revive(&self, engine: &Engine) -> Result<Component, String> {
        #[expect(
            unsafe_code,
            reason = "compiled plugins are native code; this is the only place that takes it up"
        )]
        // SAFETY: these bytes are what `Component::serialize` of this host returned. An `Entry` exists only where the mark over
        // exactly this memory, made with a key that only this user can read, was found right, and the file is not read again.
        // The engine itself compares its version, target and settings with those in the bytes.
        let component = unsafe { Component::deserialize(engine, self.content()) };
        component.map_err(|error| format!("{error:#}"))
    }
}
