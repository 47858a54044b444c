//! Hides secrets in all that a task prints, whatever the chunking; knows values, not where they come from.
//!
//! Not promised: values that the task itself transformed (reversed, cut in pieces, compressed).

mod forms;
mod patterns;
mod stream;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use patterns::Patterns;
pub use stream::MaskStream;

/// What stands where a secret stood.
pub const MASK: &str = "******";

/// Shorter values are not masked: they would hide ordinary text.
pub const MIN_SECRET: usize = 6;

/// The secrets of one execution. Clones share them; secrets may be added at any time.
#[derive(Clone, Default)]
pub struct Masker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    generation: AtomicU64,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    values: Vec<String>,
    patterns: Arc<Patterns>,
}

impl Masker {
    /// A masker without secrets: everything passes as it is.
    pub fn new() -> Self {
        Masker::default()
    }

    /// Adds secrets. Gives back the positions, in the order of `secrets`, of those that are too short to be masked
    /// ([`MIN_SECRET`]); the caller warns about them. Adding many at once is cheaper than one by one.
    pub fn add<S: Into<String>>(&self, secrets: impl IntoIterator<Item = S>) -> Vec<usize> {
        let mut too_short = Vec::new();
        let mut state = self
            .shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = state.values.len();
        for (position, secret) in secrets.into_iter().enumerate() {
            let secret = secret.into();
            if secret.len() < MIN_SECRET {
                too_short.push(position);
            } else if !state.values.contains(&secret) {
                state.values.push(secret);
            }
        }
        if state.values.len() > before {
            let patterns: Vec<Vec<u8>> = state
                .values
                .iter()
                .flat_map(|value| forms::forms(value))
                .collect();
            state.patterns = Arc::new(Patterns::new(patterns));
            self.shared.generation.fetch_add(1, Ordering::Release);
        }
        too_short
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.generation() == 0
    }

    /// Hides every secret of a whole text.
    pub fn mask_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let patterns = self.patterns();
        let mut masked = Vec::new();
        let mut pieces = 0;
        stream::scan_whole(&patterns, text.as_bytes(), |piece| {
            pieces += 1;
            masked.extend_from_slice(piece);
        });
        if pieces <= 1 && masked == text.as_bytes() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(match String::from_utf8(masked) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// A masker for one stream of bytes.
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(self.clone())
    }

    /// How often secrets were added; 0 as long as there are none.
    fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    fn patterns(&self) -> Arc<Patterns> {
        self.shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .patterns
            .clone()
    }
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Masker")
    }
}

#[cfg(test)]
mod tests;
