//! Plugins that mean harm: how long the program deals with the worst of them, and in how much memory.

use std::time::Duration;

use crate::guests::component;
use crate::measure::{Rounds, watched};
use crate::table::{Amount, Goal, Table};
use crate::world::World;

/// Each with another way of not giving an answer, or of giving too much.
const GUESTS: [&str; 19] = [
    "loop",
    "loop-start",
    "loop-realloc",
    "loop-post-return",
    "loop-describe",
    "allocate",
    "table",
    "recurse",
    "trap",
    "divide",
    "path-escape",
    "empty-argv",
    "gigabyte",
    "amplify",
    "log-flood",
    "foreign-import",
    "wasi-sleep",
    "wasi-spin",
    "wasi-exit",
];

const FLOW: &str = include_str!("../../guests/hostile.yaml");

/// Installs each, and where it is not refused then, runs it beside a harmless task; the worst of all is entered.
pub fn hostile(world: &World, _: Rounds, table: &mut Table) {
    let flow = world.write("hostile.yaml", FLOW);
    let mut worst = [(Duration::ZERO, ""), (Duration::ZERO, "")];
    let mut largest = (0, "");
    for guest in GUESTS {
        let file = world.path(&format!("{guest}.wasm"));
        std::fs::write(&file, component(guest)).expect("the folder can be written");
        let folder = format!("hostile-{guest}");
        let mut add = world.taffrail_in(&folder, &["plugin", "add"]);
        add.arg(&file);
        let (took, peak, status) = watched(add);
        worst[0] = worst[0].max((took, guest));
        largest = largest.max((peak, guest));
        if status.success() {
            let mut run = world.taffrail_in(&folder, &["run"]);
            run.arg(&flow);
            let (took, peak, _) = watched(run);
            worst[1] = worst[1].max((took, guest));
            largest = largest.max((peak, guest));
        }
    }
    let second = [Goal::AtMost(Amount::Time(Duration::from_secs(1)))];
    for (command, (took, guest)) in ["plugin add", "run"].into_iter().zip(worst) {
        table.enter(
            &format!(
                "`{command}` with the worst of {} hostile plugins, `{guest}`",
                GUESTS.len()
            ),
            None,
            Amount::Time(took),
            &second,
        );
    }
    let (peak, guest) = largest;
    table.enter(
        &format!("largest resident memory of these, `{guest}`"),
        None,
        Amount::Megabytes(peak as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(256.0 * 1.048_576))],
    );
}
