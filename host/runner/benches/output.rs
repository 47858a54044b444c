//! How fast a flood of short lines passes: only counted, as one JSON record a line, and with secrets to hide.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may stop"
)]

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use taffrail_core::launch::{LaunchSpec, TaskIdentity};
use taffrail_core::output::{Masker, RecordHead, append_records};
use taffrail_engine::cancel::Cancel;
use taffrail_engine::drive::{DriveSettings, OutputSink, TaskOutput, drive};
use taffrail_engine::ports::{LaunchContext, Runner};
use taffrail_runner::host::HostProfile;
use taffrail_runner::process::{ProcessRunner, ProcessSettings};

const BYTES: usize = 200_000_000;
const ROUNDS: usize = 5;

struct Counting(usize);

impl OutputSink for Counting {
    fn output(&mut self, item: TaskOutput<'_>) {
        if let TaskOutput::Lines { bytes, .. } = item {
            self.0 += bytes.len();
        }
    }
}

struct Recording {
    out: std::fs::File,
    buffer: Vec<u8>,
    seq: u64,
}

impl OutputSink for Recording {
    fn output(&mut self, item: TaskOutput<'_>) {
        if let TaskOutput::Lines {
            stream,
            bytes,
            continued,
        } = item
        {
            let head = RecordHead {
                time: "2026-11-21T08:00:00.000000Z",
                task: "flood",
                stream,
                inside: None,
            };
            self.buffer.clear();
            append_records(&mut self.buffer, &mut self.seq, head, bytes, continued);
            self.out.write_all(&self.buffer).unwrap();
        }
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// How long this thread has been computing; on a busy machine the clock on the wall says little.
fn computing() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        text.split(' ')
            .next()
            .and_then(|nanos| nanos.parse().ok())
            .unwrap_or(0),
    )
}

fn flood(file: &str, masker: Masker, sink: &mut dyn OutputSink) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let host = HostProfile::new([("PATH".into(), "/usr/bin:/bin".into())]);
    let runner = ProcessRunner::new(ProcessSettings::default(), host);
    let spec = LaunchSpec {
        identity: TaskIdentity {
            namespace: "bench".into(),
            flow: "output".into(),
            execution: "execution".into(),
            task: "flood".into(),
            task_run: "1".into(),
            attempt: 1,
        },
        argv: vec!["cat".into(), file.into()],
        env: Vec::new(),
        working_dir: "/".into(),
        private_dir: "/nowhere".into(),
        image: None,
        moves_files: false,
    };
    let settings = DriveSettings {
        deadline: Some(Duration::from_secs(600)),
        grace: Duration::ZERO,
        cancel: Cancel::new(),
        masker,
        capture: false,
        fetch: None,
    };
    let driven = runtime.block_on(async {
        drive(
            runner
                .launch(&spec, LaunchContext::unattended())
                .await
                .unwrap(),
            settings,
            sink,
        )
        .await
    });
    assert!(driven.exit.unwrap().status.success());
    assert_eq!(driven.stdout_lines as usize, BYTES / 64);
}

fn floor(file: &str) {
    let mut child = Command::new("cat")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let mut all = 0;
    loop {
        match pipe.read(&mut buffer).unwrap() {
            0 => break,
            length => all += length,
        }
    }
    child.wait().unwrap();
    assert_eq!(all, BYTES);
}

fn secrets() -> Vec<String> {
    (0..50)
        .map(|number| {
            format!(
                "s3cr3t-{number:03}-{:016x}",
                0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1)
            )
        })
        .collect()
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines").display().to_string();
    let words = [
        "INFO",
        "request",
        "from",
        "10.0.0.7",
        "took",
        "12ms",
        "status=200",
        "path=/api/v1/items",
        "user",
        "cafe",
    ];
    let mut text = Vec::with_capacity(BYTES);
    let mut number = 0_usize;
    while text.len() < BYTES {
        let mut line = format!("{number:08}");
        let mut word = number;
        while line.len() < 63 {
            word = word.wrapping_mul(31).wrapping_add(7);
            line.push(' ');
            line.push_str(words[word % words.len()]);
        }
        line.truncate(63);
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        number += 1;
    }
    std::fs::write(&file, &text).unwrap();

    let masker = || {
        let masker = Masker::new();
        masker.add(secrets());
        masker
    };
    let alone = {
        let masker = masker();
        let mut rates: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let mut stream = masker.stream();
                let mut shown = 0;
                let begun = computing();
                text.chunks(256 * 1024)
                    .for_each(|chunk| stream.push(chunk, |piece| shown += piece.len()));
                stream.finish(|piece| shown += piece.len());
                assert_eq!(shown, BYTES);
                computing() - begun
            })
            .collect();
        rates.sort_unstable();
        rates[ROUNDS / 2]
    };
    drop(text);

    type Play<'a> = Box<dyn Fn() + 'a>;
    let nowhere = || {
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/null")
            .unwrap()
    };
    let plays: [(&str, Play<'_>); 4] = [
        ("floor: read and dropped", Box::new(|| floor(&file))),
        (
            "counted",
            Box::new(|| flood(&file, Masker::new(), &mut Counting(0))),
        ),
        (
            "one record a line",
            Box::new(|| {
                flood(
                    &file,
                    Masker::new(),
                    &mut Recording {
                        out: nowhere(),
                        buffer: Vec::new(),
                        seq: 0,
                    },
                );
            }),
        ),
        (
            "50 secrets, one record a line",
            Box::new(|| {
                flood(
                    &file,
                    masker(),
                    &mut Recording {
                        out: nowhere(),
                        buffer: Vec::new(),
                        seq: 0,
                    },
                );
            }),
        ),
    ];
    let mut times = vec![Vec::new(); plays.len()];
    let mut computed = vec![Vec::new(); plays.len()];
    for _ in 0..ROUNDS {
        for (index, (_, play)) in plays.iter().enumerate() {
            let (begun, before) = (Instant::now(), computing());
            play();
            times[index].push(begun.elapsed());
            computed[index].push(computing() - before);
        }
    }
    let mut base = Duration::ZERO;
    for ((name, _), (mut times, mut computed)) in plays.iter().zip(times.into_iter().zip(computed))
    {
        times.sort_unstable();
        computed.sort_unstable();
        let (median, computed) = (times[ROUNDS / 2], computed[ROUNDS / 2]);
        if base.is_zero() {
            base = median;
        }
        let rate = |time: Duration| BYTES as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{name:<32} {median:>9.1?} {:>7.0} MB/s  ratio {:.2}  (own CPU {computed:>9.1?}, {:>7.0} MB/s)",
            rate(median),
            median.as_secs_f64() / base.as_secs_f64(),
            rate(computed)
        );
    }
    println!(
        "{:<32} {alone:>9.1?} {:>7.0} MB/s",
        "masker alone, 50 secrets (CPU)",
        BYTES as f64 / 1e6 / alone.as_secs_f64()
    );
    println!(
        "peak memory of the process, the text of {} MB included: {} MB",
        BYTES / 1_000_000,
        resident_kib() / 1024
    );
}
