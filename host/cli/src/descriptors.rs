//! How many files this process may have open at once, and how many tasks that is enough for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What one task takes at most, here and in its supervisor: pipes, the file of its output, its directories, what watches it.
const FOR_A_TASK: u64 = 8;

/// What is open beside tasks: the store, the log, plugins, connections.
const BESIDE: u64 = 40;

/// The limits of open files.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors {
    /// Those that this process was started with, which are its tasks', where they are not its own any more.
    pub given: Option<(Option<u64>, Option<u64>)>,
    limit: Option<u64>,
}

impl Descriptors {
    /// Raises this process's limit as far as it may.
    pub fn raise() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if current != maximum && setrlimit(Resource::Nofile, raised).is_ok() {
            return Self {
                given: Some((current, maximum)),
                limit: maximum,
            };
        }
        Self {
            given: None,
            limit: current,
        }
    }

    /// How many tasks can run at once.
    pub fn tasks(&self) -> usize {
        let tasks = self
            .limit
            .map(|limit| limit.saturating_sub(BESIDE) / FOR_A_TASK);
        tasks
            .and_then(|tasks| usize::try_from(tasks).ok())
            .map_or(usize::MAX, |tasks| tasks.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_are_enough_for_few_tasks() {
        let tasks = |limit| Descriptors { given: None, limit }.tasks();
        assert_eq!(tasks(None), usize::MAX);
        assert_eq!(tasks(Some(1024)), 123);
        assert_eq!(tasks(Some(96)), 7);
        assert_eq!(tasks(Some(16)), 1);
    }
}
