//! Folders of `tests/cases` as tests: a flow, the command line, and what it must print, side by side.

use std::path::Path;

use crate::cli::World;
use crate::flows::normalised;

/// Set to anything, rewrites what the cases expect by what they got.
pub const BLESS: &str = "TAFFRAIL_BLESS";

/// Runs one case.
///
/// A folder holds `flow.yaml` and any further files, which are all copied; `args`, one argument a line (`run flow.yaml --runner process`
/// where there is none); `stdin`; and what is expected: `expected.stdout`, `expected.stderr` (nothing where there is no file) and `exit`
/// (0). Ids, times, durations and paths are compared by name.
///
/// # Errors
/// What differs, with the command line and all that it printed.
pub fn check(folder: &Path) -> Result<(), String> {
    let world = World::new();
    copy(folder, folder, &world);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let arguments = match read("args") {
        empty if empty.is_empty() => "run\nflow.yaml\n--runner\nprocess\n".to_owned(),
        arguments => arguments,
    };
    let finished = world
        .command(arguments.lines())
        .stdin(read("stdin"))
        .finish();
    let code = finished
        .code()
        .map_or_else(|| "signal".to_owned(), |code| code.to_string());
    let got = [
        ("expected.stdout", normalised(&finished.stdout, &world)),
        ("expected.stderr", normalised(&finished.stderr, &world)),
        (
            "exit",
            if code == "0" {
                String::new()
            } else {
                format!("{code}\n")
            },
        ),
    ];
    if std::env::var_os(BLESS).is_some() {
        for (name, text) in &got {
            let path = folder.join(name);
            let written = if text.is_empty() {
                std::fs::remove_file(&path)
            } else {
                std::fs::write(&path, text)
            };
            if let Err(error) =
                written.or_else(|error| if text.is_empty() { Ok(()) } else { Err(error) })
            {
                return Err(format!("{}: {error}", path.display()));
            }
        }
        return Ok(());
    }
    let mut wrong = String::new();
    for (name, text) in &got {
        let expected = read(name);
        if expected != *text {
            wrong.push_str(&format!(
                "`{name}` differs:\n--- expected\n{expected}--- got\n{text}"
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Err(format!(
        "case `{name}`: {wrong}{finished}\n`{BLESS}=1 cargo test -p taffrail-tests --test cli cases` rewrites what is expected\n"
    ))
}

fn copy(base: &Path, folder: &Path, world: &World) {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            copy(base, &path, world);
            continue;
        }
        let name = path
            .strip_prefix(base)
            .expect("below the base")
            .to_string_lossy()
            .into_owned();
        if !matches!(
            name.as_str(),
            "args" | "stdin" | "exit" | "expected.stdout" | "expected.stderr"
        ) {
            world.write(&name, std::fs::read(&path).expect("a readable file"));
        }
    }
}
