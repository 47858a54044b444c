//! Rust: `cargo` for a target without any system below it.

use std::fs;
use std::process::Command;

use super::build::Order;
use super::tools::{Missing, Trouble, failed, run};
use super::wrap;
use crate::guest::renaming;
use crate::toolchain::{StandardLibrary, TARGET, Toolchain, cargo};

pub(super) fn build(order: &Order<'_>) -> Result<(Vec<u8>, String), Trouble> {
    let Some(toolchain) = Toolchain::find() else {
        return Err(Trouble::Missing(Missing {
            tool: format!("a Rust compiler for `{TARGET}`"),
            ways: "with rustup: `rustup target add wasm32-unknown-unknown`; on Debian: `apt install cargo rustc-web rust-web-src lld`",
            commands: vec![
                ["rustup", "target", "add", TARGET]
                    .map(str::to_owned)
                    .to_vec(),
            ],
        }));
    };
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| order.folder.join("target"), Into::into);
    let mut command = Command::new(cargo());
    command
        .current_dir(order.folder)
        .args([
            "rustc",
            "--quiet",
            "--release",
            "--lib",
            "--crate-type",
            "cdylib",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTC", &toolchain.rustc)
        // Cargo compiles the project's own files by paths relative to it.
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            renaming(vec![], &toolchain).map_err(|error| failed(format!("{error:#}")))?,
        );
    if let StandardLibrary::Source { linker, .. } = &toolchain.standard_library {
        command
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    run(&mut command)?;
    let module = target
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", order.id.replace('-', "_")));
    let module = fs::read(&module).map_err(|error| {
        failed(format!(
            "cannot read `{}`: {error}; the package in `Cargo.toml` has the plugin's id as its name",
            module.display()
        ))
    })?;
    // The SDK's macro has put the contract's description into the module.
    Ok((wrap::encode(&module)?, "cargo".to_owned()))
}
