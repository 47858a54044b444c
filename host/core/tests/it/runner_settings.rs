//! Every property of the Docker runner, in the table that its own tests share: right values pass `validate`, wrong ones are told at
//! their line, in a `taskRunner` as in an old `docker` block.

use crate::common::{checker, words};
use serde_json::{Value, json};
use taffrail_core::diagnostic::{Severity, Source};
use taffrail_core::validate::check;

fn rows() -> Vec<Value> {
    let table = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../runner/tests/docker-properties.yaml"
    );
    let text = std::fs::read_to_string(table).expect("the table of all properties");
    serde_yaml::from_str(&text).expect("rows")
}

/// A flow with a value at the property's place, and the line where that property stands.
fn flow(row: &Value, value: &Value, head: &[&str]) -> (String, usize) {
    let mut settings = match &row["with"] {
        Value::Null => json!({}),
        with => with.clone(),
    };
    let property = row["property"].as_str().expect("a name");
    let mut at = &mut settings;
    for part in property.split('.') {
        at = &mut at[part];
    }
    *at = value.clone();
    let mut text = String::from(
        "id: x\nnamespace: y\ntasks:\n  - id: a\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [a]\n",
    );
    for line in head {
        text.push_str(line);
        text.push('\n');
    }
    let top = property.split('.').next().expect("a name");
    let mut line = 0;
    for (key, value) in settings.as_object().expect("a map") {
        text.push_str(&format!("      {key}: {value}\n"));
        if key == top {
            line = text.lines().count();
        }
    }
    (text, line)
}

const FORMS: [&[&str]; 2] = [
    &[
        "    taskRunner:",
        "      type: io.kestra.plugin.scripts.runner.docker.Docker",
    ],
    &["    docker:", "      image: debian"],
];

#[test]
fn right_values_pass() {
    let checker = checker();
    for row in rows() {
        // The version of a runner is no key of the old block.
        let forms = if row["property"] == "version" { 1 } else { 2 };
        for head in &FORMS[..forms] {
            let (text, _) = flow(&row, &row["value"], head);
            let checked = check(&text, &checker);
            let errors: Vec<String> = checked
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == Severity::Error)
                .map(words)
                .collect();
            assert!(errors.is_empty(), "{text}{errors:#?}");
        }
    }
}

#[test]
fn wrong_values_are_told_at_their_line() {
    let checker = checker();
    let mut untold = Vec::new();
    for row in rows() {
        let bad = row["bad"].as_array().expect("wrong values");
        assert!(!bad.is_empty(), "{row}");
        let forms = if row["property"] == "version" { 1 } else { 2 };
        for (bad, head) in bad
            .iter()
            .flat_map(|bad| FORMS[..forms].iter().map(move |head| (bad, head)))
        {
            let (text, line) = flow(&row, &bad["value"], head);
            let source = Source::new("flow.yaml", text.as_str());
            let checked = check(&text, &checker);
            let found: Vec<(usize, String)> = checked
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == Severity::Error)
                .map(|diagnostic| {
                    let start = diagnostic.span.expect("a place").start;
                    (source.position(start).line, words(diagnostic))
                })
                .collect();
            let says = bad["says"].as_str().expect("what is said");
            let told = found
                .iter()
                .any(|(at, words)| *at == line && words.contains(says));
            if !told {
                untold.push(format!("{says:?} at line {line} of\n{text}{found:#?}"));
            }
        }
    }
    assert!(untold.is_empty(), "{}", untold.join("\n\n"));
}
