//! All that descends from one task, also what left its process group, its session and its parent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::time::Instant;

use super::enclosure::Enclosure;
use super::mark::Mark;
use super::table::{self, Entry};

/// A process that is older than this may be followed by processes with smaller numbers.
const RECENT: Duration = Duration::from_secs(2);

/// The processes of one task.
#[derive(Debug)]
pub(super) struct Descendants {
    leader: Pid,
    /// The value of [`table::TASK_RUN_VARIABLE`].
    task_run: String,
    begun: Instant,
    /// Whether the leader is still in the table, so that its number and its group's are surely its own.
    leader_held: bool,
    /// Number and start of every process that was killed: once ended, nothing else tells whose it was.
    killed: BTreeSet<(i32, u64)>,
    /// Holds all of them, once that is needed.
    enclosure: Arc<Enclosure>,
}

impl Descendants {
    /// Those of a leader that was just started and is among the [`table::leaders`].
    pub(super) fn new(leader: Pid, task_run: String, enclosure: Arc<Enclosure>) -> Self {
        Descendants {
            leader,
            task_run,
            begun: Instant::now(),
            leader_held: true,
            killed: BTreeSet::new(),
            enclosure,
        }
    }

    /// What holds them, once that is needed.
    pub(super) fn enclosure(&self) -> &Arc<Enclosure> {
        &self.enclosure
    }

    /// The task's own process.
    pub(super) fn leader(&self) -> Pid {
        self.leader
    }

    /// The leader is about to be reaped.
    pub(super) fn leader_goes(&self) {
        self.enclosure.leader_goes();
    }

    /// The leader was reaped; its number may be given to others from now on.
    pub(super) fn leader_is_gone(&mut self) {
        self.leader_held = false;
        table::leaders().remove(&self.leader.as_raw_pid());
    }

    /// Signals the leader, its group, and all others.
    pub(super) fn signal(&self, signals: &[Signal]) {
        self.enclosure.enter();
        if self.leader_held {
            for signal in signals {
                // An empty group is an ended one.
                let _ = rustix::process::kill_process_group(self.leader, *signal);
            }
        }
        let leader = self.leader.as_raw_pid();
        for entry in self.find() {
            let reached_by_group = self.leader_held && entry.group == leader;
            if !entry.zombie && !reached_by_group {
                entry.signal(signals);
            }
        }
    }

    /// Kills all but the leader's own entry in the table and reaps what is this host's to reap. Gives what was alive.
    pub(super) fn kill(&mut self) -> Vec<Entry> {
        self.enclosure.enter();
        let (ended, alive): (Vec<Entry>, Vec<Entry>) =
            self.find().into_iter().partition(|entry| entry.zombie);
        self.enclosure.kill();
        if self.leader_held {
            let _ = rustix::process::kill_process_group(self.leader, Signal::KILL);
        }
        for entry in &alive {
            entry.signal(&[Signal::KILL]);
            self.killed.insert((entry.pid, entry.started));
        }
        let host = rustix::process::getpid().as_raw_pid();
        for entry in ended.iter().filter(|entry| entry.parent == host) {
            entry.reap();
        }
        alive
    }

    /// Whether surely nothing is left of the task after its leader was reaped, ended or not. Cheap, also where other tasks run: the roots
    /// of what a reaped leader left are children of this host.
    pub(super) fn none_left(&self) -> bool {
        let none_of_ours = table::has_no_children() || {
            let orphans = table::orphans(&table::leaders());
            orphans.is_some_and(|orphans| orphans.is_empty())
        };
        none_of_ours && self.enclosure.is_empty()
    }

    /// Every process of the task but the leader. Reaps ended orphans on the way.
    fn find(&self) -> Vec<Entry> {
        let leader = self.leader.as_raw_pid();
        let host = rustix::process::getpid().as_raw_pid();
        let leaders = table::leaders().clone();
        let mut entries = table::since(leader, self.begun.elapsed() < RECENT, &leaders);
        let in_group: BTreeSet<i32> = self.enclosure.processes().into_iter().collect();
        for pid in &in_group {
            if *pid != leader && entries.iter().all(|entry| entry.pid != *pid) {
                entries.extend(Entry::read(*pid));
            }
        }
        reap_strays(&entries, &leaders, host);

        let by_pid: BTreeMap<i32, &Entry> =
            entries.iter().map(|entry| (entry.pid, entry)).collect();
        let alone = leaders.iter().all(|&other| other == leader);
        // After the leader was reaped, its number may belong to the leader of a later task.
        let number_is_ours = self.leader_held || !leaders.contains(&leader);
        let mut owned: BTreeSet<i32> = BTreeSet::new();
        if self.leader_held {
            owned.insert(leader);
        }
        for entry in &entries {
            if leaders.contains(&entry.pid) || entry.pid == host {
                continue;
            }
            let by_number = number_is_ours
                && (entry.group == leader || entry.session == leader)
                && descends_from(host, entry, &by_pid);
            let by_number = by_number || in_group.contains(&entry.pid);
            let killed = self.killed.contains(&(entry.pid, entry.started));
            if by_number || killed || (entry.parent == host && self.owns_orphan(entry, alone)) {
                owned.insert(entry.pid);
            }
        }
        // Parents may have greater numbers than their children, so one pass is not enough.
        loop {
            let before = owned.len();
            for entry in &entries {
                if owned.contains(&entry.parent) && !leaders.contains(&entry.pid) {
                    owned.insert(entry.pid);
                }
            }
            if owned.len() == before {
                break;
            }
        }
        owned.remove(&leader);
        entries
            .into_iter()
            .filter(|entry| owned.contains(&entry.pid))
            .collect()
    }

    /// Whether a child of this host that is nobody's leader is an orphan of this task. One that wiped its environment is known by its mark.
    /// One that has changed that, too, and began a session of its own can only be told to be ours when no other task runs; it is left until
    /// then.
    fn owns_orphan(&self, entry: &Entry, alone: bool) -> bool {
        if let Some(task_run) = entry.task_run() {
            return task_run == self.task_run;
        }
        match Mark::read(entry.pid) {
            Some(mark) => mark == Mark::of(&self.task_run),
            None => alone && !entry.zombie && in_session_of_its_own(entry),
        }
    }
}

/// A task that is dropped before its leader was reaped (a panic, a launch that nobody waits for any more) leaves nothing running.
impl Drop for Descendants {
    fn drop(&mut self) {
        if self.leader_held {
            self.kill();
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            let _ = rustix::process::waitid(WaitId::Pid(self.leader), ended);
            table::leaders().remove(&self.leader.as_raw_pid());
        }
    }
}

/// Takes ended orphans of any task out of the table, so that a long task with many of them does not fill it. A child that another
/// part of this host started is not touched: it shares the host's session and no task's group.
pub(super) fn reap_orphans() {
    let leaders = table::leaders().clone();
    let host = rustix::process::getpid().as_raw_pid();
    reap_strays(&table::since(0, false, &leaders), &leaders, host);
}

fn reap_strays(entries: &[Entry], leaders: &BTreeSet<i32>, host: i32) {
    for entry in entries {
        let orphan = entry.zombie && entry.parent == host && !leaders.contains(&entry.pid);
        if orphan && (leaders.contains(&entry.group) || in_session_of_its_own(entry)) {
            entry.reap();
        }
    }
}

/// The host's session is read from the table, where it is 0 if its leader lives outside of this container: the system call's answer
/// has no room for that.
fn in_session_of_its_own(entry: &Entry) -> bool {
    let host = rustix::process::getpid().as_raw_pid();
    Entry::read(host).is_some_and(|host| host.session != entry.session)
}

/// Whether the host is among the ancestors. Those that are not in the table's part at hand are looked up.
fn descends_from(host: i32, entry: &Entry, by_pid: &BTreeMap<i32, &Entry>) -> bool {
    let mut parent = entry.parent;
    // A chain longer than this is not one that a task builds.
    for _ in 0..1_000 {
        if parent == host {
            return true;
        }
        if parent <= 1 {
            return false;
        }
        parent = match by_pid.get(&parent) {
            Some(entry) => entry.parent,
            None => match Entry::read(parent) {
                Some(entry) => entry.parent,
                None => return false,
            },
        };
    }
    false
}
