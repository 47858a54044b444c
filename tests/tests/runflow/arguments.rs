//! Every argument of `docker_run` in the create request, by way of `plan`, which needs no engine.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use taffrail_core::policy::Permission;
use taffrail_tests::cli::World;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    argument: String,
    hcl: String,
    create: Option<BTreeMap<String, Value>>,
    plan: Option<BTreeMap<String, Value>>,
    keeps: Option<String>,
    refused: Option<String>,
}

fn rows() -> Vec<Row> {
    serde_yaml::from_str(include_str!("arguments.yaml")).unwrap()
}

fn task(index: usize, row: &Row) -> String {
    let image = if row.argument == "image" {
        ""
    } else {
        "    image = \"debian:12\"\n"
    };
    let command = if row.argument == "command" {
        ""
    } else {
        "    command = [\"true\"]\n"
    };
    format!(
        "  task \"docker_run\" \"t{index}\" {{\n{image}{command}    {}\n  }}\n",
        row.hcl
    )
}

fn flow(tasks: &str) -> String {
    format!("flow \"arguments\" {{\n{tasks}}}\n")
}

#[test]
fn every_argument_of_the_documentation_has_a_row() {
    let manual = include_str!("../../../docs/docker.md");
    let (_, table) = manual.split_once("| argument | here | |").unwrap();
    let mut documented: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let rows = rows();
    let mut known: Vec<&str> = rows.iter().map(|row| &*row.argument).collect();
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, documented);
    assert_eq!(known.len(), 88);
    for row in &rows {
        let answers = [
            row.create.is_some() || row.plan.is_some(),
            row.keeps.is_some(),
            row.refused.is_some(),
        ];
        assert_eq!(
            answers.iter().filter(|answer| **answer).count(),
            1,
            "{}",
            row.argument
        );
    }
}

#[test]
fn every_argument_reaches_the_engine() {
    let world = World::new();
    let rows = rows();
    let tasks: String = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.refused.is_none())
        .map(|(index, row)| task(index, row))
        .collect();
    world.write("flow.hcl", flow(&tasks));
    let mut arguments = vec!["plan", "flow.hcl", "-o", "json"];
    for permission in Permission::ALL {
        arguments.extend(["--allow", permission.name()]);
    }
    let finished = world.taffrail(arguments);
    finished.exits(0);
    let plan = finished.json();
    let planned = |index: usize| {
        let id = format!("docker_run_t{index}");
        plan["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|task| task["task"] == id.as_str())
            .unwrap_or_else(|| panic!("{id} is not planned:\n{finished}"))
    };
    let mut faults = Vec::new();
    let mut check = |row: &Row, of: &Value, pointer: &str, expected: &Value| {
        let found = of.pointer(pointer).unwrap_or(&Value::Null);
        let right = match (pointer, found, expected) {
            ("/commandLine", Value::String(line), Value::String(part)) => line.contains(part),
            _ => found == expected,
        };
        if !right {
            faults.push(format!(
                "{}: {pointer} is {found}, not {expected}",
                row.argument
            ));
        }
    };
    for (index, row) in rows.iter().enumerate() {
        if row.refused.is_some() {
            continue;
        }
        let task = planned(index);
        for (pointer, expected) in row.plan.iter().flatten() {
            check(row, task, pointer, expected);
        }
        for (pointer, expected) in row.create.iter().flatten() {
            check(row, &task["request"], pointer, expected);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn arguments_that_are_refused_say_why_at_their_place() {
    let world = World::new();
    for (index, row) in rows().iter().enumerate() {
        let Some(words) = &row.refused else { continue };
        world.write("flow.hcl", flow(&task(index, row)));
        let finished = world.taffrail(["validate", "flow.hcl"]);
        finished.exits(3);
        finished.says([words.as_str(), "flow.hcl:5:5"]);
    }
}

#[test]
fn what_an_argument_needs_of_the_host_is_asked_at_its_place() {
    let world = World::new();
    world.write(
        "flow.hcl",
        flow("  task \"docker_run\" \"t\" {\n    image = \"debian:12\"\n    command = \"id\"\n    privileged = true\n  }\n"),
    );
    let finished = world.taffrail(["plan", "flow.hcl"]);
    finished.exits(9);
    finished.says([
        "TF0701",
        "`privileged`",
        "flow.hcl:5:",
        "--allow privileged",
    ]);
}
