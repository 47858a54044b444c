//! Everything that can be said of a component before it is installed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use taffrail_core::descriptor::Descriptor;

use crate::anatomy::Anatomy;
use crate::cache::Cache;
use crate::check;
use crate::interface::Interface;
use crate::plugin::{LoadError, Plugin, digest};
use crate::sandbox::Sandbox;

/// What a component is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Names of what it imports.
    pub imports: Vec<String>,
    /// Names of what it exports.
    pub exports: Vec<String>,
    /// The plugin API that it speaks, for example `0.1`.
    pub api: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, lower case hexadecimal.
    pub digest: String,
    /// What it says of itself.
    pub descriptor: Arc<Descriptor>,
    /// What it reaches, in words: `nothing`, or `clock, random (WASI 0.2, empty)`.
    pub reach: String,
    /// Whether the same request always gives the same plan.
    pub reproducible: bool,
    /// How long it took to describe itself, a first instance included.
    pub describe_time: Duration,
}

/// Compiles a component, lets it describe itself and judges the result. `host_properties` are the names that every script task
/// already has.
///
/// # Errors
/// When it is no plugin that this host can run; says why.
pub fn inspect(
    sandbox: &Arc<Sandbox>,
    component: &[u8],
    host_properties: &[String],
) -> Result<Inspection, LoadError> {
    prepare(sandbox, &Cache::off(), component, host_properties)
}

/// The same, and keeps in the cache what it found, so that later runs find it ready.
///
/// # Errors
/// When it is no plugin that this host can run; says why.
pub fn prepare(
    sandbox: &Arc<Sandbox>,
    cache: &Cache,
    component: &[u8],
    host_properties: &[String],
) -> Result<Inspection, LoadError> {
    let digest = digest(component);
    let plugin = Plugin::obtain(sandbox, cache, component.len() as u64, &digest, || {
        Ok(Cow::Borrowed(component))
    })
    .map_err(LoadError)?;
    let started = Instant::now();
    let description = plugin.description(cache).map_err(LoadError)?;
    let describe_time = started.elapsed();
    let descriptor = check::descriptor(&description.descriptor, host_properties)
        .map_err(|reason| LoadError(format!("its descriptor {reason}")))?;
    let limits = sandbox.limits();
    let tier = limits.large.as_ref().unwrap_or(&limits.standard);
    let anatomy = Anatomy::read(component, tier).map_err(|error| LoadError(error.to_string()))?;
    Ok(Inspection {
        imports: anatomy.imports,
        exports: anatomy.exports,
        api: plugin.api().to_owned(),
        size: component.len() as u64,
        digest,
        descriptor: Arc::new(descriptor),
        reach: plugin.reach().to_owned(),
        reproducible: plugin.is_reproducible(),
        describe_time,
    })
}

/// Judges a component by the names of its imports and exports alone.
///
/// # Errors
/// When this host cannot run it; says why.
pub fn fits(imports: &[String], exports: &[String]) -> Result<(), String> {
    Interface::of(&Anatomy {
        imports: imports.to_vec(),
        exports: exports.to_vec(),
    })
    .map(|_| ())
    .map_err(|error| error.to_string())
}
