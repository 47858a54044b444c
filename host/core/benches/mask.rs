//! How fast 50 secrets are looked for in ordinary text, beside looking at each byte of it.

#![expect(clippy::print_stdout, reason = "a benchmark's answer goes to stdout")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use taffrail_core::output::Masker;

const ROUNDS: usize = 15;

/// How much text, in bytes, and in what pieces it comes.
const TEXT: usize = 64 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

fn main() {
    let line = "2026-11-26T04:20:43Z INFO step 17 of 4000: read 1024 rows from table orders\n";
    let text = line.repeat(TEXT / line.len());
    let masker = Masker::new();
    // As long as tokens are, and unlike the text but for their letters.
    masker.add(
        (0..50).map(|number| format!("token-{number:02}-{:016x}", number * 0x9e37_79b9_7f4a_u64)),
    );
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(time(|| {
            for piece in text.as_bytes().chunks(PIECE) {
                black_box(piece.iter().fold(0_u8, |sum, byte| sum ^ byte));
            }
        }));
        ours.push(time(|| {
            let mut stream = masker.stream();
            let mut length = 0;
            for piece in text.as_bytes().chunks(PIECE) {
                stream.push(piece, |bytes| length += black_box(bytes).len());
            }
            stream.finish(|bytes| length += bytes.len());
            assert_eq!(length, text.len());
        }));
    }
    let rate = |times: Vec<Duration>| text.len() as f64 / 1e6 / median(times).as_secs_f64();
    println!(
        "masking of 50 secrets: {:.0} MB/s (goal: at least 300); each byte looked at: {:.0} MB/s",
        rate(ours),
        rate(floor)
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
