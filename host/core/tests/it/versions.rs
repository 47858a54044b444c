//! Which plugin version a flow's tasks get, and what is said where there is none: pins, defaults of the flow and the host, the lock.

use std::sync::Arc;

use crate::common::{code, words};
use serde_json::json;
use taffrail_core::descriptor::Descriptor;
use taffrail_core::diagnostic::Source;
use taffrail_core::flow::PluginDefault;
use taffrail_core::lock::{Lock, Locked};
use taffrail_core::name::PluginId;
use taffrail_core::resolve::{Installed, Locking};
use taffrail_core::validate::{Checker, check_locked};
use taffrail_core::yaml::{Limits, parse};
use taffrail_runner::registry;

const DIGESTS: [&str; 2] = ["a", "b"];

fn plugin(id: &str, version: &str) -> Installed {
    let descriptor: Descriptor = serde_json::from_value(json!({
        "descriptorVersion": 1,
        "id": id,
        "version": version,
        "title": id,
        "taskTypes": [{
            "name": format!("test.{id}.Run"),
            "aliases": [format!("old.{id}.Run")],
            "title": "Run",
            "propertiesSchema": { "type": "object", "properties": {}, "additionalProperties": false },
        }],
    }))
    .expect("a descriptor");
    Installed {
        descriptor: Arc::new(descriptor),
        digest: Some(DIGESTS[0].repeat(64).into()),
    }
}

fn checker(host_defaults: &str) -> Checker {
    let installed = [
        ("one", "1.0.0"),
        ("one", "1.1.0-SNAPSHOT"),
        ("one", "1.2.0"),
        ("one", "1.2.3"),
        ("one", "1.10.0"),
        ("one", "2.0.0"),
        ("two", "1.0.0"),
    ]
    .map(|(id, version)| plugin(id, version));
    let list = parse(host_defaults, &Limits::default()).root;
    Checker::new(installed.to_vec(), registry::fragments())
        .with_host_defaults(list.as_ref().map(PluginDefault::list).unwrap_or_default())
}

/// The plugin of each task, or what is wrong, by line; `task(s)` of the flow are given.
fn outcome(checker: &Checker, rest: &str, locking: Locking<'_>) -> String {
    let text = format!("id: test\nnamespace: company.team\n{rest}");
    let checked = check_locked(&text, checker, locking);
    if checked.diagnostics.is_empty() {
        let flow = checked.flow.expect("a flow");
        return flow
            .all_tasks()
            .filter_map(|task| task.script_type())
            .map(|script| format!("{} {}", script.plugin.id, script.plugin.version))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let source = Source::new("flow.yaml", text.as_str());
    checked
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let position = source.position(diagnostic.span.expect("a place").start);
            format!(
                "{}:{} {} [{}] {}",
                position.line - 2,
                position.column,
                code(diagnostic),
                diagnostic.path,
                words(diagnostic)
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn pins_of_tasks() {
    let checker = checker("");
    let check = |pin: &str, expected: &str| {
        let flow = format!("tasks:\n  - id: a\n    type: test.one.Run\n    version: {pin}\n");
        let found = outcome(&checker, &flow, Locking::default());
        assert!(found.starts_with(expected), "{pin}: {found}");
    };
    for (pin, version) in [
        ("1", "1.10.0"),
        ("\"1.2\"", "1.2.3"),
        ("1.2", "1.2.3"),
        // A number to YAML, and 1.1 to every reader that takes it for one.
        ("1.10", "1.10.0"),
        ("1.2.0", "1.2.0"),
        ("1.1.0-SNAPSHOT", "1.1.0-SNAPSHOT"),
        ("LATEST", "2.0.0"),
        ("latest", "2.0.0"),
        ("OLDEST", "1.0.0"),
        ("\"\"", "4:14 error[TF0104] [tasks[0].version]"),
        ("^1.2", "1.10.0"),
    ] {
        let expected = if version.contains(':') {
            version.to_owned()
        } else {
            format!("one {version}")
        };
        check(pin, &expected);
    }
    check(
        "\"1.1\"",
        "4:14 error[TF0205] [tasks[0].version] plugin `one` is pinned to `1.1`, which no installed version satisfies (wanted: any release 1.1.x; installed: `1.0.0`, `1.1.0-SNAPSHOT`, `1.2.0`, `1.2.3`, `1.10.0`, `2.0.0`); help: write `version: \"1.10\"`",
    );
    check(
        "1.1.0-RC",
        "4:14 error[TF0205] [tasks[0].version] plugin `one` is pinned to `1.1.0-RC`, which no installed version satisfies (wanted: exactly 1.1.0-RC;",
    );
    check(
        "v1.2",
        "4:14 error[TF0104] [tasks[0].version] `v1.2` is not a version (allowed:",
    );
}

#[test]
fn several_versions_in_one_flow_and_all_conflicts_at_once() {
    let checker = checker("");
    let good = "tasks:\n  - {id: a, type: test.one.Run, version: 1.0.0}\n  - {id: b, type: test.one.Run, version: 1.2}\n  - {id: c, type: test.two.Run}\n";
    assert_eq!(
        outcome(&checker, good, Locking::default()),
        "one 1.0.0, one 1.2.3, two 1.0.0"
    );
    let bad = "tasks:\n  - {id: a, type: test.one.Run, version: 3}\n  - {id: b, type: test.two.Run, version: 1.2}\n  - {id: c, type: test.one.Run, version: 1.3}\n";
    let found = outcome(&checker, bad, Locking::default());
    let places: Vec<&str> = found.lines().map(|line| &line[..4]).collect();
    assert_eq!(places, ["2:42", "3:42", "4:42"], "{found}");
}

#[test]
fn defaults_of_the_flow_and_of_the_host() {
    let task = |lines: &str| format!("tasks:\n  - id: a\n    type: test.one.Run\n{lines}");
    let flow = |defaults: &str, lines: &str| format!("{}pluginDefaults:\n{defaults}", task(lines));
    let check = |host: &str, flow: &str, expected: &str| {
        let found = outcome(&checker(host), flow, Locking::default());
        assert!(found.starts_with(expected), "{flow}\n{found}");
    };
    let one = "  - {type: test.one.Run, values: {version: 1.2}}\n";
    check("", &flow(one, ""), "one 1.2.3");
    check("", &flow(one, "    version: 1.0.0\n"), "one 1.0.0");
    check(
        "",
        &flow(
            "  - {type: test.one, forced: true, values: {version: 1.2}}\n",
            "    version: 1.0.0\n",
        ),
        "one 1.2.3",
    );
    check(
        "",
        &flow("  - {type: test.two, values: {version: 7}}\n", ""),
        "one 2.0.0",
    );
    // The old name of a type takes the defaults of the current one.
    check(
        "",
        "tasks:\n  - id: a\n    type: old.one.Run\npluginDefaults:\n  - {type: test.one.Run, values: {version: 9}}\n",
        "5:44 error[TF0205] [pluginDefaults]",
    );
    check(
        "",
        &flow("  - {type: test.one.Run, values: {version: 7}}\n", ""),
        "5:44 error[TF0205] [pluginDefaults] plugin `one` is pinned to `7`",
    );
    check(
        "",
        &flow("  - {type: test.one.Run, values: {version: x.y}}\n", ""),
        "5:44 error[TF0104] [pluginDefaults] `x.y` is not a version",
    );
    let host = "- {type: test.one.Run, values: {version: 1.2.0, unknown: 1}}";
    check(host, &task(""), "one 1.2.0");
    check(host, &task("    version: 1\n"), "one 1.10.0");
    check(host, &flow(one, ""), "one 1.2.3");
    check(
        "- {type: test, values: {version: 7}}",
        &task(""),
        "3:11 error[TF0205] [tasks[0].type] plugin `one` is pinned to `7`, which no installed version satisfies",
    );
    check(
        "- {type: test, forced: true, values: {version: 1.0}}",
        &flow(one, "    version: 2\n"),
        "one 1.0.0",
    );
}

#[test]
fn pins_of_task_runners() {
    let check = |runner: &str, more: &str, expected: &str| {
        let flow = format!(
            "tasks:\n  - id: a\n    type: test.one.Run\n    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n{runner}{more}"
        );
        let found = outcome(&checker(""), &flow, Locking::default());
        assert!(found.starts_with(expected), "{flow}\n{found}");
    };
    for pin in ["1", "1.0", "1.0.0", "LATEST", "oldest", "'1'"] {
        check(&format!("      version: {pin}\n"), "", "one 2.0.0");
    }
    check(
        "      version: 2\n",
        "",
        "6:16 error[TF0205] [tasks[0].taskRunner.version] the Process task runner is pinned to `2`, and this taffrail has it in version 1.0.0 (wanted: any release 2.x.y); help: write `version: \"1.0\"`, or remove the line",
    );
    check(
        "      version: v1\n",
        "",
        "6:16 error[TF0104] [tasks[0].taskRunner.version] `v1` is not a version",
    );
    check(
        "",
        "pluginDefaults:\n  - {type: io.kestra.plugin.core.runner.Process, values: {version: 3}}\n",
        "7:68 error[TF0205]",
    );
}

#[test]
fn what_is_not_as_it_was_locked() {
    let mut lock = Lock::default();
    for (id, version, digest) in [
        ("one", "1.2.0", DIGESTS[0]),
        ("one", "1.0.0", DIGESTS[1]),
        ("one", "1.3.0", DIGESTS[0]),
    ] {
        lock.insert(Locked {
            id: PluginId::new(id).expect("an id"),
            version: version.parse().expect("a version"),
            digest: digest.repeat(64),
            api: "0.1".to_owned(),
            source: (version == "1.3.0").then(|| "oci://localhost/one:1.3.0".to_owned()),
        });
    }
    let check = |name: &str, pin: &str, strict: bool, expected: &str| {
        let version = match pin {
            "" => String::new(),
            pin => format!("    version: {pin}\n"),
        };
        let flow = format!("tasks:\n  - id: a\n    type: test.{name}.Run\n{version}");
        let locking = Locking {
            lock: Some(&lock),
            strict,
        };
        let found = outcome(&checker(""), &flow, locking);
        assert!(found.starts_with(expected), "{flow}\n{found}");
    };
    for strict in [false, true] {
        check("one", "1.2", strict, "one 1.2.0");
        check(
            "one",
            "OLDEST",
            strict,
            "4:14 error[TF0208] [tasks[0].version] plugin `one 1.0.0` is not the one that was locked (locked: sha256:bbbbbbbbbbbb, installed: sha256:aaaaaaaaaaaa)",
        );
        check(
            "one",
            "",
            strict,
            "3:11 error[TF0207] [tasks[0].type] plugin `one` is locked to 1.3.0, which is not installed (installed: `1.0.0`, `1.1.0-SNAPSHOT`, `1.2.0`, `1.2.3`, `1.10.0`, `2.0.0`); help: install it with `taffrail plugin add`, from oci://localhost/one:1.3.0,",
        );
    }
    check("one", "2", false, "one 2.0.0");
    check(
        "one",
        "2",
        true,
        "4:14 error[TF0207] [tasks[0].version] no locked version of plugin `one` may be used here (locked: `1.0.0`, `1.2.0`, `1.3.0`); help: `taffrail lock` would lock 2.0.0",
    );
    check("two", "", false, "two 1.0.0");
    check(
        "two",
        "",
        true,
        "3:11 error[TF0207] [tasks[0].type] no locked version of plugin `two` may be used here (it is not in `taffrail.lock`)",
    );
}
