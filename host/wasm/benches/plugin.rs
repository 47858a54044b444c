//! What plugins cost: medians and best times, beside the cost of starting one shell in the same run.
//!
//! `cargo bench -p taffrail-wasm`; goals: fresh instance and plan under 60 us, everything from a warm cache under 1.5 ms.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use taffrail_core::descriptor::Descriptor;
use taffrail_core::plan::{PlanContext, PlanRequest, TargetOs};
use taffrail_engine::ports::{Planner, PluginKey};
use taffrail_wasm::{Bundled, Cache, Limits, Options, WasmPlugins};

/// Set for a child that measures its own start, to the folder of the cache.
const CHILD: &str = "TAFFRAIL_BENCH_CACHE";

fn main() {
    let bundled = bundled();
    if let Some(folder) = std::env::var_os(CHILD) {
        println!("{}", first_plans(bundled, Path::new(&folder)).as_nanos());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the cache");
    let floor = measured(40, || {
        let started = Instant::now();
        Command::new("sh")
            .args(["-c", ":"])
            .status()
            .expect("a shell");
        started.elapsed()
    });
    report("floor: start one `sh -c :` and wait", floor, floor);

    let compiled = measured(5, || {
        first_plans(bundled, tempfile::tempdir().expect("a folder").path())
    });
    report(
        "first run on a machine: compile all bundled plugins, one plan each",
        compiled,
        floor,
    );
    first_plans(bundled, folder.path());

    let executable = std::env::current_exe().expect("this program");
    let cold = measured(40, || {
        let output = Command::new(&executable)
            .env(CHILD, folder.path())
            .output()
            .expect("a child");
        let nanoseconds = String::from_utf8_lossy(&output.stdout).trim().parse();
        Duration::from_nanos(nanoseconds.expect("a number"))
    });
    report(
        "fresh process, warm cache: engine, load all bundled plugins, one plan each",
        cold,
        floor,
    );
    let one = measured(40, || {
        let output = Command::new(&executable)
            .env(CHILD, folder.path())
            .env("TAFFRAIL_BENCH_ONE", "1")
            .output()
            .expect("a child");
        let nanoseconds = String::from_utf8_lossy(&output.stdout).trim().parse();
        Duration::from_nanos(nanoseconds.expect("a number"))
    });
    report(
        "fresh process, warm cache: engine, load one plugin, one plan",
        one,
        floor,
    );
    let listed = measured(200, || {
        let started = Instant::now();
        let plugins = WasmPlugins::new(options(bundled, folder.path()));
        assert!(!plugins.sandbox().is_running());
        started.elapsed()
    });
    report("list the bundled plugins, no engine", listed, floor);

    let plugins = WasmPlugins::new(options(bundled, folder.path()));
    for (key, request) in requests(&plugins) {
        for _ in 0..200 {
            plugins.plan(&key, &request).expect("a plan");
        }
        let warm = measured(2_000, || {
            let started = Instant::now();
            plugins.plan(&key, &request).expect("a plan");
            started.elapsed()
        });
        report(
            &format!("{key}: fresh instance and plan, warm"),
            warm,
            floor,
        );
    }
}

/// From nothing to one plan of each plugin (or of the first one).
fn first_plans(bundled: &'static [Bundled], folder: &Path) -> Duration {
    let started = Instant::now();
    let plugins = WasmPlugins::new(options(bundled, folder));
    let most = if std::env::var_os("TAFFRAIL_BENCH_ONE").is_some() {
        1
    } else {
        usize::MAX
    };
    for (key, request) in requests(&plugins).into_iter().take(most) {
        plugins.plan(&key, &request).expect("a plan");
    }
    started.elapsed()
}

fn options(bundled: &'static [Bundled], folder: &Path) -> Options {
    Options {
        bundled,
        folders: Vec::new(),
        files: Vec::new(),
        host_properties: Vec::new,
        limits: Limits::default(),
        cache: Cache::new(&folder.join("cache"), &folder.join("state")),
    }
}

/// One plan of each plugin: its task type `Commands`, with one command.
fn requests(plugins: &WasmPlugins) -> Vec<(PluginKey, PlanRequest)> {
    plugins
        .plugins()
        .iter()
        .map(|info| {
            let task_type = info
                .descriptor
                .task_types
                .iter()
                .find(|task_type| task_type.name.as_str().ends_with(".Commands"))
                .expect("every bundled plugin runs commands");
            let key = PluginKey {
                id: info.descriptor.id.clone(),
                version: info.descriptor.version.clone(),
            };
            let properties = serde_json::json!({ "commands": ["echo hello", "x".repeat(900)] });
            let request = PlanRequest {
                task_type: task_type.name.clone(),
                properties: properties.as_object().cloned().unwrap_or_default(),
                context: PlanContext {
                    task_id: "hello".to_owned(),
                    working_dir: "/tmp/work".to_owned(),
                    output_dir: None,
                    target_os: TargetOs::Linux,
                    runner: "process".to_owned(),
                    container_image: None,
                    env: Vec::new(),
                    fail_fast: None,
                },
            };
            (key, request)
        })
        .collect()
}

/// The bundled plugins, from the repository.
fn bundled() -> &'static [Bundled] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/bundled");
    let mut found = Vec::new();
    for plugin in folders(&root) {
        for version in folders(&plugin) {
            let wasm = std::fs::read(version.join("plugin.wasm"))
                .expect("a component")
                .leak();
            let descriptor =
                std::fs::read_to_string(version.join("descriptor.json")).expect("a descriptor");
            serde_json::from_str::<Descriptor>(&descriptor).expect("a good descriptor");
            let digest: String = Sha256::digest(&*wasm)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            found.push(Bundled {
                wasm,
                descriptor: descriptor.leak(),
                digest: digest.leak(),
                api: "1.0",
            });
        }
    }
    found.leak()
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(parent)
        .expect("the bundled plugins")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// The median and the best of several rounds.
#[derive(Clone, Copy)]
struct Figure {
    median: Duration,
    best: Duration,
}

fn measured(rounds: usize, mut measure: impl FnMut() -> Duration) -> Figure {
    let mut times: Vec<Duration> = (0..rounds).map(|_| measure()).collect();
    times.sort();
    Figure {
        median: times[rounds / 2],
        best: times[0],
    }
}

fn report(what: &str, figure: Figure, floor: Figure) {
    println!(
        "{:>9.1} us median {:>9.1} us best {:>7.3} of the floor  {what}",
        figure.median.as_secs_f64() * 1e6,
        figure.best.as_secs_f64() * 1e6,
        figure.median.as_secs_f64() / floor.median.as_secs_f64()
    );
}
