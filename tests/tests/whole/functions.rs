//! The functions of expressions that reach out of them, each by the real program.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use taffrail_tests::cli::World;
use taffrail_tests::flows::{Ran, dedent, flow};
use taffrail_tests::web::{Reply, WebServer};

/// Those that this host refuses, each with its reason.
const REFUSED: [(&str, &str); 2] = [
    ("appLink()", "it needs a server"),
    ("credential('x')", "it needs a server"),
];

#[test]
fn every_function_of_the_language_answers() {
    let world = World::new();
    let server = WebServer::start(|asked| match asked.target.as_str() {
        "/json?q=a%20b" => Reply::new(200, format!("{{\"method\": \"{}\"}}", asked.method))
            .header("Content-Type", "application/json"),
        _ => Reply::new(200, "plain"),
    });
    world.write("_files/notes/a.txt", "of the namespace");
    world.write("_files/empty.txt", "");
    world.write("secrets.env", "TOKEN=hush-hush-value\n");
    let before = "
        - {id: set, type: io.kestra.plugin.core.kv.Set, key: colour, value: '{\"name\": \"red\"}', kvType: JSON}
        - {id: made, type: io.kestra.plugin.core.storage.Write, content: \"1\\n2\\n\"}
        - {id: each, type: io.kestra.plugin.core.flow.ForEach, values: [x, y], tasks: [
            {id: first, type: io.kestra.plugin.core.debug.Return, format: \"<{{ taskrun.value }}>\"},
            {id: second, type: io.kestra.plugin.core.debug.Return, format: \"{{ currentEachOutput(outputs.first).value }}{{ loopOutputs(outputs.first).value }}\"}]}
        - {id: fails, type: io.kestra.plugin.core.execution.Fail, errorMessage: went wrong, allowFailure: true}
    ";
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let http = format!(
        "http(uri='{}', method='POST', query={{'q': 'a b'}}, body={{'k': 1}}).method",
        server.address("/json")
    );
    let plain = format!("http('{}')", server.address("/plain"));
    let sealed = format!("decrypt('{key}', encrypt('{key}', 'a text'))");
    let rows: Vec<(&str, Value)> = vec![
        ("kv('colour').name", json!("red")),
        (
            "kv('none', errorOnMissing=false) ?? 'absent'",
            json!("absent"),
        ),
        ("kv('colour', 'test.flows').name", json!("red")),
        ("read(outputs.made.uri)", json!("1\n2\n")),
        ("read('notes/a.txt')", json!("of the namespace")),
        ("read(fileURI('notes/a.txt'))", json!("of the namespace")),
        ("fileSize(outputs.made.uri)", json!("4")),
        ("fileEmpty('empty.txt')", json!("true")),
        ("isFileEmpty(outputs.made.uri)", json!("false")),
        ("fileExists('notes/b.txt')", json!("false")),
        ("fileExists('notes/a.txt')", json!("true")),
        (
            "outputs.second.x.value ~ outputs.second.y.value",
            json!("<x><x><y><y>"),
        ),
        (
            "tasksWithState('warning') | jq('.[].taskId') | join",
            json!("fails"),
        ),
        (
            "tasksWithState('SUCCESS') | jq('map(select(.taskId == \"first\")) | map(.value)') | first",
            json!("[\"x\",\"y\"]"),
        ),
        (
            "errorLogs()[0].taskId ~ ': ' ~ errorLogs()[0].message",
            json!("fails: went wrong"),
        ),
        ("errorLogs() | length", json!("1")),
        (&http, json!("POST")),
        (&plain, json!("plain")),
        (
            "env('name') ~ envs.name ~ env('none', 'd')",
            json!("from outsidefrom outsided"),
        ),
        (&sealed, json!("a text")),
        ("fromIon('{a: [1, 2]}').a[1]", json!("2")),
        ("fromIon('{a:1}\n{a:2}', allRows=true) | length", json!("2")),
        ("yaml('a: [1, {b: c}]').a[1].b", json!("c")),
        ("fromJson('[1, 2]')[1] ~ json('{\"a\": 3}').a", json!("23")),
        ("secret('TOKEN') | length", json!("15")),
        ("render('{{ \"{{ 1 + 1 }}\" }}')", json!("2")),
        ("renderOnce('{{ 1 + 1 }}')", json!("2")),
        ("block('greet') ~ '!'", json!("hi hi!")),
        ("max(1, 3, 2) ~ min(1, 3, 2)", json!("31")),
        ("range(1, 3) | join", json!("123")),
        ("dayOfMonth('2026-11-26')", json!("26")),
        ("dayOfWeek('2026-11-26')", json!("THURSDAY")),
        ("hourOfDay('2026-11-26T14:30:00Z')", json!("14")),
        ("monthOfYear('2026-11-26')", json!("11")),
        ("isWeekend('2026-11-28')", json!("true")),
        (
            "isDateAfter('2026-11-26T01:00:00Z', '2026-11-26T01:30:00+02:00')",
            json!("true"),
        ),
        (
            "isDateBefore(now(), '2020-01-01T00:00:00Z')",
            json!("false"),
        ),
        (
            "isDateBetween('2026-11-26T01:00:00Z', after='2026-01-01T00:00:00Z', before='2027-01-01T00:00:00Z')",
            json!("true"),
        ),
        (
            "isDayWeekInMonth('2026-11-26', 'THURSDAY', position='LAST')",
            json!("true"),
        ),
        ("isLastWorkingDay('2026-11-30')", json!("true")),
        ("isPublicHoliday('2026-11-26', 'US')", json!("true")),
        (
            "isPublicHoliday('2026-06-04', countryCode='DE', subDivision='BY')",
            json!("true"),
        ),
        ("(now() | date('yyyy') | number) > 2000", json!("true")),
        ("id() | length", json!("26")),
        ("uuid() | length", json!("36")),
        ("randomInt(1, 2)", json!("1")),
        ("randomPort() > 1023", json!("true")),
        ("fetchContext().flow.id", json!("flow")),
        (
            "fromJson(printContext()).execution.id == execution.id",
            json!("true"),
        ),
    ];
    let expressions: Vec<&str> = rows.iter().map(|(expression, _)| *expression).collect();
    let mut tasks = dedent(before);
    for (number, expression) in expressions.iter().enumerate() {
        let block = match expression.starts_with("block(") {
            true => "{% block greet %}hi{% endblock %} ",
            false => "",
        };
        let written = Value::from(format!("{block}{{{{ {expression} }}}}"));
        tasks.push_str(&format!(
            "- {{id: t{number}, type: io.kestra.plugin.core.debug.Return, format: {written}}}\n"
        ));
    }
    world.write("flow.yaml", flow(&tasks));
    let finished = world
        .command([
            "run",
            "flow.yaml",
            "-o",
            "json",
            "--secrets-file",
            "secrets.env",
        ])
        .env("ENV_NAME", "from outside")
        .env("NAME", "not for flows")
        .finish();
    finished.exits(0).never_prints(["hush-hush-value"]);
    let ran = Ran {
        record: finished.json(),
        finished,
    };
    for (number, (expression, expected)) in rows.iter().enumerate() {
        let found = &ran.task(&format!("t{number}"))["outputs"]["value"];
        assert_eq!(found, expected, "{expression}");
    }
    let text = format!("{before}{}", expressions.concat());
    let missing: BTreeSet<&str> = taffrail_expr::function_names()
        .into_iter()
        .filter(|name| !text.contains(&format!("{name}(")))
        .filter(|name| !REFUSED.iter().any(|(call, _)| call.starts_with(name)))
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

#[test]
fn what_a_function_cannot_do_is_told_at_its_place() {
    let world = World::new();
    let check = |expression: &str, words: &str| {
        let written = Value::from(format!("{{{{ {expression} }}}}"));
        let ran = world.run(
            &flow(&format!(
                "- {{id: one, type: io.kestra.plugin.core.log.Log, message: {written}}}\n"
            )),
            3,
        );
        ran.finished.says(["flow.yaml:4:", words]);
    };
    for (call, words) in REFUSED {
        check(call, words);
    }
    check(
        "kv('none')",
        "there is no key `none` in the namespace `test.flows`",
    );
    check("read('none.txt')", "there are no namespace files");
    check("fromIon('{a:')", "the text is not valid Ion");
    check(
        "isPublicHoliday('2026-01-01', 'XX')",
        "are not known here, only those of AT",
    );
    check("http('ftp://example.org')", "is no address of the web");
    check("decrypt('eA==', 'eA==')", "`key` has 1 bytes");
}

/// Failures below `errors` are seen with their words, and by whom they were caused.
#[test]
fn what_went_wrong_is_seen_by_the_tasks_for_it() {
    let world = World::new();
    let text = "id: flow\nnamespace: test.flows\ntasks:\n  - id: bad\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [\"echo oh no >&2\", \"exit 3\"]\nerrors:\n  - {id: tell, type: io.kestra.plugin.core.debug.Return, format: \"{{ errorLogs() | jq('.[].message') | join('|') }} {{ tasksWithState('FAILED')[0].taskId }} {{ error.taskId }}\"}\n";
    let ran = world.run(text, 4);
    assert_eq!(
        ran.task("tell")["outputs"]["value"],
        "exit code 3|oh no bad bad"
    );
}
