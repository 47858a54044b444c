//! Tasks as children of a small process beside this host, which goes on when the host dies: no program is lost with it, and none runs twice.
//!
//! The supervisor is this very program, run again. It owns the pipes, the process groups and, while no host follows, the time of the
//! tasks that it was told to start; all that they say and how they end goes to one file each, the *spool*, in the private directory of the
//! task run. The host reads the spool, and a later host reads it from its beginning.
//!
//! What makes "exactly once" of it:
//!
//! - The host names the supervisor in the spool before it asks for the launch, and the supervisor enters there that it is about to start
//!   the program before it does. So a spool without that entry says that nothing was started, once the supervisor has been asked or is gone.
//! - The supervisor's socket was there before the supervisor, and it serves one host after the other, each to its last byte. So whoever
//!   reaches it has its question answered after all that an earlier host asked; whoever does not, knows that it has ended.

mod care;
mod client;
mod conversation;
mod followed;
mod serve;
mod spool;
mod take_up;
mod wire;

pub use client::{ARGUMENT, Supervisors};
pub use serve::serve;
pub(super) use take_up::{launch, take_up};

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use taffrail_engine::workdir::LEFT_OF_FILE;

/// So many messages that are there at once are sent together at most.
const TOGETHER: usize = 64;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names this machine's run: what it was before it was started again, nothing of this run knows.
fn boot() -> &'static str {
    static BOOT: LazyLock<String> = LazyLock::new(|| {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|id| id.trim().to_owned())
            .unwrap_or_default()
    });
    &BOOT
}

/// Nanoseconds of the clock that only goes on, the same for all processes of this run of the machine.
fn clock() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Whether a socket's other end belongs to this very user.
fn is_ours(stream: &impl AsFd) -> bool {
    let peer = rustix::net::sockopt::socket_peercred(stream);
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// Whether an earlier host asked for the launch of a program in this private directory of a task run.
pub fn has_left(private_dir: &Path) -> bool {
    let spool = std::fs::symlink_metadata(spool_in(private_dir));
    spool.is_ok_and(|spool| spool.len() > LEFT_OF_FILE)
}

/// The file of a task run's output, in its private directory.
fn spool_in(private_dir: &Path) -> std::path::PathBuf {
    private_dir.join("spool")
}
