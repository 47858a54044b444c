//! What every version of the plugin API has in common. Generated types of two versions share no trait, so it is a macro over their
//! bindings; a version that differs more writes its adapter out.

use serde::Deserialize;
use taffrail_core::name::RelPath;
use taffrail_core::plan::{CarriedFile, KeptFile};

use crate::text::harmless;

/// What this host understands of a plan's `extensions`; other keys are a later host's.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Extensions {
    pub(super) keep: Vec<KeptFile>,
    pub(super) carry: Vec<CarriedFile>,
}

/// Reads them.
///
/// # Errors
/// When they are not what they should be; the text follows on "the plugin".
pub(super) fn extensions(text: Option<&str>) -> Result<Extensions, String> {
    let Some(text) = text else {
        return Ok(Extensions::default());
    };
    serde_json::from_str(text).map_err(|error| {
        format!(
            "planned `extensions` that cannot be read: {}",
            harmless(&error.to_string())
        )
    })
}

/// The path of a planned file.
///
/// # Errors
/// When it could leave the working directory; the text follows on "the plugin".
pub(super) fn path(path: String) -> Result<RelPath, String> {
    RelPath::new(path).map_err(|error| {
        format!(
            "planned a file at `{}`, which is refused: {}",
            harmless(&error.text),
            error.rule
        )
    })
}

/// The adapter of a version whose bindings stand in a module `bindings` beside: calls, and translation of what crosses the boundary.
macro_rules! adapter {
    () => {
        use taffrail_core::plan::{
            EnvVar, Plan, PlanContext, PlanFile, PlanRefusal, PlanRequest, Program, PropertyRemark,
            RemarkSeverity, TargetOs,
        };
        use wasmtime::Store;
        use wasmtime::component::{Component, HasSelf, Linker};

        use super::Answer;
        use super::shared::{Extensions, extensions, path};
        use crate::log::Level;
        use crate::state::State;
        use bindings::exports::taffrail::plugin::language::Guest;
        use bindings::taffrail::plugin::{logging, types};

        /// A linked component of this version.
        pub(crate) struct Adapter {
            linked: bindings::LanguagePluginPre<State>,
            waits: bool,
        }

        impl Adapter {
            pub(super) fn new(
                mut linker: Linker<State>,
                component: &Component,
                waits: bool,
            ) -> wasmtime::Result<Self> {
                logging::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
                let linked = bindings::LanguagePluginPre::new(linker.instantiate_pre(component)?)?;
                Ok(Self { linked, waits })
            }

            pub(super) async fn describe(
                &self,
                store: &mut Store<State>,
            ) -> wasmtime::Result<String> {
                let plugin = self.instantiate(store).await?;
                let language = plugin.taffrail_plugin_language();
                if self.waits {
                    let (text,) = language.func_describe().call_async(store, ()).await?;
                    Ok(text)
                } else {
                    language.call_describe(store)
                }
            }

            pub(super) async fn plan(
                &self,
                store: &mut Store<State>,
                request: &PlanRequest,
            ) -> wasmtime::Result<Answer> {
                let properties = serde_json::to_string(&request.properties)?;
                let context = context(&request.context);
                let plugin = self.instantiate(store).await?;
                let language: &Guest = plugin.taffrail_plugin_language();
                let task_type = request.task_type.as_str();
                let outcome = if self.waits {
                    let arguments = (task_type, &properties, &context);
                    let (outcome,) = language.func_plan().call_async(store, arguments).await?;
                    outcome
                } else {
                    language.call_plan(store, task_type, &properties, &context)?
                };
                Ok(match outcome {
                    Ok(planned) => match plan(planned) {
                        Ok(plan) => Answer::Plan(plan),
                        Err(reason) => Answer::Breach(reason),
                    },
                    Err(error) => Answer::Refused(refusal(error)),
                })
            }

            async fn instantiate(
                &self,
                store: &mut Store<State>,
            ) -> wasmtime::Result<bindings::LanguagePlugin> {
                if self.waits {
                    self.linked.instantiate_async(store).await
                } else {
                    self.linked.instantiate(store)
                }
            }
        }

        impl logging::Host for State {
            fn log(&mut self, level: logging::Level, message: String) {
                let level = match level {
                    logging::Level::Trace => Level::Trace,
                    logging::Level::Debug => Level::Debug,
                    logging::Level::Info => Level::Info,
                    logging::Level::Warn => Level::Warn,
                    logging::Level::Error => Level::Error,
                };
                self.log.say(level, &message);
            }
        }

        fn context(context: &PlanContext) -> types::Context {
            types::Context {
                task_id: context.task_id.clone(),
                working_dir: context.working_dir.clone(),
                output_dir: context.output_dir.clone(),
                target_os: match context.target_os {
                    TargetOs::Linux => types::TargetOs::Linux,
                    TargetOs::Macos => types::TargetOs::Macos,
                    TargetOs::Windows => types::TargetOs::Windows,
                },
                runner: context.runner.clone(),
                container_image: context.container_image.clone(),
                env: context
                    .env
                    .iter()
                    .map(|variable| types::EnvVar {
                        name: variable.name.clone(),
                        value: variable.value.clone(),
                    })
                    .collect(),
                extensions: context
                    .fail_fast
                    .map(|fail_fast| format!(r#"{{"failFast":{fail_fast}}}"#)),
            }
        }

        fn plan(plan: types::ExecutionPlan) -> Result<Plan, String> {
            let Extensions { keep, carry } = extensions(plan.extensions.as_deref())?;
            Ok(Plan {
                program: match plan.program {
                    types::Program::Shell(lines) => Program::Shell(lines),
                    types::Program::Argv(arguments) => Program::Argv(arguments),
                },
                files: plan.files.into_iter().map(file).collect::<Result<_, _>>()?,
                env: plan
                    .env
                    .into_iter()
                    .map(|variable| EnvVar {
                        name: variable.name,
                        value: variable.value,
                    })
                    .collect(),
                container_image: plan.container_image,
                remarks: plan.diagnostics.into_iter().map(remark).collect(),
                keep,
                carry,
            })
        }

        fn file(file: types::File) -> Result<PlanFile, String> {
            Ok(PlanFile {
                path: path(file.path)?,
                contents: file.contents,
                executable: file.executable,
            })
        }

        fn remark(diagnostic: types::Diagnostic) -> PropertyRemark {
            PropertyRemark {
                severity: match diagnostic.severity {
                    types::Severity::Error => RemarkSeverity::Error,
                    types::Severity::Warning => RemarkSeverity::Warning,
                    types::Severity::Info => RemarkSeverity::Info,
                    types::Severity::Hint => RemarkSeverity::Hint,
                },
                code: diagnostic.code,
                message: diagnostic.message,
                pointer: diagnostic.pointer,
            }
        }

        fn refusal(error: types::PlanError) -> PlanRefusal {
            match error {
                types::PlanError::UnknownTaskType(name) => PlanRefusal::UnknownTaskType(name),
                types::PlanError::InvalidProperties(remarks) => {
                    PlanRefusal::InvalidProperties(remarks.into_iter().map(remark).collect())
                }
                types::PlanError::Unsupported(text) => PlanRefusal::Unsupported(text),
                types::PlanError::Internal(text) => PlanRefusal::Internal(text),
            }
        }
    };
}

pub(super) use adapter;
