//! Files that are no plugins of this host, and guests that bring WASI along.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_core::plan::Program;
use taffrail_wasm::{CallError, Sandbox, inspect};

use super::guests::{Guest, component, descriptor};
use super::{load, patient, request};

#[test]
fn what_is_no_plugin_is_refused_by_name() {
    let good = component("echo");
    // A generator without surprises: the same noise in every run.
    let noise: Vec<u8> = (0..4_096u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let core = wat::parse_str("(module (func (export \"run\")))").unwrap();
    let other = wat::parse_str("(component)").unwrap();
    let future = Guest::new("echo").api("0.9.0").build();
    let garbled: Vec<u8> = good[..8].iter().chain(&noise).copied().collect();
    for (file, reason) in [
        (&b""[..], "it is not a WebAssembly component: it is empty"),
        (
            &noise,
            "it is not a WebAssembly component: it does not start with the magic number",
        ),
        (
            b"#!/bin/sh\nexit 1\n",
            "it is not a WebAssembly component: it is a text file",
        ),
        (
            b"(component)",
            "it is not a WebAssembly component: it is WebAssembly in text form",
        ),
        (
            b"\x7fELF\x02\x01\x01\0",
            "it is not a WebAssembly component: it is a native program",
        ),
        (
            &core,
            "it is not a WebAssembly component: it is a core module",
        ),
        (
            &good[..good.len() - 7],
            "it is not a WebAssembly component: it ends in the middle",
        ),
        (&garbled, "it is not a WebAssembly component: "),
        (
            &other,
            "it is not a taffrail plugin: it exports no `taffrail:plugin/language` and nothing else",
        ),
        (
            &future,
            "it speaks plugin API 0.9.0, and taffrail 0.1.0 speaks 0.1.x, 1.x: take a newer taffrail, or a version of the plugin that was built for an older API",
        ),
        (
            &component("foreign-import"),
            "it imports `wasi:http/types@0.2.3`, `evil:place/thing@1.0.0`, which no plugin gets",
        ),
    ] {
        let started = Instant::now();
        let error = load(file, patient()).err().expect(reason);
        assert!(error.starts_with(reason), "{error}");
        // Nothing is compiled for that, and no engine is needed for long.
        assert!(started.elapsed() < Duration::from_secs(2), "{error}");
    }
}

#[test]
fn every_cut_of_a_component_is_refused() {
    let good = component("echo");
    let sandbox = Arc::new(Sandbox::new(patient()));
    for length in (0..good.len()).step_by(97) {
        let error = taffrail_wasm::Plugin::load(&sandbox, &good[..length]).err();
        assert!(error.is_some(), "cut at {length}");
    }
}

#[test]
fn precompiled_code_is_never_taken_for_a_component() {
    let engine_artifact = [b"\x7fELF\x02\x01\x01\0".as_slice(), &[0; 100]].concat();
    let error = load(&engine_artifact, patient()).err().unwrap();
    assert!(error.contains("native program or library"), "{error}");
}

#[test]
fn a_wasi_guest_finds_an_empty_world() {
    let plugin = load(&component("wasi-empty"), patient()).unwrap();
    assert_eq!(
        plugin.reach(),
        "arguments, environment, standard streams, files (WASI 0.2, empty)"
    );
    assert!(plugin.is_reproducible());
    let plan = plugin.plan(&request(json!({}))).unwrap();
    assert_eq!(plan.program, Program::Argv(vec!["nothing".to_owned()]));
}

#[test]
fn a_wasi_guest_gets_no_socket() {
    let plugin = load(&component("wasi-sockets"), patient()).unwrap();
    let plan = plugin.plan(&request(json!({}))).unwrap();
    assert_eq!(plan.program, Program::Argv(vec!["refused".to_owned()]));
}

#[test]
fn a_wasi_guest_that_misbehaves_is_ended_with_its_reason() {
    for (guest, reason) in [
        ("wasi-sleep", "took longer than 100 ms"),
        ("wasi-spin", "took longer than 100 ms"),
        ("wasi-exit", "called exit(1)"),
        ("wasi-stderr", "panicked: no such thing"),
        ("wasi-random", "broke the rules of the boundary: "),
    ] {
        let mut limits = patient();
        if reason.starts_with("took") {
            limits.standard.plan = Duration::from_millis(100);
        }
        let plugin = load(&component(guest), limits).unwrap();
        let started = Instant::now();
        let error = plugin.plan(&request(json!({}))).expect_err(guest);
        let CallError::Faulty(found) = error else {
            panic!("{guest}: {error:?}")
        };
        assert!(found.starts_with(reason), "{guest}: {found}");
        assert!(started.elapsed() < Duration::from_secs(5), "{guest}");
    }
}

#[test]
fn clocks_and_random_numbers_make_a_plan_unrepeatable() {
    for (guest, reproducible) in [
        ("wasi-sleep", false),
        ("wasi-random", false),
        ("wasi-exit", true),
    ] {
        let plugin = load(&component(guest), patient()).unwrap();
        assert_eq!(plugin.is_reproducible(), reproducible, "{guest}");
    }
}

#[tokio::test]
async fn a_wasi_guest_may_be_asked_on_a_thread_that_serves_futures() {
    let plugin = load(&component("wasi-empty"), patient()).unwrap();
    assert!(plugin.plan(&request(json!({}))).is_ok());
}

#[test]
fn an_inspection_says_all_there_is() {
    let sandbox = Arc::new(Sandbox::new(patient()));
    let bytes = component("wasi-sleep");
    let found = inspect(&sandbox, &bytes, &[]).unwrap();
    assert_eq!(found.api, "0.1");
    assert_eq!(found.size, bytes.len() as u64);
    assert_eq!(found.digest.len(), 64);
    assert_eq!(found.reach, "clock (WASI 0.2, empty)");
    assert!(!found.reproducible);
    assert_eq!(found.descriptor.id.as_str(), "echo");
    assert_eq!(found.exports, ["taffrail:plugin/language@0.1.0"]);
    assert!(
        found
            .imports
            .iter()
            .any(|name| name == "wasi:clocks/monotonic-clock@0.2.3")
    );
}

#[test]
fn a_bad_descriptor_is_refused_with_the_rule() {
    let sandbox = Arc::new(Sandbox::new(patient()));
    let mut claims = descriptor("echo", "1.0.0");
    claims["taskTypes"][0]["propertiesSchema"]["properties"]["env"] = json!({});
    let mut open = descriptor("echo", "1.0.0");
    open["taskTypes"][0]["propertiesSchema"]["additionalProperties"] = json!(true);
    let mut far = descriptor("echo", "1.0.0");
    far["taskTypes"][0]["propertiesSchema"]["properties"]["a"] =
        json!({ "$ref": "http://example.org/schema" });
    for (text, reason) in [
        ("nonsense\x1b".to_owned(), "its descriptor cannot be read"),
        ("{}".to_owned(), "its descriptor cannot be read"),
        (
            descriptor("Echo\x07", "1.0.0").to_string(),
            "its descriptor cannot be read",
        ),
        (
            descriptor("echo", "1.0").to_string(),
            "its descriptor cannot be read",
        ),
        (
            claims.to_string(),
            "claims `env`, which every script task already has",
        ),
        (open.to_string(), "must be closed"),
        (far.to_string(), "must point inside the schema"),
    ] {
        let bytes = Guest::new("echo").descriptor(text).build();
        let error = inspect(&sandbox, &bytes, &["env".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains(['\x1b', '\x07']), "{error}");
    }
}
