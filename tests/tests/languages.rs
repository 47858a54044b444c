//! Every language whose interpreter can be had runs for real, as a child process: a table of scripts that must all do the same.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use taffrail_tests::cli::World;
use taffrail_tests::flows::flow;
use taffrail_tests::installed::{installed, step};
use taffrail_tests::python::environment;

/// A language and two scripts of it.
struct Row {
    language: &'static str,
    /// The program that must be there.
    program: &'static str,
    /// Reads `names.txt` and the variable `WHO`, writes `out.txt`, and gives the outputs `lines` and `who`.
    works: &'static str,
    /// Ends with exit code 3.
    fails: &'static str,
    /// The exit code of the task then: some tools have one of their own.
    code: i32,
    /// A line for `Commands` that prints `6*7`.
    line: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        language: "shell",
        program: "sh",
        works: r#"
            lines=$(wc -l < names.txt)
            echo made > out.txt
            echo "::{\"outputs\":{\"lines\":$((lines)),\"who\":\"$WHO\"}}::"
        "#,
        fails: "exit 3",
        code: 3,
        line: "echo $((6*7))",
    },
    Row {
        language: "python",
        program: "python3",
        works: r#"
            import json, os
            open("out.txt", "w").write("made")
            lines = len(open("names.txt").readlines())
            print("::" + json.dumps({"outputs": {"lines": lines, "who": os.environ["WHO"]}}) + "::")
        "#,
        fails: "raise SystemExit(3)",
        code: 3,
        line: "python3 -c 'print(6*7)'",
    },
    Row {
        language: "go",
        program: "go",
        works: r#"
            package main

            import (
            	"fmt"
            	"os"
            	"strings"
            )

            func main() {
            	text, err := os.ReadFile("names.txt")
            	if err != nil {
            		panic(err)
            	}
            	if err := os.WriteFile("out.txt", []byte("made"), 0o600); err != nil {
            		panic(err)
            	}
            	fmt.Printf("::{\"outputs\":{\"lines\":%d,\"who\":%q}}::\n", strings.Count(string(text), "\n"), os.Getenv("WHO"))
            }
        "#,
        fails: "
            package main

            import \"os\"

            func main() { os.Exit(3) }
        ",
        code: 1,
        line: "go version > /dev/null && echo 42",
    },
    Row {
        language: "node",
        program: "node",
        works: r#"
            const fs = require("fs");
            fs.writeFileSync("out.txt", "made");
            const lines = fs.readFileSync("names.txt", "utf8").trim().split("\n").length;
            console.log("::" + JSON.stringify({ outputs: { lines, who: process.env.WHO } }) + "::");
        "#,
        fails: "process.exit(3);",
        code: 3,
        line: "node -p 6*7",
    },
    Row {
        language: "r",
        program: "Rscript",
        works: r#"
            writeLines("made", "out.txt")
            lines <- length(readLines("names.txt"))
            cat(sprintf('::{"outputs":{"lines":%d,"who":"%s"}}::\n', lines, Sys.getenv("WHO")))
        "#,
        fails: "quit(status = 3)",
        code: 3,
        line: "Rscript -e 'cat(6*7, \"\\n\")'",
    },
    Row {
        language: "ruby",
        program: "ruby",
        works: r#"
            require "json"
            File.write("out.txt", "made")
            puts "::#{JSON.generate(outputs: { lines: File.readlines("names.txt").size, who: ENV["WHO"] })}::"
        "#,
        fails: "exit 3",
        code: 3,
        line: "ruby -e 'puts 6*7'",
    },
    Row {
        language: "perl",
        program: "perl",
        works: r#"
            open(my $in, "<", "names.txt") or die;
            my @lines = <$in>;
            open(my $out, ">", "out.txt") or die;
            print $out "made";
            printf "::{\"outputs\":{\"lines\":%d,\"who\":\"%s\"}}::\n", scalar(@lines), $ENV{WHO};
        "#,
        fails: "exit 3;",
        code: 3,
        line: "perl -e 'print 6*7, \"\\n\"'",
    },
    Row {
        language: "php",
        program: "php",
        works: r#"
            <?php
            file_put_contents("out.txt", "made");
            $lines = count(file("names.txt"));
            echo "::" . json_encode(["outputs" => ["lines" => $lines, "who" => getenv("WHO")]]) . "::\n";
        "#,
        fails: "<?php exit(3);",
        code: 3,
        line: "php -r 'echo 6*7, \"\\n\";'",
    },
    Row {
        language: "lua",
        program: "lua",
        works: r#"
            local lines = 0
            for _ in io.lines("names.txt") do lines = lines + 1 end
            local out = io.open("out.txt", "w")
            out:write("made")
            out:close()
            print(string.format('::{"outputs":{"lines":%d,"who":"%s"}}::', lines, os.getenv("WHO")))
        "#,
        fails: "os.exit(3)",
        code: 3,
        line: "lua -e 'print(6*7)'",
    },
    Row {
        language: "groovy",
        program: "groovy",
        works: r#"
            new File("out.txt").text = "made"
            def lines = new File("names.txt").readLines().size()
            println '::' + groovy.json.JsonOutput.toJson([outputs: [lines: lines, who: System.getenv("WHO")]]) + '::'
        "#,
        fails: "System.exit(3)",
        code: 3,
        line: "groovy -e 'println 6*7'",
    },
    Row {
        language: "deno",
        program: "deno",
        works: r#"
            Deno.writeTextFileSync("out.txt", "made");
            const lines: number = Deno.readTextFileSync("names.txt").trim().split("\n").length;
            console.log("::" + JSON.stringify({ outputs: { lines, who: Deno.env.get("WHO") } }) + "::");
        "#,
        fails: "Deno.exit(3);",
        code: 3,
        line: "deno eval 'console.log(6*7)'",
    },
    Row {
        language: "bun",
        program: "bun",
        works: r#"
            import { readFileSync, writeFileSync } from "node:fs";
            writeFileSync("out.txt", "made");
            const lines: number = readFileSync("names.txt", "utf8").trim().split("\n").length;
            console.log("::" + JSON.stringify({ outputs: { lines, who: process.env.WHO } }) + "::");
        "#,
        fails: "process.exit(3);",
        code: 3,
        line: "bun -e 'console.log(6*7)'",
    },
];

/// A row's task, with a script as a block.
fn task(row: &Row, id: &str, script: &str) -> String {
    let script: String = taffrail_tests::flows::dedent(script)
        .trim_end()
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "- id: {id}\n  type: io.kestra.plugin.scripts.{}.Script\n  env: {{WHO: Ada}}\n  inputFiles: {{names.txt: \"one\\ntwo\\n\"}}\n  outputFiles: [out.txt]\n  allowFailure: true\n  script: |\n{script}",
        row.language
    )
}

fn run_row(row: &Row, first_on_path: &Path) -> Result<(), String> {
    let world = World::new();
    let commands = format!(
        "- id: line\n  type: io.kestra.plugin.scripts.{}.Commands\n  commands:\n    - {}\n",
        row.language,
        Value::from(row.line)
    );
    // The name of the first is one that Go would leave out.
    let tasks = [
        task(row, "works_windows", row.works),
        task(row, "fails", row.fails),
        commands,
    ];
    world.write("flow.yaml", flow(&tasks.concat()));
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "json"])
        .path_first(first_on_path)
        .finish();
    if finished.code() != Some(0) {
        return Err(finished.to_string());
    }
    let record = finished.json();
    let tasks = record["tasks"].as_array().unwrap();
    let find = |id: &str| tasks.iter().find(|task| task["task"] == id).unwrap();
    let works = find("works_windows");
    let seen = json!([
        works["state"],
        works["outputs"]["vars"],
        works["outputs"]["outputFiles"]["out.txt"].is_string(),
        find("fails")["state"],
        find("fails")["outputs"]["exitCode"],
        find("line")["state"],
    ]);
    let expected = json!([
        "SUCCESS",
        { "lines": 2, "who": "Ada" },
        true,
        "WARNING",
        row.code,
        "SUCCESS"
    ]);
    let printed = finished
        .stderr
        .lines()
        .any(|line| line.starts_with("line ") && line.trim_end().ends_with("42"));
    if seen != expected || !printed {
        return Err(format!("{seen} instead of {expected}\n{finished}"));
    }
    Ok(())
}

#[test]
fn every_language_runs_for_real() {
    let npm = npm();
    let npm_bin = npm.clone().unwrap_or_else(|_| PathBuf::from("/nowhere"));
    let mut faults = Vec::new();
    for row in ROWS {
        let of_npm = matches!(row.language, "deno" | "bun");
        match (&npm, starts(row.program)) {
            (Ok(_), _) if of_npm => {}
            (_, true) => {}
            (Err(reason), false) if of_npm => {
                skip(&format!("language {}", row.language), reason);
                continue;
            }
            _ => {
                skip(
                    &format!("language {}", row.language),
                    &format!("there is no `{}` that starts on this machine", row.program),
                );
                continue;
            }
        }
        if let Err(fault) = run_row(row, &npm_bin) {
            faults.push(format!("{}: {fault}", row.language));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn dbt_builds_a_project_and_its_results_are_outputs() {
    let bin = match environment("dbt", &["dbt-core<1.10", "dbt-duckdb<1.10"]) {
        Ok(bin) => bin,
        Err(reason) => return skip("dbt", &reason),
    };
    let project = |model: &str| {
        format!(
            r#"
              inputFiles:
                shop/dbt_project.yml: |
                  name: shop
                  version: "1.0"
                  profile: shop
                shop/models/answer.sql: {model}
              profiles: |
                shop:
                  target: dev
                  outputs:
                    dev:
                      type: duckdb
                      path: shop.duckdb
              projectDir: shop
"#
        )
    };
    let text = format!(
        r#"
            - id: cli
              type: io.kestra.plugin.dbt.cli.DbtCLI
{}
              commands:
                - dbt --quiet build && echo built
            - id: single
              type: io.kestra.plugin.dbt.cli.Build
              failFast: true
              select: [answer, answer]
              thread: 2
{}
            - id: wrong
              type: io.kestra.plugin.dbt.cli.DbtCLI
              allowFailure: true
{}
              commands:
                - dbt build
            - id: reader
              type: io.kestra.plugin.scripts.python.Script
              script: |
                import json
                results = json.load(open("{{{{ outputs.cli.outputFiles['run_results.json'] }}}}"))["results"]
                wrong = json.load(open("{{{{ outputs.wrong.outputFiles['run_results.json'] }}}}"))["results"]
                print("::" + json.dumps({{"outputs": {{"all": [one["status"] for one in results + wrong]}}}}) + "::")
        "#,
        project("select 42 as answer"),
        project("select 42 as answer"),
        project("select no_such_column"),
    );
    let record = run(&World::new(), &text, &bin);
    for id in ["cli", "single"] {
        assert_eq!(task_of(&record, id)["state"], "SUCCESS", "{record:#}");
        let files = &task_of(&record, id)["outputs"]["outputFiles"];
        assert!(files["manifest.json"].is_string(), "{record:#}");
        assert!(files["run_results.json"].is_string(), "{record:#}");
    }
    assert_eq!(task_of(&record, "wrong")["state"], "WARNING", "{record:#}");
    assert_eq!(
        task_of(&record, "reader")["outputs"]["vars"]["all"],
        json!(["success", "error"]),
        "{record:#}"
    );
}

/// A file read by one of the published taps and written by one of the published targets.
const SINGER: &str = r#"
            - id: tap
              type: io.kestra.plugin.singer.taps.GenericTap
              pipPackages: [tap-jsonl]
              command: tap-jsonl
              features: [CATALOG, DISCOVER, STATE]
              inputFiles:
                people.jsonl: |
                  {"id": 1, "name": "Ada"}
                  {"id": 2, "name": "Grace"}
              configs: {path: people.jsonl, stream_name: people, primary_keys: [id]}
              streamsConfigurations:
                - {stream: people, propertiesPattern: [id, name]}
            - id: target
              type: io.kestra.plugin.singer.targets.GenericTarget
              from: "{{ outputs.tap.raw }}"
              pipPackages: [target-jsonl]
              command: target-jsonl
              configs: {do_timestamp_file: false}
              outputFiles: ["*.jsonl"]
"#;

#[test]
fn a_singer_tap_fills_a_target() {
    // The task installs the packages by itself; this only finds out whether they can be had, and warms pip's cache.
    if let Err(reason) =
        environment("singer", &["tap-jsonl"]).and_then(|_| environment("target", &["target-jsonl"]))
    {
        return skip("singer", &reason);
    }
    let world = World::new();
    let record = run(&world, SINGER, Path::new("/nowhere"));
    let tap = &task_of(&record, "tap")["outputs"];
    assert!(
        tap["raw"]
            .as_str()
            .is_some_and(|uri| uri.starts_with("kestra:///")),
        "{record:#}"
    );
    assert!(tap["vars"]["count"].as_u64() >= Some(3), "{record:#}");
    let files = task_of(&record, "target")["outputs"]["outputFiles"]
        .as_object()
        .unwrap();
    assert_eq!(files.len(), 1, "{record:#}");
}

/// A tap that gives two numbers more each time, a target that writes them down, and a Python whose pip has nothing to do.
const STAND_INS: [(&str, &str); 4] = [
    (
        "python3",
        "#!/bin/sh\n[ \"$2\" = pip ] && exit 0\nPATH=${PATH#*:}\nexec python3 \"$@\"\n",
    ),
    ("uv", "#!/bin/sh\nexit 0\n"),
    (
        "tap-fake",
        r#"#!/usr/bin/env python3
import json, sys
if "--discover" in sys.argv:
    entries = [{"breadcrumb": [], "metadata": {}}]
    entries += [{"breadcrumb": ["properties", name], "metadata": {}} for name in ("n", "note")]
    print(json.dumps({"streams": [{"stream": "numbers", "schema": {}, "metadata": entries}]}))
    sys.exit()
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
stream = json.load(open(given["--catalog"]))["streams"][0]
metadata = {".".join(entry["breadcrumb"]): entry["metadata"] for entry in stream["metadata"]}
assert metadata[""] == {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "n"}, metadata
assert metadata["properties.n"] == {"selected": True} and metadata["properties.note"] == {}, metadata
assert json.load(open(given["--config"])) == {"ratio": 1.5, "deep": {"list": [None, True]}}
at = json.load(open(given["--state"]))["at"] if "--state" in given else 0
for n in (at, at + 1):
    print(json.dumps({"type": "RECORD", "stream": "numbers", "record": {"n": n}}))
print(json.dumps({"type": "STATE", "value": {"at": at + 2}}))
"#,
    ),
    (
        "target-fake",
        r#"#!/usr/bin/env python3
import json, sys
rows = [json.loads(line) for line in sys.stdin]
numbers = [row["record"]["n"] for row in rows if row["type"] == "RECORD"]
open("numbers.txt", "w").write(" ".join(map(str, numbers)))
if numbers[0] > 2:
    sys.exit(7)
print(json.dumps({"written": len(numbers)}))
"#,
    ),
];

#[test]
fn a_tap_goes_on_where_the_last_execution_ended() {
    use std::os::unix::fs::PermissionsExt;
    if !on_path("python3") {
        return skip("singer stand-ins", "there is no `python3` on this machine");
    }
    let world = World::new();
    let bin = world.root().join("stand-ins");
    std::fs::create_dir(&bin).unwrap();
    for (name, text) in STAND_INS {
        std::fs::write(bin.join(name), text).unwrap();
        std::fs::set_permissions(bin.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let tasks = r#"
            - id: tap
              type: io.kestra.plugin.singer.taps.GenericTap
              pipPackages: [tap-fake]
              command: tap-fake
              features: [CATALOG, DISCOVER, STATE]
              stateName: tap
              configs: {ratio: 1.5, deep: {list: [null, true]}}
              streamsConfigurations:
                - {stream: numbers, replicationMethod: INCREMENTAL, replicationKeys: n, propertiesPattern: ["n"]}
            - id: target
              type: io.kestra.plugin.singer.targets.GenericTarget
              allowFailure: true
              from: "{{ outputs.tap.raw }}"
              pipPackages: [target-fake]
              command: target-fake
              stateName: target
              configs: {}
              outputFiles: [numbers.txt]
            - id: reader
              type: io.kestra.plugin.scripts.shell.Commands
              commands:
                - read -r numbers < "{{ outputs.target.outputFiles['numbers.txt'] }}" || true
                - echo "::{\"outputs\":{\"numbers\":\"$numbers\"}}::"
"#;
    for (numbers, state, code) in [
        ("0 1", "SUCCESS", 0),
        ("2 3", "SUCCESS", 0),
        ("4 5", "WARNING", 7),
    ] {
        let record = run(&world, tasks, &bin);
        let tap = &task_of(&record, "tap")["outputs"];
        assert_eq!(tap["vars"], json!({ "count": 3 }), "{record:#}");
        assert!(tap["raw"].is_string(), "{record:#}");
        let target = task_of(&record, "target");
        assert_eq!(target["state"], state, "{record:#}");
        assert_eq!(target["outputs"]["exitCode"], code, "{record:#}");
        if code == 0 {
            assert_eq!(
                target["outputs"]["vars"]["state"],
                json!({ "written": 2 }),
                "{record:#}"
            );
        }
        assert_eq!(
            task_of(&record, "reader")["outputs"]["vars"]["numbers"],
            numbers,
            "{record:#}"
        );
    }
}

/// Runs a flow with another folder first on the path and gives its record.
fn run(world: &World, tasks: &str, first_on_path: &Path) -> Value {
    world.write("flow.yaml", flow(tasks));
    let finished = world
        .command(["run", "flow.yaml", "--runner", "process", "-o", "json"])
        .path_first(first_on_path)
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .finish();
    finished.exits(0).json()
}

fn task_of<'a>(record: &'a Value, id: &str) -> &'a Value {
    let tasks = record["tasks"].as_array().into_iter().flatten();
    tasks
        .into_iter()
        .find(|task| task["task"] == id)
        .unwrap_or_else(|| panic!("no task `{id}`: {record:#}"))
}

/// Not by a macro, whose output the test harness keeps to itself.
fn skip(name: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {reason}");
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether an interpreter is there and starts; a Groovy without its Java does not.
fn starts(program: &str) -> bool {
    let asks = |program: &str| {
        Command::new(program)
            .arg("--version")
            .env_remove("JAVA_HOME")
            .output()
    };
    on_path(program)
        && (program != "groovy" || asks(program).is_ok_and(|output| output.status.success()))
}

/// The folder of Deno's and Bun's programs, which npm has as ordinary packages.
fn npm() -> Result<PathBuf, String> {
    static NPM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    NPM.get_or_init(|| {
        if !on_path("npm") {
            return Err("there is no `npm` to fetch it with".to_owned());
        }
        installed("npm", |folder| {
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
            let mut command = Command::new("npm");
            command.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
            step(command.arg(folder).args(["deno@2", "bun@1"]))?;
            Ok(folder.join("node_modules/.bin"))
        })
    })
    .clone()
}
