//! Another reader reads the same texts to the same values, but for the differences that are listed here.

use serde_json::{Value, json};

use super::corpus;
use crate::yaml::{Limits, Node, ScalarStyle, parse, scalar_span_to_source};

fn ours(text: &str) -> Option<Value> {
    let parsed = parse(text, &Limits::default());
    let good = parsed.diagnostics.is_empty();
    parsed.root.filter(|_| good).map(|root| root.to_json())
}

fn theirs(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

#[test]
fn the_readers_agree() {
    for text in [
        "id: a\nnamespace: b.c\ntasks:\n  - id: d\n    commands:\n      - echo \"x\"\n      - |\n        y\n          z\n\n    env: {A: '1', B: 2}\n",
        "a: >\n  one\n  two\n\n  three\n    deep\n  four\n\n\nb: |+\n  x\n\nc: >-\n  y\n",
        "a: one\n  two\n\n  three\nb: 'x\n  y'\nc: \"x\\\n  y\\tz\"\n",
        "a: [1, 2.5, -3, 1e3, true, False, ~, null, yes, NO, 0x1F, 0o17, 'q', {b: c}, [d]]\n",
        "a: &x [1]\nb: *x\n",
        "\"a\": {\"b\":[1,2],\"c\":{\"d\":null}}\n",
        "a:\r\n  - b\r\n  - |\r\n    c\r\n    d\r\n",
        "é: ü\n漢: \"\\u6f22\\x41\\U0001F389\"\n",
        "a: 2024-01-01\nb: 12:30:45\nc: 1.2.3\nd: 1_000\n",
        "a:\n- b:\n  - c\n- d: |2\n    e\n",
        "a: 'it''s'\nb: # c\n  d\nc: x#y\n",
    ] {
        let ours = ours(text);
        assert!(ours.is_some(), "{text}");
        assert_eq!(ours, theirs(text), "{text}");
    }
}

/// The corpus uses nothing that the readers take differently; three of its files are not YAML to either.
#[test]
fn the_readers_agree_on_the_corpus() {
    let mut refused = 0;
    for (name, text) in corpus() {
        let ours = ours(&text);
        refused += usize::from(ours.is_none());
        assert_eq!(ours, theirs(&text), "{name}");
    }
    assert_eq!(refused, 3);
}

/// Every letter of every scalar of the corpus is found where it was written.
#[test]
fn places_in_the_corpus() {
    for (name, text) in corpus() {
        if let Some(root) = parse(&text, &Limits::default()).root {
            check_places(&name, &text, &root);
        }
    }
}

fn check_places(name: &str, source: &str, node: &Node) {
    for entry in node.entries() {
        check_places(name, source, &entry.value);
    }
    for item in node.items() {
        check_places(name, source, item);
    }
    let Some(scalar) = node.scalar() else {
        return;
    };
    let quoted = matches!(
        scalar.style,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
    );
    for (at, letter) in scalar
        .text
        .char_indices()
        .filter(|(_, letter)| !letter.is_whitespace())
    {
        let span = scalar_span_to_source(source, node, at..at + letter.len_utf8());
        let written = &source[span.start as usize..span.end as usize];
        let escaped = quoted && (written.starts_with('\\') || written == "''");
        assert!(
            escaped || written.chars().eq([letter]),
            "{name}: {letter:?} of {:?} is {written:?} at {}",
            scalar.text,
            span.start
        );
    }
}

/// What the readers take differently, each for a reason.
#[test]
fn the_known_differences() {
    for (text, expected, other, reason) in [
        (
            "a: 1\na: 2",
            None,
            Some(json!({"a": 2})),
            "a key that stands twice is a mistake",
        ),
        (
            "a: &x {b: 1}\nc: {<<: *x}",
            Some(json!({"a": {"b": 1}, "c": {"b": 1}})),
            Some(json!({"a": {"b": 1}, "c": {"<<": {"b": 1}}})),
            "merge keys are applied",
        ),
        (
            "a: 010",
            Some(json!({"a": 10})),
            Some(json!({"a": "010"})),
            "leading zeros mean nothing in YAML 1.2; the text is kept",
        ),
        (
            "a: .inf",
            Some(json!({"a": ".inf"})),
            Some(json!({"a": null})),
            "JSON has no infinity; the text is kept",
        ),
        (
            "a: 0b11",
            Some(json!({"a": "0b11"})),
            Some(json!({"a": 3})),
            "YAML 1.2 has no binary numbers",
        ),
    ] {
        assert_eq!(ours(text), expected, "{text}: {reason}");
        assert_eq!(theirs(text), other, "{text}: {reason}");
    }
}
