//! The component's exports: generated bindings, and their translation to the SDK's own types, which is all that leaves here.

use std::marker::PhantomData;
use std::panic;
use std::sync::Once;

use crate::{Language, logging, types};
use bindings::exports::taffrail::plugin::language::Guest;
use bindings::taffrail::plugin::types as wit;

/// What `wit/plugin.wit` generates.
#[allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "language-plugin",
        pub_export_macro: true,
        default_bindings_module: "taffrail_plugin::guest::bindings",
    });
}

/// The exports of a [`Language`].
#[derive(Debug)]
pub struct Component<L>(PhantomData<L>);

impl<L: Language> Guest for Component<L> {
    fn describe() -> String {
        report_panics();
        L::descriptor().to_owned()
    }

    fn plan(
        task_type: String,
        properties: String,
        context: wit::Context,
    ) -> Result<wit::ExecutionPlan, wit::PlanError> {
        report_panics();
        match crate::plan_text::<L>(&task_type, &properties, &context.into()) {
            Ok(plan) => Ok(plan.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A trap carries no text: without this a panic is `unreachable` and nothing else.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|panic| {
            let message = panic
                .payload_as_str()
                .unwrap_or("panicked with a value that is no text");
            let place = match panic.location() {
                Some(place) => [place.file(), ":", &place.line().to_string(), ": "].concat(),
                None => String::new(),
            };
            logging::error(&["panicked at ", &place, message].concat());
        }));
    });
}

pub(crate) fn log(level: logging::Level, message: &str) {
    use bindings::taffrail::plugin::logging::{Level, log};
    let level = match level {
        logging::Level::Trace => Level::Trace,
        logging::Level::Debug => Level::Debug,
        logging::Level::Info => Level::Info,
        logging::Level::Warn => Level::Warn,
        logging::Level::Error => Level::Error,
    };
    log(level, message);
}

fn each<From, To>(items: Vec<From>) -> Vec<To>
where
    From: Into<To>,
{
    items.into_iter().map(Into::into).collect()
}

impl From<wit::Context> for types::Context {
    fn from(context: wit::Context) -> Self {
        types::Context {
            task_id: context.task_id,
            working_dir: context.working_dir,
            output_dir: context.output_dir,
            target_os: match context.target_os {
                wit::TargetOs::Linux => types::TargetOs::Linux,
                wit::TargetOs::Macos => types::TargetOs::Macos,
                wit::TargetOs::Windows => types::TargetOs::Windows,
            },
            runner: context.runner,
            container_image: context.container_image,
            env: context
                .env
                .into_iter()
                .map(|variable| types::EnvVar {
                    name: variable.name,
                    value: variable.value,
                })
                .collect(),
            extensions: context.extensions,
        }
    }
}

impl From<types::EnvVar> for wit::EnvVar {
    fn from(variable: types::EnvVar) -> Self {
        wit::EnvVar {
            name: variable.name,
            value: variable.value,
        }
    }
}

impl From<types::File> for wit::File {
    fn from(file: types::File) -> Self {
        wit::File {
            path: file.path,
            contents: file.contents,
            executable: file.executable,
            extensions: file.extensions,
        }
    }
}

impl From<types::Diagnostic> for wit::Diagnostic {
    fn from(diagnostic: types::Diagnostic) -> Self {
        wit::Diagnostic {
            severity: match diagnostic.severity {
                types::Severity::Error => wit::Severity::Error,
                types::Severity::Warning => wit::Severity::Warning,
                types::Severity::Info => wit::Severity::Info,
                types::Severity::Hint => wit::Severity::Hint,
            },
            code: diagnostic.code,
            message: diagnostic.message,
            pointer: diagnostic.pointer,
            extensions: diagnostic.extensions,
        }
    }
}

impl From<types::Plan> for wit::ExecutionPlan {
    fn from(plan: types::Plan) -> Self {
        wit::ExecutionPlan {
            program: match plan.program {
                types::Program::Shell(lines) => wit::Program::Shell(lines),
                types::Program::Argv(arguments) => wit::Program::Argv(arguments),
            },
            files: each(plan.files),
            env: each(plan.env),
            container_image: plan.container_image,
            diagnostics: each(plan.diagnostics),
            extensions: plan.extensions,
        }
    }
}

impl From<types::PlanError> for wit::PlanError {
    fn from(error: types::PlanError) -> Self {
        match error {
            types::PlanError::UnknownTaskType(name) => wit::PlanError::UnknownTaskType(name),
            types::PlanError::InvalidProperties(diagnostics) => {
                wit::PlanError::InvalidProperties(each(diagnostics))
            }
            types::PlanError::Unsupported(message) => wit::PlanError::Unsupported(message),
            types::PlanError::Internal(message) => wit::PlanError::Internal(message),
        }
    }
}
