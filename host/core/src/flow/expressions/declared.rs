//! Checks what is read of what the flow declares: its inputs and its variables.

use taffrail_expr::{ReadPath, Segment};

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::suggest::{did_you_mean, is_obvious};

impl Context<'_> {
    pub(super) fn input(&self, read: &ReadPath) -> Option<Diagnostic> {
        let inputs = self.names.inputs.as_ref()?;
        // An id may hold dots, and is then read as a path.
        let names: Vec<&str> = read.segments[1..]
            .iter()
            .map_while(|segment| match segment {
                Segment::Name(name) => Some(name.as_str()),
                Segment::Dynamic | Segment::Each => None,
            })
            .collect();
        let first = names[0];
        let known = inputs
            .iter()
            .any(|id| id.split('.').zip(&names).all(|(part, name)| part == *name));
        if known {
            return None;
        }
        let diagnostic = self.unknown(read, first, format!("the flow has no input `{first}`"));
        let listed: Vec<&str> = inputs.iter().map(|id| &**id).collect();
        let diagnostic = match listed.as_slice() {
            [] => diagnostic.label("the flow declares no inputs"),
            few => diagnostic.label(format!(
                "its inputs are {}",
                few.iter()
                    .map(|id| format!("`{id}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        };
        Some(match did_you_mean(first, listed.iter().copied()) {
            Some(near) if is_obvious(first, near, listed.iter().copied()) => {
                self.suggest(diagnostic, read, first, near).certain()
            }
            Some(near) => self.suggest(diagnostic, read, first, near),
            None => diagnostic,
        })
    }

    pub(super) fn variable(&self, read: &ReadPath, name: &str) -> Option<Diagnostic> {
        let variables = self.names.variables.as_ref()?;
        if variables.iter().any(|variable| &**variable == name) {
            return None;
        }
        let diagnostic = self.unknown(read, name, format!("the flow has no variable `{name}`"));
        let listed: Vec<&str> = variables.iter().map(|name| &**name).collect();
        Some(match did_you_mean(name, listed.iter().copied()) {
            Some(near) if is_obvious(name, near, listed.iter().copied()) => {
                self.suggest(diagnostic, read, name, near).certain()
            }
            Some(near) => self.suggest(diagnostic, read, name, near),
            None if listed.is_empty() => diagnostic.label("the flow has no `variables`"),
            None => diagnostic.label(format!(
                "its variables are {}",
                listed
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        })
    }
}
