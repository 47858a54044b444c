//! A world of its own for the measured program: its folders, its environment, the flows it runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The folders of the program, none of them this user's.
const FOLDERS: [(&str, &str); 3] = [
    ("TAFFRAIL_STATE_DIR", "state"),
    ("TAFFRAIL_CACHE_DIR", "cache"),
    ("TAFFRAIL_PLUGIN_DIR", "plugins"),
];

/// Where the interpreters of an ordinary system are. A version manager's wrapper in their place would be measured instead of us.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The program and a folder for all that it keeps.
pub struct World {
    program: PathBuf,
    root: TempDir,
}

impl World {
    /// Finds the program: `TAFFRAIL_BIN`, or the one of the same build as this benchmark.
    pub fn new() -> Result<Self, String> {
        let program = match std::env::var_os("TAFFRAIL_BIN") {
            Some(path) => PathBuf::from(path),
            None => {
                let own = std::env::current_exe().map_err(|error| error.to_string())?;
                let folder = own
                    .ancestors()
                    .skip(1)
                    .find(|folder| !folder.ends_with("deps"));
                folder
                    .ok_or("this program is in no folder")?
                    .join("taffrail")
            }
        };
        if !program.is_file() {
            return Err(format!(
                "there is no `{}`: build it with `cargo build --release`",
                program.display()
            ));
        }
        let root =
            TempDir::new().map_err(|error| format!("no folder for the measurements: {error}"))?;
        Ok(Self { program, root })
    }

    /// The measured program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Where flows are written.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it is below the root"))
            .expect("the folder can be written");
        std::fs::write(&path, text).expect("the folder can be written");
        path
    }

    /// The program with the given arguments, its compiled plugins cached by earlier calls.
    pub fn taffrail(&self, arguments: &[&str]) -> Command {
        self.taffrail_in("kept", arguments)
    }

    /// The program with folders below `name`, which need not be there.
    pub fn taffrail_in(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env_clear();
        command.env("PATH", PATH);
        command.env("HOME", self.path(name));
        for (variable, folder) in FOLDERS {
            command.env(variable, self.path(name).join(folder));
        }
        quiet(command)
    }

    /// This benchmark as the floor program `part`.
    pub fn floor(&self, part: &str, arguments: &[&str]) -> Command {
        let mut command =
            Command::new(std::env::current_exe().expect("a running program has a file"));
        command
            .arg(format!("--floor={part}"))
            .args(arguments)
            .current_dir(self.root.path());
        quiet(command)
    }

    /// A program of the system, found on the same path as the tasks' interpreters.
    pub fn program_of_the_system(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(name);
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env_clear()
            .env("PATH", PATH);
        quiet(command)
    }

    /// Forgets the executions so far and their files, so that the disk does not fill.
    pub fn forget(&self) {
        for folder in ["kept/state/executions", "kept/state/storage"] {
            let _ = std::fs::remove_dir_all(self.path(folder));
        }
    }
}

fn quiet(mut command: Command) -> Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A flow of shell tasks, each of one command.
pub fn flow<'a>(commands: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from("id: measured\nnamespace: bench.goals\ntasks:\n");
    for (number, command) in commands.into_iter().enumerate() {
        text.push_str(&format!("  - id: task_{number}\n"));
        text.push_str("    type: io.kestra.plugin.scripts.shell.Commands\n");
        text.push_str("    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n");
        text.push_str(&format!(
            "    commands:\n      - {}\n",
            serde_json::Value::from(command)
        ));
    }
    text
}
