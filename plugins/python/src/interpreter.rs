//! Which Python runs: shell lines that choose one where the task runs, since only there can be seen what is installed.

use taffrail_plugin::{Context, Diagnostic, Language, Plan, PlanError, Severity, TargetOs, shell};

use crate::Python;
use crate::properties::Settings;

/// The runner whose programs find what the machine has; every other runner brings an image.
pub(crate) const PROCESS: &str = "process";

/// Lines that make `python` and `python3` mean the chosen interpreter in the author's lines.
pub(crate) const NAMES: [&str; 2] = [
    "python() { command \"$taffrail_python\" \"$@\"; }",
    "python3() { command \"$taffrail_python\" \"$@\"; }",
];

/// A Python version of one to three numbers.
pub(crate) struct Version<'a> {
    text: &'a str,
    parts: Vec<&'a str>,
}

impl<'a> Version<'a> {
    /// The version that the task asks for, if it does.
    pub(crate) fn of(settings: &'a Settings) -> Result<Option<Self>, PlanError> {
        let Some(text) = settings.python_version.as_deref() else {
            return Ok(None);
        };
        let parts: Vec<&str> = text.split('.').collect();
        // A leading zero would be no number to Python.
        let number = |part: &&str| {
            (1..=4).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && (part.len() == 1 || !part.starts_with('0'))
        };
        if parts.len() > 3 || !parts.iter().all(number) {
            return Err(PlanError::property(
                [Python::ID, "/invalid-version"].concat(),
                "/pythonVersion",
                [
                    "`",
                    text,
                    "` is not a Python version, write one to three numbers, for example `3.13`",
                ]
                .concat(),
            ));
        }
        Ok(Some(Version { text, parts }))
    }

    /// `python3.12` for 3.12 and for 3.12.4: no system has a name for a patch.
    fn command(&self) -> String {
        ["python", &self.parts[..self.parts.len().min(2)].join(".")].concat()
    }

    /// A Python expression that is true for every other version.
    fn differs(&self) -> String {
        [
            "sys.version_info[:",
            &self.parts.len().to_string(),
            "] != (",
            &self.parts.join(", "),
            ",)",
        ]
        .concat()
    }
}

/// The line that sets the interpreter, or says which one is missing and ends with 127, as a shell does for a missing command.
pub(crate) fn select(context: &Context, version: Option<&Version<'_>>) -> String {
    let Some(version) = version.filter(|_| context.runner == PROCESS) else {
        return taffrail_plugin::python::select(context);
    };
    let command = version.command();
    let asked = ["`pythonVersion` asks for ", version.text, ", "].concat();
    let missing = [&asked, "but `", &command, "` is not on the PATH"].concat();
    let other = [&asked, "but this is another Python:"].concat();
    [
        "if [ -n \"${VIRTUAL_ENV:-}\" ]; then taffrail_python=\"$VIRTUAL_ENV/bin/python\"; elif command -v ",
        &command,
        " >/dev/null 2>&1; then taffrail_python=",
        &command,
        "; else echo '",
        &missing,
        "' >&2; exit 127; fi",
        // A virtual environment, and a name without the patch, may turn out to be another version.
        "; \"$taffrail_python\" -c 'import sys; sys.exit(",
        &version.differs(),
        ")' || { echo '",
        &other,
        "' \"$taffrail_python\" >&2; exit 127; }",
    ]
    .concat()
}

/// The line for a Windows target, where the launcher `py` picks versions and an activated environment comes first as `python`.
pub(crate) fn windows_line(version: Option<&Version<'_>>, path: &str) -> String {
    let command = match version {
        Some(version) => [
            "py -",
            &version.parts[..version.parts.len().min(2)].join("."),
        ]
        .concat(),
        None => "python".to_owned(),
    };
    [&command, " ", &shell::quote_path(path, TargetOs::Windows)].concat()
}

/// The image of the asked version where the author chose none; where one was chosen, its Python is the one that runs.
pub(crate) fn choose_image(version: &Version<'_>, context: &Context, plan: &mut Plan) {
    if context.runner == PROCESS {
        return;
    }
    let Some(image) = &context.container_image else {
        plan.container_image = Some(["python:", version.text, "-slim"].concat());
        return;
    };
    if !crate::holds(image, &["python:", version.text].concat()) {
        plan.diagnostics.push(Diagnostic::new(
            Severity::Warning,
            "python/version-of-image",
            "/pythonVersion",
            [
                "`pythonVersion` does not change the Python of `",
                image,
                "`, choose an image with that version",
            ]
            .concat(),
        ));
    }
}
