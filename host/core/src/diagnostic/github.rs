//! Diagnostics as annotations of GitHub Actions: one line each, which the service shows beside the source.

use std::fmt::Write as _;

use super::source::Source;
use super::{Diagnostic, Severity};

/// All diagnostics, sorted by place and without doubles, one workflow command a line.
pub fn to_github(diagnostics: &[Diagnostic], source: &Source) -> String {
    let mut text = String::new();
    for diagnostic in super::sorted(diagnostics) {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let _ = write!(text, "::{command} file={}", property(source.name()));
        if let Some(span) = diagnostic.span {
            let start = source.position(span.start);
            let end = source.position(span.end);
            let _ = write!(text, ",line={},col={}", start.line, start.column);
            let _ = write!(text, ",endLine={},endColumn={}", end.line, end.column);
        }
        let mut message = diagnostic.message.clone();
        if !diagnostic.label.is_empty() {
            let _ = write!(message, ": {}", diagnostic.label);
        }
        if let Some(help) = &diagnostic.help {
            let _ = write!(message, "\nhelp: {}", help.message);
        }
        let _ = writeln!(text, ",title={}::{}", diagnostic.code, data(&message));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::yaml::Span;

    #[test]
    fn a_command_is_one_line_and_escapes_what_would_end_it() {
        let source = Source::new("a,b:c.yaml", "x: 100%\n");
        let span = Span { start: 3, end: 7 };
        let found = [
            Diagnostic::error(Code::WrongType, span, "100%\nwrong").help("other"),
            Diagnostic::new(Code::NotRunHere, Severity::Note, None, "whole"),
        ];
        assert_eq!(
            to_github(&found, &source),
            "::notice file=a%2Cb%3Ac.yaml,title=TF0902::whole\n\
             ::error file=a%2Cb%3Ac.yaml,line=1,col=4,endLine=1,endColumn=8,title=TF0103::100%25%0Awrong%0Ahelp: other\n"
        );
    }
}
