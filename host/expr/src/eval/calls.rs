//! Filters, functions, macros and `render()`.

use std::sync::Arc;

use crate::environment::Arguments;
use crate::error::{EvalError, EvalErrorKind, Fail, Span};
use crate::eval::evaluator::{Evaluated, Evaluator, Scope};
use crate::library::functions;
use crate::library::names::nearest;
use crate::library::{Filter, Invocation, Parameters};
use crate::syntax::tags;
use crate::syntax::tree::{ArgumentNodes, Expression, FilterCall, Macro, Node};
use crate::value::{Kind, Map, Value};

/// How a failure inside a rendered text begins.
const INNER: &str = "in the text to render: ";

/// How often `render()` renders what it rendered.
const MAX_PASSES: u32 = 100;

impl<'a> Evaluator<'a> {
    pub(super) fn filtered(&mut self, input: &'a Node, call: &'a FilterCall) -> Evaluated<Value> {
        let value = match self.node(input) {
            Err(error) if error.absorbable && call.filter.name == "default" => Value::null(),
            evaluated => evaluated?,
        };
        self.filter(value, call)
    }

    pub(super) fn filter(&mut self, input: Value, call: &'a FilterCall) -> Evaluated<Value> {
        let arguments = self.arguments(&call.arguments)?;
        // An element taken out of a container carries its own marks; what was made from the whole
        // carries all of them.
        let keeps_elements = matches!(input.kind, Kind::List(_) | Kind::Map(_))
            && ELEMENT_FILTERS.contains(&call.filter.name);
        let work = if keeps_elements {
            elements(&input)
        } else {
            input.weight() / 4
        };
        let work = arguments
            .values()
            .fold(work, |work, argument| work + argument.weight() / 4);
        self.budget
            .charge(work)
            .map_err(|fail| fail.at(call.span))?;
        let marks = |value: &Value| {
            if keeps_elements {
                value.taint().clone()
            } else {
                value.deep_taint()
            }
        };
        let taint = arguments.values().fold(marks(&input), |taint, argument| {
            taint.union(&marks(argument))
        });
        let result = bind(call.filter, arguments)
            .and_then(|arguments| {
                let literal_program = call
                    .arguments
                    .nodes()
                    .next()
                    .is_some_and(|node| matches!(node.expression, Expression::Literal(_)));
                let mut invocation = Invocation {
                    filter: call.filter,
                    input,
                    arguments,
                    budget: self.budget,
                    environment: self.environment,
                    program: literal_program.then_some(&call.program),
                };
                (call.filter.run)(&mut invocation).map_err(|fail| {
                    if taint.is_empty() || fail.kind == EvalErrorKind::Limit {
                        return fail;
                    }
                    // What a filter complains about it may quote.
                    Fail {
                        kind: fail.kind,
                        message: format!("`{}` fails on a value from a secret", call.filter.name),
                        help: None,
                    }
                })
            })
            .and_then(|result| {
                self.budget.charge(elements(&result))?;
                self.budget.check(&result)?;
                Ok(result)
            })
            .map_err(|fail| fail.at(call.span))?;
        Ok(result.with_taint(&taint))
    }

    pub(super) fn call(
        &mut self,
        node: &'a Node,
        name: &Arc<str>,
        nodes: &'a ArgumentNodes,
    ) -> Evaluated<Value> {
        let span = Span::new(
            node.span.start as usize,
            node.span.start as usize + name.len(),
        );
        let arguments = self.arguments(nodes)?;
        let work = arguments.values().map(Value::weight).sum::<u64>() / 4;
        self.budget
            .charge(work)
            .map_err(|fail| fail.at(node.span))?;
        if matches!(name.as_ref(), "render" | "renderOnce") {
            return self.render(name, &arguments, node.span);
        }
        if name.as_ref() == "block" {
            return self.block(&arguments, node.span);
        }
        if let Some(result) = functions::call(name, &arguments, self.budget) {
            return result
                .and_then(|value| {
                    self.budget.charge(elements(&value))?;
                    self.budget.check(&value)?;
                    Ok(value)
                })
                .map_err(|fail| fail.at(node.span));
        }
        let is_function = functions::FUNCTIONS
            .iter()
            .any(|function| function.name == name.as_ref());
        if !is_function
            && let Some(definition) = self.tree.macros.iter().find(|known| known.name == *name)
        {
            return self.invoke(definition, arguments, node.span);
        }
        match self.environment.function(name, &arguments) {
            Some(Ok(value)) => {
                let value = arguments
                    .values()
                    .fold(value, |value, argument| value.tainted_like(argument));
                self.budget
                    .charge(elements(&value) / 4)
                    .map_err(|fail| fail.at(node.span))?;
                self.checked(value, node)
            }
            Some(Err(message)) => Err(EvalError::new(
                EvalErrorKind::Function,
                node.span,
                format!("`{name}`: {message}"),
            )),
            None => {
                let error = EvalError::new(
                    EvalErrorKind::Function,
                    span,
                    format!("the function `{name}` is not available here"),
                );
                let offered = self.environment.function_names();
                Err(match nearest(name, offered.iter().map(String::as_str)) {
                    Some(near) => error.with_help(format!("did you mean `{near}`?")),
                    None => error,
                })
            }
        }
    }

    fn invoke(
        &mut self,
        definition: &'a Macro,
        arguments: Arguments,
        span: Span,
    ) -> Evaluated<Value> {
        let names: Vec<&str> = definition
            .parameters
            .iter()
            .map(|(name, _)| name.as_ref())
            .collect();
        let given =
            functions::named(&definition.name, &arguments, &names).map_err(|fail| fail.at(span))?;
        self.budget.enter_call().map_err(|fail| fail.at(span))?;
        self.scopes.push(Scope {
            closed: true,
            variables: Vec::new(),
        });
        let result = self.expand(definition, given);
        self.scopes.pop();
        self.budget.depth -= 1;
        result
    }

    fn expand(&mut self, definition: &'a Macro, given: Vec<Option<Value>>) -> Evaluated<Value> {
        for ((name, default), value) in definition.parameters.iter().zip(given) {
            let value = match (value, default) {
                (Some(value), _) => value,
                (None, Some(node)) => self.node(node)?,
                (None, None) => Value::null(),
            };
            if let Some(scope) = self.scopes.last_mut() {
                scope.put(name, value);
            }
        }
        self.body(&definition.body)
    }

    /// `render(text, recursive)`: evaluates a text, again and again until it stays as it is.
    fn render(&mut self, name: &str, arguments: &Arguments, span: Span) -> Evaluated<Value> {
        let once = name == "renderOnce";
        let parameters: &[&str] = if once {
            &["toRender"]
        } else {
            &["toRender", "recursive"]
        };
        let values = functions::named(name, arguments, parameters).map_err(|fail| fail.at(span))?;
        let Some(Some(value)) = values.first() else {
            let fail = Fail::kind(format!("`{name}` needs an argument `toRender`"));
            return Err(fail.at(span));
        };
        let recursive = match values.get(1).and_then(Option::as_ref) {
            None => !once,
            Some(flag) if flag.is_null() => true,
            Some(flag) => flag.as_bool().ok_or_else(|| {
                Fail::kind(format!(
                    "argument `recursive` of `{name}` must be true or false, not {}",
                    flag.kind.name()
                ))
                .at(span)
            })?,
        };
        self.budget.enter_call().map_err(|fail| fail.at(span))?;
        let result = self.render_value(value, recursive, span);
        self.budget.depth -= 1;
        result
    }

    fn render_value(&mut self, value: &Value, recursive: bool, span: Span) -> Evaluated<Value> {
        match &value.kind {
            Kind::Text(text) => self
                .render_text(text, recursive, span)
                .map(|rendered| rendered.with_taint(value.taint())),
            Kind::List(items) => {
                let mut rendered = Vec::with_capacity(items.len());
                for item in items.iter() {
                    rendered.push(self.render_value(item, recursive, span)?);
                }
                Ok(Value::list(rendered).with_taint(value.taint()))
            }
            Kind::Map(entries) => {
                let mut rendered = Map::with_capacity(entries.len());
                for (key, item) in entries.iter() {
                    let item = self.render_value(item, recursive, span)?;
                    rendered.insert(key.clone(), item);
                }
                Ok(Value::map(rendered).with_taint(value.taint()))
            }
            _ => Ok(value.clone()),
        }
    }

    fn render_text(&mut self, text: &Arc<str>, recursive: bool, span: Span) -> Evaluated<Value> {
        let mut current = Value::text(text.clone());
        for _ in 0..MAX_PASSES {
            let source = match &current.kind {
                Kind::Text(text) if text.contains('{') => text.clone(),
                _ => return Ok(current),
            };
            // Parsing costs as much as making the text.
            self.budget
                .charge(1 + source.len() as u64 / 8)
                .map_err(|fail| fail.at(span))?;
            let next = self.render_pass(&source, span)?.with_taint(current.taint());
            if !recursive || next == current {
                return Ok(next);
            }
            current = next;
        }
        let fail = Fail::limit(format!(
            "the text still changes after {MAX_PASSES} renderings"
        ));
        Err(fail.at(span))
    }

    fn render_pass(&mut self, source: &str, span: Span) -> Evaluated<Value> {
        let tree = tags::parse(source).map_err(|errors| {
            let first = errors.into_iter().next();
            let error = EvalError::new(
                EvalErrorKind::Syntax,
                span,
                format!(
                    "the text to render is not valid: {}",
                    first.as_ref().map_or("", |error| error.message.as_str())
                ),
            );
            match first.and_then(|error| error.help) {
                Some(help) => error.with_help(help),
                None => error,
            }
        })?;
        let mut inner = Evaluator::new(source, &tree, self.environment, self.budget);
        inner.scopes = inherit(&self.scopes);
        inner.body(&tree.pieces).map_err(|error| EvalError {
            span: span.range(),
            message: match error.message.strip_prefix(INNER) {
                Some(_) => error.message,
                None => format!("{INNER}{}", error.message),
            },
            absorbable: false,
            ..error
        })
    }
}

/// A rendered text sees what stands around it, as far as that is visible, but changes none of it.
fn inherit(scopes: &[Scope]) -> Vec<Scope> {
    let visible = scopes.iter().rposition(|scope| scope.closed).unwrap_or(0);
    let mut inherited: Vec<Scope> = scopes[visible..]
        .iter()
        .map(|scope| Scope {
            closed: scope.closed,
            variables: scope.variables.clone(),
        })
        .collect();
    inherited.push(Scope::default());
    inherited
}

/// Filters that hand elements on as they are, so that these keep their own marks.
const ELEMENT_FILTERS: &[&str] = &[
    "chunk", "distinct", "first", "flatten", "keys", "last", "length", "merge", "reverse", "rsort",
    "slice", "sort", "values",
];

/// The parts of a value itself, not counting what is inside its elements.
fn elements(value: &Value) -> u64 {
    match &value.kind {
        Kind::List(items) => items.len() as u64,
        Kind::Map(entries) => entries.len() as u64,
        _ => value.weight(),
    }
}

/// Sorts the arguments of a filter into its parameters.
fn bind(filter: &Filter, arguments: Arguments) -> Result<Vec<Option<Value>>, Fail> {
    match &filter.parameters {
        Parameters::None => Ok(Vec::new()),
        Parameters::Any => Ok(arguments.positional.into_iter().map(Some).collect()),
        Parameters::Named(parameters) => {
            let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
            let values = functions::named(filter.name, &arguments, &names)?;
            for ((name, required), value) in parameters.iter().zip(&values) {
                if *required && value.is_none() {
                    return Err(Fail::kind(format!(
                        "`{}` needs an argument `{name}`",
                        filter.name
                    )));
                }
            }
            Ok(values)
        }
    }
}
