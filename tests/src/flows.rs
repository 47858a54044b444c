//! Short ways to write flows for tests of the command line, to run them, and to compare texts that hold ids, times and paths.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use crate::cli::{Finished, World};

/// A flow of the tasks in a YAML list, which may be indented as a whole.
pub fn flow(tasks: &str) -> String {
    let mut text = String::from("id: flow\nnamespace: test.flows\ntasks:\n");
    for line in dedent(tasks).lines() {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// A flow of one shell task `one` with these lines as its commands, each a YAML text of its own.
pub fn shell(commands: &str) -> String {
    let quoted: Vec<String> = dedent(commands)
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("    - {}\n", Value::from(line)))
        .collect();
    flow(&format!(
        "- id: one\n  type: io.kestra.plugin.scripts.shell.Commands\n  commands:\n{}",
        quoted.concat()
    ))
}

/// A text without the indentation that its lines share, and without empty lines at its start.
pub fn dedent(text: &str) -> String {
    let text = text.trim_start_matches('\n');
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let shared = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indent)
        .min()
        .unwrap_or(0);
    text.lines()
        .map(|line| format!("{}\n", line.get(shared..).unwrap_or_default()))
        .collect()
}

/// What a run gave: the program's end, and the record that it printed.
#[derive(Debug)]
pub struct Ran {
    /// How the program ended.
    pub finished: Finished,
    /// The execution's record.
    pub record: Value,
}

impl Ran {
    /// The record of the task with this id.
    #[track_caller]
    pub fn task(&self, id: &str) -> &Value {
        let tasks = self.record["tasks"].as_array();
        let found = tasks.into_iter().flatten().find(|task| task["task"] == id);
        found.unwrap_or_else(|| panic!("no task `{id}` in the record: {}", self.finished))
    }

    /// The `vars` of a task.
    #[track_caller]
    pub fn vars(&self, id: &str) -> &Value {
        &self.task(id)["outputs"]["vars"]
    }

    /// The names of a task's output files, in order.
    #[track_caller]
    pub fn files(&self, id: &str) -> Vec<&str> {
        let files = self.task(id)["outputs"]["outputFiles"].as_object();
        let mut names: Vec<&str> = files
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// The warnings of a task, one a line.
    #[track_caller]
    pub fn warnings(&self, id: &str) -> String {
        let warnings = self.task(id)["warnings"].as_array();
        warnings
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The lines that tasks printed, without their prefix; `|` and `!` are the streams.
    pub fn lines(&self, mark: char) -> Vec<&str> {
        let prefix = format!(" {mark} ");
        let tasks = self.record["tasks"].as_array();
        let ids: Vec<&str> = tasks
            .into_iter()
            .flatten()
            .filter_map(|task| task["task"].as_str())
            .collect();
        let is_line = |line: &&str| {
            line.split_once(&prefix)
                .is_some_and(|(id, _)| ids.contains(&id.trim_end()))
        };
        let lines = self.finished.stderr.lines().filter(is_line);
        lines
            .filter_map(|line| line.split_once(&prefix).map(|(_, text)| text))
            .collect()
    }
}

impl World {
    /// Runs a flow by child processes, gives the program's end and the record, and asserts the exit code.
    #[track_caller]
    pub fn run(&self, flow: &str, code: i32) -> Ran {
        self.run_with(flow, &[], code)
    }

    /// Runs a flow of these tasks, each with the runner that it asks for itself.
    #[track_caller]
    pub fn run_with_own_runners(&self, tasks: &str, code: i32) -> Ran {
        self.write("flow.yaml", flow(tasks));
        let finished = self.taffrail(["run", "flow.yaml", "-o", "json"]);
        finished.exits(code);
        let record = finished.json();
        Ran { finished, record }
    }

    /// Runs a flow by child processes with further arguments.
    #[track_caller]
    pub fn run_with(&self, flow: &str, arguments: &[&str], code: i32) -> Ran {
        self.write("flow.yaml", flow);
        let mut all = vec!["run", "flow.yaml", "--runner", "process", "-o", "json"];
        all.extend(arguments);
        let finished = self.taffrail(all);
        finished.exits(code);
        let record = finished.json();
        Ran { finished, record }
    }
}

/// A text with ids, times, durations and the world's own paths replaced by their names.
pub fn normalised(text: &str, world: &World) -> String {
    let root = world.root().to_string_lossy();
    let text = text
        .replace(&format!("{root}/here"), "<here>")
        .replace(&*root, "<world>");
    without_chance(&text)
}

/// A text with ids, times and durations replaced by their names.
pub fn without_chance(text: &str) -> String {
    static RULES: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        [
            (r"\b0[0-9a-hjkmnp-tv-z]{25}\b", "<id>"),
            (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"\bin (\d+ ms|\d+\.\d s)", "in <duration>"),
            (r#"("durationMs": ?)\d+"#, "$1<duration>"),
            (r"/[0-9a-f]{10}-", "/<hash>-"),
            (r"[^ ]*/taffrail-tests/cache", "<cache>"),
            (r"\bsha256   [0-9a-f]{64}", "sha256   <digest>"),
            (r"\bsize     \d+ bytes", "size     <size> bytes"),
        ]
        .into_iter()
        .map(|(pattern, name)| (Regex::new(pattern).expect("a sound pattern"), name))
        .collect()
    });
    rules.iter().fold(text.to_owned(), |text, (pattern, name)| {
        pattern.replace_all(&text, *name).into_owned()
    })
}
