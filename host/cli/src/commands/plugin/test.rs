//! `taffrail plugin test`: puts a component through the conformance suite and its author's own cases.

use serde_json::{Value, json};
use taffrail_core::schema::host_property_names;
use taffrail_core::text::printable;
use taffrail_wasm::Cache;
use taffrail_wasm::conformance::{Case, Check, Suite, check_cached};

use super::compile::compile;
use super::source::Source;
use crate::args::{Format, Global, PluginTestArgs};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When there is no component, or a case cannot be read. What does not pass is told, and the exit code is 3.
pub fn test(global: &Global, args: &PluginTestArgs) -> Result<Exit, Failed> {
    let mut cases = Vec::new();
    for path in &args.cases {
        if !path.exists() {
            return Err(Failed::new(
                Exit::NotFound,
                format!("there is no `{}`", path.display()),
            ));
        }
        let read = Case::load(path);
        cases.extend(read.map_err(|error| Failed::new(Exit::Invalid, error.to_string()))?);
    }
    let component = Source::File(args.component.clone()).fetch(global, None)?;
    // First in a process that can be ended: what is under test may be anything.
    compile(global, &component.bytes, &component.source)?;
    let suite = Suite {
        cases,
        host_properties: host_property_names(),
        mutations: args.mutations,
        limits: None,
    };
    let folders = Folders::choose(global)?;
    let cache = Cache::new(&folders.cache.join("plugins"), &folders.state);
    let checks = check_cached(&component.bytes, &suite, &cache);
    let failed = checks.iter().filter(|check| !check.passed()).count();
    let text = match args.format {
        Format::Json => {
            let checks: Vec<Value> = checks
                .iter()
                .map(|check| {
                    json!({
                        "check": check.name,
                        "passed": check.passed(),
                        "note": match &check.outcome { Ok(note) | Err(note) => note },
                    })
                })
                .collect();
            format!(
                "{:#}\n",
                json!({ "v": 1, "failed": failed, "checks": checks })
            )
        }
        Format::Text => checks.iter().map(line).collect(),
    };
    terminal::answer(&printable(&text))?;
    if !global.quiet && args.format == Format::Text {
        complain(&format!("{} checks, {failed} failed", checks.len()));
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::Invalid })
}

fn line(check: &Check) -> String {
    format!("{check}\n")
}
