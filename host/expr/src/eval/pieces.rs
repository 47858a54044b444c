//! Renders the pieces of a template: text, `{{ }}`, and the blocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::environment::Arguments;
use crate::error::{EvalError, EvalErrorKind, Fail, Span};
use crate::eval::evaluator::{Evaluated, Evaluator, Scope};
use crate::eval::operators;
use crate::library::functions;
use crate::print;
use crate::syntax::tree::{Node, Piece};
use crate::value::{Kind, Map, Taint, Value};

/// Rendered text and the secrets in it.
#[derive(Default)]
pub(crate) struct Output {
    text: String,
    taint: Taint,
}

impl<'a> Evaluator<'a> {
    /// Renders pieces to a text value with its marks.
    pub(crate) fn body(&mut self, pieces: &'a [Piece]) -> Evaluated<Value> {
        let mut output = Output::default();
        self.pieces(pieces, &mut output)?;
        Ok(Value::text(output.text).with_taint(&output.taint))
    }

    /// Renders pieces to text and the names of the secrets in it.
    pub(crate) fn rendered(
        &mut self,
        pieces: &'a [Piece],
    ) -> Evaluated<(String, BTreeSet<Arc<str>>)> {
        let mut output = Output::default();
        self.pieces(pieces, &mut output)?;
        Ok((output.text, output.taint.names()))
    }

    fn pieces(&mut self, pieces: &'a [Piece], output: &mut Output) -> Evaluated<()> {
        self.budget
            .descend()
            .map_err(|fail| fail.at(Span::default()))?;
        let result = self.each_piece(pieces, output);
        self.budget.ascend();
        result
    }

    fn each_piece(&mut self, pieces: &'a [Piece], output: &mut Output) -> Evaluated<()> {
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.write(text, None, output)?,
                Piece::Print(node) => {
                    let value = self.node(node)?;
                    self.print(&value, node, output)?;
                }
                Piece::If {
                    branches,
                    otherwise,
                } => {
                    let mut chosen = otherwise;
                    for (condition, body) in branches {
                        if self.condition(condition)? {
                            chosen = body;
                            break;
                        }
                    }
                    self.pieces(chosen, output)?;
                }
                Piece::For {
                    variable,
                    items,
                    body,
                    otherwise,
                } => self.each(variable, items, body, otherwise, output)?,
                Piece::Set { variable, value } => {
                    let value = self.node(value)?;
                    self.set(variable, value);
                }
                Piece::Filter { calls, body } => {
                    let mut value = self.body(body)?;
                    for call in calls {
                        value = self.filter(value, call)?;
                    }
                    let text = value.render_text();
                    output.taint.add(&value.deep_taint());
                    self.write(&text, None, output)?;
                }
                Piece::Block(index) => {
                    let tree = self.tree;
                    if let Some(block) = tree.blocks.get(*index) {
                        self.pieces(&block.body, output)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// `block(name)`: what stands in the block of that name, rendered again.
    pub(super) fn block(&mut self, arguments: &Arguments, span: Span) -> Evaluated<Value> {
        let values =
            functions::named("block", arguments, &["name"]).map_err(|fail| fail.at(span))?;
        let Some(Some(name)) = values.first() else {
            return Err(Fail::kind("`block` needs the name of a block").at(span));
        };
        let (tree, name) = (self.tree, name.render_text());
        let Some(block) = tree.blocks.iter().find(|known| *known.name == *name) else {
            let message = format!("there is no block `{name}`");
            return Err(EvalError::new(EvalErrorKind::Function, span, message));
        };
        self.budget.enter_call().map_err(|fail| fail.at(span))?;
        let result = self.body(&block.body);
        self.budget.depth -= 1;
        result
    }

    fn print(&mut self, value: &Value, node: &Node, output: &mut Output) -> Evaluated<()> {
        match &value.kind {
            Kind::Text(text) => {
                output.taint.add(value.taint());
                self.write(text, Some(node), output)
            }
            Kind::Null => Ok(()),
            _ => {
                self.budget
                    .charge_visit(value)
                    .map_err(|fail| fail.at(node.span))?;
                let mut text = String::new();
                print::value(value, &mut text);
                output.taint.add(&value.deep_taint());
                self.write(&text, Some(node), output)
            }
        }
    }

    fn write(&mut self, text: &str, node: Option<&Node>, output: &mut Output) -> Evaluated<()> {
        let span = node.map(|node| node.span).unwrap_or_default();
        self.budget
            .charge(1 + text.len() as u64 / 16)
            .map_err(|fail| fail.at(span))?;
        let limit = self.budget.limits.output_bytes;
        if output.text.len() + text.len() > limit {
            let fail = Fail::limit(format!("the rendered text is larger than {limit} bytes"));
            return Err(fail.at(span));
        }
        output.text.push_str(text);
        Ok(())
    }

    fn condition(&mut self, node: &'a Node) -> Evaluated<bool> {
        let value = self.node(node).map_err(|error| EvalError {
            absorbable: false,
            ..error
        })?;
        operators::truth(&value, "`if`").map_err(|fail| fail.at(node.span))
    }

    fn set(&mut self, name: &Arc<str>, value: Value) {
        let mut index = self.scopes.len() - 1;
        let innermost = index;
        loop {
            let scope = &mut self.scopes[index];
            if scope.closed || scope.get(name).is_some() {
                scope.put(name, value);
                return;
            }
            if index == 0 {
                break;
            }
            index -= 1;
        }
        // A variable of the environment is hidden for the rest of the template, not changed.
        let target = match self.environment.variable(name) {
            Some(_) => 0,
            None => innermost,
        };
        self.scopes[target].put(name, value);
    }

    fn each(
        &mut self,
        variable: &Arc<str>,
        items: &'a Node,
        body: &'a [Piece],
        otherwise: &'a [Piece],
        output: &mut Output,
    ) -> Evaluated<()> {
        let container = self.node(items)?;
        let elements: Vec<Value> = match &container.kind {
            Kind::Null => return Ok(()),
            Kind::List(items) => items.iter().map(|item| container.element(item)).collect(),
            Kind::Map(entries) => entries
                .iter()
                .map(|(key, item)| {
                    let entry = Map::from([
                        (Arc::from("key"), Value::text(key.clone())),
                        (Arc::from("value"), item.clone()),
                    ]);
                    Value::map(entry).with_taint(container.taint())
                })
                .collect(),
            kind => {
                let error = EvalError::new(
                    EvalErrorKind::Type,
                    items.span,
                    format!("`for` goes over a list or a map, not over {}", kind.name()),
                );
                return Err(match kind {
                    Kind::Text(_) => error
                        .with_help("write `fromJson(text)` if it is JSON, or `text | split(',')`"),
                    _ => error,
                });
            }
        };
        if elements.is_empty() {
            return self.pieces(otherwise, output);
        }
        self.budget
            .charge_items(elements.len())
            .map_err(|fail| fail.at(items.span))?;
        self.scopes.push(Scope::default());
        let result = self.turns(variable, elements, body, output);
        self.scopes.pop();
        result
    }

    fn turns(
        &mut self,
        variable: &Arc<str>,
        elements: Vec<Value>,
        body: &'a [Piece],
        output: &mut Output,
    ) -> Evaluated<()> {
        let length = elements.len();
        let name: Arc<str> = Arc::from("loop");
        for (index, element) in elements.into_iter().enumerate() {
            let state = Map::from([
                (Arc::from("index"), Value::int(index as i64)),
                (Arc::from("length"), Value::int(length as i64)),
                (Arc::from("first"), Value::bool(index == 0)),
                (Arc::from("last"), Value::bool(index + 1 == length)),
                (
                    Arc::from("revindex"),
                    Value::int((length - index - 1) as i64),
                ),
            ]);
            if let Some(scope) = self.scopes.last_mut() {
                scope.put(&name, Value::map(state));
                scope.put(variable, element);
            }
            self.pieces(body, output)?;
        }
        Ok(())
    }
}
