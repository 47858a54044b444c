//! What a host and a supervisor say to one another: JSON, each message behind its length.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::{fmt, io};

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use taffrail_core::launch::Stream;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::spool::Over;

/// A message that is longer than this is none of ours.
const LONGEST: usize = 64 * 1024 * 1024;

/// What a host asks for. Tasks have the numbers that it gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Start a program. Answered by `Started` or `Refused`.
    Launch(u64, Box<Order>),
    /// Go on with the program whose spool this is. Answered by `Known` or `Unknown`.
    TakeUp(u64, Text),
    /// Ask all of a task to end, or (`true`) end it. Answered by `Stopped`.
    Stop(u64, bool),
    /// The spool was read up to here.
    Read(u64, u64),
    /// Output that came directly was taken.
    Taken(u64),
    /// End what runs of a task, and forget it. Answered by `Released`.
    Release(u64),
    /// Forget a task that has ended. Not answered.
    Forget(u64),
}

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Where what it says goes.
    pub(super) spool: Text,
    /// What the processes of the task are known by.
    pub(super) task_run: String,
    pub(super) argv: Vec<String>,
    /// Its whole environment.
    pub(super) environment: Vec<(Text, Text)>,
    pub(super) directory: Text,
    /// The soft and hard limit of open files, where they are not the supervisor's.
    pub(super) open_files: Option<(Option<u64>, Option<u64>)>,
    /// How long it may run where no host follows it, and how long it may then take to end, in milliseconds.
    pub(super) time_left: Option<u64>,
    pub(super) grace: u64,
}

/// A text of the system: nearly always UTF-8, and then it stands as it is, else as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(OsString);

impl From<OsString> for Text {
    fn from(text: OsString) -> Self {
        Self(text)
    }
}

impl From<Text> for OsString {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => self.0.as_bytes().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrBytes)
    }
}

/// Reads a [`Text`] in either form.
struct TextOrBytes;

impl<'de> Visitor<'de> for TextOrBytes {
    type Value = Text;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or its bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, bytes: A) -> Result<Text, A::Error> {
        let bytes = Vec::deserialize(SeqAccessDeserializer::new(bytes))?;
        Ok(Text(OsString::from_vec(bytes)))
    }
}

/// What a supervisor tells of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Tell {
    /// It runs.
    Started(u64),
    /// It could not be started; why.
    Refused(u64, String),
    /// It is followed from now on.
    Known(u64),
    /// There is no such task.
    Unknown(u64),
    /// So long is its spool by now.
    Wrote(u64, u64),
    /// What follows the first so many bytes of the spool, which has no room for it. Output is answered by `Taken`.
    Direct(u64, u64, Direct),
    /// It was stopped as asked for; what went wrong.
    Stopped(u64, Option<String>),
    /// Nothing of it is left; what went wrong.
    Released(u64, Option<String>),
}

/// What a spool has no room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Direct {
    Output(Stream, Vec<u8>),
    Over(Over),
}

impl Tell {
    /// Whom it is about.
    pub(super) fn task(&self) -> u64 {
        match self {
            Tell::Started(task)
            | Tell::Refused(task, _)
            | Tell::Known(task)
            | Tell::Unknown(task)
            | Tell::Wrote(task, _)
            | Tell::Direct(task, ..)
            | Tell::Stopped(task, _)
            | Tell::Released(task, _) => *task,
        }
    }
}

/// Appends one message as it is sent.
///
/// # Errors
/// When it is too long for any message.
pub(super) fn encode(message: &impl Serialize, sent: &mut Vec<u8>) -> io::Result<()> {
    let begin = sent.len();
    sent.extend([0; 4]);
    serde_json::to_writer(&mut *sent, message)?;
    let length = u32::try_from(sent.len() - begin - 4).map_err(io::Error::other)?;
    sent[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// The next message; none when the other side has ended, also in the middle of one.
pub(super) async fn receive<T: DeserializeOwned>(
    reader: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<T>> {
    let mut bytes = Vec::new();
    let whole = async {
        let length = reader.read_u32_le().await? as usize;
        if length > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a message is too long",
            ));
        }
        bytes.resize(length, 0);
        reader.read_exact(&mut bytes).await
    };
    match whole.await {
        Ok(_) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_arrive_whole_or_not_at_all() {
        let odd = OsString::from_vec(vec![b'a', 0xff, b'b']);
        let order = Order {
            spool: odd.clone().into(),
            task_run: "e/r/1".to_owned(),
            argv: vec!["sh".to_owned()],
            environment: vec![(OsString::from("NAME").into(), odd.into())],
            directory: OsString::from("/ä \"").into(),
            open_files: Some((Some(9), None)),
            time_left: Some(3),
            grace: 5,
        };
        let asks = [Ask::Launch(1, Box::new(order)), Ask::Stop(1, true)];
        let mut sent = Vec::new();
        for ask in &asks {
            encode(ask, &mut sent).unwrap();
        }
        let mut received = Vec::new();
        let mut reader = &sent[..];
        while let Some(ask) = receive::<Ask>(&mut reader).await.unwrap() {
            received.push(ask);
        }
        assert_eq!(received, asks);
        for length in 0..sent.len() {
            let mut reader = &sent[..length];
            let mut count = 0;
            while receive::<Ask>(&mut reader).await.unwrap().is_some() {
                count += 1;
            }
            assert!(count < 2, "cut at {length}");
        }
        let mut reader = &[0xff; 8][..];
        assert!(receive::<Ask>(&mut reader).await.is_err());
    }
}
