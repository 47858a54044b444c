//! What flows may ask of the machine: refused before anything starts, by `plan` as by `run`, and allowed one by one by the command line
//! or the host's configuration. No engine is asked for any of it.

use taffrail_tests::cli::World;
use taffrail_tests::flows::{Ran, flow};

const FLOW: &str = "\
id: powers
namespace: company.team
tasks:
  - id: first
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands: [touch first-has-run]
  - id: one
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.scripts.runner.docker.Docker
      volumes: ['/srv:/data', '/run/docker.sock:/engine']
      privileged: true
    commands: [echo one]
  - id: two
    type: io.kestra.plugin.scripts.shell.Commands
    docker:
      image: debian
      pidMode: host
    commands: [echo two]
";

/// Each place with the permission that is missing there.
const REFUSALS: [&str; 5] = [
    "flow.yaml:13:17",
    "flow.yaml:13:31",
    "`--allow engine-socket`, or with `engine-socket-enabled: true`",
    "flow.yaml:14:19",
    "flow.yaml:20:16",
];

#[test]
fn run_and_plan_refuse_the_same_at_once_and_nothing_starts() {
    let world = World::new();
    world.write("flow.yaml", FLOW);
    for command in ["run", "plan"] {
        world
            .taffrail([command, "flow.yaml"])
            .exits(9)
            .says(REFUSALS);
    }
    assert!(
        !world.state().join("executions").exists(),
        "nothing is made for a flow that is refused"
    );
}

/// Where all tasks are to run in containers, the host's own tasks do not reach for the machine, either; what they print is no file.
#[test]
fn files_of_the_machine_are_refused_where_all_runs_in_containers() {
    let world = World::new();
    world.write("in.txt", "here");
    let tasks = [
        ("- {id: one, type: taffrail.file.Read, path: in.txt}", true),
        (
            "- {id: one, type: taffrail.file.Write, path: out.txt, content: x}",
            true,
        ),
        (
            "- {id: one, type: taffrail.file.Read, path: \"{{ 'in' ~ '.txt' }}\"}",
            false,
        ),
        (
            "- {id: one, type: taffrail.file.Write, path: \"{{ 'out' ~ '.txt' }}\", content: x}",
            false,
        ),
    ];
    for (task, beforehand) in tasks {
        world.write("flow.yaml", flow(task));
        let run = ["run", "flow.yaml", "--runner", "docker"];
        // What stands there as it is, a plan refuses alike; what an expression gives is known when the task runs.
        let planned = world.taffrail([&["plan"], &run[1..]].concat());
        let refused = world.taffrail(run);
        let words = if task.contains("Read") {
            "`taffrail.file.Read` names `in.txt`"
        } else {
            "`taffrail.file.Write` names `out.txt`"
        };
        refused.exits(9).says([
            words,
            "--allow host-files",
            "host-files-enabled",
            "flow.yaml:4:",
        ]);
        if beforehand {
            planned.exits(9);
            assert_eq!(planned.stderr, refused.stderr);
        } else {
            planned.exits(0);
        }
        let allowed = ["--allow", "host-files"];
        world
            .taffrail([&["plan"], &run[1..], &allowed].concat())
            .exits(0);
        assert_eq!(
            world.state().join("executions").exists(),
            !beforehand,
            "{refused}"
        );
        assert!(!world.here().join("out.txt").exists(), "{refused}");
        world
            .taffrail([&run[..], &["--allow", "host-files"]].concat())
            .exits(0);
        world.taffrail(&run[..2]).exits(0);
        world
            .taffrail(["run", "flow.yaml", "--runner", "process"])
            .exits(0);
        std::fs::remove_dir_all(world.state().join("executions")).unwrap();
        let _ = std::fs::remove_file(world.here().join("out.txt"));
    }
    // Git reads folders and starts programs, where it is told to.
    let marker = world.here().join("started");
    let marked = marker.display();
    for (keys, words, place) in [
        (
            "url: /srv/repository".to_owned(),
            "clones `/srv/repository`, which is not on a server",
            "flow.yaml:4:",
        ),
        (
            format!(
                "url: 'ssh://example.invalid/a', gitConfig: {{core: {{sshCommand: 'touch {marked}; false'}}}}"
            ),
            "sets `core.sshCommand`",
            "flow.yaml:4:",
        ),
        (
            format!("url: \"{{{{ 'ext::touch {marked}' }}}}\""),
            "clones `ext::touch",
            "flow.yaml:4:",
        ),
    ] {
        let task = format!("- {{id: one, type: io.kestra.plugin.git.Clone, {keys}}}");
        world.write("flow.yaml", flow(&task));
        let refused = world.taffrail(["run", "flow.yaml", "--runner", "docker"]);
        refused.exits(9).says([words, "--allow host-files", place]);
        assert!(!marker.exists(), "{refused}");
    }
    world.write(
        "flow.yaml",
        flow("- {id: one, type: taffrail.file.Write, path: /dev/stdout, content: told}"),
    );
    world
        .taffrail(["run", "flow.yaml", "--runner", "docker"])
        .exits(0)
        .prints("one | told\n");
}

#[test]
fn what_is_allowed_is_not_refused_any_more() {
    let world = World::new();
    world.write("flow.yaml", FLOW);
    let all = [
        "plan",
        "flow.yaml",
        "--allow",
        "volumes",
        "--allow",
        "engine-socket",
        "--allow",
        "privileged",
        "--allow",
        "host-pid",
    ];
    world.taffrail(all).exits(0);
    let refused = world.taffrail(&all[..8]).exits(9).stderr.clone();
    assert!(refused.contains("flow.yaml:20:16"), "{refused}");
    assert!(!refused.contains("flow.yaml:14:19"), "{refused}");
    // What stands for the flow's runner asks for nothing.
    world
        .taffrail(["plan", "flow.yaml", "--runner", "process"])
        .exits(0);
    // The old name is the same runner, and its settings count.
    let old = FLOW.replace("docker.Docker\n", "docker.DockerTaskRunner\n");
    world.write("old.yaml", old);
    world
        .taffrail(["plan", "old.yaml", "--runner", "docker"])
        .exits(9)
        .says(["old.yaml:13:17"]);
    world
        .taffrail(["plan", "flow.yaml", "--allow", "volume"])
        .exits(2)
        .says(["volumes", "engine-socket"]);
}

#[test]
fn the_configuration_allows_wherever_it_is_found() {
    let world = World::new();
    world.write("flow.yaml", FLOW);
    let values = "volumeEnabled: true, engine-socket-enabled: true, privileged-enabled: true, host-pid-enabled: true";
    let config = format!(
        "kestra:\n  plugins:\n    configurations:\n      - type: io.kestra.plugin.scripts.runner.docker.Docker\n        values: {{{values}}}\n"
    );
    world.write("mine.yaml", &config);
    world
        .taffrail(["plan", "flow.yaml", "--config", "mine.yaml"])
        .exits(0);
    world
        .command(["plan", "flow.yaml"])
        .env("TAFFRAIL_CONFIG", "mine.yaml")
        .finish()
        .exits(0);
    // Beside the flow it is nobody's.
    world.write("taffrail/config.yaml", &config);
    world.write("config.yaml", &config);
    world.taffrail(["plan", "flow.yaml"]).exits(9);
    world
        .command(["plan", "flow.yaml"])
        .env("XDG_CONFIG_HOME", world.here())
        .finish()
        .exits(0);
}

#[test]
fn a_wrong_configuration_is_told_at_its_place() {
    let world = World::new();
    world.write("flow.yaml", FLOW);
    world.write(
        "wrong.yaml",
        "plugins:\n  configurations:\n    - type: docker\n      values:\n        volume-enable: true\n",
    );
    world
        .taffrail(["plan", "flow.yaml", "--config", "wrong.yaml"])
        .exits(3)
        .says(["wrong.yaml:5:9", "did you mean `volume-enabled`?"]);
    world
        .taffrail(["run", "flow.yaml", "--config", "absent.yaml"])
        .exits(8)
        .says(["absent.yaml"]);
}

const FILES: &str = "\
id: files
namespace: company.team
inputs:
  - {id: given, type: FILE, defaults: 'file://ROOT/in/given.txt'}
tasks:
  - id: copied
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    inputFiles:
      a.txt: file://ROOT/in/a.txt
    commands: ['cat a.txt {{ inputs.given }}']
  - id: read
    type: io.kestra.plugin.core.debug.Return
    format: \"{{ read('file://ROOT/in/a%20b.txt') }} {{ fileSize('file://ROOT/in/a.txt') }} {{ read(inputs.given) }} {{ fileExists('file://ROOT/out.txt') }}\"
  - id: together
    type: io.kestra.plugin.core.flow.WorkingDirectory
    inputFiles: {c.txt: 'file://ROOT/in/a.txt'}
    tasks:
      - id: shared
        type: io.kestra.plugin.scripts.shell.Commands
        taskRunner: {type: io.kestra.plugin.core.runner.Process}
        commands: [cat c.txt]
";

fn with_files(world: &World) {
    let here = world.here().canonicalize().unwrap();
    world.write(
        "flow.yaml",
        FILES.replace("ROOT", &here.display().to_string()),
    );
    world.write("in/a.txt", "A");
    world.write("in/a b.txt", "AB");
    world.write("in/given.txt", "G");
    world.write("out.txt", "outside");
}

#[test]
fn files_of_the_machine_are_refused_at_their_places_before_anything_starts() {
    let world = World::new();
    with_files(&world);
    for command in ["run", "plan"] {
        world.taffrail([command, "flow.yaml"]).exits(9).says([
            "TF0701",
            "flow.yaml:4:39",
            "flow.yaml:10:14",
            "flow.yaml:14:",
            "flow.yaml:17:25",
            "this host does not let flows read those",
            "`--allow-files DIR`, or with `local-files.allowed-paths`",
        ]);
    }
    assert!(!world.state().join("executions").exists());
    // Another folder is no help.
    world
        .taffrail(["run", "flow.yaml", "--allow-files", "."])
        .exits(0);
    std::fs::create_dir(world.here().join("other")).unwrap();
    world
        .taffrail(["run", "flow.yaml", "--allow-files", "other"])
        .exits(9)
        .says(["lets flows read only those below `/"]);
    world
        .taffrail(["run", "flow.yaml", "--allow-files", "nowhere"])
        .exits(8)
        .says(["there is no folder `nowhere`"]);
}

#[test]
fn files_of_an_allowed_folder_are_read_wherever_files_are_named() {
    let world = World::new();
    with_files(&world);
    let here = world.here().canonicalize().unwrap();
    let config = format!(
        "kestra: {{local-files: {{allowed-paths: ['{}/in']}}}}\n",
        here.display()
    );
    world.write("mine.yaml", config);
    for allowed in [["--allow-files", "in"], ["--config", "mine.yaml"]] {
        let finished = world.taffrail(["run", "flow.yaml", "-o", "json"].iter().chain(&allowed));
        finished.exits(0);
        finished.says(["| AG", "| A\n"]);
        let ran = Ran {
            record: finished.json(),
            finished,
        };
        assert_eq!(ran.task("read")["outputs"]["value"], "AB 1 G false");
    }
}

#[test]
fn what_an_expression_makes_of_an_address_is_refused_when_it_is_known() {
    let world = World::new();
    with_files(&world);
    std::os::unix::fs::symlink("../out.txt", world.here().join("in/link.txt")).unwrap();
    let here = world.here().canonicalize().unwrap();
    let check = |address: &str, code: i32, words: &str| {
        let text = format!(
            "id: x\nnamespace: company.team\nvariables: {{at: '{address}'}}\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}\n    inputFiles: {{a.txt: \"{{{{ vars.at }}}}\"}}\n    commands: [cat a.txt]\n"
        );
        world.write("x.yaml", text.replace("ROOT", &here.display().to_string()));
        let arguments = ["run", "x.yaml", "--allow-files", "in"];
        world.taffrail(arguments).exits(code).says([words]);
    };
    check("file://ROOT/in/a.txt", 0, "");
    check("file://ROOT/out.txt", 9, "lets flows read only those below");
    check("file://ROOT/in/../out.txt", 3, "without `..`");
    check("file://ROOT/in/%2e%2e/out.txt", 3, "without `..`");
    check("file://ROOT/in/link.txt", 3, "in/link.txt");
    check("file://ROOT/in/none.txt", 3, "in/none.txt");
}

/// Settings that fit the schema and not each other are found by `validate`, in both forms.
#[test]
fn settings_that_exclude_each_other_are_told_before_anything_runs() {
    let world = World::new();
    world.write(
        "flow.yaml",
        "id: x\nnamespace: company.team\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n      memory: {memory: 5MB}\n      cpu: {cpus: 1}\n      cpuQuota: 5000\n    commands: [echo]\n  - id: two\n    type: io.kestra.plugin.scripts.shell.Commands\n    docker: {image: debian, networkMode: 'container:x', portBindings: ['80:80']}\n    commands: [echo]\n",
    );
    for command in ["validate", "run"] {
        world.taffrail([command, "flow.yaml"]).exits(3).says([
            "flow.yaml:8:24",
            "`memory.memory` must be at least 6MB, not 5 MiB",
            "flow.yaml:10:17",
            "`cpuQuota` and `cpu.cpus`",
            "flow.yaml:14:71",
            "`portBindings` is that of the other container",
        ]);
    }
}

#[test]
fn a_plan_shows_the_request_without_secrets() {
    let world = World::new();
    world.write(
        "flow.yaml",
        "id: x\nnamespace: company.team\ntasks:\n  - {id: zero, type: io.kestra.plugin.scripts.shell.Script, script: echo}\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Commands\n    containerImage: registry.example/app\n    env: {TOKEN: \"{{ secret('TOKEN') }}\"}\n    taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n      labels: {token: \"{{ secret('TOKEN') }}\"}\n      credentials: {username: ada, password: \"{{ secret('TOKEN') }}\"}\n      fileHandlingStrategy: MOUNT\n      memory: {memory: \"{{ outputs.zero.vars.size }}\"}\n    commands: [\"echo 'it is'\"]\n",
    );
    world.write(".secrets", "TOKEN=hunter2-hunter2\n");
    let arguments = [
        "plan",
        "flow.yaml",
        "--secrets-file",
        ".secrets",
        "--task",
        "one",
        "-o",
        "json",
    ];
    let plan = world.taffrail(arguments);
    plan.exits(0);
    assert!(!plan.stdout.contains("hunter2"), "{}", plan.stdout);
    let task = &plan.json()["tasks"][0];
    let request = &task["request"];
    assert_eq!(request["Image"], "registry.example/app:latest");
    assert_eq!(request["Env"][0], "TOKEN=******");
    assert_eq!(request["Labels"]["token"], "******");
    assert_eq!(
        request["HostConfig"]["Mounts"][0]["Target"],
        "/taffrail/work"
    );
    assert_eq!(task["deferred"][0], "/taskRunner/memory/memory");
    let line = task["commandLine"].as_str().unwrap();
    assert!(line.starts_with("docker run --name taffrail-"), "{line}");
    assert!(line.contains("--env 'TOKEN=******'"), "{line}");
    assert!(line.contains("--mount type=bind,source=/"), "{line}");
    assert!(
        line.contains(r"'it'\''s'") || line.contains("it is"),
        "{line}"
    );
}
