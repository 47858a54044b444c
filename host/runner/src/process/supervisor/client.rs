//! The host's side: starts supervisors, finds those of earlier hosts, and sorts what they tell by task.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream as StdStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use taffrail_engine::ports::RunnerError;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::spool::Head;
use super::wire::{Ask, Direct, Tell, encode, receive};
use super::{TOGETHER, conversation, is_ours, lock};

/// How long the end of a supervisor that nobody needs any more is waited for.
const ENDING: Duration = Duration::from_secs(2);

/// The first argument with which this program is run again as a supervisor.
pub const ARGUMENT: &str = "__supervise";

/// The supervisors that this host has to do with: its own, started when it is needed first, and those of earlier hosts.
pub struct Supervisors {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    /// The one that is being started before anybody has asked for it.
    early: Mutex<Option<JoinHandle<io::Result<Begun>>>>,
    own: tokio::sync::Mutex<Option<Arc<Connection>>>,
    others: tokio::sync::Mutex<HashMap<String, Arc<Connection>>>,
    children: Arc<Mutex<Vec<Child>>>,
}

impl std::fmt::Debug for Supervisors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Supervisors")
    }
}

/// A supervisor that was just started.
struct Begun {
    name: String,
    stream: StdStream,
}

impl Supervisors {
    /// Supervisors that are `program`, called with [`ARGUMENT`] and these variables, which their tasks do not see.
    pub fn new(program: PathBuf, environment: Vec<(OsString, OsString)>) -> Arc<Self> {
        Arc::new(Self {
            program,
            environment,
            early: Mutex::default(),
            own: tokio::sync::Mutex::default(),
            others: tokio::sync::Mutex::default(),
            children: Arc::default(),
        })
    }

    /// Starts this host's supervisor beside what else is to be done before a program can be started.
    pub fn make_ready(&self) {
        let Ok(own) = self.own.try_lock() else { return };
        let mut early = lock(&self.early);
        if own.is_some() || early.is_some() {
            return;
        }
        let start = self.starting();
        // Where there is no thread, it is started when it is needed.
        *early = std::thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(start)
            .ok();
    }

    /// This host's own supervisor; a new one where that has ended.
    pub(super) async fn own(&self) -> Result<Arc<Connection>, RunnerError> {
        let mut own = self.own.lock().await;
        if let Some(connection) = own.as_ref().filter(|connection| !connection.has_ended()) {
            return Ok(Arc::clone(connection));
        }
        let early = lock(&self.early).take();
        let start = self.starting();
        let begun = tokio::task::spawn_blocking(move || match early.map(JoinHandle::join) {
            Some(Ok(Ok(begun))) => Ok(begun),
            _ => start(),
        });
        let begun = match begun.await {
            Ok(begun) => begun,
            Err(panic) => Err(io::Error::other(panic)),
        };
        let connection = begun
            .and_then(|begun| Connection::new(begun.name, begun.stream))
            .map_err(|error| {
                RunnerError::Start(format!(
                    "the supervisor of processes cannot be started: {error}"
                ))
            })?;
        *own = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// The supervisor of an earlier host; none where it has ended.
    pub(super) async fn of(&self, head: &Head) -> Result<Option<Arc<Connection>>, RunnerError> {
        let mut others = self.others.lock().await;
        if let Some(connection) = others.get(&head.supervisor) {
            return Ok(Some(Arc::clone(connection)).filter(|known| !known.has_ended()));
        }
        let failed = |error: io::Error| {
            RunnerError::Lost(format!(
                "the supervisor of an earlier run cannot be reached: {error}"
            ))
        };
        let address = SocketAddr::from_abstract_name(&head.supervisor).map_err(failed)?;
        let stream = match StdStream::connect_addr(&address) {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let connection = Connection::new(head.supervisor.clone(), stream).map_err(failed)?;
        if !connection.ours {
            // Somebody else has taken the name, which was free.
            return Ok(None);
        }
        others.insert(head.supervisor.clone(), Arc::clone(&connection));
        Ok(Some(connection))
    }

    /// Waits until the supervisors that this host has started have ended, which they do once it has closed its connections and no task
    /// runs. Called when the host's runtime is gone.
    pub fn wait(&self) {
        if let Some(early) = lock(&self.early).take() {
            // Nobody ever asked for it.
            drop(early.join());
        }
        let until = Instant::now() + ENDING;
        for child in lock(&self.children).iter_mut() {
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }

    fn starting(&self) -> impl FnOnce() -> io::Result<Begun> + Send + 'static {
        let mut command = Command::new(&self.program);
        command
            .arg0("taffrail")
            .arg(ARGUMENT)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let children = Arc::clone(&self.children);
        move || start(command, &children)
    }
}

/// Starts a supervisor. Its socket is there and connected before it is: whoever finds the name knows that it runs or will, until it has ended.
fn start(mut command: Command, children: &Mutex<Vec<Child>>) -> io::Result<Begun> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    let name = format!("taffrail-{}", id.trim());
    let address = SocketAddr::from_abstract_name(&name)?;
    let listener = UnixListener::bind_addr(&address)?;
    let stream = StdStream::connect_addr(&address)?;
    let child = command
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .spawn()?;
    // Its copy of the socket would keep the name alive.
    drop(command);
    lock(children).push(child);
    Ok(Begun { name, stream })
}

/// A conversation with one supervisor.
pub(super) struct Connection {
    pub(super) name: String,
    asks: UnboundedSender<Ask>,
    next: AtomicU64,
    shared: Arc<Shared>,
    /// Whether the other side belongs to the same user.
    ours: bool,
}

#[derive(Default)]
struct Shared {
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Tasks {
    known: HashMap<u64, Arc<Known>>,
    /// Whether the supervisor has ended.
    ended: bool,
}

/// What a supervisor has told of a task.
#[derive(Default)]
pub(super) struct Known {
    told: Mutex<Told>,
    changed: Notify,
}

/// See [`Known`].
#[derive(Debug, Default)]
struct Told {
    /// How long its spool is.
    length: u64,
    /// What the spool has no room for, and after how many bytes of it that comes.
    direct: VecDeque<(u64, Direct)>,
    /// The last answer to something that was asked.
    answer: Option<Tell>,
    /// Whether nothing more will be told.
    ended: bool,
}

impl Connection {
    fn new(name: String, stream: StdStream) -> io::Result<Arc<Self>> {
        let ours = is_ours(&stream);
        let (mut listening, mut speaking) = conversation::split(stream)?;
        let (asks, mut receiver): (_, UnboundedReceiver<Ask>) = unbounded_channel();
        let shared = Arc::new(Shared::default());
        tokio::spawn(async move {
            let (mut asks, mut said) = (Vec::new(), Vec::new());
            while receiver.recv_many(&mut asks, TOGETHER).await > 0 {
                said.clear();
                let encoded = asks.drain(..).try_for_each(|ask| encode(&ask, &mut said));
                if encoded.is_err() || speaking.say(&said).await.is_err() {
                    // What becomes of it is seen where it is read from.
                    return;
                }
            }
        });
        let told = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok(Some(tell)) = receive::<Tell>(&mut listening).await {
                told.tell(tell);
            }
            told.end();
        });
        Ok(Arc::new(Self {
            name,
            asks,
            next: AtomicU64::new(1),
            shared,
            ours,
        }))
    }

    pub(super) fn has_ended(&self) -> bool {
        lock(&self.shared.tasks).ended
    }

    /// A number for a further task, and what will be told of it.
    pub(super) fn enter(&self) -> (u64, Arc<Known>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let known = Arc::new(Known::default());
        let mut tasks = lock(&self.shared.tasks);
        lock(&known.told).ended = tasks.ended;
        tasks.known.insert(number, Arc::clone(&known));
        (number, known)
    }

    /// Nothing more is to be told of a task.
    pub(super) fn leave(&self, number: u64) {
        lock(&self.shared.tasks).known.remove(&number);
    }

    pub(super) fn ask(&self, ask: Ask) {
        // A supervisor that has ended is told by all that is known of its tasks.
        let _ = self.asks.send(ask);
    }
}

impl Shared {
    fn tell(&self, tell: Tell) {
        let known = lock(&self.tasks).known.get(&tell.task()).cloned();
        let Some(known) = known else { return };
        let mut told = lock(&known.told);
        match tell {
            Tell::Wrote(_, length) => told.length = told.length.max(length),
            Tell::Direct(_, after, direct) => {
                told.length = told.length.max(after);
                told.direct.push_back((after, direct));
            }
            answer => told.answer = Some(answer),
        }
        drop(told);
        known.changed.notify_one();
    }

    fn end(&self) {
        let mut tasks = lock(&self.tasks);
        tasks.ended = true;
        for known in tasks.known.values() {
            lock(&known.told).ended = true;
            known.changed.notify_one();
        }
    }
}

impl Known {
    /// How long the spool is, as far as it can be read now, and whether nothing more will be told.
    pub(super) fn told(&self) -> (u64, bool) {
        let told = lock(&self.told);
        let first = told.direct.front().map(|(after, _)| *after);
        (first.unwrap_or(told.length), told.ended)
    }

    /// What comes after so many bytes of the spool and is not in it.
    pub(super) fn direct(&self, after: u64) -> Option<Direct> {
        let mut told = lock(&self.told);
        let first = told.direct.pop_front_if(|(first, _)| *first == after);
        first.map(|(_, direct)| direct)
    }

    /// Waits until more is told.
    pub(super) async fn change(&self) {
        self.changed.notified().await;
    }

    /// Waits for an answer; none when the supervisor has ended.
    pub(super) async fn answer(&self) -> Option<Tell> {
        loop {
            {
                let mut told = lock(&self.told);
                if let Some(answer) = told.answer.take() {
                    return Some(answer);
                }
                if told.ended {
                    return None;
                }
            }
            self.change().await;
        }
    }
}
