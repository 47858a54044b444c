//! Runs of short tasks: one, the very first on a machine, many in a row, many at once.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::floor::shell_through_a_pipe;
use crate::measure::{Ready, Rounds, high_water, medians, wall};
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

/// Many tasks at once: a loop over a thousand values, eight of them running, beside `xargs -P8`.
pub fn at_once(world: &World, rounds: Rounds, table: &mut Table) {
    let path = world.write(
        "at-once.yaml",
        &each("{{ range(1, 1000) }}", 8, &task("echo hello")),
    );
    let path = path.to_string_lossy();
    let [floor, ours] = medians(
        rounds.pick(1, 5),
        [
            &mut || {
                wall(world.program_of_the_system(
                    "sh",
                    &["-c", "seq 1000 | xargs -P8 -I{} sh -c 'echo hello'"],
                ))
            },
            &mut || {
                let time = wall(world.taffrail(&["run", &path, "--jobs", "8"]));
                world.forget();
                time
            },
        ],
    );
    table.enter(
        "1,000 tasks, 8 at once; floor: xargs -P8",
        Some(Amount::Time(floor)),
        Amount::Time(ours),
        &[Goal::Times(1.5)],
    );
}

/// The memory of a run that has gone through ten thousand values of a loop.
pub fn many_values(world: &World, rounds: Rounds, table: &mut Table) {
    let last = "  - id: last\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    commands:\n      - echo ready; exec sleep 60\n";
    let inside = "      - id: value\n        type: io.kestra.plugin.core.debug.Return\n        format: \"{{ taskrun.value }}\"\n";
    let text = each("{{ range(1, 10000) }}", 8, inside) + last;
    let path = world.write("values.yaml", &text);
    let mut peaks: Vec<u64> = Vec::new();
    for _ in 0..rounds.pick(1, 3) {
        let run = Ready::start(world.taffrail(&["run", &path.to_string_lossy()]));
        peaks.extend(high_water(run.id()));
    }
    peaks.sort_unstable();
    let middle = peaks.get(peaks.len() / 2).copied().unwrap_or(0);
    table.enter(
        "largest resident memory after 10,000 values of a loop",
        None,
        Amount::Megabytes(middle as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(100.0))],
    );
    world.forget();
}

/// What the scheduler itself takes for a task of a large Dag: the tasks do nothing.
pub fn dag(world: &World, rounds: Rounds, table: &mut Table) {
    let path = |count: usize| {
        let mut text = String::from(
            "id: measured\nnamespace: bench.goals\ntasks:\n  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n",
        );
        for number in 0..count {
            text.push_str(&format!("      - task: {{id: t{number}, type: io.kestra.plugin.core.debug.Return, format: done}}\n"));
            // A wide tree: each needs the one at half of its number.
            if number > 0 {
                text.push_str(&format!("        dependsOn: [t{}]\n", (number - 1) / 2));
            }
        }
        let path = world.write(&format!("dag-{count}.yaml"), &text);
        path.to_string_lossy().into_owned()
    };
    let (one, many) = (path(1), path(500));
    let run = |command: &str, flow: &str| {
        let time = wall(world.taffrail(&[command, flow]));
        world.forget();
        time
    };
    // Reading and checking the larger file is no scheduling.
    let [read_one, read_many, ours_one, ours_many] = medians(
        rounds.pick(5, 25),
        [
            &mut || run("validate", &one),
            &mut || run("validate", &many),
            &mut || run("run", &one),
            &mut || run("run", &many),
        ],
    );
    let more = ours_many.saturating_sub(ours_one);
    let reading = read_many.saturating_sub(read_one);
    table.enter(
        "a Dag of 500 tasks: own time for each",
        None,
        Amount::Time(more.saturating_sub(reading) / 499),
        &[Goal::AtMost(Amount::Time(Duration::from_micros(50)))],
    );
}

fn task(command: &str) -> String {
    format!(
        "      - id: work\n        type: io.kestra.plugin.scripts.shell.Commands\n        taskRunner:\n          type: io.kestra.plugin.core.runner.Process\n        commands:\n          - {command}\n"
    )
}

fn each(values: &str, limit: u32, tasks: &str) -> String {
    format!(
        "id: measured\nnamespace: bench.goals\ntasks:\n  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n    values: \"{values}\"\n    concurrencyLimit: {limit}\n    tasks:\n{tasks}"
    )
}
