//! Turns the guests of this folder into components, without any Wasm toolchain; included by path from several test crates.

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// A guest with a descriptor that passes.
pub(crate) fn component(name: &str) -> Vec<u8> {
    Guest::new(name).build()
}

/// A guest to be built, with what a test may want to be different.
pub(crate) struct Guest {
    name: String,
    descriptor: String,
    api: String,
}

impl Guest {
    /// The guest of the file `<name>.wat`.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            descriptor: descriptor("echo", "1.0.0").to_string(),
            api: "0.1.0".to_owned(),
        }
    }

    /// What `describe` returns.
    pub(crate) fn descriptor(mut self, text: impl ToString) -> Self {
        self.descriptor = text.to_string();
        self
    }

    /// The version of the plugin API that it is built against.
    pub(crate) fn api(mut self, version: &str) -> Self {
        version.clone_into(&mut self.api);
        self
    }

    /// The component's bytes.
    pub(crate) fn build(&self) -> Vec<u8> {
        let guests = root().join("tests/guests");
        let read = |name: &str| {
            let path = guests.join(name);
            std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let guest = read(&format!("{}.wat", self.name));
        let (imports, fields) = guest.split_once(";; fields").unwrap_or(("", &guest));
        let mut text = format!("(module\n{}", read("prelude.wat"));
        text = text.replace("EXTRA-IMPORTS", imports);
        // A guest that brings a part of its own replaces the shared one.
        for (file, export) in [
            ("realloc.wat", "\"cabi_realloc\""),
            (
                "describe.wat",
                "\"taffrail:plugin/language@0.1.0#describe\"",
            ),
            ("plan.wat", "\"taffrail:plugin/language@0.1.0#plan\""),
        ] {
            if !fields.contains(export) {
                text.push_str(&read(file));
            }
        }
        text.push_str(fields);
        text.push(')');
        let text = text
            .replace("DESCRIPTOR", &escaped(&self.descriptor))
            .replace("LENGTH", &self.descriptor.len().to_string())
            .replace("@0.1.0", &format!("@{}", self.api));
        let mut module =
            wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.name));

        let mut resolve = Resolve::default();
        let contract = std::fs::read_to_string(root().join("wit/v0.1/plugin.wit")).unwrap();
        let contract = contract.replace("@0.1.0", &format!("@{}", self.api));
        let mut package = resolve.push_str("plugin.wit", &contract).unwrap();
        let world_name = match guest
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(";; world: "))
        {
            Some(name) => {
                package = resolve.push_str("worlds.wit", &read("worlds.wit")).unwrap();
                name
            }
            None => "language-plugin",
        };
        let world = resolve.select_world(&[package], Some(world_name)).unwrap();
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .unwrap();
        ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap_or_else(|error| panic!("{}: {error:#}", self.name))
            .encode()
            .unwrap_or_else(|error| panic!("{}: {error:#}", self.name))
    }
}

/// A descriptor that passes, of a plugin with the task type `test.<id>.Run`.
pub(crate) fn descriptor(id: &str, version: &str) -> serde_json::Value {
    serde_json::json!({
        "descriptorVersion": 1,
        "id": id,
        "version": version,
        "title": "a plugin under test",
        "taskTypes": [{
            "name": format!("test.{id}.Run"),
            "title": "Says what it was given",
            "propertiesSchema": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "text": { "type": "string" } }
            }
        }]
    })
}

/// The repository's root, above whichever crate includes this file.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("wit/v0.1").is_dir())
        .expect("the repository's root is above this crate")
        .to_owned()
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}
