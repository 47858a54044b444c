//! Tasks in containers that share a working directory: each sees what those before it left, and none undoes what another does.

use serde_json::json;

use crate::support::Yard;

fn flow(strategy: &str, tasks: &[(&str, &str, &str)], holder: &str) -> String {
    let tasks: Vec<_> = tasks
        .iter()
        .map(|(id, keys, script)| {
            let mut task = json!({
                "id": id, "type": "io.kestra.plugin.scripts.shell.Script", "script": script,
                "taskRunner": {
                    "type": "io.kestra.plugin.scripts.runner.docker.Docker",
                    "fileHandlingStrategy": strategy, "networkMode": "none",
                },
            });
            for pair in keys.split_whitespace() {
                let (key, value) = pair.split_once('=').unwrap();
                task[key] = serde_json::from_str(value).unwrap();
            }
            task
        })
        .collect();
    let inner = match holder {
        "Parallel" => {
            json!([{ "id": "together", "type": "io.kestra.plugin.core.flow.Parallel", "tasks": tasks }])
        }
        _ => json!(tasks),
    };
    json!({
        "id": "flow", "namespace": "test.docker",
        "tasks": [{
            "id": "shared", "type": "io.kestra.plugin.core.flow.WorkingDirectory",
            "inputFiles": { "given.txt": "given", "old/gone.txt": "gone" },
            "outputFiles": ["*.txt", "dir/**"],
            "tasks": inner,
        }],
    })
    .to_string()
}

#[test]
fn each_sees_what_those_before_it_left() {
    let Some(yard) = Yard::new("each_sees_what_those_before_it_left") else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        let tasks = [
            (
                "first",
                "inputFiles={\"own.txt\":\"own\"}",
                "cat given.txt own.txt; echo; echo one > a.txt; echo same > same.txt; mkdir -p dir/empty dir/deep; echo two > dir/deep/b.txt; \
                 printf '#!/bin/sh\\necho ran\\n' > run.sh; chmod +x run.sh; rm -r old; echo kept > {{ outputDir }}/kept.txt",
            ),
            (
                "second",
                "outputDirectory=true",
                "cat a.txt dir/deep/b.txt; ./run.sh; [ -d dir/empty ] && echo empty; [ -e old ] || echo gone; \
                 echo six > same.txt; echo more >> a.txt; rm own.txt; ls $OUTPUT_DIR | wc -l",
            ),
            ("third", "", "cat a.txt same.txt; ls"),
        ];
        let yard = yard.fresh();
        let ran = yard.run(&flow(strategy, &tasks, ""), &[], 0);
        assert_eq!(
            ran.lines('|'),
            [
                "givenown",
                "one",
                "two",
                "ran",
                "empty",
                "gone",
                "0",
                "one",
                "more",
                "six",
                "a.txt",
                "dir",
                "given.txt",
                "run.sh",
                "same.txt"
            ],
            "{strategy}: {}",
            ran.finished
        );
        assert_eq!(
            ran.files("first"),
            ["kept.txt"],
            "{strategy}: {}",
            ran.finished
        );
        assert_eq!(
            ran.files("shared"),
            ["a.txt", "dir/deep/b.txt", "given.txt", "same.txt"],
            "{strategy}: {}",
            ran.finished
        );
    }
}

/// Both run at once: neither loses what the other did meanwhile, and each has outputs of its own.
#[test]
fn tasks_at_once_do_not_undo_each_other() {
    let Some(yard) = Yard::new("tasks_at_once_do_not_undo_each_other") else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        let tasks = [
            (
                "quick",
                "",
                "sleep 1; echo quick >> given.txt; echo q > quick.txt; rm -r old; echo q > {{ outputDir }}/out.txt; sleep 1",
            ),
            (
                "slow",
                "",
                "sleep 4; echo s > slow.txt; echo s > {{ outputDir }}/out.txt; echo t > {{ outputDir }}/two.txt",
            ),
        ];
        let yard = yard.fresh();
        let flow = flow(strategy, &tasks, "Parallel");
        let ran = yard.run(&flow, &["-j", "4"], 0);
        let what = format!("{strategy}: {}", ran.finished);
        assert_eq!(ran.files("quick"), ["out.txt"], "{what}");
        assert_eq!(ran.files("slow"), ["out.txt", "two.txt"], "{what}");
        assert_eq!(
            ran.files("shared"),
            ["given.txt", "quick.txt", "slow.txt"],
            "{what}"
        );
        assert_eq!(
            yard.stored(&ran, "shared", "given.txt"),
            "givenquick\n",
            "{what}"
        );
    }
}
