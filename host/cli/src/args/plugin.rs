//! The command line of `taffrail plugin`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use taffrail_plugin_build::author::Lang;

use super::{Format, RunnerChoice};

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List plugins and their versions
    List {
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show all there is to know of a plugin
    Info {
        /// The plugin: `python`, `python@1.2`, or a `.wasm` file
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Install plugins, once it is certain that this host can run them
    #[command(before_help = "\
Examples:
  taffrail plugin add cobol.wasm
  taffrail plugin add oci://registry.example.org/plugins/cobol:1.2.0
  taffrail plugin add https://example.org/cobol.wasm --digest sha256:0123...")]
    Add(PluginAddArgs),
    /// Remove installed plugins
    #[command(before_help = "\
Examples:
  taffrail plugin remove cobol
  taffrail plugin remove cobol@1.2.0 cobol@1.1")]
    Remove(PluginRemoveArgs),
    /// Install newer versions of plugins that came from a registry
    #[command(before_help = "\
Examples:
  taffrail plugin update
  taffrail plugin update cobol --dry-run
  taffrail plugin update --preview flows/               what newer versions would change
  taffrail plugin update cobol-2.wasm --preview flows/  what this one would")]
    Update(PluginUpdateArgs),
    /// Compare installed plugins with what was installed, and with their signatures
    #[command(before_help = "\
Examples:
  taffrail plugin verify
  taffrail plugin verify cobol@1.2 --trusted-key RWQ...")]
    Verify(PluginVerifyArgs),
    /// Copy the plugins that flows use into a folder, for places without a network
    #[command(before_help = "\
Examples:
  taffrail plugin vendor flows/
  taffrail plugin vendor flows/ --to vendor/plugins
  taffrail run flows/daily.yaml --plugin-dir vendor/plugins --locked")]
    Vendor(PluginVendorArgs),
    /// Put a plugin into an OCI registry
    #[command(before_help = "\
Examples:
  taffrail plugin publish cobol.wasm oci://registry.example.org/plugins/cobol
  taffrail plugin publish cobol.wasm oci://localhost:5000/cobol --signature cobol.wasm.minisig")]
    Publish(PluginPublishArgs),
    /// Make the project of a new plugin
    #[command(before_help = "\
Examples:
  taffrail plugin new cobol --lang rust
  taffrail plugin new cobol --lang python && cd cobol && taffrail plugin build --install")]
    New(PluginNewArgs),
    /// Build the component of a plugin's project
    #[command(before_help = "\
Examples:
  taffrail plugin build
  taffrail plugin build cobol/ --install   gets what is missing, into the project where that is possible")]
    Build(PluginBuildArgs),
    /// Build a plugin's project and plan flows with it again whenever a file is saved
    #[command(before_help = "\
Examples:
  taffrail plugin dev
  taffrail plugin dev cobol/ --flow flows/daily.yaml")]
    Dev(PluginDevArgs),
    /// Put a component through the checks that every plugin must pass, and through cases of your own
    #[command(before_help = "\
Examples:
  taffrail plugin test cobol.wasm
  taffrail plugin test cobol.wasm --cases cases.yaml")]
    Test(PluginTestArgs),
    /// Compile a component from standard input; this program calls itself so
    #[command(hide = true)]
    Compile,
}

/// Whose signatures count.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// A public key of minisign that is trusted; may be given several times
    #[arg(
        long = "trusted-key",
        value_name = "KEY",
        env = "TAFFRAIL_TRUSTED_KEYS",
        value_delimiter = ','
    )]
    pub trusted_keys: Vec<String>,
    /// Refuse a component that no trusted key has signed
    #[arg(long)]
    pub require_signature: bool,
}

/// Options of `plugin add`.
#[derive(Debug, Args)]
pub struct PluginAddArgs {
    /// A `.wasm` file, a folder of them, `https://...`, or `oci://host/repository:tag`
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// What the component must be; a web address needs it
    #[arg(long, value_name = "sha256:HEX")]
    pub digest: Option<String>,
    /// The minisign signature of the component [default: `SOURCE.minisig`, or what was published along]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    #[command(flatten)]
    pub trust: TrustArgs,
    /// How to print what was added
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `plugin remove`.
#[derive(Debug, Args)]
pub struct PluginRemoveArgs {
    /// The plugin: `cobol`, `cobol@1.2` (all of that version), `cobol@1.2.3`
    #[arg(required = true, value_name = "PLUGIN")]
    pub plugins: Vec<String>,
}

/// Options of `plugin update`.
#[derive(Debug, Args)]
pub struct PluginUpdateArgs {
    /// Only these plugins; with `--preview` also components, as `plugin add` takes them
    #[arg(value_name = "PLUGIN")]
    pub plugins: Vec<String>,
    /// Only say what there is
    #[arg(long)]
    pub dry_run: bool,
    /// Install nothing; plan these flows with the old and the new plugins, and show what would change
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "dry_run")]
    pub preview: Vec<PathBuf>,
    /// With `--preview`: plan every task for this runner [default: process]
    #[arg(long, value_enum, requires = "preview")]
    pub runner: Option<RunnerChoice>,
    #[command(flatten)]
    pub trust: TrustArgs,
    /// How to print what was added
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `plugin verify`.
#[derive(Debug, Args)]
pub struct PluginVerifyArgs {
    /// Only these plugins
    #[arg(value_name = "PLUGIN")]
    pub plugins: Vec<String>,
    #[command(flatten)]
    pub trust: TrustArgs,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `plugin vendor`.
#[derive(Debug, Args)]
pub struct PluginVendorArgs {
    /// Flows, or folders of flows
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The folder to put the components into
    #[arg(long, value_name = "DIR", default_value = "vendor/plugins")]
    pub to: PathBuf,
}

/// Options of `plugin new`.
#[derive(Debug, Args)]
pub struct PluginNewArgs {
    /// The plugin's id: lower-case letters and digits, with single `-` between them
    #[arg(value_name = "ID")]
    pub id: String,
    /// The language that it is written in
    #[arg(long, value_name = "LANG", value_parser = PossibleValuesParser::new(Lang::ALL.map(Lang::name)).try_map(|name| name.parse::<Lang>()))]
    pub lang: Lang,
    /// The project's folder [default: the id]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// Options of `plugin build`.
#[derive(Debug, Args)]
pub struct PluginBuildArgs {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Get the tools that are missing, into the project where that is possible
    #[arg(long)]
    pub install: bool,
}

/// Options of `plugin dev`.
#[derive(Debug, Args)]
pub struct PluginDevArgs {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Flows, or folders of flows, to plan [default: `flow.yaml` of the project]
    #[arg(long = "flow", value_name = "PATH", num_args = 1..)]
    pub flows: Vec<PathBuf>,
    /// Plan every task for this runner, whatever the flow says
    #[arg(long, value_enum)]
    pub runner: Option<RunnerChoice>,
}

/// Options of `plugin test`.
#[derive(Debug, Args)]
pub struct PluginTestArgs {
    /// The component
    #[arg(value_name = "FILE")]
    pub component: PathBuf,
    /// Tables of cases (`.yaml`), single cases (`.json`), or folders of them
    #[arg(long, value_name = "PATH")]
    pub cases: Vec<PathBuf>,
    /// How many mutated properties to try [default: 300]
    #[arg(long, value_name = "N")]
    pub mutations: Option<usize>,
    /// How to print the checks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `plugin publish`.
#[derive(Debug, Args)]
pub struct PluginPublishArgs {
    /// The component
    #[arg(value_name = "FILE")]
    pub component: PathBuf,
    /// Where to: `oci://host/repository`; the tag is the plugin's version
    #[arg(value_name = "REFERENCE")]
    pub reference: String,
    /// The minisign signature to publish along [default: `FILE.minisig`, if it is there]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Let the tag be another than the version, and let it move
    #[arg(long)]
    pub any_tag: bool,
    /// How to print what was published
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
