//! Names: variables, what tasks gave, and what loops and templates call their own.

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic};
use taffrail_core::yaml::Span;

use crate::code::{Code, step};
use crate::constant;
use crate::names::with_nearest;
use crate::node::place;
use crate::reader::{Context, Reader, VariableValue};
use crate::tasks;

/// One step of a path that does not have to be worked out.
fn name_of(operator: &TraversalOperator) -> Option<String> {
    match operator {
        TraversalOperator::GetAttr(name) => Some(name.as_str().to_owned()),
        TraversalOperator::Index(index) => constant::text(index),
        _ => None,
    }
}

impl Reader<'_> {
    /// A name that stands alone.
    pub(crate) fn name(&mut self, name: &str, span: Span, context: &Context) -> Code {
        if let Some((_, code)) = context.locals.iter().rev().find(|(known, _)| known == name) {
            return code.clone();
        }
        if matches!(name, "var" | "task") {
            let what = if name == "var" {
                "the name of a variable: `var.name`"
            } else {
                "a type, a name and an attribute: `task.bash_run.name.stdout`"
            };
            self.wrong(
                context.unit,
                DiagnosticCode::UnknownReference,
                span,
                format!("`{name}` needs {what}"),
            );
            return Code::wrong();
        }
        let mut known: Vec<&str> = context
            .locals
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        known.extend(["var", "task"]);
        let diagnostic = Diagnostic::error(
            DiagnosticCode::UnknownReference,
            span,
            format!("there is no `{name}`"),
        );
        let diagnostic = with_nearest(diagnostic, span, name, &known);
        self.say(context.unit, diagnostic);
        Code::wrong()
    }

    /// A name with steps behind it.
    pub(crate) fn traversal(&mut self, traversal: &Traversal, context: &Context) -> Code {
        let operators: Vec<&TraversalOperator> = traversal
            .operators
            .iter()
            .map(|operator| operator.value())
            .collect();
        let span = place(traversal);
        if let Expression::Variable(root) = &traversal.expr {
            let is_local = context
                .locals
                .iter()
                .any(|(known, _)| known == root.as_str());
            match root.as_str() {
                "var" if !is_local => {
                    if let Some(name) = operators.first().and_then(|first| name_of(first)) {
                        let code = self.variable(&name, span, context);
                        return self.steps(code, &operators[1..], context);
                    }
                }
                "task" if !is_local => return self.task_value(span, &operators, context),
                _ => {}
            }
        }
        let code = self.expression(&traversal.expr, context);
        self.steps(code, &operators, context)
    }

    /// What a variable stands for.
    fn variable(&mut self, name: &str, span: Span, context: &Context) -> Code {
        let unit = context.unit;
        let variables = &self.units[unit].variables;
        let Some(variable) = variables.iter().find(|variable| variable.name == name) else {
            let known: Vec<String> = variables
                .iter()
                .map(|variable| variable.name.clone())
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let mut diagnostic = Diagnostic::error(
                DiagnosticCode::UnknownReference,
                span,
                format!("there is no variable `{name}`"),
            );
            diagnostic = match known.is_empty() {
                true => diagnostic.help(format!(
                    "declare it in the flow: `variable \"{name}\" {{}}`"
                )),
                false => with_nearest(diagnostic, span, name, &known),
            };
            if let Some(help) = &mut diagnostic.help {
                // The span is that of the whole reference.
                help.replacement = None;
            }
            self.say(unit, diagnostic);
            return Code::wrong();
        };
        match variable.value.clone() {
            VariableValue::Input => Code::unknown(format!("inputs{}", step(name))),
            VariableValue::Default(code) => code,
            VariableValue::Given(expression, outside) => self.expression(&expression, &outside),
        }
    }

    /// The task that a path names, with its place in the unit; nothing where it names none, which is told.
    pub(crate) fn named_task(
        &mut self,
        span: Span,
        operators: &[&TraversalOperator],
        context: &Context,
    ) -> Option<usize> {
        let unit = context.unit;
        let (kind, name) = match operators {
            [kind, name, ..] => (name_of(kind)?, name_of(name)?),
            _ => {
                self.wrong(
                    unit,
                    DiagnosticCode::UnknownReference,
                    span,
                    "`task` needs a type and a name behind it: `task.bash_run.name`",
                );
                return None;
            }
        };
        let tasks = &self.units[unit].tasks;
        let found = tasks
            .iter()
            .position(|task| task.kind_name == kind && task.name == name);
        if found.is_none() {
            let known: Vec<String> = tasks
                .iter()
                .map(|task| format!("task.{}.{}", task.kind_name, task.name))
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let wrong = format!("task.{kind}.{name}");
            let diagnostic = Diagnostic::error(
                DiagnosticCode::UnknownReference,
                span,
                format!("there is no task `{wrong}`"),
            );
            let mut diagnostic = with_nearest(diagnostic, span, &wrong, &known);
            if let Some(help) = &mut diagnostic.help {
                help.replacement = None;
            }
            self.say(unit, diagnostic);
        }
        if let Some(found) = found {
            self.needed.entry((unit, found)).or_insert(span);
        }
        found
    }

    /// What a task gave, or what it was told.
    fn task_value(
        &mut self,
        span: Span,
        operators: &[&TraversalOperator],
        context: &Context,
    ) -> Code {
        let Some(task) = self.named_task(span, operators, context) else {
            return Code::wrong();
        };
        let Some(attribute) = operators.get(2).and_then(|operator| name_of(operator)) else {
            let task = &self.units[context.unit].tasks[task];
            let message = format!(
                "`task.{}.{}` needs the name of an attribute behind it",
                task.kind_name, task.name
            );
            self.wrong(
                context.unit,
                DiagnosticCode::UnknownReference,
                span,
                message,
            );
            return Code::wrong();
        };
        let rest = &operators[3..];
        let names: Vec<Option<String>> = rest.iter().map(|operator| name_of(operator)).collect();
        let (code, taken) = tasks::attribute(self, context.unit, task, &attribute, &names, span);
        self.steps(code, &rest[taken.min(rest.len())..], context)
    }

    /// The steps behind a value.
    fn steps(&mut self, mut code: Code, steps: &[&TraversalOperator], context: &Context) -> Code {
        for (index, operator) in steps.iter().enumerate() {
            code = match operator {
                TraversalOperator::GetAttr(name) => code.attribute(name.as_str()),
                TraversalOperator::Index(key) => {
                    let key = self.expression(key, context);
                    code.index(&key.text)
                }
                TraversalOperator::LegacyIndex(place) => code.index(&place.value().to_string()),
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    return self.splat(&code, &steps[index + 1..], context);
                }
            };
        }
        code
    }

    /// The steps behind `[*]`, taken by each item.
    fn splat(&mut self, code: &Code, steps: &[&TraversalOperator], context: &Context) -> Code {
        let mut program = ".[]".to_owned();
        for operator in steps {
            match operator {
                TraversalOperator::GetAttr(name) => {
                    program.push_str(&format!("[{}]", serde_json::Value::from(name.as_str())));
                }
                TraversalOperator::LegacyIndex(place) => {
                    program.push_str(&format!("[{}]", place.value()));
                }
                TraversalOperator::Index(key) => match constant::constant(key) {
                    Some(key @ (serde_json::Value::String(_) | serde_json::Value::Number(_))) => {
                        program.push_str(&format!("[{key}]"));
                    }
                    _ => self.wrong(
                        context.unit,
                        DiagnosticCode::HclUnsupported,
                        place(key),
                        "behind `[*]` only names and numbers can be written in brackets; use a `for` expression",
                    ),
                },
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    program.push_str("[]");
                }
            }
        }
        code.jq_all(&program)
    }
}
