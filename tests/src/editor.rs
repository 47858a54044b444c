//! Drives the real YAML language server and a strict schema validator, so that a test sees what an author sees in an editor.
//!
//! The packages that `tests/editor/package.json` pins are installed once, with npm, into a folder outside the repository.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

/// How long the installation may take before the registry counts as unreachable.
const INSTALLATION: Duration = Duration::from_secs(120);
/// How long one answer may take; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(240);
/// The oldest Node whose npm can install the packages; the language server then runs on one of them, as it needs a newer one.
const NODE: u32 = 18;

/// The keywords of editors in our schemas, which a strict validator must be told of.
pub const EDITOR_KEYWORDS: [&str; 7] = [
    "defaultSnippets",
    "doNotSuggest",
    "enumDescriptions",
    "errorMessage",
    "markdownDescription",
    "markdownEnumDescriptions",
    "patternErrorMessage",
];

/// A document and what to ask of it. Lines and columns count from 0 here, as in the protocol.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// The text.
    pub text: String,
    /// Places whose completions are wanted.
    pub complete: Vec<(usize, usize)>,
    /// Places whose hover text is wanted.
    pub hover: Vec<(usize, usize)>,
}

impl Probe {
    /// A text with marks: `<|>` asks for completions, `<?>` for hover text. They are not part of the document.
    pub fn marked(text: &str) -> Self {
        let mut probe = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            probe.text.push_str(&rest[..at]);
            rest = &rest[at..];
            let line = probe.text.matches('\n').count();
            let column = probe.text.rsplit('\n').next().map_or(0, str::len);
            if let Some(after) = rest.strip_prefix("<|>") {
                probe.complete.push((line, column));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("<?>") {
                probe.hover.push((line, column));
                rest = after;
            } else {
                probe.text.push('<');
                rest = &rest[1..];
            }
        }
        probe.text.push_str(rest);
        probe
    }
}

/// What the editor shows.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Shown {
    /// What is underlined.
    #[serde(default)]
    pub diagnostics: Vec<Underlined>,
    /// The proposals, for each place that was asked.
    #[serde(default)]
    pub completions: Vec<Vec<Proposal>>,
    /// The hover texts, for each place that was asked.
    #[serde(default)]
    pub hovers: Vec<String>,
    /// What went wrong on the way.
    #[serde(default)]
    pub error: Option<String>,
}

/// One message at one place; both count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Underlined {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The text.
    pub message: String,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Proposal {
    /// What the list shows.
    pub label: String,
    /// The protocol's number for the kind of thing.
    #[serde(default)]
    pub kind: u8,
    /// What is inserted.
    pub insert: String,
    /// The text beside the list.
    #[serde(default)]
    pub documentation: String,
}

impl Proposal {
    /// A skeleton of all required keys, which the server makes by itself where some are missing.
    pub fn is_skeleton(&self) -> bool {
        const CLASS: u8 = 7;
        self.kind == CLASS
    }
}

/// What a strict validator says.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Verdicts {
    /// What it has against the schema.
    #[serde(default)]
    pub problems: Vec<String>,
    /// For each document what is wrong with it.
    #[serde(default)]
    pub verdicts: Vec<Option<String>>,
    /// What went wrong on the way.
    #[serde(default)]
    pub error: Option<String>,
}

/// The driver, running.
#[derive(Debug)]
pub struct Editor {
    input: ChildStdin,
    answers: Receiver<Value>,
    requests: u64,
    schemas: u64,
    /// Ends by itself when `input` closes, at the latest with this process.
    _child: Child,
}

/// The one driver of this test process, or none, and then it has been said why. `test` is the name to say it under.
pub fn editor(test: &str) -> Option<MutexGuard<'static, Editor>> {
    static EDITOR: OnceLock<Result<Mutex<Editor>, String>> = OnceLock::new();
    match EDITOR.get_or_init(|| Editor::start().map(Mutex::new)) {
        Ok(editor) => Some(editor.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(reason) => {
            // Past the test runner, which keeps what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
            None
        }
    }
}

/// A driver of one's own, for measurements.
///
/// # Errors
/// Why there is none.
pub fn own_editor() -> Result<Editor, String> {
    Editor::start()
}

impl Editor {
    fn start() -> Result<Self, String> {
        let scripts = install()?;
        let mut child = node(&scripts)
            .arg(scripts.join("serve.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("node does not start: {error}"))?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let (sender, answers) = channel();
        // Apart, as the driver may answer while requests are still being written.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str(&line) else {
                    break;
                };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            input,
            answers,
            requests: 0,
            schemas: 0,
            _child: child,
        })
    }

    /// Lets the server read a schema; the name that is answered stands for it.
    ///
    /// # Panics
    /// When the driver fails.
    pub fn schema(&mut self, path: &Path) -> String {
        self.schemas += 1;
        let name = format!("schema{}", self.schemas);
        let path = std::fs::canonicalize(path).expect("the schema is there");
        self.ask(vec![json!({ "do": "schema", "name": name, "path": path })]);
        name
    }

    /// Shows documents under a schema, all at once.
    ///
    /// # Panics
    /// When the driver fails.
    pub fn show(&mut self, schema: &str, probes: &[Probe]) -> Vec<Shown> {
        let requests = probes
            .iter()
            .map(|probe| {
                json!({
                    "do": "probe", "schema": schema, "text": probe.text, "complete": probe.complete, "hover": probe.hover,
                })
            })
            .collect();
        let answers = self.ask(requests);
        answers
            .into_iter()
            .zip(probes)
            .map(|(answer, probe)| {
                let shown: Shown = serde_json::from_value(answer).expect("an answer to a probe");
                if let Some(error) = &shown.error {
                    panic!("{error}\n{}", probe.text);
                }
                shown
            })
            .collect()
    }

    /// Shows a file that names its schema itself, in a comment.
    ///
    /// # Panics
    /// When the driver fails.
    pub fn show_file(&mut self, file: &Path, probe: &Probe) -> Shown {
        let request = json!({
            "do": "probe", "file": file, "text": probe.text, "complete": probe.complete, "hover": probe.hover,
        });
        let answer = self.ask(vec![request]).remove(0);
        let shown: Shown = serde_json::from_value(answer).expect("an answer to a probe");
        if let Some(error) = &shown.error {
            panic!("{error}\n{}", probe.text);
        }
        shown
    }

    /// Shows files of a project to a server that works in it, under these settings: globs of files by schema, as an editor's settings say
    /// it. Each file is its path and its text.
    ///
    /// # Panics
    /// When the driver fails.
    pub fn show_project(
        &mut self,
        root: &Path,
        schemas: &Value,
        files: &[(PathBuf, &str)],
    ) -> Vec<Shown> {
        let files: Vec<Value> = files
            .iter()
            .map(|(file, text)| json!({ "file": file, "text": text }))
            .collect();
        let request = json!({ "do": "project", "root": root, "schemas": schemas, "files": files });
        let answer = self.ask(vec![request]).remove(0);
        assert_eq!(answer.get("error"), None, "{answer}");
        serde_json::from_value(answer["shown"].clone()).expect("answers to the files")
    }

    /// Compiles a schema strictly, and judges documents with it.
    ///
    /// # Panics
    /// When the driver fails.
    pub fn strict(&mut self, path: &Path, documents: &[Value]) -> Verdicts {
        let path = std::fs::canonicalize(path).expect("the schema is there");
        let request = json!({
            "do": "strict", "path": path, "documents": documents, "keywords": EDITOR_KEYWORDS,
        });
        let answer = self.ask(vec![request]).remove(0);
        let verdicts: Verdicts = serde_json::from_value(answer).expect("verdicts");
        if let Some(error) = &verdicts.error {
            panic!("{error}");
        }
        verdicts
    }

    /// Sends any requests, and gives their answers in the same order.
    ///
    /// # Panics
    /// When the driver fails.
    pub fn ask(&mut self, requests: Vec<Value>) -> Vec<Value> {
        let first = self.requests;
        for mut request in requests.iter().cloned() {
            request["id"] = json!(self.requests);
            self.requests += 1;
            writeln!(self.input, "{request}").expect("the driver reads");
        }
        let mut answers: HashMap<u64, Value> = HashMap::new();
        while answers.len() < requests.len() {
            let answer = self
                .answers
                .recv_timeout(PATIENCE)
                .expect("the driver answers");
            let id = answer["id"].as_u64().expect("the id of the request");
            answers.insert(id, answer);
        }
        (first..self.requests)
            .map(|id| answers.remove(&id).expect("one answer for each request"))
            .collect()
    }
}

/// The Node that was installed beside the scripts.
pub fn node(scripts: &Path) -> Command {
    let home = scripts.parent().unwrap_or(scripts);
    Command::new(home.join("node_modules/.bin/node"))
}

/// The folder of the scripts, beside the packages that they need.
///
/// # Errors
/// Why they are not there.
pub fn install() -> Result<PathBuf, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("editor");
    let version = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_| "node is missing (Debian: nodejs)".to_owned())?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next();
    if major
        .and_then(|major| major.parse().ok())
        .is_none_or(|major: u32| major < NODE)
    {
        return Err(format!("node {version} is too old, {NODE} is needed"));
    }
    let manifest = read(&sources.join("package.json"))?;
    let home = cache_folder().join(format!("editor-{:016x}", digest(&[&manifest])));
    if !home.join("node_modules").is_dir() {
        install_packages(&home, &manifest)?;
    }
    let names = ["serve.mjs", "server.mjs", "strict.mjs", "race.mjs"];
    let texts: Vec<String> = names
        .iter()
        .map(|name| read(&sources.join(name)))
        .collect::<Result<_, _>>()?;
    let texts_ref: Vec<&str> = texts.iter().map(String::as_str).collect();
    let scripts = home.join(format!("scripts-{:016x}", digest(&texts_ref)));
    if !scripts.is_dir() {
        let new = tempfile::tempdir_in(&home).map_err(|error| error.to_string())?;
        for (name, text) in names.iter().zip(&texts) {
            std::fs::write(new.path().join(name), text).map_err(|error| error.to_string())?;
        }
        std::fs::write(new.path().join("package.json"), &manifest)
            .map_err(|error| error.to_string())?;
        // Another test process may have been as quick.
        let _ = std::fs::rename(new.path(), &scripts);
    }
    Ok(scripts)
}

fn install_packages(home: &Path, manifest: &str) -> Result<(), String> {
    let cache = cache_folder();
    std::fs::create_dir_all(&cache).map_err(|error| error.to_string())?;
    let new = tempfile::tempdir_in(&cache).map_err(|error| error.to_string())?;
    std::fs::write(new.path().join("package.json"), manifest).map_err(|error| error.to_string())?;
    let log = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let output = || log.reopen().map(Stdio::from);
    let mut npm = Command::new("npm")
        .args(["install", "--no-package-lock", "--no-audit", "--no-fund"])
        .current_dir(new.path())
        .stdin(Stdio::null())
        .stdout(output().map_err(|error| error.to_string())?)
        .stderr(output().map_err(|error| error.to_string())?)
        .spawn()
        .map_err(|_| "npm is missing (Debian: npm)".to_owned())?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = npm.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        if began.elapsed() > INSTALLATION {
            let _ = npm.kill();
            let _ = npm.wait();
            return Err(format!("npm took longer than {INSTALLATION:?}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        let said = std::fs::read_to_string(log.path()).unwrap_or_default();
        let line = said
            .lines()
            .find(|line| line.contains("npm error"))
            .unwrap_or("no reason given");
        return Err(format!("npm cannot install the language server: {line}"));
    }
    // Another test process may have been as quick.
    if std::fs::rename(new.path(), home).is_err() && !home.join("node_modules").is_dir() {
        return Err(format!("cannot make `{}`", home.display()));
    }
    Ok(())
}

fn cache_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("taffrail-tests")
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn digest(texts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::Probe;

    #[test]
    fn marks_are_places_and_not_text() {
        let probe = Probe::marked("a: <b>\n  <?>c: <|>d\n");
        assert_eq!(probe.text, "a: <b>\n  c: d\n");
        assert_eq!(probe.complete, [(1, 5)]);
        assert_eq!(probe.hover, [(1, 2)]);
    }
}
