//! Compares reading a flow of 1,000 tasks into a tree with places to reading it into a value without, in the same run.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use taffrail_core::text::{Colours, printable_bytes};
use taffrail_core::yaml::{Limits, parse};

const ROUNDS: usize = 40;

fn main() {
    for tasks in [10, 1000] {
        compare(&flow(tasks, ""));
    }
    compare(&flow(1000, " – übergrößen"));
    hostile();
    sanitiser();
}

/// Texts of four megabytes that are refused, or are read in full because they are harmless.
fn hostile() {
    for (name, text) in [
        (
            "a text block",
            format!("a: |\n{}", "  a line of text\n".repeat(240_000)),
        ),
        ("a list", "- 1\n".repeat(1_000_000)),
        (
            "a list in brackets",
            format!("a: [{}]", "1,".repeat(2_000_000)),
        ),
        (
            "a first list in brackets",
            format!("[{}", "1,".repeat(2_000_000)),
        ),
        ("equal keys", "a: b\n".repeat(800_000)),
        ("brackets", "[".repeat(4_000_000)),
        ("NULs", "\0".repeat(4_000_000)),
    ] {
        let took = time(|| {
            black_box(parse(black_box(&text), &Limits::default()));
        });
        println!("{} bytes of {name}: {took:.1?}", text.len());
    }
}

fn compare(text: &str) {
    let limits = Limits::default();
    assert!(parse(text, &limits).root.is_some());
    let (mut ours, mut json, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(time(|| {
            black_box(parse(black_box(text), &limits));
        }));
        json.push(time(|| {
            black_box(
                parse(black_box(text), &limits)
                    .root
                    .map(|root| root.to_json()),
            );
        }));
        floor.push(time(|| {
            black_box(serde_yaml::from_str::<serde_json::Value>(black_box(text)).ok());
        }));
    }
    let [ours, json, floor] = [ours, json, floor].map(median);
    let per = |time: Duration| time.as_secs_f64() / floor.as_secs_f64();
    println!(
        "{:>7} bytes: serde_yaml to JSON {floor:>9.1?}, tree with places {ours:>9.1?} ({:.2}), and its JSON {json:>9.1?} ({:.2})",
        text.len(),
        per(ours),
        per(json)
    );
}

fn sanitiser() {
    let plain = "2026-01-01T00:00:00Z INFO a line of output as tasks write them\n".repeat(20_000);
    let accents = "2026-01-01T00:00:00Z INFO eine Zeile, größer als sonst – ok\n".repeat(20_000);
    for (name, text) in [("ASCII", plain), ("accents", accents)] {
        let took = median(
            (0..ROUNDS)
                .map(|_| {
                    time(|| {
                        black_box(printable_bytes(black_box(text.as_bytes()), Colours::Keep));
                    })
                })
                .collect(),
        );
        println!(
            "sanitiser, {name}: {:.2} GB/s",
            text.len() as f64 / took.as_nanos() as f64
        );
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A flow as people write them: a third of it scripts, the rest short keys and values.
fn flow(tasks: usize, extra: &str) -> String {
    let mut text = String::from(
        "id: large\nnamespace: company.team\n\ninputs:\n  - id: day\n    type: STRING\n\ntasks:\n",
    );
    for task in 0..tasks {
        let _ = write!(
            text,
            "  - id: task_{task}\n    type: io.kestra.plugin.scripts.shell.Commands\n    description: \"step {task}{extra}\"\n    \
             taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    env:\n      DAY: \"{{{{ inputs.day }}}}\"\n      \
             RETRIES: 3\n    commands:\n      - echo \"step {task}\"\n      - |\n        set -e\n        echo '::{{\"outputs\":{{}}}}::'\n"
        );
    }
    text
}
