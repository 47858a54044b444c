//! What is inserted, and what stands in hover texts.

use taffrail_tests::editor::{Probe, editor};

use crate::support::{DOCKER, SHELL, flow, task, written};

#[test]
fn what_is_inserted_is_a_good_beginning() {
    let Some(mut editor) = editor("what_is_inserted_is_a_good_beginning") else {
        return;
    };
    let docker = |lines: &str| {
        let lines: String = lines
            .split_inclusive('\n')
            .map(|line| format!("  {line}"))
            .collect();
        task(
            SHELL,
            &format!("commands: [a]\ntaskRunner:\n  type: {DOCKER}\n{lines}"),
        )
    };
    let cases: Vec<(String, &str, &str)> = vec![
        ("<|>\n".to_owned(), "flow", "tasks:\n  - id: ${3:greet}"),
        (task(SHELL, "<|>\n"), "taskRunner", "taskRunner:\n  type: "),
        (task(SHELL, "<|>\n"), "failFast", "failFast: ${1:true}"),
        (task(SHELL, "<|>\n"), "env", "env: "),
        (task(SHELL, "<|>\n"), "retry", "retry:\n  type: "),
        (docker("<|>\n"), "memory", "memory:\n  "),
        (docker("<|>\n"), "credentials", "credentials:\n  "),
        (docker("<|>\n"), "pullPolicy", "pullPolicy: "),
        (
            flow("  - <|>\n"),
            "task: python.Script",
            "type: io.kestra.plugin.scripts.python.Script",
        ),
        (
            flow("  - <|>\n"),
            "task: shell.Commands",
            "commands:\n    - ${2:",
        ),
        (
            "id: a\nnamespace: b\ninputs:\n  - id: n\n    type: <|>\n".to_owned(),
            "STRING",
            "STRING",
        ),
        (
            "id: a\nnamespace: b\npluginDefaults:\n  - type: <|>\n".to_owned(),
            SHELL,
            SHELL,
        ),
    ];
    let schema = editor.schema(&written().flow_path());
    let probes: Vec<Probe> = cases
        .iter()
        .map(|(text, _, _)| Probe::marked(text))
        .collect();
    let mut wrong = Vec::new();
    for ((text, label, insert), shown) in cases.iter().zip(editor.show(&schema, &probes)) {
        let found: Vec<&str> = shown.completions[0]
            .iter()
            .filter(|proposal| proposal.label == *label)
            .map(|proposal| proposal.insert.as_str())
            .collect();
        if !found.iter().any(|found| found.contains(insert)) {
            wrong.push(format!(
                "{text}  `{label}` should insert {insert:?}, not {found:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hover_says_what_a_key_is_its_default_and_its_values() {
    let Some(mut editor) = editor("hover_says_what_a_key_is_its_default_and_its_values") else {
        return;
    };
    let cases: Vec<(String, &[&str])> = vec![
        (
            task(SHELL, "<?>failFast: true\n"),
            &["#### failFast", "`set -e`", "Default: `true`"],
        ),
        (
            task(SHELL, "<?>failFast: \"{{ a }}\"\n"),
            &["#### failFast", "Default: `true`"],
        ),
        (
            task(SHELL, "<?>logLevel: WARN\n"),
            &[
                "#### logLevel",
                "`WARN`: Errors and warnings",
                "Default: `TRACE`",
            ],
        ),
        (
            task(SHELL, "<?>timeout: PT5S\n"),
            &["#### timeout", "`PT10M`"],
        ),
        (
            task(SHELL, "<?>runner: PROCESS\n"),
            &["#### runner", "Deprecated.", "`taskRunner`"],
        ),
        (
            task(SHELL, "<?>docker:\n  image: a\n"),
            &["Deprecated.", "`taskRunner`"],
        ),
        (
            task(
                SHELL,
                &format!("taskRunner:\n  type: {DOCKER}\n  <?>pullPolicy: NEVER\n"),
            ),
            &["#### pullPolicy", "Default: `IF_NOT_PRESENT`"],
        ),
        (
            flow(&format!("  - id: x\n    <?>type: {SHELL}\n")),
            &[SHELL],
        ),
    ];
    let schema = editor.schema(&written().flow_path());
    let probes: Vec<Probe> = cases.iter().map(|(text, _)| Probe::marked(text)).collect();
    let mut wrong = Vec::new();
    for ((text, expected), shown) in cases.iter().zip(editor.show(&schema, &probes)) {
        let hover = &shown.hovers[0];
        if let Some(missing) = expected.iter().find(|part| !hover.contains(**part)) {
            wrong.push(format!("{text}  hover has no {missing:?}:\n{hover}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
