//! Renders the expressions of a node of a flow. Everything is rendered once: text that came out of an expression is never
//! evaluated again.

use std::cell::RefCell;
use std::ops::Range;

use serde_json::{Map, Value};
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::yaml::{Node, NodeKind, ScalarValue, scalar_span_to_source};
use taffrail_expr::{Environment, EvalError, Limits, Template};

/// An expression that could not be rendered, and where it stands in the flow.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderError {
    /// Pointer of the node below the one that was rendered.
    pub pointer: String,
    /// The scalar that holds the expression; none for one in a key.
    pub node: Option<Box<Node>>,
    /// The place in the scalar's text, in bytes.
    pub range: Range<usize>,
    /// What was wrong.
    pub message: String,
    /// A way out.
    pub help: Option<String>,
}

impl RenderError {
    /// The error as a diagnostic of the flow's file.
    pub fn diagnostic(&self, source: &str, base: &Node) -> Diagnostic {
        let span = match &self.node {
            Some(node) => scalar_span_to_source(source, node, self.range.clone()),
            None => base.span,
        };
        let mut diagnostic = Diagnostic::error(Code::ExpressionFailed, span, self.message.clone());
        if let Some(help) = &self.help {
            diagnostic = diagnostic.help(help.clone());
        }
        diagnostic
    }
}

/// Renders nodes in one scope.
pub struct Renderer<'a> {
    scope: &'a dyn Environment,
    limits: Limits,
    defer_unknown: bool,
    deferred: RefCell<Vec<String>>,
}

impl<'a> Renderer<'a> {
    /// A renderer for a scope, with the ordinary limits.
    pub fn new(scope: &'a dyn Environment) -> Self {
        let limits = Limits {
            output_bytes: 16 * 1024 * 1024,
            ..Limits::default()
        };
        Self {
            scope,
            limits,
            defer_unknown: false,
            deferred: RefCell::default(),
        }
    }

    /// With expressions that need what only a run knows, the outputs of tasks, left as they were written.
    #[must_use]
    pub fn deferring(mut self, defer_unknown: bool) -> Self {
        self.defer_unknown = defer_unknown;
        self
    }

    /// Pointers of the texts in which something was left as it was written.
    pub fn deferred(&self) -> Vec<String> {
        self.deferred.borrow().clone()
    }

    /// Renders a text.
    ///
    /// # Errors
    /// When it does not parse or fails.
    pub fn text(&self, text: &str) -> Result<String, RenderError> {
        self.text_at(text, "")
    }

    fn text_at(&self, text: &str, pointer: &str) -> Result<String, RenderError> {
        if !text.contains('{') {
            return Ok(text.to_owned());
        }
        let template = parse(text)?;
        if self.defer_unknown {
            let known = template
                .render_known(self.scope, &self.limits, &only_a_run_knows)
                .map_err(eval_error)?;
            if !known.complete {
                self.deferred.borrow_mut().push(pointer.to_owned());
            }
            return Ok(known.text);
        }
        let rendered = template
            .render(self.scope, &self.limits)
            .map_err(eval_error)?;
        Ok(rendered.text)
    }

    /// Renders every text of a node, keys included.
    ///
    /// # Errors
    /// The first expression that does not parse or fails, with its place.
    pub fn node(&self, node: &Node) -> Result<Value, RenderError> {
        self.at(node, "")
    }

    /// Renders a node; one single expression keeps the kind of its value.
    ///
    /// # Errors
    /// The first expression that does not parse or fails, with its place.
    pub fn value(&self, node: &Node) -> Result<Value, RenderError> {
        let Some(text) = node.text() else {
            return self.node(node);
        };
        let at = |error: RenderError| RenderError {
            node: Some(Box::new(node.clone())),
            ..error
        };
        let template = parse(text).map_err(at)?;
        let value = template
            .evaluate(self.scope, &self.limits)
            .map_err(eval_error)
            .map_err(at)?;
        Ok(value.to_json())
    }

    /// Renders the entries of a map, but for some keys.
    ///
    /// # Errors
    /// The first expression that does not parse or fails, with its place.
    pub fn map(
        &self,
        node: &Node,
        leave_out: impl Fn(&str) -> bool,
    ) -> Result<Map<String, Value>, RenderError> {
        let mut map = Map::new();
        for entry in node.entries().iter().filter(|entry| !leave_out(&entry.key)) {
            let pointer = child("", &entry.key);
            let key = self
                .text_at(&entry.key, &pointer)
                .map_err(|error| RenderError {
                    pointer: pointer.clone(),
                    ..error
                })?;
            map.insert(key, self.at(&entry.value, &pointer)?);
        }
        Ok(map)
    }

    fn at(&self, node: &Node, pointer: &str) -> Result<Value, RenderError> {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.value == ScalarValue::Text => {
                let rendered =
                    self.text_at(&scalar.text, pointer)
                        .map_err(|error| RenderError {
                            pointer: pointer.to_owned(),
                            node: Some(Box::new(node.clone())),
                            ..error
                        })?;
                Ok(Value::String(rendered))
            }
            NodeKind::Scalar(_) => Ok(node.to_json()),
            NodeKind::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.at(item, &child(pointer, &index.to_string())))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            NodeKind::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    let below = child(pointer, &entry.key);
                    let key = self
                        .text_at(&entry.key, &below)
                        .map_err(|error| RenderError {
                            pointer: below.clone(),
                            ..error
                        })?;
                    map.insert(key, self.at(&entry.value, &below)?);
                }
                Ok(Value::Object(map))
            }
        }
    }
}

fn parse(text: &str) -> Result<Template, RenderError> {
    Template::parse(text).map_err(|errors| match errors.into_iter().next() {
        Some(error) => RenderError {
            pointer: String::new(),
            node: None,
            range: error.span,
            message: error.message,
            help: error.help,
        },
        None => RenderError {
            pointer: String::new(),
            node: None,
            range: 0..0,
            message: "it does not parse".to_owned(),
            help: None,
        },
    })
}

fn eval_error(error: EvalError) -> RenderError {
    RenderError {
        pointer: String::new(),
        node: None,
        range: error.span,
        message: error.message,
        help: error.help,
    }
}

/// Whether a variable is not there before a run: the outputs of tasks, and what went wrong in them.
fn only_a_run_knows(name: &str) -> bool {
    matches!(
        name,
        "outputs" | "error" | "tasks" | "taskrun" | "parent" | "parents"
    )
}

fn child(pointer: &str, key: &str) -> String {
    if key.contains(['~', '/']) {
        format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
    } else {
        format!("{pointer}/{key}")
    }
}
