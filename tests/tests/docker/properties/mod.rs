//! Each property of the Docker runner in a real container: what it does there, told by the container or by `inspect`.
//!
//! What this engine or kernel cannot show is proved on the request that the engine got, and said so in a line.

mod limits;
mod places;
mod rights;
mod wrong;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use taffrail_tests::docker::images;
use taffrail_tests::flows::Ran;

use crate::support::Yard;

/// What is expected of one container.
#[derive(Debug, Clone)]
enum Seen {
    /// It prints this line.
    Prints(&'static str),
    /// The same on an engine of cgroup v1, and on one of v2; an empty text is not shown there.
    Cgroup(&'static str, &'static str),
    /// `inspect` has this value there.
    Inspect(&'static str, Value),
    /// The task fails, and this is said.
    Fails(&'static str),
    /// This is said as a warning, or else `inspect` has this value there: it depends on the kernel.
    WarnsOr(&'static str, &'static str, Value),
    /// The task fails and says this, or else `inspect` has this value there: it depends on the kernel or the engine.
    FailsOr(&'static str, &'static str, Value),
    /// The task fails and says this, or else it prints this line.
    FailsOrPrints(&'static str, &'static str),
}

use Seen::{Cgroup, Fails, FailsOr, FailsOrPrints, Inspect, Prints, WarnsOr};
use limits::{devices, limits};
use places::{files, network};
use rights::{program, rights};

struct Row {
    property: &'static str,
    settings: Value,
    task: Value,
    script: String,
    seen: Vec<Seen>,
}

fn row(property: &'static str, settings: Value, script: &str, seen: Vec<Seen>) -> Row {
    Row {
        property,
        settings,
        task: json!({}),
        script: script.to_owned(),
        seen,
    }
}

fn of_image(
    property: &'static str,
    image: &str,
    settings: Value,
    script: &str,
    seen: Vec<Seen>,
) -> Row {
    Row {
        task: json!({ "containerImage": image }),
        ..row(property, settings, script, seen)
    }
}

/// Prints a file of the container's own control group, wherever this version of the kernel has it.
fn cgroup(v1: &str, v2: &str) -> String {
    format!(
        "for f in /sys/fs/cgroup/{v1} /sys/fs/cgroup/{v2}; do [ -f $f ] && cat $f && break; done; true"
    )
}

/// A block device of this machine.
fn block_device() -> Option<String> {
    let names = std::fs::read_dir("/sys/block").ok()?;
    let mut names: Vec<String> = names
        .flatten()
        .map(|entry| format!("/dev/{}", entry.file_name().to_string_lossy()))
        .filter(|path| std::fs::metadata(path).is_ok())
        .collect();
    names.sort();
    let disk = names
        .iter()
        .find(|name| name.contains("vd") || name.contains("sd") || name.contains("nvme"));
    disk.or(names.first()).cloned()
}

/// What a row's flow may ask for.
const ALLOWED: &[&str] = &[
    "volumes",
    "privileged",
    "devices",
    "device-cgroup-rules",
    "host-pid",
    "host-ipc",
    "host-uts",
    "host-users",
    "container-namespaces",
    "cap-add",
    "security-opt",
];

fn flow_of(rows: &[Row]) -> String {
    let tasks: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let mut runner = json!({
                "type": "io.kestra.plugin.scripts.runner.docker.Docker",
                "delete": false,
            });
            merge(&mut runner, &row.settings);
            let mut task = json!({
                "id": format!("row{number}"),
                "type": "io.kestra.plugin.scripts.shell.Script",
                "containerImage": images::TOOLS,
                "allowFailure": true,
                "taskRunner": runner,
                "script": row.script,
            });
            merge(&mut task, &row.task);
            task
        })
        .collect();
    json!({ "id": "flow", "namespace": "test.docker", "tasks": tasks }).to_string()
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

/// What is wrong with a row, if anything, and how it was shown.
fn check(
    row: &Row,
    task: &Value,
    lines: &[String],
    container: Option<&Value>,
    cgroup_version: &str,
) -> Result<Vec<String>, String> {
    let state = task["state"].as_str().unwrap_or_default();
    let message = task["failure"]["message"].as_str().unwrap_or_default();
    let warnings = task["warnings"].to_string();
    let failed = state != "SUCCESS";
    let may_fail = row
        .seen
        .iter()
        .any(|seen| matches!(seen, Fails(_) | FailsOr(..) | FailsOrPrints(..)));
    if failed && !may_fail {
        return Err(format!("{state}: {message} {lines:?}"));
    }
    let prints = |wanted: &str| {
        if lines.iter().any(|line| line.trim() == wanted) {
            Ok(())
        } else {
            Err(format!("{wanted:?} is not in {lines:?}"))
        }
    };
    let inspect = |pointer: &str, wanted: &Value| {
        let found = container.and_then(|container| container.pointer(pointer));
        if found == Some(wanted) {
            Ok(())
        } else {
            Err(format!("{pointer} is {found:?}, not {wanted}"))
        }
    };
    let mut notes = Vec::new();
    for seen in &row.seen {
        match seen {
            Prints(wanted) => prints(wanted)?,
            Cgroup(v1, v2) => {
                let wanted = if cgroup_version == "1" { v1 } else { v2 };
                if wanted.is_empty() {
                    notes.push(format!("cgroup v{cgroup_version} does not show it"));
                } else {
                    prints(wanted)?;
                }
            }
            Inspect(pointer, wanted) => inspect(pointer, wanted)?,
            Fails(part) if failed && message.contains(part) => {}
            Fails(part) => return Err(format!("{state} without {part:?}: {message}")),
            WarnsOr(part, pointer, wanted) => {
                if warnings.contains(part) {
                    notes.push(format!(
                        "the engine does not do it, and it is told: {warnings}"
                    ));
                } else {
                    inspect(pointer, wanted)?;
                }
            }
            FailsOrPrints(part, line) => {
                if failed && message.contains(part) {
                    notes.push(format!("not to be had here: {message}"));
                } else {
                    prints(line).map_err(|reason| format!("{reason}; {message}"))?;
                }
            }
            FailsOr(part, pointer, wanted) => {
                if failed && message.contains(part) {
                    notes.push(format!("not to be had here: {message}"));
                } else {
                    inspect(pointer, wanted).map_err(|reason| format!("{reason}; {message}"))?;
                }
            }
        }
    }
    Ok(notes)
}

fn run_rows(rows: &[Row], results: &Mutex<BTreeMap<String, Result<Vec<String>, String>>>) {
    let Some(yard) = Yard::new("properties") else {
        return;
    };
    let mut arguments = Vec::new();
    for name in ALLOWED {
        arguments.extend(["--allow", name]);
    }
    let invocation = yard.runs(&flow_of(rows), &arguments);
    let finished = invocation.finish();
    if finished.code() != Some(0) && finished.code() != Some(4) {
        let reason = Err(format!("{finished}"));
        let name = format!("{} and its neighbours", rows[0].property);
        results.lock().unwrap().insert(name, reason);
        return;
    }
    let record = finished.json();
    let ran = Ran { finished, record };
    let info = yard.engine.api().get("/info");
    let version = info["CgroupVersion"].as_str().unwrap_or("1");
    let containers = yard.containers();
    for (number, row) in rows.iter().enumerate() {
        let id = format!("row{number}");
        let prefix = format!("{id} ");
        let lines: Vec<String> = ran
            .finished
            .stderr
            .lines()
            .filter(|line| line.starts_with(&prefix))
            .filter_map(|line| line.split_once(" | ").map(|(_, text)| text.to_owned()))
            .collect();
        let container = containers.iter().find(|container| {
            let labels = container["Config"]["Labels"].as_object();
            labels.into_iter().flatten().any(|(_, value)| *value == *id)
        });
        let verdict = check(row, ran.task(&id), &lines, container, version);
        results
            .lock()
            .unwrap()
            .insert(row.property.to_owned(), verdict);
    }
    yard.sweep();
}

#[test]
fn every_property_does_what_it_says() {
    let Some(yard) = Yard::new("every_property_does_what_it_says") else {
        return;
    };
    let api = yard.engine.api();
    let bind = yard.world.write("bound/file", "of the host\n");
    let bind = bind.parent().unwrap().to_string_lossy().into_owned();
    let body = json!({
        "Image": images::TOOLS, "Hostname": "other-host", "Volumes": { "/shared": {} },
        "Cmd": ["sh", "-c", "echo from the other > /shared/word; exec sleep 600"],
        "HostConfig": { "IpcMode": "shareable", "RestartPolicy": { "Name": "always" } },
    });
    let created = api.post("/containers/create", &body).done().json();
    // By its id: this engine does not always find a container by its name while others come and go.
    let other = created["Id"].as_str().unwrap().to_owned();
    api.call("POST", &format!("/containers/{other}/start"))
        .done();
    api.post(
        "/networks/create",
        &json!({ "Name": format!("net-{other}") }),
    )
    .done();

    let mut rows = limits();
    rows.extend(devices());
    rows.extend(files(&other, &bind));
    rows.extend(network(&other));
    rows.extend(rights(&other));
    rows.extend(program());
    if let Ok(only) = std::env::var("TAFFRAIL_CASE") {
        rows.retain(|row| row.property.contains(&only));
    }
    let results = Mutex::new(BTreeMap::new());
    let chunks: Vec<&[Row]> = rows.chunks(10).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run_rows(chunk, &results);
                }
            });
        }
    });
    yard.engine.remove(&other);
    api.call("DELETE", &format!("/networks/net-{other}"));

    let results = results.into_inner().unwrap();
    let mut wrong = Vec::new();
    for (property, verdict) in &results {
        match verdict {
            Ok(notes) => println!("{property:<40} ok {}", notes.join("; ")),
            Err(reason) => wrong.push(format!("{property}: {reason}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(results.len(), rows.len(), "a row was not run");
}
