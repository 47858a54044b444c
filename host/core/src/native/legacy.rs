//! The keys of the script tasks from before there were plugins. They are only described: such a task is written anew with the keys of its
//! language's task and read as that.
#![expect(
    dead_code,
    reason = "these types are only ever described, never filled"
)]

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

fn scalar_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
}

macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// Where the task runs: as a child process, or in a container
            #[schemars(extend("default" = "PROCESS"))]
            runner: Option<OldRunner>,
            /// The container: `image`, and the keys of the Docker task runner
            docker_options: Option<Map<String, Value>>,
            /// Program that runs the lines
            #[schemars(extend("default" = "/bin/sh"))]
            interpreter: Option<String>,
            /// Arguments of that program before the lines
            #[schemars(extend("default" = ["-c"]))]
            interpreter_args: Option<Vec<String>>,
            /// Whether the first line that fails ends the task
            #[schemars(extend("default" = true))]
            exit_on_failed: Option<bool>,
            /// Old form of `outputFiles`
            #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
            files: Option<Vec<String>>,
            /// Old form of `outputFiles`
            #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
            outputs_files: Option<Vec<String>>,
            /// Files to keep; each has its path in `outputFiles`
            output_files: Option<Vec<String>>,
            /// Folders whose files are kept; each has its path in `outputDirs`
            output_dirs: Option<Vec<String>>,
            /// Files put into the working directory first
            #[schemars(schema_with = "scalar_map")]
            #[serde(default)]
            input_files: Option<Map<String, Value>>,
            /// Environment variables of the task
            #[schemars(schema_with = "scalar_map")]
            #[serde(default)]
            env: Option<Map<String, Value>>,
            /// Without effect: no line on stderr makes a warning
            #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
            warning_on_std_err: Option<bool>,
        }
    };
}

keys! {
    /// Keys of Bash
    BashKeys {
        /// Shell lines
        commands: Vec<String>,
    }
}

keys! {
    /// Keys of Python
    PythonKeys {
        /// Shell lines; `main.py` of `inputFiles` is run where absent
        #[schemars(extend("default" = ["./bin/python main.py"]))]
        commands: Option<Vec<String>>,
        /// Arguments of each line
        args: Option<Vec<String>>,
        /// Python packages to install first
        requirements: Option<Vec<String>>,
        /// Whether the task gets an environment of its own for them
        #[schemars(extend("default" = true))]
        virtual_env: Option<bool>,
        /// Python to use
        python_path: Option<String>,
    }
}

keys! {
    /// Keys of Node
    NodeKeys {
        /// Shell lines; `main.js` of `inputFiles` is run where absent
        #[schemars(extend("default" = ["node main.js"]))]
        commands: Option<Vec<String>>,
        /// Arguments of `main.js`
        args: Option<Vec<String>>,
        /// Node to use
        #[schemars(extend("default" = "node"))]
        node_path: Option<String>,
        /// The npm that installs what `package.json` asks for
        #[schemars(extend("default" = "npm"))]
        npm_path: Option<String>,
    }
}

/// Where an old script task runs.
#[derive(JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum OldRunner {
    /// As a child process
    Process,
    /// In a container
    Docker,
}
