//! What can go wrong on the way to a component, by what a caller may do about it.

/// Why something was not fetched or published. `what` is an address or a reference.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody answers, or the connection broke.
    #[error("cannot reach `{what}`: {reason}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// What the network said.
        reason: String,
    },
    /// The other side wants other credentials.
    #[error("`{what}` is not for us: {reason}")]
    Denied {
        /// What was asked for.
        what: String,
        /// Which credentials were used, and what was said to them.
        reason: String,
    },
    /// There is no such thing.
    #[error("`{what}` does not exist{reason}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// What the other side said, behind a colon; may be empty.
        reason: String,
    },
    /// It is larger than a component may be.
    #[error("`{what}` is larger than {most} bytes")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit.
        most: u64,
    },
    /// Its content is not what was named.
    #[error("`{what}` has the digest {found}, and {expected} was asked for")]
    WrongDigest {
        /// What was asked for.
        what: String,
        /// What its content has.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The answer is not what the protocol says.
    #[error("`{what}` gave an answer that makes no sense: {reason}")]
    Nonsense {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What it says of itself rules it out, so its content was not fetched.
    #[error("`{what}` is not for this host: {reason}")]
    Unfit {
        /// What was asked for.
        what: String,
        /// Why not.
        reason: String,
    },
}

/// The start of a text that somebody else wrote, as a message may show it.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut excerpt: String = text
        .trim()
        .chars()
        .take(LONGEST)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if text.trim().chars().count() > LONGEST {
        excerpt.push('…');
    }
    excerpt
}
