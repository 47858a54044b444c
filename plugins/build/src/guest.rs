//! Compiling one plugin to a core module whose bytes do not tell where it was built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::project::{Plugin, Project};
use crate::toolchain::{StandardLibrary, TARGET, Toolchain, cargo};

/// The profile of the workspace's `Cargo.toml` that is the plugins' own.
const PROFILE: &str = "guest";

/// Compiles a plugin and returns the core module, with the contract's description still in it.
///
/// # Errors
/// What cargo said, where it failed.
pub fn compile(project: &Project, plugin: &Plugin, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let target = project.guest_target();
    let mut command = Command::new(cargo());
    command.current_dir(&project.root);
    // Settings of the caller (flags, wrappers, profiles) would be in the bytes.
    for (name, _) in env::vars_os() {
        if decides_bytes(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
        .args([
            "rustc",
            "--locked",
            "--quiet",
            "--lib",
            "--crate-type",
            "cdylib",
        ])
        .args([
            "--profile",
            PROFILE,
            "--target",
            TARGET,
            "--package",
            &plugin.package(),
        ])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTC", &toolchain.rustc)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags(project, &target, toolchain)?,
        );
    if let StandardLibrary::Source { linker, .. } = &toolchain.standard_library {
        command
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "plugin `{}` does not compile\n{}",
            plugin.id,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let module = target
        .join(TARGET)
        .join(PROFILE)
        .join(format!("{}.wasm", plugin.package().replace('-', "_")));
    fs::read(&module).with_context(|| format!("cannot read `{}`", module.display()))
}

fn decides_bytes(name: &str) -> bool {
    let prefixes = [
        "CARGO_PROFILE_",
        "CARGO_BUILD_",
        "CARGO_TARGET_",
        "CARGO_PKG_",
        "CARGO_UNSTABLE_",
        "RUSTC",
    ];
    let names = [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "LD_LIBRARY_PATH",
        "__CARGO_DEFAULT_LIB_METADATA",
        "SOURCE_DATE_EPOCH",
    ];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || names.contains(&name)
}

/// The compiler's flags, in the form that allows spaces in paths.
fn flags(project: &Project, target: &Path, toolchain: &Toolchain) -> Result<OsString> {
    let places = vec![
        (project.root.clone(), "/taffrail"),
        (target.to_owned(), "/target"),
    ];
    renaming(places, toolchain)
}

/// Flags that keep paths of this machine out of a component: those of these places, of unpacked crates, of the standard library.
///
/// # Errors
/// Where the standard library's sources are a link that leads nowhere.
pub fn renaming(mut renamed: Vec<(PathBuf, &str)>, toolchain: &Toolchain) -> Result<OsString> {
    for registry in registries() {
        renamed.push((registry, "/registry"));
    }
    if let StandardLibrary::Source { source, .. } = &toolchain.standard_library {
        let real = fs::canonicalize(source)
            .with_context(|| format!("cannot follow `{}`", source.display()))?;
        renamed.push((real, "/rust"));
        renamed.push((source.clone(), "/rust"));
    }
    let mut flags = OsString::new();
    for (from, to) in renamed {
        if !flags.is_empty() {
            flags.push("\x1f");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}

/// The folders of unpacked crates, each named for its registry.
fn registries() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")));
    let sources = home
        .map(|home| home.join("registry/src"))
        .and_then(|sources| fs::read_dir(sources).ok());
    let mut folders: Vec<PathBuf> = sources
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_settings_do_not_reach_the_guests() {
        let check =
            |name: &str, expected: bool| assert_eq!(decides_bytes(name), expected, "{name}");
        check("RUSTFLAGS", true);
        check("RUSTC_WRAPPER", true);
        check("CARGO_PROFILE_RELEASE_LTO", true);
        check("CARGO_TARGET_DIR", true);
        check("CARGO_HOME", false);
        check("RUSTUP_TOOLCHAIN", false);
        check("PATH", false);
    }
}
