//! Golden cases: what goes into `plan` and what must come out, one JSON file each, run natively here and through the component
//! by whoever has a host.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

use crate::json::Value;
use crate::types::{Context, EnvVar, TargetOs};
use crate::{Language, Properties, canonical, plan_text};

/// The variable that, set to `1`, makes [`check`] write what it got instead of complaining about it.
pub const BLESS: &str = "TAFFRAIL_BLESS";

/// One call of `plan` and its expected answer.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file that it was read from.
    pub path: PathBuf,
    /// What it shows, for the reader of a failure.
    pub name: String,
    /// The task type that is planned.
    pub task_type: String,
    /// The properties, as JSON text.
    pub properties: String,
    /// The context; what the file leaves out is a Linux process in `/job`.
    pub context: Context,
    /// The answer in the form of [`canonical`]: an object with `plan` or `error`.
    pub expected: Value,
    document: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct CaseContext {
    task_id: String,
    working_dir: String,
    output_dir: Option<String>,
    target_os: CaseOs,
    runner: String,
    container_image: Option<String>,
    env: Vec<CaseVariable>,
    extensions: Option<String>,
}

impl Default for CaseContext {
    fn default() -> Self {
        CaseContext {
            task_id: "task".into(),
            working_dir: "/job".into(),
            output_dir: None,
            target_os: CaseOs::Linux,
            runner: "process".into(),
            container_image: None,
            env: vec![],
            extensions: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum CaseOs {
    Linux,
    Macos,
    Windows,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseVariable {
    name: String,
    value: String,
}

/// A context as a case writes it, for tests beside the golden ones. What is left out is a Linux process in `/job`.
///
/// # Errors
/// A sentence about what is not a context in it.
pub fn context(value: &Value) -> Result<Context, String> {
    let context: CaseContext = Properties::from_value("case", value.clone())
        .read()
        .map_err(|error| format!("`context`: {error:?}"))?;
    Ok(Context {
        task_id: context.task_id,
        working_dir: context.working_dir,
        output_dir: context.output_dir,
        target_os: match context.target_os {
            CaseOs::Linux => TargetOs::Linux,
            CaseOs::Macos => TargetOs::Macos,
            CaseOs::Windows => TargetOs::Windows,
        },
        runner: context.runner,
        container_image: context.container_image,
        env: context
            .env
            .into_iter()
            .map(|variable| EnvVar::new(variable.name, variable.value))
            .collect(),
        extensions: context.extensions,
    })
}

impl Case {
    /// Reads every `*.json` of a folder, in the order of their names.
    ///
    /// # Errors
    /// A sentence naming the file that cannot be read or is not a case, and a folder without any.
    pub fn load(folder: &Path) -> Result<Vec<Case>, String> {
        let listing = fs::read_dir(folder)
            .map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
        let mut paths: Vec<PathBuf> = listing
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect();
        paths.sort();
        if paths.is_empty() {
            return Err(format!("`{}` holds no cases", folder.display()));
        }
        paths.into_iter().map(Case::read).collect()
    }

    fn read(path: PathBuf) -> Result<Case, String> {
        let parse = || {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            let document = Value::parse(&text).map_err(|error| error.to_string())?;
            let known = ["name", "taskType", "properties", "context", "plan", "error"];
            if let Some((key, _)) = document
                .as_object()
                .unwrap_or_default()
                .iter()
                .find(|(key, _)| !known.contains(&&**key))
            {
                return Err(format!("unknown key `{key}`"));
            }
            let text_of = |key: &str| match document.get(key).and_then(Value::as_text) {
                Some(text) => Ok(text.to_owned()),
                None => Err(format!("`{key}` must be a text")),
            };
            let answer = |key: &str| Some((key.to_owned(), document.get(key)?.clone()));
            Ok(Case {
                name: text_of("name")?,
                task_type: text_of("taskType")?,
                properties: document
                    .get("properties")
                    .ok_or("`properties` is missing")?
                    .to_pretty(),
                context: context(document.get("context").unwrap_or(&Value::Object(vec![])))?,
                expected: Value::Object(["plan", "error"].into_iter().filter_map(answer).collect()),
                path: path.clone(),
                document,
            })
        };
        parse().map_err(|error: String| format!("{}: {error}", path.display()))
    }

    /// What the language answers natively, in the form of [`canonical`].
    pub fn run<L: Language>(&self) -> Value {
        canonical(&plan_text::<L>(
            &self.task_type,
            &self.properties,
            &self.context,
        ))
    }

    fn bless(&self, answer: Value) -> Result<(), String> {
        let mut entries = self.document.as_object().unwrap_or_default().to_vec();
        entries.retain(|(key, _)| key != "plan" && key != "error");
        entries.extend(answer.as_object().unwrap_or_default().iter().cloned());
        fs::write(&self.path, Value::Object(entries).to_pretty())
            .map_err(|error| format!("cannot write `{}`: {error}", self.path.display()))
    }
}

/// Runs every case of a folder natively: the answer is the expected one, the same twice, and no error lacks its place.
///
/// With the variable [`BLESS`] set to `1` the files get the answers instead. Returns how many cases there were.
///
/// # Errors
/// The report of all cases that differ, with both answers.
pub fn check<L: Language>(folder: &Path) -> Result<usize, String> {
    let cases = Case::load(folder)?;
    let bless = env::var(BLESS).is_ok_and(|value| value == "1");
    let mut report = String::new();
    for case in &cases {
        let answer = case.run::<L>();
        if answer != case.run::<L>() {
            let _ = writeln!(
                report,
                "{}: two calls gave two answers",
                case.path.display()
            );
        }
        if let Some(complaint) = misplaced(&answer) {
            let _ = writeln!(report, "{}: {complaint}", case.path.display());
        }
        if answer == case.expected {
            continue;
        }
        if bless {
            case.bless(answer)?;
        } else {
            let (expected, answer) = (case.expected.to_pretty(), answer.to_pretty());
            let _ = writeln!(
                report,
                "{}: {}\nexpected {expected}answered {answer}",
                case.path.display(),
                case.name
            );
        }
    }
    if report.is_empty() {
        return Ok(cases.len());
    }
    Err(format!(
        "{report}{BLESS}=1 in front of the same command accepts the answers"
    ))
}

/// A complaint without a pointer leaves its reader searching.
fn misplaced(answer: &Value) -> Option<String> {
    let diagnostics = answer.get("error")?.get("invalidProperties")?.as_list()?;
    if diagnostics.is_empty() {
        return Some("`invalidProperties` is empty".into());
    }
    let pathless = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.get("pointer").and_then(Value::as_text) == Some(""))?;
    Some(format!(
        "a diagnostic has no pointer: {}",
        pathless.to_pretty()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, PlanError, Program};

    struct Echo;

    impl Language for Echo {
        const ID: &'static str = "echo";

        fn descriptor() -> &'static str {
            "{}"
        }

        fn plan(
            task_type: &str,
            properties: &Properties,
            context: &Context,
        ) -> Result<Plan, PlanError> {
            if properties.value().get("blame").is_some() {
                return Err(PlanError::property("echo/blame", "", "somewhere"));
            }
            Ok(Plan::new(Program::Argv(vec![
                task_type.to_owned(),
                context.path_of("f"),
            ])))
        }
    }

    fn verdict(case: &str) -> Result<usize, String> {
        let folder = env::temp_dir().join(format!(
            "taffrail-cases-{}-{:p}",
            std::process::id(),
            case.as_ptr()
        ));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.json"), case).unwrap();
        let verdict = check::<Echo>(&folder);
        fs::remove_dir_all(&folder).unwrap();
        verdict
    }

    #[test]
    fn a_case_passes_or_says_what_differs() {
        let check = |case: &str, expected: Result<usize, &str>| match (verdict(case), expected) {
            (Err(report), Err(part)) => assert!(report.contains(part), "{report}"),
            (verdict, expected) => assert_eq!(verdict, expected.map_err(str::to_owned)),
        };
        let good = r#"{"name":"n","taskType":"t","properties":{},"plan":{"program":{"argv":["t","/job/f"]}}}"#;
        check(good, Ok(1));
        let windows = r#"{"name":"n","taskType":"t","properties":{},"context":{"targetOs":"windows","workingDir":"C:\\w"},
            "plan":{"program":{"argv":["t","C:\\w\\f"]}}}"#;
        check(windows, Ok(1));
        check(&good.replace("/job", "/other"), Err("\"/job/f\""));
        check(
            &good.replace("\"t\",\"prop", "\"t\",\"x\":1,\"prop"),
            Err("unknown key `x`"),
        );
        check(
            &good.replace("\"name\":\"n\",", ""),
            Err("`name` must be a text"),
        );
        check(
            &good.replace("\"plan\"", "\"context\":{\"os\":1},\"plan\""),
            Err("unknown property `os`"),
        );
        check(
            r#"{"name":"n","taskType":"t","properties":{"blame":1}}"#,
            Err("a diagnostic has no pointer"),
        );
        check("{", Err("a.json"));
    }
}
