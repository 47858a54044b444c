//! A Python package that prints its version, as a file to install from.

use std::path::Path;
use std::process::Command;

/// Makes a wheel by hand: building one would ask a registry for the tools.
const WHEEL: &str = r#"
import sys, zipfile
name, version = "taffrail_demo", sys.argv[1]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}.py", f"version = '{version}'\n")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", "")
"#;

/// Writes the package `taffrail_demo` of this version into a folder; the answer is the file's name.
///
/// # Panics
/// Without `python3`.
#[track_caller]
pub fn demo(folder: &Path, version: &str) -> String {
    let made = Command::new("python3")
        .args(["-c", WHEEL, version])
        .current_dir(folder)
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "python3 makes a wheel"
    );
    format!("taffrail_demo-{version}-py3-none-any.whl")
}
