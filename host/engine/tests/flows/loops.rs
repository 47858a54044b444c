//! Loops: values, nesting, many of them.

use std::path::Path;

use crate::world::*;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn loops() {
    expect(
        "tasks:\n  - id: each\n    type: ForEach\n    values: [a, 2, {k: v}]\n    tasks:\n      - {id: r, type: Return, format: \"{{ taskrun.iteration }}:{{ taskrun.value }}\"}\n      - {id: l, type: Log, message: \"{{ currentEachOutput(outputs.r).value }} {{ outputs.r[taskrun.value].value }}\"}\n  - {id: after, type: Log, message: \"{{ outputs.r['2'].value }} {{ outputs.r | length }}\"}\n",
        "SUCCESS",
        &[
            "r[a] SUCCESS", "l[a] SUCCESS", "r[2] SUCCESS", "l[2] SUCCESS", "r[{\"k\":\"v\"}] SUCCESS", "l[{\"k\":\"v\"}] SUCCESS",
            "each SUCCESS", "after SUCCESS",
        ],
        &["0:a 0:a", "1:2 1:2", "2:{\"k\":\"v\"} 2:{\"k\":\"v\"}", "1:2 3"],
    )
    .await;
    // Nested: the value of the outer loop is the parent's, and deeper in other tasks it stays in sight.
    expect(
        "tasks:\n  - id: outer\n    type: ForEach\n    values: \"{{ ['x', 'y'] }}\"\n    tasks:\n      - id: inner\n        type: ForEach\n        values: [1]\n        tasks:\n          - id: i\n            type: If\n            condition: \"{{ taskrun.value == '1' }}\"\n            then:\n              - {id: r, type: Return, format: \"{{ parents[1].taskrun.value }}{{ parent.taskrun.value }}\"}\n      - {id: l, type: Log, message: \"{{ outputs.r[taskrun.value]['1'].value }}\"}\n",
        "SUCCESS",
        &[
            "r[1] SUCCESS", "i[1] SUCCESS", "inner[x] SUCCESS", "l[x] SUCCESS", "r[1] SUCCESS", "i[1] SUCCESS", "inner[y] SUCCESS",
            "l[y] SUCCESS", "outer SUCCESS",
        ],
        &["x1", "y1"],
    )
    .await;
    // One value after the other ends at a failure; values at once go on.
    let failing = |limit: u32| {
        format!(
            "tasks:\n  - id: each\n    type: ForEach\n    concurrencyLimit: {limit}\n    values: [a, b, c]\n    tasks:\n      - {{id: f, type: Fail, condition: \"{{{{ taskrun.value == 'a' }}}}\"}}\n      - {{id: l, type: Log, message: \"{{{{ taskrun.value }}}}\"}}\n"
        )
    };
    for (limit, logged) in [(1, &[][..]), (0, &["b", "c"]), (2, &["b", "c"])] {
        let (record, notes) = World::new().run(&flow(&failing(limit))).await;
        assert_eq!(notes.logs, logged, "{limit}");
        assert_eq!(record.state.as_str(), "FAILED", "{limit}");
    }
    expect(
        "tasks:\n  - {id: each, type: ForEach, values: [], tasks: [{id: l, type: Log, message: x}]}\n",
        "SUCCESS",
        &["each SUCCESS"],
        &[],
    )
    .await;
    expect(
        "tasks:\n  - id: each\n    type: EachSequential\n    value: '[\"a\",\"b\"]'\n    tasks:\n      - {id: l, type: Log, message: \"{{ taskrun.value }}\"}\n",
        "SUCCESS",
        &["l[a] SUCCESS", "l[b] SUCCESS", "each SUCCESS"],
        &["a", "b"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_loop_ends_when_its_condition_holds() {
    let text = |most: u32, fails: bool| {
        format!(
            "tasks:\n  - id: u\n    type: LoopUntil\n    condition: \"{{{{ outputs.r.value == 'done' }}}}\"\n    failOnMaxReached: {fails}\n    checkFrequency: {{interval: PT10S, maxIterations: {most}}}\n    tasks:\n      - {{id: n, type: SetVariables, variables: {{n: \"{{{{ (vars.n ?? 0) + 1 }}}}\"}}}}\n      - {{id: r, type: Return, format: \"{{{{ vars.n == '3' ? 'done' : 'more' }}}}\"}}\n"
        )
    };
    let text =
        |most, fails| flow(&text(most, fails)).replace("vars.n ?? 0", "(vars.n ?? '0') | number");
    let clock = tokio::time::Instant::now();
    let (record, notes) = World::new().run(&text(9, true)).await;
    assert_eq!(
        record.state.as_str(),
        "SUCCESS",
        "{:?} {:?}",
        notes.diagnostics,
        notes.ends
    );
    assert_eq!(
        record.tasks.last().unwrap().outputs["iterationCount"],
        json!(3)
    );
    assert_eq!(clock.elapsed().as_secs(), 20);
    // The number of the round is seen by its tasks and by the condition.
    let text_of_rounds = flow(
        "tasks:\n  - id: u\n    type: LoopUntil\n    condition: \"{{ outputs.u.iterationCount == 3 }}\"\n    tasks:\n      - {id: l, type: Log, message: \"{{ outputs.u.iterationCount }}\"}\n",
    );
    let (record, notes) = World::new().run(&text_of_rounds).await;
    assert_eq!(notes.logs, ["1", "2", "3"], "{:?}", notes.diagnostics);
    assert_eq!(record.state.as_str(), "SUCCESS");
    for (fails, state) in [(true, "FAILED"), (false, "SUCCESS")] {
        let (record, _) = World::new().run(&text(2, fails)).await;
        assert_eq!(record.state.as_str(), state, "{fails}");
    }
}

#[tokio::test]
async fn what_a_choice_was_made_by_is_seen_inside() {
    let text = flow(
        "tasks:\n  - id: s\n    type: Switch\n    value: \"{{ 'b' }}\"\n    cases:\n      b:\n        - {id: l, type: Log, message: \"{{ outputs.s.value }} {{ outputs.s.defaults }}\"}\n        - id: i\n          type: If\n          condition: 'false'\n          then: [{id: t, type: Log, message: no}]\n          else: [{id: e, type: Log, message: \"{{ outputs.i.evaluationResult }}\"}]\n",
    );
    let (record, notes) = World::new().run(&text).await;
    assert_eq!(notes.logs, ["b false", "false"], "{:?}", notes.diagnostics);
    assert_eq!(record.state.as_str(), "SUCCESS");
}

#[tokio::test]
async fn many_values_and_tasks_need_little() {
    // Ten thousand rounds of which only few are in memory at once: the tree never has more nodes than what runs.
    let text = flow(
        "tasks:\n  - id: e\n    type: ForEach\n    concurrencyLimit: 0\n    values: \"{{ range(1, 10000) }}\"\n    tasks:\n      - {id: r, type: Return, format: \"{{ taskrun.value }}\"}\n  - {id: l, type: Log, message: \"{{ outputs.r | length }} {{ outputs.r['777'].value }}\"}\n",
    );
    let (record, notes) = World::new().run(&text).await;
    assert_eq!(record.state.as_str(), "SUCCESS");
    assert_eq!(notes.logs, ["10000 777"]);
    assert!(Path::new(&record.directory.unwrap()).is_absolute());
}
