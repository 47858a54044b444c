//! A task that prints a lot of short lines: how fast they get through, and whether memory stays flat.

use std::time::Duration;

use crate::asleep::sleeping;
use crate::measure::{Flood, Ready, Rounds, discard, high_water, median};
use crate::table::{Amount, Goal, Table};
use crate::world::{World, flow};

/// How much memory a flood may take beyond what an idle program takes.
const MORE: f64 = 16.0;

/// As text, which is passed on as it is but for the task's name.
pub fn text(world: &World, rounds: Rounds, table: &mut Table) {
    flood(world, rounds, table, "text", "pass", 400.0);
}

/// As one JSON record a line.
pub fn ndjson(world: &World, rounds: Rounds, table: &mut Table) {
    flood(world, rounds, table, "ndjson", "records", 150.0);
}

/// As text in which 50 secrets are looked for.
pub fn secrets(world: &World, rounds: Rounds, table: &mut Table) {
    let own = std::env::current_exe().expect("a running program has a file");
    let names = || (0..50).map(|number| format!("SECRET_NAME_{number}"));
    let given: String = names()
        .map(|name| format!("{name}=value-of-{name}-that-nobody-sees\n"))
        .collect();
    let given = world.write("secrets.env", &given);
    let mut text = flow([format!("exec '{}' --floor=print 200", own.display()).as_str()]);
    text.push_str("    env:\n");
    for name in names() {
        text.push_str(&format!("      {name}: \"{{{{ secret('{name}') }}}}\"\n"));
    }
    let path = world.write("flood-secrets.yaml", &text);
    let (mut times, mut peak) = (Vec::new(), 0);
    for _ in 0..rounds.pick(1, 5) {
        let arguments = [
            "run",
            "--secrets-file",
            &given.to_string_lossy(),
            &path.to_string_lossy(),
        ];
        let run = discard(world.taffrail(&arguments));
        world.forget();
        assert!(
            run.bytes > 200_000_000,
            "output was lost: {} bytes",
            run.bytes
        );
        times.push(run.time);
        peak = peak.max(run.peak);
    }
    let megabytes = |rate: f64| Amount::Rate(rate * 64.0 / 1e6);
    table.enter(
        "200 MB of 64-byte lines with 50 secrets looked for (goal: 500,000 lines a second)",
        None,
        Amount::Rate(200.0 / median(times).as_secs_f64()),
        &[Goal::AtLeast(megabytes(500_000.0))],
    );
    table.enter(
        "largest resident memory meanwhile",
        None,
        Amount::Megabytes(peak as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(64.0))],
    );
}

fn flood(world: &World, rounds: Rounds, table: &mut Table, output: &str, part: &str, least: f64) {
    let own = std::env::current_exe().expect("a running program has a file");
    let idle = {
        let run = Ready::start(sleeping(world, output));
        high_water(run.id()).unwrap_or(0)
    };
    for (megabytes, many) in [(20, 9), (200, 5), (1000, 3)] {
        let command = format!("exec '{}' --floor=print {megabytes}", own.display());
        let path = world.write(
            &format!("flood-{megabytes}.yaml"),
            &flow([command.as_str()]),
        );
        let log = world.path("floor.log");
        let (mut floors, mut ours, mut peak) = (Vec::new(), Vec::new(), 0);
        for round in 0..=rounds.pick(1, many) {
            let floor =
                discard(world.floor(part, &[&megabytes.to_string(), &log.to_string_lossy()]));
            let _ = std::fs::remove_file(&log);
            let run = discard(world.taffrail(&["run", "-o", output, &path.to_string_lossy()]));
            world.forget();
            let printed = megabytes as u64 * 1_000_000;
            assert!(
                run.bytes > printed && floor.bytes >= printed,
                "output was lost: {} bytes",
                run.bytes
            );
            peak = peak.max(run.peak);
            if round > 0 {
                floors.push(floor);
                ours.push(run);
            }
        }
        let rate = |floods: Vec<Flood>| {
            let time: Duration = median(floods.into_iter().map(|flood| flood.time).collect());
            Amount::Rate(f64::from(megabytes) / time.as_secs_f64())
        };
        // At 20 MB the start of the program is a good part of it.
        let goals = [Goal::AtLeast(Amount::Rate(least))];
        let goals = if megabytes == 20 {
            &goals[..0]
        } else {
            &goals[..]
        };
        table.enter(
            &format!("{megabytes} MB of 64-byte lines as {output}"),
            Some(rate(floors)),
            rate(ours),
            goals,
        );
        table.enter(
            &format!("peak memory beyond idle at {megabytes} MB as {output}; floor: idle"),
            Some(Amount::Megabytes(idle as f64 / 1e6)),
            Amount::Megabytes(peak.saturating_sub(idle) as f64 / 1e6),
            &[Goal::AtMost(Amount::Megabytes(MORE))],
        );
    }
}
