//! The text as HCL: the parser's tree, or where and why it is none. Names the parser's entry points alone.

use hcl_edit::expr::Expression;
use hcl_edit::structure::Body;
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::yaml::Span;

use crate::node::range;

/// The largest text that is read, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// Reads a whole file.
pub(crate) fn body(text: &str) -> Result<Body, Box<Diagnostic>> {
    if text.len() > LARGEST {
        let message = format!(
            "the file is larger than {LARGEST} bytes; it has {}",
            text.len()
        );
        return Err(Box::new(Diagnostic::error(
            Code::HclSyntax,
            Span::default(),
            message,
        )));
    }
    hcl_edit::parser::parse_body(text).map_err(|error| Box::new(explain(text, &error)))
}

/// Reads a text that is one expression.
pub(crate) fn expression(text: &str) -> Result<Expression, String> {
    hcl_edit::parser::parse_expr(text).map_err(|error| error.message().to_owned())
}

fn explain(text: &str, error: &hcl_edit::parser::Error) -> Diagnostic {
    let offset = text.floor_char_boundary(error.location().offset());
    let rest = &text[offset..];
    if rest.trim().is_empty() {
        // The caret stands behind what is there, not in the empty lines after it.
        let end = text.trim_end().len();
        let span = range(end.saturating_sub(1)..end);
        return Diagnostic::error(
            Code::HclSyntax,
            span,
            "the file ends in the middle of something: a bracket or a quote is never closed",
        )
        .label(error.message());
    }
    let word = rest
        .char_indices()
        .find(|(_, letter)| !letter.is_alphanumeric() && *letter != '_')
        .map_or(rest.len(), |(end, _)| end)
        .max(rest.chars().next().map_or(0, char::len_utf8));
    let shown = match rest.chars().next() {
        Some('\n' | '\r') => "the end of the line".to_owned(),
        _ => format!("`{}`", &rest[..word]),
    };
    Diagnostic::error(
        Code::HclSyntax,
        range(offset..offset + word),
        format!("{shown} does not fit here"),
    )
    .label(error.message())
}
