//! `plugins/bundled`: the committed components, their descriptors and the index that vouches for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use taffrail_plugin::json::Value;

use crate::component;
use crate::guest;
use crate::project::{Plugin, Project};
use crate::toolchain::Toolchain;

/// A finished plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The plugin's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The package of the contract that it exports.
    pub api: String,
    /// Lower-case hexadecimal digest of the component.
    pub sha256: String,
    /// The component's size in bytes.
    pub size: usize,
}

/// What a rebuild has shown.
#[derive(Debug)]
pub enum Verdict {
    /// So many plugins have the committed bytes.
    Equal(usize),
    /// Nothing was compared, because other tools make other bytes.
    OtherToolchain {
        /// The toolchain of the committed plugins.
        committed: Value,
    },
}

impl Built {
    fn of(plugin: &Plugin, component: &[u8]) -> Result<Self> {
        Ok(Built {
            id: plugin.id.clone(),
            version: plugin.version.clone(),
            api: component::inspect(component)
                .with_context(|| format!("plugin `{}`", plugin.id))?,
            sha256: Sha256::digest(component)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            size: component.len(),
        })
    }

    fn to_value(&self) -> Value {
        let text = |key: &str, value: &str| (key.to_owned(), Value::from(value));
        Value::Object(vec![
            text("id", &self.id),
            text("version", &self.version),
            text("api", &self.api),
            text("sha256", &self.sha256),
            ("size".to_owned(), Value::Number(self.size.to_string())),
        ])
    }
}

/// Builds every plugin and replaces what is committed.
///
/// # Errors
/// The first plugin that cannot be built, and files that cannot be written.
pub fn write(project: &Project, toolchain: &Toolchain, identity: &Value) -> Result<Vec<Built>> {
    let mut files = BTreeMap::new();
    let mut all = Vec::new();
    for (built, component, plugin) in build(project, toolchain)? {
        let folder = folder(plugin);
        files.insert(folder.join("plugin.wasm"), component);
        files.insert(
            folder.join("descriptor.json"),
            plugin.descriptor.clone().into_bytes(),
        );
        all.push(built);
    }
    files.insert(
        PathBuf::from("index.json"),
        index(identity, &all).to_pretty().into_bytes(),
    );
    let bundled = project.bundled();
    match fs::remove_dir_all(&bundled) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).context("cannot clear `plugins/bundled`");
        }
        _ => {}
    }
    for (path, bytes) in files {
        let path = bundled.join(path);
        let parent = path.parent().unwrap_or(&bundled);
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make `{}`", parent.display()))?;
        fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(all)
}

/// Builds every plugin and compares with what is committed, where the same toolchain is at hand.
///
/// # Errors
/// Which plugins differ, with both digests.
pub fn check(project: &Project, toolchain: &Toolchain, identity: &Value) -> Result<Verdict> {
    let committed = read_index(project)?;
    let made_with = committed.get("toolchain").cloned().unwrap_or(Value::Null);
    if made_with != *identity {
        return Ok(Verdict::OtherToolchain {
            committed: made_with,
        });
    }
    let built: Vec<Built> = build(project, toolchain)?
        .into_iter()
        .map(|(built, ..)| built)
        .collect();
    let fresh = index(identity, &built);
    let (fresh, committed) = (entries(&fresh), entries(&committed));
    let mut different = Vec::new();
    for entry in fresh {
        let id = entry.get("id").and_then(Value::as_text).unwrap_or_default();
        let digest = |entry: &Value| {
            entry
                .get("sha256")
                .and_then(Value::as_text)
                .unwrap_or("none")
                .to_owned()
        };
        match committed
            .iter()
            .find(|other| other.get("id") == entry.get("id"))
        {
            Some(other) if other == entry => {}
            Some(other) => different.push(format!(
                "`{id}`: committed {}, rebuilt {}",
                digest(other),
                digest(entry)
            )),
            None => different.push(format!("`{id}`: not committed")),
        }
    }
    if different.is_empty() {
        return Ok(Verdict::Equal(built.len()));
    }
    bail!(
        "the committed plugins are not what their sources make\n{}\n{FIX}",
        different.join("\n")
    );
}

const FIX: &str = "run: cargo run -p taffrail-plugin-build, and commit plugins/bundled";

/// Checks what is committed without any toolchain: the index, the digests, the imports, the descriptors.
///
/// # Errors
/// The first thing that does not fit, and the command that mends it.
pub fn verify(project: &Project) -> Result<usize> {
    let committed = read_index(project)?;
    let listed = entries(&committed);
    let mut expected = Vec::new();
    for plugin in &project.plugins {
        let folder = project.bundled().join(folder(plugin));
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).with_context(|| format!("cannot read `{}`\n{FIX}", path.display()))
        };
        let component = read("plugin.wasm")?;
        expected.push(Built::of(plugin, &component)?.to_value());
        ensure!(
            read("descriptor.json")? == plugin.descriptor.as_bytes(),
            "the descriptor of plugin `{}` was changed after it was bundled\n{FIX}",
            plugin.id
        );
    }
    ensure!(
        listed == expected,
        "`plugins/bundled/index.json` does not list the plugins as they are\n{FIX}"
    );
    Ok(expected.len())
}

fn build<'a>(
    project: &'a Project,
    toolchain: &Toolchain,
) -> Result<Vec<(Built, Vec<u8>, &'a Plugin)>> {
    let one = |plugin: &'a Plugin| {
        let component = component::wrap(plugin, &guest::compile(project, plugin, toolchain)?)?;
        Ok((Built::of(plugin, &component)?, component, plugin))
    };
    project.plugins.iter().map(one).collect()
}

fn folder(plugin: &Plugin) -> PathBuf {
    PathBuf::from(&plugin.id).join(&plugin.version)
}

fn index(identity: &Value, built: &[Built]) -> Value {
    let plugins = built.iter().map(Built::to_value).collect();
    Value::Object(vec![
        ("toolchain".to_owned(), identity.clone()),
        ("plugins".to_owned(), Value::List(plugins)),
    ])
}

fn read_index(project: &Project) -> Result<Value> {
    let path = project.bundled().join("index.json");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read `{}`\n{FIX}", path.display()))?;
    Value::parse(&text).with_context(|| format!("`{}` is not JSON", path.display()))
}

fn entries(index: &Value) -> &[Value] {
    index
        .get("plugins")
        .and_then(Value::as_list)
        .unwrap_or_default()
}
