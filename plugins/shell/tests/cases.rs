//! The golden cases of the shell plugin, and some of its plans run by a real shell.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::Path;
use std::process::Command;

use taffrail_plugin::json::Value;
use taffrail_plugin::{Language, PlanError, Program, cases, plan_text};
use taffrail_plugin_shell::Shell;

const SCRIPT: &str = "io.kestra.plugin.scripts.shell.Script";
const COMMANDS: &str = "io.kestra.plugin.scripts.shell.Commands";

#[test]
fn golden_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    match cases::check::<Shell>(&folder) {
        Ok(count) => assert!(count >= 10),
        Err(report) => panic!("{report}"),
    }
}

#[test]
fn descriptor_has_the_plugins_id() {
    let descriptor = Value::parse(Shell::descriptor()).unwrap();
    assert_eq!(
        descriptor.get("id").and_then(Value::as_text),
        Some(Shell::ID)
    );
}

fn lines(task_type: &str, properties: &str) -> Result<Vec<String>, PlanError> {
    let context = cases::context(&Value::Object(vec![])).unwrap();
    match plan_text::<Shell>(task_type, properties, &context)?.program {
        Program::Shell(lines) => Ok(lines),
        Program::Argv(arguments) => panic!("{arguments:?}"),
    }
}

#[test]
fn a_real_shell_runs_what_was_planned() {
    let check = |task_type: &str, properties: &str, expected: (&str, i32)| {
        let text = ["set -e".to_owned()]
            .into_iter()
            .chain(lines(task_type, properties).unwrap())
            .collect::<Vec<_>>()
            .join("\n");
        let output = Command::new("/bin/sh")
            .args(["-c", &text])
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            (&*stdout, output.status.code()),
            (expected.0, Some(expected.1)),
            "{text}\n{output:?}"
        );
    };
    check(
        SCRIPT,
        r##"{"script":"#!/bin/nothing\necho \"it's ü\"\n"}"##,
        ("it's ü\n", 0),
    );
    check(SCRIPT, r#"{"script":""}"#, ("", 0));
    check(
        COMMANDS,
        r#"{"commands":["cd /","a=1","pwd; echo $a"]}"#,
        ("/\n1\n", 0),
    );
    check(
        COMMANDS,
        r#"{"commands":["echo a","(exit 3)","echo b"]}"#,
        ("a\n", 3),
    );
}

#[test]
fn a_huge_script_is_one_unchanged_line() {
    let script = "echo 'ä\\n'\n".repeat(1_000_000);
    let properties = Value::Object(vec![("script".to_owned(), Value::from(&script))]).to_pretty();
    assert!(lines(SCRIPT, &properties).unwrap() == [script]);
}
