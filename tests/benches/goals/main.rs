//! The goals for speed and memory, measured on the real program as whole processes, each beside a floor measured in the same run.
//!
//! It knows the program only from outside. How to run it and what it printed last: `tests/benches/README.md`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark's answer is what it prints"
)]

mod asleep;
mod check;
mod container_floor;
mod containers;
mod editor;
mod flood;
mod floor;
#[path = "../../guests/mod.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared with the tests of the sandbox, which use all of it and fail by it"
)]
mod guests;
mod hostile;
mod measure;
mod plugins;
mod run;
mod start;
mod table;
mod world;

use std::process::ExitCode;

use measure::Rounds;
use table::Table;
use world::World;

/// Measures some goals and enters them into the table.
type Scenario = fn(&World, Rounds, &mut Table);

/// What there is to measure, by the name that the filter is held against.
const SCENARIOS: [(&str, Scenario); 24] = [
    ("hello", run::hello),
    ("first", run::first),
    ("row", run::in_a_row),
    ("parallel", run::at_once),
    ("values", run::many_values),
    ("dag", run::dag),
    ("flood-text", flood::text),
    ("flood-ndjson", flood::ndjson),
    ("flood-secrets", flood::secrets),
    ("asleep", asleep::asleep),
    ("start", start::start),
    ("validate", check::validate),
    ("folder", check::folder),
    ("editor", editor::editor),
    ("race", editor::race),
    ("languages", plugins::languages),
    ("large-plugin", plugins::large),
    ("hostile", hostile::hostile),
    ("size", start::size),
    ("container-one", containers::one),
    ("container-files", containers::files),
    ("container-large", containers::large),
    ("container-parallel", containers::at_once),
    ("container-flood", containers::flood),
];

/// Whether a filter means a scenario: by its whole name, or by a part of it where nothing is called so.
fn means(filter: &str, name: &str) -> bool {
    let is_a_name = SCENARIOS.iter().any(|(whole, _)| *whole == filter);
    name == filter || (!is_a_name && name.contains(filter))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(part) = arguments
        .first()
        .and_then(|first| first.strip_prefix("--floor="))
    {
        return floor::play(part, &arguments[1..]);
    }
    let rounds = match arguments.iter().any(|argument| argument == "--quick") {
        true => Rounds::Few,
        false => Rounds::Many,
    };
    // Cargo itself adds `--bench`.
    let filters: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let world = match World::new() {
        Ok(world) => world,
        Err(message) => {
            eprintln!("nothing measured: {message}");
            return ExitCode::SUCCESS;
        }
    };
    let mut table = Table::default();
    println!(
        "program  {}\nload     {} before\n",
        world.program().display(),
        measure::load()
    );
    for (name, scenario) in SCENARIOS {
        if filters.is_empty() || filters.iter().any(|filter| means(filter, name)) {
            eprintln!("{name} ...");
            scenario(&world, rounds, &mut table);
        }
    }
    print!("{table}");
    println!("\nload     {} after", measure::load());
    ExitCode::SUCCESS
}
