//! Hosts that are killed at random times while their tasks run in containers: each execution that was acknowledged ends as an undisturbed
//! one does, with every effect once and every line once, and nothing of it is left on the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use taffrail_tests::cli::{World, listing};
use taffrail_tests::numbers::Numbers;

use crate::support::Yard;

/// How many executions are disturbed.
const ROUNDS: u64 = 40;

/// So many are disturbed at once.
const AT_ONCE: u64 = 4;

/// The tasks that run in containers.
const TASKS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A time between a millisecond and four seconds. Short ones are as likely as long ones, as most of what can go wrong lies close together.
fn time(numbers: &mut Numbers) -> Duration {
    let part = u32::try_from(numbers.below(1_000)).unwrap();
    Duration::from_secs_f64(0.001 * 4_000_f64.powf(f64::from(part) / 1_000.0))
}

/// Tasks in a row, beside each other and in a shared directory, with copied and mounted files, which say and do things and give files and
/// values to one another. What they do outside of their containers stands in `effects`.
fn flow(namespace: &str, effects: &std::path::Path) -> String {
    let volume = format!("{}:/effects", effects.display());
    let task = |id: &str, strategy: &str, keys: Value, commands: &[&str]| {
        let said = format!(
            "echo {id} >> /effects/{id}; for i in 1 2 3; do echo {id} $i; echo error {id} $i >&2; sleep 0.02; done"
        );
        let commands = [&[said.as_str()], commands].concat();
        let mut task = json!({
            "id": id, "type": "io.kestra.plugin.scripts.shell.Commands",
            "commands": commands,
            "taskRunner": {
                "type": "io.kestra.plugin.scripts.runner.docker.Docker", "fileHandlingStrategy": strategy,
                "networkMode": "none", "volumes": [volume],
            },
        });
        task.as_object_mut()
            .unwrap()
            .extend(keys.as_object().unwrap().clone());
        task
    };
    let vars = |id: &str| format!("echo '::{{\"outputs\":{{\"n\":\"of {id}\"}}}}::'");
    json!({
        "id": "flow", "namespace": namespace,
        "tasks": [
            task("a", "VOLUME", json!({ "inputFiles": { "in.txt": "given" }, "outputFiles": ["out.txt"] }), &["cp in.txt out.txt", &vars("a")]),
            { "id": "beside", "type": "io.kestra.plugin.core.flow.Parallel", "tasks": [
                task("b", "MOUNT", json!({ "outputFiles": ["out.txt"] }), &["echo mounted > out.txt", &vars("b")]),
                task("c", "VOLUME", json!({}), &["sleep 60 & sleep 0.2"]),
            ] },
            { "id": "together", "type": "io.kestra.plugin.core.flow.WorkingDirectory", "outputFiles": ["made"], "tasks": [
                task("d", "VOLUME", json!({}), &["echo first > made"]),
                task("e", "VOLUME", json!({}), &["echo second >> made"]),
            ] },
            {
                "id": "last", "type": "io.kestra.plugin.core.log.Log",
                "message": "{{ outputs.a.vars.n }}, {{ outputs.b.vars.n }}, {{ read(outputs.a.outputFiles['out.txt']) }}, \
                            {{ read(outputs.b.outputFiles['out.txt']) | trim }}, {{ read(outputs.together.outputFiles.made) }}",
            },
        ],
    })
    .to_string()
}

/// What an execution comes to: how each of its tasks ended, what each said on each stream, and what each did.
#[derive(Debug, PartialEq)]
struct Outcome {
    tasks: BTreeMap<String, Value>,
    said: BTreeMap<String, Vec<String>>,
    effects: BTreeMap<String, String>,
}

impl Outcome {
    fn of(yard: &Yard) -> Self {
        let shown = yard.world.taffrail(["show", "@last", "--format", "json"]);
        let shown = shown.exits(0).json();
        let tasks = shown["tasks"].as_array().into_iter().flatten().map(|task| {
            let files = task["outputs"]["outputFiles"].as_object();
            let files: Vec<&String> = files.into_iter().flatten().map(|(name, _)| name).collect();
            let told = json!({
                "state": task["state"], "exit": task["exit"], "vars": task["outputs"]["vars"], "files": files,
                "lines": [task["stdoutLines"], task["stderrLines"]], "attempts": task["attempts"],
            });
            (task["task"].as_str().unwrap_or_default().to_owned(), told)
        });
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let log = yard.world.taffrail(["logs", "@last"]);
        for line in log.exits(0).stdout.lines() {
            let mark = [" | ", " ! ", " : "]
                .into_iter()
                .find(|mark| line.contains(*mark));
            let (who, what) = line.split_once(mark.unwrap_or(" ")).unwrap_or_default();
            // That a container was taken up is told, and so it should be.
            if !what.contains("took up the container") {
                let stream = format!("{} {}", who.trim(), mark.unwrap_or_default().trim());
                said.entry(stream).or_default().push(what.to_owned());
            }
        }
        let folder = effects(&yard.world);
        let effects = listing(&folder).into_iter().map(|name| {
            let text = std::fs::read_to_string(folder.join(&name)).unwrap();
            (name, text)
        });
        Outcome {
            tasks: tasks.collect(),
            said,
            effects: effects.collect(),
        }
    }
}

fn effects(world: &World) -> std::path::PathBuf {
    world.here().join("effects")
}

/// A host that runs a flow whose namespace tells what of it is on the engine.
fn prepared(yard: &Yard, namespace: &str) -> Yard {
    let yard = yard.fresh();
    std::fs::create_dir(effects(&yard.world)).unwrap();
    yard.world
        .write("flow.yaml", flow(namespace, &effects(&yard.world)));
    yard
}

const RUN: [&str; 4] = ["run", "flow.yaml", "--allow", "volumes"];

/// Kills a host after a while; says whether it was still there.
fn disturb(yard: &Yard, arguments: &[&str], after: Duration) -> bool {
    let running = yard.command(arguments.iter().copied()).start();
    std::thread::sleep(after);
    running.signal("KILL");
    running.finish().code().is_none()
}

fn round(yard: &Yard, number: u64, expected: &Outcome) {
    let mut numbers = Numbers::new(number);
    let namespace = format!("test.kills.round{number:03}");
    let yard = prepared(yard, &namespace);
    let first = time(&mut numbers);
    let mut story = format!("round {number}, killed after {first:?}");
    let mut killed = disturb(&yard, &RUN, first);
    let executions = || {
        let listed = yard.world.taffrail(["ps", "--format", "json"]);
        let listed = listed.exits(0).json();
        listed["executions"].as_array().unwrap().clone()
    };
    if executions().is_empty() {
        // It was never acknowledged, and has done nothing.
        assert!(killed, "{story}");
        assert_eq!(listing(&effects(&yard.world)), [""; 0], "{story}");
    } else {
        for _ in 0..numbers.below(4) {
            if executions()[0]["state"] == "INTERRUPTED" {
                let next = time(&mut numbers);
                story.push_str(&format!(", {next:?}"));
                killed = disturb(&yard, &["resume", "@last"], next);
            }
        }
        if executions()[0]["state"] == "INTERRUPTED" {
            assert!(killed, "{story}");
            let resumed = yard.command(["resume", "@last"]).finish();
            assert_eq!(resumed.code(), Some(0), "{story}: {resumed}");
        }
        let outcome = Outcome::of(&yard);
        assert_eq!(&outcome, expected, "{story}");
        let open = yard.world.taffrail(["ps", "--open", "--format", "json"]);
        assert_eq!(open.exits(0).json()["executions"], json!([]), "{story}");
        for name in listing(&yard.world.state().join("executions")) {
            assert!(!name.contains("/work/"), "{story}: {name} is left");
            assert!(!name.ends_with("/lock"), "{story}: {name} is left");
        }
    }
    let left = yard.engine.left_of(&namespace);
    assert!(left.is_empty(), "{story}: left on the engine: {left:?}");
}

#[test]
fn hosts_that_are_killed_at_any_time_lose_no_container_and_start_none_twice() {
    let name = "hosts_that_are_killed_at_any_time_lose_no_container_and_start_none_twice";
    let Some(yard) = Yard::new(name) else {
        return;
    };
    let undisturbed = prepared(&yard, "test.kills.undisturbed");
    undisturbed.command(RUN).finish().exits(0);
    let expected = Outcome::of(&undisturbed);
    // What the rounds are compared with is what the flow says.
    for task in TASKS {
        assert_eq!(expected.effects[task], format!("{task}\n"));
        assert_eq!(expected.said[&format!("{task} !")].len(), 3);
    }
    let last = &expected.said["last :"];
    assert_eq!(
        last[0], "INFO of a, of b, given, mounted, first",
        "{last:?}"
    );
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let (yard, expected) = (&yard, &expected);
            scope.spawn(move || {
                let mut number = first;
                while number < ROUNDS {
                    round(yard, number, expected);
                    number += AT_ONCE;
                }
            });
        }
    });
}
