//! Standard output and standard error of a run, which does not stand still when nobody reads them.
//!
//! What can be written at once is. The rest waits in memory for a thread that writes it, and whoever makes more of it asks for
//! [`room`] first, so that timeouts and signals are heeded all the time. Once the program is to end, what nobody takes is left out.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use taffrail_engine::ports::BoxFuture;
use tokio::sync::Notify;

/// So much waits before whoever makes more is asked to wait, in bytes.
const FULL: usize = 256 * 1024;

/// So much is written in one go by the thread, in bytes: the end of each is a sign that somebody reads.
const PIECE: usize = 4 * 1024;

/// How long nobody may read before a program that is to end leaves out the rest.
const PATIENCE: Duration = Duration::from_secs(1);

/// The first major number of pseudo terminals, and how many there are.
const TERMINALS: std::ops::Range<u32> = 136..144;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Writes to one of them. That the reader has gone or that there is no space is no error here; see [`failure`].
pub fn write(to: To, bytes: &[u8]) {
    outlet(to).write(bytes);
}

/// One of them as a writer, for what knows only those. Takes whatever it is given.
#[derive(Debug, Clone, Copy)]
pub struct Writer(pub To);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What to wait for before more is made to be written; none where there is room.
pub fn room() -> Option<BoxFuture<'static, ()>> {
    let full = all().find(|outlet| outlet.is_full())?;
    Some(Box::pin(full.has_room()))
}

/// From here on the program is to end: nobody is waited for who does not read.
pub fn hurry() {
    HURRIED.store(true, Ordering::Relaxed);
    for outlet in all() {
        outlet.told.notify_waiters();
        outlet.moved.notify_all();
    }
}

/// Waits until all is written or, once the program is to end, nobody reads. Says whether all was.
pub async fn settled() -> bool {
    let mut whole = true;
    for outlet in all() {
        whole &= outlet.settled().await;
    }
    whole
}

/// As [`settled`], for a program that has no runtime any more.
pub fn settle() {
    for outlet in all() {
        outlet.settle();
    }
}

/// Why something could not be written, other than that the reader has gone.
pub fn failure(to: To) -> Option<io::Error> {
    outlet(to).lock().failure.map(io::Error::from)
}

static HURRIED: AtomicBool = AtomicBool::new(false);
static STDOUT: OnceLock<Outlet> = OnceLock::new();
/// None where both lead to the same place, so that lines keep their order and are not torn.
static STDERR: OnceLock<Option<Outlet>> = OnceLock::new();

fn outlet(to: To) -> &'static Outlet {
    let stdout = || STDOUT.get_or_init(|| Outlet::new(To::Stdout));
    match to {
        To::Stdout => stdout(),
        To::Stderr => {
            let own = STDERR.get_or_init(|| {
                let stderr = Outlet::new(To::Stderr);
                (stderr.place.is_none() || stderr.place != stdout().place).then_some(stderr)
            });
            own.as_ref().unwrap_or_else(stdout)
        }
    }
}

/// Those that were written to.
fn all() -> impl Iterator<Item = &'static Outlet> {
    let stderr = STDERR.get().and_then(Option::as_ref);
    STDOUT.get().into_iter().chain(stderr)
}

fn is_hurried() -> bool {
    HURRIED.load(Ordering::Relaxed)
}

/// One place that is written to.
struct Outlet {
    to: To,
    /// What a write that does not wait is made to; none where there is no such write, and the thread does all of them.
    at_once: Option<AtOnce>,
    /// Which pipe, terminal or socket it is. Files and devices that never keep anybody waiting are none.
    place: Option<(u64, u64)>,
    waiting: Mutex<Waiting>,
    /// More is waiting, less is waiting, or the program is to end: for threads.
    moved: Condvar,
    /// The same for futures.
    told: Notify,
    full: AtomicBool,
}

enum AtOnce {
    /// It never keeps anybody waiting.
    Itself,
    /// The same pipe or terminal, opened once more: whether writes wait belongs to what was opened, which other programs share.
    Again(OwnedFd),
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// How many more the thread is writing.
    being_written: usize,
    /// When the last piece was taken, or the first began to wait.
    moved: Option<Instant>,
    has_thread: bool,
    reader_has_gone: bool,
    left_out: bool,
    failure: Option<Errno>,
}

impl Waiting {
    fn len(&self) -> usize {
        self.bytes.len() + self.being_written
    }

    /// Whether the program is to end, and nobody reads.
    fn is_given_up(&self) -> bool {
        is_hurried() && self.moved.is_some_and(|moved| moved.elapsed() >= PATIENCE)
    }

    fn failed(&mut self, error: Errno) {
        if error == Errno::PIPE {
            self.reader_has_gone = true;
        } else {
            self.failure = Some(error);
        }
    }
}

impl Outlet {
    fn new(to: To) -> Self {
        let stat = with(to, |fd| rustix::fs::fstat(fd)).ok();
        let never_waits = stat.as_ref().is_none_or(never_waits);
        Self {
            to,
            at_once: match &stat {
                _ if never_waits => Some(AtOnce::Itself),
                Some(stat) => again(to, stat).map(AtOnce::Again),
                None => None,
            },
            place: stat
                .filter(|_| !never_waits)
                .map(|stat| (stat.st_dev, stat.st_ino)),
            waiting: Mutex::default(),
            moved: Condvar::new(),
            told: Notify::new(),
            full: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&'static self, bytes: &[u8]) {
        let mut waiting = self.lock();
        if waiting.reader_has_gone {
            return;
        }
        let mut rest = bytes;
        if waiting.len() == 0 {
            rest = self.write_at_once(bytes, &mut waiting);
        }
        if rest.is_empty() || waiting.reader_has_gone {
            return;
        }
        if waiting.len() == 0 {
            waiting.moved = Some(Instant::now());
        } else if waiting.len() >= FULL && waiting.is_given_up() {
            waiting.left_out = true;
            return;
        }
        waiting.bytes.extend_from_slice(rest);
        self.full.store(waiting.len() >= FULL, Ordering::Relaxed);
        if !waiting.has_thread {
            let thread = std::thread::Builder::new().name("outlet".to_owned());
            match thread.spawn(|| self.write_what_waits()) {
                Ok(_) => waiting.has_thread = true,
                Err(error) => {
                    waiting.bytes.clear();
                    waiting.left_out = true;
                    waiting.failure = Errno::from_io_error(&error);
                }
            }
        }
        drop(waiting);
        self.moved.notify_all();
    }

    /// Gives what cannot be written without waiting.
    fn write_at_once<'b>(&self, bytes: &'b [u8], waiting: &mut Waiting) -> &'b [u8] {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = match &self.at_once {
                Some(AtOnce::Itself) => with(self.to, |fd| rustix::io::write(fd, rest)),
                Some(AtOnce::Again(fd)) => rustix::io::write(fd, rest),
                None => return rest,
            };
            match written {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return rest,
                Err(error) => {
                    waiting.failed(error);
                    return &[];
                }
            }
        }
        rest
    }

    /// The thread: writes what waits for as long as the program lives.
    fn write_what_waits(&self) {
        let mut batch = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.bytes.is_empty() {
                waiting = self.wait(waiting, None);
            }
            batch.clear();
            std::mem::swap(&mut batch, &mut waiting.bytes);
            waiting.being_written = batch.len();
            drop(waiting);
            let mut rest = batch.as_slice();
            while !rest.is_empty() {
                let piece = &rest[..rest.len().min(PIECE)];
                let written = with(self.to, |fd| rustix::io::write(fd, piece));
                let mut waiting = self.lock();
                match written {
                    Ok(count) => rest = &rest[count..],
                    Err(Errno::INTR) => {}
                    // Somebody else opened it so that writes do not wait.
                    Err(Errno::AGAIN) => {
                        drop(waiting);
                        wait_until_writable(self.to);
                        waiting = self.lock();
                    }
                    Err(error) => {
                        waiting.failed(error);
                        rest = &[];
                    }
                }
                waiting.being_written = rest.len();
                waiting.moved = Some(Instant::now());
                if waiting.len() < FULL / 2 {
                    self.full.store(false, Ordering::Relaxed);
                }
                drop(waiting);
                self.told.notify_waiters();
                self.moved.notify_all();
            }
        }
    }

    fn wait<'m>(
        &self,
        waiting: MutexGuard<'m, Waiting>,
        patience: Option<Duration>,
    ) -> MutexGuard<'m, Waiting> {
        match patience {
            None => self
                .moved
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.moved.wait_timeout(waiting, patience);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) && !self.lock().is_given_up()
    }

    async fn has_room(&self) {
        loop {
            let mut told = std::pin::pin!(self.told.notified());
            told.as_mut().enable();
            if !self.is_full() {
                return;
            }
            reads(told).await;
        }
    }

    async fn settled(&self) -> bool {
        loop {
            let mut told = std::pin::pin!(self.told.notified());
            told.as_mut().enable();
            {
                let waiting = self.lock();
                if waiting.len() == 0 {
                    return !waiting.left_out;
                }
                if waiting.is_given_up() {
                    return false;
                }
            }
            reads(told).await;
        }
    }

    fn settle(&self) {
        let mut waiting = self.lock();
        while waiting.len() > 0 && !waiting.is_given_up() {
            waiting = self.wait(waiting, is_hurried().then_some(PATIENCE));
        }
    }
}

/// Waits until somebody has read, for some time only once the program is to end.
async fn reads(told: impl Future<Output = ()>) {
    if is_hurried() {
        // Late or not: what is there is looked at next.
        let _ = tokio::time::timeout(PATIENCE, told).await;
    } else {
        told.await;
    }
}

fn with<T>(to: To, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    match to {
        To::Stdout => work(io::stdout().as_fd()),
        To::Stderr => work(io::stderr().as_fd()),
    }
}

/// Whether it is a file, or a device such as `/dev/null`.
fn never_waits(stat: &Stat) -> bool {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::BlockDevice => true,
        // Memory devices: null, zero, full.
        FileType::CharacterDevice => rustix::fs::major(stat.st_rdev) == 1,
        _ => false,
    }
}

/// Opens it once more so that writes do not wait, where that gives the same: a pipe, or a pseudo terminal.
fn again(to: To, stat: &Stat) -> Option<OwnedFd> {
    let is_same = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => true,
        // Others give another one when they are opened.
        FileType::CharacterDevice => TERMINALS.contains(&rustix::fs::major(stat.st_rdev)),
        _ => false,
    };
    let number = match to {
        To::Stdout => 1,
        To::Stderr => 2,
    };
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = || rustix::fs::open(format!("/proc/self/fd/{number}"), flags, Mode::empty()).ok();
    is_same.then(open).flatten()
}

fn wait_until_writable(to: To) {
    use rustix::event::{PollFd, PollFlags, poll};
    with(to, |fd| {
        // Whatever it says, the next write says it better.
        let _ = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], None);
    });
}
