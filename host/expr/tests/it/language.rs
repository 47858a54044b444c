//! What the language does beyond the bare Pebble engine: Kestra's operators, filters and functions.

use crate::common::{World, render};
use serde_json::json;

fn world() -> World {
    World::new(json!({
        "inputs": {"a": 5, "name": "Ada", "list": [3, 1, 2], "nul": null,
                   "map": {"k": 1, "my-key": "v"}, "json": "{\"x\": [1, {\"y\": 2}]}"},
        "outputs": {"my-task": {"vars": {"x": 1}}},
    }))
}

fn check(rows: &[(&str, &str)]) {
    let world = world();
    for (source, expected) in rows {
        assert_eq!(render(source, &world).as_deref(), Ok(*expected), "{source}");
    }
}

#[test]
fn coalescing_absorbs_what_is_missing() {
    check(&[
        ("{{ inputs.nope ?? 'd' }}", "d"),
        ("{{ nope.a.b ?? 'd' }}", "d"),
        ("{{ inputs.nul ?? 'd' }}", "d"),
        ("{{ inputs.nul.deep ?? 'd' }}", "d"),
        ("{{ inputs.name ?? 'd' }}", "Ada"),
        ("{{ '' ?? 'd' }}", ""),
        ("{{ inputs.nul ??? 'd' }}|", "|"),
        ("{{ inputs.nope ??? 'd' }}", "d"),
        ("{{ inputs.nope ?? inputs.nul ?? 'z' }}", "z"),
        ("{{ inputs.nope ?? 'b' | upper }}", "B"),
        ("{{ (inputs.nope | upper) ?? 'd' }}", "d"),
        ("{{ fromJson(inputs.nope) ?? 'd' }}", "d"),
        ("{{ [1, inputs.nope ?? 2] | join(',') }}", "1,2"),
        ("{{ 'a' ~ inputs.nope ?? 'b' }}", "ab"),
    ]);
}

#[test]
fn coalescing_does_not_absorb_other_failures() {
    let world = world();
    for source in [
        "{{ (inputs.nope + 1) ?? 'd' }}",
        "{{ (inputs.nope == 1) ?? 'd' }}",
        "{{ ('a' * 2) ?? 'd' }}",
        "{{ render('{{ nope }}') ?? 'd' }}",
        "{{ inputs.nope ?? raise }}",
    ] {
        assert!(render(source, &world).is_err(), "{source}");
    }
}

#[test]
fn membership_is_asked_both_ways() {
    check(&[
        ("{{ 'k' in inputs.map }}", "true"),
        ("{{ 3 in inputs.list }}", "true"),
        ("{{ 'b' in 'abc' }}", "true"),
        ("{{ 'x' isIn ['x'] }}", "true"),
        ("{{ not ('q' in ['x']) }}", "true"),
        ("{% for i in [1] %}{{ i in [1, 2] }}{% endfor %}", "true"),
    ]);
}

#[test]
fn a_block_stands_in_its_place_and_wherever_it_is_named() {
    check(&[
        ("a{% block x %}b{% endblock %}c", "abc"),
        ("{% block x %}b{% endblock x %}{{ block('x') }}", "bb"),
        (
            "{% block \"my x\" %}b{% endblock \"my x\" %}{{ block(\"my x\") }}",
            "bb",
        ),
        (
            "{{ block('late') }}-{% block late %}{{ inputs.a }}{% endblock %}",
            "5-5",
        ),
        (
            "{%- block x -%}  b  {%- endblock -%}  {{ block('x') | upper }}",
            "bB",
        ),
        (
            "{% block o %}({% block i %}x{% endblock %}){% endblock %}{{ block('i') }}",
            "(x)x",
        ),
        (
            "{% for n in inputs.list %}{% block row %}<{{ n }}>{% endblock %}{% endfor %}",
            "<3><1><2>",
        ),
        (
            "{% set n = 1 %}{% block row %}<{{ n }}>{% endblock %}{% set n = 2 %}{{ block('row') }}",
            "<1><2>",
        ),
        (
            "{% if false %}{% block x %}b{% endblock %}{% endif %}{{ block('x') }}",
            "b",
        ),
        (
            "{% set which = 'x' %}{% block x %}b{% endblock %}{{ block(which) }}",
            "bb",
        ),
        (
            "{{ render('{% block x %}in{% endblock %}{{ block(\"x\") }}') }}",
            "inin",
        ),
    ]);
    let world = world();
    for source in [
        "{% set which = 'y' %}{% block x %}b{% endblock %}{{ block(which) }}",
        "{% block x %}{{ block('x') }}{% endblock %}",
        "{% block x %}b{% endblock %}{{ block() }}",
        "{% macro m() %}{{ nope }}{% endmacro %}{% block x %}{{ m() }}{% endblock %}",
    ] {
        assert!(render(source, &world).is_err(), "{source}");
    }
}

#[test]
fn raw_text_is_never_touched() {
    check(&[
        ("{% raw %}{{ x }}{% endraw %} {{ 1 }}", "{{ x }} 1"),
        ("{%- raw -%} {% if %} {%- endraw -%}", " {% if %} "),
        ("a{% raw %}\n{{ x\n{% endraw %}b", "a\n{{ x\nb"),
        ("{{ 1 }}{% raw %}{#{% endraw %}", "1{#"),
        ("${{ '{{' }}", "${{"),
    ]);
}

#[test]
fn rendered_text_is_not_rendered_again_unless_asked() {
    check(&[
        ("{{ '{{ 1 + 1 }}' }}", "{{ 1 + 1 }}"),
        ("{{ render('{{ inputs.a }}') }}", "5"),
        ("{{ render('{{ \"{{ 1 + 1 }}\" }}') }}", "2"),
        ("{{ renderOnce('{{ \"{{ 1 + 1 }}\" }}') }}", "{{ 1 + 1 }}"),
        (
            "{{ render('{{ \"{{ 1 + 1 }}\" }}', recursive=false) }}",
            "{{ 1 + 1 }}",
        ),
        ("{{ render(['{{ inputs.a }}', 1]) }}", "[\"5\",1]"),
        ("{% for i in [7] %}{{ render('{{ i }}') }}{% endfor %}", "7"),
    ]);
}

#[test]
fn json_goes_both_ways() {
    check(&[
        ("{{ fromJson(inputs.json).x[1].y }}", "2"),
        ("{{ json('[1]')[0] }}", "1"),
        ("{{ inputs.map | toJson }}", "{\"k\":1,\"my-key\":\"v\"}"),
        (
            "{{ inputs.map | toJson(separators=[', ', ': ']) }}",
            "{\"k\": 1, \"my-key\": \"v\"}",
        ),
        (
            "{{ {'b': [1, {}], 'a': 'é'} | toJson(indent=2, sortKeys=true, ascii=true) }}",
            "{\n  \"a\": \"\\u00e9\",\n  \"b\": [\n    1,\n    {}\n  ]\n}",
        ),
        (
            "{{ \"echo 'a b' c\" | shWords }}",
            "[\"echo\",\"a b\",\"c\"]",
        ),
        ("{{ 'a\"b' | json }}", "\"a\\\"b\""),
        ("{{ inputs.nul | json }}", "null"),
        ("{{ inputs.json is json }} {{ '{' is json }}", "true false"),
        ("{{ 1.0 | json }} {{ [1.0] }}", "1.0 [1.0]"),
    ]);
}

#[test]
fn jq_gives_a_list() {
    check(&[
        ("{{ inputs | jq('.a') }}", "[5]"),
        ("{{ inputs | jq('.list[]') | first }}", "3"),
        ("{{ inputs.json | jq('.x[1].y') | first }}", "2"),
        (
            "{{ inputs | jq('.list | sort | map(. * 2)') | first }}",
            "[2,4,6]",
        ),
        ("{{ inputs | jq('.map | keys[]') | join(',') }}", "k,my-key"),
        ("{{ inputs | jq('.list[] | select(. > 1)') }}", "[3,2]"),
        ("{{ inputs | jq('.name | test(\"^A\")') }}", "[true]"),
        ("{{ inputs | jq('[limit(3; repeat(1))] | length') }}", "[3]"),
        (
            "{{ inputs | jq('[recurse(.list?; . != null)] | length') }}",
            "[2]",
        ),
        ("{{ inputs | jq('1 | until(. > 50; . * 2)') }}", "[64]"),
        ("{{ inputs | jq('[1 | while(. < 9; . * 3)]') }}", "[[1,3]]"),
        ("{{ inputs | jq('[range(0; 10; 4)]') }}", "[[0,4,8]]"),
        (
            "{{ inputs | jq('.list | @csv, @tsv') | join(' ') }}",
            "3,1,2 3\t1\t2",
        ),
        (
            "{{ inputs | jq('.map | with_entries(.value |= tostring) | .k') }}",
            "[\"1\"]",
        ),
        (
            "{{ inputs | jq('def twice: . * 2; .a | twice | twice') }}",
            "[20]",
        ),
        ("{{ inputs | jq('empty') | length }}", "0"),
        (
            "{{ inputs | jq('.a, 2.5, null, \"x\"') }}",
            "[5,2.5,null,\"x\"]",
        ),
        ("{{ inputs.nul | jq('.a') }}|", "|"),
    ]);
}

#[test]
fn jq_cannot_reach_the_host() {
    let world = world();
    for program in [
        "env",
        "$ENV",
        "halt",
        "halt_error",
        "input",
        "inputs",
        "now",
        "debug",
        "stderr",
        "input_filename",
        "localtime",
        "import \"a\" as a; 1",
        "include \"a\"; 1",
    ] {
        let source = format!("{{{{ inputs | jq('{program}') }}}}");
        let error = render(&source, &world).unwrap_err();
        assert!(error.starts_with("the jq program"), "{program}: {error}");
    }
}

#[test]
fn text_filters() {
    check(&[
        ("{{ 'a-b-c' | substringBefore('-') }}", "a"),
        ("{{ 'a-b-c' | substringBeforeLast('-') }}", "a-b"),
        ("{{ 'a-b-c' | substringAfter('-') }}", "b-c"),
        ("{{ 'a-b-c' | substringAfterLast('-') }}", "c"),
        (
            "{{ 'abc' | substringBefore('x') }} {{ 'abc' | substringAfter('x') }}|",
            "abc |",
        ),
        (
            "{{ 'abc' | startsWith('ab') }} {{ 'abc' | endsWith('ab') }}",
            "true false",
        ),
        ("{{ \"it's\" | escapeChar('shell') }}", "it'\\''s"),
        ("{{ \"it's\" | escapeChar('single') }}", "it\\'s"),
        ("{{ 'say \"x\"' | escapeChar('double') }}", "say \\\"x\\\""),
        ("{{ \"it's\" | sh }}", "it'\\''s"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 'a\nb' | nindent(2) }}", "\n  a\n  b"),
        ("{{ 'a\nb' | indent(1, '\t') }}", "a\n\tb"),
        ("{{ 'Hello Wörld, ça va?' | slugify }}", "hello-world-ca-va"),
        ("{{ 5 | string ~ 1 }}", "51"),
        ("{{ 'aXbX' | replace({'X': '-', 'a': 'c'}) }}", "c-b-"),
        ("{{ 'a1b2' | replace({'[0-9]': ''}, regexp=true) }}", "ab"),
        (
            "{{ ['aX', {'k': 'X'}] | replace({'X': 'Y'}) }}",
            "[\"aY\",{\"k\":\"Y\"}]",
        ),
        ("{{ 'a b+c' | urlencode | urldecode }}", "a b+c"),
        ("{{ 'ab' | md5 }}", "187ef4436122d1cc2f40dc2b92f0eba0"),
        (
            "{{ 'ab' | sha1 }}",
            "da23614e02469a0d7c7bd1bdab5c9c474b1904dc",
        ),
        ("{{ 'a' | sha512 | length }}", "128"),
        (
            "{{ 'abc123' | regexExtract('([a-z]+)([0-9]+)', 2) }}",
            "123",
        ),
        (
            "{{ 'abc' | regexMatch('b') }} {{ 'abc' | regexMatch('^b') }}",
            "true false",
        ),
        ("{{ 'abc' | regexReplace('(b)', '[$1]') }}", "a[b]c"),
    ]);
}

#[test]
fn list_and_number_filters() {
    check(&[
        ("{{ [1,1,2] | distinct }}", "[1,2]"),
        ("{{ [1,2,3] | chunk(2) }}", "[[1,2],[3]]"),
        ("{{ [[1],2,[[3]]] | flatten }}", "[1,2,[3]]"),
        (
            "{{ inputs.map | keys }} {{ inputs.list | keys }}",
            "[\"k\",\"my-key\"] [0,1,2]",
        ),
        ("{{ inputs.map | values }}", "[1,\"v\"]"),
        (
            "{{ ['b','a'] | sort | first }} {{ inputs.list | rsort | first }}",
            "a 3",
        ),
        ("{{ '12' | number + 1 }} {{ '1.5' | number }}", "13 1.5"),
        (
            "{{ ('12' | number('INT')) + 1 }} {{ '1' | number('DOUBLE') }}",
            "13 1.0",
        ),
        ("{{ inputs.map | merge({'z': 1}) | keys | last }}", "z"),
        ("{{ 1234.5 | numberFormat('#,##0.00') }}", "1,234.50"),
    ]);
}

#[test]
fn date_filters() {
    check(&[
        (
            "{{ '2024-01-31' | dateAdd(1, 'MONTHS') }}",
            "2024-02-29T00:00:00.000000Z",
        ),
        (
            "{{ '2024-01-31' | dateAdd(-1, 'DAYS') | date('yyyy-MM-dd') }}",
            "2024-01-30",
        ),
        ("{{ '2024-01-31T10:00:00Z' | timestamp }}", "1706695200"),
        (
            "{{ '2024-01-31T10:00:00.5Z' | timestampMilli }}",
            "1706695200500",
        ),
        (
            "{{ '2024-01-31T10:00:00.5Z' | timestampMicro }}",
            "1706695200500000",
        ),
        (
            "{{ '2024-01-31T10:00:00.5Z' | timestampNano }}",
            "1706695200500000000",
        ),
        ("{{ 1706695200 | date('yyyy', timeZone='UTC') }}", "2024"),
        ("{{ inputs.nul | date }}|", "|"),
    ]);
}

#[test]
fn plain_text_stays_as_it_is() {
    check(&[
        ("", ""),
        ("a { b } c", "a { b } c"),
        ("{\"a\": {\"b\": 1} }", "{\"a\": {\"b\": 1} }"),
        ("é{{ 1 }}ü", "é1ü"),
    ]);
}

/// The names that the language documents or registers. What is refused is told at its place, with the reason.
#[test]
fn every_name_of_the_language_is_known() {
    const FILTERS: &str = "abbreviate abs base64decode base64encode capitalize chunk className date dateAdd default distinct endsWith \
         escape escapeChar first flatten format indent join jq json keys last length lower md5 merge nindent number numberFormat raw \
         regexExtract regexMatch regexReplace replace reverse rsort sha1 sha256 sha512 slice slugify sort split startsWith string \
         substringAfter substringAfterLast substringBefore substringBeforeLast timestamp timestampMicro timestampMilli timestampNano \
         title toIon toJson trim upper urldecode urlencode values yaml";
    const FUNCTIONS: &str = "secret env credential read fileURI kv encrypt decrypt fromJson fromIon yaml json errorLogs tasksWithState \
         currentEachOutput loopOutputs appLink render renderOnce printContext fetchContext now uuid id randomInt randomPort max min range \
         http fileSize fileExists fileEmpty isFileEmpty isWeekend isPublicHoliday dayOfWeek dayOfMonth monthOfYear hourOfDay isDateAfter \
         isDateBefore isDateBetween isDayWeekInMonth isLastWorkingDay";
    const TESTS: &str = "defined empty even odd iterable json map null";
    let check = |written: &str, known: Vec<&str>| {
        let missing: Vec<&str> = written
            .split_whitespace()
            .filter(|name| !known.contains(name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    };
    check(FILTERS, taffrail_expr::filter_names());
    check(FUNCTIONS, taffrail_expr::function_names());
    check(TESTS, taffrail_expr::test_names());
}

#[test]
fn ion_yaml_and_names_of_classes() {
    check(&[
        (
            "{{ {'a b': [1, 'x', null]} | toIon }}",
            "{'a b':[1,\"x\",null]}",
        ),
        ("{{ fromIon('{a: {b: [1, 2.5]}}').a.b[1] }}", "2.5"),
        ("{{ fromIon('1 2 3', allRows=true) }}", "[1,2,3]"),
        ("{{ fromIon(null) }}", ""),
        (
            "{{ {'a': [1, {'b': 'yes'}]} | yaml }}",
            "a:\n - 1\n - b: \"yes\"\n",
        ),
        ("{{ null | yaml }}", "null"),
        (
            "{{ 1 | className }} {{ 'a' | className }}",
            "java.lang.Integer java.lang.String",
        ),
    ]);
}
