//! From settings to the request that makes a container: pure, so that `plan` shows what `run` sends.

mod facts;
mod host_config;

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, EndpointSettings, HealthConfig, NetworkingConfig};
use taffrail_core::launch::LaunchSpec;
use taffrail_engine::ports::SettingError;

pub(in crate::docker) use facts::limits_of;
pub use facts::{ApiVersion, EngineFacts};

use super::settings::{DockerSettings, FileHandlingStrategy, Healthcheck, Interval, WORK_DIR};

/// Where a volume is mounted that holds the working directory. It is the parent, so that the directory itself is an entry of the
/// uploaded archive and belongs to whom the archive says.
pub const VOLUME_DIR: &str = "/taffrail";

/// What a create request depends on beside the settings and the launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateContext {
    /// The image, with its tag or digest.
    pub image: String,
    /// Name of the container.
    pub name: String,
    /// Labels of the host. They stand above those of the flow.
    pub labels: BTreeMap<String, String>,
    /// Where the working directory comes from.
    pub work: WorkMount,
    /// What the engine can do.
    pub engine: EngineFacts,
    /// Variables of the client's proxies, for `useConfigProxy`.
    pub proxies: Vec<(String, String)>,
}

/// Where the working directory of the container comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkMount {
    /// A volume of the engine, mounted at [`VOLUME_DIR`].
    Volume {
        /// Its name.
        name: String,
    },
    /// A directory that the engine sees, mounted at [`WORK_DIR`].
    Bind {
        /// Its absolute path on the engine's machine.
        host_path: String,
    },
    /// The container itself, as nothing is in it before or wanted afterwards.
    Container,
}

impl WorkMount {
    /// What a launch needs. `name` is that of the container, and of its volume. It takes the engine as long to make and remove a volume
    /// as this host works on a small task, so there is none where nothing would go through it, unless the flow names the strategy or
    /// without it the working directory could not be written to.
    pub fn of(settings: &DockerSettings, spec: &LaunchSpec, name: &str) -> Self {
        let writable = !settings.read_only
            && settings.storage_opt.is_empty()
            && settings.working_dir.is_none();
        match settings.file_handling_strategy {
            Some(FileHandlingStrategy::Mount) => WorkMount::Bind {
                host_path: spec.working_dir.to_string_lossy().into_owned(),
            },
            None if writable && !spec.moves_files => WorkMount::Container,
            _ => WorkMount::Volume {
                name: name.to_owned(),
            },
        }
    }
}

/// What is sent to the engine to make a container.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRequest {
    /// Name of the container.
    pub name: String,
    /// Platform of the image.
    pub platform: Option<String>,
    /// The body.
    pub body: ContainerCreateBody,
    /// What the author should know, each naming its property: what this engine ignores.
    pub warnings: Vec<String>,
}

impl CreateRequest {
    /// The body as JSON, always in the same order: the client's maps have none.
    pub fn body_json(&self) -> serde_json::Value {
        let mut body = serde_json::to_value(&self.body).unwrap_or_default();
        body.sort_all_objects();
        body
    }
}

/// Makes the request.
///
/// # Errors
/// Every property that this engine does not have, so that it would be dropped in silence.
pub fn create_request(
    settings: &DockerSettings,
    spec: &LaunchSpec,
    context: &CreateContext,
) -> Result<CreateRequest, Vec<SettingError>> {
    let mut warnings = Vec::new();
    facts::check(settings, &context.engine)?;
    facts::warn(settings, &context.engine, &mut warnings);
    let entry_point: Vec<String> = match settings.entry_point.as_slice() {
        [only] if only.is_empty() => vec![String::new()],
        words => words
            .iter()
            .filter(|word| !word.is_empty())
            .cloned()
            .collect(),
    };
    let mut exposed: Vec<String> = Vec::new();
    for binding in settings
        .port_bindings
        .iter()
        .flat_map(|ports| &ports.bindings)
    {
        if !exposed.contains(&binding.key()) {
            exposed.push(binding.key());
        }
    }
    let unnamed_volumes: Vec<String> = settings
        .volumes
        .iter()
        .filter(|volume| volume.source.is_none())
        .map(|volume| volume.target.clone())
        .collect();
    let text = |text: Option<&str>| text.map(str::to_owned);
    let body = ContainerCreateBody {
        image: Some(context.image.clone()),
        cmd: Some(spec.argv.clone()),
        entrypoint: some(entry_point),
        env: some(environment(settings, spec, context)),
        working_dir: match settings.working_dir.as_deref() {
            None => Some(WORK_DIR.to_owned()),
            Some("") => None,
            Some(folder) => Some(folder.to_owned()),
        },
        user: text(settings.user.as_ref().map(|user| user.as_str())),
        hostname: text(settings.hostname.as_ref().map(|name| name.as_str())),
        domainname: text(settings.domainname.as_ref().map(|name| name.as_str())),
        attach_stdin: Some(false),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        open_stdin: Some(false),
        labels: Some(labels(settings, context, &mut warnings)),
        exposed_ports: some(exposed),
        volumes: some(unnamed_volumes),
        healthcheck: settings.healthcheck.as_ref().map(health),
        network_disabled: settings.network_disabled.then_some(true),
        stop_signal: text(settings.stop_signal.as_ref().map(|signal| signal.as_str())),
        networking_config: networking(settings),
        host_config: Some(host_config::host_config(settings, context)),
        ..ContainerCreateBody::default()
    };
    Ok(CreateRequest {
        name: context.name.clone(),
        platform: text(settings.platform.as_ref().map(|platform| platform.as_str())),
        body,
        warnings,
    })
}

/// Nothing where there is nothing to send.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// Makes the engine's init hand signals to all of the program's processes, and not to the shell alone, which keeps them to itself.
const SIGNAL_ALL: &str = "TINI_KILL_PROCESS_GROUP";

fn environment(
    settings: &DockerSettings,
    spec: &LaunchSpec,
    context: &CreateContext,
) -> Vec<String> {
    let proxies = context.proxies.iter().filter(|(name, _)| {
        settings.use_config_proxy && !spec.env.iter().any(|variable| variable.name == *name)
    });
    let own = spec
        .env
        .iter()
        .map(|variable| (&variable.name, &variable.value));
    let mut variables: Vec<String> = proxies
        .map(|(name, value)| (name, value))
        .chain(own)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let has_own = spec.env.iter().any(|variable| variable.name == SIGNAL_ALL);
    if settings.init && !context.engine.podman && !has_own {
        variables.push(format!("{SIGNAL_ALL}=1"));
    }
    variables
}

fn labels(
    settings: &DockerSettings,
    context: &CreateContext,
    warnings: &mut Vec<String>,
) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = settings
        .labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (name, value) in &context.labels {
        if labels.insert(name.clone(), value.clone()).is_some() {
            warnings.push(format!(
                "`labels`: `{name}` is set by the host, not by the flow"
            ));
        }
    }
    labels
}

fn health(check: &Healthcheck) -> HealthConfig {
    HealthConfig {
        test: check.test.as_ref().map(|test| test.words().to_vec()),
        interval: check.interval.map(Interval::nanoseconds),
        timeout: check.timeout.map(Interval::nanoseconds),
        retries: check.retries,
        start_period: check.start_period.map(Interval::nanoseconds),
        start_interval: check.start_interval.map(Interval::nanoseconds),
    }
}

/// Only the address of the network card needs more than the network's name.
fn networking(settings: &DockerSettings) -> Option<NetworkingConfig> {
    let address = settings.mac_address.as_ref()?;
    let endpoint = EndpointSettings {
        mac_address: Some(address.as_str().to_owned()),
        ..EndpointSettings::default()
    };
    Some(NetworkingConfig {
        endpoints_config: Some(HashMap::from([(network(settings).to_owned(), endpoint)])),
    })
}

/// The network of a container that has a network card of its own.
fn network(settings: &DockerSettings) -> &str {
    settings
        .network_mode
        .as_ref()
        .map_or("bridge", |mode| mode.as_str())
}

#[cfg(test)]
mod tests;
