//! Builds the tree out of the events: resolves aliases within a budget, applies merge keys, refuses what flows do not use.
//!
//! A mistake that leaves the rest readable is noted and reading goes on, so one run reports all of them; a syntax error or a broken
//! limit ends the reading.

use std::collections::HashMap;
use std::sync::Arc;

use super::events::{Event, Events, Meter, Properties, Reason, SyntaxError, Tag};
use super::keys::Keys;
use super::limits::Limits;
use super::outline::outline;
use super::path::{Segment, path_text};
use super::resolve::{resolve, resolve_tagged};
use super::source::{Cursor, make_span};
use super::unquoted::{self, Repair};
use super::{Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};
use crate::diagnostic::{Code, Diagnostic};

/// What came out of one text.
pub(super) struct Composed {
    pub(super) root: Option<Node>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// How many more mistakes there are than diagnostics.
    pub(super) further: usize,
    pub(super) trouble: Option<Trouble>,
}

/// What ended the reading and may be got round.
pub(super) enum Trouble {
    Syntax(SyntaxErrorAt),
    /// A value that begins with an expression and goes on with text that is none to YAML.
    Unquoted(Span),
}

/// A syntax error and how far the reading had come before it.
pub(super) struct SyntaxErrorAt {
    /// Where the parser noticed.
    pub(super) offset: usize,
    /// What it said.
    pub(super) reason: String,
    /// Where the last thing that was understood ends.
    pub(super) understood: usize,
    /// Where the brackets begin that are open there.
    pub(super) brackets: Vec<usize>,
    /// The property that was being read.
    pub(super) path: String,
}

/// Reads the text, in which values may have been replaced. The limit on its size is the caller's to check.
pub(super) fn compose(text: &str, limits: &Limits, repairs: &[Repair]) -> Composed {
    let meter = Meter::default();
    let mut composer = Composer {
        // A node has at most two tokens of its own, and a key two more.
        events: Events::new(text, &meter, limits.nodes.saturating_mul(2)),
        cursor: Cursor::new(text),
        limits,
        repairs,
        keys: Keys::default(),
        anchors: HashMap::new(),
        path: Vec::new(),
        brackets: Vec::new(),
        depth: 0,
        nodes: 0,
        copied: 0,
        diagnostics: Vec::new(),
        further: 0,
    };
    let document = composer.document();
    let (root, trouble) = match document {
        Ok(root) => (root, None),
        Err(Stop::Refused) => (None, None),
        Err(Stop::Unquoted(span)) => (None, Some(Trouble::Unquoted(span))),
        Err(Stop::Syntax(SyntaxError {
            offset,
            reason: Reason::TooLarge,
        })) => {
            let start = composer.cursor.position();
            let open = outline(text, start, offset, &composer.brackets).brackets;
            let start = open.first().copied().unwrap_or(offset);
            let end = text.ceil_char_boundary((start + 1).min(text.len()));
            composer.refuse_bracket(make_span(start, end));
            (None, None)
        }
        Err(Stop::Syntax(SyntaxError {
            offset,
            reason: Reason::Syntax(reason),
        })) => {
            let at = SyntaxErrorAt {
                offset,
                reason,
                understood: composer.cursor.position(),
                brackets: composer.brackets,
                path: path_text(&composer.path),
            };
            (None, Some(Trouble::Syntax(at)))
        }
    };
    Composed {
        root,
        diagnostics: composer.diagnostics,
        further: composer.further,
        trouble,
    }
}

/// Why reading ended early.
pub(super) enum Stop {
    /// The text is not YAML.
    Syntax(SyntaxError),
    /// A value is an expression with text behind it, without quotes.
    Unquoted(Span),
    /// A limit is broken; the diagnostic is noted.
    Refused,
}

impl From<SyntaxError> for Stop {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

/// A node with what it weighs.
pub(super) struct Built {
    pub(super) node: Node,
    /// Where its text ends, which for an alias is not where its node's span ends.
    pub(super) end: u32,
    pub(super) nodes: usize,
    pub(super) depth: usize,
}

/// An anchored node; nothing while it is being read.
struct Anchored {
    node: Option<Node>,
    nodes: usize,
    depth: usize,
}

pub(super) struct Composer<'text, 'given> {
    pub(super) events: Events<'text>,
    pub(super) cursor: Cursor<'text>,
    pub(super) limits: &'given Limits,
    pub(super) repairs: &'given [Repair],
    pub(super) keys: Keys,
    anchors: HashMap<usize, Anchored>,
    pub(super) path: Vec<Segment>,
    pub(super) brackets: Vec<usize>,
    pub(super) depth: usize,
    pub(super) nodes: usize,
    /// Nodes copied for anchors.
    pub(super) copied: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) further: usize,
}

impl<'text, 'given> Composer<'text, 'given> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let root = match self.events.next()? {
            Some((Event::DocumentStart, _)) => {
                let (event, span) = self.event()?;
                self.node(event, span)?.node
            }
            _ => return Ok(None),
        };
        while let Some((event, span)) = self.events.next()? {
            if matches!(event, Event::DocumentStart) {
                let diagnostic =
                    Diagnostic::error(Code::SecondDocument, span, "a flow file holds one document")
                        .label("a second one begins here")
                        .help("put it into a file of its own");
                self.note(|_| diagnostic);
                break;
            }
        }
        Ok(Some(root))
    }

    pub(super) fn event(&mut self) -> Result<(Event<'text>, Span), Stop> {
        match self.events.next()? {
            Some(event) => Ok(event),
            // The parser closes whatever it opened.
            None => Err(Stop::Refused),
        }
    }

    pub(super) fn node(&mut self, event: Event<'text>, span: Span) -> Result<Built, Stop> {
        match event {
            Event::Scalar {
                text,
                style,
                properties,
            } => {
                self.count(1, span)?;
                let given = span;
                let span = self.cursor.scalar(given, style);
                if let Some(repair) = self.repair(span) {
                    let built = self.expression(&repair.text, repair.span);
                    return self.anchor(&properties, built);
                }
                let value = match &properties.tag {
                    None => resolve(&text, style),
                    Some(tag) => self.tagged(&text, style, tag, given),
                };
                let scalar = Scalar {
                    text: Arc::from(text),
                    style,
                    value,
                };
                let built = Built {
                    node: Node {
                        span,
                        kind: NodeKind::Scalar(scalar),
                    },
                    end: span.end,
                    nodes: 1,
                    depth: 0,
                };
                self.anchor(&properties, built)
            }
            Event::ListStart(properties) => {
                self.open(&properties, "seq", span)?;
                let built = self.list(span)?;
                self.depth -= 1;
                self.anchor(&properties, built)
            }
            Event::MapStart(properties) => {
                self.open(&properties, "map", span)?;
                let in_flow = !self.brackets.is_empty();
                let built = match self.cursor.unquoted(span, in_flow) {
                    Some(expression) => self.unquoted(expression)?,
                    None => self.map(span)?,
                };
                self.depth -= 1;
                self.anchor(&properties, built)
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            // A node is asked for only where the grammar has one.
            Event::DocumentStart | Event::DocumentEnd | Event::End => Err(Stop::Refused),
        }
    }

    fn list(&mut self, start: Span) -> Result<Built, Stop> {
        let first = self.cursor.collection(start, true);
        let bracket = self.cursor.is_bracket(first);
        if bracket {
            self.brackets.push(first as usize);
        }
        let mut end = first;
        let mut items = Vec::new();
        let mut nodes = 1;
        let mut depth = 0;
        loop {
            let (event, span) = self.event()?;
            if matches!(event, Event::End) {
                end = self.cursor.close(span, end);
                if bracket {
                    self.brackets.pop();
                }
                break;
            }
            self.path.push(Segment::Index(items.len()));
            let item = self.node(event, span)?;
            self.path.pop();
            end = item.end;
            nodes += item.nodes;
            depth = depth.max(item.depth);
            items.push(item.node);
        }
        Ok(Built {
            node: Node {
                span: Span::between(first, end),
                kind: NodeKind::List(items),
            },
            end,
            nodes,
            depth: depth + 1,
        })
    }

    /// An unquoted expression reads as a map in a map: its events are skipped, its text is the value.
    fn unquoted(&mut self, expression: Span) -> Result<Built, Stop> {
        let mut open = 1;
        let mut end = expression.start;
        while open > 0 {
            let (event, span) = self.event()?;
            match event {
                Event::End => {
                    open -= 1;
                    end = span.start + 1;
                }
                Event::ListStart(_) | Event::MapStart(_) => open += 1,
                _ => {}
            }
        }
        // Text behind the brackets belongs to the value and is none to YAML.
        if end != expression.end {
            return Err(Stop::Unquoted(expression));
        }
        self.count(1, expression)?;
        self.cursor.move_to(expression.end);
        let text = self.cursor.slice(expression);
        Ok(self.expression(text, expression))
    }

    /// Notes that quotes are missing and takes the value as it was meant.
    pub(super) fn expression(&mut self, text: &str, span: Span) -> Built {
        self.note(|_| unquoted::diagnostic(text, span));
        Built {
            node: unquoted::node(text, span),
            end: span.end,
            nodes: 1,
            depth: 0,
        }
    }

    pub(super) fn repair(&self, span: Span) -> Option<&'given Repair> {
        let repairs = self.repairs;
        let found = repairs.binary_search_by_key(&span.start, |repair| repair.span.start);
        found.ok().map(|at| &repairs[at])
    }

    pub(super) fn alias(&mut self, anchor: usize, span: Span) -> Result<Built, Stop> {
        self.cursor.move_to(span.end);
        let found = self
            .anchors
            .get(&anchor)
            .map(|anchored| (anchored.nodes, anchored.depth, anchored.node.is_some()));
        let (nodes, depth) = match found {
            Some((nodes, depth, true)) => (nodes, depth),
            _ => {
                let message = format!(
                    "the alias `{}` stands inside the node it names",
                    self.cursor.slice(span)
                );
                return Err(self.refuse(span, message));
            }
        };
        self.count(nodes, span)?;
        if self.depth + depth > self.limits.depth {
            return Err(self.refuse_depth(span));
        }
        match self
            .anchors
            .get(&anchor)
            .and_then(|found| found.node.clone())
        {
            Some(node) => Ok(Built {
                node,
                end: span.end,
                nodes,
                depth,
            }),
            None => Err(Stop::Refused),
        }
    }

    /// Notes that a collection begins.
    fn open(&mut self, properties: &Properties, standard: &str, span: Span) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(self.refuse_depth(span));
        }
        self.count(1, span)?;
        if properties.anchor != 0 {
            let unfinished = Anchored {
                node: None,
                nodes: 0,
                depth: 0,
            };
            self.anchors.insert(properties.anchor, unfinished);
        }
        match &properties.tag {
            Some(Tag::Standard(name)) if name == standard => {}
            Some(tag) => self.unsupported_tag(tag, span),
            None => {}
        }
        Ok(())
    }

    pub(super) fn tagged(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: &Tag,
        span: Span,
    ) -> ScalarValue {
        if let Tag::Standard(name) = tag
            && let Some(value) = resolve_tagged(text, name)
        {
            return value;
        }
        // `!` alone says: text, whatever it looks like.
        if let Tag::Other(name) = tag
            && name == "!"
        {
            return ScalarValue::Text;
        }
        self.unsupported_tag(tag, span);
        resolve(text, style)
    }

    pub(super) fn anchor(&mut self, properties: &Properties, built: Built) -> Result<Built, Stop> {
        if properties.anchor != 0 {
            self.copied += built.nodes;
            if self.copied > self.limits.nodes {
                return Err(self.refuse_nodes(built.node.span));
            }
            let anchored = Anchored {
                node: Some(built.node.clone()),
                nodes: built.nodes,
                depth: built.depth,
            };
            self.anchors.insert(properties.anchor, anchored);
        }
        Ok(built)
    }

    /// Counts nodes against the budget.
    pub(super) fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.nodes {
            return Err(self.refuse_nodes(span));
        }
        Ok(())
    }
}
