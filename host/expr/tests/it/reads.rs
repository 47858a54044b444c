//! What a template reads is known without running it.

use taffrail_expr::{Segment, Template};

fn paths(source: &str) -> Vec<String> {
    let template = Template::parse(source).unwrap();
    let path = |segments: &[Segment]| {
        let names: Vec<&str> = segments
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => name.as_str(),
                Segment::Dynamic => "*",
                Segment::Each => "@",
            })
            .collect();
        names.join("/")
    };
    template
        .reads()
        .paths
        .iter()
        .map(|read| path(&read.segments) + if read.optional { "?" } else { "" })
        .collect()
}

#[test]
fn paths_are_read_from_everywhere() {
    let check = |source: &str, expected: &[&str]| assert_eq!(paths(source), expected, "{source}");
    check("plain", &[]);
    check("{{ outputs['a'].vars.x ?? 'd' }}", &["outputs/a/vars/x?"]);
    check(
        "{{ inputs.list[0] ~ vars.b }}",
        &["inputs/list/0", "vars/b"],
    );
    check(
        "{{ outputs[inputs.name].x }}",
        &["inputs/name", "outputs/*/x"],
    );
    check("{{ a | default(b) }}", &["a?", "b"]);
    check("{{ a.b is defined and c is null }}", &["a/b?", "c"]);
    check("{{ a ?? raise }}", &["a?"]);
    check("{{ \"x#{a.b}\" }}", &["a/b"]);
    check(
        "{{ x ? y : z | replace({k: v}) }}",
        &["x", "y", "z", "k", "v"],
    );
    check("{{ max(a, [b]) }}", &["a", "b"]);
    check("{{ (a).b }}", &["a/b"]);
    check("{% raw %}{{ a }}{% endraw %}", &[]);
    check("{# {{ a }} #}", &[]);
    check("{{ render('{{ a.b }}') }}", &["a/b"]);
    check(
        "{{ currentEachOutput(outputs.a).vars.x }} {{ currentEachOutput(outputs['a']) }}",
        &["outputs/a/@/vars/x", "outputs/a"],
    );
    check(
        "{{ loopOutputs(outputs.a)[b] ?? 1 }}",
        &["b?", "outputs/a/@/*?"],
    );
}

#[test]
fn own_names_are_not_reads() {
    let check = |source: &str, expected: &[&str]| assert_eq!(paths(source), expected, "{source}");
    check(
        "{% for i in items %}{{ i.x }}{{ loop.index }}{% endfor %}{{ i }}",
        &["items", "i"],
    );
    check("{% set x = a %}{{ x }}{{ b }}", &["a", "b"]);
    check("{% if a %}{% set x = 1 %}{% endif %}{{ x }}", &["a"]);
    check(
        "{% macro m(p, q=1) %}{{ p }}{{ q }}{% endmacro %}{{ m(a) }}",
        &["a"],
    );
    check("{% for i in a %}{% else %}{{ i }}{% endfor %}", &["a", "i"]);
    check(
        "{% for i in [1] %}{{ render('{{ i }}{{ j }}') }}{% endfor %}",
        &["j"],
    );
}

#[test]
fn functions_filters_and_secrets_are_listed_with_their_place() {
    let source = "{{ secret('A') | upper }} {{ secret(key=\"B\") ~ now() | date('yyyy') }}";
    let template = Template::parse(source).unwrap();
    let reads = template.reads();
    let names = |list: &[(String, std::ops::Range<usize>)]| -> Vec<String> {
        list.iter()
            .map(|(_, span)| source[span.clone()].to_owned())
            .collect()
    };
    assert_eq!(names(&reads.functions), ["secret", "secret", "now"]);
    assert_eq!(names(&reads.filters), ["upper", "date('yyyy')"]);
    assert_eq!(reads.secrets.iter().collect::<Vec<_>>(), ["A", "B"]);
    assert!(reads.impure && !reads.dynamic_secret && !reads.dynamic_render);
}

#[test]
fn what_is_only_known_when_running_is_flagged() {
    let reads = |source: &str| Template::parse(source).unwrap().reads().clone();
    assert!(reads("{{ secret('A' ~ inputs.x) }}").dynamic_secret);
    assert!(reads("{{ render(vars.x) }}").dynamic_render);
    assert!(!reads("{{ read('f') | upper }}").impure);
    assert!(reads("{{ uuid() }}").impure);
    assert!(
        reads("{{ render('{{ secret(\"N\") }}') }}")
            .secrets
            .contains("N")
    );
}

#[test]
fn names_with_a_dash_are_suspected() {
    let dashes = |source: &str| Template::parse(source).unwrap().reads().dashes.clone();
    assert_eq!(
        dashes("{{ outputs.my-task.x }}")[0].1,
        "outputs['my-task'].x"
    );
    assert_eq!(
        dashes("{{ outputs.a-b-c.vars.d }}")[0].1,
        "outputs['a-b-c'].vars.d"
    );
    assert!(dashes("{{ inputs.a - 1 }}").is_empty());
}

#[test]
fn the_shape_of_a_template_is_known() {
    let parse = |source: &str| Template::parse(source).unwrap();
    assert_eq!(parse("a { b").literal(), Some("a { b"));
    assert_eq!(
        parse("{% raw %}{{ x }}{% endraw %}").literal(),
        Some("{{ x }}")
    );
    assert_eq!(parse("{{ 1 }}").literal(), None);
    assert!(parse("{{ 1 }}").single_expression());
    assert!(!parse(" {{ 1 }}").single_expression());
    assert!(!parse("{{ 1 }}{{ 2 }}").single_expression());
}
