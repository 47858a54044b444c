//! What runs in which order, and what states and branches make of it.

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn tasks_run_in_order_and_a_failure_ends_them() {
    expect(
        "tasks:\n  - {id: a, type: Log, message: one}\n  - {id: b, type: Log, message: [two, three], disabled: true}\n  - {id: c, type: Log, message: \"{{ task.id }}\"}\n",
        "SUCCESS",
        &["a SUCCESS", "c SUCCESS"],
        &["one", "c"],
    )
    .await;
    let record = expect(
        "tasks:\n  - {id: a, type: Fail, errorMessage: no}\n  - {id: b, type: Log, message: never}\nerrors:\n  - {id: e, type: Log, message: \"{{ error.taskId }} {{ error.message }}\"}\nfinally:\n  - {id: f, type: Log, message: last}\nafterExecution:\n  - {id: after, type: Log, message: \"{{ execution.state }}\"}\n",
        "FAILED",
        &["a FAILED", "e SUCCESS", "f SUCCESS", "after SUCCESS"],
        &["a no", "last", "FAILED"],
    )
    .await;
    assert_eq!(record.failure, None, "the record of the task says why");
    expect(
        "tasks:\n  - {id: a, type: Log, message: x}\nfinally:\n  - {id: f, type: Fail}\n",
        "FAILED",
        &["a SUCCESS", "f FAILED"],
        &["x"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn states_settle_in_the_order_of_the_language() {
    let check = async |keys: &str, state: &str| {
        let text = format!("tasks:\n  - {{id: a, type: Fail, {keys}}}\n");
        let (record, _) = World::new().run(&flow(&text)).await;
        assert_eq!(record.state.as_str(), state, "{keys}");
    };
    check("errorMessage: x", "FAILED").await;
    check("allowFailure: true", "WARNING").await;
    check("allowWarning: true", "FAILED").await;
    check("allowFailure: true, allowWarning: true", "SUCCESS").await;
    check("runIf: false", "SUCCESS").await;
    check("condition: \"{{ 1 == 2 }}\"", "SUCCESS").await;
    expect(
        "tasks:\n  - id: s\n    type: Sequential\n    allowFailure: true\n    tasks:\n      - {id: a, type: Fail}\n  - {id: b, type: Log, message: \"{{ tasks.s.state }} {{ tasks.a.state }}\"}\n",
        "WARNING",
        &["a FAILED", "s WARNING", "b SUCCESS"],
        &["WARNING FAILED"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn branches() {
    let of = |condition: &str| {
        format!(
            "tasks:\n  - id: i\n    type: If\n    condition: \"{condition}\"\n    then:\n      - {{id: t, type: Log, message: then}}\n    else:\n      - {{id: e, type: Log, message: else}}\n"
        )
    };
    for (condition, logged) in [
        ("{{ 2 > 1 }}", "then"),
        ("{{ false }}", "else"),
        ("", "else"),
        ("0", "else"),
        ("False", "then"),
        ("no", "then"),
    ] {
        let (_, notes) = World::new().run(&flow(&of(condition))).await;
        assert_eq!(notes.logs, [logged], "{condition}");
    }
    expect(
        "tasks:\n  - id: s\n    type: Switch\n    value: \"{{ 'b' }}\"\n    cases:\n      a:\n        - {id: x, type: Log, message: a}\n      b:\n        - {id: y, type: Log, message: b}\n    defaults:\n      - {id: z, type: Log, message: other}\n  - {id: after, type: Log, message: \"{{ outputs.s.value }}\"}\n",
        "SUCCESS",
        &["y SUCCESS", "s SUCCESS", "after SUCCESS"],
        &["b", "b"],
    )
    .await;
    expect(
        "tasks:\n  - id: a\n    type: AllowFailure\n    tasks:\n      - {id: x, type: Fail}\n      - {id: never, type: Log, message: never}\n    errors:\n      - {id: e, type: Log, message: \"{{ error.taskId }}\"}\n  - {id: on, type: Log, message: on}\n",
        "WARNING",
        &["x FAILED", "e SUCCESS", "a WARNING", "on SUCCESS"],
        &["x", "on"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dag_runs_what_does_not_need_what_failed() {
    expect(
        "tasks:\n  - id: d\n    type: Dag\n    tasks:\n      - task: {id: a, type: Fail}\n      - task: {id: b, type: Log, message: b}\n        dependsOn: [a]\n      - task: {id: c, type: Log, message: c}\n      - task: {id: e, type: Log, message: e}\n        dependsOn: [c, left_out]\n      - task: {id: left_out, type: Fail, disabled: true}\n",
        "FAILED",
        &["a FAILED", "c SUCCESS", "e SUCCESS", "d FAILED"],
        &["c", "e"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn exit_ends_the_execution_in_its_state() {
    for (state, expected) in [
        ("SUCCESS", "SUCCESS"),
        ("WARNING", "WARNING"),
        ("FAILED", "FAILED"),
        ("CANCELED", "KILLED"),
    ] {
        let text = format!(
            "tasks:\n  - id: p\n    type: Parallel\n    tasks:\n      - {{id: s, type: Sleep, duration: PT1H}}\n      - {{id: x, type: Exit, state: {state}}}\n  - {{id: never, type: Log, message: never}}\n"
        );
        let (record, notes) = World::new().run(&flow(&text)).await;
        assert_eq!(record.state.as_str(), expected);
        assert_eq!(notes.ends, ["x SUCCESS", "s KILLED", "p KILLED"]);
    }
}
