//! What is noted while a tree is built: mistakes after which reading goes on, and limits that end it.

use super::Span;
use super::compose::{Composer, Stop};
use super::events::Tag;
use super::path::path_text;
use crate::diagnostic::{Code, Diagnostic};

impl Composer<'_, '_> {
    /// Notes a mistake after which reading goes on. What nobody will read is only counted.
    pub(super) fn note(&mut self, make: impl FnOnce(&Self) -> Diagnostic) {
        if self.diagnostics.len() < self.limits.diagnostics.saturating_mul(5) {
            let diagnostic = make(self).path(path_text(&self.path));
            self.diagnostics.push(diagnostic);
        } else {
            self.further += 1;
        }
    }

    pub(super) fn refuse(&mut self, span: Span, message: String) -> Stop {
        let diagnostic =
            Diagnostic::error(Code::YamlLimit, span, message).path(path_text(&self.path));
        self.diagnostics.push(diagnostic);
        Stop::Refused
    }

    pub(super) fn refuse_nodes(&mut self, span: Span) -> Stop {
        let limit = self.limits.nodes;
        self.refuse(
            span,
            format!("the file holds more than {limit} values once its aliases are expanded"),
        )
    }

    pub(super) fn refuse_bracket(&mut self, span: Span) {
        self.refuse(span, "the bracket holds too many values".to_owned());
    }

    pub(super) fn refuse_depth(&mut self, span: Span) -> Stop {
        let limit = self.limits.depth;
        self.refuse(
            span,
            format!("lists and maps are nested deeper than {limit} levels"),
        )
    }

    pub(super) fn unsupported_tag(&mut self, tag: &Tag, span: Span) {
        let written = match tag {
            Tag::Standard(name) => format!("!!{name}"),
            Tag::Other(text) => text.clone(),
        };
        self.note(|composer| {
            Diagnostic::error(
                Code::YamlUnsupported,
                composer.cursor.tag(span),
                format!("the tag `{written}` does not fit here"),
            )
            .label("allowed are `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq`, each on a value of its kind")
        });
    }
}
