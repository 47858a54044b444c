//! What is stored, whose it is, and how much of it is in memory; what flows hand out.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use serde_json::json;
use taffrail_tests::cli::{World, listing};
use taffrail_tests::flows::{dedent, flow};

#[test]
fn files_of_other_namespaces_lie_beside_the_flow() {
    let world = World::new();
    world.write("_files/a.txt", "own a");
    world.write("_files/b.txt", "own b");
    world.write("_namespaces/test/a.txt", "of test");
    world.write("_namespaces/test/c.txt", "c of test");
    let ran = world.run(
        &flow(
            "
            - id: all
              type: io.kestra.plugin.scripts.shell.Commands
              namespaceFiles: {namespaces: [test.flows, test, nowhere]}
              inputFiles: {d.txt: \"nsfile://test/c.txt\"}
              commands: [cat a.txt b.txt c.txt d.txt | tr '\\n' ' ']
            - id: apart
              type: io.kestra.plugin.scripts.shell.Commands
              namespaceFiles: {namespaces: [test.flows, test], folderPerNamespace: true, include: [a.txt]}
              commands: [cat test.flows/a.txt test/a.txt]
            - {id: read, type: io.kestra.plugin.core.debug.Return, format: \"{{ read('c.txt', namespace='test') }} {{ fileExists(path='a.txt') }}\"}
            - {id: down, type: io.kestra.plugin.core.namespace.DownloadFiles, namespace: test, files: [c.txt]}
            ",
        ),
        0,
    );
    assert_eq!(
        ran.lines('|'),
        ["of testown bc of testc of test", "own aof test"]
    );
    assert!(
        ran.warnings("all")
            .contains("no folder `_namespaces/nowhere`")
    );
    assert_eq!(ran.task("read")["outputs"]["value"], "c of test true");
    assert!(ran.task("down")["outputs"]["files"]["c.txt"].is_string());
}

#[test]
fn the_folder_of_a_namespace_is_made_with_its_first_file() {
    let world = World::new();
    let ran = world.run(
        &flow(
            "
            - {id: text, type: io.kestra.plugin.core.storage.Write, content: new}
            - {id: own, type: io.kestra.plugin.core.namespace.UploadFiles, namespace: test.flows, filesMap: {dir/a.txt: \"{{ outputs.text.uri }}\"}, destination: /}
            - {id: other, type: io.kestra.plugin.core.namespace.UploadFiles, namespace: test.other, filesMap: {b.txt: \"{{ outputs.text.uri }}\"}, destination: in}
            - {id: read, type: io.kestra.plugin.core.debug.Return, format: \"{{ read('dir/a.txt') }} {{ read('in/b.txt', 'test.other') }}\"}
            ",
        ),
        0,
    );
    assert_eq!(ran.task("read")["outputs"]["value"], "new new");
    assert!(world.here().join("_files/dir/a.txt").is_file());
    assert!(
        world
            .here()
            .join("_namespaces/test.other/in/b.txt")
            .is_file()
    );
}

/// What is not done here counts nothing, and flows that tell the counts run.
#[test]
fn purging_tells_what_was_removed() {
    let world = World::new();
    let ran = world.run(
        &flow(
            "
            - {id: text, type: io.kestra.plugin.core.storage.Write, content: new}
            - {id: files, type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles}
            - {id: others, type: io.kestra.plugin.core.execution.PurgeExecutions, endDate: \"{{ now() }}\"}
            - {id: logs, type: io.kestra.plugin.core.log.PurgeLogs, endDate: \"{{ now() }}\"}
            - {id: show, type: io.kestra.plugin.core.debug.Return, format: \"{{ outputs.files.uris[0] == outputs.text.uri }} {{ outputs.files.count }} {{ outputs.others.executionsCount }} {{ outputs.logs.count }} {{ fileExists(outputs.text.uri) }}\"}
            ",
        ),
        0,
    );
    assert_eq!(ran.task("show")["outputs"]["value"], "true 1 0 0 false");
}

#[test]
fn stored_files_lie_once_and_are_nobody_elses() {
    let world = World::new();
    let ran = world.run(
        &flow(
            "
            - {id: one, type: io.kestra.plugin.core.storage.Write, content: the same content}
            - {id: two, type: io.kestra.plugin.core.storage.Write, content: the same content}
            ",
        ),
        0,
    );
    let storage = world.state().join("storage");
    let files: Vec<_> = listing(&storage)
        .into_iter()
        .filter(|path| storage.join(path).is_file())
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    let inode = |path: &String| std::fs::metadata(storage.join(path)).unwrap().ino();
    assert!(files.iter().all(|path| inode(path) == inode(&files[0])));
    let uri = ran.task("one")["outputs"]["uri"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = |namespace: &str| {
        flow(&format!(
            "- {{id: r, type: io.kestra.plugin.core.debug.Return, format: \"{{{{ read('{uri}') }}}}\"}}\n"
        ))
        .replace("test.flows", namespace)
    };
    let own = world.run(&text("test.flows"), 0);
    assert_eq!(own.task("r")["outputs"]["value"], "the same content");
    // The flow is called `flow`, so that its path looks like that of this namespace.
    for namespace in ["test.other", "test.flows.flow"] {
        let refused = world.run(&text(namespace), 3);
        refused.finished.says([
            "flow.yaml:4:",
            &format!("belongs to another namespace than `{namespace}`"),
        ]);
    }
    // A value of an input is handed over.
    world.write(
        "child.yaml",
        "id: child\nnamespace: other.place\ninputs: [{id: f, type: FILE}]\ntasks: [{id: r, type: io.kestra.plugin.core.debug.Return, format: \"{{ read(inputs.f) }}\"}]\noutputs: [{id: text, type: STRING, value: \"{{ outputs.r.value }}\"}]\n",
    );
    let ran = world.run(
        &flow(
            "
            - {id: one, type: io.kestra.plugin.core.storage.Write, content: handed}
            - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: other.place, flowId: child, inputs: {f: \"{{ outputs.one.uri }}\"}}
            ",
        ),
        0,
    );
    assert_eq!(ran.task("call")["outputs"]["outputs"]["text"], "handed");
}

/// The most memory that a process has used so far, in bytes.
fn most_memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_file_larger_than_memory_may_be_is_cut_into_batches() {
    let world = World::new();
    let path = world.here().join("large.txt");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    for number in 0..1_200_000 {
        writeln!(file, "{number:0120}").unwrap();
    }
    drop(file);
    world.write(
        "each.yaml",
        "id: each\nnamespace: test.flows\ninputs: [{id: lines, type: FILE}]\ntasks: [{id: r, type: io.kestra.plugin.core.debug.Return, format: \"{{ fileSize(inputs.lines) }}\"}]\n",
    );
    let tasks = dedent(
        "
        - {id: batches, type: io.kestra.plugin.core.flow.ForEachItem, items: \"{{ inputs.data }}\", batch: {rows: 100000}, namespace: test.flows, flowId: each, inputs: {lines: \"{{ taskrun.items }}\"}}
        - {id: wait, type: io.kestra.plugin.scripts.shell.Commands, commands: [\"echo {{ outputs.batches.numberOfBatches }} batches\", \"while test ! -e {{ inputs.until }}; do sleep 0.05; done\"]}
        ",
    );
    let inputs = "inputs: [{id: data, type: FILE}, {id: until, type: STRING}]\n";
    world.write("flow.yaml", format!("{}{inputs}", flow(&tasks)));
    let until = world.here().join("until");
    let given = format!("until={}", until.display());
    let arguments = [
        "run",
        "flow.yaml",
        "--runner",
        "process",
        "-i",
        "data=@large.txt",
        "-i",
        &given,
    ];
    let mut running = world.command(arguments).start();
    running.wait_for_stdout("12 batches");
    let most = most_memory(running.id());
    std::fs::write(&until, "").unwrap();
    running.finish().exits(0);
    assert!(most < 100 * 1024 * 1024, "{most} bytes");
}

#[test]
fn outputs_of_a_flow_are_of_their_types() {
    let world = World::new();
    let check = |kind: &str, value: &str, expected: serde_json::Value| {
        let text = format!(
            "{}outputs: [{{id: o, type: {kind}, value: \"{value}\"}}]\n",
            flow("- {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n")
        );
        let code = if expected.is_null() { 3 } else { 0 };
        let ran = world.run(&text, code);
        if code == 0 {
            assert_eq!(ran.record["outputs"]["o"], expected, "{kind} {value}");
        } else {
            ran.finished
                .says(["flow.yaml:5:", &format!("the output `o`: expected {kind}")]);
        }
    };
    check("STRING", "{{ 5 }}", json!("5"));
    check("INT", "{{ '5' }}", json!(5));
    check("INT", "five", json!(null));
    check("FLOAT", "1.5", json!(1.5));
    check("BOOL", "true", json!(true));
    check("JSON", "{{ {'a': 1} }}", json!({"a": 1}));
    check("ARRAY", "[1, 2]", json!([1, 2]));
    check("DATE", "soon", json!(null));
}
