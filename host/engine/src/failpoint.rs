//! Ends the program at a chosen point of a task's life, as `kill -9` would, so that tests can look at what the next host finds.

use std::sync::OnceLock;

/// The points, in the order in which a task run comes to them.
pub const POINTS: &[&str] = &[
    // The execution is on disk, and nothing has begun.
    "begun",
    // A task run is about to be made ready.
    "started",
    // The wish to launch is on disk.
    "launching",
    // A container was made, and has none of its files.
    "created",
    // It has its files, and was not started.
    "filled",
    // A supervisor was asked to start the program, and has said in its file that it does.
    "ordered",
    // The program runs, and that is known to the supervisor only.
    "spawned",
    // The program runs, and that is known here only.
    "launched",
    // It has said something.
    "output",
    // The supervisor has entered in its file that it has ended.
    "recorded",
    // It has ended, and nothing of that is kept.
    "exited",
    // Its output files are stored.
    "collected",
    // Its end is on disk, and what it ran on is still there.
    "attempted",
    // What it ran on is gone.
    "disposed",
    // Its working directory is gone.
    "removed",
    // Its end was entered.
    "ended",
    // The end of the execution is on disk, and nobody was told.
    "over",
];

static CHOSEN: OnceLock<&'static str> = OnceLock::new();

/// Chooses the point at which this program ends.
///
/// # Errors
/// The points that there are, where this is none.
pub fn choose(name: &str) -> Result<(), String> {
    let point = POINTS.iter().find(|point| **point == name);
    let point = point.ok_or_else(|| {
        format!(
            "there is no failpoint `{name}`; there are {}",
            POINTS.join(", ")
        )
    })?;
    CHOSEN.get_or_init(|| point);
    Ok(())
}

/// Ends the program, if this is the point that was chosen: nothing is written, dropped or told.
pub fn reach(point: &'static str) {
    debug_assert!(POINTS.contains(&point), "`{point}` is not in the list");
    if CHOSEN.get() == Some(&point) {
        std::process::abort();
    }
}
