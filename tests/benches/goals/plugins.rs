//! What plugins cost: ten languages in one flow from a warm cache, and installing a component with an interpreter inside.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::measure::{Rounds, high_water, medians, wall};
use crate::table::{Amount, Goal, Table};
use crate::world::World;

/// Languages whose scripts need no more than a text.
const TEN: [&str; 10] = [
    "shell", "python", "node", "r", "ruby", "perl", "php", "lua", "julia", "groovy",
];
/// Names a component with an interpreter inside: nothing that large is committed.
const LARGE: &str = "TAFFRAIL_LARGE_PLUGIN";

/// A whole process that plans one task of each of ten languages, beside one that plans a single one, and one that only validates.
pub fn languages(world: &World, rounds: Rounds, table: &mut Table) {
    let flow = |languages: &[&str]| {
        let mut text = String::from("id: languages\nnamespace: bench.goals\ntasks:\n");
        for language in languages {
            let _ = write!(
                text,
                "  - id: {language}\n    type: io.kestra.plugin.scripts.{language}.Script\n    script: '1'\n"
            );
        }
        text
    };
    let write = |name: &str, languages: &[&str]| {
        world
            .write(name, &flow(languages))
            .to_string_lossy()
            .into_owned()
    };
    let (ten, one) = (write("ten.yaml", &TEN), write("one.yaml", &TEN[..1]));
    // `plan` keeps nothing where no run has kept anything before; a run fills the cache.
    let warm = world.write("warm.yaml", &flow(&TEN));
    let plan = |flow: &str| wall(world.taffrail(&["plan", flow, "--runner", "process"]));
    let _ = world
        .taffrail(&["run", &warm.to_string_lossy(), "--runner", "process"])
        .status();
    let _ = world.taffrail(&["plugin", "verify"]).status();
    let [planned_one, planned_ten, validated] = medians(
        rounds.pick(15, 61),
        [&mut || plan(&one), &mut || plan(&ten), &mut || {
            wall(world.taffrail(&["validate", &ten]))
        }],
    );
    table.enter(
        "plan a flow of ten languages; floor: of one",
        Some(Amount::Time(planned_one)),
        Amount::Time(planned_ten),
        &[],
    );
    table.enter(
        "of that, loading and planning nine more plugins",
        None,
        Amount::Time(planned_ten.saturating_sub(planned_one)),
        &[],
    );
    table.enter(
        "ten plugins loaded and planned (the plan less what `validate` takes)",
        Some(Amount::Time(validated)),
        Amount::Time(planned_ten.saturating_sub(validated)),
        &[Goal::AtMost(Amount::Time(Duration::from_millis(15)))],
    );
}

/// `plugin add` of a component with an interpreter inside: time and memory of all its processes.
pub fn large(world: &World, _: Rounds, table: &mut Table) {
    let Some(component) = std::env::var_os(LARGE) else {
        table.tell(
            "`plugin add` of a component with an interpreter inside",
            &format!("{LARGE} names none"),
        );
        return;
    };
    let size = std::fs::metadata(&component).map_or(0, |file| file.len());
    let mut command = world.taffrail_in("large", &["plugin", "add"]);
    command.arg(&component);
    let began = Instant::now();
    let mut child = command.spawn().expect("the program can be started");
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("an own child") {
            break status;
        }
        peak = peak.max(family(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = began.elapsed();
    let name = format!(
        "`plugin add` of {} ({:.1} MB)",
        Path::new(&component)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy(),
        size as f64 / 1e6
    );
    if !status.success() {
        table.tell(&name, &status.to_string());
        return;
    }
    let goal = [Goal::AtMost(Amount::Time(Duration::from_secs(30)))];
    table.enter(&name, None, Amount::Time(took), &goal);
    table.enter(
        "its largest resident memory, both processes",
        None,
        Amount::Megabytes(peak as f64 / 1e6),
        &[Goal::AtMost(Amount::Megabytes(500.0))],
    );
}

/// The largest memory of a process and its children so far, in bytes.
fn family(process: u32) -> u64 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok());
    std::iter::once(process)
        .chain(children)
        .filter_map(high_water)
        .sum()
}
