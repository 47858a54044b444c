//! Options for flows of runflow.

use std::path::PathBuf;

use clap::Args;

/// What a flow of runflow is given.
#[derive(Debug, Clone, Default, Args)]
pub struct VariableArgs {
    /// A variable of a flow in HCL, or an input; `@` means nothing in the value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// A file of variables, `name = value` in HCL; `--var` stands over it
    #[arg(long = "var-file", value_name = "FILE")]
    pub var_files: Vec<PathBuf>,
}

/// Options of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The flow's HCL file
    #[arg(value_name = "FLOW")]
    pub flow: PathBuf,
}
