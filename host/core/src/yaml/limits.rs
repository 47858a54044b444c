//! How large a YAML file may be and become; the reader stops at the first limit it meets.

/// What a file may cost at most. The defaults fit every flow a person writes and stop every file written to hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Collections inside each other.
    pub depth: usize,
    /// Nodes, keys not counted, after aliases and merge keys are expanded.
    pub nodes: usize,
    /// Characters of one key.
    pub key_length: usize,
    /// Diagnostics before the rest is only counted.
    pub diagnostics: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            depth: 64,
            nodes: 100_000,
            key_length: 1024,
            diagnostics: 20,
        }
    }
}
