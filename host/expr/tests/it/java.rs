//! Compares the filters that Kestra leaves to Java's formatters with what these answer: each row is
//! the same, or is listed with a reason, and what is listed really differs.

use std::collections::BTreeMap;

use crate::common::{World, render};
use serde_json::{Value, json};

const TABLE: &str = include_str!("java-formats.tsv");
const DEVIATIONS: &str = include_str!("java-deviations.tsv");

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split('\t').collect())
}

fn answer(outcome: &str, text: &str) -> Option<String> {
    (outcome == "ok").then(|| serde_json::from_str(text).unwrap())
}

fn ours(kind: &str, arguments: &str) -> Option<String> {
    let arguments: Vec<String> = serde_json::from_str(arguments).unwrap();
    let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
    let number = |text: String| {
        let number = text.parse::<i64>().map(Value::from);
        number.unwrap_or_else(|_| json!(text.parse::<f64>().unwrap()))
    };
    let optional = |text: String| {
        if text.is_empty() {
            Value::Null
        } else {
            json!(text)
        }
    };
    let (expression, variables) = match kind {
        "date" => (
            "{{ v | date(a, existingFormat=b, timeZone=c) }}",
            json!({"v": argument(0), "a": argument(1), "b": optional(argument(2)), "c": argument(3)}),
        ),
        "add" => (
            "{{ v | dateAdd(a, b, format='iso_date_time', timeZone=c) }}",
            json!({"v": argument(0), "a": number(argument(1)), "b": argument(2), "c": argument(3)}),
        ),
        "num" => (
            "{{ v | numberFormat(a) }}",
            json!({"v": number(argument(0)), "a": argument(1)}),
        ),
        "fmt" => (
            "{{ a | format(v) }}",
            json!({"v": number(argument(0)), "a": argument(1)}),
        ),
        "split" => (
            "{{ v | split(a, b) | join('|') }}",
            json!({"v": argument(0), "a": argument(1), "b": number(argument(2))}),
        ),
        "replaceAll" => (
            "{{ v | replace({(a): b}, regexp=true) }}",
            json!({"v": argument(0), "a": argument(1), "b": argument(2)}),
        ),
        "float" => ("{{ v }}", json!({"v": number(argument(0))})),
        other => panic!("kind `{other}`"),
    };
    render(expression, &World::new(variables)).ok()
}

#[test]
fn formats_are_javas() {
    let mut deviations: BTreeMap<(&str, &str), Option<String>> = rows(DEVIATIONS)
        .map(|row| {
            assert!(row.len() == 5 && !row[4].is_empty(), "no reason: {row:?}");
            ((row[0], row[1]), answer(row[2], row[3]))
        })
        .collect();
    let mut wrong = Vec::new();
    for row in rows(TABLE) {
        let java = answer(row[2], row[3]);
        let ours = ours(row[0], row[1]);
        match deviations.remove(&(row[0], row[1])) {
            None if ours == java => {}
            Some(listed) if listed == ours && ours != java => {}
            listed => wrong.push(format!(
                "{} {}\n  java {java:?} ours {ours:?} listed {listed:?}",
                row[0], row[1]
            )),
        }
    }
    wrong.extend(
        deviations
            .keys()
            .map(|key| format!("{key:?} is not in the table")),
    );
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
