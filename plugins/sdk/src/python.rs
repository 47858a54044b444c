//! For plugins whose tool is a Python package: lines that find an interpreter where the task runs, and install packages for it.

use crate::shell;
use crate::types::Context;

/// How lines after [`select`] call the interpreter. The variable is not exported: the program does not see it.
pub const CHOSEN: &str = "\"$taffrail_python\"";

/// The runner whose programs find what the machine has; every other runner brings an image.
const PROCESS: &str = "process";

/// The line that sets the interpreter: that of an active virtual environment, else `python` of the image, or `python3` or `python` of
/// the machine. Where there is none it says so and ends with 127, as a shell does for a missing command.
pub fn select(context: &Context) -> String {
    let venv = "if [ -n \"${VIRTUAL_ENV:-}\" ]; then taffrail_python=\"$VIRTUAL_ENV/bin/python\"; ";
    if context.runner != PROCESS {
        return [venv, "else taffrail_python=python; fi"].concat();
    }
    let candidate = |command: &str| {
        [
            "elif command -v ",
            command,
            " >/dev/null 2>&1; then taffrail_python=",
            command,
            "; ",
        ]
        .concat()
    };
    [
        venv,
        &candidate("python3"),
        &candidate("python"),
        "else echo 'no Python was found: neither `python3` nor `python` is on the PATH' >&2; exit 127; fi",
    ]
    .concat()
}

/// Packages of one task, installed into a folder of its working directory.
#[derive(Debug, Clone, Copy)]
pub struct Packages<'a> {
    /// The folder that they go into, as the program sees it.
    pub library: &'a str,
    /// The requirements file, as the program sees it: nothing in it can be taken for an option of the shell line.
    pub requirements: &'a str,
    /// Whether uv does it where it is on the PATH; pip does it otherwise.
    pub uv: bool,
    /// Whether the caches of uv and pip may be used.
    pub cached: bool,
}

/// Packages that are kept from one execution to the next by a program of the plugin's, which is called `restore` and `save` with the archive,
/// the library and the requirements, and fails where there is nothing that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeper<'a> {
    /// The program's file, as the task's program sees it; the chosen interpreter runs it.
    pub program: &'a str,
    /// The archive's file, as the task's program sees it.
    pub archive: &'a str,
}

impl Packages<'_> {
    /// As [`lines`](Self::lines), but only where `keeper` has nothing that fits; what was installed is given to it.
    pub fn kept_lines(&self, keeper: Keeper<'_>) -> [String; 2] {
        let call = |action: &str| {
            let words = [
                keeper.program,
                action,
                keeper.archive,
                self.library,
                self.requirements,
            ];
            let mut line = CHOSEN.to_owned();
            for word in words {
                line.push(' ');
                line.push_str(&shell::quote(word));
            }
            line
        };
        let [install, extend] = self.lines();
        // Packages that cannot be kept are there all the same.
        let install = [
            &call("restore"),
            " || { ",
            &install,
            "; ",
            &call("save"),
            " || :; }",
        ]
        .concat();
        [install, extend]
    }

    /// After [`select`]: installs, quietly unless it fails, then puts the packages and their commands in front of what the task had.
    pub fn lines(&self) -> [String; 2] {
        let library = shell::quote(self.library);
        let requirements = shell::quote(self.requirements);
        let target = [
            " --target ",
            &library,
            " --requirement ",
            &requirements,
            " || exit",
        ]
        .concat();
        let pip_cache = if self.cached { "" } else { " --no-cache-dir" };
        // Without `--upgrade` pip leaves what an earlier attempt installed, whatever its version.
        let pip = [
            CHOSEN,
            " -m pip install --quiet --upgrade",
            pip_cache,
            &target,
        ]
        .concat();
        let install = if self.uv {
            let uv_cache = if self.cached { "" } else { " --no-cache" };
            // Copies: a link into the shared cache would let the script change it.
            // Its path, because uv would take a mere name for a wish and could find another Python.
            let interpreter = ["\"$(command -v ", CHOSEN, ")\""].concat();
            [
                "if command -v uv >/dev/null 2>&1; then uv pip install --quiet --link-mode copy",
                uv_cache,
                " --python ",
                &interpreter,
                &target,
                "; else ",
                &pip,
                "; fi",
            ]
            .concat()
        } else {
            pip
        };
        let extend = [
            "PATH=",
            &library,
            "/bin:\"$PATH\" PYTHONPATH=",
            &library,
            "\"${PYTHONPATH:+:$PYTHONPATH}\"; export PATH PYTHONPATH",
        ]
        .concat();
        [install, extend]
    }
}
