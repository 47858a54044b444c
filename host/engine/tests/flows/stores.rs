//! Small tasks: values, stores, files, directories, and what is wrong with them.

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn values_and_stores() {
    expect(
        "tasks:\n  - {id: o, type: OutputValues, values: {a: \"{{ 1 + 1 }}\", b: [x]}}\n  - {id: l, type: Log, message: \"{{ outputs.o.values.a }}{{ outputs.o.values.b | first }}\"}\n  - {id: b, type: Labels, labels: {team: red}}\n  - {id: m, type: Log, message: \"{{ labels.team }}\"}\n  - {id: s, type: KvSet, key: k, value: \"7\", kvType: NUMBER}\n  - {id: g, type: KvGet, key: k}\n  - {id: n, type: Log, message: \"{{ outputs.g.value + 1 }}\"}\n  - {id: c, type: Assert, conditions: [\"{{ outputs.g.value == 7 }}\"]}\n  - {id: d, type: Assert, conditions: [\"{{ 1 == 1 }}\", \"{{ outputs.g.value == 8 }}\"], errorMessage: wrong}\n",
        "FAILED",
        &[
            "o SUCCESS", "l SUCCESS", "b SUCCESS", "m SUCCESS", "s SUCCESS", "g SUCCESS", "n SUCCESS", "c SUCCESS", "d FAILED",
        ],
        &["2x", "red", "8", "does not hold: {{ outputs.g.value == 8 }}"],
    )
    .await;
    let (record, notes) = World::new()
        .run(&flow("tasks:\n  - {id: l, type: Log, message: \"{{ secret('TOKEN') }}\"}\n  - {id: r, type: Return, format: \"{{ secret('TOKEN') }}\"}\n  - {id: m, type: Log, message: \"{{ outputs.r.value | length }}\"}\n"))
        .await;
    assert!(!notes.logs[0].contains("hunter2"), "{:?}", notes.logs);
    assert_eq!(notes.logs.last().unwrap(), "14");
    assert!(!serde_json::to_string(&record).unwrap().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn stored_files() {
    expect(
        "tasks:\n  - {id: a, type: Write, content: \"1\\n2\\n\", extension: txt}\n  - {id: b, type: Write, content: \"3\\n\"}\n  - {id: c, type: Concat, files: [\"{{ outputs.a.uri }}\", \"{{ outputs.b.uri }}\"], extension: .txt}\n  - {id: r, type: Reverse, from: \"{{ outputs.c.uri }}\"}\n  - {id: s, type: Split, from: \"{{ outputs.c.uri }}\", rows: 2}\n  - {id: l, type: Log, message: \"{{ read(outputs.c.uri) }}{{ read(outputs.r.uri) }}{{ read(outputs.s.uris[1]) }}{{ outputs.s.uris | length }}\"}\n  - {id: d, type: StorageDelete, uri: \"{{ outputs.a.uri }}\", errorOnMissing: true}\n  - {id: e, type: StorageDelete, uri: \"{{ outputs.a.uri }}\", errorOnMissing: true}\n",
        "FAILED",
        &[
            "a SUCCESS", "b SUCCESS", "c SUCCESS", "r SUCCESS", "s SUCCESS", "l SUCCESS", "d SUCCESS", "e FAILED",
        ],
        &["1\n2\n3\n3\n2\n1\n3\n2"],
    )
    .await;
    expect(
        "tasks:\n  - {id: a, type: Write, content: '{\"k\": 1, \"v\": \"x\"}\n\n    {\"k\": 2, \"v\": \"y\"}\n\n    {\"k\": 1, \"v\": \"z\"}\n\n    '}\n  - {id: f, type: FilterItems, from: \"{{ outputs.a.uri }}\", filterCondition: \"{{ k == 1 }}\"}\n  - {id: d, type: DeduplicateItems, from: \"{{ outputs.a.uri }}\", expr: \"{{ k }}\"}\n  - {id: l, type: Log, message: \"{{ outputs.f.droppedItemsTotal }} {{ outputs.d.droppedItemsTotal }} {{ read(outputs.d.uri) | replace({'\\n': ''}) }}\"}\n",
        "SUCCESS",
        &["a SUCCESS", "f SUCCESS", "d SUCCESS", "l SUCCESS"],
        &["1 1 {\"k\": 2, \"v\": \"y\"}{\"k\": 1, \"v\": \"z\"}"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_working_directory_is_shared_cached_and_gone() {
    let world = World::new();
    std::fs::create_dir(world.temp.path().join("_files")).unwrap();
    std::fs::write(world.temp.path().join("_files/n.txt"), "namespace").unwrap();
    let text = flow(
        "tasks:\n  - id: w\n    type: WorkingDirectory\n    inputFiles: {in.txt: \"{{ flow.id }}\"}\n    namespaceFiles: {enabled: true}\n    outputFiles: [\"*.txt\"]\n    cache: {patterns: [\"kept/**\"], ttl: PT1H}\n    tasks:\n      - {id: f, type: LocalFiles, inputs: {made.txt: made, kept/x: \"{{ execution.id }}\"}, outputs: [\"n.txt\", \"kept/*\"]}\n  - {id: l, type: Log, message: \"{{ outputs.w.outputFiles | keys | sort | join(' ') }} {{ outputs.f.uris | keys | join(' ') }} {{ read(outputs.w.outputFiles['in.txt']) }}\"}\n",
    );
    let (record, notes) = world.run(&text).await;
    assert_eq!(record.state.as_str(), "SUCCESS", "{:?}", notes.diagnostics);
    assert_eq!(notes.logs, ["in.txt made.txt n.txt kept/x n.txt test"]);
    let kept = world
        .temp
        .path()
        .join("cache/directories/company/team/test/w/kept/x");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "01test");
    std::fs::write(&kept, "from the cache").unwrap();
    let again = flow(
        "tasks:\n  - id: w\n    type: WorkingDirectory\n    outputFiles: [kept/x]\n    cache: {patterns: [\"kept/**\"]}\n    tasks:\n      - {id: f, type: LocalFiles, outputs: [\"kept/*\"]}\n  - {id: l, type: Log, message: \"{{ read(outputs.f.uris['kept/x']) }}\"}\n",
    );
    let (_, notes) = world.run(&again).await;
    assert_eq!(notes.logs, ["from the cache"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_once_it_is_known_fails_the_task_and_is_told() {
    let check = async |task: &str, part: &str| {
        let (record, notes) = World::new()
            .run(&flow(&format!("tasks:\n  - {task}\n")))
            .await;
        assert_eq!(record.state.as_str(), "FAILED", "{task}");
        let failure = record
            .tasks
            .last()
            .unwrap()
            .failure
            .clone()
            .unwrap()
            .message;
        let told = format!("{failure} {:?}", notes.diagnostics);
        assert!(told.contains(part), "{task}: {told}");
    };
    check(
        "{id: e, type: ForEach, values: \"{{ 'a, b' }}\", tasks: [{id: l, type: Log, message: x}]}",
        "JSON text of one",
    )
    .await;
    check("{id: e, type: ForEach, values: [1], concurrencyLimit: \"{{ 'x' }}\", tasks: [{id: l, type: Log, message: x}]}", "must be a whole number").await;
    check(
        "{id: l, type: Log, message: \"{{ outputs['no' ~ 'ne'].x }}\"}",
        "is not defined",
    )
    .await;
    check(
        "{id: l, type: Log, message: x, runIf: \"{{ nothing.there }}\"}",
        "nothing",
    )
    .await;
    check(
        "{id: s, type: Sleep, duration: \"{{ '5 minutes' }}\"}",
        "duration",
    )
    .await;
}
