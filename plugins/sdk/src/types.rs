//! The contract's records as plain Rust: what a plugin gets and gives, the same natively and in the sandbox.

/// What a plan may depend on besides the properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The task's `id` in its flow.
    pub task_id: String,
    /// Absolute path of the working directory, as the program will see it.
    pub working_dir: String,
    /// Absolute path of the output directory, as the program will see it, where the task asked for one.
    pub output_dir: Option<String>,
    /// The system that the commands run on.
    pub target_os: TargetOs,
    /// `process`, `docker`, or the name of another runner.
    pub runner: String,
    /// The image that the author chose; none where the plugin's default holds.
    pub container_image: Option<String>,
    /// The variables that the host will set, in the host's order.
    pub env: Vec<EnvVar>,
    /// A JSON object for what later versions add.
    pub extensions: Option<String>,
}

impl Context {
    /// The path of a file of the working directory as the program will see it, with the target's separator.
    ///
    /// `relative` has `/` between its parts, as [`File::path`] does.
    pub fn path_of(&self, relative: &str) -> String {
        let separator = match self.target_os {
            TargetOs::Windows => '\\',
            TargetOs::Linux | TargetOs::Macos => '/',
        };
        let mut path = self.working_dir.trim_end_matches(separator).to_owned();
        path.push(separator);
        path.extend(relative.chars().map(|character| {
            if character == '/' {
                separator
            } else {
                character
            }
        }));
        path
    }
}

/// The system that the commands run on, after `AUTO` was resolved by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetOs {
    /// Linux.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

/// A variable of the program's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// The variable's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl EnvVar {
    /// A variable with its value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        EnvVar {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// A file that must stand in the working directory before the program starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the working directory, `/` between the parts, no `..`. The host refuses anything else.
    pub path: String,
    /// The file's bytes.
    pub contents: Vec<u8>,
    /// Whether its owner may run it.
    pub executable: bool,
    /// A JSON object for what later versions add.
    pub extensions: Option<String>,
}

impl File {
    /// A file that is read, not run.
    pub fn new(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        File {
            path: path.into(),
            contents: contents.into(),
            executable: false,
            extensions: None,
        }
    }
}

/// What the host starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Lines for the task's interpreter. The host puts `failFast` and `beforeCommands` in front and joins them to one text.
    Shell(Vec<String>),
    /// A plain argument vector, started without any shell.
    Argv(Vec<String>),
}

/// One task's execution plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the host starts.
    pub program: Program,
    /// What must stand in the working directory before.
    pub files: Vec<File>,
    /// Defaults of the language. What the author set wins.
    pub env: Vec<EnvVar>,
    /// The image to use where the author chose none; none means the descriptor's default.
    pub container_image: Option<String>,
    /// Remarks on a plan that is good all the same.
    pub diagnostics: Vec<Diagnostic>,
    /// A JSON object for what later versions add.
    pub extensions: Option<String>,
}

impl Plan {
    /// A plan that starts `program` and asks for nothing else.
    pub fn new(program: Program) -> Self {
        Plan {
            program,
            files: vec![],
            env: vec![],
            container_image: None,
            diagnostics: vec![],
            extensions: None,
        }
    }
}

/// How grave a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The task cannot run.
    Error,
    /// The task runs, but probably not as its author thinks.
    Warning,
    /// Worth knowing.
    Info,
    /// Worth changing one day.
    Hint,
}

/// One remark about one place of a task's properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// Stable, `<plugin>/<rule>`, for example `python/empty-script`.
    pub code: String,
    /// One sentence for the flow's author, lower case, no full stop.
    pub message: String,
    /// RFC 6901 pointer into the properties; the empty text means the whole task.
    pub pointer: String,
    /// A JSON object for what later versions add.
    pub extensions: Option<String>,
}

impl Diagnostic {
    /// A remark about one property, with the pointer to it.
    pub fn new(
        severity: Severity,
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Diagnostic {
            severity,
            code: code.into(),
            message: message.into(),
            pointer: pointer.into(),
            extensions: None,
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// The plugin has no task type of this name.
    UnknownTaskType(String),
    /// The properties hold what their schema could not refuse. Never empty.
    InvalidProperties(Vec<Diagnostic>),
    /// The wish is clear, but not possible, for example on this target system.
    Unsupported(String),
    /// The plugin's own fault.
    Internal(String),
}

impl PlanError {
    /// The error for one property at fault.
    pub fn property(
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        PlanError::InvalidProperties(vec![Diagnostic::new(
            Severity::Error,
            code,
            pointer,
            message,
        )])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_take_the_targets_separator() {
        let check = |target_os, working_dir: &str, expected: &str| {
            let context = Context {
                task_id: "t".into(),
                working_dir: working_dir.into(),
                output_dir: None,
                target_os,
                runner: "process".into(),
                container_image: None,
                env: vec![],
                extensions: None,
            };
            assert_eq!(context.path_of("a/b c"), expected);
        };
        check(TargetOs::Linux, "/job", "/job/a/b c");
        check(TargetOs::Linux, "/", "/a/b c");
        check(TargetOs::Macos, "/job/", "/job/a/b c");
        check(TargetOs::Windows, "C:\\work", "C:\\work\\a\\b c");
    }
}
