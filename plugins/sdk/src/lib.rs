//! The guest side of the taffrail plugin contract: a plugin implements [`Language`] and calls [`register!`]; it knows no host.
//!
//! A plugin is a pure function. It describes itself with one JSON document, and it turns one task's properties into a [`Plan`]:
//! shell lines or an argument vector, files, environment. It starts nothing, reads nothing and reaches nothing; what it plans,
//! the host launches. So a plugin's logic is plain Rust, tested natively, and the component is a thin shell round it.
//!
//! ```
//! use serde::Deserialize;
//! use taffrail_plugin::{Context, Language, Plan, PlanError, Program, Properties};
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! struct Greet {
//!     who: String,
//! }
//!
//! struct Greeter;
//!
//! impl Language for Greeter {
//!     const ID: &'static str = "greeter";
//!
//!     fn descriptor() -> &'static str {
//!         r#"{"descriptorVersion":1,"id":"greeter","version":"1.0.0","title":"Greeter","taskTypes":[]}"#
//!     }
//!
//!     fn plan(task_type: &str, properties: &Properties, _context: &Context) -> Result<Plan, PlanError> {
//!         match task_type {
//!             "com.example.Greet" => {
//!                 let greet: Greet = properties.read()?;
//!                 Ok(Plan::new(Program::Argv(vec!["echo".into(), "hello".into(), greet.who])))
//!             }
//!             other => Err(PlanError::UnknownTaskType(other.to_owned())),
//!         }
//!     }
//! }
//!
//! taffrail_plugin::register!(Greeter);
//! ```
//!
//! Most languages are a file that one command runs, and lines for a shell. [`script::ScriptLanguage`] plans those: such a plugin
//! says its names, its file's ending and its command, and is done.
//!
//! What a plugin carries, every user's host compiles once: 20 KB of component are 30 ms of that machine. Hence the small JSON
//! reader instead of a large one, descriptors as text (`include_str!`), and no floating point where none is asked for.

mod canonical;
#[cfg(not(target_family = "wasm"))]
pub mod cases;
mod extensions;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
pub mod json;
pub mod logging;
mod properties;
pub mod python;
pub mod script;
pub mod shell;
mod types;

pub use canonical::canonical;
pub use extensions::Extensions;
pub use properties::Properties;
pub use types::{Context, Diagnostic, EnvVar, File, Plan, PlanError, Program, Severity, TargetOs};

/// A script language: what a plugin is.
pub trait Language {
    /// The plugin's id, as its descriptor says it. It is the first half of the codes of the diagnostics that the SDK writes.
    const ID: &'static str;

    /// The descriptor: one JSON document, described by `descriptor.schema.json` of the contract. Asked for once per version.
    fn descriptor() -> &'static str;

    /// Plans one task. A pure function: the same arguments give the same plan, and every call meets a fresh instance.
    ///
    /// `task_type` is the name as the descriptor writes it, or one of its aliases. `properties` are the language's own,
    /// rendered and checked against the schema; what all script tasks share (`beforeCommands`, `interpreter`, `env`, ...) is the
    /// host's business and not among them.
    ///
    /// # Errors
    /// As [`PlanError`] tells. A property at fault is named by its pointer.
    fn plan(task_type: &str, properties: &Properties, context: &Context)
    -> Result<Plan, PlanError>;
}

/// Plans from the properties' JSON text: the way that a component goes, for native tests that go the same way.
///
/// # Errors
/// What the language says, and [`PlanError::Internal`] where `properties` is not a JSON object.
pub fn plan_text<L: Language>(
    task_type: &str,
    properties: &str,
    context: &Context,
) -> Result<Plan, PlanError> {
    L::plan(task_type, &Properties::parse(L::ID, properties)?, context)
}

/// The tests that every plugin has: its golden cases in `cases`, and a descriptor that says its id.
///
/// Stands alone in a file below `tests`; `TAFFRAIL_BLESS=1` in front of the test command writes the answers into the cases.
#[macro_export]
macro_rules! test_language {
    ($language:ty) => {
        #[test]
        fn golden_cases() {
            let folder = ::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
            if let Err(report) = $crate::cases::check::<$language>(&folder) {
                panic!("{report}");
            }
        }

        #[test]
        fn descriptor_has_the_plugins_id() {
            let text = <$language as $crate::Language>::descriptor();
            let descriptor = $crate::json::Value::parse(text).expect("the descriptor is JSON");
            let id = descriptor.get("id").and_then($crate::json::Value::as_text);
            assert_eq!(id, Some(<$language as $crate::Language>::ID));
        }
    };
}

/// Makes a type that implements [`Language`] the plugin of this component: call it once, in a library built as `cdylib`.
///
/// On a wasm target it writes the component's exports and reports panics through [`logging`]; on any other target it only
/// checks the type, so that the plugin's tests build natively.
#[macro_export]
macro_rules! register {
    ($language:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::guest::Component<$language>;
    $crate::guest::bindings::export!(Component with_types_in $crate::guest::bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            const fn implements_language<L: $crate::Language>() {}
            implements_language::<$language>();
        };
    };
}
