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

/// Each value of a loop has a cache of its own, and one that nothing was added to grows old although it is used.
#[tokio::test(start_paused = true)]
async fn the_cache_of_a_working_directory_is_that_of_its_value_and_grows_old() {
    let world = World::new();
    let text = |inside: &str| {
        flow(&format!(
            "tasks:\n  - id: e\n    type: ForEach\n    values: [a, b]\n    tasks:\n      - id: w\n        type: WorkingDirectory\n        cache: {{patterns: [\"kept/**\"], ttl: PT1H}}\n        tasks:\n          {inside}\n"
        ))
    };
    let fill = "- {id: f, type: LocalFiles, inputs: {kept/x: \"{{ taskrun.value }}\", other: y}}";
    let read = "- {id: f, type: LocalFiles, outputs: [\"**\"]}\n          - {id: l, type: Log, message: \"{{ currentEachOutput(outputs.f).uris | keys }} {{ read(currentEachOutput(outputs.f).uris['kept/x']) }}\"}";
    world.run(&text(fill)).await;
    let folder = world
        .temp
        .path()
        .join("cache/directories/company/team/test");
    let ages = || -> Vec<_> {
        let entries = std::fs::read_dir(&folder).unwrap();
        let mut found: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                (
                    entry.file_name(),
                    entry.metadata().unwrap().modified().unwrap(),
                )
            })
            .collect();
        found.sort();
        found
    };
    let before = ages();
    assert_eq!(before.len(), 2, "{before:?}");
    let (_, notes) = world.run(&text(read)).await;
    assert_eq!(
        notes.logs,
        ["[\"kept/x\"] a", "[\"kept/x\"] b"],
        "{:?}",
        notes.diagnostics
    );
    assert_eq!(ages(), before);
    let more = "- {id: f, type: LocalFiles, inputs: {kept/y: z}}";
    world.run(&text(more)).await;
    assert_ne!(ages(), before);
    // What has become too old is neither used nor kept.
    let hours = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    for (name, _) in ages() {
        let directory = std::fs::File::open(folder.join(name)).unwrap();
        directory.set_modified(hours).unwrap();
    }
    let (record, _) = world
        .run(&text("- {id: f, type: LocalFiles, outputs: [kept/x]}"))
        .await;
    let warned = |task: &taffrail_core::record::TaskRecord| !task.warnings.is_empty();
    assert_eq!(
        record.tasks.iter().filter(|task| warned(task)).count(),
        2,
        "{record:?}"
    );
}

/// What the shared directory could not be given, and what it does not have at its end, is told of the task that it belongs to.
#[tokio::test(start_paused = true)]
async fn what_a_working_directory_lacks_is_told() {
    let (record, _) = World::new()
        .run(&flow(
            "tasks:\n  - id: w\n    type: WorkingDirectory\n    namespaceFiles: {enabled: true}\n    outputFiles: [none.txt]\n    tasks:\n      - {id: l, type: Log, message: x}\n",
        ))
        .await;
    let task = record
        .tasks
        .iter()
        .find(|task| &*task.identity.task == "w")
        .unwrap();
    assert_eq!(record.state.as_str(), "SUCCESS");
    let [files, missing] = task.warnings.as_slice() else {
        panic!("{:?}", task.warnings);
    };
    assert!(
        files.contains("`namespaceFiles` is on, but there are no"),
        "{files}"
    );
    assert_eq!(missing, "`outputFiles`: there is no file `none.txt`");
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
    check(
        "{id: r, type: Reverse, from: \"{{ '' }}\"}",
        "the address of the file is empty",
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
