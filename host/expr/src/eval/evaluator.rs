//! Evaluates expressions.

use std::sync::Arc;

use crate::environment::{Arguments, Environment};
use crate::error::{EvalError, EvalErrorKind, Fail};
use crate::eval::{operators, undefined};
use crate::library::functions;
use crate::limits::Budget;
use crate::syntax::lexer::Operator;
use crate::syntax::reads::dashed_name;
use crate::syntax::tree::{ArgumentNodes, Expression, Node, Tree};
use crate::value::{Kind, Map, Taint, Value};

pub(super) type Evaluated<T> = Result<T, EvalError>;

/// Variables that the template itself introduced, innermost last.
#[derive(Default)]
pub(super) struct Scope {
    /// Whether names further out are hidden: the scope of a macro.
    pub(super) closed: bool,
    pub(super) variables: Vec<(Arc<str>, Value)>,
}

impl Scope {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.variables
            .iter()
            .find(|(known, _)| known.as_ref() == name)
            .map(|(_, value)| value)
    }

    pub(super) fn put(&mut self, name: &Arc<str>, value: Value) {
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.clone(), value)),
        }
    }
}

/// One rendering of one tree.
pub(crate) struct Evaluator<'a> {
    pub(super) source: &'a str,
    pub(super) tree: &'a Tree,
    pub(super) environment: &'a dyn Environment,
    pub(super) budget: &'a mut Budget,
    pub(super) scopes: Vec<Scope>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(
        source: &'a str,
        tree: &'a Tree,
        environment: &'a dyn Environment,
        budget: &'a mut Budget,
    ) -> Evaluator<'a> {
        Evaluator {
            source,
            tree,
            environment,
            budget,
            scopes: vec![Scope::default()],
        }
    }

    /// Evaluates an expression.
    pub(crate) fn node(&mut self, node: &'a Node) -> Evaluated<Value> {
        self.budget.descend().map_err(|fail| fail.at(node.span))?;
        let result = match &node.expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Variable(name) => self.variable(name, node),
            Expression::Attribute { target, key } => self.attribute(node, target, key),
            Expression::Binary {
                operator,
                left,
                right,
            } => self.binary(node, *operator, left, right),
            Expression::Filter { input, call } => self.filtered(input, call),
            Expression::Call { name, arguments } => self.call(node, name, arguments),
            _ => self.other(node),
        };
        self.budget.ascend();
        result
    }

    fn other(&mut self, node: &'a Node) -> Evaluated<Value> {
        match &node.expression {
            Expression::Not(operand) => {
                let value = self.node(operand)?;
                let truth =
                    operators::truth(&value, "`not`").map_err(|fail| fail.at(operand.span))?;
                Ok(Value::bool(!truth).with_taint(value.taint()))
            }
            Expression::Sign { negative, operand } => {
                let value = self.node(operand)?;
                operators::sign(*negative, &value)
                    .map(|result| result.with_taint(value.taint()))
                    .map_err(|fail| fail.at(node.span))
            }
            Expression::Ternary {
                condition,
                then,
                otherwise,
            } => {
                let value = self.node(condition)?;
                let holds = !value.is_null()
                    && operators::truth(&value, "the condition of `? :`")
                        .map_err(|fail| fail.at(condition.span))?;
                self.node(if holds { then } else { otherwise })
            }
            Expression::Interpolation(nodes) => {
                let mut parts = Vec::with_capacity(nodes.len());
                for part in nodes {
                    parts.push(self.node(part)?);
                }
                let joined = operators::join(&parts.iter().collect::<Vec<_>>(), self.budget)
                    .map_err(|fail| fail.at(node.span))?;
                Ok(parts
                    .iter()
                    .fold(joined, |joined, part| joined.tainted_like(part)))
            }
            Expression::List(nodes) => {
                let mut items = Vec::with_capacity(nodes.len());
                for item in nodes {
                    items.push(self.node(item)?);
                }
                self.checked(Value::list(items), node)
            }
            Expression::Map(entries) => self.map(node, entries),
            Expression::Test {
                negated,
                input,
                test,
            } => {
                let value = match self.node(input) {
                    Err(error) if error.absorbable && test.name == "defined" => Value::null(),
                    evaluated => evaluated?,
                };
                let holds = (test.run)(&value).map_err(|fail| fail.at(node.span))?;
                Ok(Value::bool(holds != *negated).with_taint(value.taint()))
            }
            _ => Ok(Value::null()),
        }
    }

    pub(super) fn checked(&mut self, value: Value, node: &Node) -> Evaluated<Value> {
        self.budget
            .check(&value)
            .map_err(|fail| fail.at(node.span))?;
        Ok(value)
    }

    fn map(&mut self, node: &'a Node, entries: &'a [(Node, Node)]) -> Evaluated<Value> {
        let mut map = Map::with_capacity(entries.len());
        let mut taint = Taint::default();
        for (key, value) in entries {
            let name = self.node(key)?;
            if matches!(name.kind, Kind::Null | Kind::List(_) | Kind::Map(_)) {
                let message = format!("a key of a map is text, not {}", name.kind.name());
                return Err(EvalError::new(EvalErrorKind::Type, key.span, message));
            }
            taint.add(name.taint());
            let name: Arc<str> = match &name.kind {
                Kind::Text(text) => text.clone(),
                _ => Arc::from(name.render_text()),
            };
            let value = self.node(value)?;
            map.insert(name, value);
        }
        self.checked(Value::map(map).with_taint(&taint), node)
    }

    fn variable(&mut self, name: &Arc<str>, node: &Node) -> Evaluated<Value> {
        for scope in self.scopes.iter().rev() {
            if let Some(value) = scope.get(name) {
                return Ok(value.clone());
            }
            if scope.closed {
                return Err(undefined::variable(name, node.span, &[], None));
            }
        }
        if let Some(value) = self.environment.variable(name) {
            return self.checked(value, node);
        }
        let locals: Vec<&str> = self
            .scopes
            .iter()
            .flat_map(|scope| scope.variables.iter().map(|(name, _)| name.as_ref()))
            .collect();
        Err(undefined::variable(
            name,
            node.span,
            &locals,
            Some(self.environment),
        ))
    }

    fn attribute(&mut self, node: &'a Node, target: &'a Node, key: &'a Node) -> Evaluated<Value> {
        let holder = self.node(target)?;
        let key = match &key.expression {
            Expression::Literal(value) => value.clone(),
            _ => self.node(key)?,
        };
        let found = match (&holder.kind, &key.kind) {
            (Kind::Map(entries), Kind::Text(name)) => entries.get(name.as_ref()),
            (Kind::Map(_), other) => {
                let fail = Fail::kind(format!("the key of a map is text, not {}", other.name()));
                return Err(fail.at(node.span));
            }
            (Kind::List(items), Kind::Int(index)) => usize::try_from(*index)
                .ok()
                .and_then(|index| items.get(index)),
            (Kind::List(items), Kind::Text(index)) => index
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index)),
            _ => None,
        };
        match found {
            Some(value) => Ok(holder.element(value).with_taint(key.taint())),
            None => Err(undefined::key(node, target, &holder, &key, self.source)),
        }
    }

    fn binary(
        &mut self,
        node: &'a Node,
        operator: Operator,
        left: &'a Node,
        right: &'a Node,
    ) -> Evaluated<Value> {
        match operator {
            Operator::Coalesce => match self.node(left) {
                Ok(value) if !value.is_null() => Ok(value),
                Err(error) if !error.absorbable => Err(error),
                _ => self.node(right),
            },
            Operator::CoalesceUndefined => match self.node(left) {
                Err(error) if error.absorbable => self.node(right),
                evaluated => evaluated,
            },
            Operator::And | Operator::Or => self.logical(operator, left, right),
            Operator::Range => {
                let (start, end) = (self.node(left)?, self.node(right)?);
                functions::range(&start, &end, None, self.budget)
                    .map(|range| range.with_taint(start.taint()).with_taint(end.taint()))
                    .map_err(|fail| fail.at(node.span))
            }
            _ => {
                let evaluated = self
                    .node(left)
                    .and_then(|left| Ok((left, self.node(right)?)));
                let joins = matches!(operator, Operator::Join | Operator::Contains | Operator::In);
                let (left, right) = evaluated.map_err(|error| EvalError {
                    // Pebble's arithmetic and comparisons turn every failure into their own.
                    absorbable: error.absorbable && joins,
                    ..self.explain_dash(error, node)
                })?;
                operators::binary(operator, &left, &right, self.budget)
                    .map_err(|fail| self.explain_dash(fail.at(node.span), node))
                    .and_then(|value| self.checked(value, node))
                    .map(|value| marked(value, operator, &left, &right))
            }
        }
    }

    /// Says how to write a name with a dash, where a subtraction looks like one.
    fn explain_dash(&self, error: EvalError, node: &Node) -> EvalError {
        let is_minus = matches!(
            node.expression,
            Expression::Binary {
                operator: Operator::Minus,
                ..
            }
        );
        match dashed_name(self.source, node) {
            Some(written) if is_minus => error.with_help(format!(
                "`-` subtracts; if the name has a dash, write `{written}`"
            )),
            _ => error,
        }
    }

    fn logical(&mut self, operator: Operator, left: &'a Node, right: &'a Node) -> Evaluated<Value> {
        let what = format!("`{}`", operator.symbol());
        let first = self.node(left)?;
        let holds = operators::truth(&first, &what).map_err(|fail| fail.at(left.span))?;
        if holds == (operator == Operator::Or) {
            return Ok(Value::bool(holds).with_taint(first.taint()));
        }
        let second = self.node(right)?;
        let holds = operators::truth(&second, &what).map_err(|fail| fail.at(right.span))?;
        Ok(Value::bool(holds)
            .with_taint(first.taint())
            .with_taint(second.taint()))
    }

    pub(super) fn arguments(&mut self, nodes: &'a ArgumentNodes) -> Evaluated<Arguments> {
        let mut arguments = Arguments::default();
        for node in &nodes.positional {
            arguments.positional.push(self.node(node)?);
        }
        for (name, node) in &nodes.named {
            arguments.named.push((name.clone(), self.node(node)?));
        }
        Ok(arguments)
    }
}

/// Adds the operands' marks. Elements of lists keep their own, so only text needs the deep ones.
fn marked(result: Value, operator: Operator, left: &Value, right: &Value) -> Value {
    match result.kind {
        Kind::List(_) => result.with_taint(left.taint()),
        _ if matches!(operator, Operator::Contains | Operator::In) => {
            result.with_taint(left.taint()).with_taint(right.taint())
        }
        _ => result.tainted_like(left).tainted_like(right),
    }
}
