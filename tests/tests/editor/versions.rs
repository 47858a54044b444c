//! Tasks of one file that are pinned to different versions of one plugin, each under the schema of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use taffrail_core::descriptor::Descriptor;
use taffrail_core::schema::{compose, print};
use taffrail_core::validate::{Checker, check};
use taffrail_runner::registry;
use taffrail_tests::editor::{Probe, editor};

const PYTHON: &str = "io.kestra.plugin.scripts.python.Script";

/// The real descriptor of a plugin, as another version with other properties.
fn version(number: &str, change: impl Fn(&mut serde_json::Map<String, Value>)) -> Arc<Descriptor> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/python/descriptor.json");
    let mut descriptor: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    descriptor["version"] = json!(number);
    for task_type in descriptor["taskTypes"].as_array_mut().unwrap() {
        if task_type["name"] == PYTHON {
            change(
                task_type["propertiesSchema"]["properties"]
                    .as_object_mut()
                    .unwrap(),
            );
        }
    }
    Arc::new(serde_json::from_value(descriptor).unwrap())
}

fn plugins() -> Vec<Arc<Descriptor>> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    vec![
        version("1.0.0", |_| {}),
        version("1.2.0", |properties| {
            properties.insert("requirements".to_owned(), text("A file of packages"));
        }),
        version("2.0.0", |properties| {
            properties.shift_remove("dependencies");
            properties.insert("lockFile".to_owned(), text("A file of exact packages"));
        }),
        // As 2.0.0: shares its shape.
        version("2.1.0", |properties| {
            properties.shift_remove("dependencies");
            properties.insert("lockFile".to_owned(), text("A file of exact packages"));
        }),
        version("3.0.0-rc.1", |properties| {
            properties.insert("tomorrow".to_owned(), text("Something new"));
        }),
    ]
}

/// The keys in which the versions differ.
const OWN: [&str; 4] = ["dependencies", "requirements", "lockFile", "tomorrow"];

/// Pins, and which of these keys their version has.
const PINS: [(Option<&str>, &[&str]); 10] = [
    (Some("1.0"), &["dependencies"]),
    (Some("1.0.0"), &["dependencies"]),
    (Some("1"), &["dependencies", "requirements"]),
    (Some("1.2"), &["dependencies", "requirements"]),
    (Some("oldest"), &["dependencies"]),
    (Some("2"), &["lockFile"]),
    (Some("2.0.0"), &["lockFile"]),
    (Some("LATEST"), &["lockFile"]),
    (Some("3.0.0-rc.1"), &["dependencies", "tomorrow"]),
    (None, &["lockFile"]),
];

fn task(pin: Option<&str>, number: usize, lines: &str) -> String {
    let pin = pin.map_or(String::new(), |pin| format!("    version: \"{pin}\"\n"));
    format!("  - id: t{number}\n    type: {PYTHON}\n{pin}    script: pass\n{lines}")
}

#[test]
fn each_task_is_completed_and_checked_by_its_own_version() {
    let Some(mut editor) = editor("each_task_is_completed_and_checked_by_its_own_version") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flow.json");
    std::fs::write(&path, print(&compose(&plugins(), &registry::fragments()))).unwrap();
    let schema = editor.schema(&path);
    let checker = Checker::new(plugins(), registry::fragments());

    // One file with all of them: completion inside each.
    let head = "id: a\nnamespace: b\ntasks:\n";
    let mut text = head.to_owned();
    for (number, (pin, _)) in PINS.iter().enumerate() {
        text.push_str(&task(*pin, number, "    <|>\n"));
    }
    // An empty line ends nothing, so that each place is asked in a file of its own beside the other tasks.
    let probes: Vec<Probe> = (0..PINS.len())
        .map(|wanted| {
            let mut seen = 0;
            let lines: Vec<String> = text
                .split_inclusive('\n')
                .filter_map(|line| {
                    if !line.contains("<|>") {
                        return Some(line.to_owned());
                    }
                    seen += 1;
                    (seen - 1 == wanted).then(|| line.to_owned())
                })
                .collect();
            Probe::marked(&lines.concat())
        })
        .collect();
    for ((pin, expected), shown) in PINS.iter().zip(editor.show(&schema, &probes)) {
        let offered: BTreeSet<&str> = shown.completions[0]
            .iter()
            .map(|proposal| proposal.label.as_str())
            .filter(|label| OWN.contains(label))
            .collect();
        assert_eq!(offered, expected.iter().copied().collect(), "{pin:?}");
    }

    // One file with one key each that the version has or has not: the editor and the host say the same, at the same places.
    for key in OWN {
        let mut text = head.to_owned();
        for (number, (pin, _)) in PINS.iter().enumerate() {
            let value = if key == "dependencies" { "[a]" } else { "a" };
            text.push_str(&task(*pin, number, &format!("    {key}: {value}\n")));
        }
        let line_of = |start: u32| text[..start as usize].matches('\n').count() + 1;
        let host: BTreeSet<usize> = check(&text, &checker)
            .diagnostics
            .iter()
            .filter_map(|diagnostic| Some(line_of(diagnostic.span?.start)))
            .collect();
        let shown = editor.show(
            &schema,
            &[Probe {
                text: text.clone(),
                ..Probe::default()
            }],
        );
        let by_editor: BTreeSet<usize> = shown[0].diagnostics.iter().map(|one| one.line).collect();
        assert_eq!(by_editor, host, "{key}\n{text}");
        let refused = PINS.iter().filter(|(_, own)| !own.contains(&key)).count();
        assert_eq!(
            shown[0].diagnostics.len(),
            refused,
            "{key}: {:?}",
            shown[0].diagnostics
        );
    }

    // The versions that exist are offered, and a pin that none satisfies is told.
    let probes = [
        Probe::marked(&format!(
            "{head}  - id: a\n    type: {PYTHON}\n    version: <|>\n"
        )),
        Probe::marked(&format!("{head}{}", task(Some("4"), 0, ""))),
    ];
    let shown = editor.show(&schema, &probes);
    let offered: Vec<&str> = shown[0].completions[0]
        .iter()
        .map(|proposal| proposal.label.trim_matches('"'))
        .collect();
    assert_eq!(
        offered,
        [
            "3.0.0-rc.1",
            "2",
            "2.1",
            "2.1.0",
            "2.0",
            "2.0.0",
            "1",
            "1.2",
            "1.2.0",
            "1.0",
            "1.0.0",
            "LATEST"
        ]
    );
    let told: Vec<(usize, &str)> = shown[1]
        .diagnostics
        .iter()
        .map(|one| (one.line, one.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [(
            6,
            "No installed version is meant by that. Installed: 3.0.0-rc.1, 2.1.0, 2.0.0, 1.2.0, 1.0.0."
        )]
    );
}
