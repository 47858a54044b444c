//! `docker_run`: every argument of Docker's Python library under its name, as properties of the host's Docker runner.
//!
//! What the runner refuses is handed on under the name by which it refuses it, so that its own words tell why.

use std::rc::Rc;

use hcl_edit::expr::Expression;
use serde_json::Value;
use taffrail_core::diagnostic::Code as DiagnosticCode;
use taffrail_core::yaml::{Entry, Node, NodeKind, Span};

use super::docker_shapes as shapes;
use super::{stand_in, type_entry};
use crate::arguments::{Argument, argument, arguments};
use crate::code::{Code, Guess, step};
use crate::constant;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

const TYPE: &str = "io.kestra.plugin.scripts.shell.Commands";
const DOCKER: &str = "io.kestra.plugin.scripts.runner.docker.Docker";

/// What becomes of an argument.
enum As {
    /// A key of the task, or something that concerns more than one key.
    Own,
    /// A property of the runner, in the same form.
    Same(&'static str),
    /// The same below `memory`.
    Memory(&'static str),
    /// A property of the runner whose form differs.
    Shaped(
        &'static str,
        fn(&mut Reader<'_>, &Expression, &Context) -> Option<Node>,
    ),
    /// Nothing to be done: what it asks for is always so here.
    Moot,
}

use As::{Memory, Moot, Own, Same, Shaped};

/// Every argument that `docker_run` documents.
const ARGUMENTS: [(&str, As); 88] = [
    ("image", Own),
    ("command", Own),
    // The container is removed at its end, by the host, which first reads how it ended.
    ("auto_remove", Same("delete")),
    (
        "blkio_weight_device",
        Shaped("blkioWeightDevice", shapes::devices),
    ),
    ("blkio_weight", Same("blkioWeight")),
    ("cap_add", Same("capAdd")),
    ("cap_drop", Same("capDrop")),
    ("cgroup_parent", Same("cgroupParent")),
    ("cpu_count", Same("cpuCount")),
    ("cpu_percent", Same("cpuPercent")),
    ("cpu_period", Same("cpuPeriod")),
    ("cpu_quota", Same("cpuQuota")),
    ("cpu_rt_period", Same("cpuRtPeriod")),
    ("cpu_rt_runtime", Same("cpuRtRuntime")),
    ("cpu_shares", Same("cpuShares")),
    ("cpuset_cpus", Same("cpusetCpus")),
    ("cpuset_mems", Same("cpusetMems")),
    ("detach", Shaped("wait", shapes::opposite)),
    ("device_cgroup_rules", Same("deviceCgroupRules")),
    ("device_read_bps", Shaped("deviceReadBps", shapes::devices)),
    (
        "device_read_iops",
        Shaped("deviceReadIops", shapes::devices),
    ),
    (
        "device_write_bps",
        Shaped("deviceWriteBps", shapes::devices),
    ),
    (
        "device_write_iops",
        Shaped("deviceWriteIops", shapes::devices),
    ),
    ("devices", Same("devices")),
    (
        "device_requests",
        Shaped("deviceRequests", shapes::spelled_items),
    ),
    ("dns", Same("dns")),
    ("dns_opt", Same("dnsOpt")),
    ("dns_search", Same("dnsSearch")),
    ("domainname", Shaped("domainname", shapes::one_name)),
    ("entrypoint", Own),
    ("environment", Own),
    ("extra_hosts", Shaped("extraHosts", shapes::hosts)),
    ("group_add", Same("groupAdd")),
    ("healthcheck", Shaped("healthcheck", shapes::healthcheck)),
    ("hostname", Same("hostname")),
    ("init", Same("init")),
    ("init_path", Same("initPath")),
    ("ipc_mode", Same("ipcMode")),
    ("isolation", Same("isolation")),
    ("kernel_memory", Memory("kernelMemory")),
    ("labels", Shaped("labels", shapes::labels)),
    ("links", Same("links")),
    ("log_config", Shaped("logConfig", shapes::log_config)),
    ("lxc_conf", Same("lxcConf")),
    ("mac_address", Same("macAddress")),
    ("mem_limit", Memory("memory")),
    ("mem_reservation", Memory("memoryReservation")),
    ("mem_swappiness", Memory("memorySwappiness")),
    ("memswap_limit", Memory("memorySwap")),
    ("mounts", Shaped("mounts", shapes::spelled_items)),
    ("name", Same("name")),
    ("nano_cpus", Own),
    ("network", Same("networkMode")),
    ("network_disabled", Same("networkDisabled")),
    ("network_mode", Same("networkMode")),
    ("oom_kill_disable", Memory("oomKillDisable")),
    ("oom_score_adj", Same("oomScoreAdj")),
    ("pid_mode", Same("pidMode")),
    ("pids_limit", Same("pidsLimit")),
    ("platform", Same("platform")),
    ("ports", Shaped("portBindings", shapes::ports)),
    ("privileged", Same("privileged")),
    ("publish_all_ports", Same("publishAllPorts")),
    ("read_only", Same("readOnly")),
    ("remove", Same("delete")),
    ("restart_policy", Same("restartPolicy")),
    ("runtime", Same("runtime")),
    ("security_opt", Same("securityOpt")),
    ("shm_size", Same("shmSize")),
    ("stdin_open", Same("stdinOpen")),
    // They say what the attribute `stdout` holds; both streams are always read.
    ("stdout", Moot),
    ("stderr", Moot),
    ("stop_signal", Same("stopSignal")),
    ("storage_opt", Same("storageOpt")),
    ("stream", Moot),
    ("sysctls", Same("sysctls")),
    ("tmpfs", Same("tmpfs")),
    ("tty", Same("tty")),
    ("ulimits", Shaped("ulimits", shapes::spelled_items)),
    ("use_config_proxy", Same("useConfigProxy")),
    ("user", Same("user")),
    ("userns_mode", Same("usernsMode")),
    ("uts_mode", Same("utsMode")),
    // The engine is asked which one it speaks.
    ("version", Moot),
    ("volume_driver", Same("volumeDriver")),
    ("volumes", Shaped("volumes", shapes::volumes)),
    ("volumes_from", Same("volumesFrom")),
    ("working_dir", Same("workingDir")),
];

pub(super) fn keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    let known = ARGUMENTS.each_ref().map(|(name, _)| *name);
    reader.check_arguments(unit, task, &known, &["image"], &[]);
    let span = reader.units[unit].tasks[task].name_span;
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let context = Context::of(unit);
    if let (Some(_), Some(mode)) = (
        argument(&block, "network"),
        argument(&block, "network_mode"),
    ) {
        reader.wrong(
            unit,
            DiagnosticCode::WrongValue,
            place(mode),
            "`network` and `network_mode` exclude each other",
        );
    }
    if argument(&block, "command").is_none() {
        reader.wrong(
            unit,
            DiagnosticCode::HclUnsupported,
            span,
            "`docker_run` without `command` would run what the image says, which does not run here; write the command",
        );
    }
    let mut made = Made::new(span);
    for given in arguments(&block) {
        let Some((_, what)) = ARGUMENTS.iter().find(|(name, _)| *name == given.name) else {
            continue;
        };
        made.add(reader, &given, what, &context);
    }
    made.finish()
}

/// The entries of the task, as they come together.
struct Made {
    span: Span,
    task: Vec<Entry>,
    runner: Vec<Entry>,
    memory: Vec<Entry>,
    entry_point: Option<Node>,
    commands: Option<Node>,
}

impl Made {
    fn new(span: Span) -> Self {
        Self {
            span,
            task: Vec::new(),
            runner: Vec::new(),
            memory: Vec::new(),
            entry_point: None,
            commands: None,
        }
    }

    fn add(&mut self, reader: &mut Reader<'_>, given: &Argument<'_>, what: &As, context: &Context) {
        let value = given.value;
        match what {
            Same(key) => {
                let value = reader.value(value, context);
                self.runner.push(node::entry(*key, given.span, value));
            }
            Memory(key) => {
                let value = reader.value(value, context);
                self.memory.push(node::entry(*key, given.span, value));
            }
            Shaped(key, shape) => {
                if let Some(value) = shape(reader, value, context) {
                    self.runner.push(node::entry(*key, given.span, value));
                }
            }
            Moot => {}
            Own => match given.name {
                "image" => {
                    let image = reader.text(value, context);
                    self.task
                        .push(node::entry("containerImage", given.span, image));
                }
                "command" => self.commands = Some(shapes::words(reader, value, context)),
                "entrypoint" => self.entry_point = Some(shapes::words(reader, value, context)),
                "environment" => {
                    if let Some(env) = shapes::environment(reader, value, context) {
                        self.task.push(node::entry("env", given.span, env));
                    }
                }
                _ => {
                    let cpus = cpus(reader, value, context);
                    let cpu = node::map(place(value), vec![node::entry("cpus", given.span, cpus)]);
                    self.runner.push(node::entry("cpu", given.span, cpu));
                }
            },
        }
    }

    fn finish(mut self) -> Vec<Entry> {
        let span = self.span;
        let empty = || node::list(span, Vec::new());
        let mut runner = vec![type_entry(span, DOCKER)];
        // What the image says stands where the flow says nothing.
        runner.push(node::entry(
            "entryPoint",
            span,
            self.entry_point.unwrap_or_else(empty),
        ));
        if !self.runner.iter().any(|entry| &*entry.key == "workingDir") {
            runner.push(node::entry("workingDir", span, node::text(span, "")));
        }
        runner.append(&mut self.runner);
        if !self.memory.is_empty() {
            runner.push(node::entry("memory", span, node::map(span, self.memory)));
        }
        let mut entries = vec![type_entry(span, TYPE)];
        entries.append(&mut self.task);
        stand_in(&mut entries, "containerImage", span, "-");
        entries.push(node::entry("taskRunner", span, node::map(span, runner)));
        // No shell: the words are the argument vector.
        entries.push(node::entry("interpreter", span, empty()));
        // Where there is none that has been told, and one that is empty would be told of again.
        let commands = self
            .commands
            .filter(|words| !matches!(&words.kind, NodeKind::List(words) if words.is_empty()))
            .unwrap_or_else(|| node::list(span, vec![node::text(span, "true")]));
        entries.push(node::entry("commands", span, commands));
        entries
    }
}

/// Billionths of a processor as processors.
fn cpus(reader: &mut Reader<'_>, value: &Expression, context: &Context) -> Node {
    let span = place(value);
    match constant::constant(value) {
        Some(Value::Number(number)) => node::float(span, number.as_f64().unwrap_or_default() / 1e9),
        _ => reader.made(span, |reader| {
            let code = reader.expression(value, context);
            Code::new(format!("({} / 1000000000.0)", code.text), Guess::Number)
        }),
    }
}

/// The attribute `stdout`: what the arguments `stdout` and `stderr` say that it holds.
pub(super) fn printed(reader: &mut Reader<'_>, unit: usize, task: usize) -> Code {
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let id = reader.units[unit].tasks[task].id.clone();
    let mut flag = |name: &str, otherwise: bool| {
        let Some(value) = argument(&block, name) else {
            return otherwise;
        };
        match constant::constant(value) {
            Some(Value::Bool(flag)) => flag,
            _ => {
                reader.wrong(
                    unit,
                    DiagnosticCode::WrongType,
                    place(value),
                    format!("`{name}` must be written out here, as true or false"),
                );
                otherwise
            }
        }
    };
    let (stdout, stderr) = (flag("stdout", true), flag("stderr", false));
    let of = |stream: &str| format!("outputs{}.{stream}", step(&id));
    let text = match (stdout, stderr) {
        (true, false) => of("stdout"),
        (false, true) => of("stderr"),
        (false, false) => "''".to_owned(),
        (true, true) => format!("(({} ~ '\\n' ~ {}) | trim)", of("stdout"), of("stderr")),
    };
    // A line break has no escape in the host's texts; it is written as it is.
    Code::new(text.replace("\\n", "\n"), Guess::Text)
}
