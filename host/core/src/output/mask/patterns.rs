//! A set of byte patterns: where one occurs, and how much of a text's end may be the beginning of one.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::MIN_SECRET;

/// Patterns of at least [`MIN_SECRET`] bytes each.
///
/// The automaton knows only the first bytes of each pattern, so that its tables stay small however long the secrets are; the
/// rest of a candidate is compared.
pub(super) struct Patterns {
    /// Sorted, each once.
    sorted: Vec<Vec<u8>>,
    /// For each pattern the longest other one that it begins with.
    shorter: Vec<Option<usize>>,
    /// Finds the first [`MIN_SECRET`] bytes of any pattern; `None` without patterns, or where it could not be built.
    beginnings: Option<AhoCorasick>,
    begins_with: [bool; 256],
    /// For each byte the length of the longest proper beginning of a pattern that ends in it.
    longest_ending_in: [usize; 256],
}

impl Default for Patterns {
    fn default() -> Self {
        Patterns::new(Vec::new())
    }
}

impl Patterns {
    pub(super) fn new(mut sorted: Vec<Vec<u8>>) -> Self {
        sorted.retain(|pattern| pattern.len() >= MIN_SECRET);
        sorted.sort_unstable();
        sorted.dedup();
        let mut shorter = Vec::with_capacity(sorted.len());
        for (index, pattern) in sorted.iter().enumerate() {
            let mut candidate = index.checked_sub(1);
            while let Some(place) = candidate
                && !pattern.starts_with(&sorted[place])
            {
                candidate = shorter[place];
            }
            shorter.push(candidate);
        }
        let mut beginnings: Vec<&[u8]> = sorted
            .iter()
            .map(|pattern| &pattern[..MIN_SECRET])
            .collect();
        beginnings.dedup();
        let build = |kind| {
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(kind))
                .build(&beginnings)
                .ok()
        };
        let automaton = if beginnings.is_empty() {
            None
        } else if beginnings.len() <= 4_000 {
            build(AhoCorasickKind::DFA)
        } else {
            build(AhoCorasickKind::ContiguousNFA)
        };
        let mut begins_with = [false; 256];
        let mut longest_ending_in = [0; 256];
        for pattern in &sorted {
            begins_with[usize::from(pattern[0])] = true;
            for (position, &byte) in pattern[..pattern.len() - 1].iter().enumerate() {
                let longest = &mut longest_ending_in[usize::from(byte)];
                *longest = (*longest).max(position + 1);
            }
        }
        Patterns {
            sorted,
            shorter,
            beginnings: automaton,
            begins_with,
            longest_ending_in,
        }
    }

    /// Gives every place where a pattern stands whole, ordered by where it starts; of several with one start the longest.
    pub(super) fn each_match(&self, text: &[u8], mut give: impl FnMut(usize, usize)) {
        match &self.beginnings {
            Some(beginnings) => {
                for found in beginnings.find_overlapping_iter(text) {
                    if let Some(length) = self.longest_at(&text[found.start()..]) {
                        give(found.start(), found.start() + length);
                    }
                }
            }
            None if self.sorted.is_empty() => {}
            // More patterns than an automaton can hold: slow, but nothing leaks.
            None => {
                for start in 0..text.len() {
                    if self.begins_with[usize::from(text[start])]
                        && let Some(length) = self.longest_at(&text[start..])
                    {
                        give(start, start + length);
                    }
                }
            }
        }
    }

    /// Where the part of the text begins that may be the beginning of a pattern; the text's length if there is none.
    pub(super) fn unfinished_from(&self, text: &[u8]) -> usize {
        let Some(&last) = text.last() else { return 0 };
        let longest = self.longest_ending_in[usize::from(last)].min(text.len());
        (text.len() - longest..text.len())
            .find(|&start| {
                self.begins_with[usize::from(text[start])]
                    && self.is_proper_beginning(&text[start..])
            })
            .unwrap_or(text.len())
    }

    fn is_proper_beginning(&self, text: &[u8]) -> bool {
        let next = self
            .sorted
            .partition_point(|pattern| pattern.as_slice() <= text);
        self.sorted
            .get(next)
            .is_some_and(|pattern| pattern.starts_with(text))
    }

    /// The length of the longest pattern that the text begins with. All patterns that it begins with are beginnings of the
    /// greatest pattern not greater than the text.
    fn longest_at(&self, text: &[u8]) -> Option<usize> {
        let mut candidate = self
            .sorted
            .partition_point(|pattern| pattern.as_slice() <= text)
            .checked_sub(1);
        while let Some(place) = candidate {
            if text.starts_with(&self.sorted[place]) {
                return Some(self.sorted[place].len());
            }
            candidate = self.shorter[place];
        }
        None
    }
}
