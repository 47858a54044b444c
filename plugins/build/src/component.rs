//! From core module to component: wrap, name, and look at what it wants before anyone runs it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, World, WorldId};

use crate::project::Plugin;

/// All that an official plugin may import, without versions.
pub const ALLOWED_IMPORTS: [&str; 2] = ["taffrail:plugin/logging", "taffrail:plugin/types"];

/// The interface that makes a component a plugin, without its version.
const LANGUAGE: &str = "taffrail:plugin/language";

/// Makes a component of a plugin's core module.
///
/// # Errors
/// Where the module is not one, wants more than [`ALLOWED_IMPORTS`], or does not hold the plugin's descriptor.
pub fn wrap(plugin: &Plugin, module: &[u8]) -> Result<Vec<u8>> {
    let encoded = || {
        ComponentEncoder::default()
            .validate(true)
            .module(module)?
            .encode()
    };
    let mut component = encoded()
        .with_context(|| format!("plugin `{}` cannot be wrapped as a component", plugin.id))?;
    ensure!(
        component
            .windows(plugin.descriptor.len())
            .any(|window| window == plugin.descriptor.as_bytes()),
        "the component of plugin `{}` does not hold `descriptor.json`, byte for byte",
        plugin.id
    );
    let mut name = vec![0];
    let mut text = Vec::new();
    push_text(&mut text, &plugin.id);
    push_length(&mut name, text.len());
    name.extend(text);
    push_section(&mut component, "component-name", &name);
    push_section(&mut component, "version", plugin.version.as_bytes());
    push_section(&mut component, "licenses", plugin.licence.as_bytes());
    inspect(&component)?;
    Ok(component)
}

/// Checks what a component imports and returns the package of the contract that it exports, `taffrail:plugin@1.0.0`.
///
/// # Errors
/// Where it is no component, imports anything but [`ALLOWED_IMPORTS`], or exports no `language`.
pub fn inspect(component: &[u8]) -> Result<String> {
    let (resolve, world) = decode(component)?;
    let world = &resolve.worlds[world];
    let imports: BTreeSet<String> = world
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    let foreign: Vec<&str> = imports
        .iter()
        .map(String::as_str)
        .filter(|name| !ALLOWED_IMPORTS.contains(&bare(name)))
        .collect();
    ensure!(
        foreign.is_empty(),
        "the component imports `{}`, allowed are only `{}`",
        foreign.join("`, `"),
        ALLOWED_IMPORTS.join("`, `")
    );
    language_of(&resolve, world)
}

/// The package of the contract that a component exports, whatever it imports.
///
/// # Errors
/// Where it is no component, or exports no `language`.
pub fn language(component: &[u8]) -> Result<String> {
    let (resolve, world) = decode(component)?;
    language_of(&resolve, &resolve.worlds[world])
}

fn decode(component: &[u8]) -> Result<(Resolve, WorldId)> {
    match wit_component::decode(component).context("the component cannot be read")? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => {
            bail!("a description of interfaces was found where a component was expected")
        }
    }
}

fn language_of(resolve: &Resolve, world: &World) -> Result<String> {
    let exports: Vec<String> = world
        .exports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    match exports.iter().find(|name| bare(name) == LANGUAGE) {
        Some(language) => Ok(language.replacen("/language@", "@", 1)),
        None => bail!(
            "the component exports `{}`, but no `{LANGUAGE}`",
            exports.join("`, `")
        ),
    }
}

fn bare(name: &str) -> &str {
    name.split_once('@').map_or(name, |(bare, _)| bare)
}

/// Custom sections stand anywhere between others; the meanings of these are the registry annotations of the same names.
fn push_section(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = Vec::new();
    push_text(&mut body, name);
    body.extend(data);
    wasm.push(0);
    push_length(wasm, body.len());
    wasm.extend(body);
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    push_length(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_groups_of_seven_bits() {
        let check = |length: usize, expected: &[u8]| {
            let mut bytes = Vec::new();
            push_length(&mut bytes, length);
            assert_eq!(bytes, expected);
        };
        check(0, &[0]);
        check(127, &[127]);
        check(128, &[0x80, 1]);
        check(624_485, &[0xe5, 0x8e, 0x26]);
    }

    #[test]
    fn what_is_no_component_is_refused() {
        assert!(inspect(b"").is_err());
        assert!(inspect(b"\0asm\x01\0\0\0").is_err());
        let empty = b"\0asm\x0d\0\x01\0";
        assert!(
            inspect(empty)
                .unwrap_err()
                .to_string()
                .contains("but no `taffrail:plugin/language`")
        );
    }
}
