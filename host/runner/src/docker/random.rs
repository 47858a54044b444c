//! Settings of any shape: nothing panics, every mistake has a place that is there, and no power is taken without asking for it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use taffrail_core::launch::{LaunchSpec, TaskIdentity};

use super::asks::asks;
use super::describe::describe;
use super::settings::{DockerSettings, MountType};

/// Texts that mean something somewhere, and some that mean nothing anywhere.
const TEXTS: &[&str] = &[
    "",
    " ",
    "true",
    " true",
    "false",
    "host",
    "HOST",
    "host ",
    "container:x",
    "container:",
    "none",
    "0",
    "-1",
    "1.5",
    "512MB",
    "9223372036854775808",
    "80:80",
    "[::1]:80:80",
    "80-81:80-81",
    "1-65535:1-65535",
    "/a:/b:ro",
    "/a:/b",
    "ab:/c",
    "/a",
    "/",
    "/taffrail",
    "/run/docker.sock:/x",
    "NET_ADMIN",
    "ALL",
    "seccomp=unconfined",
    "no-new-privileges",
    "label:disable",
    "PT1S",
    "30s",
    "nofile=1:2",
    "a=b",
    "a:b",
    "x:host-gateway",
    "linux/arm64",
    "{{ inputs.x }}",
    "{\"auths\": {}}",
    "\u{0}",
    "ä\u{301}",
    "bind",
    "tmpfs",
    "/dev/sda:1MB",
    "c 1:1 r",
    "02:42:ac:11:00:02",
    "SIGTERM",
    "1.1.1.1",
    "IF_NOT_PRESENT",
];

const KEYS: &[&str] = &[
    "cpus",
    "memory",
    "type",
    "source",
    "target",
    "name",
    "soft",
    "hard",
    "path",
    "rate",
    "weight",
    "driver",
    "options",
    "test",
    "interval",
    "username",
    "password",
    "bindOptions",
    "volumeOptions",
    "driverConfig",
    "a",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-5_i64..2000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..4).prop_map(|pairs| {
                let pairs = pairs.into_iter();
                Value::Object(pairs.map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

fn properties() -> Vec<String> {
    let entry = crate::registry::find("docker").unwrap();
    let schema = (entry.schema)();
    schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

fn settings() -> impl Strategy<Value = Map<String, Value>> {
    let pair = (prop::sample::select(properties()), value());
    prop::collection::vec(pair, 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

fn spec() -> LaunchSpec {
    let text = || "x".to_owned();
    LaunchSpec {
        identity: TaskIdentity {
            namespace: text(),
            flow: text(),
            execution: text(),
            task: text(),
            task_run: text(),
            attempt: 1,
        },
        argv: vec![text()],
        env: Vec::new(),
        working_dir: "/x".into(),
        private_dir: "/nowhere".into(),
        image: Some(text()),
        moves_files: true,
    }
}

/// Whether these settings, once read, do what must be asked for.
fn takes_power(settings: &DockerSettings) -> bool {
    let mode = |mode: Option<&str>| {
        mode.is_some_and(|mode| mode == "host" || mode.starts_with("container:"))
    };
    let network = settings.network_mode.as_ref().map(|mode| mode.as_str());
    settings.privileged
        || !settings.volumes.is_empty()
        || !settings.volumes_from.is_empty()
        || settings
            .mounts
            .iter()
            .any(|mount| matches!(mount.kind, MountType::Bind | MountType::Volume))
        || !settings.devices.is_empty()
        || !settings.device_requests.is_empty()
        || !settings.device_cgroup_rules.is_empty()
        || !settings.cap_add.is_empty()
        || settings
            .security_opt
            .iter()
            .any(|option| !option.is_harmless())
        || mode(settings.pid_mode.as_ref().map(|mode| mode.as_str()))
        || mode(settings.ipc_mode.as_ref().map(|mode| mode.as_str()))
        || mode(settings.uts_mode.as_ref().map(|mode| mode.as_str()))
        || mode(settings.userns_mode.as_ref().map(|mode| mode.as_str()))
        || network.is_some_and(|mode| mode.starts_with("container:"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn settings_of_any_shape_are_read_or_refused(settings in settings()) {
        let asked = asks(&settings, None);
        match DockerSettings::read(&settings) {
            Ok(read) => {
                prop_assert!(!takes_power(&read) || !asked.is_empty(), "{settings:?}");
                let described = describe(&read, &spec(), "name", BTreeMap::new());
                prop_assert!(described.is_ok(), "{settings:?}");
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    // The place is there, or is that of a key in a map that is there.
                    let whole = Value::Object(settings.clone());
                    let holder = error.pointer.rsplit_once('/').map_or("", |(holder, _)| holder);
                    let there = whole.pointer(&error.pointer).or_else(|| whole.pointer(holder));
                    prop_assert!(there.is_some(), "{}: {}", error.pointer, error.message);
                    prop_assert!(!error.message.is_empty());
                }
            }
        }
    }

    /// One property alone, with values that are near to right.
    #[test]
    fn no_property_takes_power_without_asking(name in prop::sample::select(properties()), text in prop::sample::select(TEXTS)) {
        for value in [json!(text), json!([text]), json!([{ "target": "/x", "type": text }]), json!({ text: text })] {
            let settings = Map::from_iter([(name.clone(), value)]);
            if let Ok(read) = DockerSettings::read(&settings) {
                prop_assert!(!takes_power(&read) || !asks(&settings, None).is_empty(), "{settings:?}");
            }
        }
    }
}
