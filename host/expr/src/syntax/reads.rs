//! What a template reads, found without running it: paths, functions, filters, secrets.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Span;
use crate::error::SyntaxError;
use crate::library::functions::{FUNCTIONS, Provider};
use crate::library::names;
use crate::syntax::lexer::Operator;
use crate::syntax::tags;
use crate::syntax::tree::{ArgumentNodes, Expression, FilterCall, Node, Piece, Tree};
use crate::value::Kind;

/// What a template reads. Names that the template itself introduces (`for`, `set`, macros) are not
/// listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Each use of a variable, in order.
    pub paths: Vec<ReadPath>,
    /// Each call of a function that is not a macro, by name and place of the name.
    pub functions: Vec<(String, Range<usize>)>,
    /// Each use of a filter, by name and place.
    pub filters: Vec<(String, Range<usize>)>,
    /// The secrets named literally, as in `secret('X')`.
    pub secrets: BTreeSet<String>,
    /// The files named literally, as in `read('X')`: paths or addresses.
    pub files: BTreeSet<String>,
    /// Whether a secret is asked for by a computed name.
    pub dynamic_secret: bool,
    /// Whether a computed text is rendered, so that more may be read than is listed here.
    pub dynamic_render: bool,
    /// Whether the outcome may differ from run to run with the same variables.
    pub impure: bool,
    /// Subtractions that look like a name with a dash: the place and what to write instead.
    pub dashes: Vec<(Range<usize>, String)>,
}

/// One use of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPath {
    /// The variable and the keys below it; the first is always a name.
    pub segments: Vec<Segment>,
    /// Where the whole path stands.
    pub span: Range<usize>,
    /// Whether its absence is provided for, by `??`, `???`, `default` or `is defined`.
    pub optional: bool,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A key written in the template; an index of a list stands as its digits.
    Name(String),
    /// A key that is only known when running.
    Dynamic,
    /// The values of the loops that the reader stands in, as `currentEachOutput` takes them.
    Each,
}

/// The functions that go from the outputs of a task to those for the values of the loops around the reader.
const EACH: [&str; 2] = ["currentEachOutput", "loopOutputs"];

/// Collects what a template reads.
pub(crate) fn collect(source: &str, tree: &Tree) -> Reads {
    let mut collector = Collector {
        source,
        tree,
        reads: Reads::default(),
        scopes: vec![Vec::new()],
        optional: 0,
        place: None,
        depth: 0,
    };
    collector.pieces(&tree.pieces);
    for definition in &tree.macros {
        let mut names: Vec<Arc<str>> = Vec::new();
        for (name, value) in &definition.parameters {
            if let Some(node) = value {
                collector.node(node);
            }
            names.push(name.clone());
        }
        collector.scopes.push(names);
        collector.pieces(&definition.body);
        collector.scopes.pop();
    }
    collector.reads
}

/// Collects what one piece at the top of a template reads.
pub(crate) fn of_piece(source: &str, tree: &Tree, piece: &Piece) -> Reads {
    let mut collector = Collector {
        source,
        tree,
        reads: Reads::default(),
        scopes: vec![Vec::new()],
        optional: 0,
        place: None,
        depth: 0,
    };
    collector.pieces(std::slice::from_ref(piece));
    collector.reads
}

/// Reports calls of names that are neither functions nor macros, and of blocks that are not there.
pub(crate) fn check_calls(tree: &Tree, errors: &mut Vec<SyntaxError>) {
    let mut unknown = |node: &Node| {
        if let Expression::Call { name, arguments } = &node.expression {
            if name.as_ref() == "block" {
                return errors.extend(unknown_block(tree, arguments));
            }
            let known = FUNCTIONS
                .iter()
                .any(|function| function.name == name.as_ref())
                || tree.macros.iter().any(|known| known.name == *name);
            if !known {
                let start = node.span.start as usize;
                let macros = tree
                    .macros
                    .iter()
                    .map(|known| known.name.as_ref())
                    .collect();
                errors.push(names::unknown_function(
                    name,
                    Span::new(start, start + name.len()),
                    macros,
                ));
            }
        }
    };
    for_each_node(&tree.pieces, &mut unknown);
    for definition in &tree.macros {
        for (_, value) in &definition.parameters {
            if let Some(node) = value {
                visit(node, &mut unknown);
            }
        }
        for_each_node(&definition.body, &mut unknown);
    }
    for block in &tree.blocks {
        for_each_node(&block.body, &mut unknown);
    }
}

/// What is wrong with a call of a block by a literal name.
fn unknown_block(tree: &Tree, arguments: &ArgumentNodes) -> Option<SyntaxError> {
    let node = arguments.nodes().next()?;
    let name = literal_text(node)?;
    let names = || tree.blocks.iter().map(|block| block.name.as_ref());
    if names().any(|known| known == name) {
        return None;
    }
    let error = SyntaxError::new(node.span, format!("there is no block `{name}`"));
    Some(match names::nearest(name, names()) {
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None => error.with_help("write `{% block name %}…{% endblock %}` in the same text"),
    })
}

fn for_each_node(pieces: &[Piece], action: &mut impl FnMut(&Node)) {
    for piece in pieces {
        match piece {
            // What blocks hold is listed with the template.
            Piece::Text(_) | Piece::Block(_) => {}
            Piece::Print(node) | Piece::Set { value: node, .. } => visit(node, action),
            Piece::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    visit(condition, action);
                    for_each_node(body, action);
                }
                for_each_node(otherwise, action);
            }
            Piece::For {
                items,
                body,
                otherwise,
                ..
            } => {
                visit(items, action);
                for_each_node(body, action);
                for_each_node(otherwise, action);
            }
            Piece::Filter { calls, body } => {
                for call in calls {
                    call.arguments.nodes().for_each(|node| visit(node, action));
                }
                for_each_node(body, action);
            }
        }
    }
}

fn visit(node: &Node, action: &mut impl FnMut(&Node)) {
    action(node);
    match &node.expression {
        Expression::Literal(_) | Expression::Variable(_) => {}
        Expression::Attribute { target, key } => {
            visit(target, action);
            visit(key, action);
        }
        Expression::Not(operand) | Expression::Sign { operand, .. } => visit(operand, action),
        Expression::Binary { left, right, .. } => {
            visit(left, action);
            visit(right, action);
        }
        Expression::Ternary {
            condition,
            then,
            otherwise,
        } => {
            visit(condition, action);
            visit(then, action);
            visit(otherwise, action);
        }
        Expression::Interpolation(nodes) | Expression::List(nodes) => {
            nodes.iter().for_each(|node| visit(node, action));
        }
        Expression::Map(entries) => {
            for (key, value) in entries {
                visit(key, action);
                visit(value, action);
            }
        }
        Expression::Filter { input, call } => {
            visit(input, action);
            call.arguments.nodes().for_each(|node| visit(node, action));
        }
        Expression::Test { input, .. } => visit(input, action),
        Expression::Call { arguments, .. } => {
            arguments.nodes().for_each(|node| visit(node, action));
        }
    }
}

struct Collector<'a> {
    source: &'a str,
    tree: &'a Tree,
    reads: Reads,
    scopes: Vec<Vec<Arc<str>>>,
    optional: u32,
    /// Where everything is said to stand, inside a text given to `render()`.
    place: Option<Range<usize>>,
    depth: u32,
}

impl Collector<'_> {
    fn is_local(&self, name: &str) -> bool {
        self.scopes
            .iter()
            .any(|scope| scope.iter().any(|known| known.as_ref() == name))
    }

    fn place(&self, span: Span) -> Range<usize> {
        self.place.clone().unwrap_or_else(|| span.range())
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Block(index) => {
                    let tree = self.tree;
                    if let Some(block) = tree.blocks.get(*index) {
                        self.pieces(&block.body);
                    }
                }
                Piece::Print(node) => self.node(node),
                Piece::Set { variable, value } => {
                    self.node(value);
                    if !self.is_local(variable)
                        && let Some(scope) = self.scopes.last_mut()
                    {
                        scope.push(variable.clone());
                    }
                }
                Piece::If {
                    branches,
                    otherwise,
                } => {
                    for (condition, body) in branches {
                        self.node(condition);
                        self.pieces(body);
                    }
                    self.pieces(otherwise);
                }
                Piece::For {
                    variable,
                    items,
                    body,
                    otherwise,
                } => {
                    self.node(items);
                    self.scopes.push(vec![variable.clone(), Arc::from("loop")]);
                    self.pieces(body);
                    self.scopes.pop();
                    self.pieces(otherwise);
                }
                Piece::Filter { calls, body } => {
                    self.pieces(body);
                    calls.iter().for_each(|call| self.filter(call));
                }
            }
        }
    }

    fn filter(&mut self, call: &FilterCall) {
        let place = self.place(call.span);
        self.reads
            .filters
            .push((call.filter.name.to_owned(), place));
        call.arguments.nodes().for_each(|node| self.node(node));
    }

    fn optional(&mut self, node: &Node) {
        self.optional += 1;
        self.node(node);
        self.optional -= 1;
    }

    fn node(&mut self, node: &Node) {
        match &node.expression {
            Expression::Literal(_) => {}
            Expression::Variable(_) | Expression::Attribute { .. } => self.path(node),
            Expression::Not(operand) | Expression::Sign { operand, .. } => self.node(operand),
            Expression::Binary {
                operator: Operator::Coalesce | Operator::CoalesceUndefined,
                left,
                right,
            } => {
                self.optional(left);
                // `?? raise` asks for an error by naming something that is nowhere.
                if !matches!(&right.expression, Expression::Variable(name) if name.as_ref() == "raise")
                {
                    self.node(right);
                }
            }
            Expression::Binary {
                operator,
                left,
                right,
            } => {
                if *operator == Operator::Minus
                    && let Some(suggestion) = dashed_name(self.source, node)
                    && self.place.is_none()
                {
                    self.reads.dashes.push((node.span.range(), suggestion));
                }
                self.node(left);
                self.node(right);
            }
            Expression::Ternary {
                condition,
                then,
                otherwise,
            } => {
                self.node(condition);
                self.node(then);
                self.node(otherwise);
            }
            Expression::Interpolation(nodes) | Expression::List(nodes) => {
                nodes.iter().for_each(|node| self.node(node));
            }
            Expression::Map(entries) => {
                for (key, value) in entries {
                    self.node(key);
                    self.node(value);
                }
            }
            Expression::Filter { input, call } => {
                if call.filter.name == "default" {
                    self.optional(input);
                } else {
                    self.node(input);
                }
                self.filter(call);
            }
            Expression::Test { input, test, .. } => {
                if test.name == "defined" {
                    self.optional(input);
                } else {
                    self.node(input);
                }
            }
            Expression::Call { name, arguments } => self.call(name, arguments, node.span),
        }
    }

    fn path(&mut self, node: &Node) {
        let mut segments = Vec::new();
        let mut current = node;
        loop {
            match &current.expression {
                Expression::Attribute { target, key } => {
                    segments.push(match &key.expression {
                        Expression::Literal(value) => match &value.kind {
                            Kind::Text(text) => Segment::Name(text.to_string()),
                            Kind::Int(index) => Segment::Name(index.to_string()),
                            _ => Segment::Dynamic,
                        },
                        _ => {
                            self.node(key);
                            Segment::Dynamic
                        }
                    });
                    current = target;
                }
                Expression::Call { name, arguments }
                    if EACH.contains(&name.as_ref())
                        && !segments.is_empty()
                        && let Some(outputs) = each_of(arguments) =>
                {
                    self.called(name, arguments, current.span);
                    segments.push(Segment::Each);
                    current = outputs;
                }
                Expression::Variable(name) => {
                    if self.is_local(name) {
                        return;
                    }
                    segments.push(Segment::Name(name.to_string()));
                    segments.reverse();
                    let span = self.place(node.span);
                    self.reads.paths.push(ReadPath {
                        segments,
                        span,
                        optional: self.optional > 0,
                    });
                    return;
                }
                _ => {
                    self.node(current);
                    return;
                }
            }
        }
    }

    fn call(&mut self, name: &str, arguments: &ArgumentNodes, span: Span) {
        arguments.nodes().for_each(|node| self.node(node));
        self.called(name, arguments, span);
    }

    /// Notes a call whose arguments are looked at elsewhere.
    fn called(&mut self, name: &str, arguments: &ArgumentNodes, span: Span) {
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            return;
        };
        let start = span.start as usize;
        let place = self.place(Span::new(start, start + name.len()));
        self.reads.functions.push((name.to_owned(), place));
        self.reads.impure |= function.provider == Provider::Impure;
        let named = |parameter: &str| {
            arguments
                .named
                .iter()
                .find(|(known, _)| known.as_ref() == parameter)
                .map(|(_, node)| node)
        };
        let argument = |parameter: &str| arguments.positional.first().or_else(|| named(parameter));
        match name {
            "secret" => match argument("key").and_then(literal_text) {
                Some(key) => {
                    self.reads.secrets.insert(key.to_owned());
                }
                None => self.reads.dynamic_secret = true,
            },
            "read" | "fileSize" | "fileEmpty" | "isFileEmpty" => {
                let file = argument("path").or_else(|| named("uri"));
                self.reads
                    .files
                    .extend(file.and_then(literal_text).map(str::to_owned));
            }
            "render" | "renderOnce" => match argument("toRender").and_then(literal_text) {
                Some(text) => self.rendered(text, span),
                None => self.reads.dynamic_render = true,
            },
            _ => {}
        }
    }

    /// A text rendered from a literal reads what it says.
    fn rendered(&mut self, text: &str, span: Span) {
        const NESTED: u32 = 8;
        let place = self.place(span);
        if self.depth == NESTED {
            self.reads.dynamic_render = true;
            return;
        }
        let Ok(tree) = tags::parse(text) else {
            return;
        };
        let mut inner = Collector {
            source: text,
            tree: &tree,
            reads: Reads::default(),
            scopes: self.scopes.clone(),
            optional: self.optional,
            place: Some(place),
            depth: self.depth + 1,
        };
        inner.pieces(&inner.tree.pieces);
        let found = inner.reads;
        self.reads.paths.extend(found.paths);
        self.reads.functions.extend(found.functions);
        self.reads.filters.extend(found.filters);
        self.reads.secrets.extend(found.secrets);
        self.reads.files.extend(found.files);
        self.reads.dynamic_secret |= found.dynamic_secret;
        self.reads.dynamic_render |= found.dynamic_render;
        self.reads.impure |= found.impure;
    }
}

/// The only argument of a call, where that is a path.
fn each_of(arguments: &ArgumentNodes) -> Option<&Node> {
    let mut all = arguments.nodes();
    let outputs = all.next()?;
    let is_path = matches!(
        outputs.expression,
        Expression::Variable(_) | Expression::Attribute { .. }
    );
    (is_path && all.next().is_none()).then_some(outputs)
}

fn literal_text(node: &Node) -> Option<&str> {
    match &node.expression {
        Expression::Literal(value) => value.as_str(),
        _ => None,
    }
}

/// Recognises `outputs.my-task.x`, which is a subtraction, and says how to write the name.
pub(crate) fn dashed_name(source: &str, node: &Node) -> Option<String> {
    let text = source.get(node.span.range())?;
    let plain = |character: char| character.is_alphanumeric() || "_.-".contains(character);
    if !text.contains('.') || !text.contains('-') || !text.chars().all(plain) {
        return None;
    }
    let mut written = String::new();
    for (index, segment) in text.split('.').enumerate() {
        match (segment.contains('-'), index) {
            (true, 0) => return None,
            (true, _) => written.push_str(&format!("['{segment}']")),
            (false, 0) => written.push_str(segment),
            (false, _) => {
                written.push('.');
                written.push_str(segment);
            }
        }
    }
    Some(written)
}
