//! Files into and out of a task's working directory, and that neither way leads anywhere else.

use serde_json::json;
use taffrail_tests::cli::{World, listing};
use taffrail_tests::flows::{flow, shell};

#[test]
fn input_files_are_texts_addresses_or_nothing() {
    let ran = World::new().run(
        &flow(
            "
            - id: make
              type: io.kestra.plugin.scripts.shell.Commands
              outputFiles: ['*.bin']
              commands: [\"printf 'a\\\\000b' > x.bin\"]
            - id: one
              type: io.kestra.plugin.scripts.shell.Commands
              inputFiles:
                text.txt: \"{{ 1 + 1 }}\\nlines\\n\"
                deep/er/x.bin: \"{{ outputs.make.outputFiles['x.bin'] }}\"
                empty.txt: null
                \"{{ 'na' ~ 'me' }}.txt\": x
              commands:
                - cat text.txt
                - wc -c < deep/er/x.bin
                - test -f empty.txt && test ! -s empty.txt && echo empty
                - cat name.txt
            ",
        ),
        0,
    );
    assert_eq!(ran.lines('|'), ["2", "lines", "3", "empty", "x"]);
}

#[test]
fn all_input_files_may_be_one_expression() {
    let ran = World::new().run(
        &flow(
            r#"
            - id: make
              type: io.kestra.plugin.scripts.shell.Commands
              outputFiles: ['**.txt']
              commands: [mkdir d, echo 1 > a.txt, echo 2 > d/b.txt]
            - id: one
              type: io.kestra.plugin.scripts.shell.Commands
              inputFiles: "{{ outputs.make.outputFiles }}"
              commands: [cat a.txt d/b.txt]
            - id: two
              type: io.kestra.plugin.scripts.shell.Commands
              inputFiles: '{"c.txt": "three", "d.txt": null}'
              commands: ['cat c.txt d.txt']
            "#,
        ),
        0,
    );
    assert_eq!(ran.lines('|'), ["1", "2", "three"]);
}

#[test]
fn output_patterns() {
    let commands = "mkdir -p d/e\ntouch a.txt b.csv .hidden.txt d/c.txt d/e/f.txt 'with space.txt'";
    for (pattern, files, warning) in [
        ("a.txt", vec!["a.txt"], ""),
        ("*.txt", vec![".hidden.txt", "a.txt", "with space.txt"], ""),
        (
            "**.txt",
            vec![
                ".hidden.txt",
                "a.txt",
                "d/c.txt",
                "d/e/f.txt",
                "with space.txt",
            ],
            "",
        ),
        ("d/**", vec!["d/c.txt", "d/e/f.txt"], ""),
        ("d/*", vec!["d/c.txt"], ""),
        ("?.{txt,csv}", vec!["a.txt", "b.csv"], ""),
        ("glob:d/*.txt", vec!["d/c.txt"], ""),
        ("{{ 'a' }}.txt", vec!["a.txt"], ""),
        ("missing.txt", vec![], "there is no file `missing.txt`"),
        ("*.parquet", vec![], "no file matches `*.parquet`"),
    ] {
        let text = shell(commands).replace(
            "  commands",
            &format!("  outputFiles: [\"{pattern}\"]\n    commands"),
        );
        let ran = World::new().run(&text, 0);
        assert_eq!(ran.files("one"), files, "{pattern}: {}", ran.finished);
        assert!(
            ran.warnings("one").contains(warning),
            "{pattern}: {}",
            ran.finished
        );
        assert_eq!(
            ran.warnings("one").is_empty(),
            warning.is_empty(),
            "{pattern}: {}",
            ran.finished
        );
    }
}

#[test]
fn a_literal_output_has_a_path_before_it_is_there() {
    let text = shell(
        "echo made > {{ outputFiles['out.txt'] }}\necho '{{ outputFiles.plain }}' | grep -c /plain",
    )
    .replace(
        "  commands",
        "  outputFiles: [out.txt, plain]\n    commands",
    );
    let ran = World::new().run(&text, 0);
    assert_eq!(
        (ran.lines('|'), ran.files("one")),
        (vec!["1"], vec!["out.txt"])
    );
}

#[test]
fn what_the_host_puts_there_is_no_output() {
    let text = flow(
        "
        - id: one
          type: io.kestra.plugin.scripts.python.Script
          outputFiles: ['**']
          executionContext: true
          script: open('made.txt', 'w').write('x')
        ",
    );
    assert_eq!(World::new().run(&text, 0).files("one"), ["made.txt"]);
}

#[test]
fn the_execution_context_is_a_file_on_demand() {
    let text = shell("cat .kestra-execution-context.json")
        .replace("  commands", "  executionContext: true\n    commands");
    let text = format!("variables: {{v: 1}}\ninputs: [{{id: i, type: INT, defaults: 2}}]\n{text}");
    let world = World::new();
    world.write("flow.yaml", &text);
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "ndjson"])
        .env("HOST_ONLY", "of the host")
        .finish();
    let lines = finished.exits(0).json_lines();
    let printed = lines
        .iter()
        .find(|event| event["event"] == "line")
        .and_then(|event| event["line"].as_str());
    let context: serde_json::Value = serde_json::from_str(printed.unwrap()).unwrap();
    assert_eq!(
        (
            &context["vars"]["v"],
            &context["inputs"]["i"],
            &context["flow"]["id"]
        ),
        (&json!(1), &json!(2), &json!("flow"))
    );
    assert_eq!(context["task"]["id"], "one");
    finished.never_prints(["of the host"]);
    World::new().run(&shell("test ! -e .kestra-execution-context.json"), 0);
}

#[test]
fn namespace_files_lie_beside_the_flow() {
    for (setting, arguments, files) in [
        ("{enabled: true}", vec![], "a.txt b.md d/c.txt "),
        ("{include: ['*.txt']}", vec![], "a.txt "),
        ("{exclude: ['d/**']}", vec![], "a.txt b.md "),
        ("{enabled: false}", vec![], ""),
        (
            "{enabled: true}",
            vec!["--namespace-files", "other"],
            "other.txt ",
        ),
    ] {
        let world = World::new();
        for name in [
            "_files/a.txt",
            "_files/b.md",
            "_files/d/c.txt",
            "other/other.txt",
        ] {
            world.write(name, "x");
        }
        let text =
            shell("find . -type f | sed 's,^./,,' | grep -v '^commands' | sort | tr '\\n' ' '");
        let text = text.replace(
            "  commands:",
            &format!("  namespaceFiles: {setting}\n    commands:"),
        );
        let ran = world.run_with(&text, &arguments, 0);
        assert_eq!(
            ran.lines('|').concat(),
            files,
            "{setting}: {}",
            ran.finished
        );
    }
    let ran = World::new().run(
        &shell("true").replace(
            "  commands",
            "  namespaceFiles: {enabled: true}\n    commands",
        ),
        0,
    );
    assert!(ran.warnings("one").contains("_files"), "{}", ran.finished);
}

#[test]
fn expressions_read_namespace_files() {
    let world = World::new();
    world.write("_files/q/query.sql", "select 1");
    let ran = world.run(
        &shell("echo '{{ read('q/query.sql') }}' '{{ fileSize('nsfile:///q/query.sql') }}'"),
        0,
    );
    assert_eq!(ran.lines('|'), ["select 1 8"]);
    for path in ["../flow.yaml", "/etc/passwd", "q/../../flow.yaml"] {
        let world = World::new();
        world.write("_files/x", "");
        let ran = world.run(&shell(&format!("echo '{{{{ read('{path}') }}}}'")), 3);
        assert!(ran.finished.stderr.contains(path), "{}", ran.finished);
    }
}

/// A name or pattern that leads out is refused by name, and nothing is run.
#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../out.txt", "/etc/x", "a/../../x", "", ".", "a//../../b"] {
        let text = shell("echo ran").replace(
            "  commands",
            &format!("  inputFiles: {{\"{name}\": x}}\n    commands"),
        );
        let world = World::new();
        world.write("flow.yaml", text);
        let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
        finished.exits(3).prints("").says(["flow.yaml:6:", name]);
        world
            .taffrail(["plan", "flow.yaml", "--runner", "process"])
            .exits(3)
            .says([name]);
        assert_eq!(listing(&world.here()), ["flow.yaml"], "{name}");
    }
    for pattern in [
        "../*.txt",
        "/etc/passwd",
        "a/../../x",
        "../../../../../etc/passwd",
    ] {
        let text = shell("echo ran").replace(
            "  commands",
            &format!("  outputFiles: [\"{pattern}\"]\n    commands"),
        );
        let world = World::new();
        world.write("flow.yaml", text);
        world
            .taffrail(["run", "flow.yaml", "--runner", "process"])
            .exits(3)
            .prints("")
            .says([pattern]);
    }
}

/// What a task plants in its directory is never followed: not by the collection of outputs, not by the removal of the directory.
#[test]
fn links_are_not_followed() {
    let world = World::new();
    let outside = world.here().join("outside");
    world.write("outside/kept.txt", "kept");
    let text = shell(&format!(
        "ln -s /etc/passwd out.txt\nln -s {0} folder\nln {0}/kept.txt hard.txt\nmkfifo pipe.txt\nln -s . loop\necho real > real.txt",
        outside.display()
    ));
    let text = text.replace(
        "  commands",
        "  outputFiles: ['out.txt', '**/*.txt', '**.txt', 'folder/**']\n    commands",
    );
    let ran = world.run(&text, 0);
    assert_eq!(
        ran.files("one"),
        ["hard.txt", "real.txt"],
        "{}",
        ran.finished
    );
    ran.finished.never_prints(["root:"]);
    assert!(outside.join("kept.txt").exists());
    let stored: Vec<_> = listing(&world.state().join("storage"))
        .into_iter()
        .filter(|name| name.ends_with(".txt"))
        .collect();
    assert_eq!(stored.len(), 2, "{stored:?}");
}

#[test]
fn an_output_directory_that_became_a_link_is_not_followed() {
    let text = shell("rmdir $OUTPUT_DIR || rm -rf $OUTPUT_DIR\nln -s /etc $OUTPUT_DIR")
        .replace("  commands", "  outputDirectory: true\n    commands");
    let world = World::new();
    world.write("flow.yaml", text);
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process", "-o", "json"]);
    let record = finished.json();
    let files = &record["tasks"][0]["outputs"]["outputFiles"];
    assert!(
        files.as_object().is_none_or(serde_json::Map::is_empty),
        "{finished}"
    );
    assert!(
        !listing(&world.state().join("storage"))
            .iter()
            .any(|name| name.contains("passwd")),
        "{finished}"
    );
}

/// A task that swaps a directory for a link while its outputs are looked for gets its own files or nothing.
#[test]
fn a_race_for_a_link_is_not_won() {
    let world = World::new();
    world.write("outside/stolen.txt", "stolen");
    let text = shell(&format!(
        "mkdir d\necho own > d/stolen.txt\n(i=0; while [ $i -lt 200 ]; do mv d d2; ln -s {} d; rm d; mv d2 d; i=$((i+1)); done) & sleep 0.05",
        world.here().join("outside").display()
    ));
    let text = text.replace(
        "  commands",
        "  outputFiles: ['d/**', 'd/stolen.txt']\n    commands",
    );
    world.write("flow.yaml", text);
    world.taffrail(["run", "flow.yaml", "--runner", "process"]);
    for name in listing(&world.state().join("storage")) {
        let path = world.state().join("storage").join(&name);
        assert!(
            path.is_dir() || std::fs::read_to_string(&path).unwrap() == "own\n",
            "{name}"
        );
    }
}

#[test]
fn stored_files_of_others_cannot_be_had() {
    for address in [
        "kestra:///other/flow/executions/x/file.txt",
        "kestra:///../../plugin-cache.key",
        "kestra:///test/flows/%2e%2e/key",
    ] {
        let text = shell("cat x").replace(
            "  commands",
            &format!("  inputFiles: {{x: '{address}'}}\n    commands"),
        );
        let world = World::new();
        world.write("flow.yaml", text);
        let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
        assert_ne!(finished.code(), Some(0), "{finished}");
        finished.prints("");
    }
}

#[test]
fn a_directory_that_cannot_be_entered_is_removed_all_the_same() {
    let world = World::new();
    let ran = world.run(&shell("mkdir -p a/b\ntouch a/b/c\nchmod 000 a"), 0);
    assert_eq!(
        listing(&world.execution()),
        ["log", "record.json"],
        "{}",
        ran.finished
    );
}

#[test]
fn files_of_two_tasks_may_be_called_alike() {
    let world = World::new();
    let made = |id: &str, text: &str| {
        format!(
            "- id: {id}\n  type: io.kestra.plugin.scripts.shell.Commands\n  outputFiles: [a/out.txt]\n  commands:\n    - mkdir a && echo {text} > a/out.txt\n"
        )
    };
    let reader = r#"- id: reader
  type: io.kestra.plugin.scripts.shell.Commands
  commands:
    - cat "{{ outputs.one.outputFiles['a/out.txt'] }}" "{{ outputs.two.outputFiles['a/out.txt'] }}"
    - cat "{{ outputs.one.outputFiles['a/out.txt'] }}"
"#;
    let tasks = [
        made("one", "first"),
        made("two", "second"),
        reader.to_owned(),
    ]
    .concat();
    let ran = world.run(&flow(&tasks), 0);
    assert_eq!(ran.lines('|'), ["first", "second", "first"]);
}
