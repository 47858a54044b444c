//! What one task costs beside a bare spawn of the same program, one after another and eight at once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may stop"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use taffrail_core::launch::{LaunchSpec, TaskIdentity};
use taffrail_core::output::Masker;
use taffrail_engine::cancel::Cancel;
use taffrail_engine::drive::{DriveSettings, OutputSink, TaskOutput, drive};
use taffrail_engine::ports::{LaunchContext, Runner};
use taffrail_runner::host::HostProfile;
use taffrail_runner::process::{ProcessRunner, ProcessSettings};

const ROUNDS: usize = 21;
const TASKS: usize = 48;
const AT_ONCE: usize = 8;

struct Nowhere;

impl OutputSink for Nowhere {
    fn output(&mut self, _: TaskOutput<'_>) {}
}

fn spec(number: usize) -> LaunchSpec {
    LaunchSpec {
        identity: TaskIdentity {
            namespace: "bench".into(),
            flow: "spawn".into(),
            execution: "execution".into(),
            task: "task".into(),
            task_run: number.to_string(),
            attempt: 1,
        },
        argv: vec!["true".into()],
        env: Vec::new(),
        working_dir: "/".into(),
        private_dir: "/nowhere".into(),
        image: None,
        moves_files: false,
    }
}

async fn task(runner: &ProcessRunner, number: usize) {
    let launched = runner
        .launch(&spec(number), LaunchContext::unattended())
        .await
        .unwrap();
    let settings = DriveSettings {
        deadline: Some(Duration::from_secs(60)),
        grace: Duration::ZERO,
        cancel: Cancel::new(),
        masker: Masker::new(),
        capture: false,
        fetch: None,
    };
    let driven = drive(launched, settings, &mut Nowhere).await;
    assert!(driven.exit.unwrap().status.success());
}

fn bare(program: &std::path::Path) {
    let output = Command::new(program)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert!(output.status.success());
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn timed(times: &mut Vec<Duration>, run: impl FnOnce()) {
    let begun = Instant::now();
    run();
    times.push(begun.elapsed() / TASKS as u32);
}

fn main() {
    let program = ["/usr/bin/true", "/bin/true"]
        .map(std::path::PathBuf::from)
        .into_iter()
        .find(|file| file.exists())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let host = HostProfile::new([("PATH".into(), "/usr/bin:/bin".into())]);
    let runner = ProcessRunner::new(ProcessSettings::default(), host);
    let (mut bare_one, mut task_one, mut bare_many, mut task_many) =
        (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        timed(&mut bare_one, || (0..TASKS).for_each(|_| bare(&program)));
        timed(&mut task_one, || {
            runtime.block_on(async {
                for number in 0..TASKS {
                    task(&runner, number).await;
                }
            });
        });
        timed(&mut bare_many, || {
            std::thread::scope(|scope| {
                for _ in 0..AT_ONCE {
                    scope.spawn(|| (0..TASKS / AT_ONCE).for_each(|_| bare(&program)));
                }
            });
        });
        timed(&mut task_many, || {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                let mut lanes = tokio::task::JoinSet::new();
                for lane in 0..AT_ONCE {
                    let runner = runner.clone();
                    lanes.spawn_local(async move {
                        for number in 0..TASKS / AT_ONCE {
                            task(&runner, lane * TASKS + number).await;
                        }
                    });
                }
                lanes.join_all().await;
            });
        });
    }
    for (name, floor, ours) in [
        ("one after another", bare_one, task_one),
        ("eight at once", bare_many, task_many),
    ] {
        let (floor, ours) = (median(floor), median(ours));
        println!(
            "{name:<20} bare {floor:>9.1?}  task {ours:>9.1?}  ratio {:.2}",
            ours.as_secs_f64() / floor.as_secs_f64()
        );
    }
}
