//! Diagnostics as SARIF 2.1.0, the format in which code scanning services take findings.

use serde_json::{Value, json};

use super::source::Source;
use super::{Code, Diagnostic, Severity};
use crate::yaml::Span;

/// One log of one run over all files. `version` is that of the program.
pub fn to_sarif(files: &[(&Source, &[Diagnostic])], version: &str) -> Value {
    let mut results = Vec::new();
    let mut codes: Vec<Code> = Vec::new();
    for (source, diagnostics) in files {
        for diagnostic in super::sorted(diagnostics) {
            codes.push(diagnostic.code);
            results.push(result(diagnostic, source));
        }
    }
    codes.sort_unstable();
    codes.dedup();
    for result in &mut results {
        let index = codes
            .iter()
            .position(|code| result["ruleId"] == code.as_str());
        result["ruleIndex"] = json!(index);
    }
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| {
            json!({
                "id": code.as_str(),
                "shortDescription": { "text": code.title() },
                "help": { "text": code.page(), "markdown": code.page() },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "taffrail", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(diagnostic: &Diagnostic, source: &Source) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut text = diagnostic.message.clone();
    if !diagnostic.label.is_empty() {
        text = format!("{text}: {}", diagnostic.label);
    }
    let artifact = json!({ "uri": uri(source.name()) });
    let mut physical = json!({ "artifactLocation": artifact });
    if let Some(span) = diagnostic.span {
        physical["region"] = region(span, source);
    }
    let mut location = json!({ "physicalLocation": physical });
    if !diagnostic.path.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": diagnostic.path }]);
    }
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "level": level,
        "message": { "text": text },
        "locations": [location],
    });
    if let Some(help) = &diagnostic.help
        && help.replacement.is_some()
    {
        let replacements: Vec<Value> = help
            .replacement
            .iter()
            .chain(&help.also)
            .map(|(span, text)| {
                json!({ "deletedRegion": region(*span, source), "insertedContent": { "text": text } })
            })
            .collect();
        result["fixes"] = json!([{
            "description": { "text": help.message },
            "artifactChanges": [{ "artifactLocation": artifact, "replacements": replacements }],
        }]);
    }
    result
}

fn region(span: Span, source: &Source) -> Value {
    let start = source.position(span.start);
    let end = source.position(span.end);
    json!({
        "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
    })
}

/// A path as a relative reference.
fn uri(name: &str) -> String {
    let mut uri = String::new();
    for byte in name.trim_start_matches("./").bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if plain {
            uri.push(byte as char);
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_names_its_rule_its_place_and_its_fix() {
        let source = Source::new("./a b.yaml", "é: 1\nb: 2\n");
        let span = Span { start: 6, end: 7 };
        let found = [Diagnostic::error(Code::WrongType, span, "wrong")
            .path("b")
            .fix("fix", span, "c")];
        let log = to_sarif(&[(&source, &found)], "1.2.3");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "TF0103");
        let region = json!({ "startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 2 });
        assert_eq!(
            run["results"],
            json!([{
                "ruleId": "TF0103", "ruleIndex": 0, "level": "error", "message": { "text": "wrong" },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": "a%20b.yaml" }, "region": region },
                    "logicalLocations": [{ "fullyQualifiedName": "b" }],
                }],
                "fixes": [{
                    "description": { "text": "fix" },
                    "artifactChanges": [{
                        "artifactLocation": { "uri": "a%20b.yaml" },
                        "replacements": [{ "deletedRegion": region, "insertedContent": { "text": "c" } }],
                    }],
                }],
            }])
        );
    }
}
