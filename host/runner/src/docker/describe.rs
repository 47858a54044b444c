//! What `plan` shows of a container: the request that `run` would send, and the command line that would start the same. Asks no engine.

use std::collections::BTreeMap;

use taffrail_core::image_name::ImageName;
use taffrail_core::launch::LaunchSpec;
use taffrail_engine::ports::{LaunchDescription, SettingError};

use super::command_line::command_line;
use super::create::{CreateContext, EngineFacts, WorkMount, create_request};
use super::settings::DockerSettings;

/// Describes a launch on an engine that has everything; what the engine of the run lacks, the run says. `name` is that of the container
/// and of its volume, `labels` are the host's.
///
/// # Errors
/// What no engine takes.
pub fn describe(
    settings: &DockerSettings,
    spec: &LaunchSpec,
    name: &str,
    labels: BTreeMap<String, String>,
) -> Result<LaunchDescription, Vec<SettingError>> {
    let image = spec.image.as_deref().unwrap_or_default();
    let image = match ImageName::parse(image) {
        Ok(image) => image.to_string(),
        // An expression that only a run knows.
        Err(_) => image.to_owned(),
    };
    let work = WorkMount::of(settings, spec, name);
    let context = CreateContext {
        image,
        name: name.to_owned(),
        labels,
        work,
        engine: EngineFacts::unknown(),
        proxies: settings
            .config
            .as_ref()
            .map(|config| {
                let engine = settings.host.as_ref().map(|host| host.as_str());
                config.proxy_variables(engine)
            })
            .unwrap_or_default(),
    };
    let request = create_request(settings, spec, &context)?;
    // By the host's labels it finds its things again; in a line for people they would hide everything else.
    let bare = CreateContext {
        labels: BTreeMap::new(),
        ..context
    };
    let command_line = command_line(&create_request(settings, spec, &bare)?);
    Ok(LaunchDescription {
        request: request.body_json(),
        command_line,
        warnings: request.warnings,
    })
}
