//! What a plugin may use, as numbers; whoever enforces one of them says its name and its value.

use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The limits of both tiers. A component's tier follows from its file size.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// For compiled languages.
    pub standard: TierLimits,
    /// For components that carry an interpreter; none switches the tier off.
    pub large: Option<TierLimits>,
}

/// What one plugin may use.
#[derive(Debug, Clone, PartialEq)]
pub struct TierLimits {
    /// Size of the component, in bytes.
    pub file: usize,
    /// All linear memories of an instance together, in bytes.
    pub memory: usize,
    /// Elements of all tables of an instance together.
    pub table_elements: usize,
    /// Core instances that one component instance may consist of.
    pub instances: usize,
    /// Linear memories, and tables, of an instance.
    pub memories: usize,
    /// Core functions in the file.
    pub functions: usize,
    /// Code in the file, in bytes.
    pub code: usize,
    /// Code of one function, in bytes: the cost of compiling grows faster than that. Interpreters have the largest, of 400 KiB.
    pub body: usize,
    /// How deep components may lie inside components.
    pub nesting: usize,
    /// Imports and exports of the component and of all that lies in it.
    pub externs: usize,
    /// Types of the component and of all that lies in it.
    pub types: usize,
    /// How long `describe` may take.
    pub describe: Duration,
    /// How long `plan` may take.
    pub plan: Duration,
    /// What one call may copy from the guest to the host, in bytes.
    pub copied: usize,
    /// The guest's stack, in bytes.
    pub stack: usize,
    /// Log lines of one call that are kept.
    pub log_lines: usize,
    /// Log text of one call that is kept, in bytes.
    pub log_bytes: usize,
}

/// What the compilation of one component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Memory of the process that compiles, in bytes.
    pub memory: u64,
    /// Its processor time.
    pub time: Duration,
}

impl TierLimits {
    /// What compiled languages get.
    pub fn standard() -> Self {
        Self {
            file: 8 * MIB,
            memory: 64 * MIB,
            table_elements: 20_000,
            instances: 64,
            memories: 10,
            functions: 20_000,
            code: 4 * MIB,
            body: 128 * KIB,
            nesting: 8,
            externs: 256,
            types: 5_000,
            describe: Duration::from_millis(250),
            plan: Duration::from_millis(500),
            copied: 8 * MIB,
            stack: 512 * KIB,
            log_lines: 1_000,
            log_bytes: 256 * KIB,
        }
    }

    /// What components with an interpreter inside get.
    pub fn large() -> Self {
        Self {
            file: 64 * MIB,
            memory: 256 * MIB,
            table_elements: 50_000,
            instances: 300,
            functions: 80_000,
            code: 32 * MIB,
            body: MIB,
            externs: 2_048,
            types: 20_000,
            // With all else that a run does, a plugin that never answers is ended within a second.
            describe: Duration::from_millis(900),
            plan: Duration::from_millis(900),
            copied: 16 * MIB,
            stack: MIB,
            ..Self::standard()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            standard: TierLimits::standard(),
            large: Some(TierLimits::large()),
        }
    }
}

/// Which of the two sets of limits holds for a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    Standard,
    Large,
}

impl Limits {
    /// The tier of a component of this size; none where it is too large for any.
    pub(crate) fn tier(&self, size: u64) -> Option<Tier> {
        if size <= self.standard.file as u64 {
            return Some(Tier::Standard);
        }
        let large = self.large.as_ref()?;
        (size <= large.file as u64).then_some(Tier::Large)
    }

    /// The limits of a tier.
    pub(crate) fn of(&self, tier: Tier) -> &TierLimits {
        match (tier, &self.large) {
            (Tier::Large, Some(large)) => large,
            _ => &self.standard,
        }
    }

    /// What the compilation of a component of this size may use; none where it is too large for any.
    pub fn compilation(&self, size: u64) -> Option<CompileLimits> {
        // A compiler that was itself compiled for debugging takes many times as long.
        let patience = if cfg!(debug_assertions) { 10 } else { 1 };
        let memory = match self.tier(size)? {
            Tier::Standard => 512 * MIB,
            Tier::Large => 1024 * MIB,
        };
        Some(CompileLimits {
            memory: memory as u64,
            time: Duration::from_secs(patience * (2 + 2 * size.div_ceil(MIB as u64))),
        })
    }

    /// The largest component that may be loaded, in bytes.
    pub fn largest_file(&self) -> u64 {
        self.large
            .as_ref()
            .map_or(self.standard.file, |large| large.file) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_size_picks_the_tier() {
        let limits = Limits::default();
        for (size, expected) in [
            (0, Some(Tier::Standard)),
            (8 << 20, Some(Tier::Standard)),
            ((8 << 20) + 1, Some(Tier::Large)),
            (64 << 20, Some(Tier::Large)),
            ((64 << 20) + 1, None),
        ] {
            assert_eq!(limits.tier(size), expected, "{size}");
        }
        let without = Limits {
            large: None,
            ..Limits::default()
        };
        assert_eq!(without.tier((8 << 20) + 1), None);
        assert_eq!(without.largest_file(), 8 << 20);
    }
}
