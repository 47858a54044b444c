//! The cache in use: what it spares, and that nothing bad in it is ever run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use taffrail_engine::ports::Planner;
use taffrail_wasm::{Cache, Options, WasmPlugins};

use super::installed::{echo, install, key, options};
use super::request;

struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    /// One installed plugin, old enough for its digest to be kept.
    fn new() -> Self {
        let fixture = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let file = install(
            &fixture.at("plugins"),
            "echo",
            "1.0.0",
            &echo("echo", "1.0.0"),
        );
        let past = SystemTime::now() - Duration::from_secs(60);
        fs::File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_modified(past)
            .unwrap();
        fixture
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn open(&self) -> WasmPlugins {
        WasmPlugins::new(Options {
            cache: Cache::new(&self.at("cache"), &self.at("state")),
            ..options(&self.at("plugins"))
        })
    }

    /// The cache's entries of one kind.
    fn entries(&self, suffix: &str) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.at("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(suffix))
            .collect();
        paths.sort();
        paths
    }
}

fn plans(plugins: &WasmPlugins) {
    plugins
        .plan(&key("echo", "1.0.0"), &request(json!({})))
        .unwrap();
}

#[test]
fn the_second_run_starts_no_engine_to_list_and_compiles_nothing_to_plan() {
    let fixture = Fixture::new();
    let first = fixture.open();
    assert!(first.sandbox().is_running());
    plans(&first);
    for suffix in [".cwasm", ".describe", ".stamp"] {
        assert_eq!(fixture.entries(suffix).len(), 1, "{suffix}");
    }
    let second = fixture.open();
    assert!(!second.sandbox().is_running());
    assert_eq!(second.plugins(), first.plugins());
    // The file itself is not needed any more: machine code, description and digest are all there.
    let code = fixture.entries(".cwasm");
    let written = fs::metadata(&code[0]).unwrap().modified().unwrap();
    plans(&second);
    assert_eq!(fs::metadata(&code[0]).unwrap().modified().unwrap(), written);
}

#[test]
fn a_bad_entry_is_made_again() {
    type Harm = fn(&Path);
    let harms: &[(&str, Harm)] = &[
        ("poisoned", |path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(path, bytes).unwrap();
        }),
        ("truncated", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("empty", |path| fs::write(path, b"").unwrap()),
        ("foreign", |path| {
            fs::write(path, b"\x7fELF\x02\x01\x01").unwrap()
        }),
    ];
    for (name, harm) in harms {
        let fixture = Fixture::new();
        plans(&fixture.open());
        let before: Vec<(PathBuf, Vec<u8>)> = fixture
            .entries("")
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        assert_eq!(before.len(), 3);
        for (path, _) in &before {
            harm(path);
        }
        let plugins = fixture.open();
        assert_eq!(plugins.problems(), [], "{name}");
        plans(&plugins);
        for (path, content) in before {
            assert_eq!(
                fs::read(&path).unwrap(),
                content,
                "{name}: {}",
                path.display()
            );
        }
    }
}

#[test]
fn another_users_key_opens_nothing() {
    let fixture = Fixture::new();
    plans(&fixture.open());
    fs::remove_dir_all(fixture.at("state")).unwrap();
    let plugins = fixture.open();
    assert!(plugins.sandbox().is_running());
    plans(&plugins);
}

#[test]
fn a_changed_file_is_looked_at_again() {
    let fixture = Fixture::new();
    plans(&fixture.open());
    install(
        &fixture.at("plugins"),
        "echo",
        "1.0.0",
        &echo("echo", "2.0.0"),
    );
    let plugins = fixture.open();
    assert_eq!(plugins.problems().len(), 1);
    assert!(
        plugins.problems()[0]
            .reason
            .contains("it says that it is `echo 2.0.0`")
    );
}

#[test]
fn a_file_that_changes_while_it_is_open_is_not_run() {
    let fixture = Fixture::new();
    drop(fixture.open());
    let plugins = fixture.open();
    for code in fixture.entries(".cwasm") {
        fs::remove_file(code).unwrap();
    }
    install(
        &fixture.at("plugins"),
        "echo",
        "1.0.0",
        &echo("echo", "2.0.0"),
    );
    let error = plugins
        .plan(&key("echo", "1.0.0"), &request(json!({})))
        .unwrap_err();
    assert!(error.to_string().contains("its file changed"), "{error}");
}

#[test]
fn an_unusable_cache_costs_time_only() {
    let fixture = Fixture::new();
    fs::write(fixture.at("cache"), b"a file").unwrap();
    plans(&fixture.open());
    plans(&fixture.open());
}

#[test]
fn several_hosts_share_one_cache() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| plans(&fixture.open()));
        }
    });
    assert_eq!(fixture.entries(".cwasm").len(), 1);
    let plugins = fixture.open();
    assert!(!plugins.sandbox().is_running());
    plans(&plugins);
}
