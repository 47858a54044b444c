//! The system's table of processes, as far as this host needs it: who is whose child, and who is still the same process.

use std::collections::BTreeSet;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use rustix::fs::{Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

/// Set for every task and inherited by all that descends from it, so that processes that left their group and their parent are
/// still known as the task's: `<execution>/<task run>/<attempt>`.
pub const TASK_RUN_VARIABLE: &str = "TAFFRAIL_TASK_RUN";

/// The kernel lists the processes of `/proc` by number, and this far behind its fixed entries.
const FIRST_PROCESS_POSITION: u64 = 257;

/// The kernel's mark of a process that is ending, among the flags in `stat`.
const EXITING: u32 = 0x4;

/// Makes this process the one that orphans of its tasks become children of. Once for the process.
pub(super) fn become_subreaper() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            tracing::warn!(%error, "processes that leave their task cannot be found: no subreaper");
        }
    });
}

/// The numbers of all task leaders that are not reaped yet. Nobody but their own task may reap them. Whoever holds them may not wait for an
/// [`Enclosure`](super::enclosure::Enclosure), which waits for them.
pub(super) fn leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One process as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// In ticks since the machine started; with the number it names a process for good.
    pub(super) started: u64,
    pub(super) zombie: bool,
    /// It is on its way out by itself: it has closed or is about to close what it held.
    pub(super) exiting: bool,
    pub(super) name: String,
}

/// How often, and how far apart, an empty environment is looked at again.
const EXCHANGE_LOOKS: usize = 20;
const EXCHANGE_PAUSE: std::time::Duration = std::time::Duration::from_micros(250);

impl Entry {
    /// Looks at one process; none if there is no such process any more.
    pub(super) fn read(pid: i32) -> Option<Entry> {
        let mut bytes = [0; 1024];
        let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
        let length = file.read(&mut bytes).ok()?;
        Entry::parse(&bytes[..length])
    }

    fn parse(line: &[u8]) -> Option<Entry> {
        // The name stands in parentheses and may hold anything, parentheses too.
        let open = memchr_first(line, b'(')?;
        let close = line.iter().rposition(|&byte| byte == b')')?;
        let pid = std::str::from_utf8(&line[..open])
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let name = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
        let mut fields = std::str::from_utf8(&line[close + 1..])
            .ok()?
            .split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let flags: u32 = fields.nth(2)?.parse().ok()?;
        let started = fields.nth(12)?.parse().ok()?;
        Some(Entry {
            pid,
            parent,
            group,
            session,
            started,
            zombie: matches!(state, "Z" | "X"),
            exiting: flags & EXITING != 0,
            name,
        })
    }

    /// What the task's variable holds in the environment of the process; none if it is not there or may not be read.
    pub(super) fn task_run(&self) -> Option<String> {
        let path = format!("/proc/{}/environ", self.pid);
        let mut environment = std::fs::read(&path).ok()?;
        // While a process exchanges its program, its environment reads as empty; one that is empty stays so.
        for _ in 0..EXCHANGE_LOOKS {
            if !environment.is_empty() || self.zombie {
                break;
            }
            std::thread::sleep(EXCHANGE_PAUSE);
            environment = std::fs::read(&path).ok()?;
        }
        environment.split(|&byte| byte == 0).find_map(|variable| {
            let value = variable
                .strip_prefix(TASK_RUN_VARIABLE.as_bytes())?
                .strip_prefix(b"=")?;
            Some(String::from_utf8_lossy(value).into_owned())
        })
    }

    /// Sends a signal, but only to the very process that was looked at: the number is held fast and then compared.
    pub(super) fn signal(&self, signals: &[Signal]) {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return;
        };
        let Ok(held) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        if Entry::read(self.pid).is_none_or(|now| now.started != self.started) {
            return;
        }
        for signal in signals {
            // It may have ended in between, which is what was wanted.
            let _ = rustix::process::pidfd_send_signal(&held, *signal);
        }
    }

    /// Takes the entry of an ended child of this host out of the table.
    pub(super) fn reap(&self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = rustix::process::waitid(
                WaitId::Pid(pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
        }
    }
}

fn memchr_first(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|&byte| byte == wanted)
}

/// Whether this host has no child at all, ended or not: then no task left anything.
pub(super) fn has_no_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(
        rustix::process::waitid(WaitId::All, options),
        Err(Errno::CHILD)
    )
}

/// The children of this host that are not among the leaders: orphans of its tasks, and what another part of the host started. None
/// where the kernel does not tell (`CONFIG_PROC_CHILDREN`).
///
/// The kernel keeps children by thread. Orphans go to the first living thread of the process that takes them in, which is the main
/// one (`find_new_reaper` in `kernel/exit.c`), so its list is enough. It leaves out an entry only if another one is reaped while it
/// is read; whoever asks is who reaps.
pub(super) fn orphans(leaders: &BTreeSet<i32>) -> Option<Vec<i32>> {
    let host = rustix::process::getpid().as_raw_pid();
    let listed = std::fs::read_to_string(format!("/proc/self/task/{host}/children")).ok()?;
    let children = listed.split_ascii_whitespace();
    Some(
        children
            .filter_map(|pid| pid.parse().ok())
            .filter(|pid| !leaders.contains(pid))
            .collect(),
    )
}

/// All processes that may have been started after the given one, and that one too where it is still there. With `recent`, only a
/// part of the table is read where the kernel allows it; call it so only for a process that was started a moment ago. Those
/// named in `without` are not looked at.
pub(super) fn since(pid: i32, recent: bool, without: &BTreeSet<i32>) -> Vec<Entry> {
    let from =
        if recent && listing_can_start_at_a_process() && last_pid().is_some_and(|last| last >= pid)
        {
            pid
        } else {
            0
        };
    pids(from)
        .into_iter()
        .filter(|pid| !without.contains(pid))
        .filter_map(Entry::read)
        .collect()
}

/// The number that was given to a process last. If it is smaller than an older one, the numbers started over.
fn last_pid() -> Option<i32> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().nth(4)?.parse().ok()
}

/// Whether the kernel orders and positions `/proc` the way that [`pids`] makes use of; tried with this very process.
fn listing_can_start_at_a_process() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let own = rustix::process::getpid().as_raw_pid();
        pids(own).first() == Some(&own)
    })
}

/// The numbers of all processes from this one on.
fn pids(from: i32) -> Vec<i32> {
    let Ok(folder) = open_table() else {
        return Vec::new();
    };
    if from > 0 {
        let position = FIRST_PROCESS_POSITION + u64::from(from.unsigned_abs());
        if rustix::fs::seek(&folder, SeekFrom::Start(position)).is_err() {
            return Vec::new();
        }
    }
    let mut found = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 8 * 1024];
    let mut listing = RawDir::new(&folder, &mut buffer);
    while let Some(Ok(entry)) = listing.next() {
        if let Some(pid) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse().ok())
        {
            found.push(pid);
        }
    }
    found
}

fn open_table() -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(
        "/proc",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_whatever_the_name() {
        let check = |name: &str| {
            let line =
                format!("42 ({name}) S 7 42 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 9 9");
            let expected = Entry {
                pid: 42,
                parent: 7,
                group: 42,
                session: 3,
                started: 987_654,
                zombie: false,
                exiting: false,
                name: name.to_owned(),
            };
            assert_eq!(Entry::parse(line.as_bytes()), Some(expected));
        };
        check("sh");
        check("a b) Z 1 (c");
        assert_eq!(Entry::parse(b""), None);
        assert_eq!(Entry::parse(b"42 (sh) S 7"), None);
        assert_eq!(Entry::parse(b"(("), None);
    }

    #[test]
    fn an_orphan_is_told_from_a_leader() {
        become_subreaper();
        // A child of a thread beside the main one is in nobody's list but that thread's.
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut output = shell.stdout.take().unwrap();
        output.read_to_string(&mut said).unwrap();
        shell.wait().unwrap();
        let orphan: i32 = said.trim().parse().unwrap();
        let Some(found) = orphans(&BTreeSet::new()) else {
            return;
        };
        assert!(found.contains(&orphan), "{orphan} in {found:?}");
        let others = orphans(&BTreeSet::from([orphan])).unwrap();
        assert!(!others.contains(&orphan), "{orphan} in {others:?}");
        let entry = Entry::read(orphan).unwrap();
        entry.signal(&[Signal::KILL]);
        rustix::process::waitid(
            WaitId::Pid(Pid::from_raw(orphan).unwrap()),
            WaitIdOptions::EXITED,
        )
        .unwrap();
    }

    #[test]
    fn this_process_is_in_the_table() {
        let own = rustix::process::getpid().as_raw_pid();
        let entry = Entry::read(own).unwrap();
        assert_eq!(entry.pid, own);
        assert!(!entry.zombie);
        assert!(
            since(own, false, &BTreeSet::new())
                .iter()
                .any(|other| other.pid == own)
        );
        let recent = since(own, true, &BTreeSet::new());
        assert!(recent.iter().any(|other| other.pid == own));
        // Once the numbers have started over, the whole table is read.
        if last_pid().is_some_and(|last| last >= own) {
            assert_eq!(recent.first().map(|other| other.pid), Some(own));
        }
        assert_eq!(Entry::read(-1), None);
    }
}
