//! Whole flows in containers: those that the documentation shows, and what people do with files, users and outputs.

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::docker::images;
use taffrail_tests::docker::proxy::Proxy;
use taffrail_tests::docker::skipped;
use taffrail_tests::flows::flow;
use taffrail_tests::wheel::demo;

use crate::support::{Yard, contained};

/// The flow of the documentation's first example, as it stands there.
#[test]
fn a_shell_task_runs_in_a_container() {
    let Some(yard) = Yard::new("a_shell_task_runs_in_a_container") else {
        return;
    };
    let ran = yard.run(
        "id: simple_shell_example\nnamespace: company.team\n\ntasks:\n  - id: shell\n    type: io.kestra.plugin.scripts.shell.Commands\n    \
         taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n    commands:\n    - echo \"Hello World\"\n",
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), ["Hello World"]);
    assert_eq!(ran.task("shell")["outputs"]["exitCode"], 0);
}

#[test]
fn input_files_go_in_and_output_files_come_out() {
    let Some(yard) = Yard::new("input_files_go_in_and_output_files_come_out") else {
        return;
    };
    let file = yard.world.write("given.txt", "of the user\n");
    let ran = yard.run(
        r#"id: shell_example_with_files
namespace: company.team
inputs:
  - id: file
    type: FILE
tasks:
  - id: shell
    type: io.kestra.plugin.scripts.shell.Commands
    inputFiles:
      data.txt: "{{ inputs.file }}"
    outputFiles:
      - "*.txt"
    containerImage: centos
    taskRunner:
      type: io.kestra.plugin.scripts.runner.docker.Docker
    commands:
    - cp {{ workingDir }}/data.txt {{ workingDir }}/out.txt
  - id: after
    type: io.kestra.plugin.scripts.shell.Commands
    commands:
    - cat {{ outputs.shell.outputFiles['out.txt'] }}
"#,
        &["-i", &format!("file=@{}", file.display())],
        0,
    );
    assert_eq!(ran.files("shell"), ["data.txt", "out.txt"]);
    assert_eq!(ran.lines('|'), ["of the user"], "{}", ran.finished);
}

/// A task without `taskRunner` runs in the image that its plugin names.
#[test]
fn the_container_is_the_default() {
    let Some(yard) = Yard::new("the_container_is_the_default") else {
        return;
    };
    let ran = yard.run(
        &flow("- {id: one, type: io.kestra.plugin.scripts.shell.Commands, commands: ['cat /bin/busybox | wc -c', 'ls /sys/class/net']}"),
        &[],
        0,
    );
    assert_eq!(ran.lines('|').len(), 3, "{}", ran.finished);
    assert_eq!(ran.task("one")["runner"], "docker", "{}", ran.record);
}

#[test]
fn the_old_spelling_is_the_same_container() {
    let Some(yard) = Yard::new("the_old_spelling_is_the_same_container") else {
        return;
    };
    let ran = yard.run(
        &flow(
            "
            - id: one
              type: io.kestra.plugin.scripts.shell.Commands
              runner: DOCKER
              docker:
                image: alpine:3.20
                networkMode: none
                user: '1234'
              commands: ['id -u', 'ls /sys/class/net']
            ",
        ),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), ["1234", "lo"], "{}", ran.finished);
}

#[test]
fn python_runs_in_its_image() {
    let Some(yard) = Yard::new("python_runs_in_its_image") else {
        return;
    };
    if let Err(reason) = images::python(yard.engine) {
        return skipped("python_runs_in_its_image", &reason);
    }
    let ran = yard.run(
        &flow(
            r#"
            - id: script
              type: io.kestra.plugin.scripts.python.Script
              taskRunner:
                type: io.kestra.plugin.scripts.runner.docker.Docker
                pullPolicy: IF_NOT_PRESENT
                cpu:
                  cpus: 1
                memory:
                  memory: "512Mb"
              containerImage: ghcr.io/kestra-io/kestrapy:latest
              outputFiles: [made.json]
              script: |
                import json, os, sys
                json.dump({"cwd": os.getcwd()}, open("made.json", "w"))
                print("::" + json.dumps({"outputs": {"message": "Hello", "version": sys.version_info[0]}}) + "::")
                print("to standard error", file=sys.stderr)
            - id: after
              type: io.kestra.plugin.scripts.python.Commands
              inputFiles: {again.json: "{{ outputs.script.outputFiles['made.json'] }}"}
              commands: ["python -c 'print(open(\"again.json\").read())'"]
            "#,
        ),
        &[],
        0,
    );
    assert_eq!(
        ran.vars("script"),
        &json!({ "message": "Hello", "version": 3 })
    );
    assert_eq!(ran.lines('!'), ["to standard error"]);
    assert_eq!(
        ran.lines('|'),
        ["{\"cwd\": \"/taffrail/work\"}"],
        "{}",
        ran.finished
    );
}

/// The first execution installs from a file, without a network; the next has neither file nor network and finds the package kept.
#[test]
fn python_packages_are_kept_for_the_next_container() {
    let name = "python_packages_are_kept_for_the_next_container";
    let Some(yard) = Yard::new(name) else {
        return;
    };
    if let Err(reason) = images::python(yard.engine) {
        return skipped(name, &reason);
    }
    let wheel = demo(&yard.world.here(), "1.0");
    let task = |inputs: &str, more: &str| {
        format!(
            "{inputs}{}",
            flow(&format!(
                r#"
                - id: demo
                  type: io.kestra.plugin.scripts.python.Script
                  taskRunner:
                    type: io.kestra.plugin.scripts.runner.docker.Docker
                    networkMode: none
                  containerImage: {}
                  env: {{PIP_NO_INDEX: '1'}}
                  dependencies: ['./{wheel}']
                  {more}
                  script: |
                    import taffrail_demo
                    print(taffrail_demo.version)
                "#,
                images::PYTHON,
            ))
        )
    };
    let given = yard.run(
        &task(
            "inputs: [{id: wheel, type: FILE}]\n",
            &format!("inputFiles: {{{wheel}: '{{{{ inputs.wheel }}}}'}}"),
        ),
        &["-i", &format!("wheel=@{wheel}")],
        0,
    );
    assert_eq!(given.lines('|'), ["1.0"], "{}", given.finished);
    let kept = yard.run_and_leave(&task("", ""), &[], 0);
    assert_eq!(kept.lines('|'), ["1.0"], "{}", kept.finished);
    // There is nothing to install from, so that it was the kept one.
    yard.run_and_leave(&task("", "dependencyCacheEnabled: false"), &[], 4);
}

/// Input files, namespace files, nested folders, the output directory: the same by both ways of files, for every kind of user.
#[test]
fn files_work_for_every_user_and_both_ways() {
    let Some(yard) = Yard::new("files_work_for_every_user_and_both_ways") else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        for (image, user, expected) in [
            (images::TOOLS, "", "0:0"),
            (images::TOOLS, "user: '1234:77'", "1234:77"),
            (images::TOOLS, "user: app", "1000:50"),
            (images::BY_NUMBER, "", "1234:1234"),
            (images::BY_NAME, "", "1000:50"),
        ] {
            let fresh = Yard {
                world: World::new(),
                url: yard.url.clone(),
                ..yard
            };
            let ran = fresh.run(
                &contained(
                    &format!(
                        "containerImage: {image}\ninputFiles: {{in/given.txt: given, run.sh: \"echo ran $1\"}}\n\
                         outputFiles: ['made/**', top.txt]\noutputDirectory: true"
                    ),
                    &format!("fileHandlingStrategy: {strategy}\n{user}"),
                    "
                    echo $(id -u):$(id -g)
                    cat in/given.txt; echo
                    sh run.sh twice
                    mkdir -p made/deep && cp in/given.txt made/deep/copy.txt && echo more >> in/given.txt
                    echo top > {{ workingDir }}/top.txt
                    echo kept > {{ outputDir }}/kept.txt
                    test \"$WORKING_DIR\" = \"$(pwd)\" && test \"$OUTPUT_DIR\" = \"{{ outputDir }}\" && echo same
                    ",
                ),
                &[],
                0,
            );
            let what = format!("{strategy} {image} {user}: {}", ran.finished);
            assert_eq!(
                ran.lines('|'),
                [expected, "given", "ran twice", "same"],
                "{what}"
            );
            assert_eq!(
                ran.files("one"),
                ["kept.txt", "made/deep/copy.txt", "top.txt"],
                "{what}"
            );
        }
    }
}

#[test]
fn outputs_are_kept_after_a_failure_and_after_a_timeout() {
    let Some(yard) = Yard::new("outputs_are_kept_after_a_failure_and_after_a_timeout") else {
        return;
    };
    for (last, code, kind) in [("exit 66", 4, "exit"), ("sleep 60", 7, "timeout")] {
        let yard = Yard {
            world: World::new(),
            url: yard.url.clone(),
            ..yard
        };
        let ran = yard.run(
            &contained(
                "timeout: PT10S\noutputFiles: [made.txt]",
                "",
                &format!("echo made > made.txt\necho '::{{\"outputs\":{{\"a\":1}}}}::'\necho said\n{last}"),
            ),
            &[],
            code,
        );
        assert_eq!(ran.task("one")["failure"]["kind"], kind, "{}", ran.finished);
        assert_eq!(ran.vars("one"), &json!({ "a": 1 }), "{}", ran.finished);
        assert_eq!(ran.files("one"), ["made.txt"], "{}", ran.finished);
        assert_eq!(ran.lines('|'), ["said"]);
    }
}

#[test]
fn what_the_image_brings_is_kept_and_cleaned_up() {
    let Some(yard) = Yard::new("what_the_image_brings_is_kept_and_cleaned_up") else {
        return;
    };
    let volumes = || {
        let all = yard.engine.api().get("/volumes");
        all["Volumes"].as_array().map_or(0, Vec::len)
    };
    let ran = yard.run(
        &contained(
            &format!("containerImage: {}\nenv: {{OWN: task}}", images::DECORATED),
            "",
            "echo $FROM_IMAGE $OWN\necho x > /declared/x && echo written",
        ),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), ["yes task", "written"], "{}", ran.finished);
    // The volume that the image declares has no name of ours; other tests may have theirs.
    let container_volumes = yard.engine.left_of("/declared");
    assert!(
        container_volumes.is_empty(),
        "{container_volumes:?} of {}",
        volumes()
    );
}

#[test]
fn the_memory_limit_is_told_in_words() {
    let Some(yard) = Yard::new("the_memory_limit_is_told_in_words") else {
        return;
    };
    let ran = yard.run(
        &contained(
            "",
            "memory: {memory: 32MB, memorySwap: 32MB}\ninit: false",
            "echo before\nexec awk 'BEGIN { s = \"0123456789\"; while (1) s = s s }'",
        ),
        &[],
        4,
    );
    let message = ran.task("one")["failure"]["message"].as_str().unwrap();
    assert!(
        message.contains("killed by the memory limit of 32 MiB"),
        "{}",
        ran.finished
    );
    assert_eq!(ran.lines('|'), ["before"]);
}

/// A child was killed, the script went on: a note, not a verdict.
#[test]
fn a_child_that_the_memory_limit_killed_is_a_warning() {
    let Some(yard) = Yard::new("a_child_that_the_memory_limit_killed_is_a_warning") else {
        return;
    };
    let ran = yard.run(
        &contained(
            "",
            "memory: {memory: 32MB, memorySwap: 32MB}",
            // The engine hears of such a kill on another way than of the end, some time later.
            "awk 'BEGIN { s = \"0123456789\"; while (1) s = s s }' || true\necho went on\nsleep 2",
        ),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), ["went on"], "{}", ran.finished);
    assert!(
        ran.warnings("one").contains("memory limit"),
        "{}",
        ran.finished
    );
}

#[test]
fn commands_that_cannot_start_are_told() {
    let Some(yard) = Yard::new("commands_that_cannot_start_are_told") else {
        return;
    };
    for (interpreter, runner, kind) in [
        ("no-such-program", "init: false", "start"),
        ("/etc/passwd", "init: false", "start"),
        // Found out by the first process, which says so on standard error.
        ("no-such-program", "", "exit"),
    ] {
        let yard = Yard {
            world: World::new(),
            url: yard.url.clone(),
            ..yard
        };
        let task = format!("interpreter: [{interpreter}, -c]");
        let ran = yard.run(&contained(&task, runner, "true"), &[], 4);
        ran.finished.says([interpreter]);
        assert_eq!(ran.task("one")["failure"]["kind"], kind, "{}", ran.finished);
    }
}

/// `wait: false` goes on at once; `delete: false` leaves the container; `taffrail prune` clears both away.
#[test]
fn what_is_left_on_purpose_is_pruned() {
    if let Some(yard) = Yard::new("what_is_left_on_purpose_is_pruned") {
        prune_what_is_left(yard);
    }
}

/// A volume takes the engine a while, so there is one only where something goes through it, or the flow asks for it.
#[test]
fn without_files_there_is_no_volume() {
    if let Some(yard) = Yard::new("without_files_there_is_no_volume") {
        volumes_are_only_where_they_are_needed(yard);
    }
}

#[test]
fn without_files_there_is_no_volume_on_podman() {
    if let Some(yard) = Yard::podman("without_files_there_is_no_volume_on_podman") {
        volumes_are_only_where_they_are_needed(yard);
    }
}

/// Whoever the container's user is, the working directory is there and can be written to.
fn volumes_are_only_where_they_are_needed(yard: Yard) {
    let image = |name: &str| format!("containerImage: {name}");
    for (task, runner, volume) in [
        (image(images::TOOLS), "", false),
        (image(images::BY_NUMBER), "", false),
        (image(images::BY_NAME), "", false),
        (image(images::TOOLS), "user: '1234'", false),
        (image(images::TOOLS), "fileHandlingStrategy: VOLUME", true),
        (image(images::TOOLS), "readOnly: true", true),
        (image(images::TOOLS), "workingDir: /tmp", true),
        (image(images::BY_NAME) + "\ninputFiles: {a: b}", "", true),
        (image(images::BY_NAME) + "\noutputFiles: [made]", "", true),
        (
            image(images::TOOLS) + "\nnamespaceFiles: {enabled: true}",
            "",
            true,
        ),
        (image(images::TOOLS) + "\noutputDirectory: true", "", true),
    ] {
        let yard = yard.fresh();
        let ran = yard.run_and_leave(
            &contained(
                &task,
                &format!("delete: false\nnetworkMode: host\n{runner}"),
                "cd \"$WORKING_DIR\"; pwd; touch made; ls made",
            ),
            &[],
            0,
        );
        assert_eq!(
            ran.lines('|'),
            ["/taffrail/work", "made"],
            "{task} {runner}"
        );
        let containers = yard.containers();
        let mounts = &containers[0]["Mounts"];
        let found = mounts.as_array().is_some_and(|mounts| !mounts.is_empty());
        assert_eq!(found, volume, "{task} {runner}: {mounts}");
        yard.command(["prune"]).finish().exits(0);
        assert!(yard.left().is_empty(), "{:?}", yard.left());
    }
}

/// Podman makes volumes without labels.
#[test]
fn what_is_left_on_podman_is_pruned() {
    if let Some(yard) = Yard::podman("what_is_left_on_podman_is_pruned") {
        prune_what_is_left(yard);
    }
}

fn prune_what_is_left(yard: Yard) {
    let ran = yard.run_and_leave(
        &contained(
            "",
            "wait: false\nnetworkMode: host\nfileHandlingStrategy: VOLUME",
            "echo never seen\nsleep 300",
        ),
        &[],
        0,
    );
    assert!(ran.finished.took.as_secs() < 30, "{}", ran.finished);
    ran.finished.never_prints(["never seen"]);
    let containers = yard.containers();
    assert_eq!(containers.len(), 1, "{:?}", yard.left());
    assert_eq!(containers[0]["State"]["Running"], true);
    // Its execution has ended, so there is nothing to go on with.
    let kept = yard.command(["prune"]).finish();
    kept.exits(0)
        .says(["removed 0, kept 2", "what runs is ended by `--running`"])
        .never_prints(["taffrail resume"]);
    let pruned = yard.command(["prune", "--running"]).finish();
    pruned.exits(0);
    assert!(yard.left().is_empty(), "{:?} {pruned}", yard.left());

    let yard = Yard {
        world: World::new(),
        url: yard.url.clone(),
        ..yard
    };
    let ran = yard.run_and_leave(
        &contained(
            "",
            "delete: false\nnetworkMode: host\nfileHandlingStrategy: VOLUME",
            "echo seen",
        ),
        &[],
        0,
    );
    assert_eq!(ran.lines('|'), ["seen"]);
    let containers = yard.containers();
    assert_eq!(containers.len(), 1, "{:?}", yard.left());
    assert_eq!(containers[0]["State"]["Status"], "exited");
    let pruned = yard.command(["prune"]).finish();
    pruned.exits(0);
    assert!(yard.left().is_empty(), "{:?} {pruned}", yard.left());
}

/// While the flow is checked the engine is greeted and asked for the image that is named in the text; nobody asks it again, and what is
/// named wrong there does no harm.
#[test]
fn the_engine_is_asked_once() {
    let Some(yard) = Yard::new("the_engine_is_asked_once") else {
        return;
    };
    let proxy = Proxy::start(&yard.engine.socket());
    let yard = yard.behind(&proxy);
    let flow = contained(
        &format!("containerImage: {}", images::TOOLS),
        "networkMode: none",
        "echo one",
    );
    yard.run(&flow, &[], 0);
    assert_eq!(proxy.count("GET", "/_ping"), 1, "{:?}", proxy.lines());
    assert_eq!(
        proxy.count("GET", "/images/*/json"),
        1,
        "{:?}",
        proxy.lines()
    );

    let yard = yard.behind(&proxy);
    let misleading = format!("# containerImage: nowhere/nothing\n{flow}");
    yard.run(&misleading, &[], 0);
    assert_eq!(
        proxy.count("GET", "/images/nowhere*"),
        1,
        "{:?}",
        proxy.lines()
    );
    assert_eq!(
        proxy.count("GET", "/images/*/json"),
        3,
        "{:?}",
        proxy.lines()
    );

    let yard = yard.behind(&proxy);
    yard.run(&flow, &["--runner", "process"], 0);
    assert_eq!(proxy.count("GET", "/_ping"), 2, "{:?}", proxy.lines());
}
