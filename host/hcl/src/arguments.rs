//! The arguments of a task: which it takes, which it must have.

use std::rc::Rc;

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Structure};
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic};
use taffrail_core::yaml::Span;

use crate::names::{list, with_nearest};
use crate::node::place;
use crate::private::PRIVATE;
use crate::reader::Reader;

/// One argument as it is written.
pub(crate) struct Argument<'b> {
    pub name: &'b str,
    pub span: Span,
    pub value: &'b Expression,
}

/// The arguments of a block, in their order; blocks in it and the private ones are not among them.
pub(crate) fn arguments(block: &Block) -> Vec<Argument<'_>> {
    block
        .body
        .attributes()
        .filter(|attribute| !PRIVATE.contains(&attribute.key.as_str()))
        .map(|attribute| Argument {
            name: attribute.key.as_str(),
            span: place(&attribute.key),
            value: &attribute.value,
        })
        .collect()
}

/// The value of one argument, private ones among them.
pub(crate) fn argument<'b>(block: &'b Block, name: &str) -> Option<&'b Expression> {
    block
        .body
        .get_attribute(name)
        .map(|attribute| &attribute.value)
}

impl Reader<'_> {
    /// Tells of arguments and blocks that a task does not take, of those that stand twice, and of those that are missing.
    pub(crate) fn check_arguments(
        &mut self,
        unit: usize,
        task: usize,
        known: &[&str],
        required: &[&str],
        blocks: &[&str],
    ) {
        let (block, kind, span) = {
            let task = &self.units[unit].tasks[task];
            (
                Rc::clone(&task.block),
                task.kind_name.clone(),
                task.name_span,
            )
        };
        let mut seen: Vec<&str> = Vec::new();
        for structure in block.body.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    let (name, at) = (attribute.key.as_str(), place(&attribute.key));
                    if seen.contains(&name) {
                        self.wrong(
                            unit,
                            DiagnosticCode::DuplicateKey,
                            at,
                            format!("`{name}` stands twice"),
                        );
                    }
                    seen.push(name);
                    if !known.contains(&name) && !PRIVATE.contains(&name) {
                        let all: Vec<&str> = known.iter().copied().chain(PRIVATE).collect();
                        let diagnostic = Diagnostic::error(
                            DiagnosticCode::UnknownProperty,
                            at,
                            format!("`{kind}` takes no argument `{name}`"),
                        );
                        let diagnostic = with_nearest(diagnostic, at, name, &all);
                        self.say(unit, diagnostic);
                    }
                }
                Structure::Block(inner) => {
                    let name = inner.ident.as_str();
                    if !blocks.contains(&name) {
                        self.wrong(
                            unit,
                            DiagnosticCode::UnknownProperty,
                            place(&inner.ident),
                            format!("`{kind}` holds no block `{name}`; write `{name} = …`"),
                        );
                    }
                }
            }
        }
        let missing: Vec<&str> = required
            .iter()
            .copied()
            .filter(|name| !seen.contains(name))
            .collect();
        if !missing.is_empty() {
            self.wrong(
                unit,
                DiagnosticCode::MissingProperty,
                span,
                format!("`{kind}` needs {}", list(missing)),
            );
        }
    }
}
