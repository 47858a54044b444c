//! Options of the commands that look at executions, and act on them.

use clap::Args;

use super::{Format, GivenArgs, RunOutput};

/// Options of `ps`.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// All executions, not only the newest 20
    #[arg(short, long)]
    pub all: bool,
    /// Only those that run or were interrupted
    #[arg(long)]
    pub open: bool,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// An id, the beginning of one, `@last` or `@last-failed`
    #[arg(value_name = "EXECUTION")]
    pub execution: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// An id, the beginning of one, `@last` or `@last-failed`
    #[arg(value_name = "EXECUTION")]
    pub execution: String,
    /// Go on as long as the execution does
    #[arg(short, long)]
    pub follow: bool,
    /// Only what is newer: a duration such as `PT10M`, or a time such as `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only this task; repeat for more
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Only standard error
    #[arg(long)]
    pub stderr: bool,
    /// Only lines that this regular expression finds something in
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,
    /// The time before each line
    #[arg(short, long)]
    pub timestamps: bool,
    /// How to print them; a JSON document a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `outputs`.
#[derive(Debug, Args)]
pub struct OutputsArgs {
    /// An id, the beginning of one, `@last` or `@last-failed`
    #[arg(value_name = "EXECUTION")]
    pub execution: String,
    /// Only those of this task
    #[arg(long, value_name = "ID")]
    pub task: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// An id, the beginning of one, or `@last`
    #[arg(value_name = "EXECUTION")]
    pub execution: String,
    #[command(flatten)]
    pub given: GivenArgs,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = RunOutput::Text)]
    pub output: RunOutput,
}

/// Options of `retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// An id, the beginning of one, `@last` or `@last-failed`
    #[arg(value_name = "EXECUTION")]
    pub execution: String,
    /// Run this task again, and all after it
    #[arg(long, value_name = "TASK")]
    pub from: Option<String>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = RunOutput::Text)]
    pub output: RunOutput,
}

/// Options of `kill`.
#[derive(Debug, Args)]
pub struct KillArgs {
    /// An id, the beginning of one, or `@last`
    #[arg(value_name = "EXECUTION")]
    pub execution: String,
    /// How long its tasks may take to end before they are killed [default: as their runner says]
    #[arg(long, value_name = "DURATION")]
    pub grace: Option<String>,
}

/// Options of `rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Ids, beginnings of ids, `@last` or `@last-failed`
    #[arg(required = true, value_name = "EXECUTION")]
    pub executions: Vec<String>,
    /// Also what was interrupted and could be gone on with
    #[arg(long)]
    pub force: bool,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
