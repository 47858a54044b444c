//! Nothing runs, nests or grows without end, and nothing panics.

use crate::common::World;
use proptest::prelude::*;
use serde_json::json;
use taffrail_expr::{EvalErrorKind, Limits, Template};

fn world() -> World {
    World::new(json!({"inputs": {"a": 1, "s": "text", "l": [1, "x", null], "m": {"k": [1.5]}}}))
}

#[test]
fn what_would_not_end_is_stopped() {
    for source in [
        "{{ 1..999999999999 }}",
        "{{ range(0, 9223372036854775807) }}",
        "{% for i in 1..1000 %}{% for j in 1..1000 %}{{ i }}{% endfor %}{% endfor %}",
        "{% set x = 'xxxxxxxxxxxxxxxx' %}{% for i in 1..99 %}{% set x = x ~ x %}{% endfor %}",
        "{% set x = [1] %}{% for i in 1..99 %}{% set x = x + x %}{% endfor %}",
        "{% set x = [] %}{% for i in 1..9999 %}{% set x = [x] %}{% endfor %}",
        "{% set x = [1] %}{% for i in 1..60 %}{% set x = [x, x] %}{% endfor %}{{ x }}",
        "{% set x = 1 %}{% for i in 1..60 %}{% set x = {'a': x, 'b': x} %}{% endfor %}{{ x | toJson }}",
        "{% set x = [1] %}{% for i in 1..60 %}{% set x = [x] | merge([x]) %}{% endfor %}{{ x == [1] }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set x = '{{ render(x) }}' %}{{ render(x) }}",
        "{{ 'a' | indent(99999999999) }}",
        "{{ ['a','b'] | join('x') | format | nindent(9223372036854775807) }}",
        "{{ '%99999999999d' | format(1) }}",
        "{% set x = 'a' %}{% for i in 1..99 %}{% set x = x | replace({'a': 'aaaaaaaaaa'}) %}{% endfor %}",
        "{% for i in 1..70000 %}0123456789abcdef{% endfor %}",
        "{{ 1 | jq('[range(1e18)]') }}",
        "{{ 1 | jq('repeat(1)') }}",
        "{{ 1 | jq('last(repeat(1))') }}",
        "{{ 1 | jq('until(false; .)') }}",
        "{{ 1 | jq('[recurse]|.[0]|recurse(.)') }}",
        "{{ 1 | jq('reduce range(100000) as $i (0; [.])') }}",
        "{{ 'a' | regexMatch('((a{1,1000}){1,1000}){1,1000}') }}",
    ] {
        let template = Template::parse(source).unwrap();
        let error = template.render(&world(), &Limits::default()).unwrap_err();
        assert_eq!(error.kind, EvalErrorKind::Limit, "{source}: {error}");
    }
}

#[test]
fn a_jq_program_cannot_recurse_or_repeat_text_without_end() {
    for source in [
        "{{ 1 | jq('def f: f; f') }}",
        "{{ 1 | jq('\"x\" * 100000000000000') }}",
        "{{ 1 | jq('1e15 * \"x\"') }}",
        "{{ {'s': 'x', 'n': 900000000000} | jq('.s *= .n') }}",
    ] {
        let template = Template::parse(source).unwrap();
        let error = template.render(&world(), &Limits::default()).unwrap_err();
        assert_eq!(error.kind, EvalErrorKind::Value, "{source}");
    }
}

#[test]
fn deep_nesting_is_a_mistake_not_a_crash() {
    let repeat = |part: &str| part.repeat(20_000);
    for source in [
        format!("{{{{ {}1 }}}}", repeat("(")),
        format!("{{{{ {}1 }}}}", repeat("[")),
        format!("{{{{ {}1 }}}}", repeat("not ")),
        format!("{{{{ {}1 }}}}", repeat("-")),
        format!("{{{{ 1{} }}}}", repeat(" + 1")),
        format!("{{{{ 1{} }}}}", repeat(" | string")),
        format!("{{{{ a{} }}}}", repeat(".a")),
        format!("{{{{ {}1 }}}}", repeat("a ? b : ")),
        format!("{{{{ {}1 }}}}", repeat("a ? ")),
        format!("{{{{ {} }}}}", repeat("\"#{")),
        repeat("{% if true %}"),
        repeat("{% for i in [1] %}"),
    ] {
        assert!(Template::parse(&source).is_err(), "{}", &source[..40]);
    }
}

#[test]
fn what_is_nested_as_deep_as_allowed_fits_the_stack() {
    let nested = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(60), close.repeat(60))
    };
    for source in [
        format!("{{{{ {} }}}}", nested("(", "1", ")")),
        format!("{{{{ {} }}}}", nested("[", "1", "]")),
        format!("{{{{ {} }}}}", nested("max(1 + ", "1", ")")),
        format!("{{{{ 1{} }}}}", " + 1".repeat(190)),
        nested("{% if true %}", "x", "{% endif %}"),
    ] {
        let template = Template::parse(&source).unwrap();
        assert!(
            template.render(&world(), &Limits::default()).is_ok(),
            "{source}"
        );
    }
    let calls = nested("[", "m()", "]");
    let source = format!("{{% macro m() %}}{{{{ {calls} }}}}{{% endmacro %}}{{{{ m() }}}}");
    let template = Template::parse(&source).unwrap();
    let error = template.render(&world(), &Limits::default()).unwrap_err();
    assert_eq!(error.kind, EvalErrorKind::Limit);
    let blocks = nested("{% if true %}", "{{ m() }}", "{% endif %}");
    let source = format!("{{% macro m() %}}{blocks}{{% endmacro %}}{{{{ m() }}}}");
    let template = Template::parse(&source).unwrap();
    assert!(template.render(&world(), &Limits::default()).is_err());
}

#[test]
fn small_limits_hold() {
    let limits = Limits {
        steps: 100,
        depth: 1,
        output_bytes: 10,
    };
    let render = |source: &str| Template::parse(source).unwrap().render(&world(), &limits);
    assert!(render("{{ inputs.s }}").is_ok());
    assert_eq!(
        render("{{ 'longer than ten' }}").unwrap_err().kind,
        EvalErrorKind::Limit
    );
    assert_eq!(
        render("{% for i in 1..200 %}{% endfor %}")
            .unwrap_err()
            .kind,
        EvalErrorKind::Limit
    );
    assert!(render("{{ render('{{ 1 }}') }}").is_ok());
    assert_eq!(
        render("{{ render('{{ render(\"{{ 1 }}\") }}') }}")
            .unwrap_err()
            .kind,
        EvalErrorKind::Limit
    );
}

/// Fragments that make expressions likely; arbitrary text alone rarely parses.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{# ",
        " #}",
        "{%- ",
        " -%}",
        "inputs",
        ".a",
        ".s",
        ".l",
        ".m",
        "['k']",
        "[0]",
        "1",
        "-5",
        "2.5",
        "99999999999",
        "'x'",
        "'2024-05-06'",
        "\"a#{",
        "}\"",
        "é",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        " ~ ",
        "..",
        " ?? ",
        " ??? ",
        " == ",
        " < ",
        " and ",
        " or ",
        " not ",
        " is ",
        " is not ",
        " contains ",
        " in ",
        "null",
        "true",
        "empty",
        "even",
        "json",
        "defined",
        " | ",
        "upper",
        "length",
        "sort",
        "slice(1)",
        "slice(0, 2)",
        "join(',')",
        "split('')",
        "jq('.')",
        "date('yyyy')",
        "first",
        "dateAdd(1, 'DAYS')",
        "format(1)",
        "numberFormat('#,##0.0')",
        "replace({'x': 'y'})",
        "abbreviate(4)",
        "number",
        "toJson",
        "chunk(2)",
        "default(1)",
        "timestamp",
        "merge([1])",
        "urldecode",
        "base64decode",
        "regexReplace('.', '$0')",
        "title",
        "keys",
        "abs",
        "range(1, 3)",
        "max(1, 2)",
        "render('{{ 1 }}')",
        "fromJson('[1]')",
        "secret('S')",
        "if ",
        "else",
        "elseif ",
        "endif",
        "for i in ",
        "endfor",
        "set x = ",
        "x",
        "i",
        "loop.index",
        "filter upper",
        "endfilter",
        "macro m(p) ",
        "endmacro",
        "m(1)",
        "raw",
        "endraw",
        "verbatim",
        "endverbatim",
        " text ",
        "\n",
    ]);
    prop::collection::vec(fragment, 0..24).prop_map(|parts| parts.concat())
}

fn expressions() -> impl Strategy<Value = String> {
    fragments().prop_map(|inner| format!("{{{{ {} }}}}", inner.replace(['{', '}', '%', '#'], "")))
}

fn never_panics(source: &str) -> Result<(), TestCaseError> {
    let limits = Limits {
        steps: 20_000,
        ..Limits::default()
    };
    let within = |span: &std::ops::Range<usize>| source.get(span.clone()).is_some();
    match Template::parse(source) {
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(within(&error.span), "{error:?} in {source:?}");
            }
        }
        Ok(template) => {
            for read in &template.reads().paths {
                prop_assert!(within(&read.span), "{read:?} in {source:?}");
            }
            if let Err(error) = template.render(&world(), &limits) {
                prop_assert!(within(&error.span), "{error:?} in {source:?}");
            }
            let _ = template.evaluate(&world(), &limits);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(source in "\\PC{0,60}") {
        never_panics(&source)?;
    }

    #[test]
    fn anything_like_a_template_is_rendered_or_refused(source in fragments()) {
        never_panics(&source)?;
    }

    #[test]
    fn anything_like_an_expression_is_rendered_or_refused(source in expressions()) {
        never_panics(&source)?;
    }

    #[test]
    fn text_without_a_brace_is_itself(source in "[^{]{0,80}") {
        let template = Template::parse(&source).unwrap();
        prop_assert_eq!(template.literal(), Some(source.as_str()));
        prop_assert_eq!(template.render(&world(), &Limits::default()).unwrap().text, source);
    }
}
