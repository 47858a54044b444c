//! What most languages are: a `Script` that becomes a file which one command runs, and `Commands` that are lines for a shell.
//!
//! ```
//! use taffrail_plugin::script::ScriptLanguage;
//! use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};
//!
//! struct Tcl;
//!
//! const TCL: ScriptLanguage = ScriptLanguage {
//!     id: Tcl::ID,
//!     family: "com.example.tcl",
//!     extension: "tcl",
//!     command: "tclsh",
//! };
//!
//! impl Language for Tcl {
//!     const ID: &'static str = "tcl";
//!
//!     fn descriptor() -> &'static str {
//!         r#"{"descriptorVersion":1,"id":"tcl","version":"1.0.0","title":"Tcl scripts","taskTypes":[]}"#
//!     }
//!
//!     fn plan(task_type: &str, properties: &Properties, context: &Context) -> Result<Plan, PlanError> {
//!         TCL.plan(task_type, properties, context)
//!     }
//! }
//! ```
//!
//! A language with properties of its own takes the same thing apart: [`kind`](ScriptLanguage::kind), [`script`](ScriptLanguage::script),
//! [`commands`](ScriptLanguage::commands), [`run_file`].

use crate::properties::Properties;
use crate::shell;
use crate::types::{Context, File, Plan, PlanError, Program};

/// A language of the usual kind: the task types `<family>.Script` and `<family>.Commands`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptLanguage {
    /// The plugin's id: the first half of the codes of complaints.
    pub id: &'static str,
    /// What the names of both task types begin with, up to the last dot.
    pub family: &'static str,
    /// The ending of a script's file, without its dot.
    pub extension: &'static str,
    /// The command that runs a file whose path stands behind it, as a shell reads it.
    pub command: &'static str,
}

/// Which of the two task types a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program text.
    Script,
    /// Lines for a shell.
    Commands,
}

impl ScriptLanguage {
    /// Plans a task that has no properties but `script` or `commands`.
    ///
    /// # Errors
    /// As [`kind`](Self::kind), [`script`](Self::script) and [`commands`](Self::commands) tell.
    pub fn plan(
        &self,
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        match self.kind(task_type)? {
            Kind::Commands => self.commands(properties, &[]),
            Kind::Script => {
                let script = self.script(properties, &[])?;
                let file = File::new(file_name(context, self.extension), script);
                Ok(run_file(self.command, file, context))
            }
        }
    }

    /// Which task type this is.
    ///
    /// # Errors
    /// [`PlanError::UnknownTaskType`] where it is neither.
    pub fn kind(&self, task_type: &str) -> Result<Kind, PlanError> {
        match task_type.strip_prefix(self.family) {
            Some(".Script") => Ok(Kind::Script),
            Some(".Commands") => Ok(Kind::Commands),
            _ => Err(PlanError::UnknownTaskType(task_type.to_owned())),
        }
    }

    /// The text of a `Script`. `own` are the names of the properties that it may have besides.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] for a property of another name, and where `script` is missing or no text.
    pub fn script<'a>(
        &self,
        properties: &'a Properties,
        own: &[&str],
    ) -> Result<&'a str, PlanError> {
        properties.allow(&[&["script"], own].concat())?;
        let script = properties.text("script")?;
        properties.required("script", "a text", script)
    }

    /// The plan for `Commands`: its lines as they are. `own` are the names of the properties that it may have besides.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] for a property of another name, and where `commands` is missing, empty, or no list of texts
    /// without NUL.
    pub fn commands(&self, properties: &Properties, own: &[&str]) -> Result<Plan, PlanError> {
        properties.allow(&[&["commands"], own].concat())?;
        let commands = properties.texts("commands")?;
        let commands = properties.required("commands", "a list", commands)?;
        shell::check_commands(self.id, &commands)?;
        Ok(Plan::new(Program::Shell(commands)))
    }
}

/// The name of a script's file, `<task id>.script.<extension>`: another one for every task of a directory, and none that an
/// author would choose.
pub fn file_name(context: &Context, extension: &str) -> String {
    [&file_stem(&context.task_id), ".script.", extension].concat()
}

/// A task's id as a part of a file's name: `/` and its like would be another folder.
pub fn file_stem(task_id: &str) -> String {
    let safe = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | '\u{80}'.. => character,
        _ => '_',
    };
    task_id.chars().map(safe).collect()
}

/// A plan of one line: `command`, as a shell reads it, and the file's path as one word.
pub fn run_file(command: &str, file: File, context: &Context) -> Plan {
    let path = shell::quote_path(&context.path_of(&file.path), context.target_os);
    let mut plan = Plan::new(Program::Shell(vec![[command, " ", &path].concat()]));
    plan.files.push(file);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Value;
    use crate::types::Diagnostic;
    use crate::{canonical, cases};

    const LANGUAGE: ScriptLanguage = ScriptLanguage {
        id: "l",
        family: "a.l",
        extension: "x",
        command: "run -q",
    };

    fn answer(task_type: &str, properties: &str, context: &str) -> Value {
        let context = cases::context(&Value::parse(context).unwrap()).unwrap();
        let properties = Properties::parse("l", properties).unwrap();
        canonical(&LANGUAGE.plan(task_type, &properties, &context))
    }

    #[test]
    fn a_script_is_a_file_and_a_line() {
        let check = |context: &str, name: &str, line: &str| {
            let found = answer("a.l.Script", r#"{"script":"text\u0000"}"#, context);
            let file = Value::Object(vec![
                ("path".into(), name.into()),
                ("contents".into(), "text\0".into()),
            ]);
            let expected = Value::Object(vec![(
                "plan".into(),
                Value::Object(vec![
                    (
                        "program".into(),
                        Value::Object(vec![("shell".into(), Value::List(vec![line.into()]))]),
                    ),
                    ("files".into(), Value::List(vec![file])),
                ]),
            )]);
            assert_eq!(found, expected, "{}", found.to_pretty());
        };
        check("{}", "task.script.x", "run -q '/job/task.script.x'");
        check(
            r#"{"taskId":"a/b c","workingDir":"/it's"}"#,
            "a_b_c.script.x",
            r"run -q '/it'\''s/a_b_c.script.x'",
        );
        check(
            r#"{"targetOs":"windows","workingDir":"C:\\w"}"#,
            "task.script.x",
            r"run -q C:\w\task.script.x",
        );
        check(
            r#"{"targetOs":"windows","workingDir":"C:\\a b"}"#,
            "task.script.x",
            r#"run -q "C:\a b\task.script.x""#,
        );
    }

    #[test]
    fn commands_are_their_lines() {
        let found = answer("a.l.Commands", r#"{"commands":["a","b c"]}"#, "{}");
        assert_eq!(
            found.to_pretty(),
            "{\n  \"plan\": {\n    \"program\": {\n      \"shell\": [\n        \"a\",\n        \"b c\"\n      ]\n    }\n  }\n}\n"
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let check = |task_type: &str, properties: &str, code: &str, pointer: &str| {
            let context = cases::context(&Value::Object(vec![])).unwrap();
            let properties = Properties::parse("l", properties).unwrap();
            match LANGUAGE.plan(task_type, &properties, &context) {
                Err(PlanError::InvalidProperties(found)) => {
                    let [
                        Diagnostic {
                            code: found_code,
                            pointer: found_pointer,
                            ..
                        },
                    ] = &found[..]
                    else {
                        panic!("{found:?}")
                    };
                    assert_eq!(
                        (found_code.as_str(), found_pointer.as_str()),
                        (code, pointer)
                    );
                }
                other => panic!("{other:?}"),
            }
        };
        check("a.l.Script", "{}", "l/missing-property", "/script");
        check(
            "a.l.Script",
            r#"{"script":null}"#,
            "l/wrong-type",
            "/script",
        );
        check(
            "a.l.Script",
            r#"{"script":"","commands":["a"]}"#,
            "l/unknown-property",
            "/commands",
        );
        check("a.l.Commands", "{}", "l/missing-property", "/commands");
        check(
            "a.l.Commands",
            r#"{"commands":[]}"#,
            "l/empty-commands",
            "/commands",
        );
        check(
            "a.l.Commands",
            r#"{"commands":["a","b\u0000"]}"#,
            "l/nul",
            "/commands/1",
        );
        for name in ["a.l", "a.l.script", "a.l.ScriptTrigger", "b.Script"] {
            assert_eq!(
                LANGUAGE.kind(name),
                Err(PlanError::UnknownTaskType(name.to_owned()))
            );
        }
    }
}
