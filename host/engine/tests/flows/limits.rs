//! Limits: what runs at once, retries, time, cancellation, pauses.

use std::time::Duration;

use crate::world::*;
use taffrail_engine::cancel::CancelLevel;

#[tokio::test(start_paused = true)]
async fn what_runs_at_once_is_limited_by_the_flow() {
    // Sleeping needs no slot, so only the flow's own limits count here.
    let check = async |text: &str, most: usize, seconds: u64| {
        let clock = tokio::time::Instant::now();
        let (record, notes) = World::new().run(&flow(text)).await;
        assert_eq!(record.state.as_str(), "SUCCESS", "{text}");
        assert_eq!(notes.most, most, "{text}");
        assert_eq!(clock.elapsed().as_secs(), seconds, "{text}");
    };
    let sleeps = |ids: &[&str]| -> String {
        ids.iter()
            .map(|id| format!("      - {{id: {id}, type: Sleep, duration: PT1S}}\n"))
            .collect()
    };
    let three = sleeps(&["a", "b", "c"]);
    check(
        &format!("tasks:\n  - id: p\n    type: Parallel\n    tasks:\n{three}"),
        3,
        1,
    )
    .await;
    check(
        &format!("tasks:\n  - id: p\n    type: Parallel\n    concurrent: 2\n    tasks:\n{three}"),
        2,
        2,
    )
    .await;
    check(
        &format!("tasks:\n  - id: p\n    type: Sequential\n    tasks:\n{three}"),
        1,
        3,
    )
    .await;
    let one = sleeps(&["a"]);
    check(&format!("tasks:\n  - id: e\n    type: ForEach\n    concurrencyLimit: 4\n    values: [1, 2, 3, 4, 5, 6, 7, 8]\n    tasks:\n{one}"), 4, 2).await;
    check(
        &format!(
            "tasks:\n  - id: e\n    type: EachParallel\n    value: [1, 2, 3]\n    tasks:\n{one}"
        ),
        3,
        1,
    )
    .await;
    check(
        "tasks:\n  - id: d\n    type: Dag\n    tasks:\n      - task: {id: a, type: Sleep, duration: PT1S}\n      - task: {id: b, type: Sleep, duration: PT2S}\n        dependsOn: [a]\n      - task: {id: c, type: Sleep, duration: PT1S}\n        dependsOn: [a]\n      - task: {id: d2, type: Sleep, duration: PT1S}\n        dependsOn: [b, c]\n",
        2,
        4,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn retries() {
    let check = async |retry: &str, seconds: u64, attempts: usize| {
        let text = format!("tasks:\n  - id: a\n    type: Fail\n    retry: {retry}\n");
        let clock = tokio::time::Instant::now();
        let (record, _) = World::new().run(&flow(&text)).await;
        assert_eq!(record.tasks[0].attempts.len() + 1, attempts, "{retry}");
        assert_eq!(
            record.tasks[0].identity.attempt as usize, attempts,
            "{retry}"
        );
        assert_eq!(clock.elapsed().as_secs(), seconds, "{retry}");
        assert_eq!(record.state.as_str(), "FAILED");
    };
    check("{type: constant, interval: PT2S, maxAttempts: 3}", 4, 3).await;
    check("{type: exponential, interval: PT1S, maxAttempts: 4}", 7, 4).await;
    check("{type: constant, interval: PT2S, maxDuration: PT5S}", 4, 3).await;
    // The second attempt succeeds.
    let second = |more: &str| {
        format!(
            "tasks:\n  - id: a\n    type: Fail\n    condition: \"{{{{ taskrun.attemptsCount == 0 }}}}\"\n    {more}\n    retry: {{type: constant, interval: PT1S, maxAttempts: 5, warningOnRetry: true}}\n"
        )
    };
    for (more, state) in [
        ("allowFailure: true", "WARNING"),
        ("allowWarning: true", "SUCCESS"),
    ] {
        let (record, _) = World::new().run(&flow(&second(more))).await;
        assert_eq!(record.tasks[0].state.as_str(), state, "{more}");
        assert_eq!(record.tasks[0].attempts.len(), 1);
    }
    // A flowable is begun again as a whole, and a flow's retry is that of its tasks.
    expect(
        "tasks:\n  - id: s\n    type: Sequential\n    retry: {type: constant, interval: PT1S, maxAttempts: 2}\n    tasks:\n      - {id: l, type: Log, message: try}\n      - {id: f, type: Fail}\n",
        "FAILED",
        &["l SUCCESS", "f FAILED", "l SUCCESS", "f FAILED", "s FAILED"],
        &["try", "try"],
    )
    .await;
    let (record, _) = World::new()
        .run(&flow("retry: {type: constant, interval: PT1S, maxAttempts: 3}\ntasks:\n  - {id: f, type: Fail}\n"))
        .await;
    assert_eq!(record.tasks[0].attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn time_that_is_over_ends_what_runs() {
    let record = expect(
        "tasks:\n  - id: s\n    type: Parallel\n    timeout: PT2S\n    tasks:\n      - {id: long, type: Sleep, duration: PT1H}\n      - {id: short, type: Sleep, duration: PT1S}\n    errors:\n      - {id: e, type: Log, message: \"{{ error.message }}\"}\n  - {id: never, type: Log, message: never}\n",
        "FAILED",
        &["short SUCCESS", "long KILLED", "e SUCCESS", "s FAILED"],
        &["cancelled"],
    )
    .await;
    let record = &record.tasks[3];
    assert_eq!(
        record.failure.as_ref().unwrap().message,
        "timed out after 2s"
    );
    let (record, _) = World::new()
        .run(&flow(
            "tasks:\n  - {id: s, type: Sleep, duration: PT1H, timeout: PT1S}\n",
        ))
        .await;
    assert_eq!(
        record.tasks[0].failure.as_ref().unwrap().message,
        "timed out after 1s"
    );
    let promised = |behavior: &str| {
        format!(
            "sla:\n  - {{id: quick, type: MAX_DURATION, duration: PT1S, behavior: {behavior}}}\ntasks:\n  - {{id: s, type: Sleep, duration: PT3S}}\n"
        )
    };
    for (behavior, state) in [
        ("FAIL", "FAILED"),
        ("CANCEL", "KILLED"),
        ("NONE", "SUCCESS"),
    ] {
        let (record, _) = World::new().run(&flow(&promised(behavior))).await;
        assert_eq!(record.state.as_str(), state, "{behavior}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_ends_everything_and_leaves_a_state_for_all() {
    let world = World::new();
    let cancel = world.cancel.clone();
    let text = flow(
        "tasks:\n  - id: p\n    type: Parallel\n    tasks:\n      - {id: s, type: Sleep, duration: PT1H}\n      - {id: w, type: Pause, pauseDuration: PT1H}\n      - id: r\n        type: Fail\n        retry: {type: constant, interval: PT1H, maxAttempts: 9}\n  - {id: never, type: Log, message: never}\nfinally:\n  - {id: f, type: Log, message: never}\n",
    );
    let ((record, notes), ()) = tokio::join!(world.run(&text), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.raise(CancelLevel::Ask);
    });
    let mut ends = notes.ends.clone();
    ends.sort();
    assert_eq!(ends, ["p KILLED", "r KILLED", "s KILLED", "w KILLED"]);
    assert_eq!(record.state.as_str(), "KILLED");
    assert!(notes.logs.is_empty(), "{:?}", notes.logs);
}

#[tokio::test(start_paused = true)]
async fn pauses() {
    let clock = tokio::time::Instant::now();
    expect(
        "tasks:\n  - {id: p, type: Pause, delay: PT90S, onPause: {id: told, type: Log, message: waits}}\n  - {id: l, type: Log, message: on}\n",
        "SUCCESS",
        &["told SUCCESS", "p SUCCESS", "l SUCCESS"],
        &["waits", "on"],
    )
    .await;
    assert_eq!(clock.elapsed().as_secs(), 90);
    for (behavior, state) in [
        ("WARN", "WARNING"),
        ("FAIL", "FAILED"),
        ("CANCEL", "KILLED"),
        ("RESUME", "SUCCESS"),
    ] {
        let text = format!(
            "tasks:\n  - {{id: p, type: Pause, pauseDuration: PT1S, behavior: {behavior}}}\n"
        );
        let (record, _) = World::new().run(&flow(&text)).await;
        assert_eq!(record.state.as_str(), state, "{behavior}");
    }
    let asked = flow(
        "tasks:\n  - id: p\n    type: Pause\n    onResume:\n      - {id: count, type: INT}\n  - {id: l, type: Log, message: \"{{ outputs.p.onResume.count + 1 }}\"}\n",
    );
    let mut world = World::new();
    world.answer = Some("41");
    let (_, notes) = world.run(&asked).await;
    assert_eq!(notes.logs, ["42"]);
    world.answer = None;
    let (record, _) = world.run(&asked).await;
    assert!(
        record.tasks[0]
            .failure
            .as_ref()
            .unwrap()
            .message
            .contains("there is no answer")
    );
    // A wrong answer is told, and asked for again; what was right is not.
    let two = asked.replace(
        "      - {id: count, type: INT}\n",
        "      - {id: count, type: INT}\n      - {id: word, type: STRING}\n",
    );
    world.answer = Some("many word 41");
    let (_, notes) = world.run(&two).await;
    assert_eq!(notes.logs, ["42"], "{:?}", notes.diagnostics);
    assert_eq!(notes.diagnostics.len(), 1, "{:?}", notes.diagnostics);
    world.answer = Some("many");
    let (record, _) = world.run(&asked).await;
    assert_eq!(record.state.as_str(), "FAILED");
}

#[tokio::test(start_paused = true)]
async fn a_broken_promise_is_told_and_gives_labels() {
    let check = |promise: &str, state: &'static str, labels: &'static str, told: usize| {
        let text = flow(&format!(
            "labels: {{a: b}}\nsla:\n  - {{id: quick, type: MAX_DURATION, labels: {{slow: very}}, {promise}}}\ntasks:\n  - {{id: s, type: Sleep, duration: PT3S}}\nafterExecution:\n  - {{id: l, type: Log, message: \"{{{{ labels }}}}\"}}\n"
        ));
        async move {
            let (record, notes) = World::new().run(&text).await;
            assert_eq!(record.state.as_str(), state, "{text}");
            assert_eq!(notes.logs, [labels], "{text}");
            let found = notes.diagnostics.iter();
            let found = found
                .filter(|told| told.contains("took longer than"))
                .count();
            assert_eq!(found, told, "{:?}", notes.diagnostics);
        }
    };
    let both = "{\"a\":\"b\",\"slow\":\"very\"}";
    check("duration: PT1S, behavior: FAIL", "FAILED", both, 1).await;
    check("duration: PT1S, behavior: NONE", "SUCCESS", both, 1).await;
    check(
        "duration: PT10S, behavior: FAIL",
        "SUCCESS",
        "{\"a\":\"b\"}",
        0,
    )
    .await;
}
