//! Several executions of one flow: made anew after a failure, limited in number; and outputs that stand for later ones.

use std::time::Duration;

use taffrail_engine::cancel::CancelLevel;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn a_failed_execution_is_made_anew_with_a_record_of_its_own() {
    let world = World::new();
    let text = flow(
        "inputs:\n  - {id: now, type: STRING, defaults: \"{{ uuid() }}\"}\nretry: {type: constant, interval: PT10S, maxAttempts: 3, behavior: CREATE_NEW_EXECUTION}\ntasks:\n  - {id: l, type: Log, message: \"{{ inputs.now }}\"}\n  - {id: f, type: Fail}\nerrors:\n  - {id: e, type: Log, message: \"{{ execution.originalId }}\"}\n",
    );
    let clock = tokio::time::Instant::now();
    let (record, notes) = world.run(&text).await;
    assert_eq!(clock.elapsed().as_secs(), 20);
    assert_eq!((record.state.as_str(), record.attempt), ("FAILED", 3));
    assert_eq!(
        notes.executions,
        [
            "test FAILED",
            "test again",
            "test FAILED",
            "test again",
            "test FAILED"
        ]
    );
    let records = world.records.lock().unwrap();
    let mut ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!((ids.len(), ids[0]), (3, "01test"));
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has its own id");
    let directories: Vec<_> = records.iter().map(|record| &record.directory).collect();
    assert!(directories[0] != directories[1] && directories[1] != directories[2]);
    let originals: Vec<_> = records
        .iter()
        .map(|record| record.original_id.as_deref())
        .collect();
    assert_eq!(originals, [None, Some("01test"), Some("01test")]);
    // The same inputs, although the default would give another value each time; and no task was tried again in its execution.
    assert_eq!(notes.logs[0], notes.logs[2]);
    assert_eq!(notes.logs[0], notes.logs[4]);
    assert_eq!(notes.logs[5], "01test");
    assert!(
        records
            .iter()
            .all(|record| record.tasks.iter().all(|task| task.attempts.is_empty()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_may_want_a_new_execution_and_its_success_ends_that() {
    let check = async |more: &str, of_flow: &str, states: &[&str]| {
        let world = World::new();
        let text = flow(&format!(
            "{of_flow}tasks:\n  - {{id: f, type: Fail, condition: \"{{{{ execution.originalId == execution.id }}}}\"{more}}}\n"
        ));
        world.run(&text).await;
        let records = world.records.lock().unwrap();
        let found: Vec<&str> = records.iter().map(|record| record.state.as_str()).collect();
        assert_eq!(found, states, "{more} {of_flow}");
    };
    let retry = "{type: constant, interval: PT1S, maxAttempts: 5, behavior: CREATE_NEW_EXECUTION}";
    let of_task = format!(", retry: {retry}");
    check(&of_task, "", &["FAILED", "SUCCESS"]).await;
    check("", &format!("retry: {retry}\n"), &["FAILED", "SUCCESS"]).await;
    let warns = retry.replace("maxAttempts", "warningOnRetry: true, maxAttempts");
    check("", &format!("retry: {warns}\n"), &["FAILED", "WARNING"]).await;
    // What may fail wants nothing; too little time ends it.
    check(&format!("{of_task}, allowFailure: true"), "", &["WARNING"]).await;
    let short = retry.replace("maxAttempts: 5", "maxDuration: PT0.5S");
    check("", &format!("retry: {short}\n"), &["FAILED"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_ends_the_wait_for_a_new_execution() {
    let world = World::new();
    let cancel = world.cancel.clone();
    let text = flow(
        "retry: {type: constant, interval: PT1H, maxAttempts: 3, behavior: CREATE_NEW_EXECUTION}\ntasks:\n  - {id: f, type: Fail}\n",
    );
    let clock = tokio::time::Instant::now();
    tokio::join!(world.run(&text), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.raise(CancelLevel::Ask);
    });
    assert_eq!(clock.elapsed().as_secs(), 5);
    assert_eq!(world.records.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_one_too_many_waits_fails_or_is_cancelled() {
    let text = |behavior: &str| {
        flow(&format!(
            "concurrency: {{limit: 1{behavior}}}\ntasks:\n  - {{id: l, type: Log, message: ran}}\n"
        ))
    };
    for (behavior, state, ran) in [
        (", behavior: FAIL", "FAILED", false),
        (", behavior: CANCEL", "KILLED", false),
        ("", "SUCCESS", true),
    ] {
        let world = World::new();
        *world.taken.lock().unwrap() = 1;
        let clock = tokio::time::Instant::now();
        let taken = std::sync::Arc::clone(&world.taken);
        let text = text(behavior);
        let ((record, notes), ()) = tokio::join!(world.run(&text), async move {
            tokio::time::sleep(Duration::from_secs(7)).await;
            *taken.lock().unwrap() -= 1;
        });
        assert_eq!(record.state.as_str(), state, "{behavior}");
        assert_eq!(notes.logs.len(), usize::from(ran), "{behavior}");
        if ran {
            assert_eq!(notes.executions, ["test queued", "test SUCCESS"]);
            assert_eq!(clock.elapsed().as_secs(), 7);
        } else {
            let message = record.failure.unwrap().message;
            assert!(
                message.contains("1 executions of `test` run already"),
                "{message}"
            );
        }
        assert_eq!(*world.taken.lock().unwrap(), 0, "every place came back");
        assert_eq!(world.records.lock().unwrap().len(), 1, "each has a record");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_task_gave_stands_for_a_run_with_the_same_inputs() {
    let world = World::new();
    let text = |content: &str, ttl: &str| {
        flow(&format!(
            "tasks:\n  - {{id: w, type: Write, content: \"{content}\"}}\n  - {{id: c, type: Concat, files: [\"{{{{ outputs.w.uri }}}}\"], taskCache: {{enabled: true{ttl}}}}}\n  - {{id: l, type: Log, message: \"{{{{ read(outputs.c.uri) }}}}\"}}\n"
        ))
    };
    let check = async |content: &str, ttl: &str, end: &str| {
        let (_, notes) = world.run(&text(content, ttl)).await;
        assert_eq!(notes.ends[1], end, "{content}{ttl} {:?}", notes.diagnostics);
        assert_eq!(notes.logs, [content]);
    };
    check("a", "", "c SUCCESS").await;
    // The address of the file is another one, what is in it is the same.
    check("a", "", "c SUCCESS cached").await;
    check("b", "", "c SUCCESS").await;
    check("a", ", ttl: PT1H", "c SUCCESS cached").await;
    check("a", ", ttl: PT0S", "c SUCCESS").await;
    // A stored file that is gone stands for nothing.
    std::fs::remove_dir_all(world.temp.path().join("storage")).unwrap();
    check("b", "", "c SUCCESS").await;
    let failing =
        flow("tasks:\n  - {id: f, type: Fail, taskCache: {enabled: true}, allowFailure: true}\n");
    for _ in 0..2 {
        let (_, notes) = world.run(&failing).await;
        assert_eq!(notes.ends, ["f WARNING"], "only a success is kept");
    }
}
