//! What a flow names is there: outputs of tasks in loops, files in the working directory.

use crate::mistakes::expect;

/// Nothing leads out of a working directory, and what is no pattern is told where it stands.
#[test]
fn paths_of_files() {
    const LEAVES: &str = "it has a `..` part, which could leave the working directory";
    let name = |place: &str, name: &str, why: &str| {
        format!(
            "{place} error[TF0104] a file cannot be called so: `{name}` is not a relative path: {why}"
        )
    };
    let pattern = |place: &str, text: &str, why: &str| {
        format!("{place} error[TF0104] `{text}` is not a usable file pattern: {why}")
    };
    let check = |flow: &str, expected: &[String]| {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        expect(flow, &expected);
    };
    check(
        "tasks:\n  - id: a\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [a]\n    inputFiles:\n      ../x: a\n      ./y: b\n      /z: c\n      \
         a//b: d\n      \"{{ flow.id }}/..\": e\n    outputFiles: ['*.txt', '../*', 'a[', '/etc/passwd', '{{ inputs }}[', 'regex:(']\n    \
         namespaceFiles: {include: [a/**], exclude: ['../b']}\n",
        &[
            name("6:7", "../x", LEAVES),
            name(
                "8:7",
                "/z",
                "it is absolute; write it relative to the working directory",
            ),
            name("9:7", "a//b", "it has an empty part"),
            pattern("11:28", "../*", LEAVES),
            pattern("11:36", "a[", "unclosed character class; missing ']'"),
            pattern(
                "11:42",
                "/etc/passwd",
                "it is absolute; patterns are relative to the working directory",
            ),
            pattern("11:74", "regex:(", "unclosed group"),
            pattern("12:49", "../b", LEAVES),
        ],
    );
    check(
        "tasks:\n  - id: w\n    type: io.kestra.plugin.core.flow.WorkingDirectory\n    inputFiles: {a/../b: x}\n    outputFiles: ../out\n    \
         namespaceFiles: {include: [/a]}\n    cache: {patterns: [../c], ttl: PT1H}\n    tasks:\n      \
         - {id: l, type: io.kestra.plugin.core.storage.LocalFiles, inputs: {../i: x}, outputs: [../o]}\n  \
         - {id: u, type: io.kestra.plugin.core.namespace.UploadFiles, filesMap: {/a: x, /../b: y}, destination: /}\n  \
         - {id: d, type: io.kestra.plugin.core.namespace.DownloadFiles, files: [/a, ../b]}\n",
        &[
            name("4:18", "a/../b", LEAVES),
            pattern("5:18", "../out", LEAVES),
            pattern(
                "6:32",
                "/a",
                "it is absolute; patterns are relative to the working directory",
            ),
            pattern("7:24", "../c", LEAVES),
            name("9:74", "../i", LEAVES),
            pattern("9:94", "../o", LEAVES),
            name("10:82", "../b", LEAVES),
            pattern("11:78", "../b", LEAVES),
        ],
    );
    // A default stands once, however many tasks have it.
    check(
        "pluginDefaults:\n  - type: io.kestra.plugin.scripts.shell\n    values: {outputFiles: [../d]}\ntasks:\n  \
         - {id: a, type: io.kestra.plugin.scripts.shell.Commands, commands: [a]}\n  \
         - {id: b, type: io.kestra.plugin.scripts.shell.Commands, commands: [a]}\n",
        &[pattern("3:28", "../d", LEAVES)],
    );
}

/// What is read of tasks in loops: names, and the values above them.
#[test]
fn outputs_of_loops() {
    let check = |values: &str, inside: &str, after: &str, expected: &[&str]| {
        let flow = format!(
            "tasks:\n  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    values: {values}\n    tasks:\n      \
             - {{id: one-r, type: io.kestra.plugin.core.debug.Return, format: x}}\n      \
             - {{id: sh, type: io.kestra.plugin.scripts.shell.Commands, commands: [a]}}\n      \
             - {{id: in, type: io.kestra.plugin.core.log.Log, message: \"{inside}\"}}\n  \
             - {{id: after, type: io.kestra.plugin.core.log.Log, message: \"{after}\"}}\n"
        );
        expect(&flow, expected);
    };
    check(
        "[a, 2]",
        "{{ outputs['one-r'][taskrun.value].value }} {{ currentEachOutput(outputs.sh).vars.x }} {{ outputs.sh.a.exitCode }}",
        "{{ outputs.sh.a.vars.x }} {{ outputs.sh['2'].vars.x }} {{ outputs.sh[2].exitCode }} {{ outputs.sh }} {{ outputs.sh[inputs.x] ?? 1 }}",
        &[],
    );
    // A value that is not known yet may have the name of an output.
    check(
        "\"{{ [1] }}\"",
        "{{ outputs.sh.vars.value }} {{ outputs.sh.vars.vars.x }}",
        "{{ outputs.sh.any.vars }}",
        &[
            "8:79 warning[TF0209] `vars` of `sh` lies below a value of `each` (the task runs once for each value); help: write `outputs.sh[taskrun.value].vars`",
        ],
    );
    check(
        "[a, 2]",
        "{{ outputs['one-r'].value }} {{ outputs.sg[taskrun.value].vars.x }} {{ outputs.sh[taskrun.value].exitcode }} {{ currentEachOutput(outputs['one-r']).vale }}",
        "{{ outputs.sh.vars.x }} {{ outputs.sh.b.vars.x }} {{ outputs.sh.a.rows }}",
        &[
            "8:85 error[TF0209] `value` of `one-r` lies below a value of `each` (the task runs once for each value); help: write `outputs['one-r'][taskrun.value].value`",
            "8:105 error[TF0204] no task named `sg` (tasks that ran before this one: `one-r`, `sh`)",
            "8:162 error[TF0209] task `sh` has no output `exitcode` (its outputs are `vars`, `outputFiles`, `exitCode`, `taskRunner`); help: did you mean `exitCode`?",
            "8:213 error[TF0209] task `one-r` has no output `vale` (its outputs are `value`); help: did you mean `value`?",
            "9:78 error[TF0209] `vars` of `sh` lies below a value of `each` (the task runs once for each value); help: write `outputs.sh['a'].vars`",
            "9:102 error[TF0209] `each` has no value `b` (its values are `a`, `2`)",
            "9:130 error[TF0209] task `sh` has no output `rows` (its outputs are `vars`, `outputFiles`, `exitCode`, `taskRunner`); help: what a program prints by the output protocol is read as `outputs.sh['a'].vars.rows`",
        ],
    );
    check(
        "'[\"north\"]'",
        "{{ outputs.nowhere[taskrun.value].x }}",
        "{{ outputs.sh.nort.vars.x }} {{ outputs.each.x }} {{ outputs.sh.vars ?? 1 }} {{ outputs.aftre.x ?? 1 }}",
        &[
            "8:76 error[TF0204] no task named `nowhere` (tasks that ran before this one: `one-r`, `sh`)",
            "9:78 error[TF0209] `each` has no value `nort` (its values are `north`); help: did you mean `north`?",
            "9:109 error[TF0209] task `each` has no output `x` (tasks of its type hand out nothing)",
            "9:152 warning[TF0204] no task named `aftre` (tasks that ran before this one: `each`, `one-r`, `sh`, `in`); help: did you mean `after`?",
        ],
    );
    expect(
        "tasks:\n  - id: outer\n    type: io.kestra.plugin.core.flow.ForEach\n    values: [a]\n    tasks:\n      \
         - {id: r, type: io.kestra.plugin.core.debug.Return, format: '{{ currentEachOutput(outputs.deep).value }}'}\n      \
         - id: inner\n        type: io.kestra.plugin.core.flow.ForEach\n        values: [b]\n        tasks:\n          \
         - {id: deep, type: io.kestra.plugin.core.debug.Return, format: '{{ currentEachOutput(outputs.r).value }}'}\n          \
         - {id: l, type: io.kestra.plugin.core.log.Log, message: '{{ currentEachOutput(outputs.deep).value }} {{ outputs.deep[taskrun.value].value }}'}\n  \
         - {id: after, type: io.kestra.plugin.core.log.Log, message: '{{ outputs.deep.a.b.value }} {{ outputs.deep.a.value }}'}\n",
        &[
            "6:97 error[TF0204] task `deep` runs after this one (for this value its outputs do not exist yet)",
            "11:78 error[TF0209] task `r` stands in fewer loops than this one (`currentEachOutput` goes down by the value of each loop around the reader); help: write `outputs.r[parent.taskrun.value]`",
            "12:115 error[TF0209] `value` of `deep` lies below a value of `inner` (the task runs once for each value); help: write `outputs.deep[parent.taskrun.value][taskrun.value].value`",
            "13:111 error[TF0209] `value` of `deep` lies below a value of `inner` (the task runs once for each value); help: write `outputs.deep['a']['b'].value`",
        ],
    );
}

/// What cannot be the values of a loop, and what the flow hands out.
#[test]
fn values_of_loops_and_outputs_of_the_flow() {
    let each = |values: &str| {
        format!(
            "tasks:\n  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    values: {values}\n    tasks:\n      - {{id: l, type: io.kestra.plugin.core.log.Log, message: x}}\n"
        )
    };
    for good in [
        "[]",
        "{a: 1}",
        "'[\"a\"]'",
        "' {\"a\": 1} '",
        "\"{{ inputs.x ?? [] }}\"",
    ] {
        expect(&each(good), &[]);
    }
    for bad in ["7", "a,b", "true", "'\"a\"'"] {
        let text = bad.trim_matches('\'');
        let message = format!(
            "4:13 error[TF0104] `values` must be a list, a map, or a JSON text of one, not `{text}`"
        );
        expect(&each(bad), &[&message]);
    }
    expect(
        "tasks:\n  - {id: d, type: io.kestra.plugin.core.storage.DeduplicateItems, from: x, expr: \"{{ key }} {{ flows.x }}\"}\n  - {id: f, type: io.kestra.plugin.core.storage.FilterItems, from: x, filterCondition: \"{{ a == }}\"}\n",
        &["3:97 error[TF0301] expected an expression, found the end of the tag"],
    );
    expect(
        "tasks:\n  - {id: r, type: io.kestra.plugin.core.debug.Return, format: x}\noutputs:\n  - {id: a, type: STRNG, value: x}\n  - {id: a, type: INT, value: \"{{ outputs.r.valu }}\"}\n  - {id: c, value: \"{{ outputs.r.value }}\"}\n",
        &[
            "4:19 error[TF0104] there is no output type `STRNG` (allowed: STRING, SELECT, MULTISELECT, ARRAY, INT, FLOAT, BOOL, BOOLEAN, DATETIME, DATE, TIME, DURATION, FILE, JSON, YAML, URI, EMAIL, SECRET, ENUM); help: did you mean `STRING`?",
            "5:10 error[TF0203] two outputs have the id `a` (the second one)",
            "5:45 error[TF0209] task `r` has no output `valu` (its outputs are `value`); help: did you mean `value`?",
        ],
    );
}

/// What has no type of its own is told, and never passed over.
#[test]
fn types_that_are_no_text() {
    expect(
        "inputs:\n  - {id: x, type: [STRING]}\n  - {id: y, type: }\ntasks:\n  - {id: a, type: [io.kestra.plugin.core.log.Log], message: x}\n  - {id: s, type: io.kestra.plugin.core.flow.Sequential, tasks: [{id: e, type: {a: b}}, 5]}\nsla: [{type: [x]}, {type: MAX_DURATION, duration: [x]}, {type: MAX_DURATION, duration: PT1S, behavior: SKIP}]\n",
        &[
            "2:19 error[TF0103] `type` must be text, not a list",
            "3:6 error[TF0102] this input needs the key `type` (for example `type: STRING`)",
            "5:19 error[TF0103] `type` must be text, not a list",
            "6:80 error[TF0103] `type` must be text, not a map",
            "6:89 error[TF0103] item 2 of `tasks` must be a map, not a whole number",
            "7:14 error[TF0104] `type` cannot be a list: it is one of `MAX_DURATION`, `EXECUTION_ASSERTION`",
            "7:51 error[TF0104] `duration` must be text, not a list",
            "7:104 error[TF0104] `behavior` cannot be `SKIP`: it is one of `FAIL`, `CANCEL`, `NONE`",
        ],
    );
}
