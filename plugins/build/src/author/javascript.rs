//! JavaScript: the project's own `build.mjs` calls componentize-js, which puts an engine and the plugin into one component.

use std::fs;
use std::process::Command;

use super::build::Order;
use super::tools::{Missing, Trouble, failed, find, run};

pub(super) fn build(order: &Order<'_>) -> Result<(Vec<u8>, String), Trouble> {
    let Some(node) = find(order.folder, "node") else {
        return Err(Trouble::Missing(Missing {
            tool: "node".to_owned(),
            ways: "version 20 or newer: from nodejs.org; on Debian: `apt install nodejs npm`",
            commands: vec![],
        }));
    };
    let package = "node_modules/@bytecodealliance/componentize-js";
    // A workspace above may hold the packages, as node itself looks there.
    if !order
        .folder
        .ancestors()
        .any(|folder| folder.join(package).is_dir())
    {
        return Err(Trouble::Missing(Missing {
            tool: "componentize-js".to_owned(),
            ways: "with npm, in the project: `npm install`",
            commands: vec![
                ["npm", "install", "--no-fund", "--no-audit"]
                    .map(str::to_owned)
                    .to_vec(),
            ],
        }));
    }
    let out = order.folder.join("build/component.wasm");
    run(Command::new(node)
        .current_dir(order.folder)
        .arg("build.mjs")
        .arg(&out))?;
    let bytes = fs::read(&out).map_err(|error| {
        failed(format!(
            "`build.mjs` wrote no `{}`, which is its first argument: {error}",
            out.display()
        ))
    })?;
    let _ = fs::remove_file(&out);
    Ok((bytes, "componentize-js".to_owned()))
}
