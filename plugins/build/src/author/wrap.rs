//! From a core module of any compiler to a component that imports nothing but the log.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::template::CONTRACT;
use super::tools::{Trouble, failed};

/// Preview 1 of WASI as an empty world inside of the component; `no_wasi.wat` says what it answers.
const NO_WASI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/no_wasi.wasm"));

/// Makes a component of a module that exports the contract's functions. Where it wants WASI, it gets an empty one of its own.
pub(super) fn wrap(mut module: Vec<u8>) -> Result<Vec<u8>, Trouble> {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("plugin.wit", CONTRACT)
        .map_err(|error| failed(format!("{error:#}")))?;
    let world = resolve
        .select_world(&[package], None)
        .map_err(|error| failed(format!("{error:#}")))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| failed(format!("{error:#}")))?;
    encode(&module)
}

/// Makes a component of a module that says itself what it exports.
pub(super) fn encode(module: &[u8]) -> Result<Vec<u8>, Trouble> {
    let encoded = || {
        ComponentEncoder::default()
            .validate(true)
            .module(module)?
            .adapter("wasi_snapshot_preview1", NO_WASI)?
            .encode()
    };
    encoded().map_err(|error| {
        failed(format!(
            "the module cannot be wrapped as a component: {error:#}"
        ))
    })
}
