//! What was made from a secret stays marked, and is never quoted in a message.

use crate::common::{World, rendered};
use serde_json::json;
use taffrail_expr::{Limits, Template};

fn secrets(source: &str) -> Vec<String> {
    let world = World::new(json!({"inputs": {"a": "x", "list": [1, 2]}}));
    let rendered = rendered(source, &world).unwrap();
    rendered.secrets.iter().map(ToString::to_string).collect()
}

#[test]
fn marks_pass_through_everything_that_makes_text() {
    for source in [
        "{{ secret('S') }}",
        "{{ secret('S') ~ 'x' }}",
        "{{ 'x' + secret('S') }}",
        "{{ \"a#{secret('S')}b\" }}",
        "{{ secret('S') | upper }}",
        "{{ secret('S') | base64encode | sha256 }}",
        "{{ {'k': [secret('S')]} | toJson }}",
        "{{ [1, secret('S')] }}",
        "{{ ['a', secret('S')] | join(',') }}",
        "{{ ['a', secret('S')] | last }}",
        "{{ {'a': secret('S')}  | jq('.a') | first }}",
        "{{ 'x' | replace({'x': secret('S')}) }}",
        "{{ secret('S') | slice(0, 2) }}",
        "{{ secret('S') == 'x' }}",
        "{{ nope ?? secret('S') }}",
        "{{ true ? secret('S') : 1 }}",
        "{{ render(secret('S')) }}",
        "{{ render('{{ secret(\"S\") }}') }}",
        "{% set x = secret('S') %}{{ x }}",
        "{% for i in [secret('S')] %}{{ i }}{% endfor %}",
        "{% filter upper %}{{ secret('S') }}{% endfilter %}",
        "{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(secret('S')) | lower }}",
        "{{ fromJson('[\"' ~ secret('S') ~ '\"]')[0] }}",
        "{{ '%s' | format(secret('S')) }}",
        "{{ [[secret('S')]] | flatten | first }}",
        "{{ secret('S') | split(' ') | first }}",
        "{{ ([1] + [secret('S')])[1] }}",
        "{{ {'a': 1} | merge({'b': secret('S')}) }}",
    ] {
        assert_eq!(secrets(source), ["S"], "{source}");
    }
}

#[test]
fn what_does_not_come_from_a_secret_is_not_marked() {
    for source in [
        "{{ inputs.a }}",
        "{{ ['a', secret('S')] | first }}",
        "{{ ['a', secret('S')][0] ?? '' }}"
            .replace("][0]", "] | first")
            .as_str(),
        "{{ {'k': secret('S')} | keys }}",
        "{{ secret('S') is defined ? 'y' : 'n' }}",
        "{% if secret('S') == 'x' %}a{% else %}b{% endif %}",
        "{% set x = secret('S') %}done",
    ] {
        assert!(secrets(source).is_empty(), "{source}");
    }
}

#[test]
fn several_secrets_are_all_named() {
    assert_eq!(
        secrets("{{ secret('B') }}-{{ secret('A') ~ secret('B') }}"),
        ["A", "B"]
    );
}

#[test]
fn no_message_quotes_a_secret() {
    let world = World::new(json!({}));
    for source in [
        "{{ secret('S') * 2 }}",
        "{{ secret('S') | number }}",
        "{{ secret('S') | date }}",
        "{{ secret('S') | jq('.') }}",
        "{{ {'a': secret('S')} | jq('.a.b') }}",
        "{{ 'x' | regexMatch('(' ~ secret('S')) }}",
        "{{ '2024-01-01' | date(secret('S')) }}",
        "{{ fromJson(secret('S')) }}",
        "{{ fromJson('{\"' ~ secret('S') ~ '\": 1}').nope }}",
        "{{ secret('S') | number('INT') }}",
        "{{ 1 | numberFormat('0' ~ secret('S') ~ '0') }}",
        "{{ '2024-01-01' | date('yyyy', timeZone=secret('S')) }}",
        "{{ '2024-01-01' | dateAdd(1, secret('S')) }}",
    ] {
        let template = Template::parse(source).unwrap();
        let error = template.render(&world, &Limits::default()).unwrap_err();
        let told = format!("{} {:?}", error.message, error.help);
        assert!(!told.contains("value of S"), "{source}: {told}");
    }
}
