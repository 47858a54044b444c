//! The conformance suite over every bundled plugin, and over guests that must not pass.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

#[path = "../guests/mod.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of the sandbox, which use all of it"
)]
mod guests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use taffrail_tests::conformance::plugin::{Case, Check, Suite, check};
use taffrail_wasm::{Limits, Sandbox, inspect};

/// A bundled plugin: its folder in the repository and its parts.
struct Bundled {
    id: String,
    version: String,
    folder: PathBuf,
    component: Vec<u8>,
}

fn bundled() -> Vec<Bundled> {
    let root = guests::root();
    let mut found = Vec::new();
    for plugin in folders(&root.join("plugins/bundled")) {
        for folder in folders(&plugin) {
            found.push(Bundled {
                id: name(&plugin),
                version: name(&folder),
                component: std::fs::read(folder.join("plugin.wasm")).unwrap(),
                folder,
            });
        }
    }
    assert!(!found.is_empty(), "no bundled plugin");
    found
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(parent)
        .unwrap_or_else(|error| panic!("{}: {error}", parent.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Limits that a loaded machine does not reach by itself.
fn patient() -> Limits {
    let mut limits = Limits::default();
    limits.standard.describe = Duration::from_secs(20);
    limits.standard.plan = Duration::from_secs(20);
    limits
}

fn suite(cases: Vec<Case>) -> Suite {
    Suite {
        cases,
        host_properties: taffrail_core::schema::host_property_names(),
        mutations: Some(400),
        limits: Some(patient()),
    }
}

fn failed(checks: &[Check]) -> Vec<String> {
    checks
        .iter()
        .filter(|check| !check.passed())
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_bundled_plugin_conforms() {
    for plugin in bundled() {
        let cases = guests::root()
            .join("plugins")
            .join(&plugin.id)
            .join("cases");
        let cases = Case::load(&cases).unwrap();
        assert!(
            cases.len() >= 10,
            "{}: {} golden cases",
            plugin.id,
            cases.len()
        );
        let checks = check(&plugin.component, &suite(cases));
        assert!(checks.len() > 20, "{checks:#?}");
        assert!(
            failed(&checks).is_empty(),
            "{} {}\n{}",
            plugin.id,
            plugin.version,
            failed(&checks).join("\n")
        );
    }
}

#[test]
fn bundled_plugins_reach_nothing_and_say_what_their_files_say() {
    let sandbox = Arc::new(Sandbox::new(patient()));
    for plugin in bundled() {
        let found = inspect(&sandbox, &plugin.component, &[]).unwrap();
        for import in &found.imports {
            let allowed = [
                "taffrail:plugin/logging@1.0.0",
                "taffrail:plugin/types@1.0.0",
            ];
            assert!(
                allowed.contains(&import.as_str()),
                "{}: {import}",
                plugin.id
            );
        }
        assert_eq!(found.reach, "nothing");
        assert!(found.reproducible);
        // The program lists its own plugins under the newest API, without a look at the component.
        assert_eq!(found.api, "1.0");
        assert_eq!(found.descriptor.id.as_str(), plugin.id);
        assert_eq!(found.descriptor.version.to_string(), plugin.version);

        let file = std::fs::read_to_string(plugin.folder.join("descriptor.json")).unwrap();
        let file: Value = serde_json::from_str(&file).unwrap();
        let loaded = taffrail_wasm::Plugin::load(&sandbox, &plugin.component).unwrap();
        let said: Value = serde_json::from_str(&loaded.describe().unwrap()).unwrap();
        assert_eq!(
            file, said,
            "{}: descriptor.json is not what `describe` returns",
            plugin.id
        );

        let index = guests::root().join("plugins/bundled/index.json");
        let index: Value = serde_json::from_str(&std::fs::read_to_string(index).unwrap()).unwrap();
        let entry = index["plugins"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| {
                entry["id"] == plugin.id.as_str() && entry["version"] == plugin.version.as_str()
            })
            .unwrap_or_else(|| panic!("{} {} is not in index.json", plugin.id, plugin.version));
        assert_eq!(entry["sha256"], found.digest.as_str(), "{}", plugin.id);
        assert_eq!(entry["size"], found.size, "{}", plugin.id);
    }
}

#[test]
fn the_suite_finds_what_is_wrong() {
    for (guest, failing, reason) in [
        (
            "foreign-import",
            "loads and describes itself",
            "`wasi:http/types@0.2.3`",
        ),
        (
            "trap",
            "no trap on mutated properties",
            "panicked: index out of bounds",
        ),
        (
            "path-escape",
            "no trap on mutated properties",
            "`../../etc/cron.d/x`",
        ),
        (
            "echo",
            "an unknown task type is refused",
            "it planned a task type that it does not have",
        ),
        (
            "refuse-nowhere",
            "complaints point at a property",
            "the text is empty",
        ),
    ] {
        let mut suite = suite(Vec::new());
        suite.mutations = Some(50);
        let checks = check(&guests::component(guest), &suite);
        let found = checks
            .iter()
            .find(|check| check.name == failing)
            .unwrap_or_else(|| panic!("{guest}: {checks:#?}"));
        let Err(found) = &found.outcome else {
            panic!("{guest}: {checks:#?}")
        };
        assert!(found.contains(reason), "{guest}: {found}");
    }
}

#[test]
fn a_golden_case_must_match_to_the_byte() {
    let case = |plan: &str| {
        let text = format!(
            r#"{{ "name": "echo", "taskType": "test.echo.Run", "properties": {{ "text": "a" }}, "plan": {plan} }}"#
        );
        Case::read("here", &text).unwrap()
    };
    let component = guests::component("echo");
    for (plan, passes) in [
        (
            r#"{ "program": { "argv": ["echo", "{\"text\":\"a\"}"] } }"#,
            true,
        ),
        (
            r#"{ "program": { "argv": ["echo", "{\"text\":\"b\"}"] } }"#,
            false,
        ),
        (
            r#"{ "program": { "argv": ["echo", "{\"text\":\"a\"}"] }, "env": [] }"#,
            false,
        ),
    ] {
        let checks = check(&component, &suite(vec![case(plan)]));
        let golden = checks
            .iter()
            .find(|check| check.name == "golden case `echo`")
            .unwrap();
        assert_eq!(golden.passed(), passes, "{golden}");
    }
    assert!(Case::read("here", "{}").is_err());
}
