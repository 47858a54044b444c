//! What is said of habits that hurt later, word by word and place by place, and what `--fix` makes of a flow.

use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::common::{checker, code, words};
use taffrail_core::diagnostic::{Diagnostic, Source, fix, sorted};
use taffrail_core::lint::{Strictness, lint};
use taffrail_core::validate::{Checker, check};

fn found(text: &str, strict: bool) -> Vec<Diagnostic> {
    static CHECKER: OnceLock<Checker> = OnceLock::new();
    let checked = check(text, CHECKER.get_or_init(checker));
    let mut found = checked.diagnostics;
    if let Some(flow) = &checked.flow {
        found.extend(lint(flow, text, Strictness { strict }));
    }
    found
}

fn told(text: &str, strict: bool) -> String {
    let source = Source::new("flow.yaml", text);
    let mut lines = String::new();
    for diagnostic in sorted(&found(text, strict)) {
        let place = diagnostic.span.map_or(String::new(), |span| {
            let position = source.position(span.start);
            format!("{}:{}", position.line, position.column)
        });
        let certain = if diagnostic.help.as_ref().is_some_and(|help| help.certain) {
            " [fix]"
        } else {
            ""
        };
        writeln!(
            lines,
            "{place} {} {}{certain}",
            code(diagnostic),
            words(diagnostic)
        )
        .expect("a string");
    }
    lines
}

fn flow(inputs: &str, task: &str) -> String {
    format!(
        "id: a\nnamespace: b\ninputs:\n{inputs}tasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n{task}"
    )
}

const NAME: &str = "  - id: name\n    type: STRING\n";

#[test]
fn every_habit_is_told_at_its_place() {
    let check = |text: String, strict: bool, expected: &str| {
        assert_eq!(told(&text, strict), expected, "{text}");
    };
    let bare = "    commands:\n      - echo {{ inputs.name }}\n";
    check(
        flow(NAME, bare),
        false,
        "10:14 warning[TF0801] the input `name` goes into a shell command without quotes (a blank, a quote or `$(…)` in it changes the command); help: hand it over in `env` as `INPUT_NAME` [fix]\n",
    );
    check(
        flow(
            NAME,
            "    version: \"1.0\"\n    commands:\n      - echo \"{{ inputs.name }}\"\n",
        ),
        true,
        "11:15 warning[TF0801] the input `name` becomes part of a shell command (the quotes round it do not help against a quote in it); help: hand it over in `env` as `INPUT_NAME` [fix]\n",
    );
    check(
        flow(NAME, "    commands:\n      - echo \"{{ inputs.name }}\"\n"),
        false,
        "",
    );
    check(
        flow(NAME, "    commands:\n      - echo {{ inputs.name | sh }}\n"),
        false,
        "",
    );
    check(
        flow(
            NAME,
            "    interpreter: [\"python3\", \"-c\"]\n    commands:\n      - print({{ inputs.name }})\n",
        ),
        false,
        "",
    );
    check(flow("  - id: name\n    type: INT\n", bare), false, "");
    check(
        flow("  - id: name\n    type: SELECT\n    values: [a, b]\n", bare),
        false,
        "",
    );
    check(
        flow(
            NAME,
            "    containerImage: ubuntu\n    commands:\n      - a\n",
        ),
        false,
        "9:21 warning[TF0802] the image `ubuntu` has no tag (that means `latest`, which is another image tomorrow); help: name a version, as in `python:3.13-slim`, or a digest\n",
    );
    check(
        flow(NAME, "    commands:\n      - a\n"),
        true,
        "8:11 warning[TF0803] plugin `shell` is not pinned (the newest is used, here 1.0.0); help: pin it with `version: \"1.0\"` [fix]\n",
    );
    check(
        flow(NAME, "    version: 1.0\n    commands:\n      - a\n"),
        false,
        "9:14 warning[TF0804] the version `1.0` is not quoted (a number to other readers of YAML, and `1.10` the same as `1.1`); help: quote it [fix]\n",
    );
    check(
        flow(
            NAME,
            "    commands:\n      - a\n  - id: two\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - echo {{ outputs.one.stdout | sh }}\n      - echo {{ outputs.one.outputFile | sh }}\n",
        ),
        false,
        "14:29 error[TF0209] task `one` has no output `stdout` (its outputs are `vars`, `outputFiles`, `exitCode`, `taskRunner`); help: with `captureOutput: true`, the task `one` keeps what it prints\n\
         15:29 error[TF0209] task `one` has no output `outputFile` (its outputs are `vars`, `outputFiles`, `exitCode`, `taskRunner`); help: did you mean `outputFiles`? [fix]\n",
    );
}

#[test]
fn a_fix_changes_what_it_names_and_nothing_else() {
    let check = |before: String, after: String| {
        let fixed = fix(&before, &|text| found(text, false));
        assert_eq!(fixed.text, after);
        let again = fix(&after, &|text| found(text, false));
        assert_eq!((again.text, again.count), (after, 0));
    };
    // To `env`, in every style of YAML, with comments and odd blanks kept.
    check(
        flow(
            NAME,
            "    commands:   # first\n      - echo {{ inputs.name }}   # why\n      - \"echo {{inputs.name}}\"\n      - 'echo {{ inputs.name }}'\n",
        ),
        flow(
            NAME,
            "    env:\n      INPUT_NAME: \"{{ inputs.name }}\"\n    commands:   # first\n      - echo \"$INPUT_NAME\"   # why\n      - \"echo {{inputs.name}}\"\n      - 'echo \"$INPUT_NAME\"'\n",
        ),
    );
    check(
        flow(
            NAME,
            "    env:\n        B: c\n    commands:\n      - |\n        cat <<EOF\n        {{ inputs.name }}\n        EOF\n        ls {{ inputs.name | default(\"x\") }}/y\n",
        ),
        flow(
            NAME,
            "    env:\n        INPUT_NAME: '{{ inputs.name | default(\"x\") }}'\n        B: c\n    commands:\n      - |\n        cat <<EOF\n        {{ inputs.name }}\n        EOF\n        ls \"$INPUT_NAME\"/y\n",
        ),
    );
    // Misspelt keys, values, types and references.
    check(
        "id: a\nnamespace: b\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Comands\n    comands: [a]  # keep\n    logLevel: DEBGU\n  - {id: two, type: io.kestra.plugin.scripts.shell.Commands, commands: ['{{ outputs.oen.vars.x | sh }}']}\n".to_owned(),
        "id: a\nnamespace: b\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [a]  # keep\n    logLevel: DEBUG\n  - {id: two, type: io.kestra.plugin.scripts.shell.Commands, commands: ['{{ outputs.one.vars.x | sh }}']}\n".to_owned(),
    );
    // The old syntax.
    check(
        flow(NAME, "    runner: PROCESS # here\n    commands: [a]\n"),
        flow(
            NAME,
            "    taskRunner:\n      type: io.kestra.plugin.core.runner.Process # here\n    commands: [a]\n",
        ),
    );
    check(
        flow(
            NAME,
            "    runner: DOCKER\n    docker:\n      image: ubuntu:24.04\n      pullPolicy: NEVER # offline\n    commands: [a]\n",
        ),
        flow(
            NAME,
            "    containerImage: ubuntu:24.04\n    taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n      pullPolicy: NEVER # offline\n    commands: [a]\n",
        ),
    );
    check(
        flow(
            NAME,
            "    docker:\n      pullPolicy: NEVER\n      image: ubuntu:24.04\n    commands: [a]\n",
        ),
        flow(
            NAME,
            "    containerImage: ubuntu:24.04\n    taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n      pullPolicy: NEVER\n    commands: [a]\n",
        ),
    );
    check(
        flow(
            NAME,
            "    taskRunner:\n      type: io.kestra.core.models.tasks.runners.types.ProcessTaskRunner\n    commands: [a]\n",
        ),
        flow(
            NAME,
            "    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    commands: [a]\n",
        ),
    );
    check(
        flow(
            "  - name: n\n    type: MULTISELECT\n    options: [a]\n",
            "    commands: [a]\n",
        ),
        flow(
            "  - id: n\n    type: MULTISELECT\n    values: [a]\n",
            "    commands: [a]\n",
        ),
    );
    // What is not certain stays.
    for text in [
        flow(NAME, "    fooBar: 1\n    commands: [a]\n"),
        flow(
            NAME,
            "    env: {A: b}\n    commands:\n      - echo {{ inputs.name }}\n",
        ),
        flow(
            NAME,
            "    commands:\n      - >\n        echo\n        {{ inputs.name }}\n",
        ),
        "{{ not yaml".to_owned(),
        String::new(),
    ] {
        check(text.clone(), text);
    }
}
