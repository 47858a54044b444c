//! Plugins that mean harm, met by the whole program: each is named, ended soon and within little memory, and hurts no other task.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

#[path = "../guests/mod.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of the sandbox, which use all of it"
)]
mod guests;

use std::fs;
use std::io::Write;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use guests::{Guest, component, descriptor};
use serde_json::{Value, json};
use taffrail_tests::cli::{World, program};

/// The most memory that the program may hold while it deals with a hostile plugin, in KiB.
const MOST_MEMORY: u64 = 256 << 10;
/// How much longer than the same command with a plugin that does no harm.
const SOON: Duration = Duration::from_secs(1);
/// The compiler of a program that was built without optimisation takes many times as long, and longer for some than for others. The benchmark
/// `hostile` holds the second with the program of the release profile.
const COMPILING: u32 = 4;
/// Starts a program, and tells the largest memory that it or a child of it held.
const MEASURE: &str = "\
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)";

const FLOW: &str = include_str!("../guests/hostile.yaml");

/// How long the slower of the two commands takes that deal with a plugin which does no harm.
fn harmless() -> Duration {
    static TOOK: OnceLock<Duration> = OnceLock::new();
    *TOOK.get_or_init(|| {
        let world = World::cold();
        world.write("flow.yaml", FLOW);
        world.write("echo.wasm", component("echo"));
        let [added, ran] = [
            ["plugin", "add", "echo.wasm"].as_slice(),
            &["run", "flow.yaml"],
        ]
        .map(|arguments| measured(&world, arguments).1);
        added.max(ran)
    })
}

/// What the program printed, in both streams, and its exit code, once it has kept to time and memory.
fn bounded(world: &World, what: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let most = SOON + harmless() * COMPILING;
    let (output, took, peak) = measured(world, arguments);
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(took < most, "{what} took {took:?} of {most:?}: {text}");
    assert!(peak < MOST_MEMORY, "{what} took {peak} KiB: {text}");
    assert!(
        !text.contains('\x1b'),
        "{what} got at the terminal: {text:?}"
    );
    (text, output.status.code())
}

/// What a command gave, how long it took, and the largest memory of it and its children in KiB.
fn measured(world: &World, arguments: &[&str]) -> (Output, Duration, u64) {
    let peak = world.root().join("peak");
    let mut command = Command::new("python3");
    command
        .args(["-c", MEASURE])
        .arg(&peak)
        .arg(program())
        .args(arguments);
    command.current_dir(world.here());
    for (name, folder) in [
        ("TAFFRAIL_STATE_DIR", "state"),
        ("TAFFRAIL_CACHE_DIR", "cache"),
        ("TAFFRAIL_PLUGIN_DIR", "plugins"),
    ] {
        command.env(name, world.root().join(folder));
    }
    let began = Instant::now();
    let output = command.output().unwrap();
    let took = began.elapsed();
    let peak = fs::read_to_string(&peak).unwrap().parse().unwrap();
    (output, took, peak)
}

fn can_measure() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok();
    if !there {
        // Not by a macro, whose output the test harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED hostile plugins: python3, which measures them, is missing"
        );
    }
    there
}

#[test]
fn what_misbehaves_in_a_plan_fails_its_task_and_no_other() {
    if !can_measure() {
        return;
    }
    for (guest, reason) in [
        ("loop", "took longer than"),
        ("loop-start", "took longer than"),
        ("loop-realloc", "took longer than"),
        ("loop-post-return", "took longer than"),
        ("allocate", "asked for more than 64 MiB of memory"),
        ("table", "asked for more than 20000 table elements"),
        ("recurse", "ran out of stack"),
        ("trap", "index out of bounds"),
        ("trap-silent", "panicked without a word"),
        ("divide", "integer divide by zero"),
        ("path-escape", "../../etc/cron.d/x"),
        ("nul", "NUL character in argument 1"),
        ("empty-argv", "names no program"),
        ("invalid-utf8", "invalid utf-8"),
        ("gigabyte", "out of bounds"),
        ("amplify", "more than 8 MiB of data"),
        ("refuse-silently", "without saying what is wrong"),
        ("wasi-sleep", "took longer than"),
        ("wasi-spin", "took longer than"),
        ("wasi-exit", "called exit(1)"),
        ("wasi-random", "broke the rules of the boundary"),
    ] {
        let world = World::cold();
        world.write("flow.yaml", FLOW);
        world.write("echo.wasm", component(guest));
        // Some say no more of themselves than that they exist: those are refused here already.
        let (added, code) = bounded(&world, guest, &["plugin", "add", "echo.wasm"]);
        if code != Some(0) {
            assert_eq!(code, Some(6), "{guest}: {added}");
            assert!(added.contains(reason), "{guest}: {added}");
            continue;
        }
        let (printed, code) = bounded(&world, guest, &["run", "flow.yaml"]);
        assert!(matches!(code, Some(3 | 4)), "{guest}: {code:?} {printed}");
        for text in [
            reason,
            "plugin `echo 1.0.0`",
            "flow.yaml:8:15",
            "the others go on",
        ] {
            assert!(printed.contains(text), "{guest} lacks {text}: {printed}");
        }
    }
}

#[test]
fn a_refusal_in_colour_is_shown_plainly() {
    if !can_measure() {
        return;
    }
    let world = World::cold();
    world.write("flow.yaml", FLOW);
    world.write("echo.wasm", component("refuse-colour"));
    bounded(&world, "refuse-colour", &["plugin", "add", "echo.wasm"]);
    let (printed, code) = bounded(&world, "refuse-colour", &["run", "flow.yaml"]);
    assert_eq!(code, Some(3), "{printed}");
    for text in [
        r"the \x1b[31mis empty (echo/\x1b[31m-text)",
        "flow.yaml:7:9",
        "the others go on",
    ] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
}

#[test]
fn what_cannot_be_a_plugin_is_refused_within_bounds() {
    if !can_measure() {
        return;
    }
    let mut liar = descriptor("echo", "1.0.0");
    liar["taskTypes"][0]["name"] = "io.kestra.plugin.scripts.shell.Script".into();
    let circle = |schema: Value| {
        let mut document = descriptor("echo", "1.0.0");
        document["taskTypes"][0]["propertiesSchema"]["properties"]["text"] = schema;
        Guest::new("echo").descriptor(document).build()
    };
    let text = |text: String| wat::parse_str(text).unwrap();
    let nested = text(format!("{}{}", "(component ".repeat(90), ")".repeat(90)));
    let functions = text(format!(
        "(component (core module {}))",
        "(func)".repeat(100_000)
    ));
    let body = text(format!(
        "(component (core module (func (local i32) {})))",
        "(local.set 0 (i32.add (local.get 0) (i32.const 7)))".repeat(30_000)
    ));
    for (name, bytes, reason) in [
        ("nothing", Vec::new(), "it is empty"),
        (
            "a script",
            b"#!/bin/sh\nexit 1\n".to_vec(),
            "it is a text file",
        ),
        (
            "another import",
            component("foreign-import"),
            "`wasi:http/types@0.2.3`",
        ),
        (
            "an endless describe",
            component("loop-describe"),
            "took longer than",
        ),
        (
            "a stranger's type",
            Guest::new("echo").descriptor(liar).build(),
            "which belongs to plugin `shell`",
        ),
        (
            "a circle",
            circle(json!({ "$ref": "#/properties/text" })),
            "in a circle",
        ),
        (
            "a schema elsewhere",
            circle(json!({ "$ref": "file:///etc/passwd" })),
            "must point inside the schema",
        ),
        (
            "a bad schema",
            circle(json!({ "type": "no such type" })),
            "no schema of draft 7",
        ),
        (
            "a bad pattern",
            circle(json!({ "type": "string", "pattern": "(" })),
            "no schema of draft 7",
        ),
        ("nested components", nested, "levels of components"),
        ("many functions", functions, "100000 functions"),
        ("a huge body", body, "bytes of code in one function"),
        (
            "no document",
            Guest::new("echo").descriptor("[".repeat(4_000)).build(),
            "its descriptor cannot be read",
        ),
    ] {
        let world = World::cold();
        world.write("bad.wasm", bytes);
        let (said, code) = bounded(&world, name, &["plugin", "add", "bad.wasm"]);
        assert_eq!(code, Some(6), "{name}: {said}");
        for text in ["bad.wasm", reason] {
            assert!(said.contains(text), "{name} lacks {text}: {said}");
        }
        // Put where plugins lie, past all commands, it is named and left out.
        let folder = world.root().join("plugins/echo/1.0.0");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(world.here().join("bad.wasm"), folder.join("plugin.wasm")).unwrap();
        world.write(
            "good.yaml",
            FLOW.replace(
                "test.echo.Run",
                "io.kestra.plugin.scripts.shell.Script\n        script: 'true'",
            ),
        );
        let (said, code) = bounded(&world, name, &["run", "good.yaml"]);
        assert_eq!(code, Some(0), "{name}: {said}");
        assert!(said.contains("the others go on"), "{name}: {said}");
        let (said, _) = bounded(&world, name, &["plugin", "list"]);
        assert!(said.contains("broken: "), "{name}: {said}");
        assert!(said.contains(reason), "{name}: {said}");
    }
}

#[test]
fn liars_about_their_name_are_left_out() {
    if !can_measure() {
        return;
    }
    let world = World::cold();
    world.write("flow.yaml", FLOW);
    for (id, version) in [("echo", "2.0.0"), ("other", "1.0.0")] {
        let folder = world.root().join("plugins").join(id).join(version);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("plugin.wasm"), component("echo")).unwrap();
        let (listed, _) = bounded(&world, id, &["plugin", "list"]);
        assert!(
            listed.contains(&format!(
                "it says that it is `echo 1.0.0`, but its folder says `{id} {version}`"
            )),
            "{listed}"
        );
    }
}

/// Every text of a descriptor may hold anything; no command lets it through to the terminal.
#[test]
fn control_characters_are_shown_and_never_sent() {
    if !can_measure() {
        return;
    }
    let red = "a\u{1b}[31mb\u{7}\u{8}\u{202e}c";
    let mut document = descriptor("echo", "1.0.0");
    for key in ["title", "docs", "licence", "homepage"] {
        document[key] = red.into();
    }
    let task_type = &mut document["taskTypes"][0];
    for key in ["title", "docs", "failFast"] {
        task_type[key] = red.into();
    }
    task_type["examples"] = json!([{ "title": red, "code": format!("id: a\ntype: test.echo.Run\ntext: \"{}\"\n", "\\e[31m") }]);
    task_type["deprecated"] = json!({ "message": red, "since": red, "replacement": red });
    let text = &mut task_type["propertiesSchema"]["properties"]["text"];
    for key in ["title", "description", "$comment"] {
        text[key] = red.into();
    }
    text["enum"] = json!([red, "plain"]);
    text["examples"] = json!([red]);
    let world = World::cold();
    world.write(
        "echo.wasm",
        Guest::new("echo").descriptor(&document).build(),
    );
    let flow = FLOW.replace(
        "type: test.echo.Run",
        "type: test.echo.Run\n        text: wrong",
    );
    world.write("flow.yaml", &flow);
    world.write(
        "good.yaml",
        flow.replace("text: wrong", r#"text: "a\e[31mb\a\b\u202ec""#),
    );
    for arguments in [
        &["plugin", "add", "echo.wasm"][..],
        &["plugin", "list"],
        &["plugin", "info", "echo"],
        &["plugin", "info", "echo", "--format", "json"],
        &["plugin", "test", "echo.wasm"],
        &["validate", "flow.yaml"],
        &["validate", "flow.yaml", "--format", "json"],
        &["validate", "good.yaml"],
        &["plan", "good.yaml"],
        &["plan", "good.yaml", "--output", "json"],
        &["schema", "test.echo.Run"],
        &["schema"],
        &["run", "flow.yaml"],
        &["lock", "."],
        &["plugin", "verify", "echo"],
    ] {
        let (said, code) = bounded(&world, &arguments.join(" "), arguments);
        assert!(code.is_some_and(|code| code != 1), "{arguments:?}: {said}");
        for character in ['\u{7}', '\u{8}'] {
            assert!(!said.contains(character), "{arguments:?}: {said:?}");
        }
    }
}
