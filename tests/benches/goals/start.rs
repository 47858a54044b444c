//! What the program costs before it does anything: its start, and its size.

use std::time::Duration;

use crate::measure::{Rounds, medians, processor, wall};
use crate::table::{Amount, Goal, Table};
use crate::world::World;

/// Processor time of the calls that only print a text.
pub fn start(world: &World, rounds: Rounds, table: &mut Table) {
    let [floor, version, help, run_help] = medians(
        rounds.pick(15, 60),
        [
            &mut || processor(world.floor("nothing", &[])),
            &mut || processor(world.taffrail(&["--version"])),
            &mut || processor(world.taffrail(&["--help"])),
            &mut || processor(world.taffrail(&["run", "--help"])),
        ],
    );
    let goal = [Goal::AtMost(Amount::Time(Duration::from_millis(4)))];
    for (name, ours) in [
        ("--version", version),
        ("--help", help),
        ("run --help", run_help),
    ] {
        table.enter(
            &format!("`{name}`, processor time"),
            Some(Amount::Time(floor)),
            Amount::Time(ours),
            &goal,
        );
    }
    let [floor, ours] = medians(
        rounds.pick(15, 60),
        [&mut || wall(world.floor("nothing", &[])), &mut || {
            wall(world.taffrail(&["--version"]))
        }],
    );
    table.enter(
        "`--version`, wall time",
        Some(Amount::Time(floor)),
        Amount::Time(ours),
        &[],
    );
}

/// The size of the program's file. A release build is stripped.
pub fn size(world: &World, _: Rounds, table: &mut Table) {
    let bytes = std::fs::metadata(world.program()).map_or(0, |file| file.len());
    table.enter(
        "size of the program",
        None,
        Amount::Megabytes(bytes as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(40.0))],
    );
}
