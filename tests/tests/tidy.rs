//! Holds the house to its plan: who may import whom, which crate names which heavy dependency, where `unsafe` may stand.

use std::fs;
use std::path::{Path, PathBuf};

/// Each host crate and the crates of ours that it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("host/expr", &[]),
    ("host/core", &["taffrail-expr"]),
    ("host/engine", &["taffrail-core", "taffrail-expr"]),
    ("host/hcl", &["taffrail-core", "taffrail-expr"]),
    ("host/wasm", &["taffrail-core", "taffrail-engine"]),
    ("host/logins", &[]),
    ("host/registry", &["taffrail-logins"]),
    ("host/store", &["taffrail-core", "taffrail-engine"]),
    (
        "host/runner",
        &["taffrail-core", "taffrail-engine", "taffrail-logins"],
    ),
    (
        "host/cli",
        &[
            "taffrail-core",
            "taffrail-engine",
            "taffrail-expr",
            "taffrail-hcl",
            "taffrail-plugin-build",
            "taffrail-registry",
            "taffrail-runner",
            "taffrail-store",
            "taffrail-wasm",
        ],
    ),
    ("plugins/sdk", &[]),
    ("plugins/build", &["taffrail-plugin"]),
];

/// Each heavy or replaceable dependency and the only crates that may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("wasmtime", &["host/wasm"]),
    ("wasmtime-wasi", &["host/wasm"]),
    ("bollard", &["host/runner"]),
    ("ureq", &["host/registry"]),
    ("minisign-verify", &["host/registry"]),
    ("rusqlite", &["host/store"]),
    (
        "tokio",
        &[
            "host/engine",
            "host/wasm",
            "host/runner",
            "host/store",
            "host/cli",
            "tests",
        ],
    ),
    ("saphyr-parser", &["host/core"]),
    ("hcl-edit", &["host/hcl"]),
    ("jsonschema", &["host/core", "host/wasm", "tests"]),
    ("clap", &["host/cli"]),
    ("wit-bindgen", &["plugins/sdk"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names in `[dependencies]` of a manifest, without those for tests and build scripts.
fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest)
        .unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    let mut names = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]")
                && !line.contains("dev-")
                && !line.contains("build-");
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                names.push(name.to_owned());
            }
        }
    }
    names
}

fn crates() -> Vec<String> {
    let mut found = vec!["tests".to_owned()];
    for group in ["host", "plugins"] {
        for entry in fs::read_dir(root().join(group)).expect(group) {
            let entry = entry.expect(group);
            if entry.path().join("Cargo.toml").exists() {
                found.push(format!("{group}/{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    found.sort();
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn crates_import_only_as_drawn() {
    let mut faults = Vec::new();
    for name in crates().iter().filter(|name| *name != "tests") {
        let language =
            name.starts_with("plugins/") && !ARROWS.iter().any(|(known, _)| known == name);
        let allowed = match ARROWS.iter().find(|(known, _)| known == name) {
            Some((_, allowed)) => allowed,
            // A new language imports the SDK and nothing else of ours.
            None if language => &["taffrail-plugin"][..],
            None => panic!("`{name}` is not drawn in ARROWS"),
        };
        for dependency in dependencies(&root().join(name).join("Cargo.toml")) {
            if dependency.starts_with("taffrail-") && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert!(faults.is_empty(), "arrows that are not drawn: {faults:#?}");
}

#[test]
fn heavy_dependencies_have_one_owner() {
    let mut faults = Vec::new();
    for name in crates() {
        for dependency in dependencies(&root().join(&name).join("Cargo.toml")) {
            if let Some((_, owners)) = OWNERS.iter().find(|(known, _)| *known == dependency)
                && !owners.contains(&name.as_str())
            {
                faults.push(format!(
                    "{name} names {dependency}, which is for {owners:?}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn generated_bindings_stay_in_their_module() {
    let mut faults = Vec::new();
    for path in all_sources("host") {
        let text = fs::read_to_string(&path).expect("readable");
        let inside = path.to_string_lossy().contains("host/wasm/src/api/");
        if !inside && (text.contains("bindgen!(") || text.contains("::bindings::exports")) {
            faults.push(path);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_yaml_parser_is_named_in_one_file() {
    let named: Vec<_> = all_sources("host/core/src")
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).expect("readable");
            text.lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains("saphyr_parser"))
        })
        .collect();
    assert!(named.len() <= 1, "{named:#?}");
}

#[test]
fn unsafe_stands_in_one_reasoned_place() {
    let mut places = Vec::new();
    for group in ["host", "plugins", "tests/src"] {
        for path in all_sources(group) {
            let text = fs::read_to_string(&path).expect("readable");
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if code.contains("unsafe {")
                    || code.contains("unsafe fn")
                    || code.contains("unsafe impl")
                {
                    places.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(
        places.len() <= 1,
        "only the mapping of a compiled component may be unsafe: {places:#?}"
    );
    assert!(
        places
            .iter()
            .all(|place| place.contains("host/wasm/src/cache")),
        "{places:#?}"
    );
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut silent = Vec::new();
    for group in ["host", "plugins", "tests"] {
        for path in all_sources(group) {
            let text = fs::read_to_string(&path).expect("readable");
            if !text.starts_with("//!") {
                silent.push(path);
            }
        }
    }
    assert!(
        silent.is_empty(),
        "files that do not open with a `//!` sentence: {silent:#?}"
    );
}

fn all_sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&root().join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "no sources below {folder}");
    found
}
