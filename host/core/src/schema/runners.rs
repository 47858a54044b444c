//! What the schema needs to know of a task runner, and that of the two runners that every flow may name.

use serde_json::{Map, Value, json};

use crate::script::{DOCKER, PROCESS};

/// A task runner as far as schemas and validation care.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerFragment {
    /// Its type, as flows write it.
    pub name: String,
    /// Older names of the same runner.
    pub aliases: Vec<String>,
    /// One short line for completion lists.
    pub title: String,
    /// Draft-07 schema of its own keys: a closed object without `type` and `version`.
    pub schema: Map<String, Value>,
    /// Whether this program can run it. A runner that it cannot run is still checked.
    pub available: bool,
}

impl RunnerFragment {
    /// Whether flows may call it so.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// The Process task runner: no keys of its own.
pub fn process() -> RunnerFragment {
    RunnerFragment {
        name: PROCESS.to_owned(),
        aliases: vec![
            "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner".to_owned(),
            "io.kestra.plugin.core.runner.ProcessTaskRunner".to_owned(),
            "io.kestra.core.runners.Process".to_owned(),
        ],
        title: "Run the task as a child process of this host".to_owned(),
        schema: closed(json!({}), &[]),
        available: true,
    }
}

/// The Docker task runner with all keys that flows give it.
pub fn docker() -> RunnerFragment {
    RunnerFragment {
        name: DOCKER.to_owned(),
        aliases: vec![
            "io.kestra.plugin.scripts.runner.docker.DockerTaskRunner".to_owned(),
            "io.kestra.plugin.scripts.runner.docker.docker".to_owned(),
        ],
        title: "Run the task in a container".to_owned(),
        schema: closed(docker_properties(), &[]),
        available: false,
    }
}

fn closed(properties: Value, required: &[&str]) -> Map<String, Value> {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn docker_properties() -> Value {
    let size = |description: &str| json!({ "type": ["string", "integer"], "description": description, "examples": ["512MB"] });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let flag = |description: &str, default: bool| json!({ "type": "boolean", "default": default, "description": description });
    let texts = |description: &str| json!({ "type": "array", "items": { "type": "string" }, "description": description });
    let closed = |description: &str, properties: Value| json!({ "type": "object", "description": description, "properties": properties, "additionalProperties": false });
    json!({
        "host": text("Address of the engine, for example `unix:///var/run/docker.sock`"),
        "config": {
            "type": ["string", "object"],
            "description": "Docker client configuration, as text or map: what `~/.docker/config.json` holds",
        },
        "credentials": closed("Credentials for a private registry", json!({
            "registry": text("Address of the registry; taken from the image's name where absent"),
            "username": text("User name"),
            "password": text("Password"),
            "registryToken": text("Registry token"),
            "identityToken": text("Identity token"),
            "auth": text("Base64 of `user:password`"),
        })),
        "user": { "type": ["string", "integer"], "description": "User in the container, `uid`, `uid:gid` or a name" },
        "entryPoint": { "type": "array", "items": { "type": "string" }, "default": [""], "description": "Entry point of the container; an empty element resets that of the image" },
        "extraHosts": texts("Further lines for `/etc/hosts`, `name:address`"),
        "networkMode": { "type": "string", "description": "Network of the container", "examples": ["host", "none", "bridge"] },
        "portBindings": texts("Ports to publish, `[ip:]host:container[/protocol]`"),
        "volumes": texts("Paths to mount, `source:target[:mode]`. Refused unless the host allows it"),
        "pullPolicy": {
            "type": "string",
            "enum": ["IF_NOT_PRESENT", "ALWAYS", "NEVER"],
            "enumDescriptions": ["Only where the image is absent", "Before every run", "Never"],
            "default": "IF_NOT_PRESENT",
            "description": "When the image is pulled",
        },
        "deviceRequests": {
            "type": "array",
            "description": "Requests to device drivers, for example for graphics cards",
            "items": closed("One request", json!({
                "driver": text("Name of the driver"),
                "count": { "type": "integer", "description": "How many devices; -1 is all" },
                "deviceIds": texts("Identifiers of devices"),
                "capabilities": { "type": "array", "items": { "type": "array", "items": { "type": "string" } }, "description": "Any of these sets of capabilities" },
                "options": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Options of the driver" },
            })),
        },
        "cpu": closed("Limits of processor time", json!({
            "cpus": { "type": ["number", "string"], "description": "How many processors the container may use, fractions allowed", "examples": [1, "1.5"] },
        })),
        "memory": closed("Limits of memory", json!({
            "memory": size("The most memory that the container may use, at least 6 MB"),
            "memorySwap": size("Memory and swap together"),
            "memoryReservation": size("Soft limit, less than `memory`"),
            "memorySwappiness": { "type": ["string", "integer"], "description": "How readily memory is swapped, 0 to 100" },
            "kernelMemory": size("Kernel memory"),
            "oomKillDisable": flag("Whether the container is spared when memory runs out", false),
        })),
        "shmSize": size("Size of `/dev/shm`; 64 MB where absent"),
        "privileged": flag("Whether the container gets all rights of the host. Refused unless the host allows it", false),
        "fileHandlingStrategy": {
            "type": "string",
            "enum": ["VOLUME", "MOUNT"],
            "enumDescriptions": ["Files are copied into the container and back", "The working directory is mounted"],
            "default": "VOLUME",
            "description": "How files get into the container and back",
        },
        "delete": flag("Whether the container is removed at the end", true),
        "wait": flag("Whether the task waits for the container to end", true),
        "killGracePeriod": {
            "type": "string",
            "pattern": crate::duration::PATTERN,
            "patternErrorMessage": "Write a duration as PT30S, PT5M, PT1H30M or P1D.",
            "x-what": "a duration such as `PT30S`, `PT5M` or `PT1H30M`",
            "default": "PT0S",
            "description": "Time that the container gets to end by itself when the task is killed",
        },
        "resume": flag("Whether a container that an earlier host left behind is taken up again", true),
    })
}
