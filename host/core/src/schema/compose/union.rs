//! A choice among types: a base that lists them, then one `if` for each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::choice::Choice;
use super::{missing, polish, versions};

/// With more types than this an outer `if` for each group of names halves the time of a completion.
const FLAT: usize = 24;

/// What a union says beside its types.
pub(super) struct Union {
    pub(super) title: &'static str,
    pub(super) description: Option<&'static str>,
    pub(super) type_description: &'static str,
    /// What is said of a type that does not exist.
    pub(super) error_message: &'static str,
    /// Properties that all types have, beside `type`: editors offer them before a type is known.
    pub(super) properties: Map<String, Value>,
    pub(super) required: &'static [&'static str],
    pub(super) snippets: Vec<Value>,
}

impl Union {
    /// Writes the union into the definitions, and moves the shapes of its types there.
    pub(super) fn write(
        self,
        choices: &mut [Choice],
        name: &str,
        definitions: &mut BTreeMap<String, Value>,
    ) {
        let mut schema = Map::new();
        schema.insert("title".to_owned(), json!(self.title));
        if let Some(description) = self.description {
            schema.insert("description".to_owned(), json!(description));
        }
        schema.insert("type".to_owned(), json!("object"));
        let mut properties = Map::from_iter([("type".to_owned(), self.type_schema(choices))]);
        properties.extend(self.properties);
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.insert("required".to_owned(), json!(self.required));
        polish::object(&mut schema);
        let prefix = if name == "input" { "input." } else { "" };
        let targets: Vec<Value> = choices
            .iter_mut()
            .map(|choice| {
                let shapes = std::mem::take(&mut choice.shapes);
                let name = format!("{prefix}{}", choice.name);
                versions::write(&name, shapes, self.required, definitions)
            })
            .collect();
        let branches: Vec<(&Choice, Value, Value)> = choices
            .iter()
            .zip(targets)
            .map(|(choice, target)| (choice, matches(choice, choices), target))
            .collect();
        let mut rules = if branches.len() > FLAT {
            grouped(branches)
        } else {
            branches
                .into_iter()
                .map(|(_, matches, target)| json!({ "if": condition(&matches), "then": target }))
                .collect()
        };
        if !self.snippets.is_empty() {
            rules.push(json!({
                "if": condition(&json!({})),
                "else": { "defaultSnippets": self.snippets },
            }));
        }
        schema.insert("allOf".to_owned(), Value::Array(rules));
        missing::soften(&mut schema, &["type"], &[]);
        definitions.insert(name.to_owned(), Value::Object(schema));
    }

    /// The list of types. Old names are accepted by a pattern, as editors offer whatever stands in a list.
    fn type_schema(&self, choices: &[Choice]) -> Value {
        let listed = listed(choices, self.error_message);
        let old: Vec<&str> = choices
            .iter()
            .flat_map(|choice| {
                let own = choice.hidden.then_some(&choice.name);
                own.into_iter().chain(&choice.aliases)
            })
            .map(String::as_str)
            .collect();
        let mut schema = if old.is_empty() {
            listed
        } else {
            // As a list its type stays out of the messages of the list of types.
            let pattern = json!({
                "type": ["string"],
                "pattern": one_of(&old),
                "errorMessage": self.error_message,
                "deprecated": true,
            });
            json!({ "anyOf": [listed, pattern] })
        };
        schema["description"] = json!(self.type_description);
        schema
    }
}

/// The list of the types that are offered, each with what it is.
pub(super) fn listed(choices: &[Choice], error_message: &str) -> Value {
    let offered = || choices.iter().filter(|choice| !choice.hidden);
    json!({
        "type": "string",
        "enum": offered().map(|choice| choice.name.as_str()).collect::<Vec<_>>(),
        "markdownEnumDescriptions": offered().map(|choice| choice.title.as_str()).collect::<Vec<_>>(),
        "errorMessage": error_message,
    })
}

/// Holds for a map whose `type` satisfies the schema; an item of a list that is still empty is no map.
fn condition(type_schema: &Value) -> Value {
    json!({ "type": "object", "properties": { "type": type_schema }, "required": ["type"] })
}

/// What `type` must be for a choice. A language server takes the beginning of a constant for the whole while it completes, so a name that
/// another one begins with needs a pattern.
fn matches(choice: &Choice, choices: &[Choice]) -> Value {
    let shadowed = choices
        .iter()
        .flat_map(Choice::names)
        .any(|other| other != choice.name && other.starts_with(&choice.name));
    if choice.aliases.is_empty() && !shadowed {
        return json!({ "const": choice.name });
    }
    let names: Vec<&str> = choice.names().collect();
    json!({ "type": "string", "pattern": one_of(&names) })
}

/// A pattern for exactly these names.
pub(super) fn one_of(names: &[&str]) -> String {
    let ends: Vec<String> = names.iter().map(|name| escape(name)).collect();
    whole(&by_package(&ends))
}

/// A pattern for what any of these patterns is for, from its beginning to its end.
fn whole(patterns: &[String]) -> String {
    match patterns {
        [only] => format!("^{only}$"),
        several => format!("^({})$", several.join("|")),
    }
}

/// Says what stands before the last dot of several escaped names once.
fn by_package(names: &[String]) -> Vec<String> {
    let mut packages: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in names {
        let at = name.rfind(r"\.").map_or(0, |dot| dot + 2);
        let (package, last) = name.split_at(at);
        match packages.iter_mut().find(|(known, _)| *known == package) {
            Some((_, lasts)) if !package.is_empty() => lasts.push(last),
            _ => packages.push((package, vec![last])),
        }
    }
    let written = packages
        .into_iter()
        .map(|(package, lasts)| match lasts.as_slice() {
            [only] => format!("{package}{only}"),
            several => format!("{package}({})", several.join("|")),
        });
    written.collect()
}

/// The text as a pattern, in the syntax that all engines share.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if r".+*?()|[]{}^$\/".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// One outer rule for each group of names that begin alike. That there is a `type` at all, and one of the group's, is the outer rule's
/// condition alone; inside, the last part of a name tells which, where that is the same for no other.
fn grouped(branches: Vec<(&Choice, Value, Value)>) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<(&Choice, Value, Value)>> = BTreeMap::new();
    for branch in branches {
        let (package, _) = split(&branch.0.name);
        groups.entry(package).or_default().push(branch);
    }
    groups
        .into_iter()
        .map(|(package, branches)| {
            let foreign = branches
                .iter()
                .flat_map(|(choice, _, _)| &choice.aliases)
                .filter(|alias| split(alias).0 != package);
            let foreign: Vec<String> = foreign.map(|alias| escape(alias)).collect();
            let mut alternatives = vec![format!(r"{}\.[^.]*", escape(package))];
            alternatives.extend(by_package(&foreign));
            let lasts: Vec<BTreeSet<&str>> = branches
                .iter()
                .map(|(choice, _, _)| choice.names().map(|name| split(name).1).collect())
                .collect();
            let alone = |own: usize| {
                let mut others = lasts.iter().enumerate().filter(|(other, _)| *other != own);
                others.all(|(_, other)| other.is_disjoint(&lasts[own]))
            };
            let rules: Vec<Value> = branches
                .into_iter()
                .enumerate()
                .map(|(own, (_, matches, target))| {
                    let matches = if alone(own) {
                        let lasts: Vec<String> =
                            lasts[own].iter().map(|last| escape(last)).collect();
                        let lasts = whole(&lasts).replacen('^', r"\.", 1);
                        json!({ "type": "string", "pattern": lasts })
                    } else {
                        matches
                    };
                    json!({ "if": { "properties": { "type": matches } }, "then": target })
                })
                .collect();
            json!({
                "if": condition(&json!({ "type": "string", "pattern": whole(&alternatives) })),
                "then": { "allOf": rules },
            })
        })
        .collect()
}

/// What stands before the last dot of a name, and after it.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_names_and_nothing_else() {
        let check = |names: &[&str], text: &str, expected: bool| {
            let pattern = regex::Regex::new(&one_of(names)).expect("a pattern");
            assert_eq!(pattern.is_match(text), expected, "{names:?} {text}");
        };
        check(&["a.b"], "a.b", true);
        check(&["a.b"], "a-b", false);
        check(&["a.b"], "a.bc", false);
        check(&["a", "b+c"], "b+c", true);
        check(&["a", "b+c"], "bbc", false);
        for name in ["a.b", "a.c", "d", "a.b.c"] {
            check(&["a.b", "d", "a.c", "a.b.c"], name, true);
        }
        for name in ["a.d", "b", "a.", "a.b.d", "c", "a-c"] {
            check(&["a.b", "d", "a.c", "a.b.c"], name, false);
        }
    }
}
