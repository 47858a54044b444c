//! The contract is frozen: published folders never change, and a component of every published version runs for good, beside the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use taffrail_tests::cli::World;
use taffrail_tests::conformance::plugin::{Case, Suite, check};
use taffrail_wasm::{Sandbox, inspect};

/// Each published version of the plugin API: digests of its description, of its descriptor's schema and of the component that proves it.
const PUBLISHED: [(&str, &str, &str, &str); 2] = [
    (
        "0.1",
        "1853f02306015504da4e3e11f92eafeda04196b9715ac0b0807ab465245cf690",
        "3bfe4ea9e906c6b6918baf26b57e59479ffcff3cb2a3e1722b0850dfea484240",
        "96c59524ab9be2c6197157fcd71d0fa0f0944e6d78e5a30fbb10cc9c0c1a85b7",
    ),
    (
        "1.0",
        "74434c8216242f954819466974ed58564aaf39a7f9ec96d6ee3c9ae8031ac868",
        "3bfe4ea9e906c6b6918baf26b57e59479ffcff3cb2a3e1722b0850dfea484240",
        "a7a5ae204509c44d2c48a80e0026fc5b6f67383aec161800f7e7d1c4eb517b62",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn golden(api: &str) -> PathBuf {
    root()
        .join("tests/golden/plugin-api")
        .join(api)
        .join("awk.wasm")
}

fn digest(path: &Path) -> String {
    use sha2::Digest;
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_was_published_never_changes() {
    for (api, description, schema, component) in PUBLISHED {
        let folder = root().join("wit").join(format!("v{api}"));
        for (path, expected) in [
            (folder.join("plugin.wit"), description),
            (folder.join("descriptor.schema.json"), schema),
            (golden(api), component),
        ] {
            assert_eq!(
                digest(&path),
                expected,
                "{} was published: a change is a new version of the contract, see wit/README.md",
                path.display()
            );
        }
    }
    let folders = fs::read_dir(root().join("wit")).unwrap().flatten();
    let folders = folders.filter(|entry| entry.path().is_dir()).count();
    assert_eq!(
        folders,
        PUBLISHED.len(),
        "a version that is not in the table"
    );
}

#[test]
fn components_of_every_published_version_pass_the_suite() {
    let cases = root().join("tests/golden/plugin-api/cases.yaml");
    for (api, ..) in PUBLISHED {
        let component = fs::read(golden(api)).unwrap();
        let suite = Suite {
            cases: Case::load(&cases).unwrap(),
            host_properties: taffrail_core::schema::host_property_names(),
            ..Suite::default()
        };
        let checks = check(&component, &suite);
        assert!(checks.len() >= 12, "{checks:#?}");
        for check in checks {
            assert!(check.passed(), "API {api}: {check}");
        }
        let found = inspect(&Arc::new(Sandbox::new(Default::default())), &component, &[]).unwrap();
        assert_eq!(found.api, api);
    }
}

#[test]
fn one_flow_uses_plugins_of_every_published_version() {
    let world = World::new();
    for (api, ..) in PUBLISHED {
        world
            .taffrail(["plugin", "add", &golden(api).display().to_string()])
            .exits(0);
    }
    let listed = world
        .taffrail(["plugin", "list", "--format", "json"])
        .exits(0)
        .json();
    let apis: Vec<&Value> = listed["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|plugin| plugin["id"] == "awk")
        .map(|plugin| &plugin["api"])
        .collect();
    assert_eq!(apis, ["0.1", "1.0"]);
    world.write(
        "both.yaml",
        r#"
id: both
namespace: company.team
tasks:
  - id: old
    type: org.example.awk.Script
    version: 0.1.0
    script: BEGIN { print "planned by the old one" }
  - id: new
    type: org.example.awk.Script
    version: 1.0.0
    script: BEGIN { print "planned by the new one" }
"#,
    );
    world
        .taffrail(["run", "both.yaml", "--runner", "process"])
        .exits(0)
        .answers([
            "old | planned by the old one",
            "new | planned by the new one",
        ]);
    let planned = world
        .taffrail([
            "plan",
            "both.yaml",
            "--runner",
            "process",
            "--output",
            "json",
        ])
        .exits(0)
        .json();
    assert_eq!(planned["tasks"][0]["plugin"], "awk 0.1.0");
    assert_eq!(planned["tasks"][1]["plugin"], "awk 1.0.0");
}
