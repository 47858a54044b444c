//! Lists the committed components under `plugins/bundled` for embedding, so that adding a language changes nothing here, and has the
//! program linked so that it starts fast and is small.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    link_at_fixed_address();
    strip();
    embed_plugins();
}

/// Has the program linked for one fixed address. At any other, 47,000 addresses in it would be set at each start, of the host and of the
/// supervisor beside it, which takes 0.6 of then 2.1 ms, 0.8 MB of memory that is not shared, and 1.1 MB of the file.
/// Libraries, stack, heap and compiled plugins stand at random addresses all the same.
fn link_at_fixed_address() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // What links C in statically has start-up code of its own for each kind.
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}

/// Strips the released program, 7 of 45 MB. The profile says so as well, but cargo forgets it for a package with a level of optimisation
/// of its own, as this one has. Whoever wants the names, for a profile, sets the profile's variable to `none`.
fn strip() {
    const SETTING: &str = "CARGO_PROFILE_RELEASE_STRIP";
    println!("cargo::rerun-if-env-changed={SETTING}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && !is(SETTING, "none")
        && !is(SETTING, "false")
    {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}

fn embed_plugins() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../plugins/bundled");
    println!("cargo::rerun-if-changed={}", root.display());
    let index = root.join("index.json");
    let text = fs::read_to_string(&index)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", index.display()));
    let index: serde_json::Value =
        serde_json::from_str(&text).expect("plugins/bundled/index.json is JSON");
    let mut code = String::from("&[\n");
    for plugin in index["plugins"].as_array().expect("`plugins` is a list") {
        let field = |name: &str| {
            plugin[name]
                .as_str()
                .unwrap_or_else(|| panic!("a plugin without `{name}`"))
                .to_owned()
        };
        // `taffrail:plugin@1.0.0` is the API 1.0.
        let api = field("api");
        let api = api
            .rsplit_once('@')
            .and_then(|(_, version)| version.rsplit_once('.'))
            .map(|(minor, _)| minor.to_owned())
            .unwrap_or_else(|| panic!("`{api}` is no version of the plugin API"));
        let folder = root.join(field("id")).join(field("version"));
        writeln!(
            code,
            "Bundled {{ wasm: include_bytes!({:?}), descriptor: include_str!({:?}), digest: {:?}, api: {api:?} }},",
            folder.join("plugin.wasm"),
            folder.join("descriptor.json"),
            field("sha256"),
        )
        .expect("writing to a string");
    }
    code.push_str("]\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("bundled.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}
