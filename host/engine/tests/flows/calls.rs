//! Flows that call for other flows: inputs, outputs, waiting, states, batches.

use std::time::Duration;

use serde_json::json;
use taffrail_engine::cancel::CancelLevel;

use crate::world::*;

const CHILD: &str = "id: child\nnamespace: company.team\nlabels: {own: \"1\"}\ninputs:\n  - {id: name, type: STRING, defaults: nobody}\n  - {id: fails, type: BOOLEAN, defaults: false}\ntasks:\n  - {id: hello, type: Return, format: \"hello {{ inputs.name }} from {{ trigger.flowId }} {{ labels | keys | join(' ') }}\"}\n  - {id: nap, type: Sleep, duration: PT5S}\n  - {id: f, type: Fail, runIf: \"{{ inputs.fails }}\", errorMessage: asked to}\noutputs:\n  - {id: greeting, type: STRING, value: \"{{ outputs.hello.value }}\"}\n";

#[tokio::test(start_paused = true)]
async fn a_flow_runs_inside_another_with_inputs_outputs_and_labels() {
    let world = World::with(&[CHILD]);
    let text = flow(
        "labels: {team: red}\ntasks:\n  - {id: s, type: Subflow, namespace: company.team, flowId: child, inputs: {name: \"{{ 'A' ~ 'da' }}\"}, labels: {x: y}, inheritLabels: true, outputs: {old: \"{{ outputs.hello.value | upper }}\"}}\n  - {id: l, type: Log, message: \"{{ outputs.s.outputs.greeting }}, {{ outputs.s.outputs.old }}, {{ outputs.s.state }}\"}\n",
    );
    let (record, notes) = world.run(&text).await;
    assert_eq!(record.state.as_str(), "SUCCESS", "{:?}", notes.diagnostics);
    assert_eq!(
        notes.ends,
        [
            "s/hello SUCCESS",
            "s/nap SUCCESS",
            "s/f SKIPPED",
            "s SUCCESS",
            "l SUCCESS"
        ]
    );
    assert_eq!(
        notes.logs,
        ["hello Ada from test own team x, HELLO ADA FROM TEST OWN TEAM X, SUCCESS"]
    );
    let records = world.records.lock().unwrap();
    assert_eq!(records.len(), 2, "each execution has its own record");
    assert_eq!(records[0].flow, "child");
    assert_eq!(json!(records[0].id), record.tasks[0].outputs["executionId"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_inside_is_that_of_the_task_unless_it_does_not_matter() {
    let call = |more: &str| {
        flow(&format!(
            "tasks:\n  - {{id: s, type: Subflow, namespace: company.team, flowId: child, inputs: {{fails: true}}{more}}}\n  - {{id: l, type: Log, message: \"{{{{ outputs.s.state ?? 'unknown' }}}}\"}}\n"
        ))
    };
    let (record, notes) = World::with(&[CHILD]).run(&call("")).await;
    assert_eq!(record.state.as_str(), "FAILED");
    assert!(notes.logs.is_empty());
    let message = &record.tasks[0].failure.as_ref().unwrap().message;
    assert!(
        message.contains("of `child` ended as FAILED: task `f`: asked to"),
        "{message}"
    );
    let (record, notes) = World::with(&[CHILD])
        .run(&call(", transmitFailed: false"))
        .await;
    assert_eq!(record.state.as_str(), "SUCCESS");
    assert_eq!(notes.logs, ["FAILED"]);
    // Nobody waits: the next task is first, and the flow is over when all are.
    let clock = tokio::time::Instant::now();
    let (record, notes) = World::with(&[CHILD]).run(&call(", wait: false")).await;
    assert_eq!(record.state.as_str(), "SUCCESS");
    let place = |end: &str| notes.ends.iter().position(|known| known == end);
    assert_eq!(place("s SUCCESS"), Some(0));
    assert!(
        place("l SUCCESS") < place("s/nap SUCCESS"),
        "{:?}",
        notes.ends
    );
    assert_eq!(notes.executions, ["child FAILED", "test SUCCESS"]);
    assert_eq!(clock.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_ends_a_task_ends_the_flow_that_it_called_for() {
    for wait in ["", ", wait: false"] {
        let world = World::with(&[CHILD]);
        let cancel = world.cancel.clone();
        let text = flow(&format!(
            "tasks:\n  - {{id: s, type: Subflow, namespace: company.team, flowId: child{wait}}}\n  - {{id: nap, type: Sleep, duration: PT1H}}\n"
        ));
        let clock = tokio::time::Instant::now();
        let ((record, notes), ()) = tokio::join!(world.run(&text), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            cancel.raise(CancelLevel::Ask);
        });
        assert_eq!(clock.elapsed().as_secs(), 2, "{wait}");
        assert_eq!(record.state.as_str(), "KILLED", "{wait}");
        assert!(
            notes.executions.contains(&"child KILLED".to_owned()),
            "{wait} {:?}",
            notes.executions
        );
    }
    let text = flow(
        "tasks:\n  - {id: s, type: Subflow, namespace: company.team, flowId: child, timeout: PT2S}\n",
    );
    let world = World::with(&[CHILD]);
    let (record, notes) = world.run(&text).await;
    let message = &record.tasks[0].failure.as_ref().unwrap().message;
    assert_eq!(message, "timed out after 2s");
    assert_eq!(notes.executions, ["child KILLED", "test FAILED"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_called_fails_the_task_with_the_reason() {
    let check = async |call: &str, part: &str| {
        let back = "id: back\nnamespace: company.team\ntasks:\n  - {id: again, type: Subflow, namespace: company.team, flowId: \"{{ 'te' ~ 'st' }}\"}\n";
        let text = flow(&format!(
            "tasks:\n  - {{id: s, type: Subflow, namespace: company.team, {call}}}\n"
        ));
        let (record, _) = World::with(&[CHILD, back]).run(&text).await;
        let message = record.tasks[0].failure.clone().unwrap().message;
        assert!(message.contains(part), "{call}: {message}");
    };
    check("flowId: \"{{ 'no' ~ 'ne' }}\"", "no flow `none`").await;
    check("flowId: child, inputs: {nmae: x}", "nmae").await;
    check("flowId: child, inputs: {fails: perhaps}", "fails").await;
    check("flowId: test", "would call itself: test → test").await;
    check("flowId: back", "would call itself: test → back → test").await;
}

#[tokio::test(start_paused = true)]
async fn batches_of_a_file_are_handed_to_a_flow_each() {
    let each = "id: each\nnamespace: company.other\ninputs:\n  - {id: lines, type: FILE}\n  - {id: number, type: INT}\ntasks:\n  - {id: nap, type: Sleep, duration: PT1S}\n  - {id: r, type: Return, format: \"{{ read(inputs.lines) | trim | replace({'\\n': '+'}) }}\"}\n  - {id: f, type: Fail, runIf: \"{{ outputs.r.value == 'bad' }}\"}\noutputs:\n  - {id: joined, type: STRING, value: \"{{ inputs.number }}:{{ outputs.r.value }}\"}\n";
    let text = |content: &str, rows: u32, more: &str| {
        flow(&format!(
            "tasks:\n  - {{id: w, type: Write, content: \"{content}\"}}\n  - id: b\n    type: ForEachItem\n    items: \"{{{{ outputs.w.uri }}}}\"\n    batch: {{rows: {rows}}}\n    namespace: company.other\n    flowId: each\n    inputs: {{lines: \"{{{{ taskrun.items }}}}\", number: \"{{{{ taskrun.iteration }}}}\"}}\n{more}  - {{id: l, type: Log, message: \"{{{{ outputs.b.numberOfBatches }}}} {{{{ read(outputs.b_merge.subflowOutputs) }}}}{{{{ read(outputs.b_split.splits) | split('kestra:') | length }}}}\"}}\n"
        ))
    };
    let clock = tokio::time::Instant::now();
    let (record, notes) = World::with(&[each])
        .run(&text("1\\n2\\n3\\n4\\n5\\n", 2, ""))
        .await;
    assert_eq!(record.state.as_str(), "SUCCESS", "{:?}", notes.diagnostics);
    assert_eq!(
        notes.logs,
        ["3 {\"joined\":\"0:1+2\"}\n{\"joined\":\"1:3+4\"}\n{\"joined\":\"2:5\"}\n4"]
    );
    assert_eq!(clock.elapsed().as_secs(), 1, "they run at once");
    // Many run a few at a time.
    let many: String = (0..40).map(|line| format!("{line}\\n")).collect();
    let world = World::with(&[each]);
    let (record, notes) = world.run(&text(&many, 1, "")).await;
    assert_eq!(record.state.as_str(), "SUCCESS");
    assert_eq!(notes.most, 16);
    assert_eq!(world.records.lock().unwrap().len(), 41);
    // One that fails fails the task, whose own tasks for that run; the others go on.
    let errors = "    errors:\n      - {id: e, type: Log, message: \"{{ error.taskId }}\"}\n    finally:\n      - {id: z, type: Log, message: end}\n";
    let (record, notes) = World::with(&[each])
        .run(&text("good\\nbad\\nfine\\n", 1, errors))
        .await;
    assert_eq!(record.state.as_str(), "FAILED");
    assert_eq!(notes.logs, ["b", "end"]);
    let task = record
        .tasks
        .iter()
        .find(|task| task.identity.task == "b")
        .unwrap();
    assert_eq!(
        task.outputs["iterations"],
        json!({ "SUCCESS": 2, "FAILED": 1 })
    );
    assert!(task.failure.as_ref().unwrap().message.contains("task `f`"));
}
