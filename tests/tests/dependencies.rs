//! Every package that is built in comes from the registry and under a licence that `deny.toml` allows. What `cargo deny` says beyond that it
//! says in tests/run.sh, where it can be had; this needs nothing but cargo.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The licences that `deny.toml` allows.
fn allowed() -> Vec<spdx::Licensee> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deny.toml");
    let text = std::fs::read_to_string(file).expect("deny.toml");
    let (_, list) = text.split_once("allow = [").expect("a list");
    let (list, _) = list.split_once(']').expect("its end");
    list.lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .map(|name| spdx::Licensee::parse(name).expect(name))
        .collect()
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        // Those of other systems may have to be fetched.
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    all["packages"].as_array().expect("packages").clone()
}

fn is_allowed(licence: &str, allowed: &[spdx::Licensee]) -> bool {
    spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|wanted| allowed.iter().any(|allowed| allowed.satisfies(wanted)))
    })
}

#[test]
fn what_is_built_in_may_be_and_comes_from_the_registry() {
    let allowed = allowed();
    assert!(is_allowed("MIT/Apache-2.0", &allowed));
    assert!(is_allowed("GPL-3.0-only OR MIT", &allowed));
    assert!(!is_allowed("MIT AND GPL-3.0-only", &allowed));
    let packages = packages();
    assert!(packages.len() > 300, "{}", packages.len());
    let wrong: Vec<String> = packages
        .iter()
        .filter_map(|package| {
            let name = format!("{} {}", package["name"], package["version"]);
            let source = package["source"].as_str();
            if source.is_some_and(|source| !source.starts_with("registry+")) {
                return Some(format!("{name} comes from elsewhere: {source:?}"));
            }
            let licence = package["license"].as_str().unwrap_or_default();
            (!is_allowed(licence, &allowed)).then(|| format!("{name} is under `{licence}`"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
