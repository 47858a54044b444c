//! The committed schemas are those of this program: byte for byte what `taffrail schema --write` gives.

use std::path::Path;

use taffrail_tests::cli::{World, listing};

#[test]
fn the_committed_schemas_are_up_to_date() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let world = World::cold();
    world
        .taffrail(["schema", "--write", "schemas"])
        .exits(0)
        .prints("")
        .says(["schemas"]);
    let written = world.here().join("schemas");
    let names = |folder: &Path| -> Vec<String> {
        listing(folder)
            .into_iter()
            .filter(|name| name.ends_with(".json"))
            .collect()
    };
    let mut wrong = Vec::new();
    for name in names(&written) {
        let new = std::fs::read_to_string(written.join(&name)).unwrap();
        match std::fs::read_to_string(committed.join(&name)) {
            Ok(old) if old == new => {}
            Ok(old) => wrong.push(format!("{name} differs{}", difference(&old, &new))),
            Err(_) => wrong.push(format!("{name} is missing")),
        }
    }
    for name in names(&committed)
        .into_iter()
        .filter(|name| !written.join(name).exists())
    {
        wrong.push(format!("{name} is of a type that there is no more"));
    }
    let how = "`rm -r schemas && cargo run -- schema --write schemas` writes them anew";
    assert!(
        wrong.is_empty(),
        "schemas/ is out of date:\n{}\n{how}",
        wrong.join("\n")
    );
}

/// Editors read it again at every start, and their answers take longer with every byte.
#[test]
fn the_schema_of_all_official_plugins_is_small() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/flow.json");
    let bytes = std::fs::metadata(path).unwrap().len();
    assert!(bytes < 300_000, "schemas/flow.json has {bytes} bytes");
}

/// The lines between what both begin with and what both end with, as far as they are worth reading.
fn difference(old: &str, new: &str) -> String {
    const SHOWN: usize = 12;
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let mut text = format!(" from line {}", head + 1);
    for (mark, lines) in [
        ('-', &old[head..old.len() - tail]),
        ('+', &new[head..new.len() - tail]),
    ] {
        for line in lines.iter().take(SHOWN) {
            text.push_str(&format!("\n  {mark}{line:.160}"));
        }
        if lines.len() > SHOWN {
            text.push_str(&format!("\n  {mark}... {} more", lines.len() - SHOWN));
        }
    }
    text
}

#[test]
fn what_is_written_is_what_is_printed() {
    let world = World::cold();
    world.taffrail(["schema", "--write", "."]).exits(0);
    let read = |name: &str| std::fs::read_to_string(world.here().join(name)).unwrap();
    world
        .taffrail(["schema"])
        .exits(0)
        .prints(&read("flow.json"));
    let name = "io.kestra.plugin.scripts.python.Script";
    world
        .taffrail(["schema", name])
        .exits(0)
        .prints(&read(&format!("tasks/{name}.json")));
    assert_eq!(
        world.taffrail(["schema"]).stdout,
        world.taffrail(["schema"]).stdout,
        "two calls differ"
    );
}

#[test]
fn every_schema_is_one_of_draft_7() {
    let world = World::cold();
    world.taffrail(["schema", "--write", "."]).exits(0);
    let files = listing(&world.here());
    assert!(files.len() > 5, "{files:?}");
    for name in files.iter().filter(|name| name.ends_with(".json")) {
        let schema: serde_json::Value =
            serde_json::from_slice(&std::fs::read(world.here().join(name)).unwrap()).unwrap();
        assert_eq!(
            schema["$schema"], "http://json-schema.org/draft-07/schema#",
            "{name}"
        );
        jsonschema::draft7::meta::validate(&schema)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// What the schema says is what the validator says, for flows that have nothing but their shape wrong.
#[test]
fn the_schema_judges_flows_as_validate_does() {
    let world = World::cold();
    let schema = world.taffrail(["schema"]).exits(0).json();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let script = serde_json::json!({ "id": "a", "type": "io.kestra.plugin.scripts.python.Script", "script": "pass" });
    let with = |key: &str, value: serde_json::Value| {
        let mut script = script.clone();
        script[key] = value;
        serde_json::json!({ "id": "x", "namespace": "y", "tasks": [script] })
    };
    for (flow, valid) in [
        (with("timeout", "PT5S".into()), true),
        (with("env", serde_json::json!({ "A": "b" })), true),
        (with("timeout", "{{ inputs.a ?? 'PT5S' }}".into()), true),
        (with("timeOut", "PT5S".into()), false),
        (with("commands", serde_json::json!(["x"])), false),
        (with("env", 5.into()), false),
        (with("script", serde_json::Value::Null), false),
        (with("id", "a b".into()), false),
        (
            serde_json::json!({ "id": "x", "namespace": "y", "tasks": [] }),
            false,
        ),
        (serde_json::json!({ "id": "x", "tasks": [script] }), false),
    ] {
        assert_eq!(validator.is_valid(&flow), valid, "the schema on {flow:#}");
        world.write("flow.yaml", flow.to_string());
        let finished = world.taffrail(["validate", "flow.yaml"]);
        assert_eq!(finished.code() == Some(0), valid, "{flow:#}{finished}");
    }
}
