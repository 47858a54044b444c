//! The command line that `plan` shows makes the same container as the request that it shows, by the word of an engine.

use std::process::Command;

use serde_json::{Value, json};
use taffrail_tests::cli::World;
use taffrail_tests::docker::engine::Engine;
use taffrail_tests::docker::{images, skipped};

const FLOW: &str = "\
id: shown
namespace: company.team
tasks:
  - id: one
    type: io.kestra.plugin.scripts.shell.Commands
    containerImage: busybox:taffrail
    env: {WORD: \"it's $HOME\"}
    taskRunner:
      type: io.kestra.plugin.scripts.runner.docker.Docker
      cpu: {cpus: '0.5'}
      memory: {memory: 64MB, memorySwap: 128MB, memoryReservation: 32MB}
      shmSize: 8MB
      user: '1000:1000'
      entryPoint: [/bin/echo]
      hostname: worker
      domainname: example.com
      networkMode: bridge
      portBindings: ['127.0.0.1:18080:80', '81/udp']
      extraHosts: ['db:10.0.0.5']
      dns: [1.1.1.1]
      dnsOpt: ['ndots:2']
      dnsSearch: [example.com]
      volumes: ['taffrail-test-cache:/cache:ro', /scratch]
      mounts:
        - {type: tmpfs, target: /memory, tmpfsOptions: {sizeBytes: 1MB, mode: '1777'}}
      tmpfs: {/quick: 'size=1m'}
      labels: {team: data science}
      groupAdd: ['2000']
      capDrop: [NET_RAW]
      securityOpt: [no-new-privileges, systempaths=unconfined]
      readOnly: true
      ulimits: ['nofile=100:200']
      pidsLimit: 50
      oomScoreAdj: 100
      sysctls: {net.ipv4.ip_unprivileged_port_start: 80}
      cpuShares: 512
      cpusetCpus: '0'
      healthcheck: {test: 'test -e /x && true', interval: 5s, retries: 2}
      stopSignal: SIGINT
      logConfig: {driver: json-file, options: {max-size: 1m}}
      ipcMode: private
    commands: ['echo done']
";

#[test]
fn the_command_line_makes_the_same_container() {
    let name = "the_command_line_makes_the_same_container";
    let Some(engine) = Engine::shared(name) else {
        return;
    };
    if images::which("docker").is_none() {
        return skipped(name, "there is no `docker` on the search path");
    }
    images::tools(engine);
    let world = World::new();
    world.write("flow.yaml", FLOW);
    let arguments = [
        "plan",
        "flow.yaml",
        "--allow",
        "volumes",
        "--allow",
        "security-opt",
        "-o",
        "json",
    ];
    let plan = world.taffrail(arguments);
    plan.exits(0);
    let task = plan.json()["tasks"][0].clone();
    let line = task["commandLine"].as_str().unwrap().to_owned();
    let own = line.split_whitespace().nth(3).unwrap().to_owned();
    let names = ["request", "line"].map(|kind| format!("{own}-{}-{kind}", std::process::id()));

    let path = format!("/containers/create?name={}", names[0]);
    engine.api().post(&path, &task["request"]).done();
    let host = format!("docker --host {} create --name {}", engine.url(), names[1]);
    let line = line.replacen(&format!("docker run --name {own}"), &host, 1);
    let created = Command::new("sh").args(["-c", &line]).output().unwrap();
    let said = String::from_utf8_lossy(&created.stderr).into_owned();
    let inspected = names.clone().map(|name| {
        let path = format!("/containers/{name}/json");
        let answer = engine.api().call("GET", &path);
        serde_json::from_str::<Value>(&answer.text()).unwrap()
    });
    for name in &names {
        engine.remove(name);
    }
    for volume in ["taffrail-test-cache", &own] {
        engine.api().call("DELETE", &format!("/volumes/{volume}"));
    }
    assert!(created.status.success(), "{line}\n{said}");
    for part in ["Config", "HostConfig"] {
        let [request, line] = inspected
            .each_ref()
            .map(|container| sorted_env(without_labels_of_the_host(said_of(&container[part]))));
        assert_eq!(request, line, "{part}");
    }
}

/// What the host finds its things by is left out of the line.
fn without_labels_of_the_host(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            for key in ["Labels", "VolumeOptions"] {
                let labels = map.get_mut(key).and_then(Value::as_object_mut);
                if let Some(labels) = labels {
                    labels.retain(|name, _| {
                        !name.starts_with("taffrail.") && !name.starts_with("kestra.io/")
                    });
                }
            }
            let all = std::mem::take(map).into_iter();
            let all = all.map(|(key, value)| (key, without_labels_of_the_host(value)));
            *map = all.filter(|(_, value)| *value != json!({})).collect();
        }
        Value::Array(items) => {
            for item in items {
                *item = without_labels_of_the_host(item.take());
            }
        }
        _ => {}
    }
    value
}

/// The client sends variables in an order of its own.
fn sorted_env(mut value: Value) -> Value {
    if let Some(Value::Array(variables)) = value.get_mut("Env") {
        variables.sort_by_key(Value::to_string);
    }
    value
}

/// What stands in there that is not the same as nothing.
fn said_of(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, value)| {
                // The client tells the size of its terminal, and that nothing is restarted.
                !matches!(key.as_str(), "ConsoleSize" | "RestartPolicy")
                    && ![
                        json!(null),
                        json!(""),
                        json!(0),
                        json!(false),
                        json!([]),
                        json!({}),
                    ]
                    .contains(value)
            });
            let kept = kept.map(|(key, value)| (key.clone(), said_of(value)));
            Value::Object(kept.collect())
        }
        Value::Array(items) => items.iter().map(said_of).collect(),
        // Engines and clients know rights by both names.
        Value::String(text) => json!(text.strip_prefix("CAP_").unwrap_or(text)),
        other => other.clone(),
    }
}
