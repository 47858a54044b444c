//! The argument vector of a script task: interpreter, fail-fast line, `beforeCommands` and the program's lines, joined in one way
//! for every language.

use crate::plan::{Program, TargetOs};

use super::settings::ScriptSettings;

/// What a task's interpreter is where neither author nor plugin says otherwise.
pub const DEFAULT_INTERPRETER: [&str; 2] = ["/bin/sh", "-c"];
/// What ends a text at its first failing line where the plugin does not say otherwise.
pub const DEFAULT_FAIL_FAST: &str = "set -e";

/// What one task starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// A plain argument vector.
    Argv(Vec<String>),
    /// An interpreter that gets a text as its last argument.
    Text {
        /// The interpreter and its arguments.
        interpreter: Vec<String>,
        /// The joined lines.
        text: String,
        /// Whether the text may be handed over as a file: the interpreter is a shell that runs it alike, and nothing in the text
        /// asks where it came from.
        shell_file: bool,
    },
}

/// Why there is no argument vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvocationError {
    /// The plugin starts a program without a shell, and so nothing could run the lines before it.
    #[error(
        "`beforeCommands` needs a shell, but this task starts `{program}` without one; remove `beforeCommands`, or use a task whose program is shell lines"
    )]
    BeforeWithoutShell {
        /// The program.
        program: String,
    },
    /// There is nothing to start.
    #[error("there is nothing to run: the task has no command")]
    Nothing,
    /// An argument holds a NUL character, which no operating system takes.
    #[error("argument {position} holds a NUL character")]
    Nul {
        /// Which, from 0.
        position: usize,
    },
}

/// Puts a program and a task's settings together.
///
/// `default_interpreter` and `fail_fast_line` are the plugin's, from its descriptor. Both an empty interpreter and no
/// `beforeCommands` start the lines themselves, one argument each.
///
/// # Errors
/// When there is nothing to run, or `beforeCommands` stand before a program that needs no shell.
pub fn assemble(
    program: &Program,
    settings: &ScriptSettings,
    target_os: TargetOs,
    default_interpreter: Option<&[String]>,
    fail_fast_line: Option<&str>,
) -> Result<Invocation, InvocationError> {
    let before = settings.before_commands.as_deref().unwrap_or_default();
    let invocation = match program {
        Program::Argv(argv) => {
            let program = argv.first().ok_or(InvocationError::Nothing)?;
            if !before.is_empty() {
                return Err(InvocationError::BeforeWithoutShell {
                    program: program.clone(),
                });
            }
            Invocation::Argv(argv.clone())
        }
        Program::Shell(lines) => {
            let interpreter: Vec<String> = match (&settings.interpreter, default_interpreter) {
                (Some(chosen), _) => chosen.clone(),
                (None, Some(default)) => default.to_vec(),
                (None, None) => DEFAULT_INTERPRETER.map(str::to_owned).to_vec(),
            };
            if interpreter.is_empty() && before.is_empty() {
                if lines.is_empty() {
                    return Err(InvocationError::Nothing);
                }
                Invocation::Argv(lines.clone())
            } else {
                shell(
                    interpreter,
                    before,
                    lines,
                    settings,
                    target_os,
                    fail_fast_line,
                )
            }
        }
    };
    match invocation
        .argv()
        .iter()
        .position(|argument| argument.contains('\0'))
    {
        Some(position) => Err(InvocationError::Nul { position }),
        None => Ok(invocation),
    }
}

fn shell(
    interpreter: Vec<String>,
    before: &[String],
    lines: &[String],
    settings: &ScriptSettings,
    target_os: TargetOs,
    fail_fast_line: Option<&str>,
) -> Invocation {
    // An author who turns it off gets no line at all; on Windows it is an empty one, as `cmd` has no such option.
    let fail_fast = match (settings.fail_fast.unwrap_or(true), target_os) {
        (false, _) => None,
        (true, TargetOs::Windows) if fail_fast_line.is_none() => Some(""),
        (true, _) => Some(fail_fast_line.unwrap_or(DEFAULT_FAIL_FAST)),
    };
    let text = fail_fast
        .into_iter()
        .chain(before.iter().map(String::as_str))
        .chain(lines.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(target_os.line_separator());
    let shell_file =
        target_os != TargetOs::Windows && is_known_shell(&interpreter) && may_be_a_file(&text);
    Invocation::Text {
        interpreter,
        text,
        shell_file,
    }
}

impl Invocation {
    /// The argument vector with the text as its last element, as it stands in the contract.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Invocation::Argv(argv) => argv.clone(),
            Invocation::Text {
                interpreter, text, ..
            } => interpreter.iter().cloned().chain([text.clone()]).collect(),
        }
    }

    /// The argument vector that reads the text from a file at `path`, an absolute path as the shell will see it; nothing where the
    /// text must stay an argument.
    ///
    /// The shell sources the file, so `$0`, `$#`, `$@`, `cd`, `exit`, `set -e` and exit codes are the same as with the text in the
    /// argument vector. What differs is the name that the shell's own messages begin with, and that a last command does not
    /// replace the shell: killed by a signal, it is reported as the shell's exit code 128 + signal.
    pub fn by_file(&self, path: &str) -> Option<Vec<String>> {
        match self {
            Invocation::Text {
                interpreter,
                shell_file: true,
                ..
            } => {
                let quoted = path.replace('\'', r"'\''");
                Some(
                    interpreter
                        .iter()
                        .cloned()
                        .chain([format!(". '{quoted}'")])
                        .collect(),
                )
            }
            _ => None,
        }
    }
}

/// Whether this is a shell for which sourcing a file was tried to be the same as its `-c`. zsh and ksh are left out: zsh gives a
/// sourced file another `$0`, and ksh was not tried.
fn is_known_shell(interpreter: &[String]) -> bool {
    let Some((last, head)) = interpreter.split_last() else {
        return false;
    };
    let Some((program, options)) = head.split_first() else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    let options = match (name, options) {
        ("sh" | "bash" | "dash" | "ash", options) => options,
        ("busybox", [applet, options @ ..]) if applet == "sh" || applet == "ash" => options,
        _ => return false,
    };
    let harmless = |option: &String| {
        matches!(
            option.as_str(),
            "-e" | "-u"
                | "-eu"
                | "-ue"
                | "-l"
                | "--login"
                | "--norc"
                | "--noprofile"
                | "-o"
                | "pipefail"
                | "errexit"
                | "nounset"
        )
    };
    last == "-c" && options.iter().all(harmless)
}

/// Longest text that Linux takes as one argument, less some room.
const LONGEST_ARGUMENT: usize = 120 * 1024;

/// Whether the text would behave alike from a file. `return` would end a file but not an argument; the others ask, or show, where a
/// line stands or how deep it is nested. A text that no argument can hold goes by file whatever it says.
fn may_be_a_file(text: &str) -> bool {
    const TELLING: [&str; 12] = [
        "return",
        "RETURN",
        "DEBUG",
        "LINENO",
        "BASH_SOURCE",
        "BASH_ARGV",
        "BASH_EXECUTION_STRING",
        "FUNCNAME",
        "PS4",
        "xtrace",
        "verbose",
        "caller",
    ];
    text.len() > LONGEST_ARGUMENT
        || !(TELLING.iter().any(|word| text.contains(word)) || traces(text))
}

/// Whether the text switches on tracing (`set -x`) or echoing of its lines (`set -v`), whose output shows the nesting.
fn traces(text: &str) -> bool {
    text.match_indices("set -").any(|(at, matched)| {
        text[at + matched.len()..]
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .any(|flag| flag == 'x' || flag == 'v')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn lines(lines: &[&str]) -> Program {
        Program::Shell(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    fn settings(value: Value) -> ScriptSettings {
        serde_json::from_value(value).expect("settings")
    }

    #[test]
    fn one_table_for_all_languages() {
        let check = |program: &Program,
                     task: Value,
                     target_os: TargetOs,
                     plugin: (Option<&[&str]>, Option<&str>),
                     expected: Result<&[&str], &str>| {
            let interpreter: Option<Vec<String>> = plugin
                .0
                .map(|words| words.iter().map(|word| (*word).to_owned()).collect());
            let found = assemble(
                program,
                &settings(task.clone()),
                target_os,
                interpreter.as_deref(),
                plugin.1,
            )
            .map(|invocation| invocation.argv());
            match expected {
                Ok(argv) => assert_eq!(found.expect("an argv"), argv, "{task}"),
                Err(part) => {
                    let message = found.expect_err(part).to_string();
                    assert!(message.contains(part), "{message}");
                }
            }
        };
        let linux = TargetOs::Linux;
        let none = (None, None);
        let hello = lines(&["echo hello"]);
        check(
            &hello,
            json!({}),
            linux,
            none,
            Ok(&["/bin/sh", "-c", "set -e\necho hello"]),
        );
        check(
            &lines(&["a", "b"]),
            json!({"failFast": false}),
            linux,
            none,
            Ok(&["/bin/sh", "-c", "a\nb"]),
        );
        check(
            &hello,
            json!({"beforeCommands": ["cd x", ". venv"]}),
            linux,
            none,
            Ok(&["/bin/sh", "-c", "set -e\ncd x\n. venv\necho hello"]),
        );
        check(
            &hello,
            json!({"interpreter": ["/bin/bash", "-c"]}),
            linux,
            none,
            Ok(&["/bin/bash", "-c", "set -e\necho hello"]),
        );
        check(
            &lines(&["a", "b c"]),
            json!({"interpreter": []}),
            linux,
            none,
            Ok(&["a", "b c"]),
        );
        check(
            &lines(&["a"]),
            json!({"interpreter": [], "beforeCommands": ["x"]}),
            linux,
            none,
            Ok(&["set -e\nx\na"]),
        );
        check(
            &hello,
            json!({}),
            TargetOs::Windows,
            none,
            Ok(&["/bin/sh", "-c", "\r\necho hello"]),
        );
        check(
            &hello,
            json!({"failFast": false, "interpreter": ["cmd", "/c"], "beforeCommands": ["x"]}),
            TargetOs::Windows,
            none,
            Ok(&["cmd", "/c", "x\r\necho hello"]),
        );
        check(
            &lines(&["./a.ps1"]),
            json!({}),
            linux,
            (
                Some(&["pwsh", "-NoProfile", "-NonInteractive", "-Command"]),
                Some("$ErrorActionPreference = \"Stop\""),
            ),
            Ok(&[
                "pwsh",
                "-NoProfile",
                "-NonInteractive",
                "-Command",
                "$ErrorActionPreference = \"Stop\"\n./a.ps1",
            ]),
        );
        let argv = Program::Argv(vec!["prog".to_owned(), "x y".to_owned()]);
        check(&argv, json!({}), linux, none, Ok(&["prog", "x y"]));
        check(
            &argv,
            json!({"interpreter": ["bash", "-c"], "failFast": true}),
            linux,
            none,
            Ok(&["prog", "x y"]),
        );
        check(
            &argv,
            json!({"beforeCommands": ["x"]}),
            linux,
            none,
            Err("`beforeCommands` needs a shell"),
        );
        check(
            &Program::Argv(Vec::new()),
            json!({}),
            linux,
            none,
            Err("nothing to run"),
        );
        check(
            &lines(&[]),
            json!({"interpreter": []}),
            linux,
            none,
            Err("nothing to run"),
        );
        check(
            &lines(&["a\0b"]),
            json!({}),
            linux,
            none,
            Err("argument 2 holds a NUL"),
        );
    }

    #[test]
    fn only_texts_that_cannot_tell_go_by_file() {
        let check = |interpreter: &[&str], line: &str, expected: bool| {
            let task = settings(json!({"interpreter": interpreter}));
            let invocation = assemble(&lines(&[line]), &task, TargetOs::Linux, None, None)
                .expect("an invocation");
            let found = invocation.by_file("/tmp/a b/it's").is_some();
            assert_eq!(found, expected, "{interpreter:?} {line}");
        };
        let sh = ["/bin/sh", "-c"];
        check(&sh, "echo hello", true);
        check(&["bash", "-c"], "echo hello", true);
        check(&["bash", "-eu", "-o", "pipefail", "-c"], "echo", true);
        check(&["busybox", "sh", "-c"], "echo", true);
        check(&["zsh", "-c"], "echo", false);
        check(&["bash", "-x", "-c"], "echo", false);
        check(&["bash"], "echo", false);
        check(&["python3", "-c"], "print(1)", false);
        check(&["cmd", "/c"], "echo", false);
        check(&sh, "return 1", false);
        check(&sh, "echo $LINENO", false);
        check(&sh, "set -ex", false);
        check(&sh, "set -o xtrace", false);
        check(&sh, "set -eu", true);
        check(&sh, "grep -x a b", true);
        check(
            &sh,
            &format!("return #{}", "x".repeat(LONGEST_ARGUMENT)),
            true,
        );
    }

    /// The reason why a file may stand in for the argument: real shells answer alike.
    #[cfg(unix)]
    #[test]
    fn real_shells_answer_alike_by_argument_and_by_file() {
        use std::process::Command;
        let directory =
            std::env::temp_dir().join(format!("taffrail by-file it's {}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("text");
        let texts: &[&str] = &[
            "echo hello; echo \"$0 $# $@\"",
            "cd /; pwd",
            "false\necho not reached",
            "this-command-does-not-exist\necho not reached",
            "exit 66",
            "(exit 7)",
            "true | (exit 3)",
            "f() { echo in; false; echo out; }; if f; then echo yes; fi; f; echo never",
            "trap 'echo trapped' EXIT; exit 4",
            "echo err >&2; false",
            "x=1; unset x; echo ${x-unset}; : ${x:?}; echo never",
            "cat <<'END'\nit's \"$quoted\"\nEND",
            "echo a\necho 'unfinished",
            "kill -9 $$",
            "exec echo replaced; echo never",
            "read line; echo \"got $line\"",
            "alias hi='echo aliased'\nhi || true\necho end",
            "echo $-",
            "",
        ];
        let mut shells = vec![vec!["/bin/sh", "-c"]];
        if std::path::Path::new("/bin/bash").exists() {
            shells.push(vec!["/bin/bash", "-c"]);
        }
        for shell in shells {
            for (text, fail_fast) in texts.iter().flat_map(|text| [(text, true), (text, false)]) {
                let task = settings(json!({"interpreter": shell, "failFast": fail_fast}));
                let invocation =
                    assemble(&lines(&[text]), &task, TargetOs::Linux, None, None).expect("fine");
                let Invocation::Text { text: joined, .. } = &invocation else {
                    panic!("a text");
                };
                std::fs::write(&file, joined).expect("written");
                let run = |argv: Vec<String>| {
                    let output = Command::new(&argv[0])
                        .args(&argv[1..])
                        .stdin(std::process::Stdio::null())
                        .output()
                        .expect("the shell starts");
                    (output.status, output.stdout, output.stderr.is_empty())
                };
                let path = file.to_str().expect("text");
                let by_file = invocation.by_file(path).expect("by file");
                assert_eq!(run(invocation.argv()), run(by_file), "{shell:?}: {joined}");
            }
        }
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
