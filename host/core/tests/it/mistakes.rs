//! One mistake gives one message, at the right place, with what was allowed and the nearest right thing.

use crate::common::{checker, code, words};
use taffrail_core::diagnostic::Source;
use taffrail_core::validate::check;

/// Checks a flow whose `tasks` or other keys are given; the place is counted in that text.
pub fn expect(flow: &str, expected: &[&str]) {
    let text = format!("id: test\nnamespace: company.team\n{flow}");
    let checked = check(&text, &checker());
    let source = Source::new("flow.yaml", text.as_str());
    let found: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.span.map_or(String::new(), |span| {
                let position = source.position(span.start);
                format!("{}:{} ", position.line - 2, position.column)
            });
            format!("{place}{} {}", code(diagnostic), words(diagnostic))
        })
        .collect();
    assert_eq!(found, expected, "\n{text}");
}

/// A flow with one shell task whose further lines are given, indented by four blanks.
fn task(lines: &str, expected: &[&str]) {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    expect(
        &format!("tasks:\n  - id: a\n    type: io.kestra.plugin.scripts.shell.Commands\n{lines}"),
        expected,
    );
}

#[test]
fn a_good_task_has_nothing_to_say() {
    task("commands:\n  - echo hello", &[]);
    task(
        "commands: [a]\nfailFast: \"{{ true }}\"\nenv: \"{{ {} }}\"\ntimeout: PT5M\nrunIf: true",
        &[],
    );
    task("commands: \"{{ ['a'] }}\"\nversion: 1.0", &[]);
    task(
        "commands: [a]\nenv: {PORT: 8080, DEBUG: true, V: 1.10}\ninputFiles: {a: , b: 5}",
        &[],
    );
    task("commands: [a]\nfailFast: 'true'", &[]);
}

#[test]
fn keys() {
    task(
        "comands:\n  - echo hello",
        &[
            "4:5 error[TF0101] this task has no key `comands` (unknown key); help: did you mean `commands`?",
        ],
    );
    task(
        "script: x",
        &[
            "2:5 error[TF0102] this task needs the key `commands` (`commands`: the lines to run, in this order and in one shell. Required, at least one.)",
            "4:5 error[TF0101] this task has no key `script` (unknown key)",
        ],
    );
    task(
        "commands: [a]\ntaskRunner:\n  type: io.kestra.plugin.core.runner.Process\n  pullPolicy: ALWAYS",
        &[
            "7:7 error[TF0101] the Process task runner has no key `pullPolicy` (its keys are `type`, `version`, `pluginDefaultsRef`, `directory`)",
        ],
    );
    task(
        "commands: [a]\ntaskRunner:\n  type: io.kestra.plugin.scripts.runner.docker.Docker\n  cpus: 2\n  memory:\n    memroy: 1GB",
        &[
            "7:7 error[TF0101] the Docker task runner has no key `cpus` (unknown key); help: did you mean `cpu`?",
            "9:9 error[TF0101] `memory` has no key `memroy` (its keys are `memory`, `memorySwap`, `memoryReservation`, `memorySwappiness`, `kernelMemory`, `oomKillDisable`); help: did you mean `memory`?",
        ],
    );
    task(
        "commands: [a]\ntaskRunner:\n  type: io.kestra.plugin.scripts.runner.docker.Docker\n  restartPolicy: always\n  mem_limit: 1GB\n  cap_add: [MKNOD]",
        &[
            "7:7 error[TF0101] the Docker task runner does not take `restartPolicy` (a task ends once; `retry` of the task runs it again)",
            "8:7 error[TF0101] the Docker task runner has no key `mem_limit` (unknown key); help: `memLimit` is not taken: it is written `memory.memory`",
            "9:7 error[TF0101] the Docker task runner has no key `cap_add` (unknown key); help: did you mean `capAdd`?",
        ],
    );
    task(
        "commands: [a]\nnamespaceFiles:\n  enable: true",
        &[
            "6:7 error[TF0101] `namespaceFiles` has no key `enable` (its keys are `enabled`, `include`, `exclude`, `namespaces`, `folderPerNamespace`, `ifExists`); help: did you mean `enabled`?",
        ],
    );
    expect(
        "task: []\n",
        &[
            "1:1 error[TF0101] the flow has no key `task` (unknown key); help: did you mean `tasks`?",
        ],
    );
    expect(
        "tasks: []\n",
        &["1:8 error[TF0104] `tasks` must not be empty"],
    );
}

#[test]
fn values() {
    task(
        "commands: echo hello",
        &[
            "4:15 error[TF0103] `commands` must be a list, not text; help: write it as a list: each item on its own line, after `- `",
        ],
    );
    task(
        "commands:",
        &["4:5 error[TF0103] `commands` has no value (it must be a list)"],
    );
    task(
        "commands: [a]\nfailFast: yes",
        &["5:15 error[TF0103] `failFast` must be `true` or `false`, not text"],
    );
    task(
        "commands: [a]\ntimeout: 5m",
        &[
            "5:14 error[TF0104] `timeout` must be a duration such as `PT30S`, `PT5M` or `PT1H30M`, not `5m`",
        ],
    );
    task(
        "commands: [a]\ntargetOS: LINX",
        &[
            "5:15 error[TF0104] `targetOS` cannot be `LINX` (allowed: `LINUX`, `WINDOWS`, `AUTO`); help: did you mean `LINUX`?",
        ],
    );
    task(
        "commands: [a]\nlogLevel: '{{ flow.id }}'",
        &[
            "5:15 error[TF0104] `logLevel` cannot be `{{ flow.id }}` (allowed: `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`)",
        ],
    );
    task(
        "commands:\n  - key: value",
        &[
            "5:9 error[TF0103] item 1 of `commands` must be text, not a map; help: quote the text where it holds `: ` or begins with `{`",
        ],
    );
    task(
        "commands: [a]\nenv:\n  A: [1]",
        &["6:10 error[TF0103] `A` must be text, a number or a boolean, not a list"],
    );
    task(
        "commands: [a]\ntaskRunner: docker",
        &["5:17 error[TF0103] `taskRunner` must be a map, not text"],
    );
    expect(
        "concurrency:\n  limit: 0\ntasks:\n  - {id: a, type: io.kestra.plugin.scripts.shell.Script, script: x}\n",
        &["2:10 error[TF0104] `limit` must be at least 1, not `0`"],
    );
}

#[test]
fn types_and_versions() {
    expect(
        "tasks:\n  - id: a\n    type: io.kestra.plugin.scripts.shel.Commands\n    commands: [a]\n",
        &[
            "3:11 error[TF0201] no installed plugin provides `io.kestra.plugin.scripts.shel.Commands` (the plugin for shel is missing); help: did you mean `io.kestra.plugin.scripts.shell.Commands`?",
        ],
    );
    expect(
        "tasks:\n  - id: a\n    type: shell\n",
        &[
            "3:11 error[TF0201] no installed plugin provides `shell` (unknown task type); help: did you mean `io.kestra.plugin.scripts.shell.Script`?",
        ],
    );
    expect(
        "tasks:\n  - id: a\n    type: io.kestra.plugin.core.flow.Forech\n",
        &[
            "3:11 error[TF0201] no installed plugin provides `io.kestra.plugin.core.flow.Forech` (unknown task type); help: did you mean `io.kestra.plugin.core.flow.ForEach`?",
        ],
    );
    expect(
        "tasks:\n  - id: a\n    type: io.kestra.plugin.core.trigger.Schedule\n",
        &[
            "3:11 error[TF0201] `io.kestra.plugin.core.trigger.Schedule` is a trigger, not a task (triggers belong under `triggers`)",
        ],
    );
    expect(
        "tasks:\n  - id: a\n",
        &[
            "2:5 error[TF0102] this task needs the key `type` (for example `type: io.kestra.plugin.scripts.shell.Commands`)",
        ],
    );
    expect(
        "tasks:\n  - type: io.kestra.plugin.scripts.shell.Commands\n    commands: [a]\n",
        &[
            "2:5 error[TF0102] this task needs the key `id` (`id`: identifier of the task, unique in the flow. Its outputs are read as `outputs.<id>`)",
        ],
    );
    task(
        "commands: [a]\nversion: 1.10",
        &[
            "5:14 error[TF0205] plugin `shell` is pinned to `1.10`, which no installed version satisfies (wanted: any release 1.10.x; installed: `1.0.0`); help: write `version: \"1.0\"`, or remove the line for the newest",
        ],
    );
    task(
        "commands: [a]\nversion: v1.0",
        &[
            "5:14 error[TF0104] `v1.0` is not a version (allowed: `1`, `1.2`, `1.2.3`, `1.2.3-qualifier`, `LATEST`, `OLDEST`, or operators such as `^1.2` and `>=1.1, <2`); help: did you mean `1.0`?",
        ],
    );
    task(
        "commands: [a]\ntaskRunner:\n  type: io.kestra.plugin.scripts.runner.docker.Doker",
        &[
            "6:13 error[TF0202] there is no task runner `io.kestra.plugin.scripts.runner.docker.Doker` (task runners are `io.kestra.plugin.core.runner.Process`, `io.kestra.plugin.scripts.runner.docker.Docker`); help: did you mean `io.kestra.plugin.scripts.runner.docker.Docker`?",
        ],
    );
    task(
        "commands: [a]\ntaskRunner:\n  pullPolicy: ALWAYS",
        &["5:5 error[TF0102] `taskRunner` needs the key `type`"],
    );
}

/// A wrong type or version hides no other mistake of the task.
#[test]
fn what_else_is_wrong_with_a_task_that_has_the_wrong_type_or_version() {
    expect(
        "tasks:\n  - id: a\n    type: io.kestra.plugin.scripts.shell.Comands\n    comands: [a]\n    timeout: soon\n    taskRunner: {type: io.kestra.plugin.core.runner.Process, cpu: 1}\n",
        &[
            "3:11 error[TF0201] no installed plugin provides `io.kestra.plugin.scripts.shell.Comands` (unknown task type); help: did you mean `io.kestra.plugin.scripts.shell.Commands`?",
            "4:5 error[TF0101] this task has no key `comands` (unknown key); help: did you mean `commands`?",
            "5:14 error[TF0104] `timeout` must be a duration such as `PT30S`, `PT5M` or `PT1H30M`, not `soon`",
            "6:62 error[TF0101] the Process task runner has no key `cpu` (its keys are `type`, `version`, `pluginDefaultsRef`, `directory`)",
        ],
    );
    task(
        "comands: [a]\nversion: 1.10",
        &[
            "4:5 error[TF0101] this task has no key `comands` (unknown key); help: did you mean `commands`?",
            "5:14 error[TF0205] plugin `shell` is pinned to `1.10`, which no installed version satisfies (wanted: any release 1.10.x; installed: `1.0.0`); help: write `version: \"1.0\"`, or remove the line for the newest",
        ],
    );
}

#[test]
fn places_in_lists() {
    expect(
        "outputs:\n  - id: x\ntasks:\n  - {id: a, type: io.kestra.plugin.scripts.shell.Script, script: x}\n  -\n  - text\n",
        &[
            "2:5 error[TF0102] item 1 of `outputs` needs the key `value` (`value`: the value, as a rule an expression)",
            "5:4 error[TF0103] item 2 of `tasks` has no value (it must be a map)",
            "6:5 error[TF0103] item 3 of `tasks` must be a map, not text",
        ],
    );
}

#[test]
fn ids() {
    let two = "tasks:\n  - {id: a, type: io.kestra.plugin.scripts.shell.Script, script: x}\n  - {id: a, type: io.kestra.plugin.scripts.shell.Script, script: x}\n";
    expect(
        two,
        &["3:10 error[TF0203] two tasks have the id `a` (the first one is on line 4)"],
    );
    expect(
        "tasks:\n  - {id: 'a b', type: io.kestra.plugin.scripts.shell.Script, script: x}\n",
        &[
            "2:10 error[TF0104] `id` must be a name of letters, digits, `_` and `-` that begins with a letter or a digit, not `a b`",
        ],
    );
    expect(
        "tasks:\n  - {id: 7, type: io.kestra.plugin.scripts.shell.Script, script: x}\n",
        &[],
    );
    expect(
        "tasks:\n  - id: a\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks:\n      - {id: a, type: io.kestra.plugin.scripts.shell.Script, scrip: x}\n",
        &[
            "5:14 error[TF0203] two tasks have the id `a` (the first one is on line 4)",
            "5:62 error[TF0101] this task has no key `scrip` (unknown key); help: did you mean `script`?",
        ],
    );
}

#[test]
fn expressions() {
    task(
        "commands:\n  - echo {{ inputs.nam }} {{ 'x' | uper }}\n  - |\n    echo one\n    echo {{ foo( }}",
        &[
            "5:24 error[TF0204] the flow has no input `nam` (the flow declares no inputs)",
            "5:40 error[TF0302] there is no filter `uper`; help: did you mean `upper`?",
            "8:20 error[TF0301] this `(` is not closed before `}`",
        ],
    );
    expect(
        "inputs:\n  - {id: name, type: STRING}\nvariables: {greeting: hi}\ntasks:\n  - id: first\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - echo {{ inputs.nam }}\n      - echo {{ outputs.secnd.vars.x }} {{ outputs.second.vars.x }} {{ outputs.first.exitCode }}\n      - echo {{ vars.greting }} {{ input.name }} {{ outputs.nothing ?? 'fine' }}\n  - id: second\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands:\n      - echo {{ outputs['frist'].vars.x }} {{ outputs.first.vars.x }} {{ taskrun.value }} {{ planet }}\n",
        &[
            "8:24 error[TF0204] the flow has no input `nam` (its inputs are `name`); help: did you mean `name`?",
            "9:25 error[TF0204] no task named `secnd` (no task runs before this one); help: did you mean `second`?",
            "9:52 error[TF0204] task `second` runs after this one (its outputs do not exist yet)",
            "9:80 error[TF0204] task `first` cannot read its own outputs (they exist when it has ended)",
            "10:22 error[TF0204] the flow has no variable `greting`; help: did you mean `greeting`?",
            "10:36 error[TF0204] there is no variable `input` (expressions begin with `inputs`, `outputs`, `vars`, `labels`, `flow`, `execution`, `task` or `taskrun`); help: did you mean `inputs`?",
            "14:26 error[TF0204] no task named `frist` (tasks that ran before this one: `first`); help: did you mean `first`?",
            "14:82 error[TF0204] there is no `taskrun.value` here (only a task inside a ForEach has one)",
            "14:94 warning[TF0204] there is no variable `planet` (expressions begin with `inputs`, `outputs`, `vars`, `labels`, `flow`, `execution`, `task` or `taskrun`)",
        ],
    );
}

#[test]
fn flowables() {
    let check = |kind: &str, lines: &str, expected: &[&str]| {
        let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
        expect(
            &format!("tasks:\n  - id: f\n    type: io.kestra.plugin.core.flow.{kind}\n{lines}"),
            expected,
        );
    };
    let log = "type: io.kestra.plugin.core.log.Log, message: x";
    check(
        "ForEach",
        &format!("value: [1]\ntasks:\n  - {{id: a, {log}}}"),
        &[
            "4:5 error[TF0101] this task has no key `value` (unknown key); help: did you mean `values`?",
        ],
    );
    check(
        "Parallel",
        "concurrent: -1\ntasks: []",
        &[
            "4:17 error[TF0104] `concurrent` must be at least 0, not `-1`",
            "5:12 error[TF0104] `tasks` must not be empty",
        ],
    );
    // Order inside and between branches, as far as it is certain.
    check(
        "Sequential",
        "tasks:\n  - {id: a, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.b.value }}\"}\n  - {id: b, type: io.kestra.plugin.core.debug.Return, format: \"{{ outputs.e.value }}\"}\nerrors:\n  - {id: e, type: io.kestra.plugin.core.debug.Return, format: \"{{ outputs.b.value }}\"}",
        &[
            "5:75 error[TF0204] task `b` runs after this one (its outputs do not exist yet)",
            "6:71 error[TF0204] task `e` runs after this one (its outputs do not exist yet)",
        ],
    );
    check(
        "LoopUntil",
        "condition: \"{{ outputs.b.value == 'x' }}\"\ntasks:\n  - {id: a, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.b.value ?? '' }} {{ outputs.b.value }}\"}\n  - {id: b, type: io.kestra.plugin.core.debug.Return, format: x}",
        &[],
    );
    check(
        "Dag",
        &format!(
            "tasks:\n  - task: {{id: a, {log}}}\n    dependsOn: [b]\n  - task: {{id: b, {log}}}\n    dependsOn: [c, bb]\n  - task: {{id: c, {log}}}\n    dependsOn: [a, c]"
        ),
        &[
            "5:20 error[TF0104] task `a` needs itself (`a` needs `b` needs `c` needs `a`)",
            "8:24 error[TF0204] no task named `bb` in this Dag",
            "10:24 error[TF0104] task `c` needs itself",
        ],
    );
    check(
        "Switch",
        "value: a\ncases:\n  a: {id: x}",
        &["6:10 error[TF0103] `a` must be a list, not a map"],
    );
    expect(
        "sla:\n  - {id: a, type: MAX_DURATION, duration: 5m}\n  - {id: b, type: MAX_DURTION}\nretry: {type: constant}\ntasks:\n  - {id: l, type: io.kestra.core.tasks.log.Log, message: x, retry: {type: constant, interval: PT1S}}\n",
        &[
            "2:43 error[TF0104] `5m` is not a duration; write for example `PT30S`, `PT5M`, `PT1H30M` or `P1D`",
            "3:19 error[TF0104] `type` cannot be `MAX_DURTION`: it is one of `MAX_DURATION`, `EXECUTION_ASSERTION`; did you mean `MAX_DURATION`?",
            "4:15 error[TF0104] a retry of type `constant` needs the key `interval`",
            "6:19 warning[TF0105] `io.kestra.core.tasks.log.Log` is an old name; help: write `io.kestra.plugin.core.log.Log`",
            "6:68 warning[TF0104] this retry never gives up (it has neither `maxAttempts` nor `maxDuration`)",
        ],
    );
}

#[test]
fn inputs() {
    let flow = |inputs: &str| {
        format!(
            "inputs:\n{inputs}tasks:\n  - {{id: a, type: io.kestra.plugin.scripts.shell.Script, script: x}}\n"
        )
    };
    expect(
        &flow(
            "  - {id: a, type: STRNG}\n  - {id: b, type: INT, defaults: many, mim: 1}\n  - {type: STRING}\n  - {id: b, type: ARRAY}\n  - {id: c, type: STRING, validator: '(?=x)'}\n",
        ),
        &[
            "2:19 error[TF0104] there is no input type `STRNG` (allowed: STRING, SELECT, MULTISELECT, ARRAY, INT, FLOAT, BOOL, DATETIME, DATE, TIME, DURATION, FILE, JSON, YAML, URI, EMAIL, SECRET); help: did you mean `STRING`?",
            "3:34 error[TF0401] the default of the input `b`: expected INT, not `many`",
            "3:40 error[TF0101] this INT input has no key `mim` (its keys are `id`, `type`, `description`, `displayName`, `required`, `defaults`, `prefill`, `dependsOn`, `min`, `max`); help: did you mean `min`?",
            "4:6 error[TF0102] this input needs the key `id` (flows read it as `inputs.<id>`)",
            "5:6 error[TF0102] this ARRAY input needs the key `itemType` (`itemType`: what each item is read as)",
            "5:10 error[TF0203] two inputs have the id `b` (the second one)",
            "6:38 error[TF0104] `validator` is not a regular expression that can be used here: look-around, including look-ahead and look-behind, is not supported",
        ],
    );
    expect(
        &flow(
            "  - {id: a, type: INT, min: x}\n  - {id: b, type: SELECT}\n  - {id: c, type: MULTISELECT, options: [a]}\n  - {id: d, type: INT, min: 5, max: 1}\n  - {id: e, type: DATE, after: 2026-01-02, before: 2026-01-01}\n  - {id: f, type: FLOAT, min: 1, max: 1}\n",
        ),
        &[
            "2:29 error[TF0103] `min` must be a whole number, not text",
            "3:6 error[TF0102] this SELECT input needs the key `values` or `expression` (the values that it is chosen from)",
            "4:32 warning[TF0105] `options` is deprecated (old form of `values`); help: write `values`",
            "5:37 error[TF0104] no value is between `min` and `max`",
            "6:52 error[TF0104] no value is between `after` and `before`",
        ],
    );
}

#[test]
fn old_forms_and_defaults() {
    task(
        "commands: [a]\nrunner: PROCESS",
        &[
            "5:5 warning[TF0105] `runner` is deprecated (old form of `taskRunner`); help: write `taskRunner`",
        ],
    );
    expect(
        "pluginDefaults:\n  - type: io.kestra.plugin.scripts\n    values:\n      comands: [x]\n      failFast: maybe\n  - type: io.kestra.plugin.scripts.shell.Commands\n    values:\n      commands: [a]\ntasks:\n  - {id: a, type: io.kestra.plugin.scripts.shell.Commands}\n",
        &[
            "4:7 warning[TF0101] `comands` is not a key of `io.kestra.plugin.scripts.shell.Commands` (this default has no effect on what has that type)",
            "5:17 error[TF0103] `failFast` must be `true` or `false`, not text",
        ],
    );
    let process = "io.kestra.plugin.core.runner.Process";
    let task = |id: &str| {
        format!(
            "  - {{id: {id}, type: io.kestra.plugin.scripts.shell.Commands, commands: [a], taskRunner: {{type: {process}}}}}\n"
        )
    };
    expect(
        &format!(
            "pluginDefaults:\n  - {{type: {process}, values: {{directry: x, directory: y}}}}\n  - {{type: io.kestra.plugin.core, values: {{message: x}}}}\ntasks:\n{}{}",
            task("a"),
            task("b")
        ),
        &[
            "2:59 warning[TF0101] `directry` is not a key of `io.kestra.plugin.core.runner.Process` (this default has no effect on what has that type)",
        ],
    );
    let shell = |more: &str| {
        format!(
            "  - {{id: a, type: io.kestra.plugin.scripts.shell.Commands, commands: [a]{more}}}\n"
        )
    };
    let flow = |defaults: &str, tasks: &str| format!("pluginDefaults:\n{defaults}tasks:\n{tasks}");
    let for_runner = format!("  - {{type: {process}, values: {{}}}}\n");
    expect(
        &flow(&for_runner, &shell("")),
        &[
            "2:12 warning[TF0104] these defaults reach no task: none has this `taskRunner` (a default does not choose the runner); help: write `taskRunner: {type: io.kestra.plugin.core.runner.Process}` in the tasks, or in the defaults of their types",
        ],
    );
    expect(
        &flow(
            &for_runner,
            &shell(&format!(", taskRunner: {{type: {process}}}")),
        ),
        &[],
    );
    // By the defaults of its type.
    let for_task = format!(
        "  - {{type: io.kestra.plugin.scripts, values: {{taskRunner: {{type: {process}}}}}}}\n"
    );
    expect(&flow(&(for_runner + &for_task), &shell("")), &[]);
    expect(
        "tasks:\n  - {id: l, type: io.kestra.plugin.core.execution.Labels, labels: [1, {key: a}]}\n",
        &[
            "2:68 error[TF0103] item 1 of `labels` must be a map, not a whole number",
            "2:72 error[TF0102] item 2 of `labels` needs the key `value` (`value`: its value)",
        ],
    );
}
