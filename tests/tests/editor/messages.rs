//! One mistake gives one message, at the right line and column.

use taffrail_tests::editor::{Probe, editor};

use crate::support::{DOCKER, PROCESS, SHELL, flow, task, written};

/// Line, column and text of the only message, where there is one.
type Message = Option<(usize, usize, &'static str)>;

#[test]
fn one_mistake_gives_one_message_at_its_place() {
    let Some(mut editor) = editor("one_mistake_gives_one_message_at_its_place") else {
        return;
    };
    let good = "commands:\n  - a\n";
    let with = |lines: &str| task(SHELL, &format!("{good}{lines}"));
    let runner = |lines: &str| with(&format!("taskRunner:\n{lines}"));
    let process = format!("  type: {PROCESS}\n");
    let docker = format!("  type: {DOCKER}\n");
    let cases: Vec<(String, Message)> = vec![
        (with(""), None),
        (with("failFast: \"{{ inputs.a }}\"\n"), None),
        (with("timeout: \"{{ inputs.a }}\"\n"), None),
        (with("env: \"{{ inputs.a }}\"\n"), None),
        (with("logLevel: DEBUG\n"), None),
        // A key that is misspelt, also one that must be there.
        (with("comandss: 1\n"), Some((8, 5, "Property comandss is not allowed."))),
        (task(SHELL, "comands:\n  - a\n"), Some((6, 5, "Property comands is not allowed."))),
        (task(SHELL, "commandss:\n  - a\n"), Some((6, 5, "Property commandss is not allowed."))),
        (task(SHELL, ""), Some((4, 5, "Missing property \"commands\"."))),
        ("id: a\nnamespac: b\ntasks:\n  - id: x\n    type: io.kestra.plugin.scripts.shell.Script\n    script: a\n".to_owned(),
            Some((2, 1, "Property namespac is not allowed."))),
        (flow(&format!("  - idd: x\n    type: {SHELL}\n    commands: [a]\n")), Some((4, 5, "Property idd is not allowed."))),
        // A type that does not exist is the only thing that is said.
        (flow("  - id: x\n    type: no.Such\n    foo: 1\n"), Some((5, 11, "No installed plugin has this task type."))),
        (flow("  - id: x\n    tpye: no.Such\n    foo: 1\n"), Some((4, 5, "Missing property \"type\"."))),
        (flow("  - id: x\n    type:\n    foo: 1\n"), Some((5, 10, "No installed plugin has this task type."))),
        (runner("  type: no.Such\n  foo: 1\n"), Some((9, 13, "There is no such task runner."))),
        // Values.
        (with("logLevel: LOUD\n"), Some((8, 15, "Allowed: ERROR, WARN, INFO, DEBUG, TRACE."))),
        (with("logLevel: 5\n"), Some((8, 15, "Allowed: ERROR, WARN, INFO, DEBUG, TRACE."))),
        (with("targetOS: BSD\n"), Some((8, 15, "Allowed: LINUX, WINDOWS, AUTO, or an expression."))),
        (with("failFast: maybe\n"), Some((8, 15, "Incorrect type. Expected \"boolean\"."))),
        (with("failFast: [a]\n"), Some((8, 15, "Incorrect type. Expected \"boolean\"."))),
        (with("timeout: soon\n"), Some((8, 14, "Write a duration as PT30S, PT5M, PT1H30M or P1D, or an expression."))),
        (with("env: [a]\n"), Some((8, 10, "Write a map here, or an expression."))),
        (with("version: 1.0\n"), Some((8, 14, "Quote the version, as in \"1.2\"."))),
        (with("version: \"9\"\n"), Some((8, 14, "No installed version is meant by that. Installed: 1.0.0."))),
        (task(SHELL, "commands: a\n"), Some((6, 15, "Incorrect type. Expected \"array\"."))),
        // Runners.
        (runner(&format!("{process}  pullPolicy: NEVER\n")), Some((10, 7, "Property pullPolicy is not allowed."))),
        (runner(&format!("{docker}  pullPolicy: SOMETIMES\n")), Some((10, 19, "Allowed: IF_NOT_PRESENT, ALWAYS, NEVER, or an expression."))),
        (runner(&format!("{docker}  memory:\n    memry: 1GB\n")), Some((11, 9, "Property memry is not allowed."))),
        (runner("  tpye: a\n"), Some((8, 5, "Missing property \"type\"."))),
        // The old syntax.
        (with("runner: PROCESS\n"), None),
        (with("runner: DOKER\n"), Some((8, 13, "Allowed: DOCKER, PROCESS."))),
        (with("docker:\n  image: a\n  pullPolicy: NEVER\n"), None),
        (with("docker:\n  image: a\n  pulPolicy: NEVER\n"), Some((10, 7, "Property pulPolicy is not allowed."))),
        (runner("  type: io.kestra.core.models.tasks.runners.types.ProcessTaskRunner\n"), None),
    ];
    let schema = editor.schema(&written().flow_path());
    let probes: Vec<Probe> = cases
        .iter()
        .map(|(text, _)| Probe {
            text: text.clone(),
            ..Probe::default()
        })
        .collect();
    let mut wrong = Vec::new();
    for ((text, expected), shown) in cases.iter().zip(editor.show(&schema, &probes)) {
        let found: Vec<(usize, usize, &str)> = shown
            .diagnostics
            .iter()
            .map(|one| (one.line, one.column, one.message.as_str()))
            .collect();
        if found != Vec::from_iter(*expected) {
            wrong.push(format!("{text}  expected {expected:?}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
