//! Expressions of HCL give here what runflow, that is Python, gives for them.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use taffrail_core::yaml::Node;
use taffrail_expr::{Arguments, Environment, Limits, Template, Value};
use taffrail_hcl::{Files, read};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there are none".to_owned())
    }
}

struct Inputs(BTreeMap<String, Json>);

impl Environment for Inputs {
    fn variable(&self, name: &str) -> Option<Value> {
        match name {
            "inputs" => Some(Value::from_json(&json!(self.0))),
            "outputs" => Some(Value::from_json(&json!({}))),
            _ => None,
        }
    }
    fn names(&self) -> Vec<String> {
        vec!["inputs".to_owned(), "outputs".to_owned()]
    }
    fn function(&self, _: &str, _: &Arguments) -> Option<Result<Value, String>> {
        None
    }
    fn function_names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn inputs() -> BTreeMap<String, Json> {
    BTreeMap::from([
        ("list".to_owned(), json!(["a", "B", ""])),
        ("map".to_owned(), json!({"y": [1, 2], "x": [3]})),
        (
            "items".to_owned(),
            json!([{"name": "one", "tags": ["t"]}, {"name": "two", "tags": []}]),
        ),
        ("text".to_owned(), json!("text")),
        ("none".to_owned(), Json::Null),
        ("four".to_owned(), json!(4)),
    ])
}

/// The text that a template task of this source makes.
fn made(expression: &str) -> String {
    let flow = format!(
        "flow \"f\" {{\n  variable \"list\" {{}}\n  variable \"map\" {{}}\n  variable \"items\" {{}}\n  variable \"text\" {{}}\n  variable \"none\" {{}}\n  variable \"four\" {{}}\n  task \"hcl2_template\" \"t\" {{\n    source = {expression}\n  }}\n}}\n"
    );
    let parsed = read(&flow, &NoFiles);
    assert!(
        parsed.diagnostics.is_empty(),
        "{expression}: {:?}",
        parsed.diagnostics
    );
    let root = parsed.root.unwrap();
    let format = root
        .get("tasks")
        .and_then(|tasks| tasks.items()[0].get("tasks"))
        .and_then(|tasks| tasks.items()[0].get("task"))
        .and_then(|task| task.get("format"))
        .unwrap();
    let Some(scalar) = Node::scalar(format) else {
        panic!("{expression} is no text: {format:?}");
    };
    let template = Template::parse(&scalar.text)
        .unwrap_or_else(|errors| panic!("{expression}: {}: {errors:?}", scalar.text));
    let rendered = template
        .render(&Inputs(inputs()), &Limits::default())
        .unwrap_or_else(|error| panic!("{expression}: {}: {error:?}", scalar.text));
    rendered.text
}

fn check(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(made(expression), *expected, "{expression}");
    }
}

#[test]
fn literals_and_texts() {
    check(&[
        ("\"hello\"", "hello"),
        (
            "\"it's \\\"quoted\\\" \\\\ {{ x }} {% y %} {\"",
            "it's \"quoted\" \\ {{ x }} {% y %} {",
        ),
        ("1.5", "1.5"),
        ("true", "true"),
        ("[1, \"a\", null]", "[1,\"a\",null]"),
        ("{a = 1, \"b\": [2]}", "{\"a\":1,\"b\":[2]}"),
        ("\"echo ${var.text}!\"", "echo text!"),
        ("\"${var.four}\"", "4"),
        (
            "\"hello ${lower(\"WORLD\")} {${var.four}}\"",
            "hello world {4}",
        ),
        ("\"$${var.text}\"", "${var.text}"),
        ("<<EOT\none ${var.text}\n  two\nEOT\n", "one text\n  two\n"),
        ("<<-EOT\n      one\n        two\n    EOT\n", "one\n  two\n"),
    ]);
}

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3.5"),
        ("7 % 4", "3"),
        ("-var.four", "-4"),
        ("\"a\" + var.text", "atext"),
        ("[1] + [2]", "[1,2]"),
        ("var.four == 4 && !(var.four > 4)", "true"),
        ("\"0.10.0\" < \"0.6.0\"", "true"),
        ("var.text >= \"text\"", "true"),
        ("var.four < 10", "true"),
        ("var.none == null", "true"),
        ("var.none || \"other\"", "other"),
        ("var.text && 5", "5"),
        ("var.text == \"text\" ? \"yes\" : \"no\"", "yes"),
        ("var.none ? 1 : 2", "2"),
        ("[] ? 1 : 2", "2"),
        ("var.map ? 1 : 2", "1"),
        ("!var.list", "false"),
    ]);
}

#[test]
fn paths() {
    check(&[
        ("var.map.y[1]", "2"),
        ("var.map[\"x\"].0", "3"),
        ("var.list[1]", "B"),
        ("[5, 6][1]", "6"),
        ("{a = {b = 7}}.a.b", "7"),
        ("var.items[*].name", "[\"one\",\"two\"]"),
        ("var.items.*.name", "[\"one\",\"two\"]"),
        ("var.items[*].tags", "[[\"t\"],[]]"),
        ("var.items[0][\"name\"]", "one"),
    ]);
}

#[test]
fn loops() {
    check(&[
        ("[for s in var.list : lower(s)]", "[\"a\",\"b\",\"\"]"),
        (
            "[for s in var.list : upper(s) if s != \"\"]",
            "[\"A\",\"B\"]",
        ),
        ("[for s in [] : s]", "[]"),
        (
            "{for s in var.list : s => upper(s) if s}",
            "{\"a\":\"A\",\"B\":\"B\"}",
        ),
        (
            "[for i, s in var.list : \"${i}${s}\"]",
            "[\"0a\",\"1B\",\"2\"]",
        ),
        (
            "[for k, v in var.map : \"${k}${len(v)}\"]",
            "[\"x1\",\"y2\"]",
        ),
        ("[for k in var.map : k]", "[\"y\",\"x\"]"),
        (
            "[for a in [1, 2] : [for b in [10, 20] : a + b]]",
            "[[11,21],[12,22]]",
        ),
        (
            "[for a in var.items : [for t in a.tags : \"${a.name}-${t}-${var.four}\"]]",
            "[[\"one-t-4\"],[]]",
        ),
        (
            "join(\" \", concat([\"echo\"], [for s in var.list : lower(s)]))",
            "echo a b ",
        ),
    ]);
}

#[test]
fn functions_that_are_documented() {
    check(&[
        ("lower(\"ABC\")", "abc"),
        ("upper(\"abc\")", "ABC"),
        ("split(\",\", \"a,b,,\")", "[\"a\",\"b\",\"\",\"\"]"),
        ("split(\".\", \"a.b\")", "[\"a\",\"b\"]"),
        (
            "join(\" \", [\"echo\", \"hello\", \"world\"])",
            "echo hello world",
        ),
        (
            "concat([\"echo\"], [\"hello\", \"world\"])",
            "[\"echo\",\"hello\",\"world\"]",
        ),
        ("tojson({ key = \"value\" })", "{\"key\": \"value\"}"),
        (
            "tojson({ key = \"value\" }, { indent = 2 }...)",
            "{\n  \"key\": \"value\"\n}",
        ),
        (
            "tojson([1,2,3], {separators=[\",  \", \":  \"]}...)",
            "[1,  2,  3]",
        ),
        (
            "tojson({ \"k2\": 2, \"k1\": 1 }, { sort_keys = true }...)",
            "{\"k1\": 1, \"k2\": 2}",
        ),
        (
            "tojson({a = \"é😀\"})",
            "{\"a\": \"\\u00e9\\ud83d\\ude00\"}",
        ),
        ("tojson(\"é\", {ensure_ascii = false}...)", "\"é\""),
        ("call(\"xyz\", \"upper\")", "XYZ"),
        (
            "call(\"xyz.abc\", \"replace\", [\"abc\", \"ABC\"], {})",
            "xyz.ABC",
        ),
        ("datetime(2020, 1, 1)", "2020-01-01 00:00:00"),
        (
            "datetime(2020, 1, 2, 3, 4, 5, 6)",
            "2020-01-02 03:04:05.000006",
        ),
        (
            "todatetime(\"2020-01-01T00:00:00Z\")",
            "2020-01-01 00:00:00+00:00",
        ),
        ("sum([20, 20, 2])", "42"),
        ("min(3, 1, 2)", "1"),
        ("max([3, 1, 2])", "3"),
        ("hex(255)", "0xff"),
        ("str(var.four)", "4"),
    ]);
}

#[test]
fn functions_of_python() {
    check(&[
        ("abs(-3)", "3"),
        ("all([1, \"a\"])", "true"),
        ("any([0, \"\", []])", "false"),
        ("bin(5)", "0b101"),
        ("oct(8)", "0o10"),
        ("hex(-255)", "-0xff"),
        ("bool(\"\")", "false"),
        ("chr(97)", "a"),
        ("ord(\"a\")", "97"),
        ("enumerate([\"a\", \"b\"])", "[[0,\"a\"],[1,\"b\"]]"),
        ("float(\"1.5\")", "1.5"),
        ("int(\"16\") + int(3.9)", "19"),
        ("len(var.list) + len(\"abc\")", "6"),
        ("list(var.map)", "[\"y\",\"x\"]"),
        ("pow(2, 10)", "1024"),
        ("range(3)", "[0,1,2]"),
        ("range(1, 7, 2)", "[1,3,5]"),
        ("reversed([1, 2])", "[2,1]"),
        ("round(2.6)", "3"),
        ("sorted([\"b\", \"a\"])", "[\"a\",\"b\"]"),
        ("sum([1, 2], 10)", "13"),
        ("set([1, 1, 2])", "[1,2]"),
        (
            "zip([1, 2], [\"a\", \"b\", \"c\"])",
            "[[1,\"a\"],[2,\"b\"]]",
        ),
        ("call(\"  a b \", \"strip\")", "a b"),
        ("call(\"a b\", \"split\")", "[\"a\",\"b\"]"),
        ("call(\"a-b\", \"split\", [\"-\"])", "[\"a\",\"b\"]"),
        ("call(\"a\\nb\\n\", \"splitlines\")", "[\"a\",\"b\"]"),
        ("call(\"abc\", \"startswith\", [\"ab\"])", "true"),
        ("call(\"abc\", \"endswith\", [\"ab\"])", "false"),
        ("call(\"hello world\", \"title\")", "Hello World"),
        ("call(\"hELLO\", \"capitalize\")", "Hello"),
        ("call(var.map, \"get\", [\"z\", 0])", "0"),
        ("call(\", \", \"join\", [[\"a\", \"b\"]])", "a, b"),
        ("call(var.map, \"keys\")", "[\"y\",\"x\"]"),
    ]);
}
