//! Builds a project: its language's tools make a component, which is looked at before anybody runs it.

use std::fs;
use std::path::{Path, PathBuf};

use taffrail_plugin::json::Value;

use super::lang::Lang;
use super::tools::{Trouble, failed};
use super::{c, go, javascript, python, rust};
use crate::component;

/// A finished component.
#[derive(Debug)]
pub struct Built {
    /// Where it lies: `build/<id>.wasm` of the project.
    pub path: PathBuf,
    /// What made it, for example `clang` or `componentize-py`.
    pub tool: String,
    /// Its size in bytes.
    pub size: u64,
}

/// What the tools of a language are told.
pub(super) struct Order<'a> {
    /// The project's folder, absolute.
    pub folder: &'a Path,
    /// The text of `descriptor.json`.
    pub descriptor: &'a str,
    /// The plugin's id, which the project is named for.
    pub id: &'a str,
}

/// Builds the project in a folder.
///
/// # Errors
/// When it is no project, a tool is missing, or the tool found a mistake.
pub fn build(folder: &Path) -> Result<Built, Trouble> {
    let folder = fs::canonicalize(folder).map_err(|error| {
        failed(format!(
            "there is no folder `{}`: {error}",
            folder.display()
        ))
    })?;
    let lang = Lang::of(&folder).ok_or_else(|| {
        let sources = Lang::ALL.map(|lang| format!("`{}`", lang.source()));
        failed(format!(
            "`{}` is no plugin's project: it must have exactly one of {}",
            folder.display(),
            sources.join(", ")
        ))
    })?;
    let path = folder.join("descriptor.json");
    let descriptor = fs::read_to_string(&path)
        .map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
    let document = Value::parse(&descriptor)
        .map_err(|error| failed(format!("`{}` is not JSON: {error}", path.display())))?;
    let id = document
        .get("id")
        .and_then(Value::as_text)
        .unwrap_or_default();
    if !super::valid_id(id) {
        return Err(failed(format!(
            "`{}`: `id` must be lower-case letters and digits, with single `-` between them, as in `open-cobol`",
            path.display()
        )));
    }
    let out = folder.join("build");
    fs::create_dir_all(&out)
        .map_err(|error| failed(format!("cannot make `{}`: {error}", out.display())))?;
    let order = Order {
        folder: &folder,
        descriptor: &descriptor,
        id,
    };
    let (bytes, tool) = match lang {
        Lang::Rust => rust::build(&order)?,
        Lang::Python => python::build(&order)?,
        Lang::Js => javascript::build(&order)?,
        Lang::Go => go::build(&order)?,
        Lang::C => c::build(&order)?,
    };
    component::language(&bytes).map_err(|error| failed(format!("{tool}: {error:#}")))?;
    let path = out.join(format!("{id}.wasm"));
    fs::write(&path, &bytes)
        .map_err(|error| failed(format!("cannot write `{}`: {error}", path.display())))?;
    Ok(Built {
        path,
        tool,
        size: bytes.len() as u64,
    })
}
