//! A control group (version 2) of its own for each task, where this process may make one: then all that descends from a task is known and
//! ended at once, whatever it did to hide. Where there is none, processes are found as before.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Pid, getpid};

use super::table;

/// Beginning of the names of the groups that hold those of one process's tasks; its number follows.
const OURS: &str = "taffrail-";

/// The group of one task.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
}

/// This process's own group in the hierarchy of version 2, where that is mounted so that it can be written.
fn own() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let (mount, root) = mounted(&mounts)?;
    let own = group_of(getpid().as_raw_pid())?;
    let below = Path::new(&own).strip_prefix(&root).ok()?;
    Some(mount.join(below))
}

/// Where the hierarchy is mounted, and which group of it stands there.
fn mounted(mounts: &str) -> Option<(PathBuf, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        if after.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = before.split(' ').skip(3);
        let (root, mount) = (fields.next()?, fields.next()?);
        Some((unescaped(mount), unescaped(root)))
    })
}

/// The kernel writes blanks and backslashes of paths in octal.
fn unescaped(path: &str) -> PathBuf {
    let path = path
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n");
    path.replace("\\134", "\\").into()
}

/// The group that holds those of this process's tasks; none where that could not be made.
static PARENT: OnceLock<Option<PathBuf>> = OnceLock::new();

/// The group that holds those of this process's tasks. Made once; none where that cannot be.
fn parent() -> Option<&'static Path> {
    PARENT
        .get_or_init(|| {
            let own = own()?;
            sweep(&own);
            let parent = own.join(format!("{OURS}{}", getpid().as_raw_pid()));
            fs::create_dir(&parent).ok()?;
            // Kernels before 5.14 cannot end a group.
            if parent.join("cgroup.kill").exists() {
                return Some(parent);
            }
            let _ = fs::remove_dir(&parent);
            None
        })
        .as_deref()
}

/// Where this process may make groups for tasks; none where it may not. Makes one and removes it.
pub fn place_of_groups() -> Option<PathBuf> {
    let own = own()?;
    parent()?;
    close();
    Some(own)
}

/// The process that made a group of this name to hold those of its tasks; none where the group is somebody else's, however its name begins.
fn maker_of(name: &OsStr) -> Option<u32> {
    let number = name.to_str()?.strip_prefix(OURS)?;
    let pid = number.parse().ok()?;
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(pid)
}

/// Removes what processes have left that are not there any more, among them one that had this one's number. What still runs in there stays.
fn sweep(own: &Path) {
    let this = getpid().as_raw_pid().unsigned_abs();
    let is_gone = |pid: u32| pid == this || !Path::new("/proc").join(pid.to_string()).exists();
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        if maker_of(&entry.file_name()).is_some_and(is_gone) {
            remove_with_groups(&entry.path());
        }
    }
}

fn remove_with_groups(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
    let _ = fs::remove_dir(path);
}

/// Removes the group that holds those of this process's tasks, when it has no more of them.
pub(super) fn close() {
    if let Some(Some(parent)) = PARENT.get() {
        remove_with_groups(parent);
    }
}

/// Ends all that runs in the groups below this process's own that task runs have of which this is so, whichever process made them.
pub(super) fn end_left(is_one: impl Fn(&str) -> bool) {
    let folders = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    };
    let Some(own) = own() else { return };
    let ours = folders(&own).filter(|entry| maker_of(&entry.file_name()).is_some());
    for group in ours.flat_map(|entry| folders(&entry.path()).collect::<Vec<_>>()) {
        if is_one(&task_run_of(&group.file_name().to_string_lossy())) {
            let _ = fs::write(group.path().join("cgroup.kill"), "1");
        }
    }
}

/// The name of a task run's group: no part of a task run has a colon in it.
fn name_of(task_run: &str) -> String {
    task_run.replace('/', ":")
}

fn task_run_of(name: &str) -> String {
    name.replace(':', "/")
}

/// The children of a process, whichever of its threads started them.
fn children_of(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|listed| {
            let pids = listed.split_ascii_whitespace();
            pids.filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

/// The group of a process.
fn group_of(pid: i32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(group.to_owned())
}

impl Cgroup {
    /// Makes one for a task run.
    pub(super) fn make(task_run: &str) -> Option<Self> {
        let path = parent()?.join(name_of(task_run));
        match fs::create_dir(&path) {
            Ok(()) => Some(Cgroup { path }),
            Err(error) => {
                tracing::debug!("no control group `{}`: {error}", path.display());
                None
            }
        }
    }

    /// Moves a leader into it, where that is still in the table, and all that descends from it. Of what has lost its parent and is in no
    /// group of a task, `is_ours` tells whether it is this one's. `others` are the other leaders.
    ///
    /// # Errors
    /// When processes cannot be moved into it.
    pub(super) fn enter(
        &self,
        leader: Option<Pid>,
        others: &BTreeSet<i32>,
        is_ours: impl Fn(i32) -> bool,
    ) -> io::Result<()> {
        let own = LazyCell::new(|| group_of(getpid().as_raw_pid()));
        let mut known = others.clone();
        let mut open = Vec::new();
        if let Some(leader) = leader.map(Pid::as_raw_pid) {
            match self.add(leader) {
                // It has ended, but for its entry in the table.
                Err(error) if error.raw_os_error() != Some(Errno::SRCH.raw_os_error()) => {
                    return Err(error);
                }
                _ => {}
            }
            known.insert(leader);
            open.push(leader);
        }
        // What a process starts once it is in the group is in there as well.
        loop {
            let next = open.pop();
            let mut found = next.map(children_of).unwrap_or_default();
            if open.is_empty() {
                let strays = table::orphans(&known).unwrap_or_default();
                let outside = |pid: i32| group_of(pid) == *own;
                found.extend(
                    strays
                        .into_iter()
                        .filter(|pid| outside(*pid) && is_ours(*pid)),
                );
            }
            for child in found {
                if known.insert(child) {
                    // It may have ended.
                    let _ = self.add(child);
                    open.push(child);
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    fn add(&self, pid: i32) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.to_string())
    }

    /// The processes in it.
    pub(super) fn processes(&self) -> Vec<i32> {
        let listed = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        listed.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Ends all of them, also those that are just being started.
    pub(super) fn kill(&self) {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
    }

    /// Whether none of its processes runs.
    pub(super) fn is_empty(&self) -> bool {
        let events = fs::read_to_string(self.path.join("cgroup.events"));
        events.is_ok_and(|events| events.lines().any(|line| line == "populated 0"))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // What does not end stays in it, and so does the group.
        if let Err(error) = fs::remove_dir(&self.path) {
            tracing::debug!("the control group `{}` stays: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_this_program_are_taken_for_its_own() {
        let check = |name: &str, expected: Option<u32>| {
            assert_eq!(maker_of(OsStr::new(name)), expected, "{name}");
        };
        check("taffrail-1", Some(1));
        check("taffrail-4194304", Some(4_194_304));
        check("taffrail-", None);
        check("taffrail-ci", None);
        check("taffrail-1.service", None);
        check("taffrail-+1", None);
        check("taffrail-1-2", None);
        check("taffrail", None);
        check("1", None);
    }

    #[test]
    fn only_what_nobody_uses_any_more_is_removed() {
        let own = tempfile::tempdir().unwrap();
        // No number of a process is as great as that.
        let gone = format!("{OURS}4194305");
        let this = format!("{OURS}{}", getpid().as_raw_pid());
        let others = ["taffrail-1", "taffrail-ci", "elsewhere"];
        for name in [&*gone, &*this].into_iter().chain(others) {
            fs::create_dir_all(own.path().join(name).join("e:r:1")).unwrap();
        }
        sweep(own.path());
        let left = fs::read_dir(own.path()).unwrap();
        let left: BTreeSet<_> = left
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left, others.map(str::to_owned).into());
    }

    #[test]
    fn the_hierarchy_is_found_among_mounts() {
        let check = |mounts: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(mount, root)| (mount.into(), root.into()));
            assert_eq!(mounted(mounts), expected, "{mounts}");
        };
        check("", None);
        check("30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro", None);
        check(
            "30 23 0:26 / /a rw - tmpfs t rw\n31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw",
            Some(("/sys/fs/cgroup", "/")),
        );
        check(
            "31 23 0:27 /user.slice /mnt/a\\040b rw - cgroup2 none rw",
            Some(("/mnt/a b", "/user.slice")),
        );
    }
}
