//! Golden cases: one JSON file each, with `name`, `taskType`, `properties`, `context` and the expected `plan` or `error`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use taffrail_core::diagnostic::Severity;
use taffrail_core::name::TaskType;
use taffrail_core::plan::{EnvVar, PlanContext, PlanRequest, TargetOs};
use taffrail_core::yaml::{Limits, parse};

use super::answer::pretty;

/// One request and the bytes of its expected answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where it was read, for the reader of a failure.
    pub source: String,
    /// What is asked.
    pub request: PlanRequest,
    /// The answer in canonical form: two spaces per level, one entry a line, a line break at the end.
    pub expected: String,
}

/// Why a file is no case, with its path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CaseError(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    name: String,
    task_type: TaskType,
    properties: Map<String, Value>,
    #[serde(default)]
    context: Context,
    plan: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Context {
    task_id: String,
    working_dir: String,
    output_dir: Option<String>,
    target_os: TargetOs,
    runner: String,
    container_image: Option<String>,
    env: Vec<EnvVar>,
    /// JSON text, as a plugin gets it.
    extensions: Option<String>,
}

/// What a host says by a context's extensions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Extensions {
    fail_fast: Option<bool>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            task_id: "task".to_owned(),
            working_dir: "/job".to_owned(),
            output_dir: None,
            target_os: TargetOs::Linux,
            runner: "process".to_owned(),
            container_image: None,
            env: Vec::new(),
            extensions: None,
        }
    }
}

impl Case {
    /// Reads a table of cases, `*.yaml`, a case, `*.json`, or every one of a folder, in the order of their names. A folder that does not
    /// exist has no cases.
    ///
    /// # Errors
    /// Names the file that cannot be read or is no case.
    pub fn load(folder: &Path) -> Result<Vec<Case>, CaseError> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| {
            CaseError(format!("{}: {error}", path.display()))
        };
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path).map_err(|error| failed(path, &error))?;
            let source = path.display().to_string();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                Ok(vec![Self::read(&source, &text)?])
            } else {
                Self::table(&source, &text)
            }
        };
        if folder.is_file() {
            return read(folder);
        }
        let listing = match std::fs::read_dir(folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(folder, &error)),
        };
        let mut paths = Vec::new();
        for entry in listing {
            let path = entry.map_err(|error| failed(folder, &error))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json" || extension == "yaml")
            {
                paths.push(path);
            }
        }
        paths.sort();
        let mut cases = Vec::new();
        for path in &paths {
            cases.extend(read(path)?);
        }
        Ok(cases)
    }

    /// Reads a table of cases: a YAML list of `name`, `task` as a flow writes it, `context` and the expected `plan` or `error`.
    ///
    /// # Errors
    /// Says at which line the text is no table.
    pub fn table(source: &str, text: &str) -> Result<Vec<Case>, CaseError> {
        let parsed = parse(text, &Limits::default());
        let at = |start: u32| {
            let before = text.get(..start as usize).unwrap_or_default();
            format!("{source}:{}", 1 + before.matches('\n').count())
        };
        if let Some(found) = parsed
            .diagnostics
            .iter()
            .find(|found| found.severity == Severity::Error)
        {
            let start = found.span.map_or(0, |span| span.start);
            return Err(CaseError(format!("{}: {}", at(start), found.message)));
        }
        let Some(root) = parsed.root else {
            return Ok(Vec::new());
        };
        root.items()
            .iter()
            .map(|item| {
                let place = at(item.span.start);
                let wrong = |reason: &str| CaseError(format!("{place}: {reason}"));
                let Value::Object(mut case) = item.to_json() else {
                    return Err(wrong("a case is a map"));
                };
                let Some(Value::Object(mut task)) = case.shift_remove("task") else {
                    return Err(wrong("a case has a `task`, as a flow writes it"));
                };
                let task_type = task.shift_remove("type").unwrap_or_default();
                task.shift_remove("id");
                case.insert("taskType".to_owned(), task_type);
                case.insert("properties".to_owned(), Value::Object(task));
                Self::read(&place, &Value::Object(case).to_string())
            })
            .collect()
    }

    /// Reads one case; `source` stands in messages.
    ///
    /// # Errors
    /// Says what is no case in the text.
    pub fn read(source: &str, text: &str) -> Result<Case, CaseError> {
        let document: Document =
            serde_json::from_str(text).map_err(|error| CaseError(format!("{source}: {error}")))?;
        let mut expected = Map::new();
        match (document.plan, document.error) {
            (Some(plan), None) => expected.insert("plan".to_owned(), plan),
            (None, Some(error)) => expected.insert("error".to_owned(), error),
            _ => {
                return Err(CaseError(format!(
                    "{source}: one of `plan` and `error` must be there"
                )));
            }
        };
        let context = document.context;
        let extensions = context.extensions.as_deref().map(serde_json::from_str);
        let extensions: Option<Extensions> = extensions
            .transpose()
            .map_err(|error| CaseError(format!("{source}: `extensions`: {error}")))?;
        Ok(Case {
            name: document.name,
            source: source.to_owned(),
            request: PlanRequest {
                task_type: document.task_type,
                properties: document.properties,
                context: PlanContext {
                    task_id: context.task_id,
                    working_dir: context.working_dir,
                    output_dir: context.output_dir,
                    target_os: context.target_os,
                    runner: context.runner,
                    container_image: context.container_image,
                    env: context.env,
                    fail_fast: extensions.and_then(|extensions| extensions.fail_fast),
                },
            },
            expected: pretty(&Value::Object(expected)),
        })
    }
}
