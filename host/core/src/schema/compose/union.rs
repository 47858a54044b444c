//! A choice among types: a base that lists them, then one `if` for each.

use std::collections::BTreeMap;

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
    /// Writes the union, and the shapes of its types, into the definitions.
    pub(super) fn write(
        self,
        choices: &[Choice],
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
        let branches: Vec<(&Choice, Value, Value)> = choices
            .iter()
            .map(|choice| {
                let prefix = (name == "input").then_some("input.");
                let target = versions::write(choice, prefix, self.required, definitions);
                (choice, matches(choice, choices), target)
            })
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
        let offered = || choices.iter().filter(|choice| !choice.hidden);
        let listed = json!({
            "type": "string",
            "enum": offered().map(|choice| choice.name.as_str()).collect::<Vec<_>>(),
            "markdownEnumDescriptions": offered().map(|choice| choice.title.as_str()).collect::<Vec<_>>(),
            "errorMessage": self.error_message,
        });
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

/// Holds for a map whose `type` satisfies the schema; an item of a list that is still empty is no map.
fn condition(type_schema: &Value) -> Value {
    json!({ "type": "object", "properties": { "type": type_schema }, "required": ["type"] })
}

/// What `type` must be for a choice. A language server takes the beginning of a constant for the whole while it completes, so a name that
/// another one begins with needs a pattern.
fn matches(choice: &Choice, choices: &[Choice]) -> Value {
    let shadowed = choices
        .iter()
        .flat_map(|other| std::iter::once(&other.name).chain(&other.aliases))
        .any(|other| *other != choice.name && other.starts_with(&choice.name));
    if choice.aliases.is_empty() && !shadowed {
        return json!({ "const": choice.name });
    }
    let names: Vec<&str> = std::iter::once(&choice.name)
        .chain(&choice.aliases)
        .map(String::as_str)
        .collect();
    json!({ "type": "string", "pattern": one_of(&names) })
}

/// A pattern for exactly these names.
pub(super) fn one_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
    match names.as_slice() {
        [only] => format!("^{only}$"),
        several => format!("^({})$", several.join("|")),
    }
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

/// One outer rule for each group of names that begin alike. That there is a `type` at all is the outer rule's condition alone.
fn grouped(branches: Vec<(&Choice, Value, Value)>) -> Vec<Value> {
    let mut groups: BTreeMap<&str, (Vec<&str>, Vec<Value>)> = BTreeMap::new();
    for (choice, matches, target) in branches {
        let rule = json!({ "if": { "properties": { "type": matches } }, "then": target });
        let prefix = choice
            .name
            .rsplit_once('.')
            .map_or("", |(prefix, _)| prefix);
        let (others, rules) = groups.entry(prefix).or_default();
        others.extend(
            choice
                .aliases
                .iter()
                .map(String::as_str)
                .filter(|alias| alias.rsplit_once('.').map_or("", |(prefix, _)| prefix) != prefix),
        );
        rules.push(rule);
    }
    groups
        .into_iter()
        .map(|(prefix, (others, rules))| {
            let mut alternatives = vec![format!(r"{}\.[^.]*", escape(prefix))];
            alternatives.extend(others.into_iter().map(escape));
            let pattern = format!("^({})$", alternatives.join("|"));
            json!({
                "if": condition(&json!({ "type": "string", "pattern": pattern })),
                "then": { "allOf": rules },
            })
        })
        .collect()
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
    }
}
