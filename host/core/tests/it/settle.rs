//! The second check: rendered values get the types that their schema asks for, or are refused where their expression stands.

use crate::common::{checker, words};
use serde_json::{Value, json};
use taffrail_core::script::{LegacyRunner, TargetOsChoice};
use taffrail_core::validate::{Settled, check};

/// Replaces each text of the task by what the table says it renders to, then settles the task.
fn settle(lines: &str, rendered: &[(&str, &str)]) -> Result<Settled, Vec<String>> {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "id: test\nnamespace: company.team\nvariables: {{x: 1}}\ntasks:\n  - id: a\n    type: io.kestra.plugin.scripts.python.Script\n{lines}"
    );
    let checker = checker();
    let checked = check(&text, &checker);
    assert!(checked.is_good(), "{:?}", checked.diagnostics);
    let flow = checked.flow.expect("a flow");
    let task = &flow.tasks[0];
    let mut value = task.node.to_json();
    replace(&mut value, rendered);
    checker
        .settle(task, value)
        .map_err(|errors| errors.iter().map(words).collect())
}

fn replace(value: &mut Value, rendered: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            if let Some((_, to)) = rendered.iter().find(|(from, _)| from == text) {
                *text = (*to).to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, rendered)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, rendered)),
        _ => {}
    }
}

#[test]
fn rendered_text_becomes_typed() {
    let settled = settle(
        "script: print(1)\ndependencies: '{{ vars.x }}'\nfailFast: '{{ vars.x ~ 1 }}'\nenv: {A: 1.10, B: '{{ vars.x ~ 2 }}', C: true}\ninputFiles: '{{ vars.x ~ 3 }}'\nbeforeCommands: [one, 2]\ntargetOS: WINDOWS\nrunner: PROCESS\nversion: 1.0\ntimeout: PT1S",
        &[
            ("{{ vars.x }}", "[\"requests\"]"),
            ("{{ vars.x ~ 1 }}", "false"),
            ("{{ vars.x ~ 2 }}", "007"),
            ("{{ vars.x ~ 3 }}", "{\"a.txt\": \"x\", \"b.txt\": null}"),
        ],
    )
    .expect("all is well");
    assert_eq!(
        Value::Object(settled.properties),
        json!({"script": "print(1)", "dependencies": ["requests"]})
    );
    let settings = settled.settings;
    assert_eq!(settings.fail_fast, Some(false));
    assert_eq!(
        settings.env.into_iter().collect::<Vec<_>>(),
        [("A", "1.10"), ("B", "007"), ("C", "true")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(
        settings.input_files.get("a.txt"),
        Some(&Some("x".to_owned()))
    );
    assert_eq!(settings.input_files.get("b.txt"), Some(&None));
    assert_eq!(
        settings.before_commands,
        Some(vec!["one".to_owned(), "2".to_owned()])
    );
    assert_eq!(settings.target_os, Some(TargetOsChoice::Windows));
    assert_eq!(settings.runner, Some(LegacyRunner::Process));
}

#[test]
fn what_renders_to_the_wrong_type_is_refused_in_words() {
    let check = |lines: &str, rendered: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(settle(lines, rendered).expect_err("refused"), expected);
    };
    check(
        "script: x\nfailFast: '{{ vars.x }}'\ndependencies: '{{ vars.x ~ 1 }}'\ntimeout: '{{ vars.x ~ 2 }}'",
        &[
            ("{{ vars.x }}", "maybe"),
            ("{{ vars.x ~ 1 }}", "a, b"),
            ("{{ vars.x ~ 2 }}", "5m"),
        ],
        &[
            "`failFast` must be `true` or `false`, not text (rendered to `maybe`)",
            "`dependencies` must be a list, not text (rendered to `a, b`)",
            "`timeout` must be a duration such as `PT30S`, `PT5M` or `PT1H30M`, not `5m` (rendered to `5m`)",
        ],
    );
    check(
        "script: x\ntaskRunner:\n  type: io.kestra.plugin.scripts.runner.docker.Docker\n  pullPolicy: '{{ vars.x }}'",
        &[("{{ vars.x }}", "Always")],
        &[
            "`pullPolicy` cannot be `Always` (allowed: `IF_NOT_PRESENT`, `ALWAYS`, `NEVER`); help: did you mean `ALWAYS`?",
        ],
    );
}
