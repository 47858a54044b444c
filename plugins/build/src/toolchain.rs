//! Finding a compiler for `wasm32-unknown-unknown`: one that has the target, else one whose sources can build it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use taffrail_plugin::json::Value;

use crate::project::Project;

/// The target of every plugin: no system below it, hence nothing to import.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What to tell somebody whose machine has no toolchain.
pub const HOW_TO_INSTALL: &str = "\
install one of
  with rustup:  rustup target add wasm32-unknown-unknown
  on Debian:    apt install rustc-web rust-web-src, and a linker: that of any rustup toolchain, or apt install lld";

/// A compiler that can make plugins.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// Where its standard library for the target comes from.
    pub standard_library: StandardLibrary,
}

/// Where the standard library for the target comes from.
#[derive(Debug, Clone)]
pub enum StandardLibrary {
    /// It is installed, and a linker with it.
    Installed,
    /// It is built along with the plugin.
    Source {
        /// The folder that holds `library`.
        source: PathBuf,
        /// A linker for WebAssembly, which such compilers do not bring.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The first compiler with the target; else the first with sources, if there is a linker; else none.
    pub fn find() -> Option<Self> {
        let compilers = compilers();
        let installed = |rustc: &&(PathBuf, PathBuf)| {
            rustc
                .1
                .join("lib/rustlib")
                .join(TARGET)
                .join("lib")
                .is_dir()
        };
        if let Some((rustc, _)) = compilers.iter().find(installed) {
            return Some(Toolchain {
                rustc: rustc.clone(),
                standard_library: StandardLibrary::Installed,
            });
        }
        let linker = linker(&compilers)?;
        compilers.into_iter().find_map(|(rustc, sysroot)| {
            let source = sysroot.join("lib/rustlib/src/rust");
            let complete = source.join("library/std/Cargo.toml").is_file();
            let linker = linker.clone();
            complete.then_some(Toolchain {
                rustc,
                standard_library: StandardLibrary::Source { source, linker },
            })
        })
    }

    /// All that decides a component's bytes besides the sources: recorded with the digests, which mean nothing without it.
    ///
    /// # Errors
    /// Where a tool does not say its version.
    pub fn identity(&self, project: &Project) -> Result<Value> {
        let verbose = say(Command::new(&self.rustc).arg("-vV"))
            .context("the compiler does not say its version")?;
        let field = |name: &str| {
            verbose
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or("unknown")
                .trim()
                .to_owned()
        };
        let (standard_library, linker) = match &self.standard_library {
            StandardLibrary::Installed => ("installed", "the compiler's own".to_owned()),
            StandardLibrary::Source { linker, .. } => (
                "built from source",
                linker_version(linker).context("the linker is silent")?,
            ),
        };
        let cargo = say(Command::new(cargo()).arg("-V").current_dir(&project.root))
            .context("cargo does not say its version")?;
        let entries = [
            (
                "rustc",
                verbose
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("rustc ")
                    .to_owned(),
            ),
            ("host", field("host:")),
            ("llvm", field("LLVM version:")),
            ("standardLibrary", standard_library.to_owned()),
            ("linker", linker),
            (
                "cargo",
                cargo.trim().trim_start_matches("cargo ").to_owned(),
            ),
            (
                "witComponent",
                locked_version(project, "taffrail-plugin-build", "wit-component")?,
            ),
            (
                "witBindgen",
                locked_version(project, "taffrail-plugin", "wit-bindgen")?,
            ),
        ];
        Ok(Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), Value::Text(value)))
                .collect(),
        ))
    }
}

/// The cargo that runs this program, else the one on the PATH.
pub fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Every compiler that answers, with its sysroot: the asked-for one first, then those of the PATH in its order.
fn compilers() -> Vec<(PathBuf, PathBuf)> {
    let asked = env::var_os("RUSTC").map(PathBuf::from);
    let mut seen = BTreeSet::new();
    let candidates = asked
        .into_iter()
        .chain(on_path("rustc"))
        .chain([PathBuf::from("/usr/bin/rustc")]);
    let answer = |rustc: PathBuf| {
        Some((
            say(Command::new(&rustc).args(["--print", "sysroot"]))?
                .trim_end()
                .into(),
            rustc,
        ))
    };
    let answers = candidates.filter_map(answer);
    answers
        .filter(|(sysroot, _): &(PathBuf, PathBuf)| seen.insert(sysroot.clone()))
        .map(|(sysroot, rustc)| (rustc, sysroot))
        .collect()
}

/// A linker for WebAssembly: the ones inside the compilers' folders, then the system's.
fn linker(compilers: &[(PathBuf, PathBuf)]) -> Option<PathBuf> {
    let inner = compilers.iter().flat_map(|(_, sysroot)| {
        let hosts = fs::read_dir(sysroot.join("lib/rustlib"))
            .into_iter()
            .flatten();
        hosts.filter_map(|host| Some(host.ok()?.path().join("bin/rust-lld")))
    });
    let numbered = (14..40).rev().map(|version| format!("wasm-ld-{version}"));
    let names = ["rust-lld".to_owned(), "wasm-ld".to_owned()]
        .into_iter()
        .chain(numbered);
    let outer = names.flat_map(|name| on_path(&name));
    inner
        .chain(outer)
        .find(|linker| linker_version(linker).is_some())
}

/// `LLD 22.1.2`, without the place where it was built.
fn linker_version(linker: &Path) -> Option<String> {
    let mut command = Command::new(linker);
    if linker.file_name() == Some(OsStr::new("rust-lld")) {
        command.args(["-flavor", "wasm"]);
    }
    let answer = say(command.arg("--version"))?;
    let mut words = answer.split_whitespace().skip_while(|word| *word != "LLD");
    Some(format!("{} {}", words.next()?, words.next()?))
}

fn on_path(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .filter(|candidate| candidate.is_file())
        .collect()
}

/// What a command says, if it can be started and ends well. Cargo's own library path is not for other compilers.
fn say(command: &mut Command) -> Option<String> {
    let output = command.env_remove("LD_LIBRARY_PATH").output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn locked_version(project: &Project, dependant: &str, package: &str) -> Result<String> {
    let lock =
        fs::read_to_string(project.root.join("Cargo.lock")).context("cannot read `Cargo.lock`")?;
    let version = version_in_lock(&lock, dependant, package);
    Ok(version
        .with_context(|| format!("`Cargo.lock` has no `{package}` for `{dependant}`"))?
        .to_owned())
}

/// The version of a package that another one depends on. Where the lock file has several, the dependant's entry names its own.
fn version_in_lock<'a>(lock: &'a str, dependant: &str, package: &str) -> Option<&'a str> {
    let entry = |name: &str| {
        let mut entries = lock.split("[[package]]").map(str::trim_start);
        let first = format!("name = \"{name}\"");
        entries.find(|entry| entry.lines().next() == Some(&first))
    };
    let mut dependencies = entry(dependant)?
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let dependency = dependencies.find(|line| line.split(' ').next() == Some(package))?;
    match dependency.split(' ').nth(1) {
        Some(version) => Some(version),
        None => entry(package)?
            .lines()
            .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_files_versions_are_read() {
        let check = |lock: &str, expected: Option<&str>| {
            assert_eq!(version_in_lock(lock, "tool", "a"), expected, "{lock}")
        };
        let tool = "[[package]]\nname = \"tool\"\nversion = \"9\"\ndependencies = [\n \"ab\",\n \"a\",\n]\n";
        let one = "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n\n";
        check(&[one, tool].concat(), Some("1.2.3"));
        check(
            &[one, &tool.replace("\"a\"", "\"a 2.0.0\"")].concat(),
            Some("2.0.0"),
        );
        check(tool, None);
        check(one, None);
    }

    #[test]
    fn what_cannot_be_started_says_nothing() {
        assert_eq!(say(&mut Command::new("/nonexistent/compiler")), None);
        assert_eq!(linker_version(Path::new("/nonexistent/rust-lld")), None);
    }
}
