//! `taffrail compat`: what of a flow behaves here as in the original, what differs and how, and what is not run.

use std::path::Path;

use serde_json::{Value, json};
use taffrail_core::compat::{Kind, Used, Verdict, compat};
use taffrail_core::diagnostic::{Severity, Source, render_text};

use crate::args::{CompatArgs, Format, Global};
use crate::document;
use crate::exit::{Exit, Failed};
use crate::load::{Host, read_source};
use crate::report::complain;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When the flow cannot be read, or is neither YAML nor HCL.
pub fn show(global: &Global, args: &CompatArgs) -> Result<Exit, Failed> {
    let host = Host::open_untouched(global)?;
    let source = read_source(Path::new(&args.flow))?;
    let parsed = document::read(&source);
    let broken: Vec<_> = parsed
        .diagnostics
        .into_iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    let Some(root) = parsed.root.filter(|_| broken.is_empty()) else {
        complain(render_text(&broken, &source, terminal::style(global)).trim_end());
        return Err(Failed::silent(Exit::Invalid));
    };
    let used = compat(&root, source.text(), &host.checker);
    let answer = match args.format {
        Format::Text => text(&used, &source),
        Format::Json => format!("{:#}\n", document(&used, &source)),
    };
    terminal::answer(&answer)?;
    Ok(Exit::Ok)
}

/// The word and the reason of a verdict.
fn words(verdict: Verdict) -> (&'static str, Option<&'static str>) {
    match verdict {
        Verdict::Same => ("same", None),
        Verdict::Differs(how) => ("differs", Some(how)),
        Verdict::NotRun(why) => ("not run here", Some(why)),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::FlowKey => "flow key",
        Kind::Type => "type",
        Kind::Key => "key",
        Kind::Function => "function",
        Kind::Filter => "filter",
    }
}

/// Keys are shown behind the last part of their type.
fn shown(used: &Used) -> &str {
    if used.kind != Kind::Key {
        return &used.name;
    }
    let mut dots = used.name.rmatch_indices('.');
    match (dots.next(), dots.next()) {
        (Some(_), Some((start, _))) => &used.name[start + 1..],
        _ => &used.name,
    }
}

fn text(used: &[Used], source: &Source) -> String {
    let mut text = String::new();
    for used in used {
        let (word, reason) = words(used.verdict);
        let place = source.position(used.span.start);
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        text.push_str(&format!(
            "{}:{} {} `{}`: {word}{reason}\n",
            place.line,
            place.column,
            kind(used.kind),
            shown(used)
        ));
    }
    let count = |wanted: &str| {
        let is = |used: &&Used| words(used.verdict).0 == wanted;
        used.iter().filter(is).count()
    };
    text.push_str(&format!(
        "{} same, {} differ, {} not run here\n",
        count("same"),
        count("differs"),
        count("not run here")
    ));
    text
}

fn document(used: &[Used], source: &Source) -> Value {
    let rows: Vec<Value> = used
        .iter()
        .map(|used| {
            let (word, reason) = words(used.verdict);
            let place = source.position(used.span.start);
            let mut row = json!({
                "kind": used.kind, "name": used.name, "verdict": word, "line": place.line, "column": place.column,
            });
            if let Some(reason) = reason {
                row["how"] = json!(reason);
            }
            row
        })
        .collect();
    json!({ "v": 1, "file": source.name(), "uses": rows })
}
