//! One JSON form for a plugin's answer, the same that the guest SDK writes, so that equal answers are equal bytes.

use crate::plugin::CallError;
use serde_json::{Map, Value};
use taffrail_core::plan::{
    CarriedFile, EnvVar, KeptFile, Plan, PlanFile, PlanRefusal, Program, PropertyRemark,
    RemarkSeverity,
};

/// The answer as `{"plan": ...}` or `{"error": ...}`: keys in the contract's order, camel case, without what is none, empty or false.
///
/// # Errors
/// When there is no answer but a fault.
pub(super) fn canonical(answer: &Result<Plan, CallError>) -> Result<String, String> {
    let value = match answer {
        Ok(plan) => object([("plan", Some(plan_value(plan)))]),
        Err(CallError::Refused(refusal)) => object([("error", Some(refusal_value(refusal)))]),
        Err(CallError::Faulty(reason)) => return Err(format!("the plugin {reason}")),
    };
    Ok(pretty(&value))
}

/// Two spaces per level, one entry a line, a line break at the end.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn plan_value(plan: &Plan) -> Value {
    let program = match &plan.program {
        Program::Shell(lines) => ("shell", Some(list(lines, |line| line.as_str().into()))),
        Program::Argv(arguments) => (
            "argv",
            Some(list(arguments, |argument| argument.as_str().into())),
        ),
    };
    object([
        ("program", Some(object([program]))),
        ("files", list_unless_empty(&plan.files, file)),
        ("env", list_unless_empty(&plan.env, variable)),
        (
            "containerImage",
            plan.container_image.as_deref().map(Value::from),
        ),
        ("diagnostics", list_unless_empty(&plan.remarks, remark)),
        ("extensions", extensions(plan)),
    ])
}

/// The text that the guest SDK writes for what this host reads of a plan's extensions.
fn extensions(plan: &Plan) -> Option<Value> {
    if plan.keep.is_empty() && plan.carry.is_empty() {
        return None;
    }
    let kept = |kept: &KeptFile| {
        object([
            ("path", Some(kept.path.as_str().into())),
            ("file", kept.file.as_ref().map(|file| file.as_str().into())),
            ("output", kept.output.as_deref().map(Value::from)),
        ])
    };
    let carried = |carried: &CarriedFile| {
        object([
            ("path", Some(carried.path.as_str().into())),
            ("name", Some(carried.name.as_str().into())),
        ])
    };
    let extensions = object([
        ("keep", list_unless_empty(&plan.keep, kept)),
        ("carry", list_unless_empty(&plan.carry, carried)),
    ]);
    Some(pretty(&extensions).into())
}

fn refusal_value(refusal: &PlanRefusal) -> Value {
    object([match refusal {
        PlanRefusal::UnknownTaskType(name) => ("unknownTaskType", Some(name.as_str().into())),
        PlanRefusal::InvalidProperties(remarks) => {
            ("invalidProperties", Some(list(remarks, remark)))
        }
        PlanRefusal::Unsupported(reason) => ("unsupported", Some(reason.as_str().into())),
        PlanRefusal::Internal(reason) => ("internal", Some(reason.as_str().into())),
    }])
}

fn file(file: &PlanFile) -> Value {
    let contents = match str::from_utf8(&file.contents) {
        Ok(text) => ("contents", Some(text.into())),
        Err(_) => {
            let digits: String = file
                .contents
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            ("contentsHex", Some(digits.into()))
        }
    };
    object([
        ("path", Some(file.path.as_str().into())),
        contents,
        ("executable", file.executable.then_some(Value::Bool(true))),
    ])
}

fn variable(variable: &EnvVar) -> Value {
    object([
        ("name", Some(variable.name.as_str().into())),
        ("value", Some(variable.value.as_str().into())),
    ])
}

fn remark(remark: &PropertyRemark) -> Value {
    let severity = match remark.severity {
        RemarkSeverity::Error => "error",
        RemarkSeverity::Warning => "warning",
        RemarkSeverity::Info => "info",
        RemarkSeverity::Hint => "hint",
    };
    object([
        ("severity", Some(severity.into())),
        ("code", Some(remark.code.as_str().into())),
        ("message", Some(remark.message.as_str().into())),
        ("pointer", Some(remark.pointer.as_str().into())),
    ])
}

fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let present = entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn list<'a, T>(items: &'a [T], convert: impl Fn(&'a T) -> Value) -> Value {
    items.iter().map(convert).collect()
}

fn list_unless_empty<'a, T>(items: &'a [T], convert: impl Fn(&'a T) -> Value) -> Option<Value> {
    (!items.is_empty()).then(|| list(items, convert))
}
