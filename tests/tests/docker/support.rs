//! A world whose tasks run in containers of one engine, and the proof after every run that nothing of it is left there.

use serde_json::Value;
use taffrail_tests::cli::{Finished, Invocation, World};
use taffrail_tests::docker::api::quoted;
use taffrail_tests::docker::engine::Engine;
use taffrail_tests::docker::images;
use taffrail_tests::docker::proxy::Proxy;
use taffrail_tests::flows::{Ran, dedent};

/// A world and the engine that its tasks run on.
pub struct Yard {
    pub world: World,
    pub engine: &'static Engine,
    /// What `DOCKER_HOST` is: the engine's address, or that of something in front of it.
    pub url: String,
}

impl Yard {
    /// The shared engine with the images of tools; none where there is no engine, which is told.
    pub fn new(what: &str) -> Option<Self> {
        Engine::shared(what).map(Yard::on)
    }

    /// The same with Podman's service.
    pub fn podman(what: &str) -> Option<Self> {
        Engine::podman(what).map(Yard::on)
    }

    fn on(engine: &'static Engine) -> Self {
        images::tools(engine);
        Yard {
            world: World::new(),
            engine,
            url: engine.url().to_owned(),
        }
    }

    /// The same engine for another world.
    pub fn fresh(&self) -> Self {
        Yard {
            world: World::new(),
            url: self.url.clone(),
            ..*self
        }
    }

    /// The same engine behind a faulty connection, for another world.
    pub fn behind(&self, proxy: &Proxy) -> Self {
        Yard {
            url: proxy.url(),
            ..self.fresh()
        }
    }

    /// The contents of a file that a task kept.
    #[track_caller]
    pub fn stored(&self, ran: &Ran, task: &str, name: &str) -> String {
        let uri = ran.task(task)["outputs"]["outputFiles"][name].as_str();
        let path = uri.unwrap_or_default().trim_start_matches("kestra://");
        let path = format!("{}/storage{path}", self.world.state().display());
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A command line of taffrail that finds the engine.
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Invocation {
        self.world.command(arguments).env("DOCKER_HOST", &self.url)
    }

    /// The command line that runs the flow in `flow.yaml` and prints its record.
    pub fn runs(&self, flow: &str, arguments: &[&str]) -> Invocation {
        self.world.write("flow.yaml", flow);
        let mut all = vec!["run", "flow.yaml", "-o", "json"];
        all.extend(arguments);
        self.command(all)
    }

    /// Runs a flow, asserts the exit code and that nothing of it is left on the engine.
    #[track_caller]
    pub fn run(&self, flow: &str, arguments: &[&str], code: i32) -> Ran {
        let ran = self.run_and_leave(flow, arguments, code);
        self.nothing_is_left(&ran.finished);
        ran
    }

    /// The same for flows that are meant to leave something.
    #[track_caller]
    pub fn run_and_leave(&self, flow: &str, arguments: &[&str], code: i32) -> Ran {
        let finished = self.runs(flow, arguments).finish();
        finished.exits(code);
        let record = finished.json();
        Ran { finished, record }
    }

    /// The id of the only execution that there was.
    pub fn execution(&self) -> String {
        let folder = self.world.execution();
        folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// What is there of the only execution.
    #[track_caller]
    pub fn left(&self) -> Vec<String> {
        self.engine.left_of(&self.execution())
    }

    #[track_caller]
    pub fn nothing_is_left(&self, finished: &Finished) {
        let left = self.left();
        assert!(left.is_empty(), "left on the engine: {left:?}{finished}");
    }

    /// What `inspect` says of the containers of the only execution, in the order of their creation.
    #[track_caller]
    pub fn containers(&self) -> Vec<Value> {
        let execution = self.execution();
        let api = self.engine.api();
        let all = api.get("/containers/json?all=1");
        let mut found: Vec<Value> = all
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| is_of(entry, &execution))
            .filter_map(|entry| entry["Id"].as_str())
            .map(|id| api.get(&format!("/containers/{id}/json")))
            .collect();
        found.sort_by_key(|container| container["Created"].to_string());
        found
    }

    /// Removes all that is there of the only execution.
    pub fn sweep(&self) {
        for container in self.containers() {
            self.engine
                .remove(container["Id"].as_str().unwrap_or_default());
        }
        let execution = self.execution();
        let volumes = self.engine.api().get("/volumes");
        for volume in volumes["Volumes"].as_array().into_iter().flatten() {
            if is_of(volume, &execution) {
                let name = volume["Name"].as_str().unwrap_or_default();
                self.engine
                    .api()
                    .call("DELETE", &format!("/volumes/{}?force=1", quoted(name)));
            }
        }
    }
}

/// Whether a container or a volume carries the label of an execution. Its name says nothing: one that another links to has one more.
fn is_of(entry: &Value, execution: &str) -> bool {
    entry["Labels"]["taffrail.execution"] == *execution
}

/// A flow of one shell task `one` in a container, with further keys of the task (four columns in) and of its runner (six), and its script.
pub fn contained(task: &str, runner: &str, script: &str) -> String {
    let indented = |text: &str, by: usize| -> String {
        dedent(text)
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| format!("{:by$}{line}\n", ""))
            .collect()
    };
    format!(
        "id: flow\nnamespace: test.docker\ntasks:\n  - id: one\n    type: io.kestra.plugin.scripts.shell.Script\n{}    \
         taskRunner:\n      type: io.kestra.plugin.scripts.runner.docker.Docker\n{}    script: |\n{}",
        indented(task, 4),
        indented(runner, 6),
        indented(script, 6)
    )
}
