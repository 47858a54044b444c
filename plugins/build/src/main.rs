//! The command `taffrail-plugin-build`: one call builds every plugin, or checks what is committed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the command line"
)]

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use taffrail_plugin_build::bundle::{self, Verdict};
use taffrail_plugin_build::project::Project;
use taffrail_plugin_build::toolchain::{self, Toolchain};

const HELP: &str = "\
Builds every plugin of this repository from source into `plugins/bundled`.

usage: taffrail-plugin-build [--check] [--if-possible] | --toolchain

  --check        builds, writes nothing, and compares the digests with the committed ones
  --if-possible  ends well, with a line that begins with `skipped:`, where a toolchain is missing or another one
  --toolchain    prints the toolchain that would be used
  --help         prints this

exit codes: 0 built, or equal; 1 a difference or a failure, in words; 2 wrong usage
";

#[derive(Default)]
struct Options {
    check: bool,
    if_possible: bool,
    toolchain: bool,
}

fn main() -> ExitCode {
    let mut options = Options::default();
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--check" => options.check = true,
            "--if-possible" => options.if_possible = true,
            "--toolchain" => options.toolchain = true,
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!("error: unknown argument `{other}`\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let project = Project::find(&env::current_dir().context("no current folder")?)?;
    if options.check {
        bundle::verify(&project)?;
    }
    let Some(toolchain) = Toolchain::find() else {
        if options.if_possible {
            println!(
                "skipped: no toolchain for plugins on this machine\n{}",
                toolchain::HOW_TO_INSTALL
            );
            return Ok(());
        }
        bail!(
            "no toolchain for plugins on this machine\n{}",
            toolchain::HOW_TO_INSTALL
        );
    };
    let identity = toolchain.identity(&project)?;
    if options.toolchain {
        print!("{}", identity.to_pretty());
        return Ok(());
    }
    if !options.check {
        for built in bundle::write(&project, &toolchain, &identity)? {
            println!(
                "{} {} sha256:{} {} bytes",
                built.id, built.version, built.sha256, built.size
            );
        }
        return Ok(());
    }
    match bundle::check(&project, &toolchain, &identity)? {
        Verdict::Equal(count) => println!(
            "equal: {count} plugins, rebuilt with the toolchain that built the committed ones"
        ),
        Verdict::OtherToolchain { committed } => {
            let difference = format!(
                "the digests were not compared: committed with\n{}here is\n{}",
                committed.to_pretty(),
                identity.to_pretty()
            );
            if !options.if_possible {
                bail!("{difference}");
            }
            println!("skipped: {difference}");
        }
    }
    Ok(())
}
