//! The arguments that are runflow's own, whatever the type of the task: `_depends_on`, `_timeout` and `_retry`.

use hcl_edit::expr::{Expression, FuncCall, TraversalOperator};
use serde_json::Value;
use taffrail_core::diagnostic::Code as DiagnosticCode;
use taffrail_core::yaml::{Entry, Node, Span};

use crate::constant;
use crate::functions::WAITS;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

/// Their names.
pub(crate) const PRIVATE: [&str; 3] = ["_depends_on", "_retry", "_timeout"];

/// A condition that a task waits for, with the macros that it needs.
#[derive(Clone)]
pub(crate) struct Condition {
    pub macros: String,
    pub truth: String,
    pub span: Span,
}

impl Reader<'_> {
    /// What `_depends_on` says: tasks, which are noted as needed, and values that must be true.
    pub(crate) fn depends_on(
        &mut self,
        expression: &Expression,
        context: &Context,
    ) -> Vec<Condition> {
        let Expression::Array(items) = expression else {
            self.wrong(
                context.unit,
                DiagnosticCode::WrongType,
                place(expression),
                "`_depends_on` is a list of tasks and of values that must be true",
            );
            return Vec::new();
        };
        let mut conditions = Vec::new();
        for item in items.iter() {
            if let Expression::Traversal(traversal) = item
                && let Expression::Variable(root) = &traversal.expr
                && root.as_str() == "task"
                && traversal.operators.len() == 2
            {
                let path: Vec<&TraversalOperator> = traversal
                    .operators
                    .iter()
                    .map(|operator| operator.value())
                    .collect();
                self.named_task(place(item), &path, context);
                continue;
            }
            let before = std::mem::take(&mut self.macros);
            let truth = self.expression(item, context).truth();
            let macros = std::mem::replace(&mut self.macros, before).concat();
            conditions.push(Condition {
                macros,
                truth,
                span: place(item),
            });
        }
        conditions
    }

    /// `_timeout`, in seconds.
    pub(crate) fn timeout(&mut self, expression: &Expression, context: &Context) -> Node {
        let span = place(expression);
        match constant::constant(expression) {
            Some(Value::Number(seconds)) => node::text(span, duration(&seconds)),
            Some(_) => {
                self.wrong(
                    context.unit,
                    DiagnosticCode::WrongType,
                    span,
                    "`_timeout` is a number of seconds",
                );
                node::text(span, "PT1S")
            }
            None => self.with_macros(span, |reader| {
                let code = reader.expression(expression, context);
                format!("PT{{{{ {} }}}}S", code.text)
            }),
        }
    }

    /// `_retry`: when it stops, and how long it waits.
    pub(crate) fn retry(&mut self, expression: &Expression, context: &Context) -> Option<Node> {
        let unit = context.unit;
        let span = place(expression);
        let Expression::Object(object) = expression else {
            self.wrong(
                unit,
                DiagnosticCode::WrongType,
                span,
                "`_retry` is a map of `stop_after` and `wait`",
            );
            return None;
        };
        let mut keys = Vec::new();
        let mut wait = None;
        for (key, written, value) in constant::entries(object).unwrap_or_default() {
            match key.as_str() {
                "stop_after" => keys.extend(self.stop_after(value, unit)),
                "wait" => wait = Some(value),
                other => self.wrong(
                    unit,
                    DiagnosticCode::UnknownProperty,
                    place(written),
                    format!("`_retry` has no `{other}`; it has `stop_after` and `wait`"),
                ),
            }
        }
        if keys.is_empty() {
            // Without an end there is one attempt, as runflow has it.
            keys.push(node::entry("maxAttempts", span, node::int(span, 1)));
        }
        let mut entries = match wait {
            Some(wait) => self.wait(wait, unit)?,
            None => kind(span, "constant", &[("interval", 0.0)]),
        };
        entries.extend(keys);
        Some(node::map(span, entries))
    }

    /// `10 seconds`, `3 times`, or both with `|` between them.
    fn stop_after(&mut self, expression: &Expression, unit: usize) -> Vec<Entry> {
        let span = place(expression);
        let mut entries = Vec::new();
        let text = constant::text(expression).unwrap_or_default();
        for part in text.split('|') {
            let mut words = part.split_whitespace();
            let parsed = match (words.next(), words.next(), words.next()) {
                (Some(number), Some("times"), None) => number
                    .parse::<i64>()
                    .ok()
                    .map(|times| node::entry("maxAttempts", span, node::int(span, times))),
                (Some(number), Some("seconds"), None) => number
                    .parse::<f64>()
                    .ok()
                    .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
                    .map(|seconds| {
                        node::entry("maxDuration", span, node::text(span, seconds_text(seconds)))
                    }),
                _ => None,
            };
            match parsed {
                Some(entry) => entries.push(entry),
                None => {
                    self.wrong(
                        unit,
                        DiagnosticCode::WrongValue,
                        span,
                        "`stop_after` is written `10 seconds`, `3 times` or `10 seconds | 3 times`",
                    );
                    break;
                }
            }
        }
        entries
    }

    fn wait(&mut self, expression: &Expression, unit: usize) -> Option<Vec<Entry>> {
        let span = place(expression);
        let numbers = |call: &FuncCall| -> Option<Vec<f64>> {
            call.args
                .iter()
                .map(|argument| constant::constant(argument)?.as_f64())
                .collect()
        };
        match expression {
            Expression::Parenthesis(inner) => return self.wait(inner.inner(), unit),
            Expression::FuncCall(call) => {
                match (call.name.name.as_str(), numbers(call).as_deref()) {
                    ("wait_fixed", Some([seconds])) => {
                        return Some(kind(span, "constant", &[("interval", *seconds)]));
                    }
                    ("wait_random", Some([least, most])) => {
                        let times = [("minInterval", *least), ("maxInterval", *most)];
                        return Some(kind(span, "random", &times));
                    }
                    ("wait_exponential", Some(given @ ([_] | [_, _] | [_, _, _]))) => {
                        let most = given.get(1).copied().unwrap_or(MOST_WAIT);
                        let factor = given.get(2).copied().unwrap_or(2.0);
                        let times = [("interval", given[0]), ("maxInterval", most)];
                        let mut entries = kind(span, "exponential", &times);
                        entries.push(node::entry("delayFactor", span, node::float(span, factor)));
                        return Some(entries);
                    }
                    _ => {}
                }
            }
            // A fixed time and a random one make a random one.
            Expression::BinaryOp(sum) => {
                if let (Expression::FuncCall(left), Expression::FuncCall(right)) =
                    (&sum.lhs_expr, &sum.rhs_expr)
                    && *sum.operator.value() == hcl_edit::expr::BinaryOperator::Plus
                    && left.name.name.as_str() == "wait_fixed"
                    && right.name.name.as_str() == "wait_random"
                    && let (Some([fixed]), Some([least, most])) =
                        (numbers(left).as_deref(), numbers(right).as_deref())
                {
                    let times = [
                        ("minInterval", fixed + least),
                        ("maxInterval", fixed + most),
                    ];
                    return Some(kind(span, "random", &times));
                }
            }
            _ => {}
        }
        let known = WAITS.iter().any(|name| {
            matches!(expression, Expression::FuncCall(call) if call.name.name.as_str() == *name)
        });
        let code = if known {
            DiagnosticCode::HclUnsupported
        } else {
            DiagnosticCode::WrongValue
        };
        self.wrong(
            unit,
            code,
            span,
            "`wait` is `wait_fixed(seconds)`, `wait_random(least, most)`, `wait_exponential(first, most, factor)` or `wait_fixed(…) + wait_random(…)`, with numbers",
        );
        None
    }
}

/// The longest wait of one that grows and has no bound of its own, in seconds.
const MOST_WAIT: f64 = 86_400.0;

fn kind(span: Span, name: &str, times: &[(&str, f64)]) -> Vec<Entry> {
    let mut entries = vec![node::entry("type", span, node::text(span, name))];
    for (key, seconds) in times {
        let time = node::text(span, seconds_text(*seconds));
        entries.push(node::entry(*key, span, time));
    }
    entries
}

fn seconds_text(seconds: f64) -> String {
    format!("PT{seconds}S")
}

fn duration(seconds: &serde_json::Number) -> String {
    format!("PT{seconds}S")
}
