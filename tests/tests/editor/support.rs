//! The schema under test, and flows round the place that is tested.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use taffrail_tests::cli::World;

/// The documents of `taffrail schema --write`, made once for each test process.
pub struct Written {
    world: World,
}

impl Written {
    /// The schema of flows.
    pub fn flow_path(&self) -> PathBuf {
        self.world.here().join("schemas/flow.json")
    }

    pub fn flow(&self) -> Value {
        read(&self.flow_path())
    }

    /// The names and documents of all task types.
    pub fn tasks(&self) -> Vec<(String, Value)> {
        self.folder("tasks")
    }

    /// The names and documents of all task runners.
    pub fn runners(&self) -> Vec<(String, Value)> {
        self.folder("runners")
    }

    fn folder(&self, name: &str) -> Vec<(String, Value)> {
        let folder = self.world.here().join("schemas").join(name);
        let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                (name, read(&path))
            })
            .collect();
        found.sort_by(|left, right| left.0.cmp(&right.0));
        found
    }
}

pub fn written() -> &'static Written {
    static WRITTEN: OnceLock<Written> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let world = World::cold();
        world
            .taffrail(["schema", "--write", "schemas"])
            .exits(0)
            .says(["schemas"]);
        Written { world }
    })
}

fn read(path: &std::path::Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A flow with these lines as its tasks.
pub fn flow(tasks: &str) -> String {
    format!("id: a\nnamespace: b\ntasks:\n{tasks}")
}

/// A flow with one task of this type, and these lines in it.
pub fn task(type_name: &str, lines: &str) -> String {
    let lines: String = lines
        .split_inclusive('\n')
        .map(|line| format!("    {line}"))
        .collect();
    flow(&format!("  - id: x\n    type: {type_name}\n{lines}"))
}

pub const SHELL: &str = "io.kestra.plugin.scripts.shell.Commands";
pub const PROCESS: &str = "io.kestra.plugin.core.runner.Process";
pub const DOCKER: &str = "io.kestra.plugin.scripts.runner.docker.Docker";
