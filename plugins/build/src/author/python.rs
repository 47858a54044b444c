//! Python: componentize-py puts an interpreter and the plugin into one component.

use std::fs;
use std::process::Command;

use super::build::Order;
use super::tools::{Missing, Trouble, failed, find, into_venv, run};

/// The package of PyPI, with the version that the template was written for.
const PACKAGE: &str = "componentize-py==0.25.1";

pub(super) fn build(order: &Order<'_>) -> Result<(Vec<u8>, String), Trouble> {
    let Some(tool) = find(order.folder, "componentize-py") else {
        return Err(Trouble::Missing(Missing {
            tool: "componentize-py".to_owned(),
            ways: "with pip: `pip install componentize-py`",
            commands: into_venv(order.folder, PACKAGE),
        }));
    };
    let out = order.folder.join("build/component.wasm");
    run(Command::new(tool)
        .current_dir(order.folder)
        .args(["-d", "wit", "-w", "language-plugin", "componentize"])
        // Without it the component would import the whole of WASI, for the sake of an interpreter that never uses it here.
        .arg("--stub-wasi")
        .args(["-p", ".", "plugin", "-o"])
        .arg(&out))?;
    let bytes = fs::read(&out)
        .map_err(|error| failed(format!("cannot read `{}`: {error}", out.display())))?;
    let _ = fs::remove_file(&out);
    Ok((bytes, "componentize-py".to_owned()))
}
