//! Tasks that hold others, with containers and processes inside of them.

use taffrail_tests::cli::listing;

use crate::support::Yard;

/// Files of one directory both ways, outputs by value, a task
/// that fails or takes too long beside others, what comes after a failure, and flows that are called for.
#[test]
fn tasks_that_hold_tasks_hold_containers() {
    let Some(yard) = Yard::new("tasks_that_hold_tasks_hold_containers") else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        let yard = yard.fresh();
        yard.world.write("_files/ns.txt", "namespace\n");
        yard.world.write("child.yaml", CHILD);
        // All worlds have one cache, and another run of this test may have left something.
        let begun = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let id = format!("holders-{}", begun.as_micros());
        let flow = HOLDERS
            .replace("STRATEGY", strategy)
            .replace("id: holders", &format!("id: {id}"));
        let first = yard.run_and_leave(&flow, &["-j", "4"], 0);
        let what = format!("{strategy}: {}", first.finished);
        assert_eq!(first.record["state"], "WARNING", "{what}");
        for line in [
            "work: given namespace new",
            "beside: p given",
            "each-1 each-2",
            "cases: b dag: 3",
            "cleaned after bad 3",
            "always",
            "late: slow timed out",
            "called: said a said b",
            "final",
        ] {
            assert!(first.finished.stderr.contains(line), "{line}: {what}");
        }
        assert!(!first.finished.stderr.contains("never"), "{what}");
        assert_eq!(
            first.files("work"),
            ["each-1.txt", "each-2.txt", "p.txt"],
            "{what}"
        );
        let states = ["once", "bad", "quick", "slow", "beside"].map(|task| {
            first.task(task)["state"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        });
        assert_eq!(
            states,
            ["SUCCESS", "FAILED", "SUCCESS", "FAILED", "SUCCESS"],
            "{what}"
        );
        // What the cache kept is there for the next execution.
        let (work, _) = flow.split_once("  - id: choice").unwrap();
        let second = yard.run_and_leave(work, &["-j", "4"], 0);
        let what = format!("{strategy}: {}", second.finished);
        assert!(
            second
                .finished
                .stderr
                .contains("work: given namespace kept"),
            "{what}"
        );
        for execution in listing(&yard.world.state().join("executions")) {
            if execution.contains('/') {
                continue;
            }
            let left = yard.engine.left_of(&execution);
            assert!(left.is_empty(), "{left:?} {what}");
        }
    }
}

const CHILD: &str = r#"
id: child
namespace: test.docker
inputs: [{id: name, type: STRING}]
tasks:
  - id: say
    type: io.kestra.plugin.scripts.shell.Commands
    commands: ["echo '::{\"outputs\":{\"said\":\"said {{ inputs.name | sh }}\"}}::'"]
outputs: [{id: said, type: STRING, value: "{{ outputs.say.vars.said }}"}]
"#;

const HOLDERS: &str = r#"
id: holders
namespace: test.docker
pluginDefaults:
  - type: io.kestra.plugin.scripts.runner.docker.Docker
    values: {networkMode: none, fileHandlingStrategy: STRATEGY}
tasks:
  - id: work
    type: io.kestra.plugin.core.flow.WorkingDirectory
    namespaceFiles: {enabled: true}
    inputFiles: {given.txt: given}
    outputFiles: ["each-*.txt", p.txt]
    cache: {patterns: ["cached/**"], ttl: PT1H}
    tasks:
      - id: once
        type: io.kestra.plugin.scripts.shell.Commands
        commands:
          - 'echo "work: $(cat given.txt) $(cat ns.txt) $(cat cached/mark 2>/dev/null || echo new)"'
          - mkdir -p cached; echo kept > cached/mark
      - id: beside
        type: io.kestra.plugin.scripts.shell.Commands
        taskRunner: {type: io.kestra.plugin.core.runner.Process}
        commands: ["echo p > p.txt", 'echo "beside: $(cat p.txt given.txt | xargs)"']
      - id: each
        type: io.kestra.plugin.core.flow.ForEach
        values: [1, 2]
        concurrencyLimit: 0
        tasks:
          - id: write
            type: io.kestra.plugin.scripts.shell.Commands
            commands:
              - grep -q p p.txt && echo each-{{ taskrun.value }} > each-{{ taskrun.value }}.txt
              - echo '::{"outputs":{"n":{{ taskrun.value }}}}::'
      - {id: read, type: io.kestra.plugin.scripts.shell.Commands, commands: [echo $(cat each-1.txt each-2.txt)]}
  - id: choice
    type: io.kestra.plugin.core.flow.Switch
    value: b
    cases:
      a: [{id: never, type: io.kestra.plugin.scripts.shell.Commands, commands: [echo never]}]
      b:
        - id: dag
          type: io.kestra.plugin.core.flow.Dag
          tasks:
            - task: {id: one, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo '::{\"outputs\":{\"n\":1}}::'"]}
            - task: {id: sum, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo cases: {{ outputs.choice.value }} dag: {{ outputs.one.vars.n + outputs.write['2'].vars.n }}"]}
              dependsOn: [one]
  - id: allow
    type: io.kestra.plugin.core.flow.AllowFailure
    tasks:
      - id: parallel
        type: io.kestra.plugin.core.flow.Parallel
        tasks:
          - {id: bad, type: io.kestra.plugin.scripts.shell.Commands, commands: [exit 3]}
          - {id: quick, type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process}, commands: [sleep 1]}
      - {id: after, type: io.kestra.plugin.scripts.shell.Commands, commands: [echo never]}
    errors:
      - {id: clean, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo cleaned after {{ error.taskId }} {{ outputs.bad.exitCode }}"]}
    finally:
      - {id: always, type: io.kestra.plugin.scripts.shell.Commands, commands: [echo always]}
  - id: late
    type: io.kestra.plugin.core.flow.If
    condition: "{{ true }}"
    allowFailure: true
    then:
      - {id: slow, type: io.kestra.plugin.scripts.shell.Commands, timeout: PT3S, commands: [sleep 60]}
    errors:
      - {id: told, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo 'late: {{ error.taskId }} {{ error.message | slice(0, 9) }}'"]}
  - id: loop
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{ outputs.round.vars.n == 2 }}"
    checkFrequency: {interval: PT0.1S, maxIterations: 3}
    failOnMaxReached: true
    tasks:
      - {id: round, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo '::{\"outputs\":{\"n\":{{ outputs.loop.iterationCount }}}}::'"]}
  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: test.docker, flowId: child, inputs: {name: a}}
  - {id: lines, type: io.kestra.plugin.core.storage.Write, content: "b\n"}
  - {id: items, type: io.kestra.plugin.core.flow.ForEachItem, items: "{{ outputs.lines.uri }}", namespace: test.docker, flowId: child, inputs: {name: "{{ read(taskrun.items) | trim }}"}}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "called: {{ outputs.call.outputs.said }} {{ fromJson(read(outputs.items_merge.subflowOutputs)).said }}"}
finally:
  - {id: final, type: io.kestra.plugin.scripts.shell.Commands, commands: [echo final]}
"#;
