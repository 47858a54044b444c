//! Tasks in containers: one, with files, many at once, and one that prints a lot; beside the bare calls to the engine and its own client.

use std::process::Command;
use std::time::Duration;

use taffrail_tests::docker::engine::Engine;
use taffrail_tests::docker::images::{self, TOOLS};

use crate::measure::{Ready, Rounds, discard, high_water, median, medians, wall};
use crate::table::{Amount, Goal, Table};
use crate::world::World;

fn engine(scenario: &str, table: &mut Table) -> Option<&'static Engine> {
    let engine = Engine::shared(scenario);
    match engine {
        Some(engine) => images::tools(engine),
        None => table.tell(scenario, "there is no container engine"),
    }
    engine
}

/// A task in a container, with further keys of its runner and of itself.
fn task(id: &str, runner: &str, keys: &str, command: &str) -> String {
    format!(
        "  - id: {id}\n    type: io.kestra.plugin.scripts.shell.Commands\n    containerImage: {TOOLS}\n{keys}    taskRunner:\n      \
         type: io.kestra.plugin.scripts.runner.docker.Docker\n      networkMode: none\n{runner}    commands: [{}]\n",
        serde_json::Value::from(command)
    )
}

fn flow(tasks: &str) -> String {
    format!("id: measured\nnamespace: bench.goals\ntasks:\n{tasks}")
}

/// Our program on this engine.
fn ours(world: &World, engine: &Engine, arguments: &[&str]) -> Command {
    let mut command = world.taffrail(arguments);
    command.env("DOCKER_HOST", engine.url());
    command
}

/// The bare calls.
fn floor(
    world: &World,
    engine: &Engine,
    count: usize,
    at_once: usize,
    files: &str,
    command: &str,
) -> Command {
    let folder = world.path("bound");
    let (count, at_once) = (count.to_string(), at_once.to_string());
    world.floor(
        "container",
        &[
            engine.url(),
            TOOLS,
            &count,
            &at_once,
            files,
            &folder.to_string_lossy(),
            command,
        ],
    )
}

/// The engine's own client, as a person uses it.
fn client(engine: &Engine, more: &[&str], command: &str) -> Option<Command> {
    images::which("docker")?;
    let mut run = Command::new("docker");
    run.args(["-H", engine.url(), "run", "--rm", "--network", "none"])
        .args(more)
        .args([TOOLS, "sh", "-c", command])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    Some(run)
}

/// So many of its runs, as a line of shell starts them.
fn clients(engine: &Engine, count: usize, at_once: usize) -> Option<Command> {
    images::which("docker")?;
    let mut run = Command::new("sh");
    run.arg("-c").arg(format!(
        "seq {count} | xargs -P {at_once} -I NUMBER docker -H {} run --rm --network none {TOOLS} sh -c true",
        engine.url()
    ));
    run.stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    Some(run)
}

/// Enters our figure beside that of the engine's own client, which we must not be slower than.
fn beside_client(table: &mut Table, scenario: &str, theirs: Duration, ours: Duration) {
    table.enter(
        &format!("{scenario}; floor: `docker run --rm`"),
        Some(Amount::Time(theirs)),
        Amount::Time(ours),
        &[Goal::Times(1.0)],
    );
}

/// One task that does nothing.
pub fn one(world: &World, rounds: Rounds, table: &mut Table) {
    let scenario = "one task in a container";
    let Some(engine) = engine(scenario, table) else {
        return;
    };
    let path = world.write("container.yaml", &flow(&task("one", "", "", "true")));
    let [bare, theirs, ours] = medians(
        rounds.pick(5, 25),
        [
            &mut || wall(floor(world, engine, 1, 1, "none", "true")),
            &mut || client(engine, &[], "true").map_or(Duration::ZERO, wall),
            &mut || wall(ours(world, engine, &["run", &path.to_string_lossy()])),
        ],
    );
    table.enter(
        &format!("{scenario}; floor: the bare calls"),
        Some(Amount::Time(bare)),
        Amount::Time(ours),
        &[Goal::Times(1.05)],
    );
    if !theirs.is_zero() {
        beside_client(table, scenario, theirs, ours);
    }
    world.forget();
}

/// One file in and one out, by both ways; the floor of both is the bind mount.
pub fn files(world: &World, rounds: Rounds, table: &mut Table) {
    let scenario = "one file into a container and one out";
    let Some(engine) = engine(scenario, table) else {
        return;
    };
    let command = "cat in.txt > out.txt";
    world.write("bound/in.txt", "given\n");
    let keys = "    inputFiles: {in.txt: given}\n    outputFiles: [out.txt]\n";
    let flow_of = |strategy: &str| {
        let runner = format!("      fileHandlingStrategy: {strategy}\n");
        let path = world.write(
            &format!("container-{strategy}.yaml"),
            &flow(&task("one", &runner, keys, command)),
        );
        path.to_string_lossy().into_owned()
    };
    let (mount, volume) = (flow_of("MOUNT"), flow_of("VOLUME"));
    let [bind, archive, by_mount, by_volume] = medians(
        rounds.pick(5, 25),
        [
            &mut || wall(floor(world, engine, 1, 1, "bind", command)),
            &mut || wall(floor(world, engine, 1, 1, "volume", command)),
            &mut || wall(ours(world, engine, &["run", &mount])),
            &mut || wall(ours(world, engine, &["run", &volume])),
        ],
    );
    table.enter(
        &format!("{scenario}, MOUNT; floor: the bare calls, bound"),
        Some(Amount::Time(bind)),
        Amount::Time(by_mount),
        &[Goal::Times(1.1)],
    );
    table.enter(
        &format!("{scenario}, VOLUME; floor: the bare calls, bound"),
        Some(Amount::Time(bind)),
        Amount::Time(by_volume),
        &[Goal::Times(1.5)],
    );
    table.enter(
        "the same; floor: the bare calls with one archive in and one out",
        Some(Amount::Time(archive)),
        Amount::Time(by_volume),
        &[],
    );
    world.forget();
}

/// One gigabyte into a container and out of it: by archives, beside the same by a mount.
pub fn large(world: &World, rounds: Rounds, table: &mut Table) {
    let scenario = "1 GB into a container and out of it";
    let Some(engine) = engine(scenario, table) else {
        return;
    };
    let given = world.path("large.bin");
    let made = std::fs::File::create(&given).and_then(|file| file.set_len(1 << 30));
    if let Err(error) = made {
        return table.tell(scenario, &error.to_string());
    }
    let given = format!("large=@{}", given.display());
    let keys = "    inputFiles: {in.bin: \"{{ inputs.large }}\"}\n    outputFiles: [out.bin]\n";
    let flow_of = |name: &str, keys: &str, strategy: &str| {
        let runner = format!("      fileHandlingStrategy: {strategy}\n");
        let task = task(
            "one",
            &runner,
            keys,
            "ls > out.txt; [ -e in.bin ] && mv in.bin out.bin; true",
        );
        let text = flow(&task).replace(
            "tasks:",
            "inputs: [{id: large, type: FILE, required: false}]\ntasks:",
        );
        world.write(name, &text).to_string_lossy().into_owned()
    };
    let volume = flow_of("container-large.yaml", keys, "VOLUME");
    let mount = flow_of("container-large-mount.yaml", keys, "MOUNT");
    let small = flow_of(
        "container-small.yaml",
        "    outputFiles: [out.txt]\n",
        "VOLUME",
    );
    let idle = discard(ours(world, engine, &["run", &small])).peak;
    let mut peak = 0;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds.pick(1, 3) {
        for (flow, times) in [&mount, &volume].into_iter().zip(&mut times) {
            let run = discard(ours(world, engine, &["run", flow, "-i", &given]));
            peak = peak.max(run.peak);
            times.push(run.time);
            world.forget();
        }
    }
    let [mount, volume] = times.map(median);
    table.enter(
        &format!("{scenario}, VOLUME; floor: ours, MOUNT"),
        Some(Amount::Time(mount)),
        Amount::Time(volume),
        &[],
    );
    table.enter(
        "peak memory beyond that of a small file; floor: a small file",
        Some(Amount::Megabytes(idle as f64 / 1e6)),
        Amount::Megabytes(peak.saturating_sub(idle) as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(16.0))],
    );
}

/// Forty tasks, eight at once.
pub fn at_once(world: &World, rounds: Rounds, table: &mut Table) {
    let scenario = "40 tasks in containers, 8 at once";
    let Some(engine) = engine(scenario, table) else {
        return;
    };
    let tasks: String = (0..40)
        .map(|number| task(&format!("task_{number}"), "", "", "true"))
        .collect();
    let indented: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
    let path = world.write(
        "containers.yaml",
        &flow(&format!(
            "  - id: together\n    type: io.kestra.plugin.core.flow.Parallel\n    concurrent: 8\n    tasks:\n{indented}"
        )),
    );
    let path = path.to_string_lossy().into_owned();
    let sound = world.taffrail(&["validate", &path]).status();
    if !sound.is_ok_and(|status| status.success()) {
        return table.tell(scenario, "not there yet (flowables)");
    }
    let mut peak = 0;
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=rounds.pick(1, 5) {
        let bare = wall(floor(world, engine, 40, 8, "none", "true"));
        let theirs = clients(engine, 40, 8).map_or(Duration::ZERO, wall);
        let run = discard(ours(world, engine, &["run", &path, "-j", "8"]));
        peak = peak.max(run.peak);
        if round > 0 {
            for (times, time) in times.iter_mut().zip([bare, theirs, run.time]) {
                times.push(time);
            }
        }
    }
    let [bare, theirs, ours] = times.map(median);
    table.enter(
        &format!("{scenario}; floor: the bare calls"),
        Some(Amount::Time(bare)),
        Amount::Time(ours),
        &[Goal::Times(1.1)],
    );
    if !theirs.is_zero() {
        beside_client(table, scenario, theirs, ours);
    }
    table.enter(
        "peak memory of that",
        None,
        Amount::Megabytes(peak as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(60.0))],
    );
    world.forget();
}

/// One container that prints 50 MB of short lines, by the default log driver and without one.
pub fn flood(world: &World, rounds: Rounds, table: &mut Table) {
    let scenario = "50 MB of lines out of a container";
    let Some(engine) = engine(scenario, table) else {
        return;
    };
    let line = "x".repeat(63);
    let command = format!("yes {line} | head -c 50000000");
    let plain = world.write(
        "container-flood.yaml",
        &flow(&task("one", "", "", &command)),
    );
    let none = "      logConfig: {driver: none}\n";
    let unlogged = world.write(
        "container-flood-none.yaml",
        &flow(&task("one", none, "", &command)),
    );
    let idle = {
        let sleeping = flow(&task("one", "", "", "echo ready; sleep 60"));
        let path = world.write("container-asleep.yaml", &sleeping);
        let run = Ready::start(ours(world, engine, &["run", &path.to_string_lossy()]));
        high_water(run.id()).unwrap_or(0)
    };
    let mut peak = 0;
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=rounds.pick(1, 5) {
        let bare = wall(floor(world, engine, 1, 1, "none", &command));
        let run = discard(ours(world, engine, &["run", &plain.to_string_lossy()]));
        let fast = discard(ours(world, engine, &["run", &unlogged.to_string_lossy()]));
        assert!(
            run.bytes > 50_000_000 && fast.bytes > 50_000_000,
            "output was lost"
        );
        peak = peak.max(run.peak).max(fast.peak);
        world.forget();
        if round > 0 {
            for (times, time) in times.iter_mut().zip([bare, run.time, fast.time]) {
                times.push(time);
            }
        }
    }
    let [bare, run, fast] = times.map(median);
    table.enter(
        &format!("{scenario}, driver `local`; floor: attach, same driver"),
        Some(Amount::Time(bare)),
        Amount::Time(run),
        &[Goal::Times(1.3)],
    );
    table.enter(
        &format!("{scenario}, driver `none`"),
        None,
        Amount::Time(fast),
        &[],
    );
    table.enter(
        "peak memory beyond idle of these; floor: idle",
        Some(Amount::Megabytes(idle as f64 / 1e6)),
        Amount::Megabytes(peak.saturating_sub(idle) as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(16.0))],
    );
}
