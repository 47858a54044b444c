//! Runs of short tasks: one, the very first on a machine, many in a row, many at once.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::floor::shell_through_a_pipe;
use crate::measure::{Rounds, medians, wall};
use crate::table::{Amount, Goal, Table};
use crate::world::{World, flow};

const SAY_HELLO: &str = "echo hello";

/// One task, from the start of the program to its end, compiled plugins cached.
pub fn hello(world: &World, rounds: Rounds, table: &mut Table) {
    let path = world.write("hello.yaml", &flow([SAY_HELLO]));
    let [floor, bare, ours] = medians(
        rounds.pick(15, 60),
        [
            &mut || wall(world.floor("spawn", &["1"])),
            &mut || {
                let started = Instant::now();
                shell_through_a_pipe().expect("there is a shell");
                started.elapsed()
            },
            &mut || wall(world.taffrail(&["run", &path.to_string_lossy()])),
        ],
    );
    let most = Goal::AtMost(Amount::Time(Duration::from_millis(10)));
    table.enter(
        "one task, floor: a program that starts one shell",
        Some(Amount::Time(floor)),
        Amount::Time(ours),
        &[most, Goal::Times(5.0)],
    );
    table.enter(
        "one task, floor: one spawn of a shell alone",
        Some(Amount::Time(bare)),
        Amount::Time(ours),
        &[],
    );
    world.forget();
}

/// The first run on a machine: nothing cached, no folder there.
pub fn first(world: &World, rounds: Rounds, table: &mut Table) {
    let shell = world.write("first-shell.yaml", &flow([SAY_HELLO]));
    let python = "  - id: python\n    type: io.kestra.plugin.scripts.python.Script\n    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    script: print('hello')\n";
    let both = world.write("first-both.yaml", &(flow([SAY_HELLO]) + python));
    let (shell, both) = (shell.to_string_lossy(), both.to_string_lossy());
    let number = Cell::new(0);
    let fresh = |flow: &str| {
        number.set(number.get() + 1);
        let folder = format!("fresh-{}", number.get());
        let time = wall(world.taffrail_in(&folder, &["run", flow]));
        let _ = std::fs::remove_dir_all(world.path(&folder));
        time
    };
    let [again, again_both, first, first_both] = medians(
        rounds.pick(5, 15),
        [
            &mut || wall(world.taffrail(&["run", &shell])),
            &mut || wall(world.taffrail(&["run", &both])),
            &mut || fresh(&shell),
            &mut || fresh(&both),
        ],
    );
    let goal = [Goal::AtMost(Amount::Time(Duration::from_millis(150)))];
    table.enter(
        "first run ever, shell; floor: the second",
        Some(Amount::Time(again)),
        Amount::Time(first),
        &goal,
    );
    table.enter(
        "first run ever, shell and python; floor: the second",
        Some(Amount::Time(again_both)),
        Amount::Time(first_both),
        &goal,
    );
    world.forget();
}

/// Many tasks one after another, and whether a task costs more where there are more.
pub fn in_a_row(world: &World, rounds: Rounds, table: &mut Table) {
    let path = |count: usize| {
        let path = world.write(
            &format!("row-{count}.yaml"),
            &flow(std::iter::repeat_n(SAY_HELLO, count)),
        );
        path.to_string_lossy().into_owned()
    };
    let (one, hundred, thousand) = (path(1), path(100), path(1000));
    let run = |flow: &str| {
        let time = wall(world.taffrail(&["run", flow]));
        world.forget();
        time
    };
    let [floor_hundred, ours_one, ours_hundred] = medians(
        rounds.pick(3, 15),
        [
            &mut || wall(world.floor("spawn", &["100"])),
            &mut || run(&one),
            &mut || run(&hundred),
        ],
    );
    let [floor_thousand, ours_thousand] = medians(
        rounds.pick(1, 5),
        [&mut || wall(world.floor("spawn", &["1000"])), &mut || {
            run(&thousand)
        }],
    );
    let goal = [Goal::Times(1.3)];
    table.enter(
        "100 tasks in a row",
        Some(Amount::Time(floor_hundred)),
        Amount::Time(ours_hundred),
        &goal,
    );
    table.enter(
        "1,000 tasks in a row",
        Some(Amount::Time(floor_thousand)),
        Amount::Time(ours_thousand),
        &goal,
    );
    // What the program costs without tasks is taken out, or it would hide growth.
    let early = ours_hundred.saturating_sub(ours_one) / 99;
    let late = ours_thousand.saturating_sub(ours_hundred) / 900;
    table.enter(
        "each task from the 100th to the 1,000th; floor: from the 1st to the 100th",
        Some(Amount::Time(early)),
        Amount::Time(late),
        &[Goal::Times(1.1)],
    );
}

/// Many tasks at once.
pub fn at_once(_: &World, _: Rounds, table: &mut Table) {
    table.tell("1,000 tasks, 8 at once", "not there yet (flowables)");
}
