//! One engine that answers: the connection, what is known of it, and the words for what goes wrong with it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::SystemInfoCgroupDriverEnum;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use taffrail_engine::ports::RunnerError;
use tokio::sync::OnceCell;

use super::address::Candidate;
use super::create::{ApiVersion, EngineFacts};
use super::hello::Hello;
use super::ssh::Relay;

/// How long an engine may take to say that it is there. Where none listens, that is known at once; this is for one that takes the
/// connection and is slow to say something, as it is just being started by its socket, or has a lot to do.
const HELLO: Duration = Duration::from_secs(5);

/// How long an engine may take that is far away or has to be asked in another way.
const FAR_HELLO: Duration = Duration::from_secs(10);

/// How long an ordinary call may take.
pub(super) const CALL: Duration = Duration::from_secs(60);

/// How long the engine may take to begin the answer to a call that moves data, in seconds. Calls that move data end by the wish to stop.
const TRANSFER_SECONDS: u64 = 24 * 60 * 60;

/// A connection to an engine.
#[derive(Debug, Clone)]
pub struct Engine {
    /// For everything; calls have their own deadlines.
    pub(super) client: Docker,
    /// Where it is, and who said so.
    pub(super) at: Candidate,
    /// What it can do.
    pub(super) facts: EngineFacts,
    /// Its own version.
    version: String,
    /// Whether it can limit containers, once it was asked.
    limits: Arc<OnceCell<bool>>,
    /// What leads to it, where it is behind SSH.
    _relay: Option<Arc<Relay>>,
}

impl Engine {
    /// Connects to one candidate and asks what it is.
    ///
    /// # Errors
    /// Why it does not answer, in words for people, without the address.
    pub(super) async fn connect(at: &Candidate) -> Result<Engine, String> {
        if !at.address.starts_with("ssh://") {
            return Self::greet(at, at, None, HELLO).await;
        }
        let relay = Relay::start(&at.address).await?;
        let near = Candidate {
            address: format!("unix://{}", relay.socket().display()),
            ..at.clone()
        };
        let greeted = Self::greet(at, &near, Some(Arc::clone(&relay)), FAR_HELLO).await;
        greeted.map_err(|reason| match relay.said() {
            said if said.is_empty() => reason,
            said => format!("ssh: {}", said.trim_start_matches("ssh: ")),
        })
    }

    /// Asks an engine what it is. `near` is where it is reached from here.
    async fn greet(
        at: &Candidate,
        near: &Candidate,
        relay: Option<Arc<Relay>>,
        patience: Duration,
    ) -> Result<Engine, String> {
        let client = open(near, API_DEFAULT_VERSION).map_err(|error| words(&error))?;
        let late = |patience: Duration| format!("no answer within {:.1} s", patience.as_secs_f32());
        let mut greeting = None;
        if let Some(socket) = near.address.strip_prefix("unix://") {
            let asked = tokio::time::timeout(patience, Hello::ask(Path::new(socket))).await;
            // What goes wrong otherwise is found out, and told, by the client.
            greeting = asked.map_err(|_| late(patience))?.ok().flatten();
        }
        let (client, hello) = match greeting {
            Some(mut hello) => {
                let newest = ApiVersion {
                    major: number(API_DEFAULT_VERSION.major_version),
                    minor: number(API_DEFAULT_VERSION.minor_version),
                };
                hello.api = hello.api.min(newest);
                let spoken = ClientVersion {
                    major_version: hello.api.major as usize,
                    minor_version: hello.api.minor as usize,
                };
                let client = open(near, &spoken).map_err(|error| words(&error))?;
                (client, hello)
            }
            None => match tokio::time::timeout(FAR_HELLO, negotiate(client)).await {
                Ok(answer) => answer.map_err(|error| words(&error))?,
                Err(_) => return Err(late(FAR_HELLO)),
            },
        };
        let Hello {
            api,
            podman,
            os,
            version,
        } = hello;
        let mut facts = EngineFacts {
            api,
            podman,
            os,
            ..EngineFacts::unknown()
        };
        if podman {
            ask_podman(&client, &mut facts).await;
        }
        Ok(Engine {
            client,
            at: at.clone(),
            facts,
            version,
            limits: Arc::default(),
            _relay: relay,
        })
    }

    /// Finds out whether it keeps limits, where that matters: Docker answers this slowly, and once.
    pub(super) async fn ask_for_limits(&mut self) {
        if self.facts.podman {
            return;
        }
        let ask = async || match call(CALL, self.client.info()).await {
            Ok(info) => info.cgroup_driver != Some(SystemInfoCgroupDriverEnum::NONE),
            Err(_) => true,
        };
        self.facts.limits = *self.limits.get_or_init(ask).await;
    }

    /// What it is, for messages: `Docker 20.10.24 at unix:///run/docker.sock`.
    pub fn describe(&self) -> String {
        let name = if self.facts.podman {
            "Podman"
        } else {
            "Docker"
        };
        format!("{name} {} at {}", self.version, self.at.address)
    }
}

/// Docker brings its log drivers with it; Podman has what its machine has, and an older one answers this slowly, so only Podman is asked.
async fn ask_podman(client: &Docker, facts: &mut EngineFacts) {
    let Ok(info) = call(CALL, client.info()).await else {
        return;
    };
    facts.log_drivers = info
        .plugins
        .and_then(|plugins| plugins.log)
        .unwrap_or_default();
    // It names the driver that it would use with rights, so that only its place tells that it has none.
    let place = info.docker_root_dir.as_deref().unwrap_or_default();
    let rootless = place.contains("/.local/share/containers/");
    facts.cgroup = info
        .cgroup_version
        .and_then(|version| version.to_string().parse().ok());
    facts.limits = !(rootless && facts.cgroup == Some(1));
}

/// Asks for the version, which every engine tells, but not every one fast.
async fn negotiate(client: Docker) -> Result<(Docker, Hello), Error> {
    let client = client.negotiate_version().await?;
    let version = client.version().await?;
    let spoken = client.client_version();
    let podman = version
        .components
        .iter()
        .flatten()
        .any(|component| component.name.to_lowercase().contains("podman"));
    let hello = Hello {
        api: ApiVersion {
            major: number(spoken.major_version),
            minor: number(spoken.minor_version),
        },
        podman,
        os: version.os.unwrap_or_else(|| "linux".to_owned()),
        version: version.version.unwrap_or_default(),
    };
    Ok((client, hello))
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

fn open(at: &Candidate, version: &ClientVersion) -> Result<Docker, Error> {
    let address = at.address.as_str();
    let client = if address.starts_with("unix://") {
        Docker::connect_with_unix(address, TRANSFER_SECONDS, version)
    } else if let Some(tls) = &at.tls {
        Docker::connect_with_ssl(
            address,
            &tls.key,
            &tls.cert,
            &tls.ca,
            TRANSFER_SECONDS,
            version,
        )
    } else {
        Docker::connect_with_http(address, TRANSFER_SECONDS, version)
    };
    Ok(client?.with_request_modifier(|mut request| {
        // The engine reads these headers as base64url and takes anything else for no credentials at all; the client writes base64.
        for name in ["X-Registry-Auth", "X-Registry-Config"] {
            let url = request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(|value| value.replace('+', "-").replace('/', "_"));
            if let Some(value) = url.and_then(|url| url.parse().ok()) {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }))
}

/// Why a call gave no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The engine said no: status and text.
    Refused(u16, String),
    /// The engine could not be reached, or went away.
    Gone(String),
    /// No answer in time.
    Late(Duration),
}

impl CallError {
    pub(super) fn is_gone(&self) -> bool {
        !matches!(self, CallError::Refused(..))
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            CallError::Refused(status, _) => Some(*status),
            _ => None,
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Refused(_, text) => formatter.write_str(text.trim()),
            CallError::Gone(text) => formatter.write_str(text),
            CallError::Late(patience) => {
                write!(formatter, "no answer within {} s", patience.as_secs())
            }
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => CallError::Refused(status_code, message),
            Error::DockerStreamError { error } => CallError::Refused(500, error),
            other => CallError::Gone(words(&other)),
        }
    }
}

impl CallError {
    /// The runner's error for a call of which nothing is lost: `doing` says what was wanted.
    pub(super) fn into_runner(self, doing: &str) -> RunnerError {
        if self.is_gone() {
            RunnerError::Unreachable(format!("the engine cannot {doing}: {self}"))
        } else {
            RunnerError::Start(format!("the engine cannot {doing}: {self}"))
        }
    }
}

/// Makes a call with a deadline.
pub(super) async fn call<T>(
    patience: Duration,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(patience, future).await {
        Ok(answer) => answer.map_err(CallError::from),
        Err(_) => Err(CallError::Late(patience)),
    }
}

/// The innermost cause, which is what a person can do something about.
fn words(error: &Error) -> String {
    match error {
        Error::SocketNotFoundError(_) => return "there is no such socket".to_owned(),
        Error::RequestTimeoutError => return "no answer in time".to_owned(),
        // In the words of Go's HTTP server, which all engines have.
        Error::DockerResponseServerError { message, .. }
            if message.contains("HTTP request to an HTTPS server") =>
        {
            return "it wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem".to_owned();
        }
        _ => {}
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string().trim().to_owned();
    // In the words of the library for TLS.
    if text.contains("invalid peer certificate") {
        return format!("its certificate is not one for this address that `ca.pem` signed: {text}");
    }
    if text.contains("received fatal alert") {
        return format!("it does not take `cert.pem`: {text}");
    }
    match cause
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind)
    {
        Some(std::io::ErrorKind::PermissionDenied) => "permission denied".to_owned(),
        Some(std::io::ErrorKind::ConnectionRefused) => "nobody listens there".to_owned(),
        Some(std::io::ErrorKind::NotFound) => "there is no such socket".to_owned(),
        Some(std::io::ErrorKind::ConnectionReset) => {
            "it ends the connection, as one does that wants TLS (DOCKER_TLS_VERIFY=1)".to_owned()
        }
        _ => text,
    }
}
