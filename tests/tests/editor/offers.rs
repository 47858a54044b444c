//! Nothing is missing and nothing foreign is offered: every key of every task type and runner, and every value that can be listed.

use std::collections::BTreeSet;

use serde_json::Value;
use taffrail_tests::editor::{Probe, Proposal, editor};

use crate::support::{SHELL, task, written};

/// One place of a flow, and the names that must be offered there: no more, no fewer.
struct Case {
    what: String,
    probe: Probe,
    expected: BTreeSet<String>,
    /// Names that may be offered as well.
    also: BTreeSet<String>,
}

/// Finds the places of one document.
struct Walk<'a> {
    document: &'a Value,
    type_name: &'a str,
    /// Where the document's own keys stand: `taskRunner` for those of a runner.
    lead: Option<&'a str>,
    cases: Vec<Case>,
}

/// A step from a key to what stands below it.
#[derive(Clone)]
enum Below {
    Key(String),
    Item,
}

impl Walk<'_> {
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(target) => self
                .document
                .pointer(target.strip_prefix('#').unwrap())
                .unwrap(),
            None => schema,
        }
    }

    /// The schema itself, or its branches; the expression is none of them.
    fn branches<'s>(&'s self, schema: &'s Value) -> Vec<&'s Value> {
        let schema = self.resolve(schema);
        match schema.get("anyOf").and_then(Value::as_array) {
            Some(branches) => branches
                .iter()
                .flat_map(|branch| self.branches(branch))
                .collect(),
            None => vec![schema],
        }
    }

    /// The properties of an object. What several types have in common stands in a definition that they refer to, and only its name, in a
    /// pattern, here.
    fn properties(&self, schema: &Value) -> Vec<(String, Value)> {
        let shared: Vec<&Value> = schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|rule| rule.get("$ref").is_some())
            .filter_map(|rule| self.resolve(rule).get("properties"))
            .collect();
        let own = schema.get("properties").and_then(Value::as_object);
        let own = own.into_iter().flatten();
        let named = names_in_patterns(schema).into_iter().map(|name| {
            let elsewhere = shared.iter().find_map(|properties| properties.get(&name));
            let property = elsewhere.cloned().unwrap_or(Value::Bool(true));
            (name, property)
        });
        own.map(|(name, property)| (name.clone(), property.clone()))
            .chain(named)
            .collect()
    }

    fn object(&mut self, schema: &Value, path: &[Below]) {
        let properties = self.properties(schema);
        if properties.is_empty() {
            return;
        }
        let offered: BTreeSet<String> = properties
            .iter()
            .filter(|(_, property)| {
                let property = self.resolve(property);
                property.is_object() && property.get("doNotSuggest").is_none()
            })
            .map(|(name, _)| name.clone())
            .collect();
        let written: &[&str] = match (path, self.lead) {
            ([], None) => &["id", "type"],
            ([], Some(_)) => &["type"],
            _ => &[],
        };
        let expected = offered
            .iter()
            .filter(|name| !written.contains(&name.as_str()))
            .cloned()
            .collect();
        self.add(path, None, expected, BTreeSet::new());
        for (name, property) in &properties {
            if written.contains(&name.as_str()) || (path.is_empty() && name == "taskRunner") {
                continue;
            }
            let mut below = path.to_vec();
            below.push(Below::Key(name.clone()));
            self.value(property, path, name, &below);
        }
    }

    fn value(&mut self, property: &Value, holder: &[Below], name: &str, path: &[Below]) {
        let outer = self.resolve(property).clone();
        let mut values: BTreeSet<String> = BTreeSet::new();
        let branches: Vec<Value> = self.branches(property).into_iter().cloned().collect();
        for branch in &branches {
            if branch.get("type") == Some(&Value::from("boolean")) {
                values.extend(["true".to_owned(), "false".to_owned()]);
            }
            for listed in branch
                .get("enum")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                values.insert(listed.as_str().unwrap().to_owned());
            }
            if branch.get("properties").is_some() {
                self.object(branch, path);
            }
            if let Some(items) = branch.get("items") {
                let items = self.resolve(items).clone();
                let mut path = path.to_vec();
                path.push(Below::Item);
                self.object(&items, &path);
            }
        }
        if !values.is_empty() {
            let mut also: BTreeSet<String> = BTreeSet::new();
            for schema in branches.iter().chain([&outer]) {
                let examples = schema.get("examples").and_then(Value::as_array);
                for value in examples.into_iter().flatten().chain(schema.get("default")) {
                    also.insert(match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    });
                }
            }
            self.add(holder, Some(name), values, also);
        }
    }

    /// A place below `path`, or the value of the key `name` there.
    fn add(
        &mut self,
        path: &[Below],
        name: Option<&str>,
        expected: BTreeSet<String>,
        also: BTreeSet<String>,
    ) {
        let mut text = String::new();
        let mut indent = 0;
        let mut dash = false;
        let mut line = |indent: usize, dash: &mut bool, content: &str| {
            let lead = if std::mem::take(dash) {
                indent - 2
            } else {
                indent
            };
            let mark = if lead < indent { "- " } else { "" };
            text.push_str(&format!("{}{mark}{content}", " ".repeat(lead)));
        };
        if let Some(lead) = self.lead {
            line(0, &mut dash, "commands:\n");
            line(2, &mut dash, "- a\n");
            line(0, &mut dash, &format!("{lead}:\n"));
            line(2, &mut dash, &format!("type: {}\n", self.type_name));
            indent = 2;
        }
        for step in path {
            match step {
                Below::Key(key) => {
                    line(indent, &mut dash, &format!("{key}:\n"));
                    indent += 2;
                }
                Below::Item => {
                    dash = true;
                    indent += 2;
                }
            }
        }
        match name {
            Some(name) => line(indent, &mut dash, &format!("{name}: <|>\n")),
            None => line(indent, &mut dash, "<|>\n"),
        }
        let type_name = if self.lead.is_some() {
            SHELL
        } else {
            self.type_name
        };
        self.cases.push(Case {
            what: format!("{} {text}", self.type_name),
            probe: Probe::marked(&task(type_name, &text)),
            expected,
            also,
        });
    }
}

/// The names that closed objects allow by a pattern `^(a|b)$`, as what they mean is told elsewhere.
fn names_in_patterns(schema: &Value) -> Vec<String> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    patterns
        .into_iter()
        .flat_map(|patterns| patterns.keys())
        .filter_map(|pattern| pattern.strip_prefix("^(")?.strip_suffix(")$"))
        .flat_map(|names| names.split('|'))
        .map(str::to_owned)
        .collect()
}

fn labels(proposals: &[Proposal]) -> BTreeSet<String> {
    proposals
        .iter()
        .filter(|proposal| !proposal.is_skeleton())
        .map(|proposal| proposal.label.trim_matches('"').to_owned())
        .collect()
}

#[test]
fn every_key_and_value_of_every_type_is_offered_and_no_other() {
    let Some(mut editor) = editor("every_key_and_value_of_every_type_is_offered_and_no_other")
    else {
        return;
    };
    let written = written();
    let mut cases: Vec<Case> = Vec::new();
    let (tasks, runners) = (written.tasks(), written.runners());
    for (documents, lead) in [(&tasks, None), (&runners, Some("taskRunner"))] {
        for (name, document) in documents {
            let mut walk = Walk {
                document,
                type_name: name,
                lead,
                cases: Vec::new(),
            };
            walk.object(document, &[]);
            cases.extend(walk.cases);
        }
    }
    // Shared properties are the same in every type: their values once are enough.
    let mut seen: BTreeSet<String> = BTreeSet::new();
    cases.retain(|case| {
        let place: String = case.what.split_once(' ').unwrap().1.to_owned();
        place == "<|>\n" || seen.insert(format!("{place}{:?}", case.expected))
    });
    assert!(
        cases.len() > tasks.len() + runners.len() + 20,
        "{} places",
        cases.len()
    );
    let schema = editor.schema(&written.flow_path());
    let probes: Vec<Probe> = cases.iter().map(|case| case.probe.clone()).collect();
    let mut wrong = Vec::new();
    for (case, shown) in cases.iter().zip(editor.show(&schema, &probes)) {
        let found = labels(&shown.completions[0]);
        let missing: Vec<&String> = case.expected.difference(&found).collect();
        let foreign: Vec<&String> = found
            .difference(&case.expected)
            .filter(|label| !case.also.contains(*label))
            // Whole tasks are offered wherever a task stands.
            .filter(|label| {
                let is_place = case.what.contains("- <|>") || case.expected.contains("type");
                !(label.starts_with("task: ") && is_place)
            })
            .collect();
        if !missing.is_empty() || !foreign.is_empty() {
            wrong.push(format!(
                "{}\n  missing {missing:?}, foreign {foreign:?}",
                case.what
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} places:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn before_a_type_is_known_only_what_all_tasks_have_is_offered() {
    let Some(mut editor) = editor("before_a_type_is_known_only_what_all_tasks_have_is_offered")
    else {
        return;
    };
    let written = written();
    let schema = editor.schema(&written.flow_path());
    let flow = |text: &str| crate::support::flow(text);
    let places = [
        flow("  - <|>\n"),
        flow("  - id: x\n    <|>\n"),
        flow("  - id: x\n    type: <|>\n"),
        task(SHELL, "taskRunner:\n  <|>\n"),
        task(SHELL, "taskRunner:\n  type: <|>\n"),
    ];
    let probes: Vec<Probe> = places.iter().map(|text| Probe::marked(text)).collect();
    let shown = editor.show(&schema, &probes);
    let keys = |at: usize| -> Vec<String> {
        labels(&shown[at].completions[0])
            .into_iter()
            .filter(|label| !label.starts_with("task: "))
            .collect()
    };
    assert_eq!(keys(0), ["id", "type"]);
    assert_eq!(keys(1), ["type"]);
    // What is deprecated is accepted, and not offered.
    let names = |documents: Vec<(String, Value)>| -> Vec<String> {
        documents
            .into_iter()
            .filter(|(_, document)| document["deprecated"] != true)
            .map(|(name, _)| name)
            .collect()
    };
    assert_eq!(keys(2), names(written.tasks()));
    assert_eq!(keys(3), ["type"]);
    assert_eq!(keys(4), names(written.runners()));
}
