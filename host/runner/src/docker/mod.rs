//! Runs a task in a container of a Docker-compatible engine.
//!
//! `settings` says what a flow may write, `create` makes the engine's request of it, and the other files are the verbs: finding an
//! engine, bringing an image, files in and out, and the life of a container.

mod address;
mod archive;
pub mod asks;
mod command_line;
pub mod create;
mod credentials;
mod describe;
mod download;
mod engine;
mod engines;
mod follow;
mod hello;
mod launch;
mod launched;
mod mounted;
pub mod names;
mod prune;
mod pull;
#[cfg(test)]
mod random;
mod reclaim;
mod refusals;
mod registry;
pub mod settings;
mod ssh;
mod start;
mod take_up;
mod unseen;
mod upload;
mod user;
mod verdict;
mod wrong;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use taffrail_core::launch::LaunchSpec;
use taffrail_engine::ports::{
    BoxFuture, Capabilities, LaunchContext, LaunchDescription, Launched, Locations, Resumes,
    Runner, RunnerError, SettingError,
};

pub use address::ClientEnvironment;
pub use archive::read_archive_of;
use engine::Engine;
pub use engines::{Engines, StoreId};
pub use prune::{Leftover, LeftoverKind};
use settings::{ClientConfig, DockerSettings, WORK_DIR};

/// The working directory's name in the volume.
pub(crate) const WORK_NAME: &str = "work";

/// The backend that starts containers.
#[derive(Debug, Clone)]
pub struct DockerRunner {
    settings: DockerSettings,
    /// The same as the flow has them, for the places of what an engine refuses.
    written: Map<String, Value>,
    engines: Arc<Engines>,
}

impl DockerRunner {
    /// A backend with these settings, as they were read from `written`, on the engines of this process.
    pub fn new(
        settings: DockerSettings,
        written: Map<String, Value>,
        engines: Arc<Engines>,
    ) -> Self {
        DockerRunner {
            settings,
            written,
            engines,
        }
    }

    /// The variables of the client's proxies, where the flow asks for them.
    fn proxies(&self, engine: &Engine) -> Vec<(String, String)> {
        if !self.settings.use_config_proxy {
            return Vec::new();
        }
        let users;
        let config = match &self.settings.config {
            Some(config) => config,
            None => {
                users = self.engines.environment.config_dir().and_then(|folder| {
                    let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
                    ClientConfig::from_json(&text).ok()
                });
                match &users {
                    Some(config) => config,
                    None => return Vec::new(),
                }
            }
        };
        config.proxy_variables(Some(&engine.at.address))
    }
}

impl Runner for DockerRunner {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            shares_files: self.settings.mounts_files(),
            reads_host_files: false,
            needs_image: true,
            resumes: Resumes::ByBackend,
        }
    }

    fn locations(&self, working_dir: &Path, output_dir: &Path) -> Locations {
        let below = output_dir.strip_prefix(working_dir).ok();
        let output_dir = match below {
            Some(below) => Path::new(WORK_DIR).join(below).display().to_string(),
            None => output_dir.display().to_string(),
        };
        Locations {
            working_dir: WORK_DIR.to_owned(),
            output_dir,
        }
    }

    fn kill_grace_period(&self) -> Duration {
        self.settings.kill_grace_period.duration()
    }

    fn describe(&self, spec: &LaunchSpec) -> Result<Option<LaunchDescription>, Vec<SettingError>> {
        // A look makes no store.
        let store = "STORE";
        let name = names::container_name(store, &spec.identity);
        let labels = names::labels(store, &spec.identity);
        describe::describe(&self.settings, spec, &name, labels).map(Some)
    }

    fn launch<'a>(
        &'a self,
        spec: &'a LaunchSpec,
        context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Launched>, RunnerError>> {
        Box::pin(launch::launch(self, spec, context))
    }

    fn take_up<'a>(
        &'a self,
        spec: &'a LaunchSpec,
        context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Launched>>, RunnerError>> {
        Box::pin(take_up::take_up(self, spec, context))
    }
}
