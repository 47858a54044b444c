//! What a person sees while an image comes: one line that is rewritten on a terminal, and a line now and then elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use taffrail_engine::ports::PullProgress;

use crate::outlet::{self, To};

/// How often a line is written where lines cannot be rewritten.
const EVERY: Duration = Duration::from_secs(10);

/// Goes to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Shows pulls on standard error.
pub struct PullLines {
    rewrites: bool,
    /// Image to when a line of it was written last.
    shown: BTreeMap<String, Instant>,
    /// Whether a line stands there that is not ended, as it will be rewritten.
    open: bool,
}

impl PullLines {
    /// Asks standard error whether lines can be rewritten there.
    pub fn new() -> Self {
        Self {
            rewrites: std::io::stderr().is_terminal(),
            shown: BTreeMap::new(),
            open: false,
        }
    }

    /// Takes the line away that will be rewritten, so that another can be printed in its place.
    pub fn step_aside(&mut self) {
        if std::mem::take(&mut self.open) {
            outlet::write(To::Stderr, CLEAR.as_bytes());
        }
    }

    /// Shows how far a pull is.
    pub fn show(&mut self, task: &str, progress: &PullProgress) {
        let last = self.shown.get(&progress.image).copied();
        let due = last.is_none_or(|last| last.elapsed() >= EVERY);
        if !(self.rewrites || due || progress.done) {
            return;
        }
        let text = format!("{task}: {}", line(progress));
        let shown = if self.rewrites {
            self.open = !progress.done;
            let end = if progress.done { "\n" } else { "" };
            format!("{CLEAR}{text}{end}")
        } else {
            format!("{text}\n")
        };
        outlet::write(To::Stderr, shown.as_bytes());
        if progress.done {
            self.shown.remove(&progress.image);
        } else {
            self.shown.insert(progress.image.clone(), Instant::now());
        }
    }
}

fn line(progress: &PullProgress) -> String {
    let image = &progress.image;
    if progress.done {
        return format!("pulled `{image}`");
    }
    let mut text = format!("pulling `{image}`");
    if progress.layers > 0 {
        text.push_str(&format!(
            ", {} of {} layers",
            progress.layers_done, progress.layers
        ));
    }
    if progress.bytes_total > 0 {
        text.push_str(&format!(
            ", {} of {}",
            bytes(progress.bytes),
            bytes(progress.bytes_total)
        ));
        if progress.bytes == progress.bytes_total && progress.layers_done < progress.layers {
            text.push_str(", unpacking");
        }
    }
    text
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_is_told_in_layers_and_bytes() {
        let mut progress = PullProgress {
            image: "a:1".to_owned(),
            ..PullProgress::default()
        };
        assert_eq!(line(&progress), "pulling `a:1`");
        progress.layers = 3;
        progress.layers_done = 1;
        progress.bytes = 1536;
        progress.bytes_total = 5 * 1024 * 1024;
        assert_eq!(
            line(&progress),
            "pulling `a:1`, 1 of 3 layers, 1.5 KiB of 5.0 MiB"
        );
        progress.bytes = progress.bytes_total;
        assert!(line(&progress).ends_with("5.0 MiB of 5.0 MiB, unpacking"));
        progress.done = true;
        assert_eq!(line(&progress), "pulled `a:1`");
    }
}
