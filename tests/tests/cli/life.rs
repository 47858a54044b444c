//! The life of a task: exit states, outputs and the protocol, what keeps a flow going and what ends it.

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::flows::{flow, shell};

#[test]
fn outputs_pass_from_task_to_task() {
    let ran = World::new().run(
        &flow(
            r#"
            - id: make
              type: io.kestra.plugin.scripts.shell.Commands
              outputFiles: [a.txt]
              commands:
                - echo text > a.txt
                - echo '::{"outputs":{"n":1,"list":["x","y"],"nothing":null}}::'
                - echo '::{"outputs":{"n":2}}::' >&2
            - id: use-it
              type: io.kestra.plugin.scripts.python.Script
              inputFiles: {b.txt: "{{ outputs.make.outputFiles['a.txt'] }}"}
              script: |
                print(open("b.txt").read().strip(), {{ outputs.make.vars.n }}, "{{ outputs.make.vars.list[1] }}", {{ outputs.make.exitCode }})
                print({{ outputs.make.vars }})
            - id: again
              type: io.kestra.plugin.scripts.shell.Commands
              commands: ["cat {{ outputs.make.outputFiles['a.txt'] }}", "echo {{ outputs['use-it'].exitCode }}"]
            "#,
        ),
        0,
    );
    assert_eq!(
        ran.vars("make"),
        &json!({ "n": 2, "list": ["x", "y"], "nothing": null })
    );
    assert_eq!(
        ran.lines('|'),
        [
            "text 2 y 0",
            "{'n': 2, 'list': ['x', 'y'], 'nothing': None}",
            "text",
            "0"
        ]
    );
}

#[test]
fn outputs_are_kept_after_a_failure_and_after_a_timeout() {
    let head = r#"- id: one
  type: io.kestra.plugin.scripts.shell.Commands
  timeout: PT0.5S
  outputFiles: [made.txt]
  commands:
    - echo made > made.txt
    - echo '::{"outputs":{"a":1}}::'
"#;
    for (last, code, kind, exit) in [
        ("exit 66", 4, "exit", json!(66)),
        ("sleep 60", 7, "timeout", json!(null)),
        ("kill -9 $$", 4, "exit", json!(null)),
    ] {
        let ran = World::new().run(&flow(&format!("{head}    - {last}\n")), code);
        let task = ran.task("one");
        assert_eq!(task["failure"]["kind"], kind, "{}", ran.finished);
        assert_eq!(
            task["outputs"]["vars"],
            json!({ "a": 1 }),
            "{}",
            ran.finished
        );
        assert_eq!(task["outputs"]["exitCode"], exit, "{}", ran.finished);
        assert_eq!(ran.files("one"), ["made.txt"], "{}", ran.finished);
    }
}

#[test]
fn an_exit_code_and_a_signal_are_different_words() {
    let code = World::new().run(&shell("exit 137"), 4);
    assert_eq!(code.task("one")["exit"], json!({ "code": 137 }));
    assert!(
        code.task("one")["failure"]["message"]
            .as_str()
            .unwrap()
            .contains("exit code 137"),
        "{}",
        code.finished
    );
    let signal = World::new().run(&shell("kill -9 $$"), 4);
    assert_eq!(
        signal.task("one")["exit"],
        json!({ "signal": 9 }),
        "{}",
        signal.finished
    );
    assert!(
        !signal.task("one")["failure"]["message"]
            .as_str()
            .unwrap()
            .contains("137"),
        "{}",
        signal.finished
    );
}

#[test]
fn the_protocol_is_read_on_both_streams() {
    let ran = World::new().run(
        &shell(
            r#"
            echo '::{"outputs":{"out":1},"metrics":[{"name":"rows","type":"counter","value":2,"tags":{"t":"a"}},{"name":"took","type":"timer","value":1.5}]}::'
            echo '::{"outputs":{"err":{"deep":true}},"metrics":[{"name":"rows","type":"counter","value":3,"tags":{"t":"a"}}]}::' >&2
            echo '::{"logs":[{"level":"WARN","message":"careful"},{"level":"ERROR","message":"bad"}]}::'
            echo '  ::{"outputs":{"blank":1}}::'
            echo '::{"outputs":{"tail":1}}:: x'
            "#,
        ),
        0,
    );
    assert_eq!(
        ran.vars("one"),
        &json!({ "out": 1, "err": { "deep": true } })
    );
    let metrics = ran.task("one")["metrics"].to_string();
    assert!(
        metrics.contains(r#""rows""#) && metrics.contains("5"),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#""timer""#) && metrics.contains("1.5"),
        "{metrics}"
    );
    // What only looks like the protocol is a line; what is the protocol is none.
    assert_eq!(
        ran.lines('|'),
        [
            "  ::{\"outputs\":{\"blank\":1}}::",
            "::{\"outputs\":{\"tail\":1}}:: x"
        ]
    );
    ran.finished.says(["one : WARN careful", "one : ERROR bad"]);
    assert_eq!(
        (
            &ran.task("one")["stdoutLines"],
            &ran.task("one")["stderrLines"]
        ),
        (&json!(4), &json!(1))
    );
}

#[test]
fn broken_protocol_lines_stay_lines_and_warn() {
    let ran = World::new().run(&shell("echo '::{\"outputs\":{\"a\":}}::'\necho '::{\"outputs\":5}::'\necho '::{\"outputs\":{\"ok\":1}}::'"), 0);
    assert_eq!(ran.vars("one"), &json!({ "ok": 1 }));
    assert_eq!(
        ran.lines('|')[0],
        "::{\"outputs\":{\"a\":}}::",
        "{}",
        ran.finished
    );
    assert!(
        ran.finished.stderr.matches("one : warning").count() == 2,
        "{}",
        ran.finished
    );
}

#[test]
fn log_level_drops_what_is_below() {
    let flow = shell(
        "echo '::{\"logs\":[{\"level\":\"INFO\",\"message\":\"small\"},{\"level\":\"ERROR\",\"message\":\"large\"}]}::'",
    );
    let ran = World::new().run(
        &flow.replace("  commands", "  logLevel: WARN\n    commands"),
        0,
    );
    ran.finished.says(["large"]).never_prints(["small"]);
    // What a program prints has a level, too.
    let both = shell("echo plain; echo grave >&2");
    let check = |level: &str, plain: bool| {
        let both = both.replace("  commands", &format!("  logLevel: {level}\n    commands"));
        let ran = World::new().run(&both, 0);
        assert_eq!(
            ran.lines('|') == ["plain"],
            plain,
            "{level}: {}",
            ran.finished
        );
        assert_eq!(ran.lines('!'), ["grave"], "{level}: {}", ran.finished);
    };
    check("INFO", true);
    check("WARN", false);
    check("ERROR", false);
}

/// The state that an allowed failure ends in, and whether the flow goes on.
#[test]
fn allow_failure_and_allow_warning_settle_the_state() {
    for (keys, task, execution, code) in [
        ("", "FAILED", "FAILED", 4),
        ("allowFailure: true", "WARNING", "WARNING", 0),
        (
            "allowFailure: true\n  allowWarning: true",
            "SUCCESS",
            "SUCCESS",
            0,
        ),
        ("allowWarning: true", "FAILED", "FAILED", 4),
    ] {
        let tasks = format!(
            "- id: one\n  type: io.kestra.plugin.scripts.shell.Commands\n  commands: ['exit 1']\n  {keys}\n\
             - id: two\n  type: io.kestra.plugin.scripts.shell.Commands\n  commands: ['echo went on']\n"
        );
        let ran = World::new().run(&flow(&tasks), code);
        assert_eq!(ran.task("one")["state"], task, "{keys}: {}", ran.finished);
        assert_eq!(ran.record["state"], execution, "{keys}: {}", ran.finished);
        assert_eq!(
            ran.lines('|').contains(&"went on"),
            code == 0,
            "{keys}: {}",
            ran.finished
        );
    }
}

#[test]
fn what_is_written_to_stderr_is_no_failure() {
    let ran = World::new().run(&shell("echo careful >&2"), 0);
    assert_eq!(
        (&ran.record["state"], ran.lines('!')),
        (&json!("SUCCESS"), vec!["careful"])
    );
}

#[test]
fn tasks_are_skipped_by_their_condition_and_left_out_where_disabled() {
    for (condition, runs) in [
        ("\"{{ inputs.yes }}\"", true),
        ("\"{{ not inputs.yes }}\"", false),
        ("\"{{ inputs.yes and 1 > 2 }}\"", false),
        ("''", false),
        ("'0'", false),
        ("'False'", true),
        ("false", false),
        ("true", true),
    ] {
        let tasks = format!(
            "- {{id: one, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo ran'], runIf: {condition}}}\n\
             - {{id: off, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo never'], disabled: true}}\n"
        );
        let text = format!(
            "inputs: [{{id: yes, type: BOOLEAN, defaults: true}}]\n{}",
            flow(&tasks)
        );
        let ran = World::new().run(&text, 0);
        let expected = if runs { "SUCCESS" } else { "SKIPPED" };
        assert_eq!(
            ran.task("one")["state"],
            expected,
            "{condition}: {}",
            ran.finished
        );
        assert_eq!(
            ran.lines('|').len(),
            usize::from(runs),
            "{condition}: {}",
            ran.finished
        );
        ran.finished.never_prints(["never"]);
    }
}

#[test]
fn errors_run_after_a_failure_and_finally_in_any_case() {
    let rest = "errors:
  - {id: sorry, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo sorry for {{ error.taskId }}']}
finally:
  - {id: last, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo at last']}
";
    let failed = World::new().run(&format!("{}{rest}", shell("exit 2")), 4);
    assert_eq!(
        failed.lines('|'),
        ["sorry for one", "at last"],
        "{}",
        failed.finished
    );
    let ran = World::new().run(&format!("{}{rest}", shell("true")), 0);
    assert_eq!(ran.lines('|'), ["at last"], "{}", ran.finished);
}

#[test]
fn a_flow_has_outputs_variables_and_labels() {
    let text = format!(
        "variables: {{plain: text, later: \"{{{{ 1 + 1 }}}}\"}}\nlabels: {{team: data}}\noutputs:\n  - {{id: total, type: STRING, value: \"{{{{ outputs.one.vars.n }}}}\"}}\n{}",
        shell(
            "echo '{{ vars.plain }} {{ render(vars.later) }} {{ labels.team }} {{ flow.id }} {{ flow.namespace }} {{ task.id }} {{ execution.state }}'\necho '::{\"outputs\":{\"n\":5}}::'"
        )
    );
    let ran = World::new().run(&text, 0);
    assert_eq!(ran.lines('|'), ["text 2 data flow test.flows one RUNNING"]);
    assert_eq!(
        ran.record["outputs"]["total"].to_string().trim_matches('"'),
        "5"
    );
}

#[test]
fn a_flow_stops_at_the_first_failure_and_says_which_command_and_its_last_words() {
    let world = World::new();
    let tasks = "
        - id: ok
          type: io.kestra.plugin.scripts.shell.Commands
          commands: ['true']
        - id: load
          type: io.kestra.plugin.scripts.shell.Commands
          commands: ['echo cannot open the table >&2; exit 2']
        - id: never
          type: io.kestra.plugin.scripts.shell.Commands
          commands: ['echo never']
    ";
    world.write("flow.yaml", flow(tasks));
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
    finished.exits(4).says([
        "task `load` failed: exit code 2",
        "flow.yaml:7:9",
        "cannot open the table",
        "taffrail logs",
        "record.json",
    ]);
    finished.never_prints(["never |"]);
}

#[test]
fn two_thousand_lines_are_all_kept_and_empty_ones_too() {
    let world = World::new();
    let ran = world.run(&shell("for i in $(seq 1000); do echo $i; echo; done"), 0);
    assert_eq!(ran.task("one")["stdoutLines"], 2000);
    let log = world.log();
    assert_eq!(log.lines().filter(|line| *line == "one | ").count(), 1000);
}

#[test]
fn eight_tasks_work_at_once_for_each_processor() {
    let world = World::new();
    let here = world.here().display().to_string();
    std::fs::create_dir(world.here().join("work")).unwrap();
    world.write(
        "flow.yaml",
        flow(&format!(
            r#"
            - id: each
              type: io.kestra.plugin.core.flow.ForEach
              values: "{{{{ range(1, 12) }}}}"
              concurrencyLimit: 0
              tasks:
                - id: one
                  type: io.kestra.plugin.scripts.shell.Commands
                  commands:
                    - cd {here}
                    - touch work/{{{{ taskrun.value }}}}
                    - ls work | wc -l >> counts
                    - until [ -e full ] || {{ [ $(ls work | wc -l) -ge 8 ] && sleep 0.2 && touch full; }}; do sleep 0.02; done
                    - rm work/{{{{ taskrun.value }}}}
            "#
        )),
    );
    world
        .sh("one=$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//') && exec taskset -c $one $TAFFRAIL run flow.yaml --runner process")
        .finish()
        .exits(0);
    let counts = std::fs::read_to_string(world.here().join("counts")).unwrap();
    let counts: Vec<u32> = counts
        .lines()
        .map(|count| count.trim().parse().unwrap())
        .collect();
    assert_eq!(counts.len(), 12, "{counts:?}");
    assert_eq!(counts.iter().max(), Some(&8), "{counts:?}");
}
