//! One JSON form for what `plan` answers, so that a native answer and a component's can be compared byte by byte.

use crate::json::Value;
use crate::types::{Diagnostic, EnvVar, File, Plan, PlanError, Program, Severity};

/// The answer as `{"plan": ...}` or `{"error": ...}`; written with [`Value::to_pretty`] equal answers are equal bytes.
///
/// Keys are in the contract's order and camel case; what is none, empty or false is left out. A file's bytes are `contents` where
/// they are UTF-8, else `contentsHex`.
pub fn canonical(answer: &Result<Plan, PlanError>) -> Value {
    match answer {
        Ok(plan) => object([("plan", Some(plan_value(plan)))]),
        Err(error) => object([("error", Some(error_value(error)))]),
    }
}

fn plan_value(plan: &Plan) -> Value {
    let program = match &plan.program {
        Program::Shell(lines) => ("shell", Some(list(lines, Value::from))),
        Program::Argv(arguments) => ("argv", Some(list(arguments, Value::from))),
    };
    object([
        ("program", Some(object([program]))),
        ("files", list_unless_empty(&plan.files, file_value)),
        ("env", list_unless_empty(&plan.env, variable_value)),
        (
            "containerImage",
            plan.container_image.as_ref().map(Value::from),
        ),
        (
            "diagnostics",
            list_unless_empty(&plan.diagnostics, diagnostic_value),
        ),
        ("extensions", plan.extensions.as_ref().map(Value::from)),
    ])
}

fn error_value(error: &PlanError) -> Value {
    object([match error {
        PlanError::UnknownTaskType(name) => ("unknownTaskType", Some(name.into())),
        PlanError::InvalidProperties(diagnostics) => (
            "invalidProperties",
            Some(list(diagnostics, diagnostic_value)),
        ),
        PlanError::Unsupported(message) => ("unsupported", Some(message.into())),
        PlanError::Internal(message) => ("internal", Some(message.into())),
    }])
}

fn file_value(file: &File) -> Value {
    let contents = match str::from_utf8(&file.contents) {
        Ok(text) => ("contents", Some(text.into())),
        Err(_) => (
            "contentsHex",
            Some(Value::Text(
                file.contents
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            )),
        ),
    };
    object([
        ("path", Some((&file.path).into())),
        contents,
        ("executable", file.executable.then_some(Value::Bool(true))),
        ("extensions", file.extensions.as_ref().map(Value::from)),
    ])
}

fn variable_value(variable: &EnvVar) -> Value {
    object([
        ("name", Some((&variable.name).into())),
        ("value", Some((&variable.value).into())),
    ])
}

fn diagnostic_value(diagnostic: &Diagnostic) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    };
    object([
        ("severity", Some(severity.into())),
        ("code", Some((&diagnostic.code).into())),
        ("message", Some((&diagnostic.message).into())),
        ("pointer", Some((&diagnostic.pointer).into())),
        (
            "extensions",
            diagnostic.extensions.as_ref().map(Value::from),
        ),
    ])
}

fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let present = entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect())
}

fn list<'a, T>(items: &'a [T], convert: impl Fn(&'a T) -> Value) -> Value {
    Value::List(items.iter().map(convert).collect())
}

fn list_unless_empty<'a, T>(items: &'a [T], convert: impl Fn(&'a T) -> Value) -> Option<Value> {
    (!items.is_empty()).then(|| list(items, convert))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_there_is_written_and_nothing_else() {
        let mut plan = Plan::new(Program::Argv(vec!["a".into()]));
        assert_eq!(
            canonical(&Ok(plan.clone())).to_pretty(),
            "{\n  \"plan\": {\n    \"program\": {\n      \"argv\": [\n        \"a\"\n      ]\n    }\n  }\n}\n"
        );
        plan.files.push(File {
            path: "x".into(),
            contents: vec![0xff, 0],
            executable: true,
            extensions: None,
        });
        plan.files.push(File::new("y", "é"));
        plan.env.push(EnvVar::new("N", "v"));
        plan.container_image = Some("i".into());
        plan.diagnostics
            .push(Diagnostic::new(Severity::Hint, "p/r", "/q", "m"));
        plan.extensions = Some("{}".into());
        let expected = r#"{"plan":{"program":{"argv":["a"]},"files":[{"path":"x","contentsHex":"ff00","executable":true},
            {"path":"y","contents":"é"}],"env":[{"name":"N","value":"v"}],"containerImage":"i",
            "diagnostics":[{"severity":"hint","code":"p/r","message":"m","pointer":"/q"}],"extensions":"{}"}}"#;
        assert_eq!(canonical(&Ok(plan)), Value::parse(expected).unwrap());
    }

    #[test]
    fn errors_are_told_apart() {
        let check = |error: PlanError, expected: &str| {
            assert_eq!(canonical(&Err(error)), Value::parse(expected).unwrap())
        };
        check(
            PlanError::UnknownTaskType("t".into()),
            r#"{"error":{"unknownTaskType":"t"}}"#,
        );
        check(
            PlanError::Unsupported("u".into()),
            r#"{"error":{"unsupported":"u"}}"#,
        );
        check(
            PlanError::Internal("i".into()),
            r#"{"error":{"internal":"i"}}"#,
        );
        check(
            PlanError::property("p/r", "/q", "m"),
            r#"{"error":{"invalidProperties":[{"severity":"error","code":"p/r","message":"m","pointer":"/q"}]}}"#,
        );
    }
}
