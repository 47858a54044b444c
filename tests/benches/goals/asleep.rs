//! What the program holds in memory while a task sleeps.

use std::process::Command;

use crate::measure::{Ready, Rounds, children, high_water, proportional};
use crate::table::{Amount, Goal, Table};
use crate::world::{World, flow};

/// A run of one task that says `ready` and sleeps.
pub fn sleeping(world: &World, output: &str) -> Command {
    let path = world.write("asleep.yaml", &flow(["echo ready; exec sleep 60"]));
    world.taffrail(&["run", "-o", output, &path.to_string_lossy()])
}

/// The memory of the host and its supervisor, without their task's.
pub fn asleep(world: &World, rounds: Rounds, table: &mut Table) {
    let (mut floors, mut ours, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.pick(3, 9) {
        let floor = Ready::start(world.floor("sleep", &[]));
        let run = Ready::start(sleeping(world, "text"));
        floors.extend(proportional(floor.id()));
        ours.push(supervised(run.id()));
        peaks.extend(high_water(run.id()));
    }
    let middle = |mut bytes: Vec<u64>| {
        bytes.sort_unstable();
        Amount::Megabytes(bytes.get(bytes.len() / 2).copied().unwrap_or(0) as f64 / 1e6)
    };
    let (floor, peak) = (middle(floors), middle(peaks));
    table.enter(
        "memory with one task asleep (PSS)",
        Some(floor),
        middle(ours),
        &[Goal::AtMost(Amount::Megabytes(20.0))],
    );
    table.enter("largest resident memory by then", None, peak, &[]);
    world.forget();
    hundred_asleep(world, table);
}

/// What a host and its supervisor, its only child, take.
fn supervised(host: u32) -> u64 {
    let family = std::iter::once(host).chain(children(host));
    family.filter_map(proportional).sum()
}

/// The same while a hundred tasks sleep at once.
fn hundred_asleep(world: &World, table: &mut Table) {
    let mut text = String::from(
        "id: measured\nnamespace: bench.goals\ntasks:\n  - id: all\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n",
    );
    for number in 0..100 {
        // The last one begins when all others have.
        let command = match number {
            99 => "while test $(ls {{ vars.folder }} | wc -l) -lt 99; do sleep 0.1; done; echo ready; exec sleep 60".to_owned(),
            _ => format!("touch {{{{ vars.folder }}}}/{number}; exec sleep 60"),
        };
        text.push_str(&format!("      - id: t{number}\n        type: io.kestra.plugin.scripts.shell.Commands\n        taskRunner:\n          type: io.kestra.plugin.core.runner.Process\n        commands:\n          - {command}\n"));
    }
    let folder = world.path("asleep");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    text.push_str(&format!("variables:\n  folder: {}\n", folder.display()));
    let path = world.write("hundred.yaml", &text);
    let run = Ready::start(world.taffrail(&["run", "-j", "100", &path.to_string_lossy()]));
    let ours = supervised(run.id());
    table.enter(
        "memory with 100 tasks asleep (PSS)",
        None,
        Amount::Megabytes(ours as f64 / 1e6),
        &[],
    );
    drop(run);
    world.forget();
}
