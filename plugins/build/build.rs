//! Puts into the program what authors' projects are made of: the templates, the SDK's sources, the adapter for modules that want WASI.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let adapter = here.join("src/author/no_wasi.wat");
    println!("cargo::rerun-if-changed={}", adapter.display());
    let module = wat::parse_file(&adapter).unwrap_or_else(|error| panic!("{error}"));
    fs::write(out.join("no_wasi.wasm"), module).expect("OUT_DIR can be written");

    let mut code = String::new();
    table(&mut code, "TEMPLATES", &here.join("templates"), &|_| true);
    // What a plugin's project needs of the SDK: no tests of this repository.
    table(&mut code, "SDK", &here.join("../sdk"), &|path| {
        !path.starts_with("tests") && path != "Cargo.toml"
    });
    fs::write(out.join("author.rs"), code).expect("OUT_DIR can be written");
    let manifest = free_standing(
        &read(&here.join("../sdk/Cargo.toml")),
        &read(&here.join("../../Cargo.toml")),
    );
    fs::write(out.join("sdk.toml"), manifest).expect("OUT_DIR can be written");
}

/// A manifest without its workspace: what it inherits, written out.
fn free_standing(manifest: &str, workspace: &str) -> String {
    let inherited = |line: &str| {
        let name = line.strip_suffix(".workspace = true")?;
        let start = format!("{name} = ");
        let found = workspace.lines().find(|line| line.starts_with(&start));
        Some(
            found
                .unwrap_or_else(|| panic!("the workspace has no `{name}`"))
                .to_owned(),
        )
    };
    let lines = manifest.replace("[lints]\nworkspace = true\n\n", "");
    let lines = lines
        .lines()
        .map(|line| inherited(line).unwrap_or_else(|| line.to_owned()) + "\n");
    lines.collect()
}

fn read(path: &Path) -> String {
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A table of the files below a folder: each one's path in it, and its bytes.
fn table(code: &mut String, name: &str, folder: &Path, wanted: &dyn Fn(&str) -> bool) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.sort();
    writeln!(code, "static {name}: &[(&str, &[u8])] = &[").expect("writing to a string");
    for file in files {
        let path = file.strip_prefix(folder).expect("it lies below");
        let path = path.to_str().expect("names are UTF-8");
        if wanted(path) {
            writeln!(code, "({path:?}, include_bytes!({file:?})),").expect("writing to a string");
        }
    }
    code.push_str("];\n");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let listing =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in listing {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
