//! Plans of the Python plugin run by a real shell: against stand-ins that tell how they were called, and against a real Python.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use taffrail_plugin::json::Value;
use taffrail_plugin::{Context, EnvVar, Program, cases, plan_text};
use taffrail_plugin_python::Python;
use tempfile::TempDir;

/// A working directory whose name needs quoting, and a folder of programs that is all of the PATH.
struct Machine {
    root: TempDir,
    env: Vec<EnvVar>,
    fail_fast: bool,
    runner: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("it's a dir")).unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        Machine {
            root,
            env: vec![],
            fail_fast: true,
            runner: "process",
        }
    }

    fn working_dir(&self) -> PathBuf {
        self.root.path().join("it's a dir")
    }

    /// Puts a shell script into a folder of the machine.
    fn install(&self, path: &str, body: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A stand-in that says its name and arguments, and answers questions about its version with `verdict`.
    fn install_python(&self, path: &str, verdict: i32) {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        self.install(path, &format!("[ \"$1\" = -c ] && exit {verdict}; case \"$2\" in restore) exit 1;; save) exit 0;; esac; echo {name} \"$@\"; echo \"${{PYTHONPATH-unset}}\""));
    }

    fn set(&mut self, name: &str, value: &str) {
        self.env.push(EnvVar::new(name, value));
    }

    fn run(&self, kind: &str, properties: &str) -> Outcome {
        self.run_with_path(kind, properties, &self.root.path().join("bin"))
    }

    fn run_with_path(&self, kind: &str, properties: &str, path: &Path) -> Outcome {
        let context = Context {
            working_dir: self.working_dir().to_str().unwrap().to_owned(),
            runner: self.runner.to_owned(),
            env: self.env.clone(),
            ..cases::context(&Value::Object(vec![])).unwrap()
        };
        let plan = plan_text::<Python>(
            &format!("io.kestra.plugin.scripts.python.{kind}"),
            properties,
            &context,
        )
        .unwrap();
        for file in plan.files {
            let target = self.working_dir().join(file.path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, file.contents).unwrap();
        }
        let Program::Shell(mut lines) = plan.program else {
            panic!("{:?}", plan.program)
        };
        if self.fail_fast {
            lines.insert(0, "set -e".to_owned());
        }
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &lines.join("\n")])
            .current_dir(self.working_dir())
            .env_clear()
            .env("PATH", path);
        for variable in plan.env.iter().chain(&self.env) {
            command.env(&variable.name, &variable.value);
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.replace(self.working_dir().to_str().unwrap(), "<dir>")
                .replace(self.root.path().to_str().unwrap(), "<root>")
        };
        Outcome {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

fn outcome(code: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome {
        code,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    }
}

const EMPTY: &str = r#"{"script":""}"#;
const RUN: &str = "<dir>/task.script.py\nunset\n";

#[test]
fn the_first_interpreter_that_is_there_runs() {
    let mut machine = Machine::new();
    let none = "no Python was found: neither `python3` nor `python` is on the PATH\n";
    assert_eq!(machine.run("Script", EMPTY), outcome(127, "", none));
    machine.install_python("bin/python", 0);
    assert_eq!(
        machine.run("Script", EMPTY),
        outcome(0, &format!("python {RUN}"), "")
    );
    machine.install_python("bin/python3", 0);
    assert_eq!(
        machine.run("Script", EMPTY),
        outcome(0, &format!("python3 {RUN}"), "")
    );
    machine.runner = "docker";
    assert_eq!(
        machine.run("Script", EMPTY),
        outcome(0, &format!("python {RUN}"), "")
    );
    machine.install_python("venv/bin/python", 0);
    machine.install("bin/python", "echo wrong; exit 9");
    machine.install("bin/python3", "echo wrong; exit 9");
    let venv = machine.root.path().join("venv");
    machine.set("VIRTUAL_ENV", venv.to_str().unwrap());
    for runner in ["docker", "process"] {
        machine.runner = runner;
        assert_eq!(
            machine.run("Script", EMPTY),
            outcome(0, &format!("python {RUN}"), "")
        );
    }
}

#[test]
fn the_asked_version_runs_or_nothing_does() {
    let machine = Machine::new();
    let asks = r#"{"script":"","pythonVersion":"3.12.4"}"#;
    machine.install_python("bin/python3", 0);
    let missing = "`pythonVersion` asks for 3.12.4, but `python3.12` is not on the PATH\n";
    assert_eq!(machine.run("Script", asks), outcome(127, "", missing));
    machine.install_python("bin/python3.12", 0);
    assert_eq!(
        machine.run("Script", asks),
        outcome(0, &format!("python3.12 {RUN}"), "")
    );
    machine.install_python("bin/python3.12", 1);
    let other = "`pythonVersion` asks for 3.12.4, but this is another Python: python3.12\n";
    assert_eq!(machine.run("Script", asks), outcome(127, "", other));
    let lines = r#"{"pythonVersion":"3.12.4","commands":["python a","echo never"]}"#;
    assert_eq!(machine.run("Commands", lines), outcome(127, "", other));
    machine.install_python("bin/python3.12", 0);
    let lines = r#"{"pythonVersion":"3.12.4","commands":["python 'a b'","python3 c"]}"#;
    assert_eq!(
        machine.run("Commands", lines),
        outcome(0, "python3.12 a b\nunset\npython3.12 c\nunset\n", "")
    );
}

#[test]
fn dependencies_are_installed_by_who_is_there_for_who_runs() {
    let mut machine = Machine::new();
    let asks = r#"{"script":"","dependencies":["six==1.17.0"," attrs ",""]}"#;
    machine.install_python("bin/python3", 0);
    let target = "--target <dir>/.taffrail-python/lib --requirement <dir>/.taffrail-python/task.requirements.txt";
    let library = "<dir>/.taffrail-python/lib";
    let run = |environment: &str| format!("python3 <dir>/task.script.py\n{environment}\n");
    let pip =
        |cache: &str| format!("python3 -m pip install --quiet --upgrade{cache} {target}\nunset\n");
    assert_eq!(
        machine.run("Script", asks),
        outcome(0, &format!("{}{}", pip(""), run(library)), "")
    );
    let requirements = fs::read_to_string(
        machine
            .working_dir()
            .join(".taffrail-python/task.requirements.txt"),
    )
    .unwrap();
    assert_eq!(requirements, "six==1.17.0\nattrs\n");

    machine.install("bin/uv", "echo uv \"$@\"");
    let uv = |cache: &str| {
        format!(
            "uv pip install --quiet --link-mode copy{cache} --python <root>/bin/python3 {target}\n"
        )
    };
    assert_eq!(
        machine.run("Script", asks),
        outcome(0, &format!("{}{}", uv(""), run(library)), "")
    );
    let uncached = asks.replace("\"script\"", "\"dependencyCacheEnabled\":false,\"script\"");
    assert_eq!(
        machine.run("Script", &uncached),
        outcome(0, &format!("{}{}", uv(" --no-cache"), run(library)), "")
    );
    let by_pip = uncached.replace("\"script\"", "\"packageManager\":\"PIP\",\"script\"");
    assert_eq!(
        machine.run("Script", &by_pip),
        outcome(
            0,
            &format!("{}{}", pip(" --no-cache-dir"), run(library)),
            ""
        )
    );

    machine.set("PYTHONPATH", "/mine:/too");
    let extended = format!("{library}:/mine:/too");
    assert_eq!(
        machine.run("Script", asks),
        outcome(0, &format!("{}{}", uv(""), run(&extended)), "")
    );
    let lines = r#"{"commands":["python x","tool"],"dependencies":["six"]}"#;
    machine.install(
        "it's a dir/.taffrail-python/lib/bin/tool",
        "echo tool of the package",
    );
    let expected = format!("{}python3 x\n{extended}\ntool of the package\n", uv(""));
    assert_eq!(machine.run("Commands", lines), outcome(0, &expected, ""));
}

#[test]
fn a_failing_installation_fails_the_task() {
    let mut machine = Machine::new();
    machine.install(
        "bin/python3",
        "[ \"$2\" = restore ] && exit 1; [ \"$2\" = pip ] && { echo no such package >&2; exit 7; }; echo ran",
    );
    for fail_fast in [true, false] {
        machine.fail_fast = fail_fast;
        for properties in [
            r#"{"script":"","dependencies":["x"]}"#,
            r#"{"script":"","dependencies":["x"],"packageManager":"PIP"}"#,
        ] {
            assert_eq!(
                machine.run("Script", properties),
                outcome(7, "", "no such package\n")
            );
        }
        let lines = r#"{"commands":["echo ran"],"dependencies":["x"]}"#;
        assert_eq!(
            machine.run("Commands", lines),
            outcome(7, "", "no such package\n")
        );
    }
}

#[test]
fn a_real_python_runs_scripts_with_their_own_lines() {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).find(|folder| folder.join("python3").is_file());
    let Some(folder) = found else {
        println!("skipped: there is no `python3` on this machine");
        return;
    };
    let machine = Machine::new();
    let home = env::var("HOME").unwrap_or_default();
    // A shim of a version manager needs its home and the rest of the PATH.
    machine.install(
        "bin/python3",
        &format!(
            "HOME='{home}' PATH='{}' exec '{}/python3' \"$@\"",
            path.display(),
            folder.display()
        ),
    );
    let run = |script: &str| {
        let properties =
            Value::Object(vec![("script".to_owned(), Value::from(script))]).to_pretty();
        machine.run("Script", &properties)
    };
    assert_eq!(run(""), outcome(0, "", ""));
    assert_eq!(
        run("import sys\nprint(sys.path[0], __file__, __name__)").stdout,
        "<dir> <dir>/task.script.py __main__\n"
    );
    fs::write(machine.working_dir().join("helper.py"), "answer = 42\n").unwrap();
    assert_eq!(run("import helper\nprint(helper.answer)").stdout, "42\n");
    assert_eq!(run("import task").code, 1);
    // Each of these fails in its last line, wherever the definitions went.
    for (script, line) in [
        ("print(true)\n1/0", 2),
        ("# c\nprint(null)\n1/0", 3),
        (
            "\"\"\"Doc\nstring.\"\"\"\nfrom __future__ import annotations\nprint(false, __doc__)\n1/0",
            5,
        ),
        (
            "#!/usr/bin/python3\n# -*- coding: utf-8 -*-\nimport json; print(json.dumps([true, 'ü']))\n1/0",
            4,
        ),
        ("\n@print\ndef f(): return null\n1/0", 4),
        ("'doc'; x = [\n  true,\n]\n1/0", 4),
        ("x = eval('[tr' 'ue]')\n1/0", 2),
    ] {
        let outcome = run(script);
        assert_eq!(outcome.code, 1, "{script}\n{outcome:?}");
        assert!(
            outcome
                .stderr
                .contains(&format!("line {line}, in <module>")),
            "{script}\n{}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.contains("ZeroDivisionError"),
            "{script}\n{}",
            outcome.stderr
        );
    }
    let failing = run("import sys\nsys.exit(3)");
    assert_eq!(failing.code, 3);
}
