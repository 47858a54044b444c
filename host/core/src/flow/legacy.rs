//! Script tasks from before there were plugins, written anew with the keys of their language's task. What is taken over keeps its place;
//! what is made gets that of the key it was made from.

use std::sync::Arc;

use super::types::Spanned;
use crate::diagnostic::{Code, Diagnostic};
use crate::native::LegacyKind;
use crate::script::{DOCKER, PROCESS};
use crate::yaml::{Entry, Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span, push_key};

/// The names of Python's and Node's own modules that such tasks found beside their script, and what is in them.
const PYTHON_CLIENT: (&str, &str) = ("kestra.py", include_str!("legacy/kestra.py"));
const NODE_CLIENT: (&str, &str) = ("kestra.js", include_str!("legacy/kestra.js"));

/// The keys that are taken over under another name, or become part of another key.
const REPLACED: [&str; 20] = [
    "type",
    "commands",
    "args",
    "requirements",
    "virtualEnv",
    "pythonPath",
    "nodePath",
    "npmPath",
    "runner",
    "dockerOptions",
    "interpreter",
    "interpreterArgs",
    "exitOnFailed",
    "files",
    "outputsFiles",
    "outputFiles",
    "outputDirs",
    "inputFiles",
    "warningOnStdErr",
    // They are merged already.
    "pluginDefaultsRef",
];

/// The type that an old one is read as.
pub(super) fn current(kind: LegacyKind) -> &'static str {
    match kind {
        LegacyKind::Bash => "io.kestra.plugin.scripts.shell.Commands",
        LegacyKind::Node => "io.kestra.plugin.scripts.node.Commands",
        LegacyKind::Python => "io.kestra.plugin.scripts.python.Commands",
    }
}

/// Says that a task is of an old type, and whether its script is there.
pub(super) fn say(
    kind: LegacyKind,
    task: &Node,
    type_name: &Spanned<Arc<str>>,
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    let mut type_path = path.to_owned();
    push_key(&mut type_path, "type");
    found.push(
        Diagnostic::warning(
            Code::Deprecated,
            type_name.span,
            format!("`{}` is an old script task", type_name.value),
        )
        .label(format!("it is run as `{}`", current(kind)))
        .path(type_path),
    );
    let main = match kind {
        LegacyKind::Bash => return,
        LegacyKind::Node => "main.js",
        LegacyKind::Python => "main.py",
    };
    let files = task.get("inputFiles");
    let may_be_there = files.is_some_and(|files| match files.kind {
        NodeKind::Map(_) => files.get(main).is_some(),
        // An expression gives the map.
        _ => true,
    });
    if task.get("commands").is_none() && !may_be_there {
        let span = files.map_or(type_name.span, |files| files.span);
        found.push(
            Diagnostic::error(
                Code::MissingProperty,
                span,
                format!("this task needs the file `{main}` in `inputFiles`"),
            )
            .label("that is what it runs where it has no `commands`")
            .path(path),
        );
    }
}

/// The task with the keys of today.
pub(super) fn modern(kind: LegacyKind, task: &Node) -> Node {
    let entries = task.entries();
    let mut made: Vec<Entry> = entries
        .iter()
        .filter(|entry| !REPLACED.contains(&&*entry.key))
        .cloned()
        .collect();
    let place = task.get("type").map_or(task.span, |node| node.span);
    let old = Old { task, place };
    made.push(entry("type", place, text(place, current(kind))));
    made.extend(old.runner());
    made.extend(old.interpreter());
    if let Some(flag) = task.entry("exitOnFailed") {
        made.push(entry("failFast", flag.key_span, flag.value.clone()));
    }
    made.extend(old.output_files());
    let (before, commands, client) = match kind {
        LegacyKind::Bash => (Vec::new(), old.commands(None, None), None),
        LegacyKind::Python => {
            let default = Some("./bin/python main.py");
            (
                old.python(),
                old.commands(default, task.get("args")),
                Some(PYTHON_CLIENT),
            )
        }
        LegacyKind::Node => {
            let node = old.word("nodePath", "node");
            let line = format!("{node} main.js");
            (
                old.npm(),
                old.commands(Some(&line), task.get("args")),
                Some(NODE_CLIENT),
            )
        }
    };
    made.extend(old.input_files(client));
    let before: Vec<Node> = old.folders().into_iter().chain(before).collect();
    if !before.is_empty() {
        made.push(entry("beforeCommands", place, list(place, before)));
    }
    made.push(entry("commands", place, commands));
    Node {
        span: task.span,
        kind: NodeKind::Map(made),
    }
}

struct Old<'a> {
    task: &'a Node,
    place: Span,
}

impl Old<'_> {
    /// Such tasks were child processes unless they said otherwise.
    fn runner(&self) -> Vec<Entry> {
        let written = self.task.entry("runner");
        let options = self.task.entry("dockerOptions");
        let place = written.map_or(self.place, |entry| entry.key_span);
        let in_container = written.is_some_and(|entry| entry.value.text() == Some("DOCKER"));
        let name = if in_container { DOCKER } else { PROCESS };
        let mut keys = vec![entry("type", place, text(place, name))];
        let mut made = Vec::new();
        if let Some(options) = options.filter(|_| in_container) {
            for option in options.value.entries() {
                match &*option.key {
                    "image" => made.push(entry(
                        "containerImage",
                        option.key_span,
                        option.value.clone(),
                    )),
                    "dockerHost" => {
                        keys.push(entry("host", option.key_span, option.value.clone()));
                    }
                    "dockerConfig" => {
                        keys.push(entry("config", option.key_span, option.value.clone()));
                    }
                    _ => keys.push(option.clone()),
                }
            }
        }
        made.push(entry(
            "taskRunner",
            place,
            Node {
                span: place,
                kind: NodeKind::Map(keys),
            },
        ));
        made
    }

    fn interpreter(&self) -> Option<Entry> {
        let program = self.task.get("interpreter");
        let arguments = self.task.get("interpreterArgs");
        let place = program.or(arguments)?.span;
        let program = program.cloned().unwrap_or_else(|| text(place, "/bin/sh"));
        let arguments = match arguments {
            Some(arguments) => arguments.items().to_vec(),
            None => vec![text(place, "-c")],
        };
        let words = std::iter::once(program).chain(arguments).collect();
        Some(entry("interpreter", place, list(place, words)))
    }

    fn output_files(&self) -> Option<Entry> {
        let files = ["outputFiles", "outputsFiles", "files"]
            .into_iter()
            .filter_map(|key| self.task.get(key))
            .flat_map(|list| list.items().iter().cloned());
        let folders = self
            .task
            .get("outputDirs")
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|folder| {
                let name = &folder.scalar()?.text;
                Some(text(folder.span, &format!("{name}/**")))
            });
        let all: Vec<Node> = files.chain(folders).collect();
        let place = all.first()?.span;
        Some(entry("outputFiles", place, list(place, all)))
    }

    /// The folders of outputs are there before the script.
    fn folders(&self) -> Option<Node> {
        let folders = self.task.get("outputDirs")?;
        let names: Vec<String> = folders
            .items()
            .iter()
            .filter_map(|folder| Some(quoted(&folder.scalar()?.text)))
            .collect();
        let line = format!("mkdir -p {}", names.join(" "));
        (!names.is_empty()).then(|| text(folders.span, &line))
    }

    /// The files, with the client that the script may ask for where it has none of that name.
    fn input_files(&self, client: Option<(&str, &str)>) -> Option<Entry> {
        let written = self.task.entry("inputFiles");
        let Some((name, content)) = client else {
            return written.cloned();
        };
        let place = written.map_or(self.place, |entry| entry.key_span);
        let mut files = match written {
            // An expression gives the whole map.
            Some(entry) if !matches!(entry.value.kind, NodeKind::Map(_)) => {
                return Some(entry.clone());
            }
            Some(entry) => entry.value.entries().to_vec(),
            None => Vec::new(),
        };
        if !files.iter().any(|file| &*file.key == name) {
            files.push(entry(name, place, text(place, content)));
        }
        let span = written.map_or(place, |entry| entry.value.span);
        Some(entry(
            "inputFiles",
            place,
            Node {
                span,
                kind: NodeKind::Map(files),
            },
        ))
    }

    /// The lines, each with the arguments behind it.
    fn commands(&self, default: Option<&str>, arguments: Option<&Node>) -> Node {
        let words: Vec<&str> = arguments
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|word| Some(&*word.scalar()?.text))
            .collect();
        let Some(lines) = self.task.get("commands") else {
            let line = std::iter::once(default.unwrap_or_default()).chain(words);
            let line = text(self.place, &line.collect::<Vec<_>>().join(" "));
            return list(self.place, vec![line]);
        };
        if words.is_empty() {
            return lines.clone();
        }
        let lines_made = lines.items().iter().map(|line| match line.scalar() {
            Some(scalar) => text(line.span, &format!("{} {}", scalar.text, words.join(" "))),
            None => line.clone(),
        });
        list(lines.span, lines_made.collect())
    }

    /// What makes `./bin/python`: an environment where packages are wanted, else the Python itself.
    fn python(&self) -> Vec<Node> {
        let python = self.word("pythonPath", "python3");
        let wanted = self.task.get("requirements");
        let names: Vec<String> = wanted
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|name| Some(quoted(&name.scalar()?.text)))
            .collect();
        let own = self
            .task
            .get("virtualEnv")
            .and_then(Node::scalar)
            .is_none_or(|flag| &*flag.text != "false");
        let place = wanted.map_or(self.place, |node| node.span);
        if names.is_empty() || !own {
            let line = format!(
                "mkdir -p bin && test -e bin/python || ln -s \"$(command -v {python})\" bin/python"
            );
            return vec![text(place, &line)];
        }
        let install = format!("./bin/pip install {} > /dev/null", names.join(" "));
        vec![
            text(place, &format!("{python} -m venv . > /dev/null")),
            text(place, &install),
        ]
    }

    fn npm(&self) -> Vec<Node> {
        let files = self.task.get("inputFiles");
        let package = files.and_then(|files| files.entry("package.json"));
        let line = format!("{} i > /dev/null", self.word("npmPath", "npm"));
        package
            .map(|package| text(package.key_span, &line))
            .into_iter()
            .collect()
    }

    fn word<'w>(&'w self, key: &str, default: &'w str) -> &'w str {
        let written = self.task.get(key).and_then(Node::text);
        written.unwrap_or(default)
    }
}

/// A word of the shell; an expression in it stays one.
fn quoted(word: &str) -> String {
    if word.contains("{{") {
        return format!("\"{word}\"");
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn entry(key: &str, key_span: Span, value: Node) -> Entry {
    Entry {
        key: key.into(),
        key_span,
        value,
    }
}

fn text(span: Span, text: &str) -> Node {
    Node {
        span,
        kind: NodeKind::Scalar(Scalar {
            text: text.into(),
            style: ScalarStyle::Made,
            value: ScalarValue::Text,
        }),
    }
}

fn list(span: Span, items: Vec<Node>) -> Node {
    Node {
        span,
        kind: NodeKind::List(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    #[test]
    fn old_keys_become_those_of_today() {
        let check = |kind: LegacyKind, old: &str, new: &str| {
            let node = |text: &str| parse(text, &Limits::default()).root.expect("YAML");
            let mut made = modern(kind, &node(old)).to_json();
            // The client is long, and looked at elsewhere.
            if let Some(file) = made.pointer_mut("/inputFiles/kestra.py") {
                assert_eq!(*file, PYTHON_CLIENT.1);
                *file = "client".into();
            }
            let expected = node(new).to_json();
            assert_eq!(made, expected, "{old}");
        };
        check(
            LegacyKind::Bash,
            "{id: x, type: T, commands: [a], retry: {type: constant}, warningOnStdErr: false}",
            "{id: x, retry: {type: constant}, type: io.kestra.plugin.scripts.shell.Commands,
              taskRunner: {type: io.kestra.plugin.core.runner.Process}, commands: [a]}",
        );
        check(
            LegacyKind::Bash,
            "{id: x, type: T, commands: [a], interpreter: bash, exitOnFailed: false, outputFiles: [a], files: [b], outputDirs: [d],
              runner: DOCKER, dockerOptions: {image: i, dockerHost: h, user: u}}",
            "{id: x, type: io.kestra.plugin.scripts.shell.Commands, containerImage: i,
              taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker, host: h, user: u},
              interpreter: [bash, -c], failFast: false, outputFiles: [a, b, d/**], beforeCommands: [mkdir -p 'd'], commands: [a]}",
        );
        check(
            LegacyKind::Python,
            "{id: x, type: T, inputFiles: {main.py: m}, args: [a, b], requirements: [r, 's>1']}",
            "{id: x, type: io.kestra.plugin.scripts.python.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process},
              inputFiles: {main.py: m, kestra.py: client},
              beforeCommands: [python3 -m venv . > /dev/null, \"./bin/pip install 'r' 's>1' > /dev/null\"],
              commands: [./bin/python main.py a b]}",
        );
        check(
            LegacyKind::Node,
            "{id: x, type: T, inputFiles: {main.js: m, package.json: '{}', kestra.js: own}, nodePath: /n}",
            "{id: x, type: io.kestra.plugin.scripts.node.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process},
              inputFiles: {main.js: m, package.json: '{}', kestra.js: own}, beforeCommands: [npm i > /dev/null], commands: [/n main.js]}",
        );
    }
}
