//! The control group of one task, entered when that is needed and not before: the first move of a process after a while takes a kernel some
//! 10 ms, in which a short task has long ended, and each further one holds up all that start or end meanwhile.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;

use super::cgroup::Cgroup;
use super::mark::Mark;
use super::table;

/// Holds all processes of one task. What is in no group is known by its [`Mark`].
#[derive(Debug)]
pub(super) struct Enclosure {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// The task is outside.
    Outside {
        task_run: String,
        /// Its leader, until that is reaped: its number may be another process's then.
        leader: Option<Pid>,
    },
    /// All of it is in its group.
    Inside(Cgroup),
    /// There is no group for it.
    Nowhere,
}

impl Enclosure {
    /// Starts the leader of a task, marked, and enters it among the [`table::leaders`].
    ///
    /// # Errors
    /// Why there is no leader.
    pub(super) fn start(
        task_run: &str,
        spawn: impl FnOnce() -> io::Result<Pid>,
    ) -> io::Result<(Pid, Arc<Self>)> {
        let leader = Mark::of(task_run).on(spawn)?;
        table::leaders().insert(leader.as_raw_pid());
        let enclosure = Arc::new(Self {
            state: Mutex::new(State::Outside {
                task_run: task_run.to_owned(),
                leader: Some(leader),
            }),
        });
        Ok((leader, enclosure))
    }

    /// Puts all of the task into its group, unless it is in there.
    pub(super) fn enter(&self) {
        let mut state = lock(&self.state);
        if let State::Outside { task_run, leader } = &*state {
            let group = Cgroup::make(task_run);
            let group = group.filter(|group| {
                let leaders: BTreeSet<i32> = table::leaders().clone();
                let alone = leaders.iter().all(|pid| {
                    let own = leader.map(Pid::as_raw_pid);
                    own == Some(*pid)
                });
                let mark = Mark::of(task_run);
                let entered = group.enter(*leader, &leaders, |pid| match Mark::read(pid) {
                    Some(found) => found == mark,
                    None => alone,
                });
                if let Err(error) = &entered {
                    tracing::debug!("no control group for `{task_run}`: {error}");
                }
                entered.is_ok()
            });
            *state = group.map_or(State::Nowhere, State::Inside);
        }
    }

    /// The leader is about to be taken out of the table.
    pub(super) fn leader_goes(&self) {
        if let State::Outside { leader, .. } = &mut *lock(&self.state) {
            *leader = None;
        }
    }

    /// The processes in the group.
    pub(super) fn processes(&self) -> Vec<i32> {
        match &*lock(&self.state) {
            State::Inside(group) => group.processes(),
            State::Outside { .. } | State::Nowhere => Vec::new(),
        }
    }

    /// Ends all that is in the group, also what is just being started.
    pub(super) fn kill(&self) {
        if let State::Inside(group) = &*lock(&self.state) {
            group.kill();
        }
    }

    /// Whether none of the processes in the group runs.
    pub(super) fn is_empty(&self) -> bool {
        match &*lock(&self.state) {
            State::Inside(group) => group.is_empty(),
            State::Outside { .. } | State::Nowhere => true,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
