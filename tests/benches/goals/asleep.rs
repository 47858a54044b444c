//! What the program holds in memory while a task sleeps.

use std::process::Command;

use crate::measure::{Ready, Rounds, high_water, proportional};
use crate::table::{Amount, Goal, Table};
use crate::world::{World, flow};

/// A run of one task that says `ready` and sleeps.
pub fn sleeping(world: &World, output: &str) -> Command {
    let path = world.write("asleep.yaml", &flow(["echo ready; exec sleep 60"]));
    world.taffrail(&["run", "-o", output, &path.to_string_lossy()])
}

/// The host's own memory, without its task's.
pub fn asleep(world: &World, rounds: Rounds, table: &mut Table) {
    let (mut floors, mut ours, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.pick(3, 9) {
        let floor = Ready::start(world.floor("sleep", &[]));
        let run = Ready::start(sleeping(world, "text"));
        floors.extend(proportional(floor.id()));
        ours.extend(proportional(run.id()));
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
    table.tell("memory with 100 tasks asleep", "not there yet (flowables)");
    world.forget();
}
