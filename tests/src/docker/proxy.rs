//! A faulty connection to an engine: a socket that hands everything on, but for what its rules say.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// So many bytes of the answer's body pass, then the connection is gone.
    CutAnswer(usize),
    /// So many bytes of the request's body pass, then the connection is gone.
    CutRequest(usize),
    /// The request reaches the engine, its answer nobody.
    LoseReply,
    /// The request does not reach the engine, and nothing comes back.
    Stall,
    /// The request reaches the engine, and nothing comes back.
    StallReply,
    /// The answer is held back for so long.
    Delay(Duration),
    /// The engine is not asked; this comes back.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// The connection is closed at once.
    Refuse,
}

/// Which requests go wrong, and how.
#[derive(Debug)]
struct Rule {
    method: String,
    path: String,
    fault: Fault,
    /// How many matching requests pass before.
    after: usize,
    /// How many go wrong.
    times: usize,
}

/// A request that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET` and the like.
    pub method: String,
    /// Path and query, without the version.
    pub path: String,
    /// The whole head as it was sent.
    pub head: String,
    /// What the client got as status, where it got one.
    pub status: Option<u16>,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// When it came.
    pub at: Instant,
}

#[derive(Debug)]
struct Shared {
    engine: PathBuf,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
}

/// A socket between a client and an engine. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    folder: tempfile::TempDir,
    /// Changed, it closes every connection; false ends everything.
    alive: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
    listening: Mutex<Option<watch::Sender<bool>>>,
    runtime: tokio::runtime::Handle,
}

impl Proxy {
    /// Starts one before the engine at this socket.
    ///
    /// # Panics
    /// When this machine has no room for a socket or a thread.
    pub fn start(engine: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("taffrail-proxy-")
            .tempdir()
            .expect("a temporary folder");
        let (alive, mut watched) = watch::channel(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let handle = runtime.handle().clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let _ = watched.wait_for(|alive| !alive).await;
            });
            runtime.shutdown_background();
        });
        let proxy = Proxy {
            shared: Arc::new(Shared {
                engine: engine.to_owned(),
                rules: Mutex::default(),
                seen: Mutex::default(),
            }),
            folder,
            alive,
            thread: Some(thread),
            listening: Mutex::new(None),
            runtime: handle,
        };
        proxy.come_back();
        proxy
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// Its address, for `DOCKER_HOST`.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Lets every request go wrong whose method is this one and whose path matches: `*` stands for anything.
    pub fn always(&self, method: &str, path: &str, fault: Fault) {
        self.rule(method, path, fault, 0, usize::MAX);
    }

    /// Lets the first such request go wrong.
    pub fn once(&self, method: &str, path: &str, fault: Fault) {
        self.rule(method, path, fault, 0, 1);
    }

    /// Lets so many such requests pass and then so many go wrong. Later rules come first.
    pub fn rule(&self, method: &str, path: &str, fault: Fault, after: usize, times: usize) {
        let rule = Rule {
            method: method.to_owned(),
            path: path.to_owned(),
            fault,
            after,
            times,
        };
        lock(&self.shared.rules).insert(0, rule);
    }

    /// Forgets all rules.
    pub fn heal(&self) {
        lock(&self.shared.rules).clear();
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// How many requests of this kind came by.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let seen = lock(&self.shared.seen);
        seen.iter()
            .filter(|seen| seen.method == method && matches(path, &seen.path))
            .count()
    }

    /// Waits until so many requests of this kind came by.
    #[track_caller]
    pub fn wait_for(&self, method: &str, path: &str, count: usize) {
        let begun = Instant::now();
        while self.count(method, path) < count {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{method} {path} was not seen {count} times, but: {:#?}",
                self.lines()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All requests so far, a line each.
    pub fn lines(&self) -> Vec<String> {
        let line = |seen: &Seen| {
            let status = seen
                .status
                .map_or("no answer".to_owned(), |status| status.to_string());
            let fault = seen.fault.as_ref().map(|fault| format!("{fault:?}"));
            let fault: String = fault.unwrap_or_default().chars().take(80).collect();
            format!("{} {} -> {status} {fault}", seen.method, seen.path)
        };
        self.seen().iter().map(line).collect()
    }

    /// Closes every connection that is open; new ones work.
    pub fn cut(&self) {
        self.alive.send_replace(true);
    }

    /// Closes every connection, and the socket too: nobody is there.
    pub fn go_away(&self) {
        let listening = lock(&self.listening).take();
        if let Some(listening) = listening {
            listening.send_replace(false);
        }
        let _ = std::fs::remove_file(self.socket());
        self.cut();
    }

    /// Listens again.
    ///
    /// # Panics
    /// When the socket cannot be made.
    pub fn come_back(&self) {
        let _inside = self.runtime.enter();
        let listener = UnixListener::bind(self.socket()).expect("a socket of its own");
        let (listening, mut stopped) = watch::channel(true);
        *lock(&self.listening) = Some(listening);
        let shared = Arc::clone(&self.shared);
        let alive = self.alive.subscribe();
        self.runtime.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = stopped.wait_for(|listening| !listening) => return,
                };
                let Ok((client, _)) = accepted else { return };
                let shared = Arc::clone(&shared);
                let mut closed = alive.clone();
                closed.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = serve(client, &shared) => {}
                        _ = closed.changed() => {}
                    }
                });
            }
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.alive.send_replace(false);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a text matches a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            (0..=text.len())
                .filter(|at| text.is_char_boundary(*at))
                .any(|at| matches(rest, &text[at..]))
        }),
    }
}

impl Shared {
    /// Notes a request and says what goes wrong with it.
    fn note(&self, head: &Head) -> (usize, Option<Fault>) {
        let mut fault = None;
        for rule in lock(&self.rules).iter_mut() {
            if rule.times == 0 || rule.method != head.method || !matches(&rule.path, &head.path) {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            rule.times -= 1;
            fault = Some(rule.fault.clone());
            break;
        }
        let mut seen = lock(&self.seen);
        seen.push(Seen {
            method: head.method.clone(),
            path: head.path.clone(),
            head: head.text.clone(),
            status: None,
            fault: fault.clone(),
            at: Instant::now(),
        });
        (seen.len() - 1, fault)
    }

    fn answered(&self, number: usize, status: u16) {
        lock(&self.seen)[number].status = Some(status);
    }
}

/// The reading side of a connection, and what was read from it too early.
struct Reader {
    stream: OwnedReadHalf,
    ahead: Vec<u8>,
}

/// Both sides of a connection.
struct Both {
    reader: Reader,
    writer: OwnedWriteHalf,
}

impl Both {
    fn new(stream: UnixStream) -> Self {
        let (stream, writer) = stream.into_split();
        let reader = Reader {
            stream,
            ahead: Vec::new(),
        };
        Both { reader, writer }
    }
}

/// The first lines of a message, and how long its body is.
struct Head {
    method: String,
    path: String,
    text: String,
    status: u16,
    body: Body,
    upgrade: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
    UntilClosed,
}

fn gone() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

impl Reader {
    /// Returns once the other side has closed; what it says before is kept.
    async fn closed(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut buffer).await {
            self.ahead.extend_from_slice(&buffer[..count]);
        }
    }

    /// Reads some bytes, those from before first; none at the end.
    async fn some(&mut self) -> io::Result<Vec<u8>> {
        if !self.ahead.is_empty() {
            return Ok(std::mem::take(&mut self.ahead));
        }
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer).await?;
        buffer.truncate(count);
        Ok(buffer)
    }

    /// Reads up to an end mark, with it; none where nothing more comes.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut read = Vec::new();
        loop {
            let more = self.some().await?;
            if more.is_empty() {
                return if read.is_empty() {
                    Ok(None)
                } else {
                    Err(gone())
                };
            }
            read.extend(more);
            if let Some(at) = read.windows(mark.len()).position(|window| window == mark) {
                self.ahead = read.split_off(at + mark.len());
                return Ok(Some(read));
            }
        }
    }

    async fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(bytes) = self.until(b"\r\n\r\n").await? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let first = text.lines().next().unwrap_or_default();
        let words: Vec<&str> = first.split(' ').collect();
        let response = first.starts_with("HTTP/");
        let word = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
        let (mut body, mut upgrade) = (None, false);
        for line in text.to_ascii_lowercase().lines() {
            match line.split_once(": ") {
                Some(("content-length", value)) => body = value.parse().ok().map(Body::Length),
                Some(("transfer-encoding", "chunked")) => body = Some(Body::Chunked),
                Some(("upgrade", _)) => upgrade = true,
                _ => {}
            }
        }
        let status = word(1).parse().unwrap_or(0);
        let nothing = matches!(status, 204 | 304) || !response;
        let body = body.unwrap_or(if nothing {
            Body::Length(0)
        } else {
            Body::UntilClosed
        });
        Ok(Some(Head {
            method: word(0),
            path: unversioned(&word(1)),
            text,
            status,
            body,
            upgrade: upgrade || status == 101,
        }))
    }
}

/// A path without the version that clients put before it.
fn unversioned(path: &str) -> String {
    match path
        .strip_prefix("/v1.")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((version, rest)) if version.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("/{rest}")
        }
        _ => path.to_owned(),
    }
}

/// Counts down what may still pass; the connection is gone when nothing may.
struct Allowance(Option<usize>);

impl Allowance {
    async fn pass(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        bytes: &[u8],
        payload: bool,
    ) -> io::Result<()> {
        match &mut self.0 {
            Some(left) if payload => {
                let count = bytes.len().min(*left);
                to.write_all(&bytes[..count]).await?;
                *left -= count;
                if *left == 0 {
                    to.flush().await?;
                    return Err(gone());
                }
                Ok(())
            }
            _ => to.write_all(bytes).await,
        }
    }
}

/// Hands on a body as it is framed.
async fn hand_on(
    from: &mut Reader,
    to: &mut (impl AsyncWrite + Unpin),
    body: Body,
    mut allowance: Allowance,
) -> io::Result<()> {
    if allowance.0 == Some(0) {
        return Err(gone());
    }
    match body {
        Body::Length(mut left) => {
            while left > 0 {
                let mut bytes = from.some().await?;
                if bytes.is_empty() {
                    return Err(gone());
                }
                if bytes.len() as u64 > left {
                    from.ahead = bytes.split_off(left as usize);
                }
                left -= bytes.len() as u64;
                allowance.pass(to, &bytes, true).await?;
            }
        }
        Body::Chunked => loop {
            let Some(line) = from.until(b"\r\n").await? else {
                return Err(gone());
            };
            let text = String::from_utf8_lossy(&line);
            let mut left = u64::from_str_radix(text.trim(), 16).map_err(|_| gone())?;
            let last = left == 0;
            // The size promises what may not come: that is what a cut looks like.
            allowance.pass(to, &line, false).await?;
            while left > 0 {
                let mut bytes = from.some().await?;
                if bytes.is_empty() {
                    return Err(gone());
                }
                if bytes.len() as u64 > left {
                    from.ahead = bytes.split_off(left as usize);
                }
                left -= bytes.len() as u64;
                allowance.pass(to, &bytes, true).await?;
            }
            let Some(end) = from.until(b"\r\n").await? else {
                return Err(gone());
            };
            allowance.pass(to, &end, false).await?;
            if last {
                return Ok(());
            }
        },
        Body::UntilClosed => loop {
            let bytes = from.some().await?;
            if bytes.is_empty() {
                return Err(gone());
            }
            allowance.pass(to, &bytes, true).await?;
        },
    }
    Ok(())
}

async fn serve(client: UnixStream, shared: &Shared) -> io::Result<()> {
    let mut client = Both::new(client);
    let mut engine = None;
    while let Some(request) = client.reader.head().await? {
        let (number, fault) = shared.note(&request);
        match &fault {
            Some(Fault::Refuse) => return Err(gone()),
            Some(Fault::Stall) => {
                client.reader.closed().await;
                return Err(gone());
            }
            Some(Fault::Answer(status, headers, body)) => {
                let mut nobody = tokio::io::sink();
                hand_on(
                    &mut client.reader,
                    &mut nobody,
                    request.body,
                    Allowance(None),
                )
                .await?;
                shared.answered(number, *status);
                let head = told(*status, headers, body.len());
                client.writer.write_all(head.as_bytes()).await?;
                client.writer.write_all(body).await?;
                continue;
            }
            _ => {}
        }
        let upstream = match &mut engine {
            Some(upstream) => upstream,
            None => engine.insert(Both::new(UnixStream::connect(&shared.engine).await?)),
        };
        upstream.writer.write_all(request.text.as_bytes()).await?;
        let allowance = match &fault {
            Some(Fault::CutRequest(bytes)) => Some(*bytes),
            _ => None,
        };
        hand_on(
            &mut client.reader,
            &mut upstream.writer,
            request.body,
            Allowance(allowance),
        )
        .await?;
        let answer = tokio::select! {
            answer = upstream.reader.head() => answer?.ok_or_else(gone)?,
            () = client.reader.closed() => return Err(gone()),
        };
        let allowance = match &fault {
            Some(Fault::LoseReply) => return Err(gone()),
            Some(Fault::StallReply) => {
                client.reader.closed().await;
                return Err(gone());
            }
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(*time).await;
                None
            }
            Some(Fault::CutAnswer(bytes)) => Some(*bytes),
            _ => None,
        };
        shared.answered(number, answer.status);
        client.writer.write_all(answer.text.as_bytes()).await?;
        if request.method == "HEAD" {
            continue;
        }
        let upgraded = answer.status == 101
            || (request.upgrade && answer.status < 300 && answer.body == Body::UntilClosed);
        if upgraded {
            return converse(client, upstream, Allowance(allowance)).await;
        }
        // Who goes away in the middle of an answer is seen at once, as the engine would see it.
        tokio::select! {
            done = hand_on(&mut upstream.reader, &mut client.writer, answer.body, Allowance(allowance)) => done?,
            () = client.reader.closed() => return Err(gone()),
        }
        if request
            .text
            .to_ascii_lowercase()
            .contains("\r\nconnection: close")
        {
            return Ok(());
        }
    }
    Ok(())
}

fn told(status: u16, headers: &[(String, String)], length: usize) -> String {
    let mut head = format!("HTTP/1.1 {status} Told\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// Hands on both ways, until the engine has said all.
async fn converse(client: Both, engine: &mut Both, mut allowance: Allowance) -> io::Result<()> {
    let Both {
        mut reader,
        mut writer,
    } = client;
    let Both {
        reader: from_engine,
        writer: to_engine,
    } = engine;
    let asking = async {
        loop {
            let bytes = reader.some().await?;
            if bytes.is_empty() {
                to_engine.shutdown().await?;
                return std::future::pending::<io::Result<()>>().await;
            }
            to_engine.write_all(&bytes).await?;
        }
    };
    let answering = async {
        if allowance.0 == Some(0) {
            return Err(gone());
        }
        loop {
            let bytes = from_engine.some().await?;
            if bytes.is_empty() {
                return Ok(());
            }
            allowance.pass(&mut writer, &bytes, true).await?;
        }
    };
    tokio::select! {
        done = asking => done,
        done = answering => done,
    }
}
