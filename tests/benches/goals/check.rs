//! Checking flows: a large one, a small one, a folder of many.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::{Rounds, medians, wall};
use crate::table::{Amount, Goal, Table};
use crate::world::{World, flow};

/// A flow of 1,000 tasks, beside a program that reads the same file to bare values and holds them against one closed schema.
pub fn validate(world: &World, rounds: Rounds, table: &mut Table) {
    let large = world
        .write("large.yaml", &many_tasks(1000))
        .to_string_lossy()
        .into_owned();
    let small = world
        .write("small.yaml", &flow(["echo hello"]))
        .to_string_lossy()
        .into_owned();
    let closed = world
        .write("closed.json", &closed_schema().to_string())
        .to_string_lossy()
        .into_owned();
    let own = own_schema(world).to_string_lossy().into_owned();
    let floor = |schema: &str, flow: &str| wall(world.floor("validate", &[schema, flow]));
    let ours = |flow: &str| wall(world.taffrail(&["validate", flow]));
    let [
        closed_large,
        own_large,
        ours_large,
        closed_small,
        ours_small,
    ] = medians(
        rounds.pick(7, 31),
        [
            &mut || floor(&closed, &large),
            &mut || floor(&own, &large),
            &mut || ours(&large),
            &mut || floor(&closed, &small),
            &mut || ours(&small),
        ],
    );
    let size = std::fs::metadata(&large).map_or(0, |file| file.len()) / 1000;
    let goal = [Goal::Times(2.5)];
    let times = (
        Amount::Time(closed_large),
        Amount::Time(own_large),
        Amount::Time(ours_large),
    );
    table.enter(
        &format!("validate 1,000 tasks ({size} kB); floor: a closed schema of 8 types"),
        Some(times.0),
        times.2,
        &goal,
    );
    table.enter(
        "the same; floor: the schema that `taffrail schema` prints",
        Some(times.1),
        times.2,
        &[],
    );
    let most = [Goal::AtMost(Amount::Time(Duration::from_millis(10)))];
    table.enter(
        "validate one small flow",
        Some(Amount::Time(closed_small)),
        Amount::Time(ours_small),
        &most,
    );
}

/// A folder of small flows.
pub fn folder(world: &World, rounds: Rounds, table: &mut Table) {
    const COUNT: usize = 250;
    let mut paths = vec![
        world
            .write("closed.json", &closed_schema().to_string())
            .to_string_lossy()
            .into_owned(),
    ];
    for number in 0..COUNT {
        paths.push(
            world
                .write(&format!("flows/{number}.yaml"), &many_tasks(3))
                .to_string_lossy()
                .into_owned(),
        );
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let folder = world.path("flows").to_string_lossy().into_owned();
    let [floor, ours] = medians(
        rounds.pick(5, 15),
        [&mut || wall(world.floor("validate", &paths)), &mut || {
            wall(world.taffrail(&["validate", &folder]))
        }],
    );
    let most = [Goal::AtMost(Amount::Time(Duration::from_millis(500)))];
    table.enter(
        &format!("validate a folder of {COUNT} flows"),
        Some(Amount::Time(floor)),
        Amount::Time(ours),
        &most,
    );
}

/// A flow whose tasks look like what people write: 282 bytes each.
pub fn many_tasks(count: usize) -> String {
    let mut text = String::from(
        "id: many_tasks\nnamespace: company.team\n\ninputs:\n  - id: name\n    type: STRING\n    defaults: world\n\ntasks:\n",
    );
    for number in 0..count {
        let before = match number {
            0 => "{{ inputs.name }}".to_owned(),
            _ => format!("{{{{ outputs.task_{}.vars.value ?? 'none' }}}}", number - 1),
        };
        writeln!(
            text,
            "  - id: task_{number}\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    env:\n      GREETING: \"{before}\"\n    outputFiles:\n      - out.txt\n    commands:\n      - echo \"$GREETING\" > out.txt\n"
        )
        .expect("a string");
    }
    text
}

/// A schema of eight closed task types, as a validator without our messages would be given.
fn closed_schema() -> Value {
    let languages = [
        "python",
        "node",
        "r",
        "ruby",
        "shell",
        "powershell",
        "go",
        "perl",
    ];
    let types: Vec<Value> = languages
        .iter()
        .map(|language| {
            json!({
                "type": "object",
                "required": ["id", "type", "commands"],
                "additionalProperties": false,
                "properties": {
                    "id": { "type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_-]*$" },
                    "type": { "const": format!("io.kestra.plugin.scripts.{language}.Commands") },
                    "taskRunner": {
                        "type": "object",
                        "required": ["type"],
                        "additionalProperties": false,
                        "properties": { "type": { "enum": ["io.kestra.plugin.core.runner.Process"] } }
                    },
                    "env": { "type": "object", "additionalProperties": { "type": "string" } },
                    "outputFiles": { "type": "array", "items": { "type": "string" } },
                    "commands": { "type": "array", "items": { "type": "string" }, "minItems": 1 }
                }
            })
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": ["id", "namespace", "tasks"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string" },
            "namespace": { "type": "string" },
            "inputs": { "type": "array", "items": { "type": "object", "required": ["id", "type"] } },
            "tasks": { "type": "array", "items": { "anyOf": types } }
        }
    })
}

/// The schema that the program prints, as a file.
fn own_schema(world: &World) -> PathBuf {
    let mut command = world.taffrail(&["schema"]);
    let output = command
        .stdout(std::process::Stdio::piped())
        .output()
        .expect("the program can be started");
    world.write("own.json", &String::from_utf8_lossy(&output.stdout))
}
