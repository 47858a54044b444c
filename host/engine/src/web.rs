//! Asking web servers: what a request is, what an answer is. Who speaks the protocol is somebody else.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// One request.
#[derive(Debug)]
pub struct Ask {
    /// The method, in capitals.
    pub method: &'static str,
    /// The address, query included.
    pub address: String,
    /// Header lines in order; a name may stand more than once.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Sent,
    /// The longest time until the connection stands.
    pub connect: Duration,
    /// The longest time in which nothing comes.
    pub idle: Duration,
    /// Whether redirects are followed. Credentials are not shown to another host.
    pub follow: bool,
    /// Whether the server must be who its certificate says.
    pub verify: bool,
    /// The most bytes that are taken.
    pub most: u64,
    /// Once this is true, nobody wants the answer any more.
    pub stop: Arc<AtomicBool>,
}

/// What is sent with a request.
#[derive(Debug)]
pub enum Sent {
    /// Nothing.
    Nothing,
    /// Something short, which can be sent again after a redirect.
    Bytes(Vec<u8>),
    /// A file, from its beginning.
    File(File),
}

/// What a server answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header lines, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The address that the answer came from, after redirects.
    pub address: String,
    /// The length of what came, in bytes.
    pub length: u64,
    /// What came: a file without a name, at its beginning.
    pub body: File,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It cannot be asked so.
    #[error("{0}")]
    Invalid(String),
    /// It does not answer, or the answer broke off.
    #[error("{0}")]
    Unreachable(String),
    /// The answer has more bytes than are taken.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// Nobody wants it any more.
    #[error("stopped")]
    Stopped,
}

/// Asks web servers.
pub trait Web: Send + Sync {
    /// Asks and takes the whole answer. Blocks; may be called any number of times and from several threads.
    ///
    /// # Errors
    /// See [`WebError`]. A status that means failure is an answer.
    fn ask(&self, ask: Ask) -> Result<Answer, WebError>;
}

/// A host without a web.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWeb;

impl Web for NoWeb {
    fn ask(&self, ask: Ask) -> Result<Answer, WebError> {
        Err(WebError::Unreachable(format!(
            "`{}` is not asked here",
            ask.address
        )))
    }
}
