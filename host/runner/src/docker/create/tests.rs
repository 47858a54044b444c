//! The request for every property, for whole settings, and for engines that lack something.

use serde_json::{Map, Value, json};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::plan::EnvVar;

use super::*;

fn settings(value: &Value) -> DockerSettings {
    let map = value.as_object().cloned().unwrap_or_default();
    DockerSettings::read(&map).unwrap_or_else(|errors| panic!("{value}: {errors:#?}"))
}

fn spec() -> LaunchSpec {
    LaunchSpec {
        identity: TaskIdentity {
            namespace: "company.team".to_owned(),
            flow: "sales".to_owned(),
            execution: "e1".to_owned(),
            task: "load".to_owned(),
            task_run: "r1".to_owned(),
            attempt: 1,
        },
        argv: ["/bin/sh", "-c", "echo hello"].map(str::to_owned).to_vec(),
        env: vec![EnvVar {
            name: "WORKING_DIR".to_owned(),
            value: WORK_DIR.to_owned(),
        }],
        working_dir: "/tmp/work".into(),
        private_dir: "/nowhere".into(),
        image: None,
        moves_files: true,
    }
}

fn context() -> CreateContext {
    CreateContext {
        image: "debian:12".to_owned(),
        name: "taffrail-r1".to_owned(),
        labels: BTreeMap::from([("taffrail.task".to_owned(), "load".to_owned())]),
        work: WorkMount::Volume {
            name: "taffrail-r1".to_owned(),
        },
        engine: EngineFacts::unknown(),
        proxies: vec![(
            "HTTP_PROXY".to_owned(),
            "http://proxy.example:3128".to_owned(),
        )],
    }
}

fn body(settings: &DockerSettings, context: &CreateContext) -> Value {
    create_request(settings, &spec(), context)
        .unwrap()
        .body_json()
}

/// One row of the table of all properties.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    property: String,
    value: Value,
    #[serde(default)]
    with: Value,
    create: Option<Map<String, Value>>,
    runner: Option<String>,
    bad: Vec<Bad>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Bad {
    value: Value,
    says: String,
}

fn rows() -> Vec<Row> {
    serde_yaml::from_str(include_str!("../../../tests/docker-properties.yaml")).unwrap()
}

/// The settings of a row with a value at the property's place.
fn placed(row: &Row, value: &Value) -> Value {
    let mut settings = if row.with.is_null() {
        json!({})
    } else {
        row.with.clone()
    };
    let mut at = &mut settings;
    for part in row.property.split('.') {
        at = &mut at[part];
    }
    *at = value.clone();
    settings
}

#[test]
fn every_property_says_what_it_asks_for_and_nothing_else() {
    let plain = body(&settings(&json!({})), &context());
    for row in rows() {
        let with = body(&settings(&placed(&row, &row.value)), &context());
        assert!(
            row.create.is_some() != row.runner.is_some(),
            "{}",
            row.property
        );
        let Some(create) = &row.create else {
            assert_eq!(with, plain, "`{}` is not for the request", row.property);
            continue;
        };
        let without = body(&settings(&row.with), &context());
        let mut rest = with.clone();
        for (pointer, expected) in create {
            assert_eq!(
                with.pointer(pointer),
                Some(expected),
                "`{}` at {pointer}: {with:#}",
                row.property
            );
            // Put back what stands there without the property: then nothing else differs.
            match without.pointer(pointer) {
                Some(before) => *rest.pointer_mut(pointer).unwrap() = before.clone(),
                None => remove(&mut rest, pointer),
            }
        }
        assert_eq!(rest, without, "`{}` changes something else", row.property);
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let (holder, key) = pointer.rsplit_once('/').unwrap();
    let gone = match value.pointer_mut(holder) {
        Some(Value::Object(map)) => {
            map.shift_remove(&key.replace("~1", "/"));
            map.is_empty()
        }
        Some(Value::Array(items)) => {
            // From behind, so that the pointers of the others stay right.
            items.remove(key.parse::<usize>().unwrap().min(items.len() - 1));
            false
        }
        _ => false,
    };
    if gone && !holder.is_empty() {
        remove(value, holder);
    }
}

#[test]
fn every_property_refuses_what_is_wrong() {
    for row in rows() {
        for bad in &row.bad {
            let value = placed(&row, &bad.value);
            let errors = DockerSettings::read(value.as_object().unwrap())
                .err()
                .unwrap_or_else(|| panic!("`{}` takes {}", row.property, bad.value));
            let place = format!("/{}", row.property.replace('.', "/"));
            let named = errors.iter().any(|error| {
                error.message.contains(&bad.says) && error.pointer.starts_with(&place)
            });
            assert!(named, "`{}` of {}: {errors:#?}", row.property, bad.value);
        }
    }
}

#[test]
fn the_table_has_every_property() {
    let entry = crate::registry::find("docker").unwrap();
    let schema = Value::Object((entry.schema)());
    let mut names: Vec<String> = Vec::new();
    for (name, property) in schema["properties"].as_object().unwrap() {
        if property.get("x-refused").is_some() {
            continue;
        }
        names.push(name.clone());
        // Lists of maps and those of chosen words are held to their words as a whole.
        if ["cpu", "memory", "credentials"].contains(&name.as_str()) {
            let inner = property["properties"].as_object().unwrap();
            names.extend(inner.keys().map(|key| format!("{name}.{key}")));
        }
    }
    // The host describes it for every runner.
    names.push("version".to_owned());
    names.sort();
    let mut found: Vec<String> = rows().into_iter().map(|row| row.property).collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn nothing_said_gives_the_plain_request() {
    assert_eq!(
        body(&settings(&json!({})), &context()),
        json!({
            "AttachStderr": true,
            "AttachStdin": false,
            "AttachStdout": true,
            "Cmd": ["/bin/sh", "-c", "echo hello"],
            "Entrypoint": [""],
            "Env": ["WORKING_DIR=/taffrail/work", "TINI_KILL_PROCESS_GROUP=1"],
            "HostConfig": {
                "Init": true,
                "LogConfig": {"Config": {"compress": "false", "max-size": "1000g"}, "Type": "local"},
                "Mounts": [{"Source": "taffrail-r1", "Target": "/taffrail", "Type": "volume", "VolumeOptions": {"Labels": {"taffrail.task": "load"}, "NoCopy": true}}],
            },
            "Image": "debian:12",
            "Labels": {"taffrail.task": "load"},
            "OpenStdin": false,
            "Tty": false,
            "WorkingDir": "/taffrail/work",
        })
    );
    let bound = CreateContext {
        work: WorkMount::Bind {
            host_path: "/srv/runs/r1".to_owned(),
        },
        ..context()
    };
    assert_eq!(
        body(&settings(&json!({})), &bound)["HostConfig"]["Mounts"],
        json!([{"Source": "/srv/runs/r1", "Target": "/taffrail/work", "Type": "bind"}])
    );
}

#[test]
fn there_is_a_volume_where_something_goes_through_it() {
    let work = |given: Value, moves_files: bool| {
        let spec = LaunchSpec {
            moves_files,
            ..spec()
        };
        WorkMount::of(&settings(&given), &spec, "r1")
    };
    let volume = || WorkMount::Volume {
        name: "r1".to_owned(),
    };
    let bind = || WorkMount::Bind {
        host_path: "/tmp/work".to_owned(),
    };
    for (given, without_files) in [
        (json!({}), WorkMount::Container),
        (json!({"user": "1000"}), WorkMount::Container),
        (json!({"tmpfs": {"/scratch": ""}}), WorkMount::Container),
        (json!({"fileHandlingStrategy": "VOLUME"}), volume()),
        (json!({"fileHandlingStrategy": "MOUNT"}), bind()),
        // It could not be written to, would have to fit into a limit, or would not be there.
        (json!({"readOnly": true}), volume()),
        (json!({"storageOpt": {"size": "1G"}}), volume()),
        (json!({"workingDir": "/srv"}), volume()),
    ] {
        assert_eq!(work(given.clone(), false), without_files, "{given}");
        let mounted = given["fileHandlingStrategy"] == "MOUNT";
        let with_files = if mounted { bind() } else { volume() };
        assert_eq!(work(given, true), with_files);
    }
    let alone = CreateContext {
        work: WorkMount::Container,
        ..context()
    };
    let body = body(&settings(&json!({})), &alone);
    assert_eq!(body["HostConfig"].get("Mounts"), None);
    assert_eq!(body["WorkingDir"], "/taffrail/work");
}

#[test]
fn the_entry_point_is_reset_kept_or_replaced() {
    let entry_point = |value: Value| {
        body(&settings(&value), &context())
            .get("Entrypoint")
            .cloned()
    };
    assert_eq!(entry_point(json!({})), Some(json!([""])));
    assert_eq!(entry_point(json!({"entryPoint": [""]})), Some(json!([""])));
    assert_eq!(entry_point(json!({"entryPoint": []})), None);
    assert_eq!(
        entry_point(json!({"entryPoint": ["", "/bin/echo"]})),
        Some(json!(["/bin/echo"]))
    );
}

#[test]
fn labels_of_the_host_stand_above_those_of_the_flow() {
    let settings = settings(&json!({"labels": ["taffrail.task=mine", "lonely"]}));
    let request = create_request(&settings, &spec(), &context()).unwrap();
    let labels = request.body.labels.unwrap();
    assert_eq!(
        labels.get("taffrail.task").map(String::as_str),
        Some("load")
    );
    assert_eq!(labels.get("lonely").map(String::as_str), Some(""));
    assert_eq!(
        request.warnings,
        ["`labels`: `taffrail.task` is set by the host, not by the flow"]
    );
}

#[test]
fn variables_of_the_task_stand_above_the_proxies() {
    let mut spec = spec();
    spec.env.push(EnvVar {
        name: "HTTP_PROXY".to_owned(),
        value: "mine".to_owned(),
    });
    let settings = settings(&json!({"useConfigProxy": true}));
    let request = create_request(&settings, &spec, &context()).unwrap();
    assert_eq!(
        request.body.env.unwrap(),
        [
            "WORKING_DIR=/taffrail/work",
            "HTTP_PROXY=mine",
            "TINI_KILL_PROCESS_GROUP=1"
        ]
    );
}

#[test]
fn what_an_engine_lacks_is_refused_by_name() {
    let old = |minor, cgroup| CreateContext {
        engine: EngineFacts {
            api: ApiVersion { major: 1, minor },
            cgroup: Some(cgroup),
            ..EngineFacts::unknown()
        },
        ..context()
    };
    let check = |value: Value, context: &CreateContext, pointers: &[&str]| {
        let found = match create_request(&settings(&value), &spec(), context) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.pointer).collect(),
        };
        assert_eq!(found, pointers, "{value}");
    };
    let mac = json!({"macAddress": "02:42:ac:11:00:02"});
    check(mac.clone(), &old(43, 1), &["/macAddress"]);
    check(mac, &old(44, 1), &[]);
    check(json!({"platform": "linux"}), &old(40, 1), &["/platform"]);
    check(
        json!({"healthcheck": {"startInterval": "1s"}}),
        &old(41, 1),
        &["/healthcheck/startInterval"],
    );
    check(
        json!({"mounts": [
            {"type": "image", "source": "x", "target": "/a"},
            {"type": "bind", "source": "/x", "target": "/b", "bindOptions": {"createMountpoint": true}},
            {"type": "volume", "source": "xy", "target": "/c", "volumeOptions": {"subpath": "x"}},
        ]}),
        &old(41, 1),
        &[
            "/mounts/0/type",
            "/mounts/1/bindOptions/createMountpoint",
            "/mounts/2/volumeOptions/subpath",
        ],
    );
    check(
        json!({"cpuRtPeriod": 10, "cpuRtRuntime": 5}),
        &old(41, 2),
        &["/cpuRtPeriod", "/cpuRtRuntime"],
    );
    let windows = CreateContext {
        engine: EngineFacts {
            os: "windows".to_owned(),
            ..EngineFacts::unknown()
        },
        ..context()
    };
    check(json!({}), &windows, &[""]);
}

#[test]
fn what_an_engine_ignores_is_a_named_warning() {
    let check = |value: Value, engine: EngineFacts, names: &[&str]| {
        let context = CreateContext {
            engine,
            ..context()
        };
        let request = create_request(&settings(&value), &spec(), &context).unwrap();
        assert_eq!(
            request.warnings.len(),
            names.len(),
            "{:?}",
            request.warnings
        );
        for (warning, name) in request.warnings.iter().zip(names) {
            assert!(warning.starts_with(&format!("`{name}`")), "{warning}");
        }
    };
    let known = EngineFacts::unknown;
    let unlimited = EngineFacts {
        limits: false,
        ..known()
    };
    check(json!({ "shmSize": "1m" }), unlimited.clone(), &[]);
    check(
        json!({ "cpu": { "cpus": 1 }, "memory": { "memory": "64m" }, "pidsLimit": 9 }),
        unlimited,
        &["cpu.cpus", "memory.memory", "pidsLimit"],
    );
    let v2 = || EngineFacts {
        cgroup: Some(2),
        ..known()
    };
    let podman = || EngineFacts {
        podman: true,
        log_drivers: vec!["k8s-file".to_owned()],
        ..known()
    };
    check(json!({}), known(), &[]);
    check(
        json!({"memory": {"kernelMemory": "64MB"}}),
        known(),
        &["memory.kernelMemory"],
    );
    check(
        json!({"memory": {"memory": "64MB", "memorySwappiness": 1, "oomKillDisable": true}}),
        v2(),
        &["memory.memorySwappiness", "memory.oomKillDisable"],
    );
    check(
        json!({"memory": {"oomKillDisable": true}}),
        known(),
        &["memory.oomKillDisable"],
    );
    check(json!({"memory": {"oomKillDisable": false}}), v2(), &[]);
    check(
        json!({"networkMode": "host", "portBindings": ["80:80"], "publishAllPorts": true}),
        known(),
        &["portBindings", "publishAllPorts"],
    );
    check(
        json!({"networkDisabled": true, "portBindings": ["80:80"]}),
        known(),
        &["portBindings"],
    );
    check(
        json!({"config": {"insecure-registries": ["a"]}}),
        known(),
        &["config"],
    );
    check(json!({"links": ["a"]}), podman(), &["links"]);
    check(json!({}), podman(), &[]);
    check(
        json!({"logConfig": {"driver": "syslog"}}),
        known(),
        &["logConfig"],
    );
    check(json!({"logConfig": {"driver": "none"}}), known(), &[]);
}

#[test]
fn the_log_driver_is_one_that_the_engine_has() {
    let driver = |engine: EngineFacts| {
        let context = CreateContext {
            engine,
            ..context()
        };
        body(&settings(&json!({})), &context)["HostConfig"]["LogConfig"]["Type"].clone()
    };
    let with = |podman, names: &[&str]| EngineFacts {
        podman,
        log_drivers: names.iter().map(|name| (*name).to_owned()).collect(),
        ..EngineFacts::unknown()
    };
    assert_eq!(driver(with(false, &[])), json!("local"));
    assert_eq!(driver(with(false, &["json-file", "local"])), json!("local"));
    assert_eq!(driver(with(false, &["json-file"])), json!("json-file"));
    assert_eq!(driver(with(false, &["syslog"])), Value::Null);
    assert_eq!(driver(with(true, &["k8s-file", "none"])), json!("k8s-file"));
    assert_eq!(driver(with(true, &["journald"])), Value::Null);
}

#[test]
fn versions_are_numbers() {
    let check = |text: &str, expected: Option<(u32, u32)>| {
        let found = ApiVersion::parse(text).map(|version| (version.major, version.minor));
        assert_eq!(found, expected, "{text}");
    };
    check("1.41", Some((1, 41)));
    check("1.9", Some((1, 9)));
    check("1", None);
    check("x.y", None);
    assert!(ApiVersion::parse("1.9") < ApiVersion::parse("1.41"));
}

/// What each property adds to the command line; set `TAFFRAIL_BLESS` to write it anew, and look at it.
#[test]
fn every_property_has_its_words_on_the_command_line() {
    let words = |value: &Value| {
        let request = create_request(&settings(value), &spec(), &context()).unwrap();
        crate::docker::command_line::command_line(&request)
    };
    let mut found = String::new();
    for row in rows() {
        if row.create.is_none() && row.property != "platform" {
            continue;
        }
        let mut added = words(&placed(&row, &row.value));
        for word in words(&row.with) {
            if let Some(at) = added.iter().position(|other| *other == word) {
                added.remove(at);
            }
        }
        found.push_str(&format!("{}: {}\n", row.property, added.join(" ")));
    }
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/docker-command-lines.txt"
    );
    if std::env::var_os("TAFFRAIL_BLESS").is_some() {
        std::fs::write(file, &found).unwrap();
        return;
    }
    assert_eq!(
        found,
        include_str!("../../../tests/docker-command-lines.txt")
    );
}

#[test]
fn the_command_line_starts_what_the_request_makes() {
    let request = create_request(&settings(&json!({})), &spec(), &context()).unwrap();
    assert_eq!(
        crate::docker::command_line::command_line(&request).join(" "),
        "docker run --name taffrail-r1 --workdir /taffrail/work --env WORKING_DIR=/taffrail/work --env TINI_KILL_PROCESS_GROUP=1 --label taffrail.task=load \
         --mount type=volume,source=taffrail-r1,target=/taffrail,volume-label=taffrail.task=load,volume-nocopy --init --log-driver local \
         --log-opt compress=false --log-opt max-size=1000g --entrypoint  debian:12 /bin/sh -c echo hello"
    );
    let words = |value: Value| {
        let request = create_request(&settings(&value), &spec(), &context()).unwrap();
        let words = crate::docker::command_line::command_line(&request);
        let image = words.iter().position(|word| word == "debian:12").unwrap();
        words[image - 2..].join(" ")
    };
    assert_eq!(
        words(json!({"entryPoint": ["/usr/bin/env", "-i"]})),
        "--entrypoint /usr/bin/env debian:12 -i /bin/sh -c echo hello"
    );
    assert_eq!(
        words(json!({"entryPoint": []})),
        "--log-opt max-size=1000g debian:12 /bin/sh -c echo hello"
    );
}
