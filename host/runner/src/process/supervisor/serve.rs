//! The supervisor's own process: it serves one host after the other, and ends when it has neither a host nor a running task.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::care::{Care, Command};
use super::conversation::{self, Speaking};
use super::wire::{Ask, Tell, encode, receive};
use super::{TOGETHER, is_ours, lock};
use crate::process::{cgroup, table};

/// How long the host that started it may take to be there: it is, before the supervisor is started.
const FIRST_HOST: Duration = Duration::from_secs(10);

/// What is to be told to the host.
pub(super) enum News {
    Tell(Tell),
    /// Something was written to a task's spool.
    Wrote(Arc<Care>),
}

/// What all parts of the process share.
pub(super) struct Shared {
    /// The tasks that run or were not forgotten, by their spools.
    tasks: Mutex<HashMap<OsString, Arc<Care>>>,
    /// The way to the host, where there is one.
    host: Mutex<Option<UnboundedSender<News>>>,
    /// Whether a host follows.
    pub(super) followed: watch::Sender<bool>,
    /// How many tasks run.
    pub(super) running: watch::Sender<usize>,
}

impl Shared {
    /// Tells the host something, where there is one.
    pub(super) fn tell(&self, news: News) {
        if let Some(host) = &*lock(&self.host) {
            // A host that has gone is noticed where it is read from.
            let _ = host.send(news);
        }
    }

    /// Forgets a task.
    pub(super) fn forget(&self, care: &Arc<Care>) {
        lock(&self.tasks).remove(&care.spool);
    }
}

/// Runs a supervisor in this process, to its end. `socket`, the standard input that it was started with, is where hosts ask; whoever
/// started it is connected already.
///
/// # Errors
/// When it was not started by a host, or the system gives it no resources.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    let listener = std::os::unix::net::UnixListener::from(socket);
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    // Its own session: the terminal's signals are for the host.
    let _ = rustix::process::setsid();
    rustix::process::chdir("/")?;
    table::become_subreaper();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(accept(listener));
    // What goes on in its threads may still make groups.
    drop(runtime);
    cgroup::close();
    served
}

async fn accept(listener: std::os::unix::net::UnixListener) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let shared = Arc::new(Shared {
        tasks: Mutex::default(),
        host: Mutex::default(),
        followed: watch::Sender::new(true),
        running: watch::Sender::new(0),
    });
    tokio::spawn(heed_signals(Arc::clone(&shared))?);
    let Ok(first) = tokio::time::timeout(FIRST_HOST, first_host(&listener)).await else {
        return Ok(());
    };
    serve_host(&shared, first?).await;
    let mut running = shared.running.subscribe();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if is_ours(&stream) => serve_host(&shared, stream).await,
                Ok(_) => {}
                // One connection that came to nothing is not the end of the others.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            _ = running.wait_for(|running| *running == 0) => return Ok(()),
        }
    }
}

/// The host that started it; not somebody else who was quick to find the socket.
async fn first_host(listener: &UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        if is_ours(&stream) {
            return Ok(stream);
        }
    }
}

/// A signal is the host's to heed as long as there is one. Without one it asks all tasks to end, as it would a host's.
fn heed_signals(shared: Arc<Shared>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        loop {
            let came = tokio::select! {
                came = terminate.recv() => came,
                came = hang_up.recv() => came,
                came = interrupt.recv() => came,
            };
            if came.is_none() {
                return;
            }
            if !*shared.followed.borrow() {
                for care in lock(&shared.tasks).values() {
                    care.command(Command::EndInTime);
                }
            }
        }
    })
}

/// Serves one host until it has gone.
async fn serve_host(shared: &Arc<Shared>, stream: UnixStream) {
    let halves = stream.into_std().and_then(conversation::split);
    // A host that cannot be heard has as good as gone, and sees that it is not answered.
    let Ok((mut listening, mut speaking)) = halves else {
        return;
    };
    let (sender, receiver) = unbounded_channel();
    *lock(&shared.host) = Some(sender);
    shared.followed.send_replace(true);
    let telling = tokio::spawn(async move { tell_all(receiver, &mut speaking).await });
    let mut tasks = HashMap::new();
    // A message that makes no sense ends the conversation, as the host's death does: the tasks go on.
    while let Ok(Some(ask)) = receive::<Ask>(&mut listening).await {
        heed(shared, &mut tasks, ask);
    }
    *lock(&shared.host) = None;
    telling.abort();
    shared.followed.send_replace(false);
}

fn heed(shared: &Arc<Shared>, tasks: &mut HashMap<u64, Arc<Care>>, ask: Ask) {
    let command = |tasks: &HashMap<u64, Arc<Care>>, task: u64, command: Command, none: Tell| {
        match tasks.get(&task) {
            Some(care) if care.command(command) => {}
            // It is over, and nothing of it is left.
            _ => shared.tell(News::Tell(none)),
        }
    };
    match ask {
        Ask::Launch(task, order) => {
            let care = Care::start(shared, task, *order);
            lock(&shared.tasks).insert(care.spool.clone(), Arc::clone(&care));
            tasks.insert(task, care);
        }
        Ask::TakeUp(task, spool) => {
            let known = lock(&shared.tasks).get(&OsString::from(spool)).cloned();
            let Some(care) = known else {
                return shared.tell(News::Tell(Tell::Unknown(task)));
            };
            care.number.store(task, Ordering::Relaxed);
            care.follow_anew();
            shared.tell(News::Tell(Tell::Known(task)));
            shared.tell(News::Wrote(Arc::clone(&care)));
            tasks.insert(task, care);
        }
        Ask::Stop(task, hard) => {
            let none = Tell::Stopped(task, None);
            command(tasks, task, Command::Stop { hard }, none);
        }
        Ask::Read(task, position) => {
            if let Some(care) = tasks.get(&task) {
                care.read.send_replace(position);
            }
        }
        Ask::Taken(task) => {
            if let Some(care) = tasks.get(&task) {
                care.command(Command::Taken);
            }
        }
        Ask::Release(task) => {
            command(tasks, task, Command::Release, Tell::Released(task, None));
            tasks.remove(&task);
        }
        Ask::Forget(task) => {
            if let Some(care) = tasks.remove(&task) {
                care.command(Command::Forget);
            }
        }
    }
}

async fn tell_all(mut receiver: UnboundedReceiver<News>, speaking: &mut Speaking) {
    let (mut news, mut said) = (Vec::new(), Vec::new());
    while receiver.recv_many(&mut news, TOGETHER).await > 0 {
        said.clear();
        for news in news.drain(..) {
            let tell = match news {
                News::Tell(tell) => tell,
                News::Wrote(care) => {
                    // From here on, what is written is news again.
                    care.noticed.store(false, Ordering::SeqCst);
                    let length = care.length.load(Ordering::SeqCst);
                    Tell::Wrote(care.number.load(Ordering::Relaxed), length)
                }
            };
            if encode(&tell, &mut said).is_err() {
                return;
            }
        }
        if speaking.say(&said).await.is_err() {
            return;
        }
    }
}
