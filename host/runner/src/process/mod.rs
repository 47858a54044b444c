//! Runs a task as a child process, in a process group of its own, and ends all that descends from it. The child is this host's own, or that
//! of a supervisor which outlives the host.

mod cgroup;
mod descendants;
mod enclosure;
mod launched;
mod left;
mod mark;
mod program;
mod refused;
mod settings;
mod start;
mod supervisor;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use taffrail_core::launch::{LaunchSpec, TaskIdentity};
use taffrail_engine::ports::{
    BoxFuture, Capabilities, LaunchContext, Launched, Locations, Resumes, Runner, RunnerError,
};

use crate::host::HostProfile;
pub use cgroup::place_of_groups;
pub use launched::DRAIN;
pub use left::end_processes_of;
pub use settings::ProcessSettings;
pub use supervisor::{ARGUMENT, Supervisors, has_left, serve};
pub use table::TASK_RUN_VARIABLE;

/// How long a process that was asked to end may take before it is killed. Kestra's runner never kills and has no setting for it.
pub const GRACE: Duration = Duration::from_secs(5);

/// The backend that starts child processes.
///
/// Where the host has [`Supervisors`], those start them; else the first backend makes this host a subreaper: processes that leave their
/// group and their parent become the host's children instead of those of the system's first process, so that they can be found, ended
/// and reaped at the end of their task.
#[derive(Debug, Clone)]
pub struct ProcessRunner {
    host: HostProfile,
    directory: Option<PathBuf>,
}

impl ProcessRunner {
    /// A backend for the host that it is told of.
    pub fn new(settings: ProcessSettings, host: HostProfile) -> Self {
        match host.supervisors() {
            Some(supervisors) => supervisors.make_ready(),
            None => table::become_subreaper(),
        }
        ProcessRunner {
            host,
            directory: settings.directory.map(PathBuf::from),
        }
    }
}

impl Runner for ProcessRunner {
    fn name(&self) -> &'static str {
        "process"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            shares_files: true,
            reads_host_files: true,
            needs_image: false,
            resumes: match self.host.supervisors() {
                Some(_) => Resumes::ByDirectories,
                None => Resumes::Not,
            },
        }
    }

    fn locations(&self, working_dir: &Path, output_dir: &Path) -> Locations {
        Locations {
            working_dir: working_dir.display().to_string(),
            output_dir: output_dir.display().to_string(),
        }
    }

    fn kill_grace_period(&self) -> Duration {
        GRACE
    }

    fn launch<'a>(
        &'a self,
        spec: &'a LaunchSpec,
        context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Launched>, RunnerError>> {
        Box::pin(async move {
            context.may_begin.await?;
            let directory = self.directory.as_deref().unwrap_or(&spec.working_dir);
            let wanted = start::Wanted::new(spec, directory, &self.host);
            if let Some(supervisors) = self.host.supervisors() {
                let mut wanted = wanted;
                // A supervisor is somewhere else.
                if let Ok(absolute) = std::path::absolute(&wanted.directory) {
                    wanted.directory = absolute;
                }
                let (private_dir, time_left) = (&spec.private_dir, context.time_left);
                return supervisor::launch(supervisors, wanted, private_dir, time_left).await;
            }
            let started = start::start(wanted).await?;
            Ok(Box::new(launched::LaunchedProcess::new(started)?) as Box<dyn Launched>)
        })
    }

    fn take_up<'a>(
        &'a self,
        spec: &'a LaunchSpec,
        context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Launched>>, RunnerError>> {
        Box::pin(async move {
            let Some(supervisors) = self.host.supervisors() else {
                return Ok(None);
            };
            let task_run = start::task_run(&spec.identity);
            let launched = context.launched;
            supervisor::take_up(supervisors, task_run, &spec.private_dir, launched).await
        })
    }

    fn end_left<'a>(
        &'a self,
        identity: &'a TaskIdentity,
    ) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(async move { left::end(&start::task_run(identity)).await })
    }
}

#[cfg(test)]
mod tests;
