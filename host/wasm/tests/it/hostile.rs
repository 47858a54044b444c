//! Guests that misbehave while they run: each ends with a reason, and soon.

use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_core::plan::{PlanRefusal, Program};
use taffrail_wasm::{CallError, Limits};

use super::guests::{Guest, component};
use super::{load, patient, request};

#[test]
fn a_good_guest_plans_what_it_was_given() {
    let plugin = load(&component("echo"), patient()).unwrap();
    assert_eq!(plugin.api(), "0.1");
    assert_eq!(plugin.reach(), "nothing");
    assert!(plugin.is_reproducible());
    let plan = plugin.plan(&request(json!({ "text": "hello" }))).unwrap();
    assert_eq!(
        plan.program,
        Program::Argv(vec!["echo".to_owned(), r#"{"text":"hello"}"#.to_owned()])
    );
    let large = "x".repeat(500_000);
    assert!(plugin.plan(&request(json!({ "text": large }))).is_ok());
}

/// Limits under which a guest that never ends is ended soon.
fn hasty() -> Limits {
    let mut limits = patient();
    limits.standard.describe = Duration::from_millis(100);
    limits.standard.plan = Duration::from_millis(100);
    limits
}

#[test]
fn a_plan_that_misbehaves_is_ended_with_its_reason() {
    for (guest, limits, reason) in [
        ("loop", hasty(), "took longer than 100 ms"),
        ("loop-start", hasty(), "took longer than 100 ms"),
        ("loop-realloc", hasty(), "took longer than 100 ms"),
        ("loop-post-return", hasty(), "took longer than 100 ms"),
        (
            "allocate",
            patient(),
            "asked for more than 64 MiB of memory",
        ),
        (
            "table",
            patient(),
            "asked for more than 20000 table elements",
        ),
        ("recurse", patient(), "ran out of stack (512 KiB)"),
        (
            "trap",
            patient(),
            "panicked: index out of bounds\\u{1b}[31m",
        ),
        (
            "trap-silent",
            patient(),
            "panicked without a word (it reached an `unreachable` instruction)",
        ),
        ("divide", patient(), "trapped: integer divide by zero"),
        (
            "path-escape",
            patient(),
            "planned a file at `../../etc/cron.d/x`, which is refused: it has a `..` part, which could leave the working directory",
        ),
        ("nul", patient(), "planned a NUL character in argument 1"),
        (
            "empty-argv",
            patient(),
            "planned an argument vector that names no program",
        ),
        (
            "invalid-utf8",
            patient(),
            "broke the rules of the boundary: invalid utf-8",
        ),
        (
            "gigabyte",
            patient(),
            "broke the rules of the boundary: string pointer/length out of bounds",
        ),
        ("amplify", patient(), "handed over more than 8 MiB of data"),
        (
            "refuse-silently",
            patient(),
            "called the properties invalid without saying what is wrong",
        ),
    ] {
        let plugin = load(&component(guest), limits).unwrap();
        let started = Instant::now();
        let error = plugin.plan(&request(json!({}))).expect_err(guest);
        let took = started.elapsed();
        let CallError::Faulty(found) = error else {
            panic!("{guest}: {error:?}")
        };
        assert!(found.starts_with(reason), "{guest}: {found}");
        assert!(!found.contains('\x1b'), "{guest}: {found}");
        assert!(took < Duration::from_secs(5), "{guest} took {took:?}");
    }
}

#[test]
fn a_describe_that_never_ends_is_ended() {
    let plugin = load(&component("loop-describe"), hasty()).unwrap();
    let error = plugin.describe().unwrap_err();
    assert_eq!(
        error.to_string(),
        "took longer than 100 ms while it described itself"
    );
}

#[test]
fn a_trap_hurts_neither_the_next_call_nor_another_plugin() {
    let plugin = load(&component("trap"), patient()).unwrap();
    let echo = load(&component("echo"), patient()).unwrap();
    for _ in 0..3 {
        assert!(plugin.plan(&request(json!({}))).is_err());
        assert!(plugin.describe().is_ok());
        assert!(echo.plan(&request(json!({}))).is_ok());
    }
}

#[test]
fn a_refusal_keeps_its_pointer() {
    let plugin = load(&component("refuse"), patient()).unwrap();
    let error = plugin.plan(&request(json!({ "text": "" }))).unwrap_err();
    let CallError::Refused(PlanRefusal::InvalidProperties(remarks)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(remarks.len(), 1);
    assert_eq!(remarks[0].code, "echo/empty-text");
    assert_eq!(remarks[0].message, "the text is empty");
    assert_eq!(remarks[0].pointer, "/text");
}

#[test]
fn a_flood_of_log_lines_does_not_stop_a_plan() {
    let plugin = load(&component("log-flood"), patient()).unwrap();
    plugin.plan(&request(json!({}))).unwrap();
}

#[test]
fn many_threads_may_ask_one_plugin() {
    let plugin = load(&component("echo"), patient()).unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let plugin = &plugin;
            scope.spawn(move || {
                for _ in 0..20 {
                    let plan = plugin.plan(&request(json!({ "text": number }))).unwrap();
                    let expected = format!(r#"{{"text":{number}}}"#);
                    assert_eq!(
                        plan.program,
                        Program::Argv(vec!["echo".to_owned(), expected])
                    );
                }
            });
        }
    });
}

#[test]
fn an_older_build_against_a_compatible_api_loads() {
    let plugin = load(&Guest::new("echo").api("0.1.9").build(), patient()).unwrap();
    assert!(plugin.plan(&request(json!({}))).is_ok());
}
