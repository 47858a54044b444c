//! The two directions of a socket between a host and a supervisor. A socket that is watched for both at once wakes its owner whenever the
//! other side has read something, which nobody waits for: that is most of all wakings. So only the reading half is watched.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, BufReader, Interest, ReadBuf};

/// What is read at once, in bytes: a message or several.
const BUFFER: usize = 4 * 1024;

/// The halves of a socket that does not block.
///
/// # Errors
/// When the system gives no descriptors.
pub(super) fn split(stream: UnixStream) -> io::Result<(BufReader<Listening>, Speaking)> {
    stream.set_nonblocking(true)?;
    let speaking = Speaking {
        stream: stream.try_clone()?,
    };
    let listening = Listening {
        stream: watch(stream, Interest::READABLE)?,
    };
    Ok((BufReader::with_capacity(BUFFER, listening), speaking))
}

#[expect(
    deprecated,
    reason = "its successor is unsafe because of types that lie about their descriptor; a socket does not"
)]
fn watch(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(stream, interest)
}

/// The half that is read.
pub(super) struct Listening {
    stream: AsyncFd<UnixStream>,
}

impl AsyncRead for Listening {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.stream.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            let offered = room.len();
            match guard.try_io(|stream| {
                let mut stream = stream.get_ref();
                stream.read(room)
            }) {
                Ok(read) => {
                    let length = read?;
                    if 0 < length && length < offered {
                        // That was all; asking once more would only tell so.
                        guard.clear_ready();
                    }
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(_would_block) => {}
            }
        }
    }
}

/// The half that is written to. Dropped, it tells the other side that nothing more comes.
pub(super) struct Speaking {
    stream: UnixStream,
}

impl Speaking {
    /// Writes all of it, and waits only where there is no room for it.
    ///
    /// # Errors
    /// When the other side has gone.
    pub(super) async fn say(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let watched = watch(self.stream.try_clone()?, Interest::WRITABLE)?;
                    drop(watched.writable().await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        // The other side may have gone first.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn more_than_a_socket_holds_arrives_whole_and_then_the_end() {
        let (one, other) = UnixStream::pair().unwrap();
        let (_heard, mut speaking) = split(one).unwrap();
        let (mut listening, _spoken) = split(other).unwrap();
        let sent: Vec<u8> = (0..4_000_000u32).map(|number| number as u8).collect();
        let copy = sent.clone();
        let saying = tokio::spawn(async move { speaking.say(&copy).await });
        let mut received = Vec::new();
        listening.read_to_end(&mut received).await.unwrap();
        saying.await.unwrap().unwrap();
        assert!(received == sent, "{} bytes", received.len());
    }

    #[tokio::test]
    async fn who_has_gone_is_told_to_who_speaks() {
        let (one, other) = UnixStream::pair().unwrap();
        let (_heard, mut speaking) = split(one).unwrap();
        drop(other);
        assert!(speaking.say(b"x").await.is_err());
    }
}
