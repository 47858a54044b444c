//! Plans for a thread that serves others: the same as otherwise, or none at all, and never for long.

use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_core::plan::Plan;
use taffrail_engine::ports::{PlanError, Planner};
use taffrail_wasm::{Cache, Limits, Options, WasmPlugins};

use super::guests::{Guest, descriptor};
use super::installed::{install, key, options};
use super::{patient, request};

/// More than it takes to get an engine that keeps the memory of instances.
const OFTEN: usize = 40;

/// What task types of a guest may be called after.
fn id(guest: &str) -> String {
    guest.replace('-', "")
}

fn plugins(folder: &std::path::Path, guests: &[&str], limits: Limits) -> WasmPlugins {
    for guest in guests {
        let id = id(guest);
        let component = Guest::new(guest)
            .descriptor(descriptor(&id, "1.0.0"))
            .build();
        install(&folder.join("plugins"), &id, "1.0.0", &component);
    }
    WasmPlugins::new(Options {
        cache: Cache::new(&folder.join("cache"), &folder.join("state")),
        limits,
        ..options(&folder.join("plugins"))
    })
}

#[test]
fn an_answer_in_a_moment_is_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let guests = [
        "echo",
        "allocate",
        "table",
        "recurse",
        "trap",
        "trap-silent",
        "divide",
        "path-escape",
        "nul",
        "empty-argv",
        "invalid-utf8",
        "gigabyte",
        "amplify",
        "refuse",
        "refuse-silently",
        "log-flood",
    ];
    drop(plugins(folder.path(), &guests, patient()));
    // What an earlier run compiled is loaded when it is asked for.
    let plugins = plugins(folder.path(), &guests, patient());
    for guest in guests {
        let key = key(&id(guest), "1.0.0");
        let asked = |text: &str| request(json!({ "text": text }));
        assert!(
            plugins.plan_in_a_moment(&key, &asked("")).is_none(),
            "{guest}"
        );
        let told = |answer: Result<Plan, PlanError>| answer.map_err(|error| error.to_string());
        let expected = told(plugins.plan(&key, &asked("first")));
        let mut answers = 0;
        for _ in 0..OFTEN {
            if let Some(answer) = plugins.plan_in_a_moment(&key, &asked("first")) {
                assert_eq!(told(answer), expected, "{guest}");
                answers += 1;
            }
        }
        let others = ["x".repeat(100_000), String::new()];
        for text in others.iter().filter(|_| guest == "echo") {
            let expected = told(plugins.plan(&key, &asked(text)));
            if let Some(answer) = plugins.plan_in_a_moment(&key, &asked(text)) {
                assert_eq!(told(answer), expected, "what was there before is seen");
            }
        }
        // A host that was compiled for debugging, or that has no turn for long, may take longer than a moment.
        assert!(guest != "echo" || answers > 0, "never in a moment");
    }
}

#[test]
fn a_plugin_that_takes_long_keeps_nobody_twice() {
    let folder = tempfile::tempdir().unwrap();
    let guests = ["loop", "loop-post-return"];
    let mut limits = patient();
    limits.standard.plan = Duration::from_millis(200);
    let plugins = plugins(folder.path(), &guests, limits);
    for guest in guests {
        let key = key(&id(guest), "1.0.0");
        let ask = || plugins.plan_in_a_moment(&key, &request(json!({})));
        plugins.prepare(std::slice::from_ref(&key));
        assert!(ask().is_none(), "{guest}");
        let begun = Instant::now();
        for _ in 0..1_000 {
            assert!(ask().is_none(), "{guest}");
        }
        // A thousand moments are ten seconds.
        assert!(begun.elapsed() < Duration::from_secs(5), "{guest}");
        let late = plugins.plan(&key, &request(json!({})));
        assert!(
            matches!(&late, Err(PlanError::Faulty { reason, .. }) if reason.contains("took longer than 200 ms")),
            "{guest}: {late:?}"
        );
    }
}
