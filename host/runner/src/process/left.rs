//! Ends what an earlier host left running of a task run: its processes are known by the variable that all of them inherit.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use taffrail_engine::ports::RunnerError;
use tokio::time::Instant;

use super::cgroup;
use super::table::{self, Entry};

/// How long the end of killed processes is waited for.
const ENDING: Duration = Duration::from_secs(5);

/// Kills all processes of a task run, until there are none.
pub(super) async fn end(task_run: &str) -> Result<(), RunnerError> {
    end_all(|found| found == task_run).await
}

/// Kills all processes of an execution whose taffrail died, until there are none.
///
/// # Errors
/// Those that do not end.
pub async fn end_processes_of(execution: &str) -> Result<(), RunnerError> {
    end_all(|found| {
        found
            .strip_prefix(execution)
            .is_some_and(|rest| rest.starts_with('/'))
    })
    .await
}

async fn end_all(is_one: impl Fn(&str) -> bool) -> Result<(), RunnerError> {
    cgroup::end_left(&is_one);
    let until = Instant::now() + ENDING;
    loop {
        let left: Vec<Entry> = table::since(0, false, &BTreeSet::new())
            .into_iter()
            .filter(|entry| !entry.zombie && entry.task_run().as_deref().is_some_and(&is_one))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let names: Vec<String> = left
                .iter()
                .map(|entry| format!("{} (pid {})", entry.name, entry.pid))
                .collect();
            return Err(RunnerError::Lost(format!(
                "an earlier run left these processes, which were killed and do not end: {}",
                names.join(", ")
            )));
        }
        for entry in &left {
            entry.signal(&[Signal::KILL]);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
