//! Compares this engine with the answers of the Pebble engine: each is the same, or is listed with
//! a reason, and what is listed really differs. Every name of the language has a row.

use std::collections::{BTreeMap, BTreeSet};

use taffrail_expr::Template;

use crate::common::{World, render};

const PROBES: &str = concat!(
    include_str!("pebble-probes.tsv"),
    include_str!("pebble-probes-more.tsv"),
    include_str!("documented-probes.tsv")
);
/// Every tag of the language, taken or refused.
const TAGS: [&str; 17] = [
    "if",
    "elseif",
    "else",
    "for",
    "set",
    "raw",
    "verbatim",
    "filter",
    "macro",
    "block",
    "autoescape",
    "extends",
    "include",
    "import",
    "cache",
    "flush",
    "parallel",
];
/// Filters that only this engine has.
const OWN: [&str; 2] = ["sh", "shWords"];
const DEVIATIONS: &str = include_str!("deviations.tsv");

/// An answer: the text, or `None` for an error.
type Answer = Option<String>;

fn columns(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split('\t').collect())
}

fn text(column: &str) -> String {
    serde_json::from_str(column).unwrap()
}

fn answer(outcome: &str, column: &str) -> Answer {
    match outcome {
        "ok" => Some(text(column)),
        "error" => None,
        other => panic!("outcome `{other}`"),
    }
}

fn context() -> World {
    let line = PROBES
        .lines()
        .find_map(|line| line.strip_prefix("# context\t"))
        .unwrap();
    World::new(serde_json::from_str(line).unwrap())
}

#[test]
fn every_probe_has_pebbles_answer_or_a_listed_reason() {
    let world = context();
    let mut deviations: BTreeMap<String, Answer> = columns(DEVIATIONS)
        .map(|row| {
            assert!(row.len() == 4 && !row[3].is_empty(), "no reason: {row:?}");
            (text(row[0]), answer(row[1], row[2]))
        })
        .collect();
    let mut wrong = Vec::new();
    let (mut total, mut same) = (0, 0);
    for row in columns(PROBES) {
        let expression = text(row[0]);
        let pebble = answer(row[1], row[2]);
        let ours = render(&expression, &world).ok();
        total += 1;
        same += usize::from(ours == pebble);
        match deviations.remove(&expression) {
            None if ours == pebble => {}
            None => wrong.push(format!(
                "{expression}\n  pebble {pebble:?}\n  ours   {ours:?}"
            )),
            Some(_) if ours == pebble => {
                wrong.push(format!("{expression}\n  is listed but no longer deviates"));
            }
            Some(listed) if listed == ours => {}
            Some(listed) => {
                wrong.push(format!(
                    "{expression}\n  listed {listed:?}\n  ours   {ours:?}"
                ));
            }
        }
    }
    wrong.extend(
        deviations
            .keys()
            .map(|expression| format!("{expression}\n  is listed but not in the probes")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let differing = total - same;
    assert!(
        differing <= DEVIATIONS.lines().count(),
        "{differing} of {total}"
    );
}

#[test]
fn every_name_of_the_language_has_a_probe() {
    let (mut functions, mut filters, mut texts) = (BTreeSet::new(), BTreeSet::new(), String::new());
    for row in columns(PROBES) {
        let expression = text(row[0]);
        let template = Template::parse(&expression);
        // What is refused when it is read may use a name all the same.
        if let Ok(template) = &template {
            let names = |found: &[(String, std::ops::Range<usize>)]| {
                found
                    .iter()
                    .map(|(name, _)| name.clone())
                    .collect::<Vec<_>>()
            };
            functions.extend(names(&template.reads().functions));
            filters.extend(names(&template.reads().filters));
        }
        texts.push_str(&expression);
        texts.push('\n');
    }
    let host = taffrail_expr::host_function_names();
    let own = taffrail_expr::function_names();
    let own = own.into_iter().filter(|name| !host.contains(name));
    let mut missing: Vec<String> = own
        .filter(|name| !functions.contains(*name))
        .map(|name| format!("function {name}"))
        .collect();
    let known = taffrail_expr::filter_names().into_iter();
    missing.extend(
        known
            .filter(|name| !filters.contains(*name) && !OWN.contains(name))
            .map(|name| format!("filter {name}")),
    );
    for name in taffrail_expr::test_names() {
        let used = [format!("is {name}"), format!("is not {name}")];
        if !used.iter().any(|used| texts.contains(used)) {
            missing.push(format!("test {name}"));
        }
    }
    for tag in TAGS {
        if !texts.contains(&format!("{{% {tag} ")) {
            missing.push(format!("tag {tag}"));
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
