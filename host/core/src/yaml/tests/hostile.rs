//! Texts written to hurt, and the harmless ones beside them. Work is counted, not timed: nodes built, diagnostics made, bytes shown.

use proptest::prelude::*;

use crate::diagnostic::{Code, Source, Style, render_text, to_json};
use crate::yaml::{Limits, Node, Parsed, parse, scalar_offset_to_source};

const FLOWS: &[&str] = &[
    "id: hello\nnamespace: company.team\ntasks:\n  - id: a\n    type: x.y.Z\n    commands:\n      - echo \"{{ inputs.x }}\"\n",
    "a: &x {b: [1, 'two', \"th\\u0072ee\"]}\nc:\n  <<: *x\n  d: |\n    text\n      é\n  e: >-\n    folded\n    text\n",
    "a: {{ outputs.x['y'] }}/z\nb: [{{ c }}, d]\n? k\n: - 1\n  - - 2\n",
];

fn read(text: &str) -> Parsed {
    parse(text, &Limits::default())
}

/// A hundredth of the true limits, for texts whose size alone is what hurts.
const SMALL: Limits = Limits {
    bytes: 40_000,
    depth: 64,
    nodes: 1000,
    key_length: 1024,
    diagnostics: 20,
};

fn nodes(node: &Node) -> usize {
    let below = node
        .entries()
        .iter()
        .map(|entry| &entry.value)
        .chain(node.items());
    1 + below.map(nodes).sum::<usize>()
}

/// Whatever the text is, this holds of what is said of it.
fn check_sane(text: &str) {
    check_sane_within(text, &Limits::default());
}

fn check_sane_within(text: &str, limits: &Limits) {
    let parsed = parse(text, limits);
    assert!(parsed.diagnostics.len() <= limits.diagnostics + 1);
    assert!(parsed.root.is_some() || !parsed.diagnostics.is_empty());
    let source = Source::new("flow.yaml", text);
    for diagnostic in &parsed.diagnostics {
        let span = diagnostic
            .span
            .expect("whatever is wrong with a text has a place");
        assert!(
            span.start <= span.end && span.end as usize <= text.len(),
            "{diagnostic:?}"
        );
        assert!(
            text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize)
        );
        let shown = render_text(std::slice::from_ref(diagnostic), &source, Style::default());
        assert!(shown.len() < 4096, "{} bytes: {shown}", shown.len());
        let position = source.position(span.start);
        let place = format!("flow.yaml:{}:{}", position.line, position.column);
        assert!(shown.contains(&place), "{place} is not in {shown}");
        if let Some((span, _)) = diagnostic
            .help
            .as_ref()
            .and_then(|help| help.replacement.as_ref())
        {
            assert!(
                text.get(span.start as usize..span.end as usize).is_some(),
                "{diagnostic:?}"
            );
        }
    }
    to_json(&parsed.diagnostics, &source);
    if let Some(root) = &parsed.root {
        assert!(nodes(root) <= limits.nodes);
        check_spans(root, text);
    }
}

fn check_spans(node: &Node, text: &str) {
    let good = |start: u32, end: u32| text.get(start as usize..end as usize).is_some();
    assert!(good(node.span.start, node.span.end), "{node:?}");
    if let Some(scalar) = node.scalar() {
        for offset in 0..=scalar.text.len().min(40) {
            let place = scalar_offset_to_source(text, node, offset);
            assert!(place <= node.span.end && place >= node.span.start);
        }
    }
    for entry in node.entries() {
        assert!(good(entry.key_span.start, entry.key_span.end), "{entry:?}");
        check_spans(&entry.value, text);
    }
    for item in node.items() {
        check_spans(item, text);
    }
}

fn check_refused(name: &str, text: &str, limits: &Limits, code: Code, places: usize) {
    let parsed = parse(text, limits);
    let first = parsed
        .diagnostics
        .first()
        .unwrap_or_else(|| panic!("{name}"));
    assert_eq!(first.code, code, "{name}: {}", first.message);
    assert_eq!(
        parsed.diagnostics.len(),
        places,
        "{name}: {:?}",
        parsed.diagnostics
    );
    check_sane_within(text, limits);
}

/// Lists of nine aliases of the list before.
fn bomb() -> String {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    bomb
}

fn merge_bomb() -> String {
    let mut bomb = String::from("a0: &a0 {k0: 1, k1: 2, k2: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n");
    for level in 1..12 {
        let below = format!("{{<<: *a{0}, z: *a{0}}}, ", level - 1).repeat(9);
        bomb += &format!("a{level}: &a{level} {{l: [{below}]}}\n");
    }
    bomb
}

#[test]
fn hostile_texts_are_refused() {
    let deep_maps: String = (0..2000)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    let closed = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let hundred = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    let (key, longest) = ("k".repeat(20_000), "k".repeat(1 << 20));
    for (name, text, code, places) in [
        ("brackets", "[".repeat(20_000), Code::YamlLimit, 1),
        ("closed brackets", closed, Code::YamlLimit, 1),
        (
            "brackets as a value",
            format!("a: {}", "[".repeat(20_000)),
            Code::YamlLimit,
            1,
        ),
        ("braces", "{a: ".repeat(20_000), Code::YamlLimit, 1),
        ("100 brackets", hundred, Code::YamlLimit, 1),
        ("bomb", bomb(), Code::YamlLimit, 1),
        ("merge bomb", merge_bomb(), Code::YamlLimit, 1),
        ("deep maps", deep_maps, Code::YamlLimit, 1),
        (
            "deep lists",
            format!("{}x", "- ".repeat(20_000)),
            Code::YamlLimit,
            1,
        ),
        ("long key", format!("{longest}: 1\n"), Code::YamlLimit, 1),
        (
            "long quoted key",
            format!("\"{key}\": 1\n"),
            Code::YamlLimit,
            1,
        ),
        (
            "long flow key",
            format!("a: {{{key}: 1}}\n"),
            Code::YamlLimit,
            1,
        ),
        (
            "long explicit key",
            format!("? {key}\n: 1\n"),
            Code::YamlLimit,
            1,
        ),
        ("itself", "a: &a [*a]\n".to_owned(), Code::YamlLimit, 1),
        (
            "itself as a merge",
            "a: &a\n  <<: *a\n".to_owned(),
            Code::YamlLimit,
            1,
        ),
        ("unknown alias", "a: *b\n".to_owned(), Code::YamlSyntax, 1),
        (
            "duplicate keys",
            "a: b\n".repeat(5000),
            Code::DuplicateKey,
            21,
        ),
        ("NUL", "a: \0\n".to_owned(), Code::YamlUnsupported, 1),
        ("NULs", "\0".repeat(100_000), Code::YamlUnsupported, 21),
        (
            "escape sequence",
            "a: \u{1b}[31m\n".to_owned(),
            Code::YamlUnsupported,
            1,
        ),
        (
            "two documents",
            "a: 1\n---\nb: 2\n".to_owned(),
            Code::SecondDocument,
            1,
        ),
        (
            "100 000 documents",
            "---\na\n".repeat(100_000),
            Code::SecondDocument,
            1,
        ),
        (
            "custom tag",
            "a: !!python/object:os.system x\n".to_owned(),
            Code::YamlUnsupported,
            1,
        ),
        (
            "local tag",
            "a: !include x\n".to_owned(),
            Code::YamlUnsupported,
            1,
        ),
        (
            "list as key",
            "? [a]\n: b\n".to_owned(),
            Code::YamlUnsupported,
            1,
        ),
        ("quotes", "\"".repeat(20_001), Code::YamlSyntax, 1),
        (
            "expressions",
            "- {{ x\n".repeat(100),
            Code::UnquotedExpression,
            21,
        ),
        ("long line", format!("a: b: {key}"), Code::YamlSyntax, 1),
        ("empty", String::new(), Code::YamlSyntax, 1),
        ("comment", "# nothing\n".to_owned(), Code::YamlSyntax, 1),
        ("marker", "---\n...\n".to_owned(), Code::YamlSyntax, 1),
    ] {
        check_refused(name, &text, &Limits::default(), code, places);
    }
}

#[test]
fn size_alone_is_refused() {
    let nested_anchors: String = (0..60).map(|level| format!("&a{level} [")).collect();
    let large_merge = {
        let keys = |from: usize| -> String {
            (from..from + 300)
                .map(|key| format!("k{key}: 1, "))
                .collect()
        };
        format!("a: &x {{{}}}\nb: {{{}<<: [*x, 1]}}", keys(0), keys(200))
    };
    for (name, text, code) in [
        (
            "nested anchors",
            format!("a: {nested_anchors}{}{}", "x, ".repeat(900), "]".repeat(60)),
            Code::YamlLimit,
        ),
        (
            "many values",
            format!("a:\n{}", "- 1\n".repeat(2000)),
            Code::YamlLimit,
        ),
        (
            "many values in a bracket",
            format!("a: [{}]", "1,".repeat(2000)),
            Code::YamlLimit,
        ),
        // The parser keeps the tokens of these until the bracket is closed.
        (
            "a first list that is never closed",
            format!("[{}", "1,".repeat(2000)),
            Code::YamlLimit,
        ),
        (
            "a first list without commas",
            format!("[{}", "*a ".repeat(4000)),
            Code::YamlLimit,
        ),
        (
            "a list of pairs",
            format!("- [{}", "a: b, ".repeat(1000)),
            Code::YamlLimit,
        ),
        (
            "a list in a list",
            format!("a: [[{}", "1,".repeat(2000)),
            Code::YamlLimit,
        ),
        ("a large merge", large_merge, Code::YamlUnsupported),
        ("many bytes", "a: b # c\n".repeat(5000), Code::YamlLimit),
        (
            "expressions until the work is spent",
            "- {{ x['y'] }}/z\n".repeat(2000),
            Code::UnquotedExpression,
        ),
    ] {
        check_refused(name, &text, &SMALL, code, 1);
    }
}

#[test]
fn harmless_neighbours_pass() {
    for (name, text) in [
        ("CRLF", "a: 1\r\nb:\r\n  - c\r\n".to_owned()),
        ("byte order mark", "\u{feff}a: 1\n".to_owned()),
        ("anchor", "a: &x [1, 2]\nb: *x\nc: *x\n".to_owned()),
        ("leading marker", "---\na: 1\n".to_owned()),
        ("trailing marker", "a: 1\n...\n".to_owned()),
        (
            "moderate depth",
            format!("a: {}1{}", "[".repeat(60), "]".repeat(60)),
        ),
        ("longest key", format!("{}: 1\n", "k".repeat(1000))),
        ("long text", format!("a: {}\n", "x".repeat(200_000))),
        ("many values", format!("a:\n{}", "- 1\n".repeat(20_000))),
        ("tabs in text", "a: \"x\ty\"\nb: |\n  x\ty\n".to_owned()),
        ("next line character", "a: \"x\u{85}y\u{a0}\"\n".to_owned()),
    ] {
        let parsed = read(&text);
        assert_eq!(parsed.diagnostics, [], "{name}");
        assert!(parsed.root.is_some(), "{name}");
        check_sane(&text);
    }
}

#[test]
fn hundreds_of_mistakes_are_counted() {
    let parsed = read(&"a: b\n".repeat(500));
    let last = parsed.diagnostics.last().unwrap();
    assert_eq!(last.message, "and 479 errors more");
    assert_eq!(
        read(&"\0".repeat(500)).diagnostics.last().unwrap().message,
        "and 480 errors more"
    );
}

#[test]
fn every_beginning_and_every_gap_of_a_flow_is_sane() {
    for flow in FLOWS {
        for (at, _) in flow.char_indices() {
            check_sane(&flow[..at]);
            let mut without = (*flow).to_owned();
            without.remove(at);
            check_sane(&without);
        }
    }
}

proptest! {
    #[test]
    fn a_wounded_flow_of_the_corpus_is_sane(
        file: prop::sample::Index,
        at: prop::sample::Index,
        length in 0..20usize,
        inserted in "[ \t\n\"'{}\\[\\]:&*!|>a-]{0,6}",
    ) {
        let files = super::corpus();
        let (_, flow) = &files[file.index(files.len())];
        let start = flow.floor_char_boundary(at.index(flow.len()));
        let end = flow.ceil_char_boundary((start + length).min(flow.len()));
        check_sane(&format!("{}{inserted}{}", &flow[..start], &flow[end..]));
    }

    #[test]
    fn any_text_is_sane(text: String) {
        check_sane(&text);
    }

    #[test]
    fn any_text_of_yaml_signs_is_sane(text in "[ \t\r\na\"'é{}\\[\\],:&*!|>%@`#?\\\\x0-9<-]{0,80}") {
        check_sane(&text);
    }

    #[test]
    fn a_flow_with_a_wound_is_sane(
        flow in 0..FLOWS.len(),
        at: prop::sample::Index,
        length in 0..6usize,
        inserted in "[ \t\n\"'{}\\[\\]:&*!|>-]{0,4}",
    ) {
        let flow = FLOWS[flow];
        let start = flow.floor_char_boundary(at.index(flow.len()));
        let end = flow.ceil_char_boundary((start + length).min(flow.len()));
        check_sane(&format!("{}{inserted}{}", &flow[..start], &flow[end..]));
    }
}
