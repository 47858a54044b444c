//! Tests of the process runner with real children.

use std::sync::Arc;

use taffrail_core::launch::{ExitStatus, Stream, TaskIdentity};
use taffrail_core::output::Masker;
use taffrail_core::plan::EnvVar;
use taffrail_engine::cancel::Cancel;
use taffrail_engine::drive::{DriveSettings, Driven, OutputSink, TaskOutput, drive};

use super::*;

#[derive(Default)]
struct Kept {
    stdout: String,
    stderr: String,
}

impl OutputSink for Kept {
    fn output(&mut self, item: TaskOutput<'_>) {
        if let TaskOutput::Lines { stream, bytes, .. } = item {
            let text = match stream {
                Stream::Stdout => &mut self.stdout,
                Stream::Stderr => &mut self.stderr,
            };
            text.push_str(&String::from_utf8_lossy(bytes));
        }
    }
}

fn spec(working_dir: &Path, argv: &[&str]) -> LaunchSpec {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    LaunchSpec {
        identity: TaskIdentity {
            namespace: "test".into(),
            flow: "flow".into(),
            execution: "execution".into(),
            task: "task".into(),
            task_run: format!(
                "run{}",
                NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            ),
            attempt: 1,
        },
        argv: argv.iter().map(|argument| argument.to_string()).collect(),
        env: vec![EnvVar {
            name: "SET".into(),
            value: "by the flow".into(),
        }],
        working_dir: working_dir.to_owned(),
        private_dir: working_dir.join(".private"),
        image: None,
        moves_files: false,
    }
}

async fn run(argv: &[&str]) -> (Driven, Kept) {
    let folder = tempfile::tempdir().unwrap();
    let host = HostProfile::new([
        ("PATH".into(), "/usr/bin:/bin".into()),
        ("SECRET".into(), "of the host".into()),
    ]);
    let runner = ProcessRunner::new(ProcessSettings::default(), host);
    let launched = runner
        .launch(&spec(folder.path(), argv), LaunchContext::unattended())
        .await
        .unwrap();
    let mut kept = Kept::default();
    let settings = DriveSettings {
        deadline: Some(Duration::from_secs(20)),
        grace: Duration::from_secs(1),
        cancel: Cancel::new(),
        masker: Masker::new(),
        capture: false,
        fetch: None,
    };
    let driven = drive(launched, settings, &mut kept).await;
    assert!(
        driven.failure.is_none() && driven.dispose_failure.is_none(),
        "{driven:?}"
    );
    (driven, kept)
}

#[tokio::test]
async fn output_and_exit_code_arrive() {
    let (driven, kept) = run(&["sh", "-c", "echo hello; echo oops >&2; env; exit 3"]).await;
    let exit = driven.exit.unwrap();
    assert_eq!(exit.status, ExitStatus::Code(3));
    assert_eq!(exit.left_behind, Vec::<String>::new());
    assert_eq!(kept.stderr, "oops\n");
    let mut lines: Vec<&str> = kept
        .stdout
        .lines()
        .filter(|line| !line.starts_with("PWD="))
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines[..3],
        ["PATH=/usr/bin:/bin", "SET=by the flow", "hello"][..2]
            .iter()
            .copied()
            .chain([lines[2]])
            .collect::<Vec<_>>()[..]
    );
    assert!(
        lines[2].starts_with("TAFFRAIL_TASK_RUN=execution/run"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn what_is_left_behind_is_ended_and_named() {
    let begun = std::time::Instant::now();
    let (driven, kept) = run(&[
        "sh",
        "-c",
        "sleep 77 >/dev/null 2>&1 & setsid sleep 78 & echo done",
    ])
    .await;
    let mut left_behind = driven.exit.unwrap().left_behind;
    left_behind.sort();
    assert_eq!(kept.stdout, "done\n");
    assert_eq!(left_behind.len(), 2, "{left_behind:?}");
    assert!(
        left_behind
            .iter()
            .all(|name| name.starts_with("sleep (pid ")),
        "{left_behind:?}"
    );
    assert!(
        begun.elapsed() < DRAIN + Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    for name in left_behind {
        let pid = name
            .trim_end_matches(')')
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(table::Entry::read(pid), None, "{name}");
    }
}

#[tokio::test]
async fn tasks_at_the_same_time_do_not_touch_each_other() {
    let mut tasks = Vec::new();
    let order = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let ended = async |argv: &'static [&'static str]| {
        let (driven, kept) = run(argv).await;
        order.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (driven.exit.unwrap(), kept.stdout)
    };
    let long = ended(&[
        "sh",
        "-c",
        "(setsid sh -c 'sleep 1; echo daemon' &); sleep 1.5; echo long",
    ]);
    let short = async {
        for _ in 0..20 {
            tasks.push(
                ended(&[
                    "sh",
                    "-c",
                    "(setsid sleep 79 >/dev/null 2>&1 &); echo short",
                ])
                .await,
            );
        }
    };
    let (long, ()) = tokio::join!(long, short);
    assert_eq!(long.1, "daemon\nlong\n");
    assert_eq!(long.0.left_behind, Vec::<String>::new());
    for (exit, stdout) in tasks {
        assert_eq!((exit.left_behind.len(), stdout.as_str()), (1, "short\n"));
    }
}
