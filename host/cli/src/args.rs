//! The command line as types: names, options and help texts. Names are a promise.

mod execution;
mod plugin;
mod runflow;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use taffrail_core::policy::Permission;

use crate::exit::Exit;
use crate::secrets::Encoding;
pub use execution::{
    DoctorArgs, KillArgs, LogsArgs, OutputsArgs, PsArgs, ResumeArgs, RetryArgs, RmArgs, ShowArgs,
};
pub use plugin::{
    PluginAddArgs, PluginBuildArgs, PluginCommand, PluginDevArgs, PluginNewArgs, PluginPublishArgs,
    PluginRemoveArgs, PluginTestArgs, PluginUpdateArgs, PluginVendorArgs, PluginVerifyArgs,
    TrustArgs,
};
pub use runflow::{ConvertArgs, VariableArgs};

const EXAMPLES: &str = "\
Examples:
  taffrail run flow.yaml                       run a flow
  taffrail run flow.yaml -i name=Ada -o json   with an input, the record as JSON on stdout
  taffrail validate flows/                     check every flow below a folder
  taffrail plan flow.yaml                      what would run: argv, environment, files; touches nothing";

/// Run and validate script flows from the command line.
#[derive(Debug, Parser)]
#[command(name = "taffrail", version, about, before_help = EXAMPLES, after_help = exit_codes(), max_term_width = 100)]
#[command(
    arg_required_else_help = true,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Say more of what the host itself does; repeat for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Where executions, logs and stored files are kept [default: the XDG state folder]
    #[arg(
        long,
        global = true,
        env = "TAFFRAIL_STATE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub state_dir: Option<PathBuf>,
    /// Where compiled plugins are kept [default: the XDG cache folder, or `cache` in `--state-dir`]
    #[arg(
        long,
        global = true,
        env = "TAFFRAIL_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub cache_dir: Option<PathBuf>,
    /// A folder of plugins, `<id>/<version>/plugin.wasm` [default: the XDG data folder]
    #[arg(
        long,
        global = true,
        env = "TAFFRAIL_PLUGIN_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub plugin_dir: Option<PathBuf>,
    /// The host's configuration [default: `taffrail/config.yaml` in the XDG configuration folder, if it is there]
    #[arg(
        long,
        global = true,
        env = "TAFFRAIL_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub config: Option<PathBuf>,
}

/// What flows may ask of the machine.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// Let the flow ask for this power over the machine; repeat for more
    #[arg(long = "allow", value_name = "WHAT", value_parser = permissions(), hide_possible_values = true, long_help = permissions_help())]
    pub allowed: Vec<Permission>,
}

/// Whose files of the machine flows may read.
#[derive(Debug, Clone, Default, Args)]
pub struct LocalFilesArgs {
    /// Let the flow read the files below this folder by `file:///` addresses; repeat for more
    #[arg(long = "allow-files", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
}

fn permissions() -> impl TypedValueParser<Value = Permission> {
    PossibleValuesParser::new(Permission::ALL.map(Permission::name))
        .try_map(|name| Permission::named(&name).ok_or("no such power"))
}

fn permissions_help() -> String {
    let mut text =
        String::from("Let the flow ask for this power over the machine; repeat for more:");
    for permission in Permission::ALL {
        text.push_str(&format!(
            "\n  {:<21} {}",
            permission.name(),
            permission.description()
        ));
    }
    text
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, as NO_COLOR and CLICOLOR_FORCE say
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a flow
    #[command(before_help = "\
Examples:
  taffrail run hello.yaml
  taffrail run report.yaml -i day=2026-01-31 -i data=@sales.csv --secrets-file .secrets
  taffrail run hello.yaml --runner process -o ndjson")]
    Run(RunArgs),
    /// Check flows without running anything
    #[command(before_help = "\
Examples:
  taffrail validate flow.yaml
  taffrail validate flows/ --format json
  taffrail validate flows/ --fix                correct what is certain; --diff only shows it")]
    Validate(ValidateArgs),
    /// Show what would run: argument vectors, files, environment; touches nothing
    #[command(before_help = "\
Examples:
  taffrail plan flow.yaml
  taffrail plan flow.yaml --task load -i day=2026-01-31 -o json")]
    Plan(PlanArgs),
    /// Print the JSON Schema of flows for the installed plugins
    #[command(before_help = "\
Examples:
  taffrail schema > flow.schema.json
  taffrail schema io.kestra.plugin.scripts.shell.Commands
  taffrail schema --write schemas/
  taffrail schema --vscode >> .vscode/settings.json")]
    Schema(SchemaArgs),
    /// Say what of a flow differs from Kestra and how, and what is not run here
    #[command(before_help = "\
Examples:
  taffrail compat flow.yaml
  taffrail compat flow.yaml --format json")]
    Compat(CompatArgs),
    /// Print a flow of runflow, written in HCL, as YAML
    #[command(before_help = "\
Examples:
  taffrail convert flow.hcl > flow.yaml")]
    Convert(ConvertArgs),
    /// Explain a diagnostic code, or list them all
    #[command(before_help = "\
Examples:
  taffrail explain
  taffrail explain TF0801")]
    Explain(ExplainArgs),
    /// Write a first flow, with completion and checks for editors
    #[command(before_help = "\
Examples:
  taffrail init
  taffrail init flows/report.yaml")]
    Init(InitArgs),
    /// Write down which plugins flows run with, in `taffrail.lock` beside them
    #[command(before_help = "\
Examples:
  taffrail lock flows/                  lock what the flows below a folder use
  taffrail lock flows/ --update         choose anew among the installed versions
  taffrail lock flows/ --check          say whether the lock is up to date (exit code 6 if not)
  taffrail run flows/daily.yaml --locked")]
    Lock(LockArgs),
    /// Look at plugins, install, publish and check them
    #[command(
        subcommand,
        before_help = "\
Examples:
  taffrail plugin list
  taffrail plugin info python
  taffrail plugin add oci://registry.example.org/plugins/cobol:1.2.0"
    )]
    Plugin(PluginCommand),
    /// Print the rendered text of an expression
    #[command(before_help = "\
Examples:
  taffrail eval '{{ 1 + 2 }}'
  taffrail eval \"{{ inputs.name ?? 'nobody' }}\" --flow hello.yaml -i name=Ada
  taffrail eval '{{ outputs.load.vars.rows | length }}' --context vars.json")]
    Eval(EvalArgs),
    /// List executions: what runs, what ended how, what was interrupted
    #[command(before_help = "\
Examples:
  taffrail ps
  taffrail ps --all --format json")]
    Ps(PsArgs),
    /// Show an execution and its task runs
    #[command(before_help = "\
Examples:
  taffrail show @last
  taffrail show 01kb --format json")]
    Show(ShowArgs),
    /// Print what the tasks of an execution said
    #[command(before_help = "\
Examples:
  taffrail logs @last
  taffrail logs 01kb -f --task load -t
  taffrail logs @last-failed --stderr --grep 'warn|error'")]
    Logs(LogsArgs),
    /// Print the outputs of an execution and of its tasks
    #[command(before_help = "\
Examples:
  taffrail outputs @last
  taffrail outputs @last --task load --format json")]
    Outputs(OutputsArgs),
    /// Go on with an execution whose taffrail ended before it did
    #[command(before_help = "\
Examples:
  taffrail resume @last
  taffrail resume 01kb --secrets-file .secrets")]
    Resume(ResumeArgs),
    /// Make a new execution of one that has ended: what went well is taken over, the rest runs again
    #[command(before_help = "\
Examples:
  taffrail retry @last-failed
  taffrail retry 01kb --from load              and all tasks after it, whatever became of them")]
    Retry(RetryArgs),
    /// End an execution that runs
    #[command(before_help = "\
Examples:
  taffrail kill @last
  taffrail kill 01kb --grace PT10S")]
    Kill(KillArgs),
    /// Look at the machine: store, disk, engine, control groups, plugins, credentials
    #[command(before_help = "\
Examples:
  taffrail doctor
  taffrail doctor --format json")]
    Doctor(DoctorArgs),
    /// Remove executions with their logs and stored files
    #[command(before_help = "\
Examples:
  taffrail rm @last
  taffrail rm 01kb 01kc")]
    Rm(RmArgs),
    /// Remove what runs left on a container engine, and old executions
    #[command(before_help = "\
Examples:
  taffrail prune --dry-run
  taffrail prune --older-than PT24H
  taffrail prune --executions --older-than P30D
  taffrail prune --running                     also what still runs, such as tasks with `wait: false`")]
    Prune(PruneArgs),
}

/// Options of `prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Only what is older, for example `PT24H` or `P7D`
    #[arg(long, value_name = "DURATION")]
    pub older_than: Option<String>,
    /// Also containers that still run, and whose flow does not run any more
    #[arg(long)]
    pub running: bool,
    /// Executions that have ended, with their logs and stored files, and nothing else; see `--older-than`
    #[arg(long, requires = "older_than", conflicts_with_all = ["running", "host"])]
    pub executions: bool,
    /// The engine's address [default: as for runs]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// A flow and what it is given.
#[derive(Debug, Args)]
pub struct FlowArgs {
    /// The flow's YAML or HCL file; `-` reads YAML from standard input
    #[arg(value_name = "FLOW|-")]
    pub flow: String,
    #[command(flatten)]
    pub given: GivenArgs,
}

/// What a flow is given.
#[derive(Debug, Clone, Default, Args)]
pub struct GivenArgs {
    /// An input; `-i name=@path` gives a file
    #[arg(short, long = "input", value_name = "KEY=VALUE")]
    pub inputs: Vec<String>,
    /// Secrets for `secret('NAME')`: a dotenv or YAML file of names and values, or a folder of one file each
    #[arg(long, value_name = "PATH")]
    pub secrets_file: Option<PathBuf>,
    /// Also take secrets from the variables `SECRET_NAME` of the environment
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secrets_env: Option<Encoding>,
    /// The folder of the namespace's files, for `namespaceFiles` and `read()` [default: `_files` beside the flow]
    #[arg(long, value_name = "DIR")]
    pub namespace_files: Option<PathBuf>,
    #[command(flatten)]
    pub local_files: LocalFilesArgs,
    #[command(flatten)]
    pub variables: VariableArgs,
}

/// Which runner runs all tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunnerChoice {
    /// Child processes of this host
    Process,
    /// Containers
    Docker,
}

/// Whether only what was locked may run.
#[derive(Debug, Args)]
pub struct LockedArgs {
    /// Refuse what is not in `taffrail.lock`, or not as it was locked
    #[arg(long)]
    pub locked: bool,
}

/// Options of `lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Flows, or folders of flows
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Choose anew instead of keeping what was locked
    #[arg(long, conflicts_with = "check")]
    pub update: bool,
    /// Write nothing; exit code 6 says that the lock is out of date
    #[arg(long)]
    pub check: bool,
    /// How to print what is locked
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What `run` prints on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunOutput {
    /// What the tasks print, a line each after its task's id
    Text,
    /// One JSON document at the end: the execution's record
    Json,
    /// One JSON document a line for each event
    Ndjson,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub flow: FlowArgs,
    /// Run every task so, whatever the flow says
    #[arg(long, value_enum)]
    pub runner: Option<RunnerChoice>,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = RunOutput::Text)]
    pub output: RunOutput,
    #[command(flatten)]
    pub locking: LockedArgs,
    /// The folder of the flows that Subflow and ForEachItem call for [default: that of the flow]
    #[arg(long, value_name = "DIR")]
    pub flows: Option<PathBuf>,
    /// Keep the working directories of the tasks
    #[arg(long)]
    pub keep: bool,
    /// How many tasks may work at once [default: eight times the number of processors]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Let it run in a process of its own, and print its id
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// What to print diagnostics as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What to print the findings of `validate` as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For code scanning services: SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// What counts as an error as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Warnings
    Warnings,
}

/// Options of `compat`.
#[derive(Debug, Args)]
pub struct CompatArgs {
    /// The flow's YAML file; `-` reads standard input
    #[arg(value_name = "FLOW|-")]
    pub flow: String,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code, as in `TF0801`; all are listed without one
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The flow's file, which must not be there yet [default: hello.yaml]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Options of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Files, folders (every `.yaml` and `.yml` below them), or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub locking: LockedArgs,
    /// How to print what was found; all but text goes to standard output
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Correct in the files what is certain: old spellings, obvious slips, inputs in shell text
    #[arg(long)]
    pub fix: bool,
    /// Print what `--fix` would change, and change nothing
    #[arg(long, conflicts_with = "fix")]
    pub diff: bool,
    /// Also ask for good style: a version for every plugin, no input inside quoted shell text
    #[arg(long)]
    pub strict: bool,
    /// End with exit code 3 where there are such findings, too
    #[arg(long, value_enum, value_name = "WHAT")]
    pub deny: Option<Deny>,
    /// Hold the secrets that flows name against this dotenv or YAML file; their values are not looked at
    #[arg(long, value_name = "FILE")]
    pub secrets_file: Option<PathBuf>,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub flow: FlowArgs,
    /// Only this task
    #[arg(long, value_name = "ID")]
    pub task: Option<String>,
    /// Plan every task for this runner, whatever the flow says
    #[arg(long, value_enum)]
    pub runner: Option<RunnerChoice>,
    #[command(flatten)]
    pub locking: LockedArgs,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Only the schema of this task type or task runner
    #[arg(value_name = "TYPE", conflicts_with = "write")]
    pub type_name: Option<String>,
    /// Write the flow's schema and one file for each type into a folder
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// Print the settings by which VS Code finds the schema
    #[arg(long, conflicts_with = "type_name")]
    pub vscode: bool,
}

/// Options of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The text to render; without `{{` it is taken as one expression
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub expression: String,
    /// A flow whose variables, inputs and labels are in scope
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// A JSON or YAML file with a map of variables in scope
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    #[command(flatten)]
    pub given: GivenArgs,
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:");
    for (exit, meaning) in Exit::TABLE {
        text.push_str(&format!("\n  {:>3}  {meaning}", exit.code()));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
