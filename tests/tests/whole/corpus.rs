//! The collected flows, run: by child processes, with stand-ins for the interpreters and installers that not every machine has, and
//! with the network replaced by a server on the loopback address and a repository in a folder.
//!
//! A stand-in looks whether it is given what its interpreter would read, and says so; what a script would compute, it does not. So a
//! flow that runs here has all of its tasks prepared, started, and followed to their ends as the flow says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use taffrail_tests::cli::World;
use taffrail_tests::web::{Reply, WebServer};

/// Interpreters and tools that are stood in for.
const STAND_INS: [&str; 20] = [
    "bun",
    "cargo",
    "deno",
    "dotnet",
    "dotnet-script",
    "etl",
    "go",
    "groovy",
    "jbang",
    "julia",
    "lua",
    "perl",
    "php",
    "pip",
    "pip3",
    "pwsh",
    "R",
    "Rscript",
    "ruby",
    "uv",
];

/// Finds a file among its arguments, where there is one that looks like a script it must be there.
const STAND_IN: &str = r#"#!/bin/sh
for argument; do
  case "$argument" in
    *.ts|*.js|*.csx|*.go|*.groovy|*.java|*.jl|*.lua|*.pl|*.php|*.R|*.rb|*.ps1)
      test -f "$argument" || { echo "no file $argument" >&2; exit 1; } ;;
  esac
done
echo "stand-in $(basename "$0")"
"#;

/// Installs what the collected Node scripts ask for.
const NPM: &str = r#"#!/bin/sh
mkdir -p node_modules/colors
echo '{"name": "colors", "main": "index.js"}' > node_modules/colors/package.json
echo 'module.exports = { red: text => text };' > node_modules/colors/index.js
"#;

/// The modules that the collected Python scripts import and that are not part of Python.
const MODULES: [(&str, &str); 3] = [
    (
        "kestra.py",
        "import json, logging\nclass Kestra:\n    @staticmethod\n    def _send(what):\n        print('::' + json.dumps(what) + '::')\n    @staticmethod\n    def outputs(values):\n        Kestra._send({'outputs': values})\n    @staticmethod\n    def counter(name, value, tags=None):\n        Kestra._send({'metrics': [{'name': name, 'type': 'counter', 'value': value, 'tags': tags or {}}]})\n    @staticmethod\n    def timer(name, value, tags=None):\n        if callable(value):\n            value()\n            value = 0.1\n        Kestra._send({'metrics': [{'name': name, 'type': 'timer', 'value': value, 'tags': tags or {}}]})\n    @staticmethod\n    def logger():\n        return logging.getLogger('kestra')\n",
    ),
    (
        "requests.py",
        "import json, urllib.request\n__version__ = '2'\nclass Answer:\n    def __init__(self, status, text):\n        self.status_code, self.text, self.content = status, text, text.encode()\n        self.ok, self.headers = status < 400, {}\n    def json(self):\n        return json.loads(self.text)\n    def raise_for_status(self):\n        pass\ndef get(url, **more):\n    with urllib.request.urlopen(url) as answer:\n        return Answer(answer.status, answer.read().decode())\n",
    ),
    (
        "pandas.py",
        "import csv, io, urllib.request\nclass Column(list):\n    def __mul__(self, number):\n        return Column(value * number for value in self)\n    def sum(self):\n        return sum(self)\nclass Frame(dict):\n    def to_csv(self, path, **more):\n        with open(path, 'w') as file:\n            out = csv.writer(file)\n            out.writerow(self.keys())\n            out.writerows(zip(*self.values()))\ndef number(text):\n    try:\n        return float(text)\n    except ValueError:\n        return text\ndef read_csv(path, **more):\n    if '://' in path:\n        file = io.StringIO(urllib.request.urlopen(path).read().decode())\n    else:\n        file = open(path)\n    rows = list(csv.reader(file))\n    return Frame({name: Column(number(row[place]) for row in rows[1:]) for place, name in enumerate(rows[0])})\n",
    ),
];

const TABLE: &str = "tests/whole/corpus.tsv";

struct Surroundings {
    world: World,
    server: WebServer,
    repository: PathBuf,
}

fn surroundings() -> Surroundings {
    let world = World::new();
    let bin = world.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let program = |name: &str, text: &str| {
        let path = bin.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    for name in STAND_INS {
        program(name, STAND_IN);
    }
    program("npm", NPM);
    let modules = world.root().join("modules");
    std::fs::create_dir(&modules).unwrap();
    for (name, text) in MODULES {
        std::fs::write(modules.join(name), text).unwrap();
    }
    let found = Command::new("sh")
        .args(["-c", "command -v python3"])
        .output()
        .unwrap();
    let python = String::from_utf8(found.stdout).unwrap();
    // An installer inside of it is the stand-in's business, too.
    let wrapper = format!(
        "#!/bin/sh\ncase \"$1 $2\" in\n\"-m pip\") exit 0;;\n\"-m venv\") for folder; do :; done; mkdir -p \"$folder/bin\"; : > \"$folder/bin/activate\"; ln -sf \"$0\" \"$folder/bin/python\"; exit 0;;\nesac\nPYTHONPATH={} exec {} \"$@\"\n",
        modules.display(),
        python.trim()
    );
    for name in ["python", "python3"] {
        program(name, &wrapper);
    }
    let repository = world.root().join("repository");
    for folder in ["scripts", "ml"] {
        std::fs::create_dir_all(repository.join(folder)).unwrap();
    }
    for name in ["scripts/hello_world.go", "README.md"] {
        std::fs::write(repository.join(name), "x\n").unwrap();
    }
    let script = "print('from the repository')\n";
    for name in ["etl_script.py", "scripts/etl_script.py", "ml/forecast.py"] {
        std::fs::write(repository.join(name), script).unwrap();
    }
    for command in [
        "init -q",
        "add -A",
        "-c user.name=t -c user.email=t@example.org commit -q -m one",
        "branch -M main",
        "branch master",
    ] {
        let done = Command::new("git")
            .args(command.split(' '))
            .current_dir(&repository)
            .status()
            .unwrap();
        assert!(done.success(), "git {command}");
    }
    let files = world.here().join("_files");
    for (name, text) in [
        ("main.rb", "puts 'x'\n"),
        ("etl_script.py", script),
        ("scripts/hello_world.go", "package main\n"),
    ] {
        let path = files.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let server = WebServer::start(|asked| {
        if asked.target.ends_with(".csv") {
            return Reply::new(200, "order_id,customer_name,total\n1,Ada,12.5\n2,Grace,7\n");
        }
        Reply::new(
            200,
            "{\"id\": 1, \"title\": \"x\", \"products\": [], \"stargazers_count\": 1}",
        )
        .header("Content-Type", "application/json")
    });
    Surroundings {
        world,
        server,
        repository,
    }
}

impl Surroundings {
    /// The flow with every address of the network replaced.
    fn replaced(&self, text: &str) -> String {
        let mut replaced = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("https://") {
            let end = rest[at..]
                .find(|letter: char| {
                    letter.is_whitespace() || matches!(letter, '"' | '\'' | ')' | ']' | '<')
                })
                .map_or(rest.len(), |length| at + length);
            let address = &rest[at..end];
            replaced.push_str(&rest[..at]);
            let clones = address.starts_with("https://github.com/") && !address.contains("/blob/");
            if clones {
                replaced.push_str(&format!("file://{}", self.repository.display()));
            } else {
                let last = address.rsplit('/').next().unwrap_or_default();
                replaced.push_str(&self.server.address(&format!("/{last}")));
            }
            rest = &rest[end..];
        }
        replaced.push_str(rest);
        replaced
    }

    /// How a flow ends: its exit code, and the first thing that was said to be wrong.
    fn run(&self, text: &str) -> (i32, String) {
        let text = self.replaced(text);
        self.world.write("flow.yaml", &text);
        self.world.write("given.csv", "a,b\n1,2\n");
        let mut secrets = String::new();
        for part in text.split("secret('").skip(1) {
            let name = part.split('\'').next().unwrap_or_default();
            let _ = writeln!(secrets, "{name}=stands-for-a-secret");
        }
        self.world.write("secrets.env", secrets);
        let mut arguments = vec![
            "run".to_owned(),
            "flow.yaml".to_owned(),
            "--runner".to_owned(),
            "process".to_owned(),
            "--secrets-file".to_owned(),
            "secrets.env".to_owned(),
        ];
        for input in files_without_default(&text) {
            arguments.extend(["-i".to_owned(), format!("{input}=@given.csv")]);
        }
        let finished = self
            .world
            .command(arguments)
            .path_first(&self.world.root().join("bin"))
            .finish();
        let said = finished
            .stderr
            .lines()
            .find(|line| line.starts_with("error"))
            .unwrap_or_default();
        // The folders that programs are looked for in differ between machines.
        let said = said.split(" in `PATH`").next().unwrap_or_default();
        let said = said
            .replace(&*self.world.root().to_string_lossy(), "")
            .replace('\t', " ");
        (finished.code().unwrap_or(-1), said)
    }
}

/// The inputs of type FILE that must be given.
fn files_without_default(text: &str) -> Vec<String> {
    let Ok(flow) = serde_yaml::from_str::<serde_yaml::Value>(text) else {
        return Vec::new();
    };
    let inputs = flow.get("inputs").and_then(serde_yaml::Value::as_sequence);
    inputs
        .into_iter()
        .flatten()
        .filter(|input| {
            input.get("type").and_then(serde_yaml::Value::as_str) == Some("FILE")
                && input.get("defaults").is_none()
        })
        .filter_map(|input| Some(input.get("id")?.as_str()?.to_owned()))
        .collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
}

/// Flows that fail in the original, too, on a machine like this one, and what they would need.
const WRONG: [(&str, &str); 4] = [
    (
        "kestra/authored/008_python_venv_and_requirements.yaml",
        "another script: `{{ null }}` prints nothing, which leaves no Python",
    ),
    (
        "kestra/plugin-scripts/068.yaml",
        "its file elsewhere: `folderPerNamespace` puts it into a folder",
    ),
    (
        "kestra/plugin-scripts/070.yaml",
        "a file that nothing in it brings",
    ),
    ("kestra/plugin-scripts/100.yaml", "Windows"),
];

/// What a flow needs beside scripts, flowables and core tasks, where that is known without running it.
fn needs_more(name: &str, text: &str, valid: bool) -> Option<&'static str> {
    if !valid {
        return Some("not valid here");
    }
    if let Some((_, why)) = WRONG.iter().find(|(wrong, _)| *wrong == name) {
        return Some(why);
    }
    // Such a flow is started by something that gives it what it reads.
    if text.contains("trigger.") {
        return Some("a trigger");
    }
    let pauses =
        text.contains("flow.Pause") && !text.contains("delay") && !text.contains("pauseDuration");
    pauses.then_some("somebody who says go on")
}

#[test]
fn the_collected_flows_run_to_their_ends_or_say_why_not() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = own.join("../host/core/tests/corpus");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();
    let surroundings = surroundings();
    let mut rows = BTreeMap::new();
    let (mut runs, mut fit) = (0, 0);
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        surroundings.world.write("checked.yaml", &text);
        let valid = surroundings
            .world
            .taffrail(["validate", "checked.yaml", "-q"]);
        let more = needs_more(&name, &text, valid.code() == Some(0));
        let (code, said) = surroundings.run(&text);
        let outcome = if code == 0 { "runs" } else { "explained" };
        assert!(
            code == 0 || !said.is_empty(),
            "{name}: exit code {code} and no word"
        );
        runs += usize::from(code == 0);
        fit += usize::from(more.is_none());
        let said = if code == 0 { String::new() } else { said };
        rows.insert(name, format!("{outcome}\t{}\t{said}", more.unwrap_or("-")));
    }
    let missed = rows
        .values()
        .filter(|row| row.starts_with("explained\t-"))
        .count();
    let share = 100 * (fit - missed) / fit.max(1);
    let count = paths.len();
    println!(
        "{runs} of {count} collected flows run to their ends; of the {fit} that need scripts, flowables and core tasks only, {share} %"
    );
    let mut table = String::from("file\toutcome\tneeds\tsaid\n");
    for (name, row) in &rows {
        let _ = writeln!(table, "{name}\t{row}");
    }
    let file = own.join(TABLE);
    if std::env::var_os("TAFFRAIL_BLESS").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap();
    for line in known.lines().skip(1) {
        let (name, row) = line.split_once('\t').unwrap();
        let ran = row.starts_with("runs");
        let now = rows.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        assert!(!ran || now.starts_with("runs"), "{name} ran before: {now}");
    }
    let before = known
        .lines()
        .filter(|line| line.contains("\truns\t"))
        .count();
    assert_eq!(
        runs, before,
        "more flows run than the table says; TAFFRAIL_BLESS=1 writes it anew:\n{table}"
    );
    assert!(share >= 95, "{share} %:\n{table}");
}
