//! Values of attributes as nodes of the document.

use hcl_edit::expr::Expression;
use hcl_edit::template::Element;
use taffrail_core::yaml::{Node, Span};

use crate::code::{Code, plain};
use crate::constant;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

impl Reader<'_> {
    /// The value of an attribute: lists and maps as such, texts with expressions in them, everything else as one expression.
    pub(crate) fn value(&mut self, expression: &Expression, context: &Context) -> Node {
        let span = place(expression);
        match expression {
            Expression::Null(_) => node::null(span),
            Expression::Bool(flag) => node::bool(span, *flag.value()),
            Expression::Number(number) => match number.value().as_i64() {
                Some(whole) => node::int(span, whole),
                None => node::float(span, number.value().as_f64().unwrap_or_default()),
            },
            Expression::Parenthesis(inner) => self.value(inner.inner(), context),
            Expression::Array(items) => {
                let items = items.iter().map(|item| self.value(item, context)).collect();
                node::list(span, items)
            }
            Expression::Object(object) => match constant::entries(object) {
                Some(entries) => {
                    let entries = entries
                        .into_iter()
                        .map(|(key, written, value)| {
                            let value = self.value(value, context);
                            node::entry(plain(&key), place(written), value)
                        })
                        .collect();
                    node::map(span, entries)
                }
                None => self.text(expression, context),
            },
            _ => self.text(expression, context),
        }
    }

    /// The value as one text with expressions in it, whatever it is.
    pub(crate) fn text(&mut self, expression: &Expression, context: &Context) -> Node {
        let span = place(expression);
        self.with_macros(span, |reader| reader.template(expression, context))
    }

    /// A node of one expression that was made already by this step.
    pub(crate) fn made(&mut self, span: Span, make: impl FnOnce(&mut Self) -> Code) -> Node {
        self.with_macros(span, |reader| format!("{{{{ {} }}}}", make(reader).text))
    }

    /// A node of a text, with the macros that it needs before it.
    pub(crate) fn with_macros(
        &mut self,
        span: Span,
        make: impl FnOnce(&mut Self) -> String,
    ) -> Node {
        let before = std::mem::take(&mut self.macros);
        let text = make(self);
        let macros = std::mem::replace(&mut self.macros, before);
        node::text(span, macros.concat() + &text)
    }

    fn template(&mut self, expression: &Expression, context: &Context) -> String {
        let elements: Vec<&Element> = match expression {
            Expression::String(text) => return plain(text.value()),
            Expression::StringTemplate(template) => template.iter().collect(),
            Expression::HeredocTemplate(heredoc) => heredoc.template.iter().collect(),
            _ => Vec::new(),
        };
        if elements.is_empty() || elements.iter().any(|element| element.is_directive()) {
            let code = self.expression(expression, context);
            return format!("{{{{ {} }}}}", code.text);
        }
        let mut text = String::new();
        for element in elements {
            match element {
                Element::Interpolation(interpolation) => {
                    let code = self.expression(&interpolation.expr, context);
                    text.push_str(&format!("{{{{ {} }}}}", code.text));
                }
                _ => text.push_str(&plain(
                    element
                        .as_literal()
                        .map_or("", |text| text.value().as_str()),
                )),
            }
        }
        text
    }
}
