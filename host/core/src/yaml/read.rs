//! Reads a text into a tree and everything that is wrong with it as YAML.

use super::characters;
use super::compose::{Trouble, compose};
use super::limits::Limits;
use super::outline::{Outline, outline};
use super::source::make_span;
use super::syntax;
use super::unquoted::{self, Repair};
use super::{Node, Span};
use crate::diagnostic::{Code, Diagnostic, limited};

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The tree; none where the text is empty, not YAML or beyond a limit. With errors beside it the tree is still good to look for
    /// more mistakes in: it has the first of two equal keys, no key that is not text, and unquoted expressions as text.
    pub root: Option<Node>,
    /// What is wrong, in the order of the text; without an error the tree means what the author wrote.
    pub diagnostics: Vec<Diagnostic>,
}

/// Values without quotes that are got round in one file; a larger number is a file of another language.
const MOST_REPAIRS: usize = 50;

/// Reads a flow file. Costs time and memory in proportion to the text, never more than the limits allow, and does not panic.
pub fn parse(text: &str, limits: &Limits) -> Parsed {
    if text.len() > limits.bytes.min(u32::MAX as usize) {
        let (limit, size) = (limits.bytes, text.len());
        let message = format!("the file is larger than {limit} bytes; it has {size}");
        let whole = Diagnostic::error(Code::YamlLimit, Span::default(), message);
        return refused(vec![whole], limits);
    }
    let forbidden = characters::forbidden(text);
    if !forbidden.is_empty() {
        return refused(forbidden, limits);
    }
    read(text, limits)
}

/// Reads again and again, each time with one more unquoted expression got round, so that everything else is reported as well.
fn read(text: &str, limits: &Limits) -> Parsed {
    let mut repaired: Option<String> = None;
    let mut repairs: Vec<Repair> = Vec::new();
    let mut work = text.len();
    loop {
        let current = repaired.as_deref().unwrap_or(text);
        let composed = compose(current, limits, &repairs);
        let mut diagnostics = composed.diagnostics;
        let found = match &composed.trouble {
            Some(Trouble::Syntax(at)) => {
                outline(current, at.understood, at.error.offset + 1, &at.brackets)
            }
            _ => Outline::default(),
        };
        let unquoted = match (&composed.trouble, found.expression) {
            (Some(Trouble::Unquoted(span)), _) => Some(*span),
            (_, Some((start, in_flow))) => Some(unquoted::value(current, start, in_flow)),
            _ => None,
        };
        if let Some(span) = unquoted {
            let range = span.start as usize..span.end as usize;
            work += text.len();
            if work <= limits.bytes && repairs.len() < MOST_REPAIRS {
                let mut next = current.to_owned();
                next.replace_range(range.clone(), &"x".repeat(range.len()));
                let at = repairs.partition_point(|repair| repair.span < span);
                let text = text[range].to_owned();
                repairs.insert(at, Repair { span, text });
                repaired = Some(next);
                continue;
            }
            diagnostics.push(unquoted::diagnostic(&text[range], span));
            return refused(diagnostics, limits);
        }
        if let Some(Trouble::Syntax(at)) = &composed.trouble {
            diagnostics.push(syntax::explain(text, at, &found, limits));
        } else if composed.root.as_ref().is_none_or(Node::is_null) && diagnostics.is_empty() {
            diagnostics.push(empty(text));
            return refused(diagnostics, limits);
        }
        return Parsed {
            root: composed.root,
            diagnostics: limited(diagnostics, limits.diagnostics),
        };
    }
}

fn empty(text: &str) -> Diagnostic {
    let message = if text.trim().is_empty() {
        "the file is empty"
    } else {
        "the file holds no values"
    };
    Diagnostic::error(Code::YamlSyntax, make_span(0, 0), message)
        .label("a flow begins with `id`, `namespace` and `tasks`")
}

fn refused(diagnostics: Vec<Diagnostic>, limits: &Limits) -> Parsed {
    Parsed {
        root: None,
        diagnostics: limited(diagnostics, limits.diagnostics),
    }
}
