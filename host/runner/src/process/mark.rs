//! Tells whose a process is that has lost its parent, left its session and wiped its environment: a limit that all inherit from birth, and
//! that no kernel heeds since Linux 2.4 (`RLIMIT_LOCKS` in `getrlimit(2)`), holds a number of the task.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of a task run, for as long as this process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// Nobody sets so great a limit by hand, and none is greater than a limit can be.
const MARKED: u64 = 1 << 62;

impl Mark {
    /// The mark of a task run, as [`TASK_RUN_VARIABLE`](super::table::TASK_RUN_VARIABLE) names it.
    pub(super) fn of(task_run: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        task_run.hash(&mut hasher);
        Self(MARKED | hasher.finish() >> 2)
    }

    /// Starts what carries the mark. Where the system does not let it be set, what is started has none.
    pub(super) fn on<T>(self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        // A limit belongs to all threads.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let before = getrlimit(Resource::Locks);
        let marked = Rlimit {
            current: Some(self.0),
            maximum: before.maximum,
        };
        let is_set = setrlimit(Resource::Locks, marked).is_ok();
        let started = start();
        if is_set {
            // This process itself is nobody's task.
            let _ = setrlimit(Resource::Locks, before);
        }
        started
    }

    /// The mark that a process carries; none where it has none, or is gone.
    pub(super) fn read(pid: i32) -> Option<Self> {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"));
        Self::parse(&limits.ok()?)
    }

    fn parse(limits: &str) -> Option<Self> {
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max file locks"))?;
        let soft = line.split_ascii_whitespace().next()?;
        let number: u64 = soft.parse().ok()?;
        (number & MARKED == MARKED).then_some(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[test]
    fn a_mark_is_read_from_limits() {
        let mark = Mark::of("e/0001-a/1");
        assert_ne!(mark, Mark::of("e/0001-a/2"));
        let limits = |locks: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max file locks            {locks:<20} unlimited            locks     \n\
                 Max pending signals       95863                95863                signals   \n"
            )
        };
        let check = |locks: &str, expected: Option<Mark>| {
            assert_eq!(Mark::parse(&limits(locks)), expected, "{locks}");
        };
        check(&mark.0.to_string(), Some(mark));
        check("unlimited", None);
        check("0", None);
        check("95863", None);
        assert_eq!(Mark::parse(""), None);
    }

    #[test]
    fn what_wipes_its_environment_keeps_its_mark() {
        let mark = Mark::of("e/0001-a/1");
        let mut child = mark
            .on(|| {
                std::process::Command::new("sh")
                    .args(["-c", "exec env -i setsid -w sleep 60"])
                    .env("PATH", "/usr/bin:/bin")
                    .process_group(0)
                    .spawn()
            })
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert_eq!(Mark::read(pid), Some(mark));
        child.kill().unwrap();
        child.wait().unwrap();
        let own = rustix::process::getpid().as_raw_pid();
        assert_eq!(Mark::read(own), None);
    }
}
