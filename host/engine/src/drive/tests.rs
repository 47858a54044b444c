//! Tests of the drive loop against a scripted program and a hand-driven clock.

use std::sync::{Arc, Mutex};

use taffrail_core::launch::ExitStatus;

use super::*;
use crate::testing::{Act, Calls, scripted};

/// Keeps what it is given, in words.
#[derive(Default)]
struct Kept(Vec<String>);

impl OutputSink for Kept {
    fn output(&mut self, item: TaskOutput<'_>) {
        self.0.push(match item {
            TaskOutput::Lines {
                stream,
                bytes,
                continued,
            } => {
                let name = match stream {
                    Stream::Stdout => "out",
                    Stream::Stderr => "err",
                };
                let cut = if continued { "+" } else { "" };
                format!("{name}{cut} {}", String::from_utf8_lossy(bytes))
            }
            TaskOutput::Log { level, message } => format!("{level} {message}"),
            TaskOutput::Warning(message) => format!("! {message}"),
            TaskOutput::Metric(metric) => format!("metric {} {}", metric.name, metric.value),
        });
    }
}

fn settings() -> DriveSettings<'static> {
    DriveSettings {
        deadline: None,
        grace: Duration::from_secs(5),
        cancel: Cancel::new(),
        masker: Masker::new(),
        capture: false,
        fetch: None,
    }
}

struct Outcome {
    driven: Driven,
    said: Vec<String>,
    calls: Calls,
    took: Duration,
}

async fn run(script: Vec<Act>, settings: DriveSettings<'_>) -> Outcome {
    let (launched, calls) = scripted(script);
    let mut kept = Kept::default();
    let begun = Instant::now();
    let driven = drive(launched, settings, &mut kept).await;
    let calls: Arc<Mutex<Calls>> = calls;
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.disposed, 1);
    Outcome {
        driven,
        said: kept.0,
        calls,
        took: begun.elapsed(),
    }
}

/// Raises the wish to cancel at the given times.
fn cancel_at(times: &[(u64, CancelLevel)]) -> Cancel {
    let cancel = Cancel::new();
    for &(seconds, level) in times {
        let cancel = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            cancel.raise(level);
        });
    }
    cancel
}

fn out(text: &str) -> Act {
    Act::Output(Stream::Stdout, text.into())
}

fn err(text: &str) -> Act {
    Act::Output(Stream::Stderr, text.into())
}

const WELL: Act = Act::Exit(ExitStatus::Code(0), Vec::new());
const BY_TERM: Act = Act::Exit(ExitStatus::Signal(15), Vec::new());
const BY_KILL: Act = Act::Exit(ExitStatus::Signal(9), Vec::new());

#[tokio::test(start_paused = true)]
async fn output_is_cut_into_lines_and_kept_apart() {
    let outcome = run(
        vec![out("a\nb"), err("x\n\n"), out("c\n"), out("end"), WELL],
        settings(),
    )
    .await;
    assert_eq!(
        outcome.said,
        vec!["out a\n", "err x\n\n", "out bc\n", "out end\n"]
    );
    assert_eq!(
        (outcome.driven.stdout_lines, outcome.driven.stderr_lines),
        (3, 2)
    );
    assert_eq!(outcome.driven.stdout_tail, vec!["a", "bc", "end"]);
    assert_eq!(outcome.driven.stderr_tail, vec!["x", ""]);
    assert_eq!(outcome.driven.ended_by, EndedBy::Itself);
    assert_eq!(outcome.calls.stops, vec![]);
}

#[tokio::test(start_paused = true)]
async fn markers_on_both_streams_become_outputs_metrics_and_logs() {
    let outcome = run(
        vec![
            out("before\n::{\"outputs\":{\"a\":1}}::\nafter\n"),
            err("::{\"outputs\":{\"b\":null},\"metrics\":[{\"name\":\"m\",\"type\":\"counter\",\"value\":2}]}::\n"),
            err("::{\"metrics\":[{\"name\":\"m\",\"type\":\"counter\",\"value\":3}],\"logs\":[{\"level\":\"WARN\",\"message\":\"careful\"}]}::\n"),
            out("::{oops}::\n::{\"assets\":{}}::"),
            WELL,
        ],
        settings(),
    )
    .await;
    assert_eq!(
        Value::Object(outcome.driven.vars),
        serde_json::json!({"a": 1, "b": null})
    );
    assert_eq!(
        outcome
            .driven
            .metrics
            .iter()
            .map(|metric| metric.value)
            .collect::<Vec<_>>(),
        vec![5.0]
    );
    assert_eq!(
        (outcome.driven.stdout_lines, outcome.driven.stderr_lines),
        (5, 2)
    );
    assert_eq!(
        outcome.said,
        vec![
            "out before\n",
            "out after\n",
            "metric m 2",
            "metric m 3",
            "WARN careful",
            "! this `::{...}::` line is not read, because it is not JSON: key must be a string at line 1 column 2: ::{oops}::",
            "out ::{oops}::\n",
            "DEBUG `assets` of a `::{...}::` line is accepted and not used",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn secrets_are_hidden_in_lines_logs_warnings_metrics_and_tails_but_not_in_outputs() {
    let settings = settings();
    settings.masker.add(["hunter2", "line one\nline two"]);
    let outcome = run(
        vec![
            out("a hun"),
            out("ter2\nline one\n"),
            err("hunter2\n"),
            out("line two\n::{\"outputs\":{\"p\":\"hunter2\"},\"logs\":[{\"message\":\"hunter2\"}],"),
            out("\"metrics\":[{\"name\":\"hunter2\",\"type\":\"gauge\",\"value\":1}]}::\n::{hunter2}::\n"),
            WELL,
        ],
        settings,
    )
    .await;
    let said = outcome.said.concat();
    assert!(
        !said.contains("hunter2") && !said.contains("line one"),
        "{said}"
    );
    assert_eq!(outcome.driven.vars["p"], "hunter2");
    assert_eq!(
        outcome.driven.stdout_tail,
        vec!["a ******", "******", "******", "::{******}::"]
    );
    assert_eq!(outcome.driven.stderr_tail, vec!["******"]);
}

#[tokio::test(start_paused = true)]
async fn an_overlong_marker_is_text_and_said() {
    let long = format!(
        "::{{\"outputs\":{{\"a\":\"{}\"}}}}::\n",
        "x".repeat(2 << 20)
    );
    let outcome = run(vec![out(&long), WELL], settings()).await;
    assert!(outcome.driven.vars.is_empty());
    assert!(
        outcome.said[0].starts_with("! a `::{...}::` line longer than 1 MiB"),
        "{}",
        outcome.said[0]
    );
    let kinds: Vec<&str> = outcome.said[1..].iter().map(|item| &item[..4]).collect();
    assert_eq!(kinds, vec!["out+", "out+", "out "]);
    assert_eq!(outcome.driven.stdout_lines, 1);
}

#[tokio::test(start_paused = true)]
async fn the_tail_is_the_last_lines_within_bounds() {
    let lines: String = (0..100_000)
        .map(|number| format!("line {number}\n"))
        .collect();
    let outcome = run(
        vec![
            out(&lines),
            err(&"y".repeat(100_000)),
            err("\nlast\n"),
            WELL,
        ],
        settings(),
    )
    .await;
    assert_eq!(outcome.driven.stdout_tail.len(), TAIL_LINES);
    assert_eq!(outcome.driven.stdout_tail[0], "line 99980");
    assert_eq!(outcome.driven.stdout_tail[19], "line 99999");
    assert_eq!(outcome.driven.stderr_tail, vec!["last"]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_asks_then_kills_and_the_output_after_it_counts() {
    let deadline = Some(Duration::from_secs(10));
    let script = vec![
        Act::WaitFor(Stop::Ask),
        out("closing\n"),
        Act::WaitFor(Stop::Kill),
        out("late\n"),
        BY_KILL,
    ];
    let outcome = run(
        script,
        DriveSettings {
            deadline,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.driven.ended_by, EndedBy::Timeout);
    assert_eq!(outcome.driven.exit.unwrap().status, ExitStatus::Signal(9));
    assert_eq!(outcome.calls.stops, vec![Stop::Ask, Stop::Kill]);
    assert_eq!(outcome.said, vec!["out closing\n", "out late\n"]);
    assert_eq!(outcome.took, Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn an_exit_within_the_grace_period_is_not_killed() {
    let deadline = Some(Duration::from_secs(10));
    let script = vec![
        Act::WaitFor(Stop::Ask),
        Act::Wait(Duration::from_secs(2)),
        BY_TERM,
    ];
    let outcome = run(
        script,
        DriveSettings {
            deadline,
            ..settings()
        },
    )
    .await;
    assert_eq!(
        (outcome.driven.ended_by, outcome.calls.stops),
        (EndedBy::Timeout, vec![Stop::Ask])
    );
    assert_eq!(outcome.took, Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn without_grace_it_is_killed_at_once() {
    let script = vec![Act::WaitFor(Stop::Kill), BY_KILL];
    let cancel = cancel_at(&[(1, CancelLevel::Ask)]);
    let outcome = run(
        script,
        DriveSettings {
            grace: Duration::ZERO,
            cancel,
            ..settings()
        },
    )
    .await;
    assert_eq!(
        (outcome.driven.ended_by, outcome.calls.stops),
        (EndedBy::Cancel, vec![Stop::Kill])
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_cancel_kills_at_once() {
    let script = vec![Act::WaitFor(Stop::Kill), BY_KILL];
    let cancel = cancel_at(&[(1, CancelLevel::Ask), (2, CancelLevel::Kill)]);
    let outcome = run(
        script,
        DriveSettings {
            cancel,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.calls.stops, vec![Stop::Ask, Stop::Kill]);
    assert_eq!(outcome.took, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn what_came_first_ended_it() {
    let deadline = Some(Duration::from_secs(10));
    let script = || vec![Act::WaitFor(Stop::Kill), BY_KILL];
    let cancel = cancel_at(&[(12, CancelLevel::Ask), (13, CancelLevel::Kill)]);
    let outcome = run(
        script(),
        DriveSettings {
            deadline,
            cancel,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.driven.ended_by, EndedBy::Timeout);
    assert_eq!(outcome.took, Duration::from_secs(13));

    let cancel = cancel_at(&[(8, CancelLevel::Ask)]);
    let outcome = run(
        script(),
        DriveSettings {
            deadline,
            cancel,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.driven.ended_by, EndedBy::Cancel);
    assert_eq!(outcome.took, Duration::from_secs(13));
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_was_there_before_ends_it_at_once() {
    let cancel = Cancel::new();
    cancel.raise(CancelLevel::Kill);
    let outcome = run(
        vec![Act::WaitFor(Stop::Kill), BY_KILL],
        DriveSettings {
            cancel,
            ..settings()
        },
    )
    .await;
    assert_eq!(
        (outcome.driven.ended_by, outcome.calls.stops),
        (EndedBy::Cancel, vec![Stop::Kill])
    );
}

#[tokio::test]
async fn a_flood_keeps_neither_the_deadline_nor_a_cancel_waiting() {
    let flood = || {
        vec![
            Act::FloodUntil(Stop::Kill, Stream::Stdout, b"again\n".to_vec()),
            BY_KILL,
        ]
    };
    let grace = Duration::from_millis(5);
    let deadline = Some(Duration::from_millis(5));
    let outcome = run(
        flood(),
        DriveSettings {
            deadline,
            grace,
            ..settings()
        },
    )
    .await;
    assert_eq!(
        (outcome.driven.ended_by, outcome.calls.stops),
        (EndedBy::Timeout, vec![Stop::Ask, Stop::Kill])
    );

    let cancel = Cancel::new();
    let presser = cancel.clone();
    tokio::spawn(async move {
        presser.press();
        presser.press();
    });
    let outcome = run(
        flood(),
        DriveSettings {
            cancel,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.driven.ended_by, EndedBy::Cancel);
    assert!(outcome.took < Duration::from_secs(5), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_the_failure_and_still_disposes() {
    let outcome = run(
        vec![out("half"), Act::FailNext("the engine is gone".into())],
        settings(),
    )
    .await;
    assert_eq!(outcome.driven.exit, None);
    assert_eq!(
        outcome.driven.failure.unwrap().to_string(),
        "the engine is gone"
    );
    assert_eq!(outcome.said, vec!["out half\n"]);
    assert_eq!(outcome.driven.stdout_tail, vec!["half"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_disposal_is_told_and_the_result_stands() {
    let outcome = run(
        vec![Act::FailDispose("the volume is busy".into()), WELL],
        settings(),
    )
    .await;
    assert!(outcome.driven.exit.unwrap().status.success());
    assert!(outcome.driven.failure.is_none());
    assert_eq!(
        outcome.driven.dispose_failure.unwrap().to_string(),
        "the volume is busy"
    );
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_asked_is_killed() {
    let script = vec![
        Act::FailStop(Stop::Ask, "no such signal".into()),
        Act::WaitFor(Stop::Kill),
        BY_KILL,
    ];
    let outcome = run(
        script,
        DriveSettings {
            deadline: Some(Duration::from_secs(1)),
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.calls.stops, vec![Stop::Ask, Stop::Kill]);
    assert_eq!(outcome.took, Duration::from_secs(1));
    assert_eq!(
        outcome.said,
        vec!["! the program could not be asked to end, so it is killed: no such signal"]
    );
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_killed_is_lost() {
    let deadline = Some(Duration::from_secs(1));
    let script = vec![
        Act::FailStop(Stop::Kill, "not allowed".into()),
        Act::WaitFor(Stop::Kill),
        BY_KILL,
    ];
    let outcome = run(
        script,
        DriveSettings {
            deadline,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.driven.failure.unwrap().to_string(), "not allowed");

    // Killed, but the backend never sees the end.
    let outcome = run(
        vec![],
        DriveSettings {
            deadline,
            ..settings()
        },
    )
    .await;
    assert!(matches!(outcome.driven.failure, Some(RunnerError::Lost(_))));
    assert_eq!(outcome.took, Duration::from_secs(6) + KILL_PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn files_are_fetched_after_the_end_however_it_came() {
    let patterns = ["out/*.csv".to_owned()];
    let fetch = Some(FetchRequest::Matching {
        patterns: &patterns,
        into: Path::new("/into"),
    });
    let deadline = Some(Duration::from_secs(1));
    let outcome = run(
        vec![Act::WaitFor(Stop::Ask), BY_TERM],
        DriveSettings {
            fetch,
            deadline,
            ..settings()
        },
    )
    .await;
    assert_eq!(outcome.calls.fetched, vec![patterns.to_vec()]);
    assert!(outcome.driven.fetched.unwrap().unwrap().is_empty());

    let outcome = run(
        vec![Act::FailNext("gone".into())],
        DriveSettings {
            fetch,
            ..settings()
        },
    )
    .await;
    assert!(outcome.driven.fetched.is_none() && outcome.calls.fetched.is_empty());
}
