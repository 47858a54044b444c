//! Diagnostics as JSON, for programs.

use serde_json::{Value, json};

use super::source::Source;
use super::{Diagnostic, Severity};
use crate::yaml::Span;

/// All diagnostics, sorted by place and without doubles, as a list of objects with the keys `code`, `severity`, `message`, `file`,
/// `line`, `column`, `endLine`, `endColumn`, `path`, `label`, `notes` and `help`. Lines and columns count from 1, columns in
/// characters, and the end is the first character that no longer belongs to the place; without a place the four are null.
pub fn to_json(diagnostics: &[Diagnostic], source: &Source) -> Value {
    super::sorted(diagnostics)
        .into_iter()
        .map(|diagnostic| one(diagnostic, source))
        .collect()
}

fn one(diagnostic: &Diagnostic, source: &Source) -> Value {
    let [line, column, end_line, end_column] = place(diagnostic.span, source);
    let help = diagnostic.help.as_ref().map(|help| {
        let change = |(span, text): &(Span, String)| {
            let [line, column, end_line, end_column] = place(Some(*span), source);
            json!({
                "line": line,
                "column": column,
                "endLine": end_line,
                "endColumn": end_column,
                "text": text,
            })
        };
        let also: Vec<Value> = help.also.iter().map(change).collect();
        json!({
            "message": help.message,
            "replacement": help.replacement.as_ref().map(change),
            "also": also,
            "certain": help.certain,
        })
    });
    json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "file": source.name(),
        "line": line,
        "column": column,
        "endLine": end_line,
        "endColumn": end_column,
        "path": diagnostic.path,
        "label": diagnostic.label,
        "notes": diagnostic.notes,
        "help": help,
    })
}

fn place(span: Option<Span>, source: &Source) -> [Option<usize>; 4] {
    let Some(span) = span else {
        return [None; 4];
    };
    let start = source.position(span.start);
    let end = source.position(span.end);
    [start.line, start.column, end.line, end.column].map(Some)
}

impl Severity {
    /// The word: `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn all_keys_are_always_there() {
        let source = Source::new("flow.yaml", "é: 1\nb: 2\n");
        let place = Span { start: 6, end: 7 };
        let whole = Diagnostic::new(Code::Input, Severity::Warning, None, "whole");
        let placed = Diagnostic::error(Code::WrongType, place, "wrong")
            .label("label")
            .path("b")
            .note("note")
            .fix("fix", place, "c");
        assert_eq!(
            to_json(&[placed, whole], &source),
            json!([
                {
                    "code": "TF0401", "severity": "warning", "message": "whole", "file": "flow.yaml",
                    "line": null, "column": null, "endLine": null, "endColumn": null,
                    "path": "", "label": "", "notes": [], "help": null
                },
                {
                    "code": "TF0103", "severity": "error", "message": "wrong", "file": "flow.yaml",
                    "line": 2, "column": 1, "endLine": 2, "endColumn": 2,
                    "path": "b", "label": "label", "notes": ["note"],
                    "help": {
                        "message": "fix",
                        "replacement": {"line": 2, "column": 1, "endLine": 2, "endColumn": 2, "text": "c"},
                        "also": [], "certain": false
                    }
                }
            ])
        );
    }
}
