//! Old spellings of whole tasks, and defaults that a task asks for by name.

use taffrail_tests::cli::World;
use taffrail_tests::flows::{dedent, flow};

#[test]
fn old_script_tasks_run_as_those_of_today() {
    let world = World::new();
    let ran = world.run_with_own_runners(
        "
        - id: bash
          type: io.kestra.core.tasks.scripts.Bash
          outputFiles: [first]
          outputDirs: [folder]
          files: [second]
          interpreter: /bin/bash
          inputFiles: {data.txt: from a file}
          env: {WORD: word}
          commands:
            - cat data.txt > {{ outputFiles.first }}
            - echo $WORD > second
            - echo inside > {{ outputDirs.folder }}/in.txt
            - test -n \"$BASH_VERSION\"
            - 'echo ''::{\"outputs\":{\"n\":1}}::'''
        - id: goes_on
          type: io.kestra.core.tasks.scripts.Bash
          exitOnFailed: false
          commands: ['false', 'echo went on']
        - id: python
          type: io.kestra.core.tasks.scripts.Python
          args: [\"{{ outputs.bash.vars.n }}\", two]
          inputFiles:
            main.py: |
              import sys
              from kestra import Kestra
              Kestra.outputs({'args': sys.argv[1:]})
              Kestra.counter('count', 2, {'tag': 'a'})
        - id: lines
          type: io.kestra.core.tasks.scripts.Python
          virtualEnv: false
          commands: ['./bin/python -c \"print(6 * 7)\"']
        - id: show
          type: io.kestra.plugin.core.debug.Return
          format: \"{{ read(outputs.bash.files.first) }} {{ read(outputs.bash.outputFiles['folder/in.txt']) }}\"
        ",
        0,
    );
    assert_eq!(ran.files("bash"), ["first", "folder/in.txt", "second"]);
    assert_eq!(ran.vars("python")["args"], serde_json::json!(["1", "two"]));
    assert_eq!(ran.task("python")["metrics"][0]["name"], "count");
    assert_eq!(ran.task("bash")["runner"], "process");
    world.taffrail(["validate", "flow.yaml"]).exits(0).says([
        "`io.kestra.core.tasks.scripts.Bash` is an old script task",
        "it is run as `io.kestra.plugin.scripts.shell.Commands`",
    ]);
    assert!(ran.lines('|').contains(&"went on") && ran.lines('|').contains(&"42"));
    let shown = ran.task("show")["outputs"]["value"].as_str().unwrap();
    assert_eq!(shown, "from a file inside\n");
}

#[test]
fn a_run_says_in_a_line_each_what_it_accepted() {
    let world = World::new();
    let old = flow(
        "
        - {id: one, type: io.kestra.core.tasks.log.Log, message: a}
        - {id: two, type: io.kestra.core.tasks.log.Log, message: b}
        ",
    );
    let more = "listeners: []\ntriggers: [{id: t, type: io.kestra.plugin.core.trigger.Schedule, cron: '0 0 * * *'}]\n";
    world.write("flow.yaml", format!("{old}{more}"));
    let ran = world.taffrail(["run", "flow.yaml"]);
    ran.exits(0).says([
        "note: flow.yaml:4:21: `io.kestra.core.tasks.log.Log` is an old name; write `io.kestra.plugin.core.log.Log` (2 times)\n",
        "`triggers` is accepted and not run here\n",
    ]);
    let quiet = world.taffrail(["run", "flow.yaml", "-q"]);
    quiet.exits(0).never_prints(["note:"]);
}

#[test]
fn an_old_node_task_finds_its_client_beside_it() {
    let world = World::new();
    if world.sh("command -v node").finish().code() != Some(0) {
        eprintln!("skipped: no node here");
        return;
    }
    let ran = world.run_with_own_runners(
        "
        - id: node
          type: io.kestra.core.tasks.scripts.Node
          args: [one]
          inputFiles:
            main.js: |
              const Kestra = require('./kestra');
              Kestra.outputs({arg: process.argv[2]});
              Kestra.timer('timed', (done) => done());
        ",
        0,
    );
    assert_eq!(ran.vars("node")["arg"], "one");
    assert_eq!(ran.task("node")["metrics"][0]["type"], "timer");
}

#[test]
fn mistakes_in_old_tasks_are_told_with_their_own_words() {
    let world = World::new();
    let check = |task: &str, words: &[&str]| {
        world.write("flow.yaml", flow(&dedent(task)));
        let finished = world.taffrail(["validate", "flow.yaml"]);
        finished.exits(3).says(words.iter().copied());
    };
    check(
        "- {id: x, type: io.kestra.core.tasks.scripts.Bash}",
        &["flow.yaml:4:", "needs the key `commands`"],
    );
    check(
        "- {id: x, type: io.kestra.core.tasks.scripts.Bash, commands: [a], interpretre: b}",
        &["flow.yaml:4:", "did you mean `interpreter`?"],
    );
    check(
        "- {id: x, type: io.kestra.core.tasks.scripts.Python, inputFiles: {mian.py: a}}",
        &["flow.yaml:4:", "needs the file `main.py` in `inputFiles`"],
    );
    check(
        "- {id: x, type: io.kestra.core.tasks.scripts.Bash, commands: [\"echo {{ outputs.y.z }}\"]}",
        &["flow.yaml:4:", "no task named `y`"],
    );
}

const DEFAULTS: &str = "
pluginDefaults:
  - {type: io.kestra.plugin.core.debug.Return, values: {format: of the type}}
  - {type: io.kestra.plugin.core.debug.Return, ref: own, values: {format: by name}}
  - {type: io.kestra.plugin.core.runner.Process, ref: there, values: {directory: there}}
";

#[test]
fn defaults_are_had_by_their_name() {
    let world = World::new();
    world.write("there/file.txt", "found");
    let tasks = "
        - {id: plain, type: io.kestra.plugin.core.debug.Return}
        - {id: asks, type: io.kestra.plugin.core.debug.Return, pluginDefaultsRef: own}
        - {id: runs, type: io.kestra.plugin.scripts.shell.Commands, commands: [cat file.txt], captureOutput: true,
           taskRunner: {type: io.kestra.plugin.core.runner.Process, pluginDefaultsRef: there}}
    ";
    world.write("flow.yaml", format!("{}{DEFAULTS}", flow(tasks)));
    let finished = world.taffrail(["run", "flow.yaml", "-o", "json"]);
    finished.exits(0);
    let record = finished.json();
    let of = |number: usize, name: &str| record["tasks"][number]["outputs"][name].clone();
    assert_eq!(of(0, "value"), "of the type");
    assert_eq!(of(1, "value"), "by name");
    assert_eq!(of(2, "stdout"), "found");
    let wrong = "
        - {id: asks, type: io.kestra.plugin.core.debug.Return, pluginDefaultsRef: onw}
        - {id: other, type: io.kestra.plugin.core.log.Log, message: x, pluginDefaultsRef: own}
        - {id: runs, type: io.kestra.plugin.scripts.shell.Commands, commands: [x],
           taskRunner: {type: io.kestra.plugin.core.runner.Process, pluginDefaultsRef: none}}
    ";
    world.write("flow.yaml", format!("{}{DEFAULTS}", flow(wrong)));
    world.taffrail(["validate", "flow.yaml"]).exits(3).says([
        "flow.yaml:4:",
        "did you mean `own`?",
        "flow.yaml:5:",
        "the defaults `own` are for `io.kestra.plugin.core.debug.Return`, not for `io.kestra.plugin.core.log.Log`",
        "flow.yaml:7:",
        "no entry of `pluginDefaults` has the `ref` `none`",
    ]);
}
