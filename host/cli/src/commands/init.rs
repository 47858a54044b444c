//! `taffrail init`: a first flow, with the line by which editors find its schema.

use std::path::{Path, PathBuf};

use serde_json::Value;
use taffrail_core::schema;

use super::schema::flow_document;
use crate::args::{Global, InitArgs};
use crate::exit::{Exit, Failed};
use crate::load::Host;
use crate::report::complain;

/// The schema's file, beside the flow.
const SCHEMA: &str = "flow.schema.json";

/// Runs the command.
///
/// # Errors
/// When the flow's file is there already, or a file cannot be written.
pub fn init(global: &Global, args: &InitArgs) -> Result<Exit, Failed> {
    let flow = args
        .file
        .clone()
        .unwrap_or_else(|| PathBuf::from("hello.yaml"));
    if flow.exists() {
        return Err(Failed::new(
            Exit::Invalid,
            format!("`{}` is there already", flow.display()),
        )
        .hint("name another file: `taffrail init other.yaml`"));
    }
    let folder = flow.parent().unwrap_or(Path::new(""));
    let schema_file = folder.join(SCHEMA);
    let document = flow_document(&Host::open(global)?);
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|error| {
            Failed::new(
                Exit::Internal,
                format!("cannot write `{}`: {error}", path.display()),
            )
        })
    };
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failed::new(
                Exit::Internal,
                format!("cannot make `{}`: {error}", folder.display()),
            )
        })?;
    }
    if ours(&schema_file, &document) {
        write(&schema_file, &schema::print(&document))?;
    }
    write(&flow, &text(&flow))?;
    if !global.quiet {
        complain(&format!(
            "wrote {} and {}\nnext: taffrail run {}",
            flow.display(),
            schema_file.display(),
            flow.display()
        ));
    }
    Ok(Exit::Ok)
}

/// Whether the schema's file is absent, or an older one of this program.
fn ours(path: &Path, document: &Value) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else {
        return !path.exists();
    };
    serde_json::from_str::<Value>(&text).is_ok_and(|found| found["$id"] == document["$id"])
}

/// The flow, with an id after its file's name.
fn text(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let stem = stem.strip_suffix(".flow").unwrap_or(&stem);
    let mut id: String = stem
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '_'
            }
        })
        .collect();
    if !id.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        id = format!("flow{id}");
    }
    format!(
        r#"# yaml-language-server: $schema={SCHEMA}
id: {id}
namespace: company.team

inputs:
  - id: name
    type: STRING
    defaults: world

tasks:
  - id: greet
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    env:
      NAME: "{{{{ inputs.name }}}}"
    outputFiles:
      - greeting.txt
    commands:
      - echo "Hello, $NAME!" > greeting.txt

  - id: count
    type: io.kestra.plugin.scripts.python.Script
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    inputFiles:
      greeting.txt: "{{{{ outputs.greet.outputFiles['greeting.txt'] }}}}"
    script: |
      text = open("greeting.txt").read().strip()
      print(text, "has", len(text), "characters")
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_one_that_flows_may_have() {
        let check = |path: &str, expected: &str| {
            assert!(
                text(Path::new(path)).contains(&format!("\nid: {expected}\n")),
                "{path}"
            );
        };
        check("hello.yaml", "hello");
        check("a/my report.flow.yaml", "my_report");
        check("_x.yml", "flow_x");
        check("größe.yaml", "gr__e");
    }
}
