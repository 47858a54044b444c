//! A parsed text, ready to be rendered any number of times, from any thread.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::environment::Environment;
use crate::error::{EvalError, Span, SyntaxError};
use crate::eval::Evaluator;
use crate::limits::{Budget, Limits};
use crate::syntax::reads::{self, Reads};
use crate::syntax::tags;
use crate::syntax::tree::{Piece, Tree};
use crate::value::Value;

/// Texts larger than this are not parsed.
const MAX_SOURCE: usize = 16 * 1024 * 1024;

/// A parsed text.
pub struct Template {
    source: Arc<str>,
    /// None for a text without `{`.
    tree: Option<Tree>,
    reads: OnceLock<Reads>,
}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Template")
            .field(&self.source)
            .finish()
    }
}

/// What rendering gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The names of the secrets that went into it.
    pub secrets: BTreeSet<Arc<str>>,
}

/// What rendering gave where not everything was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedKnown {
    /// The text.
    pub text: String,
    /// Whether nothing was left as it was written.
    pub complete: bool,
}

impl Template {
    /// Parses a text. All its mistakes come at once, in order of their place.
    pub fn parse(source: &str) -> Result<Template, Vec<SyntaxError>> {
        if source.len() > MAX_SOURCE {
            return Err(vec![SyntaxError::new(
                Span::new(0, 0),
                format!("a text with expressions is at most {MAX_SOURCE} bytes long"),
            )]);
        }
        let tree = if source.contains('{') {
            Some(tags::parse(source)?)
        } else {
            None
        };
        Ok(Template {
            source: Arc::from(source),
            tree,
            reads: OnceLock::new(),
        })
    }

    /// Tells what the good parts of a text read that has mistakes. Variables of its own may be among it, as what names them may be
    /// mistaken.
    pub fn reads_beside_mistakes(source: &str) -> Reads {
        if source.len() > MAX_SOURCE {
            return Reads::default();
        }
        let (tree, _) = tags::parse_partly(source);
        reads::collect(source, &tree)
    }

    /// Gives the text that was parsed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Gives what the template always renders to, if nothing in it is evaluated.
    pub fn literal(&self) -> Option<&str> {
        match &self.tree {
            None => Some(&self.source),
            Some(tree) => match tree.pieces.as_slice() {
                [] => Some(""),
                [Piece::Text(text)] => Some(text),
                _ => None,
            },
        }
    }

    /// Tells whether the text is one `{{ }}` and nothing else, so that it has a value of any kind.
    pub fn single_expression(&self) -> bool {
        self.tree
            .as_ref()
            .is_some_and(|tree| matches!(tree.pieces.as_slice(), [Piece::Print(_)]))
    }

    /// Tells what the template reads, without running it.
    pub fn reads(&self) -> &Reads {
        self.reads.get_or_init(|| match &self.tree {
            Some(tree) => reads::collect(&self.source, tree),
            None => Reads::default(),
        })
    }

    /// Renders the template once; text that comes out of an expression is not looked at again.
    pub fn render(
        &self,
        environment: &dyn Environment,
        limits: &Limits,
    ) -> Result<Rendered, EvalError> {
        let Some(tree) = &self.tree else {
            return Ok(Rendered {
                text: self.source.to_string(),
                secrets: BTreeSet::new(),
            });
        };
        let mut budget = Budget::new(limits);
        let mut evaluator = Evaluator::new(&self.source, tree, environment, &mut budget);
        let (text, secrets) = evaluator.rendered(&tree.pieces)?;
        Ok(Rendered { text, secrets })
    }

    /// Renders the template as far as its variables are known: a `{{ }}` that reads a variable for which `unknown` holds stays as it
    /// was written. Where tags steer the text, the whole of it stays. For showing what will be run before it can be.
    pub fn render_known(
        &self,
        environment: &dyn Environment,
        limits: &Limits,
        unknown: &dyn Fn(&str) -> bool,
    ) -> Result<RenderedKnown, EvalError> {
        let reads_unknown = |reads: &Reads| {
            let root = |path: &reads::ReadPath| matches!(path.segments.first(), Some(reads::Segment::Name(name)) if unknown(name));
            reads.paths.iter().any(root)
        };
        let whole = |text: &str, complete| RenderedKnown {
            text: text.to_owned(),
            complete,
        };
        let Some(tree) = self.tree.as_ref().filter(|_| reads_unknown(self.reads())) else {
            return Ok(whole(&self.render(environment, limits)?.text, true));
        };
        if tree
            .pieces
            .iter()
            .any(|piece| !matches!(piece, Piece::Text(_) | Piece::Print(_)))
        {
            return Ok(whole(&self.source, false));
        }
        let mut budget = Budget::new(limits);
        let mut evaluator = Evaluator::new(&self.source, tree, environment, &mut budget);
        let mut text = String::new();
        for piece in &tree.pieces {
            match piece {
                Piece::Print(node)
                    if reads_unknown(&reads::of_piece(&self.source, tree, piece)) =>
                {
                    text.push_str(&format!("{{{{ {} }}}}", &self.source[node.span.range()]));
                }
                piece => text.push_str(&evaluator.rendered(std::slice::from_ref(piece))?.0),
            }
        }
        Ok(RenderedKnown {
            text,
            complete: false,
        })
    }

    /// Evaluates the template: a single expression gives its value, everything else text.
    pub fn evaluate(
        &self,
        environment: &dyn Environment,
        limits: &Limits,
    ) -> Result<Value, EvalError> {
        let Some(tree) = &self.tree else {
            return Ok(Value::text(self.source.clone()));
        };
        let mut budget = Budget::new(limits);
        let mut evaluator = Evaluator::new(&self.source, tree, environment, &mut budget);
        match tree.pieces.as_slice() {
            [Piece::Print(node)] => evaluator.node(node),
            pieces => evaluator.body(pieces),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Arguments;

    struct Nothing;

    impl Environment for Nothing {
        fn variable(&self, _: &str) -> Option<Value> {
            None
        }
        fn names(&self) -> Vec<String> {
            Vec::new()
        }
        fn function(&self, _: &str, _: &Arguments) -> Option<Result<Value, String>> {
            None
        }
        fn function_names(&self) -> Vec<String> {
            Vec::new()
        }
    }

    #[test]
    fn a_single_expression_keeps_the_kind_of_its_value() {
        let evaluate = |source: &str| {
            let template = Template::parse(source).unwrap();
            let value = template.evaluate(&Nothing, &Limits::default()).unwrap();
            (value.kind.name(), value.render_text())
        };
        assert_eq!(evaluate("{{ [1] }}"), ("a list", "[1]".to_owned()));
        assert_eq!(evaluate("{{ 1 == 1 }}"), ("a boolean", "true".to_owned()));
        assert_eq!(evaluate(" {{ 1 }}"), ("text", " 1".to_owned()));
        assert_eq!(evaluate("plain"), ("text", "plain".to_owned()));
    }

    #[test]
    fn what_is_not_known_stays_as_it_was_written() {
        let check = |source: &str, expected: &str, complete: bool| {
            let template = Template::parse(source).unwrap();
            let known = template
                .render_known(&Nothing, &Limits::default(), &|name| name == "outputs")
                .unwrap();
            assert_eq!(
                (known.text.as_str(), known.complete),
                (expected, complete),
                "{source}"
            );
        };
        check("plain", "plain", true);
        check("{{ 1 + 1 }}", "2", true);
        check(
            "{{ 1 + 1 }} {{outputs.a.vars.x|upper}}!",
            "2 {{ outputs.a.vars.x|upper }}!",
            false,
        );
        check("{{ outputs.a ?? 'd' }}", "{{ outputs.a ?? 'd' }}", false);
        check(
            "{% if outputs.a %}{{ 1 }}{% endif %}",
            "{% if outputs.a %}{{ 1 }}{% endif %}",
            false,
        );
        check("{% if 1 == 1 %}{{ 2 }}{% endif %}", "2", true);
    }

    #[test]
    fn templates_and_values_may_go_to_other_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Template>();
        shared::<Value>();
        shared::<EvalError>();
    }
}
