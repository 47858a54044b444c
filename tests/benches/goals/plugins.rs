//! What plugins cost: ten languages in one flow from a warm cache, and installing a component with an interpreter inside.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::measure::{Rounds, medians, wall, watched};
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
    let (took, peak, status) = watched(command);
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
