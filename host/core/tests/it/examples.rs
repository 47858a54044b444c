//! Every example that a plugin of this repository shows, and every flow under `examples/`, is one that the host accepts.

use std::path::Path;

use crate::common::checker;
use taffrail_core::diagnostic::{Source, Style, render_text};
use taffrail_core::validate::check;

fn accepted(name: &str, text: &str) {
    let checked = check(text, &checker());
    let told = render_text(
        &checked.diagnostics,
        &Source::new(name, text),
        Style::default(),
    );
    assert!(checked.is_good(), "{name} is refused:\n{text}\n{told}");
}

#[test]
fn the_examples_of_the_plugins_are_accepted() {
    let checker = checker();
    let mut seen = 0;
    for task_type in checker
        .plugins()
        .iter()
        .flat_map(|plugin| &plugin.task_types)
    {
        for example in &task_type.examples {
            let text = if example.full {
                example.code.clone()
            } else {
                let mut lines = example.code.lines();
                let first = format!("  - {}\n", lines.next().unwrap_or_default());
                let rest: String = lines.map(|line| format!("    {line}\n")).collect();
                // An example of one task may read what a task before it, called `tap`, has made.
                let before = if example.code.contains("outputs.tap.") {
                    "  - id: tap\n    type: io.kestra.plugin.singer.taps.GenericTap\n    pipPackages: [tap-csv]\n    command: tap-csv\n    \
                     configs: {files: []}\n    streamsConfigurations: [{stream: people}]\n"
                } else {
                    ""
                };
                format!("id: example\nnamespace: examples\ntasks:\n{before}{first}{rest}")
            };
            accepted(&format!("{}: {}", task_type.name, example.title), &text);
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} examples were found");
}

#[test]
fn the_flows_under_examples_are_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("examples") {
        let path = entry.expect("readable").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            accepted(
                &path.display().to_string(),
                &std::fs::read_to_string(&path).expect("readable"),
            );
            seen += 1;
        }
    }
    assert!(seen >= 2, "only {seen} flows were found");
}
