//! What an author waits for in an editor, and other checkers on the same flows.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taffrail_core::descriptor::Descriptor;
use taffrail_core::schema::{compose, print};
use taffrail_runner::registry;
use taffrail_tests::editor::{Editor, Probe, install, node, own_editor};

use crate::measure::{Rounds, median, medians, wall};
use crate::table::{Amount, Goal, Table};
use crate::world::World;

/// The server waits this long after a change before it begins.
const DELAY: Duration = Duration::from_millis(200);

fn most(milliseconds: u64) -> [Goal; 1] {
    [Goal::AtMost(Amount::Time(Duration::from_millis(
        milliseconds,
    )))]
}

/// The schema's size, how long it takes to print, and the language server under it.
pub fn editor(world: &World, rounds: Rounds, table: &mut Table) {
    let [ours] = medians(
        rounds.pick(7, 31),
        [&mut || wall(world.taffrail(&["schema"]))],
    );
    table.enter("`taffrail schema`", None, Amount::Time(ours), &most(30));
    let folder = world.path("schemas").to_string_lossy().into_owned();
    wall(world.taffrail(&["schema", "-q", "--write", &folder]));
    let schema = world.path("schemas/flow.json");
    let bytes = std::fs::metadata(&schema).map_or(0, |file| file.len());
    table.enter(
        "the schema of all bundled plugins",
        None,
        Amount::Megabytes(bytes as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(0.3))],
    );
    let mut editor = match own_editor() {
        Ok(editor) => editor,
        Err(reason) => return table.tell("in the language server", &reason),
    };
    let names: Vec<String> = std::fs::read_dir(world.path("schemas/tasks"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .filter(|name| name.ends_with(".Commands"))
        .collect();
    let count = rounds.pick(5, 15);
    keystrokes(
        &mut editor,
        &schema,
        &names,
        count,
        "the bundled plugins",
        [100, 120],
        table,
    );
    let many = many_types(300);
    let path = world.write("many.json", &many.0);
    keystrokes(
        &mut editor,
        &path,
        &many.1,
        count,
        "300 task types",
        [150, 150],
        table,
    );
}

/// Validation and completion after a change in a flow of 50 tasks.
fn keystrokes(
    editor: &mut Editor,
    schema: &Path,
    types: &[String],
    count: usize,
    what: &str,
    goals: [u64; 2],
    table: &mut Table,
) {
    let name = editor.schema(schema);
    let text = |number: usize| {
        let mut text = format!("id: a\nnamespace: b\ndescription: change {number}\ntasks:\n");
        for task in 0..50 {
            let _ = write!(
                text,
                "  - id: t{task}\n    type: {}\n    timeout: PT5M\n    containerImage: ubuntu:24.04\n    taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n      pullPolicy: ALWAYS\n      memory:\n        memory: 512MB\n    env:\n      A: b\n    commands:\n      - echo {task}\n",
                types[task % types.len()]
            );
        }
        text.push_str("    \n");
        text
    };
    let texts: Vec<String> = (0..count).map(text).collect();
    let line = texts[0].lines().count() - 1;
    let answer = editor
        .ask(vec![
            json!({ "do": "keystrokes", "schema": name, "texts": texts, "at": [line, 4] }),
        ])
        .remove(0);
    let times = |key: &str| -> Vec<Duration> {
        answer["times"]
            .as_array()
            .into_iter()
            .flatten()
            .skip(1)
            .filter_map(|time| time[key].as_f64())
            .map(|milliseconds| Duration::from_secs_f64(milliseconds / 1e3))
            .collect()
    };
    if times("validate").is_empty() {
        return table.tell(what, &answer.to_string());
    }
    let complete = median(times("complete"));
    let validate = median(times("validate")).saturating_sub(DELAY);
    table.enter(
        &format!("completion in a flow of 50 tasks, {what}"),
        None,
        Amount::Time(complete),
        &most(goals[0]),
    );
    table.enter(
        &format!("validation of a flow of 50 tasks, {what}"),
        None,
        Amount::Time(validate),
        &most(goals[1]),
    );
}

/// A schema with this many task types, made of the official ones under other names.
fn many_types(count: usize) -> (String, Vec<String>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/python/descriptor.json");
    let text = std::fs::read_to_string(file).expect("the descriptor is there");
    let mut names = Vec::new();
    let plugins: Vec<Arc<Descriptor>> = (0..count / 2)
        .map(|number| {
            let text = text.replace("scripts.python.", &format!("scripts.python{number}."));
            let mut descriptor: Value = serde_json::from_str(&text).expect("JSON");
            descriptor["id"] = json!(format!("python{number}"));
            names.push(format!("io.kestra.plugin.scripts.python{number}.Commands"));
            Arc::new(serde_json::from_value(descriptor).expect("a descriptor"))
        })
        .collect();
    (print(&compose(&plugins, &registry::fragments())), names)
}

/// Other checkers on the flows of the folder scenario.
pub fn race(world: &World, rounds: Rounds, table: &mut Table) {
    const COUNT: usize = 250;
    for number in 0..COUNT {
        world.write(
            &format!("flows/{number}.yaml"),
            &super::check::many_tasks(3),
        );
    }
    let folder = world.path("flows").to_string_lossy().into_owned();
    let schemas = world.path("schemas").to_string_lossy().into_owned();
    wall(world.taffrail(&["schema", "-q", "--write", &schemas]));
    let schema = format!("{schemas}/flow.json");
    let count = rounds.pick(3, 9);
    let [ours] = medians(
        count,
        [&mut || wall(world.taffrail(&["validate", "-q", &folder]))],
    );
    let enter = |table: &mut Table, name: &str, theirs: Duration| {
        table.enter(
            &format!("validate {COUNT} flows; floor: {name}"),
            Some(Amount::Time(theirs)),
            Amount::Time(ours),
            &[Goal::Times(0.05)],
        );
    };
    match install() {
        Ok(scripts) => {
            let ajv = || {
                let mut command = node(&scripts);
                command
                    .arg(scripts.join("race.mjs"))
                    .args([&schema, &folder]);
                command
            };
            let [ajv] = medians(count, [&mut || wall(ajv())]);
            enter(table, "ajv", ajv);
            if let Ok(mut editor) = own_editor() {
                let name = editor.schema(Path::new(&schema));
                let probes: Vec<Probe> = (0..COUNT)
                    .map(|number| Probe {
                        text: std::fs::read_to_string(world.path(&format!("flows/{number}.yaml")))
                            .unwrap_or_default(),
                        ..Probe::default()
                    })
                    .collect();
                let began = Instant::now();
                editor.show(&name, &probes);
                enter(
                    table,
                    "yaml-language-server, already running",
                    began.elapsed(),
                );
            }
        }
        Err(reason) => table.tell("other checkers", &reason),
    }
    let check = || {
        let mut command = Command::new("check-jsonschema");
        command.args(["--schemafile", &schema]);
        command.args((0..COUNT).map(|number| format!("{folder}/{number}.yaml")));
        command
    };
    if Command::new("check-jsonschema")
        .arg("--version")
        .output()
        .is_ok()
    {
        let [theirs] = medians(count, [&mut || wall(check())]);
        enter(table, "check-jsonschema", theirs);
    }
}
