//! Output: nothing lost, nothing changed, whatever is written and however much.

use std::time::Duration;

use taffrail_core::launch::Stream;
use taffrail_engine::drive::{OutputSink, TaskOutput};
use taffrail_engine::ports::Step;

use super::subject::{Wish, folder};
use super::{Case, Subject, Verdict, list, must, same};

pub(super) const CASES: &[Case] = list![
    both_streams_are_kept_apart,
    empty_lines_and_a_last_line_without_end_are_kept,
    every_byte_value_arrives,
    two_thousand_lines_arrive_in_order,
    a_character_written_in_two_halves_is_one,
    a_long_line_arrives_in_pieces,
    a_flood_leaves_memory_flat,
    both_streams_at_once_arrive_whole,
    // A container ends with its leader.
    #[shared]
    output_after_the_leader_arrives,
    a_dropped_wait_loses_nothing,
];

async fn both_streams_are_kept_apart(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("echo one; echo two >&2; echo three; echo four >&2")
        .await?;
    same("standard output", ran.out(), "one\nthree\n".to_owned())?;
    same("standard error", ran.err(), "two\nfour\n".to_owned())?;
    same(
        "line counts",
        (ran.driven.stdout_lines, ran.driven.stderr_lines),
        (2, 2),
    )
}

async fn empty_lines_and_a_last_line_without_end_are_kept(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("printf '\\n\\na\\r\\n\\nlast'; printf '\\n' >&2")
        .await?;
    same("standard output", ran.out(), "\n\na\r\n\nlast\n".to_owned())?;
    same("standard error", ran.err(), "\n".to_owned())?;
    same("lines", ran.driven.stdout_lines, 5)
}

async fn every_byte_value_arrives(subject: &Subject) -> Verdict {
    let octal: String = (0..=255).map(|byte| format!("\\{byte:03o}")).collect();
    let ran = subject.sh(&format!("printf '{octal}\\n'")).await?;
    let expected: Vec<u8> = (0..=255).chain([b'\n']).collect();
    same("bytes", ran.stdout, expected)
}

async fn two_thousand_lines_arrive_in_order(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done")
        .await?;
    same("lines", ran.driven.stdout_lines, 2000)?;
    let expected: String = (0..2000).map(|number| format!("line {number}\n")).collect();
    must(ran.out() == expected, || {
        "the lines are not those that were written".to_owned()
    })
}

async fn a_character_written_in_two_halves_is_one(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("printf '\\342'; sleep 0.1; printf '\\202\\254\\n'")
        .await?;
    same("text", ran.out(), "€\n".to_owned())?;
    same("lines", ran.driven.stdout_lines, 1)
}

async fn a_long_line_arrives_in_pieces(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo after")
        .await?;
    same("bytes", ran.stdout.len(), 5_000_001 + "after\n".len())?;
    must(ran.stdout.ends_with(b"x\nafter\n"), || {
        "the end is missing".to_owned()
    })?;
    same("pieces", ran.pieces, 4)?;
    same("lines", ran.driven.stdout_lines, 2)
}

/// Counts, and looks at the memory now and then.
#[derive(Default)]
struct Counting {
    bytes: usize,
    blocks: usize,
    most_memory: u64,
}

impl OutputSink for Counting {
    fn output(&mut self, item: TaskOutput<'_>) {
        if let TaskOutput::Lines { bytes, .. } = item {
            self.bytes += bytes.len();
            self.blocks += 1;
            if self.blocks.is_multiple_of(16) {
                self.most_memory = self.most_memory.max(resident_kib());
            }
        }
    }
}

/// The memory that this process occupies, in KiB; 0 where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

async fn a_flood_leaves_memory_flat(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let line = "0123456789".repeat(6) + "abc";
    let script = format!("yes {line} | head -c 52428800");
    let spec = subject.spec(folder.path(), &["sh", "-c", &script]);
    let before = resident_kib();
    let mut counting = Counting::default();
    let (driven, _) = subject
        .run_into(&spec, Wish::default(), &mut counting)
        .await?;
    same("bytes", counting.bytes, 52_428_800)?;
    same("lines", driven.stdout_lines, 52_428_800 / 64)?;
    let grown = counting.most_memory.saturating_sub(before);
    must(grown < 16 * 1024, || format!("memory grew by {grown} KiB"))
}

async fn both_streams_at_once_arrive_whole(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("yes out | head -n 100000 & yes err | head -n 100000 >&2; wait")
        .await?;
    must(ran.out() == "out\n".repeat(100_000), || {
        format!("{} bytes on standard output", ran.stdout.len())
    })?;
    must(ran.err() == "err\n".repeat(100_000), || {
        format!("{} bytes on standard error", ran.stderr.len())
    })
}

async fn output_after_the_leader_arrives(subject: &Subject) -> Verdict {
    let ran = subject.sh("(sleep 0.5; echo late) & echo first").await?;
    same("output", ran.out(), "first\nlate\n".to_owned())?;
    same("left behind", ran.left_behind(), Vec::new())
}

async fn a_dropped_wait_loses_nothing(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let script = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); [ $((i % 50)) -eq 0 ] && sleep 0.05; done; exit 3";
    let mut launched = subject
        .launch(&subject.spec(folder.path(), &["sh", "-c", script]))
        .await?;
    let mut all = Vec::new();
    let mut buffer = Vec::new();
    let exit = loop {
        match tokio::time::timeout(Duration::from_micros(200), launched.next(&mut buffer)).await {
            Err(_) => {}
            Ok(Ok(Step::Output(Stream::Stdout))) => all.extend_from_slice(&buffer),
            Ok(Ok(Step::Exited(exit))) => break exit,
            Ok(other) => return Err(format!("unexpected: {other:?}")),
        }
    };
    launched
        .dispose()
        .await
        .map_err(|error| error.to_string())?;
    let expected: String = (0..300).map(|number| format!("line {number}\n")).collect();
    must(all == expected.as_bytes(), || {
        String::from_utf8_lossy(&all).into_owned()
    })?;
    must(!exit.status.success(), || {
        "the exit code was lost".to_owned()
    })
}
