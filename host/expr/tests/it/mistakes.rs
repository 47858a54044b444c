//! Mistakes and failures: the message, the place, the way out.

use crate::common::World;
use serde_json::json;
use taffrail_expr::{EvalErrorKind, Limits, Template};

/// The part of the source that an error points at, its message and its help.
fn syntax(source: &str) -> Vec<(String, String, String)> {
    let errors = Template::parse(source).unwrap_err();
    errors
        .into_iter()
        .map(|error| {
            let place = source[error.span].to_owned();
            (place, error.message, error.help.unwrap_or_default())
        })
        .collect()
}

#[test]
fn syntax_mistakes_say_what_to_write() {
    let check = |source: &str, place: &str, message: &str, help: &str| {
        let expected = (place.to_owned(), message.to_owned(), help.to_owned());
        assert_eq!(syntax(source), [expected], "{source}");
    };
    check(
        "{{ x | truncate(3) }}",
        "truncate",
        "there is no filter `truncate`",
        "write `abbreviate(length)`",
    );
    check(
        "{{ x | ternary(1, 2) }}",
        "ternary",
        "there is no filter `ternary`",
        "write `condition ? yes : no`",
    );
    check(
        "{{ x | dateFormat('y') }}",
        "dateFormat",
        "there is no filter `dateFormat`",
        "write `date('yyyy-MM-dd')`",
    );
    check(
        "{{ x | uper }}",
        "uper",
        "there is no filter `uper`",
        "did you mean `upper`?",
    );
    check(
        "{{ x.toUpperCase() }}",
        "toUpperCase",
        "`.toUpperCase()`: methods of Java objects do not exist here",
        "write `| upper`",
    );
    check(
        "{{ x.size() }}",
        "size",
        "`.size()`: methods of Java objects do not exist here",
        "write `| length`",
    );
    check(
        "{{ a && b }}",
        "&",
        "unexpected character `&`",
        "write `and` instead of `&&`",
    );
    check(
        "{{ a || b }}",
        "|",
        "expected a filter after `|`, found `|`",
        "write `or` instead of `||`",
    );
    check(
        "{{ !a }}",
        "!",
        "unexpected character `!`",
        "write `not` instead of `!`",
    );
    check(
        "{{ sekret('X') }}",
        "sekret",
        "there is no function or macro `sekret`",
        "did you mean `secret`?",
    );
    check(
        "{{ length(x) }}",
        "length",
        "there is no function or macro `length`",
        "it is a filter: write `value | length`",
    );
    check(
        "{% elif x %}",
        "elif",
        "there is no tag `elif`",
        "write `elseif`",
    );
    check(
        "{% include 'x' %}",
        "include",
        "the tag `include` is not supported",
        "templates made of several files are not supported: write what is shared as a `macro` or a `block` in the same text",
    );
    check(
        "{% cache 'x' %}{{ 1 }}{% endcache %}",
        "cache",
        "the tag `cache` is not supported",
        "nothing is kept between renderings, so it can be left out",
    );
    check(
        "{{ parent() }}",
        "parent",
        "there is no function or macro `parent`",
        "templates made of several files are not supported",
    );
    check(
        "{% block head %}{% endblock %}{{ block('haed') }}",
        "'haed'",
        "there is no block `haed`",
        "did you mean `head`?",
    );
    check(
        "{{ block('head') }}",
        "'head'",
        "there is no block `head`",
        "write `{% block name %}…{% endblock %}` in the same text",
    );
    check(
        "{% block a %}{% endblock b %}",
        "b",
        "expected `a`, the name of the block that ends here, found `b`",
        "",
    );
    check(
        "{% block %}x{% endblock %}",
        "%}",
        "expected the name of the block, found the end of the tag",
        "",
    );
    check(
        "{% block a %}1{% endblock %}{% block a %}2{% endblock %}",
        "block",
        "the block `a` exists already",
        "",
    );
    check(
        "{% block a %}x",
        "block",
        "this `block` is never closed with `{% endblock %}`",
        "",
    );
    check(
        "{{ x = 1 }}",
        "=",
        "expected an operator or the end of the tag, found `=`",
        "write `==` to compare",
    );
    check(
        "{{ a.contains }}",
        "contains",
        "`contains` is an operator and cannot follow a dot",
        "write `['contains']` instead of `.contains`",
    );
    check(
        "{{ 'it''s' }}",
        "'s'",
        "expected an operator or the end of the tag, found text",
        "inside quotes, write a quote as `\\'`",
    );
    check(
        "{{ }}",
        "}}",
        "expected an expression, found the end of the tag",
        "",
    );
    check("{{ a", "{{", "this tag is never closed with `}}`", "");
    check(
        "{% if a %}",
        "if",
        "this `if` is never closed with `{% endif %}`",
        "",
    );
    check(
        "{% for k, v in m %}{% endfor %}",
        ",",
        "expected `in` after the variable, found `,`",
        "there is one variable; a map's entries have `.key` and `.value`",
    );
    check(
        "x ${#a}",
        "{#",
        "this comment is never closed with `#}`",
        "`{#` starts a comment; where a script needs it, wrap it in `{% raw %}` and `{% endraw %}`",
    );
}

#[test]
fn all_mistakes_of_a_text_come_at_once() {
    let places: Vec<String> =
        syntax("{{ a && }} {{ 1 | nope }} {% if !x %}y{% endif %} {{ 'ok' }} {{ (1 }}")
            .into_iter()
            .map(|(place, ..)| place)
            .collect();
    assert_eq!(places, ["&", "nope", "!", "("]);
}

#[test]
fn an_unknown_test_lists_the_known_ones() {
    let errors = syntax("{{ a is none }}");
    assert_eq!(errors[0].2, "write `is null`");
    assert!(errors[0].1.contains("`defined`, `empty`, `even`"));
}

#[test]
fn failures_point_at_their_cause() {
    let world = World::new(json!({
        "inputs": {"name": "Ada", "list": [1], "nul": null},
        "outputs": {"my-task": {"x": 1}, "other": {}},
    }));
    let check = |source: &str, place: &str, kind: EvalErrorKind, message: &str, help: &str| {
        let template = Template::parse(source).unwrap();
        let error = template.render(&world, &Limits::default()).unwrap_err();
        assert_eq!(
            (
                &source[error.span.clone()],
                error.kind,
                error.message.as_str(),
                error.help.as_deref().unwrap_or("")
            ),
            (place, kind, message, help),
            "{source}"
        );
    };
    use EvalErrorKind::{Function, Limit, Type, Undefined, Value};
    check(
        "é {{ inputs.nam }}",
        "inputs.nam",
        Undefined,
        "`inputs.nam` is not defined",
        "did you mean `name`?",
    );
    check(
        "{{ input.a }}",
        "input",
        Undefined,
        "`input` is not defined",
        "did you mean `inputs`?",
    );
    check(
        "{{ trigger.date }}",
        "trigger",
        Undefined,
        "`trigger` is not defined",
        "there is `inputs`, `outputs`",
    );
    check(
        "{{ inputs.nul.x }}",
        "inputs.nul.x",
        Undefined,
        "`inputs.nul.x` is not defined: `inputs.nul` is null",
        "",
    );
    check(
        "{{ inputs.list[4] }}",
        "inputs.list[4]",
        Undefined,
        "`inputs.list[4]` is not defined: `inputs.list` has 1 element, counted from 0",
        "",
    );
    check(
        "{{ inputs.name.length }}",
        "inputs.name.length",
        Undefined,
        "`inputs.name.length` is not defined: `inputs.name` is text",
        "write `| length`",
    );
    check(
        "{{ outputs.my-task.x }}",
        "outputs.my",
        Undefined,
        "`outputs.my` is not defined",
        "`-` subtracts; if the name has a dash, write `outputs['my-task'].x`",
    );
    check(
        "{{ 1 + null }}",
        "1 + null",
        Type,
        "`+` takes numbers, not null",
        "",
    );
    check(
        "{{ 'a' * 2 }}",
        "'a' * 2",
        Type,
        "`*` takes numbers, and `a` is not one",
        "",
    );
    check(
        "{{ 'a' < 'b' }}",
        "'a' < 'b'",
        Type,
        "`<` compares numbers, not text with text",
        "write `text | number` to compare a text as a number",
    );
    check("{{ 1 / 0 }}", "1 / 0", Value, "`/` by zero", "");
    check(
        "{{ 9223372036854775807 + 1 }}",
        "9223372036854775807 + 1",
        Value,
        "the result of `+` is larger than 64 bits can hold",
        "",
    );
    check(
        "{% if inputs.list %}x{% endif %}",
        "inputs.list",
        Type,
        "`if` takes a boolean, a number or text, not a list",
        "write `value is not empty`",
    );
    check(
        "{% for i in 'ab' %}{% endfor %}",
        "'ab'",
        Type,
        "`for` goes over a list or a map, not over text",
        "write `fromJson(text)` if it is JSON, or `text | split(',')`",
    );
    check(
        "{{ 5 | split(',') }}",
        "split(',')",
        Type,
        "`split` works on text, not on a whole number",
        "",
    );
    check(
        "{{ 'a' | slice(x=1) }}",
        "slice(x=1)",
        Type,
        "`slice` has no argument `x`, only `fromIndex`, `toIndex`",
        "",
    );
    check(
        "{{ 'a' | split }}",
        "split",
        Type,
        "`split` needs an argument `delimiter`",
        "",
    );
    check(
        "{{ read('x') }}",
        "read('x')",
        Function,
        "`read`: no such file",
        "",
    );
    check(
        "{{ kv('x') }}",
        "kv",
        Function,
        "the function `kv` is not available here",
        "",
    );
    check(
        "{{ 1..99999999 }}",
        "1..99999999",
        Limit,
        "this takes more than 1000000 steps",
        "",
    );
    check(
        "{{ 'x' | date('T') }}",
        "date('T')",
        Value,
        "`x` is not a date in ISO 8601",
        "name its form, as in `date('yyyy-MM-dd', existingFormat='dd.MM.yyyy')`",
    );
    check(
        "{{ '2024-01-01' | date('T') }}",
        "date('T')",
        Value,
        "the date pattern `T` is not valid: there is no pattern letter `T`",
        "write `'T'` in quotes for the letter itself",
    );
    check(
        "{{ '2024-01-01' | dateAdd(1, 'DAY') }}",
        "dateAdd(1, 'DAY')",
        Value,
        "`dateAdd` does not know the unit `DAY`",
        "did you mean `DAYS`?",
    );
    check(
        "{{ 'a' | regexMatch('(?=a)') }}",
        "regexMatch('(?=a)')",
        Value,
        "the pattern `(?=a)` uses `(?=`: looking around and atomic groups are not supported",
        "match more and take the part in brackets with `regexExtract(pattern, 1)`",
    );
    check(
        "{{ inputs | jq('.a |') }}",
        "jq('.a |')",
        Value,
        "the jq program is not valid: expected term at the end",
        "",
    );
    check(
        "{{ inputs | jq('nope(1)') }}",
        "jq('nope(1)')",
        Value,
        "the jq program does not compile: there is no `nope/1`",
        "",
    );
    check(
        "{{ render('{{ nope }}') }}",
        "render('{{ nope }}')",
        Undefined,
        "in the text to render: `nope` is not defined",
        "there is `inputs`, `outputs`",
    );
}
