//! The bytes that were kept of fuzzing, and changed copies of them, for a short while each. `tests/fuzz/run.sh` looks further.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use taffrail_tests::fuzz::{TARGETS, Target};
use taffrail_tests::numbers::Numbers;

/// How long changed copies are tried, for each target.
const A_WHILE: Duration = Duration::from_secs(4);

/// How long one input may take in this build: ten times what any takes, but for what limits end.
const LONGEST: Duration = Duration::from_secs(20);

/// Words that matter to somebody.
const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "id:",
    "tasks:",
    "- ",
    "  ",
    ": ",
    "&a",
    "*a",
    "<<",
    "|",
    ">",
    "'",
    "\"",
    "\\",
    "::{",
    "}::",
    "\n",
    "\r\n",
    "\0",
    "outputs",
    "metrics",
    "~",
    "??",
    "| jq('.')",
    "1e999",
    "-1",
    "\u{feff}",
    "é",
    "../",
    "/etc",
    "\0asm",
    "[[[[",
    "secret('x')",
    "io.kestra.",
];

fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a file").path())
        .collect();
    if name == "plugin" {
        files.push(folder.join("../../../../plugins/bundled/shell/1.0.0/plugin.wasm"));
    }
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("a kept file"))
        .collect()
}

/// One of them, changed a little.
fn changed(all: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = all[numbers.below(all.len())].clone();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        let until = (at + 1 + numbers.below(16)).min(bytes.len());
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 if at < bytes.len() => drop(bytes.drain(at..until)),
            2 if at < bytes.len() => {
                let again = bytes[at..until].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let other = &all[numbers.below(all.len())];
                let from = numbers.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            4 => drop(bytes.splice(at..at, [numbers.next_number().to_le_bytes()[0]])),
            _ => {
                let word = WORDS[numbers.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
    bytes
}

fn try_one(name: &str, target: Target, bytes: &[u8]) {
    let begun = Instant::now();
    let ended = std::panic::catch_unwind(|| target(bytes));
    let took = begun.elapsed();
    assert!(
        ended.is_ok() && took < LONGEST,
        "{name} after {took:?} with {:?}",
        String::from_utf8_lossy(bytes)
    );
}

#[test]
fn bytes_of_others_are_read_or_refused() {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for (name, target) in TARGETS {
        let kept = kept(name);
        assert!(!kept.is_empty(), "nothing is kept for {name}");
        for bytes in &kept {
            try_one(name, *target, bytes);
        }
        let mut numbers = Numbers::new(seed);
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < A_WHILE {
            try_one(name, *target, &changed(&kept, &mut numbers));
            count += 1;
        }
        println!("{name}: {} kept, {count} changed copies", kept.len());
    }
}
