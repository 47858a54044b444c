//! Masks one stream: holds back only what may be the beginning of a secret, and never by a timer.

use std::sync::Arc;

use super::patterns::Patterns;
use super::{MASK, Masker};

/// Masks the bytes of one stream, in chunks of any size. Line ends inside a secret are kept, so that lines keep their numbers.
pub struct MaskStream {
    masker: Masker,
    patterns: Arc<Patterns>,
    generation: u64,
    /// Not given out yet: it may be the beginning of a secret.
    carry: Vec<u8>,
    /// How the carry begins.
    begun: Begun,
    ranges: Vec<(usize, usize)>,
}

/// What was said of a secret that reaches from what was given out into the carry.
#[derive(Debug, Clone, Copy, Default)]
struct Begun {
    /// So many bytes of the carry belong to it.
    covered: usize,
    /// Whether the mask stands already on the line where it goes on.
    masked: bool,
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        MaskStream {
            generation: masker.generation(),
            patterns: masker.patterns(),
            masker,
            carry: Vec::new(),
            begun: Begun::default(),
            ranges: Vec::new(),
        }
    }

    /// Whether bytes pass as they are.
    pub fn is_passing(&self) -> bool {
        self.carry.is_empty() && self.masker.is_empty()
    }

    /// Takes the next bytes and gives out, in pieces, what can be shown of all so far. Bytes without a secret in them come
    /// out as one piece that is not copied.
    pub fn push(&mut self, bytes: &[u8], give: impl FnMut(&[u8])) {
        let generation = self.masker.generation();
        if generation != self.generation {
            self.generation = generation;
            self.patterns = self.masker.patterns();
        }
        if self.carry.is_empty() {
            let hold = self.patterns.unfinished_from(bytes);
            self.begun = scan(
                &self.patterns,
                bytes,
                hold,
                self.begun,
                &mut self.ranges,
                give,
            );
            self.carry.extend_from_slice(&bytes[hold..]);
        } else {
            self.carry.extend_from_slice(bytes);
            let hold = self.patterns.unfinished_from(&self.carry);
            self.begun = scan(
                &self.patterns,
                &self.carry,
                hold,
                self.begun,
                &mut self.ranges,
                give,
            );
            self.carry.drain(..hold);
        }
    }

    /// The stream has ended: gives out what was held back.
    pub fn finish(&mut self, give: impl FnMut(&[u8])) {
        let carry = std::mem::take(&mut self.carry);
        scan(
            &self.patterns,
            &carry,
            carry.len(),
            self.begun,
            &mut self.ranges,
            give,
        );
        self.begun = Begun::default();
    }
}

/// Shows neither the patterns nor what is held back.
impl std::fmt::Debug for MaskStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MaskStream")
    }
}

/// Gives out a text that has neither a before nor an after.
pub(super) fn scan_whole(patterns: &Patterns, text: &[u8], give: impl FnMut(&[u8])) {
    scan(
        patterns,
        text,
        text.len(),
        Begun::default(),
        &mut Vec::new(),
        give,
    );
}

/// Gives out `text[..hold]` with the mask over every pattern that begins there; says how the rest begins.
fn scan(
    patterns: &Patterns,
    text: &[u8],
    hold: usize,
    begun: Begun,
    ranges: &mut Vec<(usize, usize)>,
    mut give: impl FnMut(&[u8]),
) -> Begun {
    ranges.clear();
    if begun.covered > 0 {
        ranges.push((0, begun.covered));
    }
    // Overlapping secrets are one range: masking one of them must not uncover the end of another.
    patterns.each_match(text, |start, end| match ranges.last_mut() {
        Some(last) if start < last.1 => last.1 = last.1.max(end),
        _ => ranges.push((start, end)),
    });
    let mut given = 0;
    let mut masked = begun.masked && begun.covered > 0;
    let mut left = Begun::default();
    for &(start, end) in ranges.iter() {
        if start >= hold {
            break;
        }
        if given < start {
            give(&text[given..start]);
        }
        if start > 0 || begun.covered == 0 {
            masked = false;
        }
        given = end.min(hold);
        for part in text[start..given].split_inclusive(|&byte| byte == b'\n') {
            let ended = part.last() == Some(&b'\n');
            if !masked && part.len() > usize::from(ended) {
                give(MASK.as_bytes());
                masked = true;
            }
            if ended {
                give(b"\n");
                masked = false;
            }
        }
        if end > hold {
            left = Begun {
                covered: end - hold,
                masked,
            };
        }
    }
    // A range that was begun before and reaches past an empty hold stays as it is.
    if hold == 0 {
        return begun;
    }
    if given < hold {
        give(&text[given..hold]);
    }
    left
}
