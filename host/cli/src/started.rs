//! How an execution was started, as it is kept: all but inputs and secrets, so that another taffrail can go on with it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use taffrail_core::policy::Permission;

use crate::args::{
    FlowArgs, GivenArgs, LocalFilesArgs, LockedArgs, PolicyArgs, RunArgs, RunOutput, RunnerChoice,
};
use crate::secrets::Encoding;

/// What the command line said. Paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Started {
    flow: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_files: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow_files: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<std::num::NonZeroUsize>,
    locked: bool,
    keep: bool,
    allow: Vec<String>,
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn name(choice: impl ValueEnum) -> Option<String> {
    Some(choice.to_possible_value()?.get_name().to_owned())
}

fn named<T: ValueEnum>(name: &Option<String>) -> Option<T> {
    name.as_deref()
        .and_then(|name| T::from_str(name, false).ok())
}

impl Started {
    /// What a run was told.
    pub fn of(args: &RunArgs) -> Self {
        let given = &args.flow.given;
        let path = |path: &Option<PathBuf>| path.as_deref().map(absolute);
        Self {
            flow: absolute(Path::new(&args.flow.flow)),
            secrets_file: path(&given.secrets_file),
            secrets_env: given.secrets_env.and_then(name),
            namespace_files: path(&given.namespace_files),
            allow_files: given
                .local_files
                .folders
                .iter()
                .map(|folder| absolute(folder))
                .collect(),
            flows: path(&args.flows),
            runner: args.runner.and_then(name),
            jobs: args.jobs,
            locked: args.locking.locked,
            keep: args.keep,
            allow: args
                .policy
                .allowed
                .iter()
                .map(|permission| permission.name().to_owned())
                .collect(),
        }
    }

    /// What was kept. What a later taffrail kept more is not looked at.
    pub fn read(kept: &Value) -> Self {
        serde_json::from_value(kept.clone()).unwrap_or_default()
    }

    /// The form that is kept.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The command line that runs it again, with what is given anew.
    pub fn into_run(self, given: GivenArgs, output: RunOutput) -> RunArgs {
        RunArgs {
            flow: FlowArgs {
                flow: self.flow.to_string_lossy().into_owned(),
                given: GivenArgs {
                    inputs: given.inputs,
                    variables: given.variables,
                    secrets_file: given.secrets_file.or(self.secrets_file),
                    secrets_env: given.secrets_env.or(named::<Encoding>(&self.secrets_env)),
                    namespace_files: given.namespace_files.or(self.namespace_files),
                    local_files: LocalFilesArgs {
                        folders: [self.allow_files, given.local_files.folders].concat(),
                    },
                },
            },
            runner: named::<RunnerChoice>(&self.runner),
            output,
            locking: LockedArgs {
                locked: self.locked,
            },
            flows: self.flows,
            keep: self.keep,
            jobs: self.jobs,
            detach: false,
            policy: PolicyArgs {
                allowed: self
                    .allow
                    .iter()
                    .filter_map(|name| Permission::named(name))
                    .collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn run(arguments: &[&str]) -> RunArgs {
        let arguments = ["taffrail", "run"].iter().chain(arguments);
        match Cli::try_parse_from(arguments).unwrap().command {
            Command::Run(args) => args,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn what_was_said_comes_back_without_inputs_and_secrets() {
        let args = run(&[
            "a.yaml",
            "-i",
            "token=hunter2hunter2",
            "--secrets-file",
            "s.env",
            "--secrets-env",
            "base64",
            "--runner",
            "docker",
            "--flows",
            "all",
            "--namespace-files",
            "files",
            "--allow-files",
            "data",
            "--keep",
            "-j",
            "3",
            "--allow",
            "volumes",
        ]);
        let started = Started::of(&args);
        let text = started.to_json().to_string();
        assert!(!text.contains("hunter2"), "{text}");
        let again =
            Started::read(&started.to_json()).into_run(GivenArgs::default(), RunOutput::Json);
        assert_eq!(Started::of(&again), started);
        assert_eq!(again.policy.allowed, args.policy.allowed);
        assert_eq!(again.runner, Some(RunnerChoice::Docker));
        assert!(again.flow.given.secrets_file.unwrap().is_absolute());
        assert!(again.flow.given.inputs.is_empty());
    }
}
