//! Reads a text into a tree and everything that is wrong with it as YAML.

use super::characters;
use super::compose::{Trouble, compose};
use super::limits::Limits;
use super::outline::{Outline, outline};
use super::source::make_span;
use super::syntax;
use super::unquoted::{self, Repair};
use super::{Node, Span};
use crate::diagnostic::{Code, Diagnostic, limited, limited_of};

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The tree; none where the text is empty, not YAML or beyond a limit. With errors beside it the tree is still good to look for
    /// more mistakes in: it has the first of two equal keys, no key that is not text, and unquoted expressions as text.
    pub root: Option<Node>,
    /// What is wrong, in the order of the text; without an error the tree means what the author wrote.
    pub diagnostics: Vec<Diagnostic>,
}

/// Values without quotes that are got round in one file; a larger number is a file of another language.
const MOST_REPAIRS: usize = 50;

/// Reads a flow file. Costs time and memory in proportion to the text, never more than the limits allow, and does not panic.
pub fn parse(text: &str, limits: &Limits) -> Parsed {
    if text.len() > limits.bytes.min(u32::MAX as usize) {
        let (limit, size) = (limits.bytes, text.len());
        let message = format!("the file is larger than {limit} bytes; it has {size}");
        let whole = Diagnostic::error(Code::YamlLimit, Span::default(), message);
        return refused(vec![whole], limits);
    }
    let (forbidden, further) = characters::forbidden(text, limits.diagnostics);
    if !forbidden.is_empty() {
        return Parsed {
            root: None,
            diagnostics: limited_of(forbidden, further, limits.diagnostics),
        };
    }
    read(text, limits)
}

/// Reads again and again, each time with one more unquoted expression got round, so that everything else is reported as well.
fn read(text: &str, limits: &Limits) -> Parsed {
    let mut repaired: Option<String> = None;
    let mut repairs: Vec<Repair> = Vec::new();
    let mut work = text.len();
    loop {
        let current = repaired.as_deref().unwrap_or(text);
        let composed = compose(current, limits, &repairs);
        let mut diagnostics = composed.diagnostics;
        let found = match &composed.trouble {
            Some(Trouble::Syntax(at)) => {
                outline(current, at.understood, at.offset + 1, &at.brackets)
            }
            _ => Outline::default(),
        };
        let unquoted = match (&composed.trouble, found.expression) {
            (Some(Trouble::Unquoted(span)), _) => Some(*span),
            (_, Some((start, in_flow))) => Some(unquoted::value(current, start, in_flow)),
            _ => None,
        };
        if let Some(span) = unquoted {
            let range = span.start as usize..span.end as usize;
            work += text.len();
            if work <= limits.bytes && repairs.len() < MOST_REPAIRS {
                let mut next = current.to_owned();
                next.replace_range(range.clone(), &"x".repeat(range.len()));
                let at = repairs.partition_point(|repair| repair.span < span);
                let text = text[range].to_owned();
                repairs.insert(at, Repair { span, text });
                repaired = Some(next);
                continue;
            }
            diagnostics.push(unquoted::diagnostic(&text[range], span));
            return refused(diagnostics, limits);
        }
        // What was got round and is no value of its own, so that nobody has told it.
        for repair in &repairs {
            let told = |diagnostic: &Diagnostic| {
                diagnostic.code == Code::UnquotedExpression && diagnostic.span == Some(repair.span)
            };
            if composed.further == 0 && !diagnostics.iter().any(told) {
                let at = diagnostics.partition_point(|other| other.span < Some(repair.span));
                diagnostics.insert(at, unquoted::diagnostic(&repair.text, repair.span));
            }
        }
        if let Some(Trouble::Syntax(at)) = &composed.trouble {
            diagnostics.push(syntax::explain(text, at, &found, limits));
        } else if composed.root.as_ref().is_none_or(Node::is_null) && diagnostics.is_empty() {
            diagnostics.push(empty(text));
            return refused(diagnostics, limits);
        }
        return Parsed {
            root: composed.root,
            diagnostics: limited_of(diagnostics, composed.further, limits.diagnostics),
        };
    }
}

fn empty(text: &str) -> Diagnostic {
    let message = if text.trim().is_empty() {
        "the file is empty"
    } else {
        "the file holds no values"
    };
    Diagnostic::error(Code::YamlSyntax, make_span(0, 0), message)
        .label("a flow begins with `id`, `namespace` and `tasks`")
}

fn refused(diagnostics: Vec<Diagnostic>, limits: &Limits) -> Parsed {
    Parsed {
        root: None,
        diagnostics: limited(diagnostics, limits.diagnostics),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trees() {
        for (text, expected) in [
            ("a: 1", json!({"a": 1})),
            ("a:\n- 1\n- b: c\n", json!({"a": [1, {"b": "c"}]})),
            (
                "--- \na: {b: [x, 1.5], c: }\n...\n",
                json!({"a": {"b": ["x", 1.5], "c": null}}),
            ),
            ("# c\n---\na: b\n... # end\n# more\n", json!({"a": "b"})),
            ("%YAML 1.2\n---\na: b\n", json!({"a": "b"})),
            (
                "\u{feff}a: é\r\nb: |\r\n  x\r\n  y\r\n",
                json!({"a": "é", "b": "x\ny\n"}),
            ),
            (
                "1: a\ntrue: b\n? c\n: d\n~: e",
                json!({"1": "a", "true": "b", "c": "d", "~": "e"}),
            ),
            (
                "version: 1.10\nid: 010\nno: NO\nyes: on",
                json!({"version": 1.1, "id": 10, "no": "NO", "yes": "on"}),
            ),
            (
                "a: !!str 12\nb: !!int \"7\"\nc: ! 12\nd: !!map {}\ne: !!float 1\nf: !!null ''",
                json!({"a": "12", "b": 7, "c": "12", "d": {}, "e": 1.0, "f": null}),
            ),
            (
                "a: .inf\nb: -.INF\nc: .nan",
                json!({"a": ".inf", "b": "-.INF", "c": ".nan"}),
            ),
            (
                "a: 9223372036854775807\nb: 9223372036854775808",
                json!({"a": i64::MAX, "b": 9_223_372_036_854_775_808.0}),
            ),
            ("a: &x k\n*x : 1", json!({"a": "k", "k": 1})),
            (
                "a: &x {b: 1, c: 2}\nd: {z: 0, <<: *x, b: 9, e: 3}",
                json!({"a": {"b": 1, "c": 2}, "d": {"z": 0, "c": 2, "b": 9, "e": 3}}),
            ),
            (
                "a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc: {<<: [*x, *y], r: 4}",
                json!({"a": {"p": 1}, "b": {"p": 2, "q": 3}, "c": {"p": 1, "q": 3, "r": 4}}),
            ),
            ("a: {\"<<\": 1}", json!({"a": {"<<": 1}})),
            ("a: \"x\\ty \\\n  z\"", json!({"a": "x\ty z"})),
            ("a: [1,\t2]\nb:  \t3\t# c", json!({"a": [1, 2], "b": 3})),
        ] {
            let parsed = parse(text, &Limits::default());
            assert_eq!(parsed.diagnostics, [], "{text}");
            assert_eq!(
                parsed.root.map(|root| root.to_json()),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_keep_their_text() {
        let parsed = parse("version: 1.10\nid: 010\n", &Limits::default());
        let root = parsed.root.unwrap();
        let text = |key: &str| {
            root.get(key)
                .and_then(Node::scalar)
                .map(|scalar| &*scalar.text)
        };
        assert_eq!((text("version"), text("id")), (Some("1.10"), Some("010")));
    }

    /// The text of the span of each node and key, in the order of the tree.
    fn spans<'text>(node: &Node, text: &'text str, found: &mut Vec<&'text str>) {
        let slice = |span: Span| &text[span.start as usize..span.end as usize];
        found.push(slice(node.span));
        for entry in node.entries() {
            found.push(slice(entry.key_span));
            spans(&entry.value, text, found);
        }
        for item in node.items() {
            spans(item, text, found);
        }
    }

    #[test]
    fn spans_are_what_was_written() {
        // The root comes first and is not written down: it reaches from the first key to the last value.
        for (text, expected) in [
            ("a: b", vec!["a", "b"]),
            ("é: ü  # c\nb: 'x' # d\n\n", vec!["é", "ü", "b", "'x'"]),
            (
                "a:\n- b\n- \"c\"   # d\ne: f",
                vec!["a", "- b\n- \"c\"", "b", "\"c\"", "e", "f"],
            ),
            (
                "a:\n  - id: 1\n    x: 2\n  -   - 3\n",
                vec![
                    "a",
                    "- id: 1\n    x: 2\n  -   - 3",
                    "id: 1\n    x: 2",
                    "id",
                    "1",
                    "x",
                    "2",
                    "- 3",
                    "3",
                ],
            ),
            (
                "a: [1, {b: c}] # d\n",
                vec!["a", "[1, {b: c}]", "1", "{b: c}", "b", "c"],
            ),
            (
                "a: [b: c, d]",
                vec!["a", "[b: c, d]", "b: c", "b", "c", "d"],
            ),
            (
                "a: [\n  1,\n ]\nb: {}",
                vec!["a", "[\n  1,\n ]", "1", "b", "{}"],
            ),
            (
                "a: | # why\n\n  é\n  x\n\nb: 1",
                vec!["a", "| # why\n\n  é\n  x", "b", "1"],
            ),
            ("a:\n  >-\n   x\n", vec!["a", ">-\n   x"]),
            ("a: |\nb: >", vec!["a", "|", "b", ">"]),
            ("a: &x !!str 'v'\nb: *x", vec!["a", "'v'", "b", "'v'"]),
            ("a: !!str\n  # c\n  v", vec!["a", "v"]),
            ("a: &x\n  b: c", vec!["a", "b: c", "b", "c"]),
            (
                "a:\nb: \nc:\n  - \n  - d\n",
                vec!["a", "", "b", "", "c", "- \n  - d", "", "d"],
            ),
            (
                "a: one\n  two\n\nb: \"x\n  y\"",
                vec!["a", "one\n  two", "b", "\"x\n  y\""],
            ),
            (
                "\u{feff}# é\r\na: b\r\nc: ''''\r\n",
                vec!["a", "b", "c", "''''"],
            ),
            ("\"k\" : \"\\\"v\\\\\" # c", vec!["\"k\"", "\"\\\"v\\\\\""]),
            ("? a\n: b\n? c\n", vec!["a", "b", "c", ""]),
        ] {
            let parsed = parse(text, &Limits::default());
            assert_eq!(parsed.diagnostics, [], "{text}");
            let mut found = Vec::new();
            spans(&parsed.root.unwrap(), text, &mut found);
            assert_eq!(found[1..], expected, "{text}");
            assert!(
                found[0].trim_start_matches("? ").starts_with(expected[0]),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn a_tree_is_good_to_look_further_in_after_mistakes() {
        let text = "a: 1\na: 2\n[x]: y\nb: {{ c }}/d\ne: !x f\n";
        let parsed = parse(text, &Limits::default());
        let codes: Vec<_> = parsed
            .diagnostics
            .iter()
            .map(|one| one.code.as_str())
            .collect();
        assert_eq!(codes, ["TF0002", "TF0005", "TF0006", "TF0005"]);
        let root = parsed.root.unwrap();
        assert_eq!(root.to_json(), json!({"a": 1, "b": "{{ c }}/d", "e": "f"}));
    }
}
