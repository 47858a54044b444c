//! Measuring processes from outside: wall time, processor time, memory; participants in turn, medians.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions};

/// How often a measurement is repeated.
#[derive(Debug, Clone, Copy)]
pub enum Rounds {
    /// For a quick look.
    Few,
    /// For figures that are written down.
    Many,
}

impl Rounds {
    /// As many as were named for this case.
    pub fn pick(self, few: usize, many: usize) -> usize {
        match self {
            Rounds::Few => few,
            Rounds::Many => many,
        }
    }
}

/// One way to do a scenario.
pub type Participant<'a> = &'a mut dyn FnMut() -> Duration;

/// The medians of the participants, who take turns in every round. A first round only warms up.
pub fn medians<const N: usize>(
    rounds: usize,
    mut participants: [Participant<'_>; N],
) -> [Duration; N] {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..=rounds {
        for (participant, times) in participants.iter_mut().zip(&mut times) {
            let time = participant();
            if round > 0 {
                times.push(time);
            }
        }
    }
    times.map(median)
}

/// The middle of some times.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Runs a command to its end and gives the wall time from before its start. It must succeed.
pub fn wall(mut command: Command) -> Duration {
    let started = Instant::now();
    let status = command.status().expect("the program can be started");
    let time = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    time
}

/// The processor time of a command with one thread. It must succeed.
pub fn processor(mut command: Command) -> Duration {
    let mut child = command.spawn().expect("the program can be started");
    let pid = Pid::from_child(&child);
    // Ended but not reaped, its entry in the table still tells.
    rustix::process::waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
    .expect("an own child");
    // In nanoseconds, unlike the ticks of `stat`.
    let told =
        std::fs::read_to_string(format!("/proc/{pid}/schedstat", pid = pid.as_raw_nonzero()));
    let status = child.wait().expect("an own child");
    assert!(status.success(), "{command:?}: {status}");
    let nanoseconds = told
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the kernel tells what a process used"))
}

/// How a command ended whose output was read and thrown away.
pub struct Flood {
    /// From before the start to after the end.
    pub time: Duration,
    /// The largest resident memory that was seen, in bytes.
    pub peak: u64,
    /// How much there was to read.
    pub bytes: u64,
}

/// Runs a command, throws away what it prints, and watches its memory.
pub fn discard(mut command: Command) -> Flood {
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let pid = child.id();
    let mut pipe = child.stdout.take().expect("it is piped");
    // As a reader in a hurry would; the program's own end is none of our business.
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1024 * 1024);
    let mut buffer = vec![0; 1024 * 1024];
    let mut bytes = 0;
    let ended = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        // Not only when it prints something: it may say nothing at all.
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(high_water(pid).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(5));
            }
            peak
        });
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            bytes += length as u64;
        }
        ended.store(true, Ordering::Relaxed);
        watch.join().expect("it only looks")
    });
    let status = child.wait().expect("an own child");
    let time = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    Flood { time, peak, bytes }
}

/// The largest resident memory of a living process so far, in bytes.
pub fn high_water(pid: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// A whole process: how long it took, the largest memory of it and its children in bytes, and how it ended.
pub fn watched(mut command: Command) -> (Duration, u64, ExitStatus) {
    let began = Instant::now();
    let mut child = command.spawn().expect("the program can be started");
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("an own child") {
            break status;
        }
        peak = peak.max(family(child.id()));
        std::thread::sleep(Duration::from_millis(2));
    };
    (began.elapsed(), peak, status)
}

/// The largest memory of a process and its children so far, in bytes.
fn family(process: u32) -> u64 {
    std::iter::once(process)
        .chain(children(process))
        .filter_map(high_water)
        .sum()
}

/// The children of a process, whichever of its threads started them.
pub fn children(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let listed: String = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .collect();
    listed
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// The memory of a living process, what it shares with others counted in proportion, in bytes.
pub fn proportional(pid: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}

/// A started command that has printed `ready`; it is ended when dropped.
pub struct Ready(Child);

impl Ready {
    /// Starts a command and waits until it prints `ready`.
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().expect("the program can be started");
        let mut pipe = child.stdout.take().expect("it is piped");
        let (mut printed, mut buffer) = (Vec::new(), [0; 4096]);
        while !printed.windows(5).any(|window| window == b"ready") {
            match pipe.read(&mut buffer) {
                Ok(length @ 1..) => printed.extend_from_slice(&buffer[..length]),
                _ => panic!("{command:?} ended before it was ready"),
            }
        }
        child.stdout = Some(pipe);
        Self(child)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process_group(
            Pid::from_child(&self.0),
            rustix::process::Signal::TERM,
        );
        let _ = self.0.wait();
    }
}

/// The machine's load, as the system tells it.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}
